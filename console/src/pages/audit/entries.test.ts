import { describe, expect, it } from "vitest";
import { filterFrom, formatMoment, inShort, placeOf } from "./entries";

describe("filterFrom", () => {
  it("leaves out what is empty", () => {
    expect(filterFrom(new URLSearchParams("actor=%20mira%20&action="))).toEqual({ actor: "mira", action: undefined });
  });
});

describe("placeOf", () => {
  it.each([
    ["media/6a0c", "/analyse/file/6a0c"],
    ["models/face_mesh", "/models/face_mesh"],
    ["sources/1/zones/2", "/settings/sources"],
    ["user/3", "/settings/users"],
    ["live/socket-1", null],
    ["media", null],
    [null, null],
  ] as const)("%s is at %s", (target, place) => expect(placeOf(target)).toBe(place));
});

it("a detail fits into one line", () => {
  expect(inShort({ name: "door", scopes: ["a"], n: null })).toBe('name: door, scopes: ["a"], n: null');
  expect(inShort({})).toBe("");
});

it("moments have seconds", () => {
  expect(formatMoment("2026-05-01T10:20:30Z", "en")).toMatch(/:20:30/);
});
