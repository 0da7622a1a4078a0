import { describe, expect, it } from "vitest";
import { boundsOf } from "~/api/settings";
import { BYTES, deletesSooner, PIXELS, SECONDS, unitFor, wrongWith } from "./units";

describe("unitFor", () => {
  it.each([
    [8 * 1024 ** 3, BYTES, "GiB"],
    [1536 * 1024 ** 2, BYTES, "GiB"],
    [1000, BYTES, "KiB"],
    [1025 * 1024, BYTES, "KiB"],
    [21_600, SECONDS, "hours"],
    [90, SECONDS, "minutes"],
    [7, SECONDS, "seconds"],
    [100_000_000, PIXELS, "megapixels"],
    [12_345, PIXELS, "pixels"],
  ] as const)("%d is told in %#", (value, units, name) => {
    expect(unitFor(value, units).name).toBe(name);
  });
});

describe("wrongWith", () => {
  const bounds = { minimum: 1, maximum: 36_500 };
  it("takes what lies within, bounds included", () => {
    expect(wrongWith(1, bounds)).toBeNull();
    expect(wrongWith(36_500, bounds)).toBeNull();
    expect(wrongWith(5, {})).toBeNull();
  });
  it("names the bound that is passed", () => {
    expect(wrongWith(0, bounds)).toEqual({ kind: "low", bound: 1 });
    expect(wrongWith(36_501, bounds)).toEqual({ kind: "high", bound: 36_500 });
    expect(wrongWith(0, { exclusiveMinimum: 0 })).toEqual({ kind: "above", bound: 0 });
  });
  it("misses what is not there", () => {
    expect(wrongWith(null, bounds)).toEqual({ kind: "missing" });
    expect(wrongWith(Number.NaN, {})).toEqual({ kind: "missing" });
  });
});

describe("deletesSooner", () => {
  it.each([
    [null, 30, true],
    [90, 30, true],
    [30, 90, false],
    [30, null, false],
    [30, 30, false],
  ] as const)("from %s to %s days: %s", (before, after, sooner) => expect(deletesSooner(before, after)).toBe(sooner));
});

describe("boundsOf", () => {
  const description = {
    components: {
      schemas: {
        Settings: {
          properties: {
            retention_days: { anyOf: [{ minimum: 1, maximum: 36_500 }, {}] },
            max_live: { minimum: 1 },
            max_duration_s: { exclusiveMinimum: 0 },
          },
        },
      },
    },
  };
  it("reads numbers, and those that may be null", () => {
    const bounds = boundsOf(description, "Settings");
    expect(bounds.retention_days).toMatchObject({ minimum: 1, maximum: 36_500 });
    expect(bounds.max_live).toMatchObject({ minimum: 1 });
    expect(bounds.max_duration_s).toMatchObject({ exclusiveMinimum: 0 });
  });
  it("is empty without a description", () => expect(boundsOf(undefined, "Settings")).toEqual({}));
});
