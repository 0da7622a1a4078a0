import { describe, expect, it } from "vitest";
import { backoffMs, canCancel, canPause, newTransfer, nextPart, type Phase, share, step, summarise } from "./machine";

const MIB = 1024 * 1024;
const begun = step(step(newTransfer("a", "door.mp4", 20 * MIB), { type: "start" }), {
  type: "server",
  upload: { id: "u1", received: 0, state: "receiving" },
});

describe("step", () => {
  it("goes from waiting over parts and the check to kept", () => {
    expect(begun.phase).toBe("sending");
    const half = step(begun, { type: "server", upload: { id: "u1", received: 8 * MIB, state: "receiving" } });
    expect(nextPart(half)).toEqual({ from: 8 * MIB, to: 16 * MIB });
    const all = step(half, { type: "server", upload: { id: "u1", received: 20 * MIB, state: "checking" } });
    expect([all.phase, nextPart(all)]).toEqual(["checking", null]);
    const kept = step(all, {
      type: "server",
      upload: { id: "u1", received: 20 * MIB, state: "kept", media_id: "m", analysis_id: "n", job_id: "j" },
    });
    expect([kept.phase, kept.mediaId, kept.analysisId, kept.jobId]).toEqual(["kept", "m", "n", "j"]);
  });

  it("keeps what the server has when the connection is lost, and waits longer each time", () => {
    const part = step(step(begun, { type: "progress", inFlight: 3 * MIB }), { type: "lost", nowMs: 1000 });
    expect([part.phase, part.received, part.inFlight, part.retryAtMs]).toEqual(["lost", 0, 0, 2000]);
    const again = step(step(part, { type: "wake" }), { type: "lost", nowMs: 2000 });
    expect(again.retryAtMs).toBe(4000);
    const asked = step(again, { type: "server", upload: { id: "u1", received: 0, state: "receiving" } });
    expect(asked.failures).toBe(2);
    const further = step(asked, { type: "server", upload: { id: "u1", received: 1, state: "receiving" } });
    expect(further.failures).toBe(0);
  });

  it("respects Retry-After", () => {
    expect(step(begun, { type: "throttled", nowMs: 0, afterS: 7 }).retryAtMs).toBe(7000);
    expect(step(begun, { type: "throttled", nowMs: 0, afterS: null }).retryAtMs).toBe(1000);
  });

  it("stays paused whatever comes late, and waits for a place after resume", () => {
    const paused = step(begun, { type: "pause" });
    for (const event of [{ type: "progress", inFlight: 5 }, { type: "lost", nowMs: 0 }, { type: "wake" }] as const) {
      expect(step(paused, event)).toBe(paused);
    }
    const late = step(paused, { type: "server", upload: { id: "u1", received: 9, state: "receiving" } });
    expect([late.phase, late.received]).toEqual(["paused", 9]);
    expect(step(late, { type: "resume" })).toMatchObject({ phase: "waiting", received: 9, uploadId: "u1" });
  });

  it("does not change what is finished, but tries again what failed", () => {
    const refused = step(begun, { type: "server", upload: { id: "u1", received: 1, state: "refused", detail: "no" } });
    for (const event of [{ type: "cancel" }, { type: "pause" }, { type: "resume" }, { type: "wake" }] as const) {
      expect(step(refused, event)).toBe(refused);
    }
    expect(step(step(begun, { type: "fail", detail: "x" }), { type: "resume" }).phase).toBe("waiting");
  });

  it("offers only what can be done", () => {
    const inPhase = (phase: Phase) => ({ ...begun, phase });
    expect((["waiting", "sending", "lost"] as const).map((p) => canPause(inPhase(p)))).toEqual([true, true, true]);
    expect((["checking", "kept", "paused"] as const).map((p) => canPause(inPhase(p)))).toEqual([false, false, false]);
    expect((["kept", "refused", "cancelled", "failed"] as const).some((p) => canCancel(inPhase(p)))).toBe(false);
  });
});

describe("numbers", () => {
  it("doubles the wait up to half a minute", () => {
    expect([1, 2, 3, 6, 99].map(backoffMs)).toEqual([1000, 2000, 4000, 30_000, 30_000]);
  });

  it("counts the part under way, never above the whole", () => {
    expect(share({ ...begun, received: 10 * MIB, inFlight: 5 * MIB })).toBe(0.75);
    expect(share(step(begun, { type: "progress", inFlight: 99 * MIB }))).toBe(1);
  });

  it("cuts the last part short", () => {
    expect(nextPart({ ...begun, received: 16 * MIB })).toEqual({ from: 16 * MIB, to: 20 * MIB });
    expect(nextPart({ ...begun, received: 20 * MIB })).toBeNull();
  });

  it("sums up the tray", () => {
    const all = [begun, { ...begun, phase: "kept", received: 20 * MIB }, { ...begun, phase: "failed" }] as const;
    expect(summarise(all)).toEqual({ active: 1, done: 1, attention: 1, share: 0.5 });
  });
});
