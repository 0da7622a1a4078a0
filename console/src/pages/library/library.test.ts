import { describe, expect, it } from "vitest";
import type { SightRecord, Timeline } from "~/api/types";
import { bucketFor, chart, extent, ticks, widened } from "./buckets";
import { exportUrl, mediaQuery, narrowed, readFilters, recordQuery, writeFilters } from "./filters";
import { cropAround, groupHits } from "./hits";

const read = (query: string) => readFilters(new URLSearchParams(query));

describe("filters", () => {
  it.each([
    "",
    "view=findings&q=exit&found=object&label=cup&label=person&source=3&score=0.7",
    "media=video&from=2024-05-01T00%3A00%3A00.000Z&before=2024-05-02T00%3A00%3A00.000Z",
  ])("come back from the address as they went: %s", (query) => {
    expect(writeFilters(read(query)).toString()).toBe(query);
  });

  it("leave out what makes no sense", () => {
    const empty = read("");
    expect(read("view=x&media=song&found=soul&source=-1&score=7&from=yesterday")).toEqual(empty);
    expect(read("from=2024-05-02T00:00:00Z&before=2024-05-01T00:00:00Z")).toEqual(empty);
  });

  it("ask for files by name and for findings by text", () => {
    expect(mediaQuery(read("q=door&found=face"))).toMatchObject({ name: "door", found: "face", taken_from: undefined });
    expect(recordQuery(read("q=door&found=face&score=0.9"))).toMatchObject({
      text: undefined,
      kinds: ["face"],
      min_score: undefined,
    });
    expect(recordQuery(read("view=findings&q= door &score=0.9"))).toMatchObject({ text: "door", min_score: 0.9 });
  });

  it("count what narrows the view, but not what the view does not use", () => {
    expect(narrowed(read("media=video&found=face&from=2024-05-02T00:00:00Z"))).toBe(3);
    expect(narrowed(read("view=findings&media=video&label=a&label=b"))).toBe(1);
  });

  it("go into the address of an export", () => {
    const url = exportUrl(read("view=findings&label=cup&label=a%26b&q=x"), "coco");
    expect(url).toBe("/api/v1/records/export?format=coco&text=x&labels=cup&labels=a%26b");
  });
});

describe("buckets", () => {
  const at = (iso: string) => Date.parse(iso);
  const timeline: Timeline = {
    bucket_s: 60,
    buckets: [
      { start: "2024-05-01T10:00:00Z", counts: { face: 2, "object/cup": 1, "object/car": 3 } },
      { start: "2024-05-01T10:03:00Z", counts: { "hand/rock": 1 } },
    ],
  };

  it.each([
    [60, 60],
    [96 * 60, 60],
    [97 * 60, 300],
    [86_400, 900],
    [30 * 86_400, 12 * 3600 * 2],
    [1e12, 364 * 86_400],
  ])("a span of %d s has bars of %d s", (span, bucket) => expect(bucketFor(span)).toBe(bucket));

  it("sums labels up by kind and keeps the empty stretches", () => {
    const { bars } = chart(timeline, 60, at("2024-05-01T10:00:00Z"), at("2024-05-01T10:04:00Z"));
    expect(bars.map(({ total }) => total)).toEqual([6, 0, 0, 1]);
    expect(bars[0]?.counts).toEqual({ face: 2, object: 4 });
    expect(bars[3]?.counts).toEqual({ hand: 1 });
  });

  it("puts short stretches into longer bars", () => {
    const { bars, startMs } = chart(timeline, 300, at("2024-05-01T10:02:00Z"), at("2024-05-01T10:04:00Z"));
    expect([bars.length, bars[0]?.total, startMs]).toEqual([1, 7, at("2024-05-01T10:00:00Z")]);
  });

  it("knows from when to when there is something", () => {
    expect(extent(timeline)).toEqual({ startMs: at("2024-05-01T10:00:00Z"), endMs: at("2024-05-01T10:04:00Z") });
    expect(extent({ bucket_s: 60, buckets: [] })).toBeNull();
  });

  it("does not blow one bar up to a chart", () => {
    expect(widened(0, 60_000, 60, 5)).toEqual([-120_000, 180_000]);
    expect(widened(0, 600_000, 60, 5)).toEqual([0, 600_000]);
  });

  it("marks an axis at round times, few enough", () => {
    const marks = ticks(at("2024-05-01T10:07:00Z"), at("2024-05-01T16:00:00Z"), 7);
    expect(marks.length).toBeGreaterThan(2);
    expect(marks.length).toBeLessThan(9);
    expect(marks.every((ms) => ms % 3_600_000 === 0)).toBe(true);
  });
});

describe("groupHits", () => {
  let id = 0;
  const record = (time_s: number, more: Partial<SightRecord> = {}): SightRecord => ({
    id: ++id,
    media_id: "m",
    analysis_id: "a",
    kind: "object",
    label: "cup",
    frame: Math.round(time_s * 10),
    time_s,
    taken_at: "2024-05-01T10:00:00Z",
    score: 0.5,
    attributes: {},
    ...more,
  });

  it("makes one hit of a thing that is seen on and on, led by its best sighting", () => {
    const hits = groupHits([record(3), record(2), record(1, { score: 0.9 })]);
    expect(hits).toHaveLength(1);
    expect(hits[0]).toMatchObject({ count: 3, fromS: 1, toS: 3, best: { time_s: 1 } });
  });

  it("keeps apart what comes again later, another class, another file, and two in one frame", () => {
    expect(groupHits([record(30), record(1)])).toHaveLength(2);
    expect(groupHits([record(1), record(1.1, { label: "car" })])).toHaveLength(2);
    expect(groupHits([record(1), record(1.1, { media_id: "n" })])).toHaveLength(2);
    expect(groupHits([record(1), record(1)])).toHaveLength(2);
  });

  it("follows tracks: two cups with ids of their own stay two", () => {
    const hits = groupHits([record(2, { track_id: 1 }), record(2, { track_id: 2 }), record(1, { track_id: 1 })]);
    expect(hits.map(({ count }) => count)).toEqual([2, 1]);
  });
});

describe("cropAround", () => {
  const size = [1200, 900] as const;
  it.each([
    ["a small box in a corner", [0, 0, 30, 20]],
    ["a box in the middle", [500, 400, 700, 500]],
    ["a line of text", [100, 800, 1100, 840]],
    ["everything", [0, 0, 1200, 900]],
  ] as const)("%s lies in a crop of the frame's shape inside the picture", (_name, box) => {
    const [x0, y0, x1, y1] = cropAround(box, size, 4 / 3);
    expect((x1 - x0) / (y1 - y0)).toBeCloseTo(4 / 3, 6);
    expect(x0 <= box[0] && y0 <= box[1] && x1 >= box[2] && y1 >= box[3]).toBe(true);
    expect(x0 >= 0 && y0 >= 0 && x1 <= 1200.001 && y1 <= 900.001).toBe(true);
  });

  it("goes beyond a narrow picture rather than cut a tall box", () => {
    const [, y0, , y1] = cropAround([0, 0, 300, 900], [300, 900], 4 / 3);
    expect(y0).toBeLessThanOrEqual(0);
    expect(y1).toBeGreaterThanOrEqual(900);
  });
});
