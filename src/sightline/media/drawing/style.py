"""How drawings look, and how that follows the size of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sightline.core.errors import InvalidInputError


@dataclass(frozen=True)
class DrawStyle:
    """Choices for drawing; lengths of None follow the picture's size.

    Parameters
    ----------
    line_px : float, optional
        Width of lines. Default: 3 px in a picture of 1280 x 720, in proportion to the square root of the area in others,
        at least 1; thinner for what is small in the picture.
    font_px : float, optional
        Height of the font. Default: 18 px in a picture of 1280 x 720, likewise, at least 10.
    labels : bool
        Write labels; one that would hide more than a sixth of the picture is left out.
    scores : bool
        Write scores in them, in percent.
    boxes : bool
        Draw the boxes of faces, bodies and hands (objects, tracks and text always have theirs).
    face : {"contours", "points", "none"}
        What to draw of a face mesh.
    min_visibility : float
        Body landmarks that are less visible are left out, 0..1.
    masks : bool
        Tint the person masks of bodies.
    opacity : float
        Strength of tints, 0..1.

    Raises
    ------
    InvalidInputError
        When a number is out of range.

    Examples
    --------
    >>> DrawStyle().line_for((1280, 720)), DrawStyle().font_for((3840, 2160)), DrawStyle(line_px=5).line_for((64, 48))
    (3, 54, 5)
    """

    line_px: float | None = None
    font_px: float | None = None
    labels: bool = True
    scores: bool = True
    boxes: bool = True
    face: Literal["contours", "points", "none"] = "contours"
    min_visibility: float = 0.5
    masks: bool = False
    opacity: float = 0.45

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for name, value in (("line_px", self.line_px), ("font_px", self.font_px)):
            if value is not None and not 1 <= value <= 1000:
                raise InvalidInputError(f"DrawStyle.{name} must lie in 1..1000, got {value}")
        if not (0 <= self.min_visibility <= 1 and 0 <= self.opacity <= 1):
            raise InvalidInputError(f"DrawStyle.min_visibility and opacity must lie in 0..1, got {self.min_visibility} and {self.opacity}")
        if self.face not in ("contours", "points", "none"):
            raise InvalidInputError(f"DrawStyle.face must be 'contours', 'points' or 'none', got {self.face!r}")

    def line_for(self, size_wh: tuple[int, int]) -> int:
        """Return the width of lines in a picture of that size."""
        return max(round(self.line_px if self.line_px is not None else 2.5 * _unit(size_wh) + 0.3), 1)

    def font_for(self, size_wh: tuple[int, int]) -> int:
        """Return the height of the font in a picture of that size."""
        return max(round(self.font_px if self.font_px is not None else max(18 * _unit(size_wh), 10)), 1)


def _unit(size_wh: tuple[int, int]) -> float:
    return float((size_wh[0] * size_wh[1] / (1280 * 720)) ** 0.5)
