import { describe, expect, it, vi } from "vitest";
import type { FrameFindings } from "~/api/types";
import { Holder } from "./hold";
import { type LinkState, LiveLink, socketUrl } from "./link";
import { mirrored } from "./mirror";
import { asWishes, USUAL } from "./options";
import { backOff, endingOf, packFrame, parseDown, sendSize } from "./protocol";
import { seenIn } from "./seen";
import { Counter, Recent } from "./stats";
import { troubleOf } from "./webcam";

describe("messages", () => {
  it("carry the time in front of the picture, little-endian", () => {
    const packed = packFrame(1234.5, new Uint8Array([0xff, 0xd8, 0xff]).buffer);
    expect(packed.byteLength).toBe(11);
    expect(new DataView(packed).getFloat64(0, true)).toBe(1234.5);
    expect([...new Uint8Array(packed, 8)]).toEqual([0xff, 0xd8, 0xff]);
  });
  it("that are not known are passed over", () => {
    expect(parseDown('{"type":"ready"}')).toEqual({ type: "ready" });
    expect(parseDown('{"type":"later"}')).toBeNull();
    expect(parseDown("{")).toBeNull();
  });
  it.each([
    [1280, 720, 640, [640, 360]],
    [480, 640, 640, [480, 640]],
    [333, 251, 640, [334, 252]],
    [3000, 1, 640, [640, 2]],
  ] as const)("a picture of %d x %d within %d", (w, h, longest, size) => expect(sendSize(w, h, longest)).toEqual(size));
});

describe("endings", () => {
  it("wait longer each time, up to a limit, and not all alike", () => {
    expect([0, 1, 2, 10].map((n) => backOff(n, 0.5))).toEqual([0.5, 1, 2, 15]);
    expect(backOff(1, 0)).toBeLessThan(backOff(1, 1));
  });
  it("of a full server are waited for", () => {
    expect(endingOf(1013, 0, 0.5)).toEqual({ again: true, why: "full", waitS: 5 });
  });
  it.each([1003, 1007, 1008])("with code %d would end so again", (code) => {
    expect(endingOf(code, 0)).toEqual({ again: false });
  });
  it.each([1000, 1001, 1006, 1011, 1012])("with code %d are tried again", (code) => {
    expect(endingOf(code, 0, 0.5)).toEqual({ again: true, why: "lost", waitS: 0.5 });
  });
});

class Socket {
  static made: Socket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor(readonly url: string) {
    Socket.made.push(this);
  }
  send(data: unknown) {
    this.sent.push(data);
  }
  close() {
    this.readyState = 3;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
    this.onmessage?.({ data: '{"type":"ready"}' });
  }
  closes(code: number, reason = "") {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

function link() {
  Socket.made = [];
  const states: LinkState[] = [];
  const unopened = vi.fn();
  const made = new LiveLink(
    {
      url: "ws://x",
      hello: { only: ["faces"], landmarks: false },
      onState: (state) => states.push(state),
      onMessage: () => {},
      onUnopened: unopened,
    },
    (url) => new Socket(url) as unknown as WebSocket,
  );
  return { made, states, unopened, last: () => Socket.made.at(-1) as Socket };
}

describe("LiveLink", () => {
  it("says hello first and sends nothing before it is open", () => {
    const { made, states, last } = link();
    made.start();
    expect(made.send(new ArrayBuffer(1))).toBe(false);
    last().opens();
    expect(last().sent).toEqual(['{"only":["faces"],"landmarks":false}']);
    expect(made.send(new ArrayBuffer(1))).toBe(true);
    expect(states.map(({ phase }) => phase)).toEqual(["connecting", "open"]);
  });
  it("sends no more while what it sent has not gone", () => {
    const { made, last } = link();
    made.start();
    last().opens();
    last().bufferedAmount = 2 << 20;
    expect(made.send(new ArrayBuffer(1))).toBe(false);
  });
  it("comes back after a loss, and later each time", () => {
    vi.useFakeTimers();
    const { made, states, last } = link();
    made.start();
    last().opens();
    last().closes(1006);
    expect(states.at(-1)).toMatchObject({ phase: "waiting", why: "lost" });
    vi.advanceTimersByTime(700);
    expect(states.at(-1)).toEqual({ phase: "connecting", after: "lost" });
    expect(Socket.made).toHaveLength(2);
    last().closes(1006);
    vi.advanceTimersByTime(700);
    expect(Socket.made).toHaveLength(2);
    vi.advanceTimersByTime(700);
    expect(Socket.made).toHaveLength(3);
    vi.useRealTimers();
  });
  it("tells that the server did not even open it", () => {
    const { made, unopened, last } = link();
    made.start();
    last().closes(1006);
    expect(unopened).toHaveBeenCalledOnce();
    made.stop();
  });
  it("stays away when it is not allowed, and when it was stopped", () => {
    vi.useFakeTimers();
    const { made, states, last } = link();
    made.start();
    last().opens();
    last().closes(1008, "not allowed any longer; sign in again");
    expect(states.at(-1)).toEqual({ phase: "refused", detail: "not allowed any longer; sign in again" });
    vi.advanceTimersByTime(60_000);
    expect(Socket.made).toHaveLength(1);
    made.start();
    made.stop();
    vi.advanceTimersByTime(60_000);
    expect(Socket.made).toHaveLength(2);
    vi.useRealTimers();
  });
  it("has an address beside the page's", () => {
    expect(socketUrl("/a", { protocol: "https:", host: "h:1" })).toBe("wss://h:1/a");
    expect(socketUrl("/a", { protocol: "http:", host: "h" })).toBe("ws://h/a");
  });
});

describe("Recent", () => {
  it("knows quantiles by nearest rank, and forgets", () => {
    const recent = new Recent(1000);
    for (let i = 1; i <= 100; i++) recent.add(i, i);
    expect(recent.quantile(0.5, 100)).toBe(50);
    expect(recent.quantile(0.95, 100)).toBe(95);
    expect(recent.quantile(0.5, 2000)).toBeNull();
  });
  it("has a rate of two and more", () => {
    const recent = new Recent(5000);
    recent.add(0, 1);
    expect(recent.rate(100)).toBeNull();
    recent.add(500, 1);
    recent.add(1000, 1);
    expect(recent.rate(1000)).toBe(2);
    expect(recent.rate(2000)).toBe(1);
  });
});

it("a counter shows nothing until there was an answer", () => {
  const counter = new Counter();
  expect(counter.read(0)).toEqual({ framesPerS: null, medianMs: null, slowMs: null, dropped: null });
  counter.answered(10, 40, 3);
  expect(counter.read(20)).toMatchObject({ medianMs: 40, slowMs: 40, dropped: 3 });
});

const FRAME: FrameFindings = {
  index: 0,
  time_s: 0,
  faces: [{ box_xyxy: [10, 5, 30, 25], score: 0.9, points_xy: [[12, 8]], mesh_xyz: [[11, 7, -3]] }],
  hands: [{ box_xyxy: [0, 0, 10, 10], score: 0.8, side: "left", side_score: 0.9, gesture: "thumbs up" }],
  objects: [
    { box_xyxy: [50, 0, 100, 10], score: 0.7, label: "cup" },
    { box_xyxy: [0, 0, 5, 5], score: 0.7, label: "cup" },
    { box_xyxy: [0, 0, 5, 5], score: 0.7, label: "person" },
  ],
  text: [
    {
      box_xyxy: [0, 0, 20, 10],
      score: 1,
      text: "EXIT",
      quad_xy: [
        [0, 0],
        [20, 0],
        [20, 10],
        [0, 10],
      ],
    },
  ],
};

describe("mirrored", () => {
  const there = mirrored(FRAME, 100);
  it("turns boxes and points over, heights and depths stay", () => {
    expect(there.faces?.[0]?.box_xyxy).toEqual([70, 5, 90, 25]);
    expect(there.faces?.[0]?.points_xy).toEqual([[88, 8]]);
    expect(there.faces?.[0]?.mesh_xyz).toEqual([[89, 7, -3]]);
    expect(there.text?.[0]?.quad_xy[0]).toEqual([100, 0]);
  });
  it("keeps the subject's own side", () => expect(there.hands?.[0]?.side).toBe("left"));
  it("twice is as before", () => {
    expect(mirrored(there, 100).objects?.map(({ box_xyxy }) => box_xyxy)).toEqual(
      FRAME.objects?.map(({ box_xyxy }) => box_xyxy),
    );
  });
  it("leaves kinds that were not looked for absent", () => expect(there.bodies).toBeUndefined());
});

describe("Holder", () => {
  const without = (kind: "objects" | "faces"): FrameFindings => ({ ...FRAME, [kind]: null });
  it("fills in what a frame was not looked at for, for a while", () => {
    const holder = new Holder();
    holder.fill(FRAME, 0);
    expect(holder.fill(without("objects"), 500).objects).toEqual(FRAME.objects);
    expect(holder.fill(without("objects"), 5_000).objects).toBeNull();
  });
  it("takes nothing found for an answer", () => {
    const holder = new Holder();
    holder.fill(FRAME, 0);
    expect(holder.fill({ ...FRAME, objects: [] }, 100).objects).toEqual([]);
    expect(holder.fill(without("objects"), 200).objects).toEqual([]);
  });
  it("forgets with the connection", () => {
    const holder = new Holder();
    holder.fill(FRAME, 0);
    holder.clear();
    expect(holder.fill(without("faces"), 10).faces).toBeNull();
  });
});

describe("seenIn", () => {
  it("counts the same things together, most first", () => {
    expect(seenIn(FRAME)).toEqual([
      { kind: "faces", label: null, count: 1 },
      { kind: "hands", label: "thumbs up", count: 1 },
      { kind: "objects", label: "cup", count: 2 },
      { kind: "objects", label: "person", count: 1 },
      { kind: "text", label: "EXIT", count: 1 },
    ]);
  });
  it("is empty before the first frame", () => expect(seenIn(null)).toEqual([]));
});

describe("asWishes", () => {
  it("takes what fits and is as usual else", () => {
    expect(asWishes(null)).toEqual(USUAL);
    expect(asWishes({ only: ["text", "cats"], longest: 320, quality: 7, mirror: "no" })).toEqual({
      ...USUAL,
      only: ["text"],
      longest: 320,
    });
    expect(asWishes({ only: [] }).only).toEqual(USUAL.only);
  });
});

it.each([
  ["NotAllowedError", "denied"],
  ["NotFoundError", "none"],
  ["NotReadableError", "busy"],
  ["OverconstrainedError", "gone"],
  ["TypeError", "other"],
] as const)("%s means %s", (name, trouble) => expect(troubleOf(name)).toBe(trouble));
