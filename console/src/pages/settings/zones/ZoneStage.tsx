import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Zone } from "~/api/sources";
import { formatShare } from "~/lib/format";
import { type Corner, corner, FEWEST, middle, moved, split, svgPoints, without } from "./polygon";
import classes from "./zones.module.css";

export interface Draft {
  points: readonly Corner[];
  /** Whether the shape is closed; until then presses add corners. */
  closed: boolean;
}

interface Props {
  size: readonly [number, number];
  zones: readonly Zone[];
  draft: Draft | null;
  onDraft: (draft: Draft) => void;
  children: ReactNode;
}

const STEP = 0.01;
const BIG = 0.05;
const ARROWS: Readonly<Record<string, Corner>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A picture on which a polygon is drawn, with the pointer or the keyboard. */
export function ZoneStage({ size, zones, draft, onDraft, children }: Props) {
  const { t } = useTranslation("settings");
  const stage = useRef<HTMLDivElement>(null);
  const [cross, setCross] = useState<Corner>([0.5, 0.5]);
  const [pointer, setPointer] = useState<Corner | null>(null);
  const open = draft !== null && !draft.closed;
  const points = draft?.points ?? [];

  const place = (event: PointerEvent): Corner => {
    const bounds = stage.current?.getBoundingClientRect();
    if (!bounds) return [0, 0];
    return corner((event.clientX - bounds.left) / bounds.width, (event.clientY - bounds.top) / bounds.height);
  };
  const add = (point: Corner) => onDraft({ points: [...points, point], closed: false });
  const close = () => {
    if (points.length >= FEWEST) onDraft({ points, closed: true });
  };
  const keys = (event: KeyboardEvent) => {
    if (!open || event.target !== event.currentTarget) return;
    const arrow = ARROWS[event.key];
    const by = event.shiftKey ? BIG : STEP;
    if (arrow) setCross(corner(cross[0] + arrow[0] * by, cross[1] + arrow[1] * by));
    else if (event.key === " ") add(cross);
    else if (event.key === "Enter") close();
    else if (event.key === "Backspace") onDraft({ points: points.slice(0, -1), closed: false });
    else return;
    event.preventDefault();
  };
  const next = pointer ?? cross;
  return (
    <div
      ref={stage}
      className={classes.stage}
      style={{ aspectRatio: `${size[0]} / ${size[1]}`, maxWidth: `calc((100dvh - 260px) * ${size[0] / size[1]})` }}
      data-drawing={open}
      role="application"
      tabIndex={open ? 0 : -1}
      aria-label={t("zones.stage")}
      onKeyDown={keys}
      onPointerDown={(event) => {
        if (open && event.button === 0) add(place(event));
      }}
      onPointerMove={(event) => open && event.pointerType === "mouse" && setPointer(place(event))}
      onPointerLeave={() => setPointer(null)}
    >
      {children}
      <svg className={classes.shapes} viewBox={`0 0 ${size[0]} ${size[1]}`} preserveAspectRatio="none" aria-hidden>
        {zones.map((zone) => (
          <polygon key={zone.id} className={classes.zone} points={svgPoints(zone.polygon_xy, size)} />
        ))}
        {draft?.closed && <polygon className={classes.draft} points={svgPoints(points, size)} />}
        {open && <polyline className={classes.draft} points={svgPoints([...points, next], size)} />}
        {open && points.length >= 2 && (
          <polyline className={classes.closing} points={svgPoints([next, points[0] ?? next], size)} />
        )}
      </svg>
      {zones.map((zone) => (
        <span key={zone.id} className={classes.name} style={at(middle(zone.polygon_xy))}>
          {zone.name}
        </span>
      ))}
      {open && <span className={classes.cross} style={at(cross)} data-idle={pointer !== null} />}
      {points.map((point, i) => (
        <CornerButton
          // biome-ignore lint/suspicious/noArrayIndexKey: corners are told apart by their place in the row
          key={i}
          point={point}
          label={t("zones.corner", {
            number: i + 1,
            count: points.length,
            x: formatShare(point[0], "en"),
            y: formatShare(point[1], "en"),
          })}
          first={i === 0}
          open={open}
          place={place}
          onMove={(x, y) => draft && onDraft({ ...draft, points: moved(points, i, x, y) })}
          onRemove={() =>
            draft && (open || points.length > FEWEST) && onDraft({ ...draft, points: without(points, i) })
          }
          onSplit={() => draft?.closed && onDraft({ ...draft, points: split(points, i) })}
          onClose={close}
        />
      ))}
      {draft?.closed &&
        points.map((point, i) => {
          const following = points[(i + 1) % points.length] ?? point;
          return (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: edges are told apart by their place in the row
              key={i}
              className={classes.between}
              style={at(middle([point, following]))}
              onPointerDown={(event) => {
                event.stopPropagation();
                onDraft({ ...draft, points: split(points, i) });
              }}
            />
          );
        })}
    </div>
  );
}

const at = ([x, y]: Corner) => ({ left: `${x * 100}%`, top: `${y * 100}%` });

interface CornerProps {
  point: Corner;
  label: string;
  first: boolean;
  open: boolean;
  place: (event: PointerEvent) => Corner;
  onMove: (x: number, y: number) => void;
  onRemove: () => void;
  onSplit: () => void;
  onClose: () => void;
}

/** A corner that can be dragged, moved by arrows, split (+) and removed (Delete). */
function CornerButton({ point, label, first, open, place, onMove, onRemove, onSplit, onClose }: CornerProps) {
  const keys = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key];
    const by = event.shiftKey ? BIG : STEP;
    if (arrow) onMove(point[0] + arrow[0] * by, point[1] + arrow[1] * by);
    else if (event.key === "Delete" || event.key === "Backspace") onRemove();
    else if (event.key === "+" || event.key === "Insert") onSplit();
    else if (event.key === "Enter" && open) onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <button
      type="button"
      className={classes.corner}
      data-first={first && open}
      style={at(point)}
      aria-label={label}
      onKeyDown={keys}
      onPointerDown={(event) => {
        event.stopPropagation();
        if (first && open) onClose();
        else event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const [x, y] = place(event);
        onMove(x, y);
      }}
      onDoubleClick={onRemove}
    />
  );
}
