import type { Body, Face, FoundObject, FrameFindings, Hand, Kind, People, TextLine } from "~/api/types";
import type { Layer } from "./layers";
import { BODY_EDGES, type ColourName, type Edge, FACE_CHAINS, HAND_EDGES, HEAD_POINTS, IRISES } from "./tables";

export type Point = readonly [number, number];
export type Box = readonly [number, number, number, number];
export type Finding = Face | Body | Hand | People | TextLine | FoundObject;

/** Lines of one colour, in picture pixels. */
export interface Line {
  points: readonly Point[];
  colour: ColourName;
  /** Thickness as a share of the overlay's line. */
  weight: number;
  closed?: boolean;
}

export interface Dots {
  points: readonly Point[];
  colour: ColourName;
  /** Radius as a share of the overlay's line. */
  radius: number;
}

/** One observation as something to draw and to point at; all lengths in picture pixels. */
export interface Shape {
  /** Stable within a frame, and within a video for what has an id. */
  key: string;
  kind: Kind;
  index: number;
  finding: Finding;
  colour: ColourName;
  box: Box;
  /** Corners of what the pointer can hit, the box for most. */
  area: readonly Point[];
  /** Whether the box is drawn, and dashed or not. */
  outline: "solid" | "dashed" | "none";
  label: string;
  score: number | null;
  lines: readonly Line[];
  dots: readonly Dots[];
}

const MIN_VISIBILITY = 0.5;
const SIDES: Record<Edge["side"], ColourName> = { right: "orange", left: "sky", centre: "light" };

const corners = ([x0, y0, x1, y1]: Box): Point[] => [
  [x0, y0],
  [x1, y0],
  [x1, y1],
  [x0, y1],
];

const keyOf = (kind: Kind, index: number, id: number | null | undefined): string =>
  id == null ? `${kind}-${index}` : `${kind}#${id}`;

const xy = (points: readonly (readonly number[])[] | null | undefined): Point[] =>
  (points ?? []).map(([x = Number.NaN, y = Number.NaN]) => [x, y] as const);

function edges(
  points: readonly Point[],
  table: readonly Edge[],
  visible: (row: number) => boolean,
  colours = SIDES,
): Line[] {
  return table.flatMap(({ a, b, side }) => {
    const [from, to] = [points[a], points[b]];
    return from && to && visible(a) && visible(b) ? [{ points: [from, to], colour: colours[side], weight: 1 }] : [];
  });
}

function meshLines(points: readonly Point[]): Line[] {
  const chain = (rows: readonly number[], colour: ColourName): Line[] => {
    const found = rows.map((row) => points[row]).filter((point) => point !== undefined);
    return found.length > 1 ? [{ points: found, colour, weight: 0.6 }] : [];
  };
  const lines = [
    ...FACE_CHAINS.light.flatMap((rows) => chain(rows, "light")),
    ...FACE_CHAINS.lips.flatMap((rows) => chain(rows, "vermillion")),
    ...FACE_CHAINS.right.flatMap((rows) => chain(rows, "orange")),
    ...FACE_CHAINS.left.flatMap((rows) => chain(rows, "sky")),
  ];
  for (const [, ...ring] of IRISES) lines.push(...chain([...ring, ring[0] ?? 0], "yellow"));
  return lines;
}

/** Whether the middle of one box lies inside another. */
function holds([x0, y0, x1, y1]: Box, inner: Box): boolean {
  const [x, y] = [(inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2];
  return x >= x0 && x < x1 && y >= y0 && y < y1;
}

function faceShape(face: Face, index: number, layers: ReadonlySet<Layer>): Shape {
  const mesh = layers.has("mesh") ? xy(face.mesh_xyz) : [];
  const [rightEye, leftEye, nose, rightMouth, leftMouth] = xy(face.points_xy);
  const five =
    layers.has("faces") && mesh.length === 0 && rightEye && leftEye && nose && rightMouth && leftMouth
      ? ([
          { points: [rightEye, rightMouth], colour: "orange", radius: 1.1 },
          { points: [leftEye, leftMouth], colour: "sky", radius: 1.1 },
          { points: [nose], colour: "yellow", radius: 1.1 },
        ] satisfies Dots[])
      : [];
  return {
    ...base("faces", index, face, "sky"),
    outline: layers.has("faces") ? "solid" : "none",
    lines: meshLines(mesh),
    dots: mesh.length > 0 ? [{ points: mesh.slice(0, 468), colour: "light", radius: 0.28 }] : five,
  };
}

function bodyShape(body: Body, index: number, headless: boolean): Shape {
  const points = xy(body.points_xyz);
  const first = headless ? HEAD_POINTS[body.skeleton] : 0;
  const visible = (row: number) => row >= first && (body.visibility?.[row] ?? 1) >= MIN_VISIBILITY;
  const seen = points.filter((_, row) => visible(row));
  return {
    ...base("bodies", index, body, "green"),
    outline: "dashed",
    lines: edges(points, BODY_EDGES[body.skeleton], visible),
    dots: [{ points: seen, colour: "green", radius: 1 }],
  };
}

function handShape(hand: Hand, index: number): Shape {
  const points = xy(hand.points_xyz);
  const colour = hand.side === "right" ? "orange" : "sky";
  const colours = { right: colour, left: colour, centre: colour } as const;
  return {
    ...base("hands", index, hand, "orange"),
    outline: "dashed",
    lines: edges(points, HAND_EDGES, () => true, colours),
    dots: [{ points, colour: "light", radius: 0.7 }],
  };
}

function base(kind: Kind, index: number, finding: Exclude<Finding, People>, colour: ColourName): Shape {
  const id = finding.id;
  return {
    key: keyOf(kind, index, id),
    kind,
    index,
    finding,
    colour,
    box: finding.box_xyxy,
    area: corners(finding.box_xyxy),
    outline: "solid",
    label: id == null ? "" : `#${id}`,
    score: finding.score,
    lines: [],
    dots: [],
  };
}

function peopleShapes(people: People): Shape[] {
  const box = people.box_xyxy;
  if (!box) return [];
  const shape = {
    key: "people-0",
    kind: "people",
    index: 0,
    finding: people,
    colour: "purple",
    box,
    area: corners(box),
    outline: "dashed",
    label: "",
    score: null,
    lines: [],
    dots: [],
  } satisfies Shape;
  return [shape];
}

/** Everything that the switched-on layers show of one frame, large things first so that small ones lie on top. */
export function shapesOf(findings: FrameFindings | null, layers: ReadonlySet<Layer>): Shape[] {
  if (!findings) return [];
  const shapes: Shape[] = [];
  if (layers.has("people") && findings.people) shapes.push(...peopleShapes(findings.people));
  if (layers.has("objects")) {
    for (const [index, found] of (findings.objects ?? []).entries()) {
      const shape = base("objects", index, found, "blue");
      shapes.push({ ...shape, label: [shape.label, found.label].filter(Boolean).join(" ") });
    }
  }
  if (layers.has("bodies")) {
    const faces = layers.has("faces") || layers.has("mesh") ? (findings.faces ?? []) : [];
    for (const [index, body] of (findings.bodies ?? []).entries()) {
      shapes.push(
        bodyShape(
          body,
          index,
          faces.some((face) => holds(body.box_xyxy, face.box_xyxy)),
        ),
      );
    }
  }
  if (layers.has("faces") || layers.has("mesh")) {
    shapes.push(...(findings.faces ?? []).map((face, index) => faceShape(face, index, layers)));
  }
  if (layers.has("hands")) {
    for (const [index, hand] of (findings.hands ?? []).entries()) {
      const shape = handShape(hand, index);
      const gesture = hand.gesture ?? (hand.number == null ? "" : String(hand.number));
      shapes.push({ ...shape, label: [shape.label, gesture].filter(Boolean).join(" ") });
    }
  }
  if (layers.has("text")) {
    for (const [index, line] of (findings.text ?? []).entries()) {
      const shape = base("text", index, line, "vermillion");
      shapes.push({ ...shape, label: "", area: line.quad_xy });
    }
  }
  const area = ({ box: [x0, y0, x1, y1] }: Shape) => (x1 - x0) * (y1 - y0);
  return shapes.sort((a, b) => area(b) - area(a));
}

/** Whether a point lies inside a polygon (even-odd rule). */
export function inside([x, y]: Point, polygon: readonly Point[]): boolean {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [a, b] = [polygon[i], polygon[j]];
    if (!a || !b) continue;
    if (a[1] > y !== b[1] > y && x < ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1]) + a[0]) within = !within;
  }
  return within;
}

function toSegment([x, y]: Point, a: Point, b: Point): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / length));
  return Math.hypot(x - a[0] - share * dx, y - a[1] - share * dy);
}

/** The shape under a point: the smallest whose area holds it, or whose edge is within reach; null: none. */
export function shapeAt(shapes: readonly Shape[], point: Point, reach: number): Shape | null {
  for (const shape of [...shapes].reverse()) {
    if (inside(point, shape.area)) return shape;
    const { area } = shape;
    if (area.some((corner, i) => toSegment(point, corner, area[(i + 1) % area.length] ?? corner) <= reach))
      return shape;
  }
  return null;
}
