import { describe, expect, it } from "vitest";
import { area, type Corner, corner, crosses, fault, MOST, middle, moved, split, svgPoints, without } from "./polygon";

const SQUARE: readonly Corner[] = [
  [0.2, 0.2],
  [0.8, 0.2],
  [0.8, 0.8],
  [0.2, 0.8],
];
const BOW: readonly Corner[] = [
  [0.2, 0.2],
  [0.8, 0.8],
  [0.8, 0.2],
  [0.2, 0.8],
];

describe("corners", () => {
  it("stay inside the picture", () => {
    expect(corner(-0.1, 1.7)).toEqual([0, 1]);
    expect(corner(0.123456, 0.5)).toEqual([0.1235, 0.5]);
  });
  it("are moved, split and removed without changing the others", () => {
    expect(moved(SQUARE, 1, 2, 0.1)[1]).toEqual([1, 0.1]);
    expect(moved(SQUARE, 1, 2, 0.1)[0]).toBe(SQUARE[0]);
    expect(split(SQUARE, 3)).toHaveLength(5);
    expect(split(SQUARE, 3)[4]).toEqual([0.2, 0.5]);
    expect(without(SQUARE, 0)).toEqual(SQUARE.slice(1));
  });
  it("are never more than the API takes", () => {
    const many = Array.from({ length: MOST }, (_, i) => corner(i / MOST, 0.5));
    expect(split(many, 0)).toHaveLength(MOST);
  });
});

describe("polygons", () => {
  it("have an area whichever way they run", () => {
    expect(area(SQUARE)).toBeCloseTo(0.36);
    expect(area([...SQUARE].reverse())).toBeCloseTo(0.36);
    expect(area([])).toBe(0);
  });
  it("have a middle", () => expect(middle(SQUARE)).toEqual([0.5, 0.5]));
  it("cross or do not", () => {
    expect(crosses(SQUARE)).toBe(false);
    expect(crosses(BOW)).toBe(true);
  });
  it.each([
    [SQUARE.slice(0, 2), "few"],
    [BOW, "crossing"],
    [[corner(0.1, 0.1), corner(0.5, 0.5), corner(0.9, 0.9)], "flat"],
    [Array.from({ length: MOST + 1 }, () => corner(0.5, 0.5)), "many"],
    [SQUARE, null],
  ] as const)("fault %#", (points, wrong) => expect(fault(points)).toBe(wrong));
  it("are told to an SVG in picture pixels", () => {
    expect(svgPoints([[0.5, 0.25]], [640, 480])).toBe("320.0,120.0");
  });
});
