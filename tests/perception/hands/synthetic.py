"""Hands made of joint angles: a right hand, fingers up, its palm towards the camera, in palms (wrist to knuckles = 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sightline.core.observations import Hands

# Knuckle (x, y), direction of the stretched finger (degrees from up, clockwise on the screen), lengths of the three bones.
_FINGERS = {
    "index": ((-0.26, -0.95), -8, (0.42, 0.27, 0.22)),
    "middle": ((-0.02, -1.0), -1, (0.46, 0.3, 0.23)),
    "ring": ((0.2, -0.94), 6, (0.42, 0.28, 0.23)),
    "little": ((0.4, -0.82), 15, (0.34, 0.2, 0.2)),
}
OUT, BENT, FOLDED = (0, 0, 0), (50, 40, 25), (80, 100, 60)
_THUMBS = {
    "out": ((-0.28, -0.18), (-0.52, -0.42), (-0.74, -0.64), (-0.92, -0.84)),
    "in": ((-0.26, -0.2), (-0.34, -0.5), (-0.18, -0.72), (0.04, -0.74)),
    # A stretched thumb that stands at a right angle to the hand, as in "thumb up".
    "square": ((-0.22, -0.2), (-0.45, -0.42), (-0.8, -0.46), (-1.12, -0.48)),
}


def hand(fingers: Sequence[tuple[float, float, float]], thumb: str, *, turn_deg: float = 0, mirror: bool = False) -> np.ndarray:
    """Return 21 landmarks (x, y, z) in pixels: each finger's bends at its three joints, degrees, towards the camera."""
    points = np.zeros((21, 3))
    points[1:5, :2] = _THUMBS[thumb]
    points[3:5, 2] = (-0.1, -0.15) if thumb == "in" else (0, 0)
    for i, (bends, (knuckle, direction, bones)) in enumerate(zip(fingers, _FINGERS.values(), strict=True)):
        along = np.array([np.sin(np.radians(direction)), -np.cos(np.radians(direction)), 0])
        at, angle = np.array([*knuckle, 0.0]), 0.0
        points[5 + 4 * i] = at
        for k, (bend, bone) in enumerate(zip(bends, bones, strict=True)):
            angle += np.radians(bend)
            at = at + bone * (np.cos(angle) * along + np.sin(angle) * np.array([0, 0, -1]))
            points[6 + 4 * i + k] = at
    if mirror:
        points[:, 0] *= -1
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    points[:, :2] = points[:, :2] @ np.array([[c, s], [-s, c]])
    return (points * 100 + [300, 300, 0]).astype(np.float32)


def hands_of(*points: np.ndarray) -> Hands:
    """Return ``Hands`` of these landmarks."""
    stacked = np.stack(points)
    boxes = np.concatenate([stacked[..., :2].min(axis=1), stacked[..., :2].max(axis=1)], axis=1)
    return Hands(boxes, np.ones(len(stacked)), points_xyz=stacked)
