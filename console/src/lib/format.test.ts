import { describe, expect, it } from "vitest";
import {
  formatAgo,
  formatBytes,
  formatClock,
  formatShare,
  formatSpan,
  frameRate,
  fromLocalInput,
  toLocalInput,
} from "./format";

describe("format", () => {
  it.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1000, "1 kB"],
    [1_540_000, "1.5 MB"],
    [123_456_789, "123 MB"],
    [8 * 1024 ** 3, "8.6 GB"],
  ])("%d bytes: %s", (bytes, text) => expect(formatBytes(bytes, "en")).toBe(text));

  it.each([
    [0, 0, "0:00"],
    [7.259, 2, "0:07.25"],
    [59.999, 0, "0:59"],
    [0.3, 1, "0:00.3"],
    [725, 0, "12:05"],
    [3723.5, 1, "1:02:03.5"],
    [-1, 0, "0:00"],
  ])("%f s with %d decimals: %s", (s, decimals, text) => expect(formatClock(s, decimals)).toBe(text));

  it.each([
    [44.6, "45 sec"],
    [600, "10 min"],
    [7500, "2 hr 5 min"],
    [7200, "2 hr"],
    [90_000, "1 day 1 hr"],
  ])("span of %f s: %s", (s, text) => expect(formatSpan(s, "en")).toBe(text));

  it("says how long ago in words", () => {
    const now = Date.parse("2024-05-01T12:00:00Z");
    expect(formatAgo("2024-05-01T11:57:10Z", "en", now)).toBe("2 minutes ago");
    expect(formatAgo("2024-04-30T11:00:00Z", "en", now)).toBe("yesterday");
    expect(formatAgo("2024-05-01T11:57:00Z", "zh", now)).toBe("3分钟前");
  });

  it("writes shares", () => expect(formatShare(0.876, "en")).toBe("88%"));

  it.each([
    ["30000/1001", 29.97],
    ["25", 25],
    [null, null],
    ["0/0", null],
    ["x", null],
  ])("frame rate %s", (fraction, rate) => {
    const found = frameRate(fraction);
    if (rate === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(rate, 2);
  });

  it("takes moments through a datetime-local input and back", () => {
    const iso = "2024-05-01T10:30:00.000Z";
    expect(fromLocalInput(toLocalInput(iso))).toBe(iso);
    expect([fromLocalInput(""), fromLocalInput("x"), toLocalInput(null), toLocalInput("x")]).toEqual([
      null,
      null,
      "",
      "",
    ]);
  });
});
