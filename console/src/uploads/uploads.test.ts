import { describe, expect, it } from "vitest";
import { ApiProblem, asProblem, OfflineError } from "~/api/problem";
import type { ServerState } from "./machine";
import type { Transport } from "./transport";
import { type Clock, Uploads } from "./uploads";

/** A server in memory that keeps bytes, checks offsets, and can be told to misbehave. */
class MemoryServer implements Transport {
  readonly bytes = new Map<string, number[]>();
  readonly sizes = new Map<string, number>();
  readonly removed: string[] = [];
  readonly analysed: string[] = [];
  /** Taken one by one before a part is stored: an error to throw, or "half" to store half of it and drop the line. */
  faults: (Error | "half" | null)[] = [];
  atOnce = 0;
  mostAtOnce = 0;
  gate: Promise<void> = Promise.resolve();

  private answer(id: string): ServerState {
    const received = this.bytes.get(id)?.length ?? 0;
    const whole = received === this.sizes.get(id);
    return whole ? { id, received, state: "kept", media_id: `media-${id}` } : { id, received, state: "receiving" };
  }

  async create(_name: string, bytes: number): Promise<ServerState> {
    const id = `u${this.sizes.size}`;
    this.sizes.set(id, bytes);
    this.bytes.set(id, []);
    await this.gate;
    return this.answer(id);
  }

  async state(id: string): Promise<ServerState> {
    return this.answer(id);
  }

  async send(
    id: string,
    from: number,
    part: Blob,
    onProgress: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<ServerState> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (signal.aborted) throw new DOMException("Aborted", "AbortError");
      const stored = this.bytes.get(id) ?? [];
      if (from !== stored.length) throw new ApiProblem(asProblem(409, null));
      const content = [...new Uint8Array(await part.arrayBuffer())];
      onProgress(content.length);
      const fault = this.faults.shift();
      if (fault === "half") {
        stored.push(...content.slice(0, content.length >> 1));
        throw new OfflineError();
      }
      if (fault) throw fault;
      stored.push(...content);
      return this.answer(id);
    } finally {
      this.atOnce--;
    }
  }

  async remove(id: string): Promise<void> {
    this.removed.push(id);
  }

  async analyse(mediaId: string): Promise<{ analysisId: string; jobId: string }> {
    this.analysed.push(mediaId);
    return { analysisId: "an", jobId: "jo" };
  }
}

class QuickClock implements Clock {
  readonly slept: number[] = [];
  now = () => 0;
  async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
  }
}

const content = Uint8Array.from({ length: 100 }, (_, i) => i);
const file = (name = "a.jpg") => new File([content], name);

function setUp(partBytes = 32) {
  const transport = new MemoryServer();
  const clock = new QuickClock();
  const uploads = new Uploads({ transport, clock, partBytes });
  const until = (fits: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!fits()) return;
        stop();
        resolve();
      };
      const stop = uploads.subscribe(look);
      look();
    });
  const phase = (i = 0) => uploads.snapshot()[i]?.phase;
  return { transport, clock, uploads, until, phase };
}

describe("Uploads", () => {
  it("sends every byte once, in order, in parts", async () => {
    const { transport, uploads, until, phase } = setUp();
    uploads.add([file()]);
    await until(() => phase() === "kept");
    expect(transport.bytes.get("u0")).toEqual([...content]);
    expect(uploads.snapshot()[0]?.mediaId).toBe("media-u0");
  });

  it("goes on where the server stopped after a lost connection, with waits", async () => {
    const { transport, clock, uploads, until, phase } = setUp();
    transport.faults = [null, "half", new OfflineError(), new ApiProblem(asProblem(503, null))];
    uploads.add([file()]);
    await until(() => phase() === "kept");
    expect(transport.bytes.get("u0")).toEqual([...content]);
    // The half part that arrived ends the row of failures.
    expect(clock.slept).toEqual([1000, 1000, 2000]);
  });

  it("waits as long as a busy server asks", async () => {
    const { transport, clock, uploads, until, phase } = setUp();
    transport.faults = [new ApiProblem(asProblem(429, null), 9)];
    uploads.add([file()]);
    await until(() => phase() === "kept");
    expect(clock.slept).toEqual([9000]);
  });

  it("fails on what trying again cannot mend, with the server's words, and can be tried again by hand", async () => {
    const { transport, uploads, until, phase } = setUp();
    transport.faults = [new ApiProblem(asProblem(507, { title: "Full", detail: "The disk is full." }))];
    uploads.add([file()]);
    await until(() => phase() === "failed");
    expect(uploads.snapshot()[0]?.detail).toBe("The disk is full.");
    uploads.resume(uploads.snapshot()[0]?.key ?? "");
    await until(() => phase() === "kept");
    expect(transport.bytes.get("u0")).toEqual([...content]);
  });

  it("does not offer to send again what the server will not take", async () => {
    const { transport, uploads, until, phase } = setUp();
    transport.faults = [new ApiProblem(asProblem(413, { title: "Too large", detail: "Files may have 1 KiB." }))];
    uploads.add([file()]);
    await until(() => phase() === "refused");
    expect(uploads.snapshot()[0]?.detail).toBe("Files may have 1 KiB.");
    uploads.resume(uploads.snapshot()[0]?.key ?? "");
    expect(phase()).toBe("refused");
  });

  it("sends no more than three files at once and all of them in the end", async () => {
    const { transport, uploads, until } = setUp();
    uploads.add(Array.from({ length: 9 }, (_, i) => file(`${i}.jpg`)));
    await until(() => uploads.snapshot().every((t) => t.phase === "kept"));
    expect(transport.mostAtOnce).toBe(3);
    expect([...transport.bytes.values()].every((bytes) => bytes.length === 100)).toBe(true);
  });

  it("pauses and resumes without sending anything twice", async () => {
    const { transport, uploads, until, phase } = setUp(10);
    uploads.add([file()]);
    await until(() => (uploads.snapshot()[0]?.received ?? 0) >= 20);
    const key = uploads.snapshot()[0]?.key ?? "";
    uploads.pause(key);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const held = transport.bytes.get("u0")?.length;
    expect(held).toBeLessThan(100);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(transport.bytes.get("u0")?.length).toBe(held);
    uploads.resume(key);
    await until(() => phase() === "kept");
    expect(transport.bytes.get("u0")).toEqual([...content]);
  });

  it("leaves nothing behind when it is cancelled, even while it is being made", async () => {
    const { transport, uploads, until, phase } = setUp();
    let open: () => void = () => {};
    transport.gate = new Promise((resolve) => {
      open = resolve;
    });
    uploads.add([file()]);
    await until(() => phase() === "creating");
    uploads.cancel(uploads.snapshot()[0]?.key ?? "");
    open();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect([phase(), transport.removed, transport.bytes.get("u0")]).toEqual(["cancelled", ["u0"], []]);
  });

  it("asks for an analysis with options of one's own once the file is kept", async () => {
    const { transport, uploads, until } = setUp();
    uploads.add([file()], { only: ["text"], landmarks: null, tiled: false });
    await until(() => uploads.snapshot()[0]?.analysisId === "an");
    expect(transport.analysed).toEqual(["media-u0"]);
  });
});
