"""The picture being drawn on: lines, dots and boxes with a dark rim that keeps them visible on any ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.media.drawing.labels import Label, paint, place
from sightline.media.drawing.style import DrawStyle
from sightline.media.drawing.tables import Colour, named_colour

Floats = NDArray[np.floating[Any]]
_SHIFT = 4
_FAR = 1e5


@dataclass
class Canvas:
    """A picture, a style and the labels still to be placed.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        Drawn on in place.
    style : DrawStyle
        How.
    pending : list of Label
        Labels to be placed at the end.
    heads : bool
        Whether skeletons include the few landmarks of the head (not where faces are drawn as well).
    """

    image: Image
    style: DrawStyle
    pending: list[Label] = field(default_factory=list)
    heads: bool = True

    def __post_init__(self) -> None:
        """Work out line and font sizes once."""
        self.size_wh = (self.image.shape[1], self.image.shape[0])
        self.line = self.style.line_for(self.size_wh)
        self.font_px = self.style.font_for(self.size_wh)
        self._across = max(self.size_wh)

    def line_within(self, box_xyxy: Floats, share: float = 0.25) -> int:
        """Return a line width for something that fills ``box_xyxy``: thinner when it is small in the picture."""
        if self.style.line_px is not None:
            return self.line
        x0, y0, x1, y1 = (float(v) for v in box_xyxy)
        side = max(x1 - x0, y1 - y0, 1.0)
        return max(round(self.line * min(side / (share * self._across), 1.0)), 1) if np.isfinite(side) else self.line

    def lines(self, chains: Sequence[Floats], colour: Colour, width: int, *, rim: bool = True, closed: bool = False) -> None:
        """Draw chains of points (each of shape (k, 2), pixels); a chain with a point that is not finite is left out."""
        fixed = [_fixed(chain) for chain in chains if np.isfinite(chain).all()]
        if not fixed:
            return
        if rim:
            cv2.polylines(self.image, fixed, closed, named_colour("dark"), rimmed(width), cv2.LINE_AA, _SHIFT)
        cv2.polylines(self.image, fixed, closed, colour, width, cv2.LINE_AA, _SHIFT)

    def dots(self, points_xy: Floats, colour: Colour, radius: float, *, rim: bool = True) -> None:
        """Draw filled circles at points of shape (k, 2), pixels."""
        points = np.asarray(points_xy)[np.isfinite(points_xy).all(axis=1)]
        size = round(max(radius, 0.5) * (1 << _SHIFT))
        for x, y in _fixed(points)[:, 0].tolist():
            if rim:
                cv2.circle(self.image, (x, y), size + (1 << _SHIFT), named_colour("dark"), -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(self.image, (x, y), size, colour, -1, cv2.LINE_AA, _SHIFT)

    def circle(self, centre_xy: Floats, radius: float, colour: Colour, width: int) -> None:
        """Draw a ring."""
        if np.isfinite(centre_xy).all() and np.isfinite(radius):
            x, y = _fixed(centre_xy[None])[0, 0].tolist()
            size = round(min(max(radius, 0.5), _FAR) * (1 << _SHIFT))
            cv2.circle(self.image, (x, y), size, colour, width, cv2.LINE_AA, _SHIFT)

    def box(self, box_xyxy: Floats, colour: Colour, width: int) -> None:
        """Draw a box along the inside of its edges; a part outside the picture is drawn along the picture's edge."""
        if not np.isfinite(box_xyxy).all():
            return
        limit = np.array([*self.size_wh, *self.size_wh])
        x0, y0, x1, y1 = np.round(np.clip(box_xyxy, 0, limit)).astype(int).tolist()
        x0, y0 = min(x0, self.size_wh[0] - 1), min(y0, self.size_wh[1] - 1)
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        width = max(width, round(self.line * 0.6))
        self._frame(x0 - 1, y0 - 1, x1 + 1, y1 + 1, 1, named_colour("dark"))
        self._frame(x0, y0, x1, y1, width, colour)

    def _frame(self, x0: int, y0: int, x1: int, y1: int, width: int, colour: Colour) -> None:
        x0, y0 = max(x0, 0), max(y0, 0)
        image = self.image
        inner_y, inner_x = min(y0 + width, y1), min(x0 + width, x1)
        image[y0:inner_y, x0:x1] = colour
        image[max(y1 - width, y0) : y1, x0:x1] = colour
        image[y0:y1, x0:inner_x] = colour
        image[y0:y1, max(x1 - width, x0) : x1] = colour

    def tint(self, alpha: NDArray[Any], colour: Colour) -> None:
        """Lay a colour over the picture where ``alpha`` (h, w; ``uint8`` 0..255 or float 0..1) says so."""
        if alpha.shape != self.image.shape[:2]:
            raise InvalidInputError(f"a matte must have the picture's height and width {self.image.shape[:2]}, got {alpha.shape}")
        if alpha.dtype != np.uint8:
            alpha = np.round(np.clip(np.nan_to_num(alpha.astype(np.float32)), 0, 1) * 255).astype(np.uint8)
        x, y, w, h = cv2.boundingRect(alpha)
        if not w or not h:
            return
        part = self.image[y : y + h, x : x + w]
        weight = alpha[y : y + h, x : x + w].astype(np.float32) * (self.style.opacity / 255)
        ground = np.full(part.shape, colour, np.uint8)
        part[:] = cv2.blendLinear(np.ascontiguousarray(part), ground, 1 - weight, weight)

    def label(self, text: str, box_xyxy: Floats, colour: Colour, size_px: int | None = None, *, shy: bool = False) -> None:
        """Keep a label for the end, when all are placed together."""
        if self.style.labels and text and np.isfinite(box_xyxy).all():
            x0, y0, x1, y1 = (float(v) for v in box_xyxy)
            self.pending.append(Label(text, (x0, y0, x1, y1), colour, size_px or self.font_px, shy))

    def finish(self) -> Image:
        """Place and draw the labels and return the picture."""
        paint(self.image, place(self.pending, self.size_wh))
        self.pending.clear()
        return self.image


def drawable(values: Floats) -> Floats:
    """Return coordinates in which all that cannot be drawn (infinite, or absurdly far away) is NaN."""
    return np.where(np.abs(values) <= _FAR, values, np.nan)


def rimmed(width: int) -> int:
    """Return the width of the dark rim's line under a line of that width."""
    return width + (2 if width > 1 else 1)


def _fixed(points_xy: Floats) -> NDArray[np.int32]:
    """Return points as OpenCV's fixed point numbers: pixel centres lie at whole numbers there, at halves here."""
    scaled = np.round((np.clip(points_xy, -_FAR, _FAR) - 0.5) * (1 << _SHIFT))
    return scaled.astype(np.int32).reshape(-1, 1, 2)


def open_canvas(image: Image, style: DrawStyle | None, out: Image | None) -> Canvas:
    """Return a canvas on a copy of the picture, or on ``out``.

    Raises
    ------
    InvalidInputError
        When the picture is none, or ``out`` has another shape or cannot be written.
    """
    check_image(image)
    if out is None:
        return Canvas(image.copy(order="C"), style or DrawStyle())
    check_image(out)
    if out.shape != image.shape or not out.flags.writeable or not out.flags.c_contiguous:
        raise InvalidInputError(f"out must be writable, C-contiguous and of the picture's shape {image.shape}, got {out.shape}")
    if out is not image:
        np.copyto(out, image)
    return Canvas(out, style or DrawStyle())
