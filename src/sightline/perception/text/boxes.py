"""From the text detector's map to rotated rectangles around lines."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# The settings of PP-OCR's own post-processing: what counts as text, which lines are sure enough, how far the shrunken
# line grows back, and the smallest line, in map pixels.
_TEXT = 0.3
_LINE = 0.5
_GROW = 1.6
_SMALLEST_PX = 3.0
_MOST_LINES = 1000


class Rects(NamedTuple):
    """Rotated rectangles.

    Attributes
    ----------
    centres_xy : ndarray of float32, shape (n, 2)
    sizes_wh : ndarray of float32, shape (n, 2)
        Along the rectangle's own axes.
    angles_rad : ndarray of float32, shape (n,)
        How far the width axis is turned from the x axis, clockwise on the screen, -pi/4 .. pi/4.
    scores : ndarray of float32, shape (n,)
    """

    centres_xy: Floats
    sizes_wh: Floats
    angles_rad: Floats
    scores: Floats


def lines_of_map(text_map: Floats) -> Rects:
    """Return the lines in a map of text probability, in map pixels.

    References
    ----------
    M. Liao et al., "Real-time scene text detection with differentiable binarization", AAAI 2020, section 3.4 (lines are
    learnt shrunken by area * ratio / perimeter and grow back by it).

    Examples
    --------
    >>> text_map = np.zeros((64, 128), np.float32)
    >>> text_map[20:30, 10:90] = 0.9
    >>> lines_of_map(text_map).centres_xy.round().tolist()
    [[50.0, 25.0]]
    """
    mask = cv2.dilate((text_map > _TEXT).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    rows: list[tuple[float, ...]] = []
    for contour in contours[:_MOST_LINES]:
        rect = cv2.minAreaRect(contour)
        if min(rect[1]) < _SMALLEST_PX:
            continue
        score = _mean_inside(text_map, rect)
        if score >= _LINE:
            rows.append((*_upright(rect), score))
    table = np.array(rows, np.float32).reshape(-1, 6)
    sizes = table[:, 2:4]
    grow = _GROW * sizes.prod(axis=1) / np.maximum(2 * sizes.sum(axis=1), 1e-6)
    # Half a pixel for the coordinates of pixel centres, less half a pixel by which the 2 x 2 dilation shifts the lines.
    return Rects(table[:, :2], sizes + 2 * grow[:, None], table[:, 4], table[:, 5])


def corners(rects: Rects) -> Floats:
    """Return the corners (n, 4, 2), clockwise from the one that is top left when the rectangle is turned upright.

    Examples
    --------
    >>> rects = Rects(*(np.array(v, np.float32) for v in ([[10, 5]], [[8, 4]], [0], [1])))
    >>> corners(rects)[0].tolist()
    [[6.0, 3.0], [14.0, 3.0], [14.0, 7.0], [6.0, 7.0]]
    """
    across = np.stack([np.cos(rects.angles_rad), np.sin(rects.angles_rad)], axis=1) * rects.sizes_wh[:, :1] / 2
    down = np.stack([-np.sin(rects.angles_rad), np.cos(rects.angles_rad)], axis=1) * rects.sizes_wh[:, 1:] / 2
    c = rects.centres_xy
    return np.stack([c - across - down, c + across - down, c + across + down, c - across + down], axis=1).astype(np.float32)


def scaled(rects: Rects, scale: float) -> Rects:
    """Return the rectangles with lengths multiplied by ``scale``."""
    factor = np.float32(scale)
    return rects._replace(centres_xy=rects.centres_xy * factor, sizes_wh=rects.sizes_wh * factor)


def _upright(rect: Any) -> tuple[float, float, float, float, float]:
    """Return centre, size and angle with the angle in -45..45 degrees."""
    (x, y), (w, h), degrees = rect
    while degrees > 45:
        degrees, w, h = degrees - 90, h, w
    while degrees < -45:
        degrees, w, h = degrees + 90, h, w
    return x, y, w, h, float(np.radians(degrees))


def _mean_inside(text_map: Floats, rect: Any) -> float:
    points = cv2.boxPoints(rect)
    limit = np.array(text_map.shape[::-1]) - 1
    low = np.clip(np.floor(points.min(axis=0)), 0, limit).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), 0, limit).astype(int)
    part = text_map[low[1] : high[1] + 1, low[0] : high[0] + 1]
    inside = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(inside, [(points - low).astype(np.int32)], 1)
    return float(cv2.mean(part, inside)[0])
