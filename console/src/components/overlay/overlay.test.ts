import { describe, expect, it } from "vitest";
import type { Body, Face, FrameFindings, Hand } from "~/api/types";
import { LAYERS, layerCounts } from "./layers";
import { inside, shapeAt, shapesOf } from "./shapes";
import { BODY_EDGES, FACE_CHAINS, HAND_EDGES, IRISES } from "./tables";
import { frameAt, lanesFromFrames, windowsAt } from "./time";
import { clamp, fitInto, MAX_SCALE, pan, reveal, toPicture, toStage, zoomAt } from "./view";

const ALL = new Set(LAYERS);
const face = (box: Face["box_xyxy"], more: Partial<Face> = {}): Face => ({ box_xyxy: box, score: 0.9, ...more });
const frame = (index: number, time_s: number, more: Partial<FrameFindings> = {}): FrameFindings => ({
  index,
  time_s,
  ...more,
});

describe("tables", () => {
  it.each([
    ["blazepose33", BODY_EDGES.blazepose33, 33],
    ["coco17", BODY_EDGES.coco17, 17],
    ["hand21", HAND_EDGES, 21],
  ] as const)("%s joins its own landmarks, each at least once", (_name, edges, count) => {
    const rows = edges.flatMap(({ a, b }) => [a, b]);
    expect(Math.min(...rows)).toBe(0);
    expect(Math.max(...rows)).toBeLessThan(count);
    // Every landmark hangs on some line.
    expect(new Set(rows).size).toBe(count);
  });

  it("keeps left and right apart: the left arm of COCO is 5, 7, 9", () => {
    const left = BODY_EDGES.coco17.filter(({ side }) => side === "left").map(({ a, b }) => `${a}-${b}`);
    expect(left).toContain("5-7");
    expect(left).toContain("7-9");
    expect(left).not.toContain("6-8");
  });

  it("stays within the 478 points of a mesh", () => {
    const rows = [...Object.values(FACE_CHAINS).flat(2), ...IRISES.flat()];
    expect(rows.every((row) => row >= 0 && row < 478)).toBe(true);
  });
});

describe("shapesOf", () => {
  const mesh = Array.from({ length: 478 }, (_, i) => [i, i, 0] as [number, number, number]);
  const body: Body = {
    box_xyxy: [0, 0, 100, 200],
    score: 0.8,
    skeleton: "coco17",
    points_xyz: Array.from({ length: 17 }, (_, i) => [i * 5, i * 10, 0]),
    visibility: Array.from({ length: 17 }, (_, i) => (i === 9 ? 0.1 : 0.9)),
  };
  const hand: Hand = { box_xyxy: [5, 5, 25, 25], score: 0.7, side: "left", side_score: 0.9, gesture: "rock" };
  const findings = frame(0, 0, {
    faces: [face([10, 10, 40, 50], { mesh_xyz: mesh }), face([200, 10, 220, 40], { id: 3 })],
    bodies: [body],
    hands: [hand],
    people: { coverage: 0.3, box_xyxy: [0, 0, 300, 200] },
    text: [
      {
        box_xyxy: [50, 50, 90, 60],
        score: 0.9,
        text: "EXIT",
        quad_xy: [
          [50, 52],
          [88, 50],
          [90, 58],
          [52, 60],
        ],
      },
    ],
    objects: [{ box_xyxy: [0, 0, 10, 10], score: 0.5, label: "cup", id: 7 }],
  });

  it("shows what its layers say", () => {
    expect(
      shapesOf(findings, ALL)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(["bodies", "faces", "faces", "hands", "objects", "people", "text"].sort());
    expect(shapesOf(findings, new Set(["text"])).map(({ kind }) => kind)).toEqual(["text"]);
    expect(shapesOf(null, ALL)).toEqual([]);
    expect(shapesOf(frame(0, 0), ALL)).toEqual([]);
  });

  it("draws large things below small ones", () => {
    const areas = shapesOf(findings, ALL).map(({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0));
    expect(areas).toEqual([...areas].sort((a, b) => b - a));
  });

  it("names by id where there is one, so that a choice follows it through a video", () => {
    const keys = shapesOf(findings, ALL).map(({ key }) => key);
    expect(keys).toContain("faces#3");
    expect(keys).toContain("objects#7");
    expect(keys).toContain("faces-0");
  });

  it("leaves out lines to landmarks that are hardly visible", () => {
    const [shape] = shapesOf(frame(0, 0, { bodies: [body] }), ALL);
    const ends = shape?.lines.flatMap(({ points }) => points) ?? [];
    expect(ends).toContainEqual([35, 70]);
    expect(ends).not.toContainEqual([45, 90]);
    expect(shape?.dots[0]?.points).toHaveLength(16);
  });

  it("leaves a body's head to the face that is in it", () => {
    const shape = shapesOf(findings, ALL).find(({ kind }) => kind === "bodies");
    expect(shape?.dots[0]?.points).toHaveLength(11);
    const alone = shapesOf(findings, new Set(["bodies"]))[0];
    expect(alone?.dots[0]?.points).toHaveLength(16);
  });

  it("shows the mesh only with its layer, and the box only with the faces'", () => {
    const [meshOnly] = shapesOf(frame(0, 0, { faces: [face([0, 0, 9, 9], { mesh_xyz: mesh })] }), new Set(["mesh"]));
    expect([meshOnly?.outline, (meshOnly?.lines.length ?? 0) > 5]).toEqual(["none", true]);
    const [boxOnly] = shapesOf(frame(0, 0, { faces: [face([0, 0, 9, 9], { mesh_xyz: mesh })] }), new Set(["faces"]));
    expect([boxOnly?.outline, boxOnly?.lines.length]).toEqual(["solid", 0]);
  });

  it("counts each layer, and tells nothing found from not looked for", () => {
    expect(layerCounts(findings)).toEqual({ faces: 2, mesh: 1, bodies: 1, hands: 1, people: 1, text: 1, objects: 1 });
    expect(layerCounts(frame(0, 0, { faces: [] }))).toMatchObject({ faces: 0, mesh: 0, hands: null, people: null });
    expect(layerCounts(frame(0, 0, { people: { coverage: 0 } })).people).toBe(0);
  });

  it("is hit within its area, the smallest first, and at its edge within reach", () => {
    const shapes = shapesOf(findings, ALL);
    expect(shapeAt(shapes, [12, 12], 2)?.kind).toBe("hands");
    expect(shapeAt(shapes, [30, 45], 2)?.kind).toBe("faces");
    // Below the slanting upper edge of the text, above its box's.
    expect(shapeAt(shapes, [51, 50.2], 0)?.kind).not.toBe("text");
    expect(shapeAt(shapes, [303, 100], 2)).toBeNull();
    expect(shapeAt(shapes, [303, 100], 4)?.kind).toBe("people");
  });
});

describe("inside", () => {
  const star = [
    [0, 0],
    [10, 0],
    [10, 10],
    [5, 5],
    [0, 10],
  ] as const;
  it.each([
    [[2, 2], true],
    [[5, 8], false],
    [[11, 5], false],
  ] as const)("%j: %s", (point, within) => expect(inside(point, star)).toBe(within));
});

describe("view", () => {
  const size = [1000, 500] as const;
  const stage = [500, 500] as const;

  it("fits and centres, enlarging small pictures a little only", () => {
    expect(fitInto(size, stage)).toEqual({ scale: 0.5, x: 0, y: 125 });
    expect(fitInto([10, 10], stage).scale).toBe(4);
    expect(fitInto([0, 0], stage)).toEqual({ scale: 1, x: 0, y: 0 });
  });

  it("goes from the picture to the stage and back", () => {
    const view = { scale: 3, x: -20, y: 7 };
    expect(toPicture(view, toStage(view, [123, 45]))).toEqual([123, 45]);
  });

  it("zooms around the pointer, between fitting and the most", () => {
    const view = fitInto(size, stage);
    const closer = zoomAt(view, 4, [250, 250], size, stage);
    expect(toStage(closer, toPicture(view, [250, 250]))).toEqual([250, 250]);
    expect(zoomAt(view, 1e9, [0, 0], size, stage).scale).toBe(MAX_SCALE);
    expect(zoomAt(closer, 1e-9, [0, 0], size, stage)).toEqual(view);
  });

  it("never shows an edge inside the stage", () => {
    const closer = zoomAt(fitInto(size, stage), 4, [250, 250], size, stage);
    expect(pan(closer, 1e6, 1e6, size, stage)).toEqual({ scale: 2, x: 0, y: 0 });
    expect(pan(closer, -1e6, -1e6, size, stage)).toEqual({ scale: 2, x: -1500, y: -500 });
    expect(clamp({ scale: 0.5, x: 99, y: 99 }, size, stage)).toEqual({ scale: 0.5, x: 0, y: 125 });
  });

  it("moves to a box that cannot be seen, and stays when it can", () => {
    const closer = { scale: 2, x: 0, y: 0 };
    expect(reveal(closer, [10, 10, 20, 20], size, stage)).toBe(closer);
    const moved = reveal(closer, [900, 400, 950, 450], size, stage);
    const [x, y] = toStage(moved, [925, 425]);
    expect(x > 0 && x < 500 && y > 0 && y < 500).toBe(true);
    expect(reveal(closer, [0, 0, 1000, 400], size, stage).scale).toBeCloseTo(0.5, 5);
  });
});

describe("time", () => {
  const frames = [frame(0, 0), frame(1, 0.2), frame(2, 0.4), frame(3, 2)];

  it.each([
    [0, 0],
    [0.19, 0],
    [0.198, 1],
    [0.39, 1],
    [0.5, 2],
    [2.1, 3],
  ])("at %f s: frame %i", (at, index) => expect(frameAt(frames, at, 0.3)?.index).toBe(index));

  it("lets go of findings that are too old", () => {
    expect(frameAt(frames, 1.5, 0.3)).toBeNull();
    expect(frameAt([], 1, 0.3)).toBeNull();
  });

  it("asks for the stretches around the time, within the video", () => {
    expect(windowsAt(0, 60)).toEqual([0, 1]);
    expect(windowsAt(12, 60)).toEqual([1, 2, 3]);
    expect(windowsAt(59.9, 60)).toEqual([10, 11]);
    expect(windowsAt(1, 3)).toEqual([0]);
  });

  it("draws lanes without gaps between frames, and none for what was never found", () => {
    const looked = [0, 1, 2, 3].map((i) =>
      frame(i, i * 0.5, { faces: i === 2 ? [face([0, 0, 1, 1])] : [], objects: [] }),
    );
    expect(lanesFromFrames(looked, 2, 100)).toEqual([{ kind: "faces", most: 1, values: [0, 0, 1, 0] }]);
    expect(lanesFromFrames([], 2, 100)).toEqual([]);
  });
});
