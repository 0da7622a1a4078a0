"""Views: which part of a picture a net is shown, and at which size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import tiles
from sightline.core.frame import Image
from sightline.media.sampling import resize

Floats = NDArray[np.float32]

SIDE_STEP: Final = 32
"""Sides of what the net is shown are padded to multiples of this."""


@dataclass(frozen=True)
class View:
    """A part of a picture and the size at which the net sees it.

    Attributes
    ----------
    region_xyxy : tuple of int
        The part, in pixels of the picture; it may reach beyond the picture, where the net sees black.
    size_wh : tuple of int
        Its size before it is padded to the net's step.
    """

    region_xyxy: tuple[int, int, int, int]
    size_wh: tuple[int, int]

    @property
    def scale_xy(self) -> Floats:
        """Net pixels a picture pixel, along x and y."""
        x0, y0, x1, y1 = self.region_xyxy
        return np.array([self.size_wh[0] / (x1 - x0), self.size_wh[1] / (y1 - y0)], np.float32)


def whole_view(image_wh: tuple[int, int], long_side: float, max_enlarge: float) -> View:
    """Return the view of the whole picture with a long side of ``long_side`` net pixels, enlarged at most ``max_enlarge`` times."""
    width, height = image_wh
    scale = min(long_side / max(width, height), max_enlarge)
    return View((0, 0, width, height), (max(round(width * scale), 1), max(round(height * scale), 1)))


def tile_views(image_wh: tuple[int, int], scale: float, max_side: int, overlap_px: int) -> list[View]:
    """Return views that cover the picture ``scale`` times as large: as few as ``max_side`` allows, of about one size.

    Parameters
    ----------
    image_wh : tuple of int
        Width and height of the picture.
    scale : float
        Net pixels a picture pixel.
    max_side, overlap_px : int
        Longest side of a view, and what neighbours share, net pixels.

    Examples
    --------
    >>> [view.region_xyxy for view in tile_views((1920, 1080), 1.0, 1280, 192)]
    [(0, 0, 1056, 1080), (864, 0, 1920, 1080)]
    """
    side, shared = int(max_side / scale), int(np.ceil(overlap_px / scale))
    width, height = (_even_side(length, side, shared) for length in image_wh)
    rows = tiles(image_wh, (width, height), shared).tolist()
    return [View((x0, y0, x1, y1), (max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1))) for x0, y0, x1, y1 in rows]


def _even_side(length: int, max_side: int, overlap_px: int) -> int:
    if length <= max_side:
        return max(length, overlap_px + 1)
    count = -(-(length - overlap_px) // (max_side - overlap_px))
    return -(-(length + (count - 1) * overlap_px) // count)


def close_ups(boxes_xyxy: Floats, side: int, face_share: float) -> list[View]:
    """Return a square view of ``side`` net pixels around each box, of which the face takes ``face_share``."""
    middle = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    reach = np.maximum((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).max(axis=1) / face_share / 2, 1)
    low = np.floor(middle - reach[:, None]).astype(int)
    span = np.maximum(np.ceil(2 * reach).astype(int), 2)
    return [View((x, y, x + s, y + s), (side, side)) for (x, y), s in zip(low.tolist(), span.tolist(), strict=True)]


def cut(image: Image, view: View) -> Image:
    """Return what the net is shown: the view's part of the picture at the view's size, padded with black to the net's step."""
    x0, y0, x1, y1 = view.region_xyxy
    height, width = image.shape[:2]
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    columns, rows = (-(-side // SIDE_STEP) * SIDE_STEP for side in view.size_wh)
    shown = np.zeros((rows, columns, 3), np.uint8)
    if left >= right or top >= bottom:
        return shown
    fx, fy = view.scale_xy.tolist()
    u0, v0 = round((left - x0) * fx), round((top - y0) * fy)
    u1, v1 = max(round((right - x0) * fx), u0 + 1), max(round((bottom - y0) * fy), v0 + 1)
    shown[v0:v1, u0:u1] = resize(image[top:bottom, left:right], (u1 - u0, v1 - v0))[: rows - v0, : columns - u0]
    return shown
