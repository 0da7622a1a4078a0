import { type RefObject, useEffect, useRef } from "react";
import { fitInto, pan, type Size, type View, zoomAt } from "~/components/overlay/view";

interface Options {
  view: View;
  size: Size;
  stage: Size;
  onView: (view: View) => void;
  /** A click or tap that moved nothing; stage pixels. */
  onTap: (x: number, y: number) => void;
  /** The mouse over the stage; null: it left. */
  onHover: (x: number | null, y: number | null) => void;
}

/** Pixels that a press may wander and still be a tap. */
const TAP = 5;

interface Press {
  x: number;
  y: number;
}

/** Wheel, drag, pinch and tap on an element. */
export function useGestures(options: Options): RefObject<HTMLDivElement | null> {
  const element = useRef<HTMLDivElement | null>(null);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const pressed = new Map<number, Press>();
    let travelled = 0;
    const place = (event: { clientX: number; clientY: number }): Press => {
      const bounds = target.getBoundingClientRect();
      return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
    };
    const show = (view: View) => {
      latest.current = { ...latest.current, view };
      latest.current.onView(view);
    };

    const wheel = (event: WheelEvent) => {
      const { view, size, stage } = latest.current;
      const factor = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.0018));
      // A fitted picture cannot be made smaller: the page scrolls instead.
      if (factor < 1 && view.scale <= fitInto(size, stage).scale * 1.001) return;
      event.preventDefault();
      const { x, y } = place(event);
      show(zoomAt(view, factor, [x, y], size, stage));
    };

    const down = (event: PointerEvent) => {
      if (event.button !== 0) return;
      if (pressed.size === 0) travelled = 0;
      pressed.set(event.pointerId, place(event));
      if (event.pointerType !== "mouse" || pressed.size > 1) return;
      target.setPointerCapture(event.pointerId);
    };

    const pinch = (id: number, now: Press, before: Press) => {
      const [other] = [...pressed].filter(([key]) => key !== id).map(([, press]) => press);
      if (!other) return;
      const { view, size, stage } = latest.current;
      const was = Math.hypot(before.x - other.x, before.y - other.y);
      const is = Math.hypot(now.x - other.x, now.y - other.y);
      const middle = [(now.x + other.x) / 2, (now.y + other.y) / 2] as const;
      const moved = pan(view, (now.x - before.x) / 2, (now.y - before.y) / 2, size, stage);
      show(zoomAt(moved, was > 0 ? is / was : 1, middle, size, stage));
    };

    const move = (event: PointerEvent) => {
      const now = place(event);
      const before = pressed.get(event.pointerId);
      if (!before) {
        if (event.pointerType === "mouse") latest.current.onHover(now.x, now.y);
        return;
      }
      const [dx, dy] = [now.x - before.x, now.y - before.y];
      travelled += Math.hypot(dx, dy);
      if (pressed.size === 2) pinch(event.pointerId, now, before);
      else if (travelled > TAP) {
        const { view, size, stage } = latest.current;
        show(pan(view, dx, dy, size, stage));
      }
      pressed.set(event.pointerId, now);
    };

    const up = (event: PointerEvent) => {
      if (!pressed.delete(event.pointerId)) return;
      if (pressed.size === 0 && travelled <= TAP) {
        const { x, y } = place(event);
        latest.current.onTap(x, y);
      }
    };
    const cancel = (event: PointerEvent) => pressed.delete(event.pointerId);
    const leave = (event: PointerEvent) => {
      if (event.pointerType === "mouse") latest.current.onHover(null, null);
    };

    target.addEventListener("wheel", wheel, { passive: false });
    target.addEventListener("pointerdown", down);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
    target.addEventListener("pointercancel", cancel);
    target.addEventListener("pointerleave", leave);
    return () => {
      target.removeEventListener("wheel", wheel);
      target.removeEventListener("pointerdown", down);
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", up);
      target.removeEventListener("pointercancel", cancel);
      target.removeEventListener("pointerleave", leave);
    };
  }, []);

  return element;
}
