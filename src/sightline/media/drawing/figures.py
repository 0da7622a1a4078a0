"""Faces, bodies and hands: points and lines that follow a person. Left and right are the subject's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightline.core.observations import Bodies, Faces, Hands, Observations
from sightline.media.drawing import tables
from sightline.media.drawing.canvas import Canvas, Floats, drawable, rimmed

_LEFT, _RIGHT = "sky", "orange"


def identity(value: Observations, row: int) -> int | None:
    """Return the id of a row, None when it has none."""
    return None if value.ids is None or value.ids[row] < 0 else int(value.ids[row])


def caption(canvas: Canvas, value: Observations, row: int, *words: str, score: float | None = None) -> str:
    """Return a label such as ``#3 face 97%``."""
    number = identity(value, row)
    parts = [f"#{number}"] if number is not None else []
    parts += [w for w in words if w]
    sure = float(value.scores[row]) if score is None else score
    if canvas.style.scores and np.isfinite(sure):
        parts.append(f"{sure * 100:.0f}%")
    return " ".join(parts)


def paint_faces(canvas: Canvas, faces: Faces) -> None:
    """Draw boxes, mesh contours or five points, and labels."""
    for row, box in enumerate(drawable(faces.boxes_xyxy)):
        number = identity(faces, row)
        colour = tables.named_colour("sky") if number is None else tables.colour_of(number)
        if canvas.style.boxes:
            canvas.box(box, colour, canvas.line_within(box))
        if faces.mesh_xyz is not None and canvas.style.face != "none":
            _mesh(canvas, faces.mesh_xyz[row, :, :2], box)
        elif faces.points_xy is not None and canvas.style.face != "none":
            radius = max(float(np.nan_to_num(box[2] - box[0])) / 45, 1.0)
            for side, rows in ((_RIGHT, [0, 3]), (_LEFT, [1, 4]), ("yellow", [2])):
                canvas.dots(drawable(faces.points_xy[row, rows]), tables.named_colour(side), radius)
        canvas.label(caption(canvas, faces, row, "face"), box, colour)


def _mesh(canvas: Canvas, points_xy: Floats, box: Floats) -> None:
    points_xy = drawable(points_xy)
    width = max(round(min(canvas.line, float(box[2] - box[0]) / 180)), 1) if np.isfinite(box).all() else 1
    if canvas.style.face == "points":
        canvas.dots(points_xy[:468], tables.named_colour("light"), width * 0.7, rim=False)
        return
    chains = tables.face_chains()

    def draw(colour: str, *parts: str, rim: bool = False) -> None:
        canvas.lines([points_xy[c] for p in parts for c in chains[p]], tables.named_colour(colour), width, rim=rim)

    draw("light", "oval", "nose", rim=width > 1)
    draw("vermillion", "lips")
    draw(_RIGHT, "right_eye", "right_brow")
    draw(_LEFT, "left_eye", "left_brow")
    for iris in tables.irises():
        centre = points_xy[iris[0]]
        radius = float(np.linalg.norm(points_xy[list(iris[1:])] - centre, axis=1).mean())
        if radius >= 1:
            canvas.circle(centre, radius, tables.named_colour("yellow"), width)


def paint_bodies(canvas: Canvas, bodies: Bodies) -> None:
    """Draw masks, skeletons and labels; landmarks that are hardly visible are left out."""
    for row, box in enumerate(drawable(bodies.boxes_xyxy)):
        number = identity(bodies, row)
        colour = tables.named_colour("green") if number is None else tables.colour_of(number)
        if canvas.style.masks and bodies.masks is not None:
            canvas.tint(bodies.masks[row], colour)
        if canvas.style.boxes:
            canvas.box(box, colour, canvas.line_within(box, 0.4))
        if bodies.points_xyz is not None:
            points = drawable(bodies.points_xyz[row, :, :2])
            visible = None if bodies.visibility is None else bodies.visibility[row] >= canvas.style.min_visibility
            _skeleton(canvas, points, visible, bodies.skeleton, canvas.line_within(box, 0.4))
        canvas.label(caption(canvas, bodies, row, "person"), box, colour)


def _skeleton(canvas: Canvas, points_xy: Floats, visible: NDArray[np.bool_] | None, kind: str, width: int) -> None:
    shown: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(points_xy), axis=1)
    if visible is not None:
        shown = shown & visible
    if not canvas.heads:
        shown[: tables.head_count(kind)] = False
    colours = {"centre": "light", "right": _RIGHT, "left": _LEFT}
    sides = {side: tables.named_colour(name) for side, name in colours.items()}
    edges = {side: _edges(tables.body_chains(kind)[side], shown) for side in sides}
    canvas.lines([points_xy[e] for side in sides for e in edges[side]], tables.named_colour("dark"), rimmed(width), rim=False)
    for side, colour in sides.items():
        canvas.lines([points_xy[e] for e in edges[side]], colour, width, rim=False)
    right = tables.right_points(kind)
    rows = np.flatnonzero(shown)
    is_right = np.array([int(r) in right for r in rows], bool)
    canvas.dots(points_xy[rows[is_right]], sides["right"], width * 1.1)
    canvas.dots(points_xy[rows[~is_right]], sides["left"], width * 1.1)


def _edges(chains: tables.Chains, shown: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the pairs of neighbours in the chains of which both are shown."""
    pairs = [chain[i : i + 2] for chain in chains for i in range(len(chain) - 1)]
    return [pair for pair in pairs if shown[pair[0]] and shown[pair[1]]]


def paint_hands(canvas: Canvas, hands: Hands) -> None:
    """Draw the joints, and labels with the subject's side and the gesture."""
    for row, box in enumerate(drawable(hands.boxes_xyxy)):
        left = None if hands.left_scores is None else bool(hands.left_scores[row] >= 0.5)
        number = identity(hands, row)
        named = {None: "purple", True: _LEFT, False: _RIGHT}[left]
        colour = tables.named_colour(named) if number is None else tables.colour_of(number)
        if canvas.style.boxes:
            canvas.box(box, colour, canvas.line_within(box, 0.15))
        if hands.points_xyz is not None:
            points = drawable(hands.points_xyz[row, :, :2])
            width = canvas.line_within(box, 0.15)
            canvas.lines([points[c] for c in tables.hand_chains()], colour, width)
            canvas.dots(points, tables.named_colour("light"), width * 0.8)
        side = {None: "hand", True: "left hand", False: "right hand"}[left]
        canvas.label(caption(canvas, hands, row, side, _gesture(hands, row)), box, colour)


def _gesture(hands: Hands, row: int) -> str:
    if hands.gestures is None or not 0 <= hands.gestures[row] < len(hands.gesture_names):
        return ""
    return "· " + hands.gesture_names[int(hands.gestures[row])].replace("_", " ")
