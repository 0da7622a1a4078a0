import { ActionIcon } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { IconMaximize, IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { OverlayCanvas } from "~/components/overlay/OverlayCanvas";
import { type Shape, shapeAt } from "~/components/overlay/shapes";
import { clamp, fitInto, reveal, type Size, toPicture, type View, zoomAt } from "~/components/overlay/view";
import classes from "./Stage.module.css";
import { useGestures } from "./useGestures";

interface Props {
  /** Of the picture or video, its own pixels. */
  size: Size;
  /** What the stage shows, in words. */
  label: string;
  shapes: readonly Shape[];
  chosen: string | null;
  onChoose: (key: string | null) => void;
  pointed: string | null;
  onPoint: (key: string | null) => void;
  /** More keys, such as a video's; returns whether it took the key. */
  onKey?: (key: string) => boolean;
  /** The <img> or <video>, as large as the picture is; the stage scales it. */
  children: ReactNode;
}

const STEP = 1.25;

/** A picture that can be zoomed, moved and inspected, with findings drawn over it. */
export function Stage({ size, label, shapes, chosen, onChoose, pointed, onPoint, onKey, children }: Props) {
  const { t } = useTranslation();
  const { ref, width, height } = useElementSize<HTMLDivElement>();
  const [w, h] = size;
  // null: fitted, and fitted again when the window changes.
  const [zoomed, setZoomed] = useState<View | null>(null);
  const stage: Size = [width, height];
  const fitted = fitInto(size, stage);
  const view = zoomed ? clamp(zoomed, size, stage) : fitted;
  const setView = (next: View) => setZoomed(next.scale <= fitInto(size, stage).scale * 1.001 ? null : next);
  const zoom = (factor: number) => setView(zoomAt(view, factor, [width / 2, height / 2], size, stage));

  const hit = (x: number, y: number) => shapeAt(shapes, toPicture(view, [x, y]), 5 / view.scale)?.key ?? null;
  const area = useGestures({
    view,
    size,
    stage,
    onView: setView,
    onTap: (x, y) => onChoose(hit(x, y)),
    onHover: (x, y) => onPoint(x === null || y === null ? null : hit(x, y)),
  });

  const box = shapes.find((shape) => shape.key === chosen)?.box;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new choice moves the view, a new frame does not
  useEffect(() => {
    if (box && zoomed) setView(reveal(view, box, size, stage));
  }, [chosen]);

  const go = (by: number) => {
    if (shapes.length === 0) return;
    const order = [...shapes].sort((a, b) => a.kind.localeCompare(b.kind) || a.index - b.index);
    const at = order.findIndex((shape) => shape.key === chosen);
    const next = at < 0 ? (by > 0 ? 0 : order.length - 1) : (at + by + order.length) % order.length;
    onChoose(order[next]?.key ?? null);
  };
  const move = (dx: number, dy: number) => {
    if (!zoomed) return false;
    setView(clamp({ ...view, x: view.x + dx, y: view.y + dy }, size, stage));
    return true;
  };
  const did = (act: () => void) => () => {
    act();
    return true;
  };
  const keys = new Map<string, () => boolean>([
    ["+", did(() => zoom(STEP))],
    ["=", did(() => zoom(STEP))],
    ["-", did(() => zoom(1 / STEP))],
    ["0", did(() => setZoomed(null))],
    ["[", did(() => go(-1))],
    ["]", did(() => go(1))],
    ["Escape", did(() => onChoose(null))],
    ["ArrowLeft", () => move(60, 0)],
    ["ArrowRight", () => move(-60, 0)],
    ["ArrowUp", () => move(0, 60)],
    ["ArrowDown", () => move(0, -60)],
  ]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    if (keys.get(event.key)?.() || onKey?.(event.key)) event.preventDefault();
  };

  return (
    <div className={classes.frame}>
      <div
        ref={(element) => {
          ref(element);
          area.current = element;
        }}
        className={classes.stage}
        role="application"
        tabIndex={0}
        aria-label={`${label}. ${t("stage.keys")}`}
        data-zoomed={zoomed !== null}
        data-pointing={pointed !== null}
        onKeyDown={onKeyDown}
      >
        <div
          className={classes.picture}
          data-pixels={view.scale > 4}
          style={{ width: w, height: h, transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
        >
          {children}
        </div>
        <OverlayCanvas shapes={shapes} view={view} size={size} stage={stage} chosen={chosen} pointed={pointed} />
      </div>
      <div className={classes.tools}>
        <Tool label={t("stage.out")} icon={IconZoomOut} disabled={!zoomed} onClick={() => zoom(1 / STEP)} />
        <span className={classes.scale}>{Math.round(view.scale * 100)}%</span>
        <Tool label={t("stage.in")} icon={IconZoomIn} onClick={() => zoom(STEP)} />
        <Tool label={t("stage.fit")} icon={IconMaximize} disabled={!zoomed} onClick={() => setZoomed(null)} />
      </div>
    </div>
  );
}

interface ToolProps {
  label: string;
  icon: typeof IconZoomIn;
  disabled?: boolean;
  onClick: () => void;
}

function Tool({ label, icon: Icon, disabled, onClick }: ToolProps) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={32}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon size={18} stroke={1.7} aria-hidden />
    </ActionIcon>
  );
}
