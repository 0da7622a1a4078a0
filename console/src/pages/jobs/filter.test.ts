import { describe, expect, it } from "vitest";
import type { Job } from "~/api/types";
import { belongs, filterFrom, resultOf, tookS } from "./filter";

const JOB: Job = {
  id: "video-1",
  kind: "video",
  title: "door.mp4",
  state: "running",
  done: 1,
  total: 4,
  unit: "segments",
  actions: ["pause", "cancel"],
  created_at: "2026-05-01T10:00:00Z",
  created_by: "mira",
  updated_at: "2026-05-01T10:01:00Z",
};

describe("filterFrom", () => {
  it("takes what it knows", () => {
    expect(filterFrom(new URLSearchParams("state=failed&kind=video"))).toEqual({ state: "failed", kind: "video" });
    expect(filterFrom(new URLSearchParams("state=odd&kind="))).toEqual({ state: undefined, kind: undefined });
  });
});

it("a job that went on leaves the list of its old state", () => {
  expect(belongs(JOB, {})).toBe(true);
  expect(belongs(JOB, { state: "running", kind: "video" })).toBe(true);
  expect(belongs(JOB, { state: "queued" })).toBe(false);
});

describe("resultOf", () => {
  it.each([
    [{ analysis_id: "a", media_id: "m" }, "/analyse/a"],
    [{ media_id: "m" }, "/analyse/file/m"],
    [{ kind: "fetch", title: "face_mesh" }, "/models/face_mesh"],
    [{ kind: "camera" }, null],
  ] as const)("%o is at %s", (part, place) => expect(resultOf({ ...JOB, ...part })).toBe(place));
});

describe("tookS", () => {
  const now = Date.parse("2026-05-01T10:10:00Z");
  it("counts on while it runs", () => {
    expect(tookS(JOB, now)).toBeNull();
    expect(tookS({ ...JOB, started_at: "2026-05-01T10:00:00Z" }, now)).toBe(600);
  });
  it("stops at the end", () => {
    const over = { ...JOB, state: "done", started_at: JOB.created_at, finished_at: "2026-05-01T10:02:00Z" } as const;
    expect(tookS(over, now)).toBe(120);
  });
});
