import type { Shape } from "./shapes";
import { COLOURS } from "./tables";
import { type Size, toStage, type View } from "./view";

export interface DrawOptions {
  /** Key of the shape that was chosen, and of the one under the pointer. */
  chosen: string | null;
  pointed: string | null;
  labels: boolean;
  /** Thickness of lines, CSS pixels. */
  line: number;
  font: string;
}

type Pen = CanvasRenderingContext2D;

function path(pen: Pen, view: View, points: readonly (readonly [number, number])[], closed: boolean): void {
  pen.beginPath();
  points.forEach((point, i) => {
    const [x, y] = toStage(view, point);
    if (i === 0) pen.moveTo(x, y);
    else pen.lineTo(x, y);
  });
  if (closed) pen.closePath();
}

/** Stroke twice, dark below, so that lines can be seen on any picture. */
function rimmed(pen: Pen, colour: string, width: number): void {
  pen.lineWidth = width + 1.6;
  pen.strokeStyle = "rgb(16 16 20 / 0.55)";
  pen.stroke();
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke();
}

function outline(pen: Pen, view: View, shape: Shape, width: number, strong: boolean): void {
  if (shape.outline === "none" && !strong) return;
  path(pen, view, shape.area, true);
  if (strong) {
    pen.fillStyle = "rgb(255 255 255 / 0.12)";
    pen.fill();
  }
  if (shape.outline === "dashed" && !strong) {
    // A box that only frames landmarks stays in the background.
    pen.setLineDash([4, 6]);
    pen.lineWidth = Math.max(1, width - 0.5);
    pen.strokeStyle = COLOURS[shape.colour];
    pen.stroke();
  } else rimmed(pen, COLOURS[shape.colour], width);
  pen.setLineDash([]);
}

function figure(pen: Pen, view: View, shape: Shape, width: number): void {
  for (const line of shape.lines) {
    path(pen, view, line.points, line.closed ?? false);
    if (line.weight < 1) {
      pen.lineWidth = Math.max(1, width * line.weight);
      pen.strokeStyle = COLOURS[line.colour];
      pen.stroke();
    } else rimmed(pen, COLOURS[line.colour], width);
  }
  for (const { points, colour, radius } of shape.dots) {
    const r = Math.max(0.6, radius * (width + 1) * Math.min(2, Math.max(1, Math.sqrt(view.scale / 2))));
    pen.fillStyle = COLOURS[colour];
    pen.beginPath();
    for (const point of points) {
      const [x, y] = toStage(view, point);
      pen.moveTo(x + r, y);
      pen.arc(x, y, r, 0, 2 * Math.PI);
    }
    pen.fill();
    if (r < 2) continue;
    pen.lineWidth = 1;
    pen.strokeStyle = "rgb(16 16 20 / 0.6)";
    pen.stroke();
  }
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = (colour.match(/\d+/g) ?? []).map(Number);
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}

function label(pen: Pen, view: View, shape: Shape, text: string, width: number): void {
  const [x, y] = toStage(view, [shape.box[0], shape.box[1]]);
  const w = pen.measureText(text).width + 8;
  const top = y >= 18 ? y - 17 : y + 1;
  const left = Math.max(0, Math.min(x - width / 2, pen.canvas.clientWidth - w));
  pen.fillStyle = COLOURS[shape.colour];
  pen.fillRect(left, top, w, 16);
  pen.fillStyle = luminance(COLOURS[shape.colour]) > 0.45 ? COLOURS.dark : COLOURS.light;
  pen.fillText(text, left + 4, top + 8.5);
}

/** Draw shapes onto a canvas whose units are CSS pixels of the stage. */
export function paint(pen: Pen, shapes: readonly Shape[], view: View, size: Size, options: DrawOptions): void {
  const { chosen, pointed, line } = options;
  // Landmarks may be guessed beyond the picture's edge; nothing is drawn there.
  const [left, top] = toStage(view, [0, 0]);
  pen.save();
  pen.beginPath();
  pen.rect(left - 1, top - 1, size[0] * view.scale + 2, size[1] * view.scale + 2);
  pen.clip();
  pen.lineJoin = "round";
  pen.lineCap = "round";
  const strong = (shape: Shape) => shape.key === chosen || shape.key === pointed;
  for (const shape of shapes) {
    pen.globalAlpha = chosen !== null && shape.key !== chosen && shape.key !== pointed ? 0.45 : 1;
    outline(pen, view, shape, strong(shape) ? line + 1 : line, strong(shape));
    figure(pen, view, shape, line);
  }
  pen.globalAlpha = 1;
  pen.restore();
  if (!options.labels) return;
  pen.font = options.font;
  pen.textBaseline = "middle";
  for (const shape of shapes) {
    const wide = (shape.box[2] - shape.box[0]) * view.scale;
    if (shape.outline === "none" || shape.label === "" || (wide < 22 && !strong(shape))) continue;
    const score = strong(shape) && shape.score !== null ? ` ${Math.round(shape.score * 100)}%` : "";
    label(pen, view, shape, shape.label + score, line);
  }
}
