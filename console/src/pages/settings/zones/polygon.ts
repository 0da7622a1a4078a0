/** Corners as shares of the picture's width and height. */
export type Corner = readonly [x: number, y: number];

/** As many as the API takes, and as few. */
export const MOST = 100;
export const FEWEST = 3;

const inside = (share: number): number => Math.min(1, Math.max(0, share));

/** A corner, kept inside the picture and free of decimals that nobody sees. */
export function corner(x: number, y: number): Corner {
  return [Math.round(inside(x) * 10_000) / 10_000, Math.round(inside(y) * 10_000) / 10_000];
}

export function moved(points: readonly Corner[], at: number, x: number, y: number): Corner[] {
  return points.map((point, i) => (i === at ? corner(x, y) : point));
}

export function without(points: readonly Corner[], at: number): Corner[] {
  return points.filter((_, i) => i !== at);
}

/** A new corner in the middle of the edge that begins at a corner. */
export function split(points: readonly Corner[], at: number): Corner[] {
  const [a, b] = [points[at], points[(at + 1) % points.length]];
  if (!a || !b || points.length >= MOST) return [...points];
  return [...points.slice(0, at + 1), corner((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), ...points.slice(at + 1)];
}

/** What corners enclose, as a share of the picture. */
export function area(points: readonly Corner[]): number {
  let twice = 0;
  for (const [i, [x0, y0]] of points.entries()) {
    const [x1, y1] = points[(i + 1) % points.length] ?? [x0, y0];
    twice += x0 * y1 - x1 * y0;
  }
  return Math.abs(twice) / 2;
}

/** Where a name can stand: the mean of the corners. */
export function middle(points: readonly Corner[]): Corner {
  const n = Math.max(1, points.length);
  return corner(points.reduce((sum, [x]) => sum + x, 0) / n, points.reduce((sum, [, y]) => sum + y, 0) / n);
}

const turn = ([ax, ay]: Corner, [bx, by]: Corner, [cx, cy]: Corner): number =>
  (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

function cross(a: Corner, b: Corner, c: Corner, d: Corner): boolean {
  return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

/** Whether any two edges cross. */
export function crosses(points: readonly Corner[]): boolean {
  const edges = points.map((point, i) => [point, points[(i + 1) % points.length] ?? point] as const);
  return edges.some(([a, b], i) => edges.slice(i + 1).some(([c, d]) => cross(a, b, c, d)));
}

/** Why a polygon cannot be kept; null: it can. */
export function fault(points: readonly Corner[]): "few" | "many" | "crossing" | "flat" | null {
  if (points.length < FEWEST) return "few";
  if (points.length > MOST) return "many";
  if (crosses(points)) return "crossing";
  return area(points) < 0.0001 ? "flat" : null;
}

/** Points for an SVG whose units are picture pixels. */
export function svgPoints(points: readonly Corner[], [w, h]: readonly [number, number]): string {
  return points.map(([x, y]) => `${(x * w).toFixed(1)},${(y * h).toFixed(1)}`).join(" ");
}
