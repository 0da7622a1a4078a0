"""Objects, tracks and lines of text: boxes and quadrilaterals with what they are."""

from __future__ import annotations

import numpy as np

from sightline.core.observations import Detections, TextLines, Tracks
from sightline.media.drawing import tables
from sightline.media.drawing.canvas import Canvas, Floats, drawable
from sightline.media.drawing.figures import caption, identity
from sightline.media.drawing.labels import MIN_FONT_PX

_ARROW_S = 0.25


def paint_detections(canvas: Canvas, found: Detections) -> None:
    """Draw boxes in the colour of the id, else of the class, named with class and score."""
    for row, (box, name) in enumerate(zip(drawable(found.boxes_xyxy), found.names(), strict=True)):
        number = identity(found, row)
        colour = tables.colour_of(int(found.labels[row]) if number is None else number)
        canvas.box(box, colour, canvas.line_within(box))
        canvas.label(caption(canvas, found, row, name), box, colour)


def paint_tracks(canvas: Canvas, tracks: Tracks) -> None:
    """Draw boxes in the colour of the track and an arrow to where it will be a quarter of a second on.

    A track that is not seen at the moment has a thin box and a question mark.
    """
    for row, box in enumerate(drawable(tracks.boxes_xyxy)):
        number = identity(tracks, row)
        colour = tables.colour_of(row if number is None else number)
        unseen = tracks.unseen_s is not None and float(tracks.unseen_s[row]) > 0
        width = canvas.line_within(box)
        canvas.box(box, colour, 1 if unseen else width)
        if tracks.velocity_xy is not None:
            _arrow(canvas, box, tracks.velocity_xy[row], colour, width)
        named = tracks.labels is not None and 0 <= tracks.labels[row] < len(tracks.label_names)
        name = tracks.label_names[int(tracks.labels[row])] if named and tracks.labels is not None else ""
        canvas.label(caption(canvas, tracks, row, name, "?" if unseen else ""), box, colour)


def _arrow(canvas: Canvas, box: Floats, velocity_xy: Floats, colour: tables.Colour, width: int) -> None:
    start = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    step = drawable(velocity_xy) * _ARROW_S
    length = float(np.linalg.norm(step))
    if not np.isfinite(length) or length < 4 * width:
        return
    end = start + step
    back = -step / length * min(length / 3, 6.0 * width)
    side = np.array([-back[1], back[0]]) * 0.6
    canvas.lines([np.stack([start, end]), np.stack([end + back + side, end, end + back - side])], colour, width)


def paint_text_lines(canvas: Canvas, lines: TextLines) -> None:
    """Draw the outline of each line of text and what it says, in letters about as high as the line's."""
    colour = tables.named_colour("green")
    for row, quad in enumerate(drawable(lines.quads_xy)):
        if not np.isfinite(quad).all():
            continue
        height = float(np.linalg.norm(quad[3] - quad[0]))
        box = np.concatenate([quad.min(axis=0), quad.max(axis=0)])
        canvas.lines([quad], colour, max(canvas.line_within(box, 0.1) - 1, 1), rim=False, closed=True)
        size_px = round(min(max(height * 0.7, MIN_FONT_PX), canvas.font_px))
        score = float(lines.scores[row])
        shown = f"{lines.texts[row]} {score * 100:.0f}%" if canvas.style.scores and np.isfinite(score) else str(lines.texts[row])
        canvas.label(shown, box, colour, size_px, shy=True)
