"""Draw what was found on a picture, legibly at any size.

``draw`` takes any number of observations; the single functions take one kind. All return a new picture unless ``out`` is
given, and draw nothing for an empty value. Colours are those of Okabe and Ito (2008), which people with any kind of colour
vision can tell apart; the same id or class has the same colour in every picture. The subject's right is orange, the left
sky blue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image
from sightline.core.observations import Bodies, Detections, Faces, Hands, Observations, TextLines, Tracks
from sightline.media.drawing.boxes import paint_detections, paint_text_lines, paint_tracks
from sightline.media.drawing.canvas import Canvas, open_canvas
from sightline.media.drawing.figures import paint_bodies, paint_faces, paint_hands
from sightline.media.drawing.fonts import cjk_font_path
from sightline.media.drawing.style import DrawStyle
from sightline.media.drawing.tables import Colour, colour_of, named_colour

__all__ = [
    "DrawStyle",
    "cjk_font_path",
    "colour_of",
    "draw",
    "draw_bodies",
    "draw_detections",
    "draw_faces",
    "draw_hands",
    "draw_matte",
    "draw_text_lines",
    "draw_tracks",
]

_PAINTERS: dict[type[Observations], Callable[[Canvas, Any], None]] = {
    Detections: paint_detections,
    TextLines: paint_text_lines,
    Bodies: paint_bodies,
    Faces: paint_faces,
    Hands: paint_hands,
    Tracks: paint_tracks,
}


def draw(image: Image, *observations: Observations, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Return the picture with everything that was found drawn on it.

    Skeletons leave the head to the faces where there are any. Labels of all kinds are placed together, so that they keep
    out of each other's way; those of what is given first have the first choice.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        RGB. Left as it is.
    *observations : Faces, Bodies, Hands, Detections, TextLines, Tracks
        What was found, in pixels of this picture.
    style : DrawStyle, optional
        How to draw.
    out : ndarray of uint8, shape (h, w, 3), optional
        Picture to draw on and return instead of a new one; may be ``image`` itself.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)

    Raises
    ------
    InvalidInputError
        When something is not an image or an observation.

    Examples
    --------
    >>> picture = np.zeros((90, 160, 3), np.uint8)
    >>> faces = Faces(np.array([[40, 20, 80, 70]]), np.array([0.97]))
    >>> bool(draw(picture, faces).any()), bool(picture.any())
    (True, False)
    """
    for value in observations:
        if type(value) not in _PAINTERS:
            raise InvalidInputError(f"expected observations such as Faces or Detections, got {type(value).__name__}")
    canvas = open_canvas(image, style, out)
    canvas.heads = not any(isinstance(value, Faces) and len(value) for value in observations)
    for value in observations:
        _PAINTERS[type(value)](canvas, value)
    return canvas.finish()


def draw_faces(image: Image, faces: Faces, *, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Draw faces: box, mesh contours or five points, label; see ``draw``.

    Examples
    --------
    >>> draw_faces(np.zeros((9, 16, 3), np.uint8), Faces.empty()).any()
    np.False_
    """
    return _draw_one(image, faces, Faces, style, out)


def draw_bodies(image: Image, bodies: Bodies, *, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Draw bodies: box, skeleton (the subject's right orange, left sky blue), label; see ``draw``."""
    return _draw_one(image, bodies, Bodies, style, out)


def draw_hands(image: Image, hands: Hands, *, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Draw hands: box, joints, label with the subject's side and the gesture; see ``draw``."""
    return _draw_one(image, hands, Hands, style, out)


def draw_detections(image: Image, detections: Detections, *, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Draw objects: box and label in the colour of the id, else of the class; see ``draw``."""
    return _draw_one(image, detections, Detections, style, out)


def draw_text_lines(image: Image, lines: TextLines, *, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Draw lines of text: outline and what they say, Chinese, Japanese and Korean included; see ``draw`` and ``fonts``."""
    return _draw_one(image, lines, TextLines, style, out)


def draw_tracks(image: Image, tracks: Tracks, *, style: DrawStyle | None = None, out: Image | None = None) -> Image:
    """Draw tracks: box and label in the colour of the id, arrow of motion; see ``draw``."""
    return _draw_one(image, tracks, Tracks, style, out)


def _draw_one(image: Image, value: Observations, kind: type[Observations], style: DrawStyle | None, out: Image | None) -> Image:
    if not isinstance(value, kind):
        raise InvalidInputError(f"expected {kind.__name__}, got {type(value).__name__}")
    return draw(image, value, style=style, out=out)


def draw_matte(
    image: Image,
    matte: NDArray[Any],
    *,
    colour: Colour | None = None,
    style: DrawStyle | None = None,
    out: Image | None = None,
) -> Image:
    """Return the picture with a matte laid over it as a tint.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        RGB.
    matte : ndarray, shape (h, w)
        ``uint8`` 0..255, ``bool``, or float 0..1.
    colour : tuple of int, optional
        RGB; green by default.
    style, out
        As for ``draw``; ``style.opacity`` is the strength.

    Raises
    ------
    InvalidInputError
        When the matte's size is not the picture's.

    Examples
    --------
    >>> tinted = draw_matte(np.zeros((2, 2, 3), np.uint8), np.eye(2), colour=(200, 0, 0), style=DrawStyle(opacity=0.5))
    >>> tinted[:, :, 0].tolist()
    [[100, 0], [0, 100]]
    """
    canvas = open_canvas(image, style, out)
    canvas.tint(np.asarray(matte), named_colour("green") if colour is None else colour)
    return canvas.image
