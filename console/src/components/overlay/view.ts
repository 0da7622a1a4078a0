import type { Box, Point } from "./shapes";

/** Where a picture lies on the screen: a picture pixel p is drawn at p * scale + (x, y). */
export interface View {
  scale: number;
  x: number;
  y: number;
}

export type Size = readonly [width: number, height: number];

export const MAX_SCALE = 32;

/** The whole picture, centred, as large as it fits; small pictures are enlarged at most `most` times. */
export function fitInto([w, h]: Size, [stageW, stageH]: Size, most = 4): View {
  if (w <= 0 || h <= 0 || stageW <= 0 || stageH <= 0) return { scale: 1, x: 0, y: 0 };
  const scale = Math.min(stageW / w, stageH / h, most);
  return { scale, x: (stageW - w * scale) / 2, y: (stageH - h * scale) / 2 };
}

/** From a place on the stage to picture pixels. */
export const toPicture = ({ scale, x, y }: View, [sx, sy]: Point): Point => [(sx - x) / scale, (sy - y) / scale];

/** From picture pixels to a place on the stage. */
export const toStage = ({ scale, x, y }: View, [px, py]: Point): Point => [px * scale + x, py * scale + y];

function axis(offset: number, length: number, stage: number): number {
  return length <= stage ? (stage - length) / 2 : Math.min(0, Math.max(stage - length, offset));
}

/** The view, moved so that the picture fills the stage or stands in its middle. */
export function clamp(view: View, [w, h]: Size, [stageW, stageH]: Size): View {
  return { scale: view.scale, x: axis(view.x, w * view.scale, stageW), y: axis(view.y, h * view.scale, stageH) };
}

/** Zoom by a factor around a place on the stage, which stays where it is; never smaller than fitting. */
export function zoomAt(view: View, factor: number, [sx, sy]: Point, size: Size, stage: Size): View {
  const least = fitInto(size, stage).scale;
  const scale = Math.min(MAX_SCALE, Math.max(least, view.scale * factor));
  const by = scale / view.scale;
  return clamp({ scale, x: sx - (sx - view.x) * by, y: sy - (sy - view.y) * by }, size, stage);
}

/** Move by screen pixels. */
export function pan(view: View, dx: number, dy: number, size: Size, stage: Size): View {
  return clamp({ ...view, x: view.x + dx, y: view.y + dy }, size, stage);
}

/** The view that shows a box with some air around it, unless it can be seen well already. */
export function reveal(view: View, [x0, y0, x1, y1]: Box, size: Size, stage: Size): View {
  const [left, top] = toStage(view, [x0, y0]);
  const [right, bottom] = toStage(view, [x1, y1]);
  if (left >= 0 && top >= 0 && right <= stage[0] && bottom <= stage[1]) return view;
  const scale = Math.min(view.scale, stage[0] / (x1 - x0) / 1.2, stage[1] / (y1 - y0) / 1.2);
  const least = fitInto(size, stage).scale;
  const kept = Math.max(least, scale);
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return clamp({ scale: kept, x: stage[0] / 2 - cx * kept, y: stage[1] / 2 - cy * kept }, size, stage);
}
