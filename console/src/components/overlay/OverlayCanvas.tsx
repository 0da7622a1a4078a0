import { useEffect, useRef } from "react";
import { paint } from "./draw";
import classes from "./overlay.module.css";
import type { Shape } from "./shapes";
import type { Size, View } from "./view";

interface Props {
  shapes: readonly Shape[];
  view: View;
  /** Of the picture, its own pixels. */
  size: Size;
  /** Of the stage that the canvas covers, CSS pixels. */
  stage: Size;
  chosen?: string | null;
  pointed?: string | null;
  labels?: boolean;
}

/** Draws shapes over a picture that lies on the stage as the view says. Decoration: a table beside it says the same in words. */
export function OverlayCanvas({ shapes, view, size, stage, chosen = null, pointed = null, labels = true }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const target = canvas.current;
    const pen = target?.getContext("2d");
    if (!target || !pen) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    const [w, h] = [Math.round(stage[0] * ratio), Math.round(stage[1] * ratio)];
    if (target.width !== w || target.height !== h) {
      target.width = w;
      target.height = h;
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, stage[0], stage[1]);
    const line = Math.max(1.25, Math.min(2.25, Math.sqrt(stage[0] * stage[1]) / 420));
    paint(pen, shapes, view, size, {
      chosen,
      pointed,
      labels,
      line,
      font: '600 11px system-ui, "Noto Sans CJK SC", sans-serif',
    });
  });
  return <canvas ref={canvas} className={classes.canvas} aria-hidden="true" />;
}
