"""BlazeFace, short and full range: one small look at the whole picture.

References
----------
V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import letterbox
from sightline.core.frame import Image
from sightline.core.geometry import apply_affine, invert_affine, map_boxes
from sightline.media.sampling import fit
from sightline.perception.anchors import Candidates, anchor_centres, blend, decode
from sightline.runtime.session import Session

Floats = NDArray[np.float32]

HALF_MOUTH = 0.405
"""Half the width of a mouth over the distance of the eyes, both along the line of the eyes: half the median over 351 faces with 68
points (308 of YouTube Faces, 43 of dlib's example photos; 5th and 95th percentile of the whole ratio 0.68 and 0.94)."""


@dataclass(frozen=True)
class Layout:
    """Input size and anchors of one of the nets."""

    input_px: int
    anchors: tuple[tuple[int, int], ...]


SHORT_RANGE = Layout(128, ((8, 2), (16, 6)))
FULL_RANGE = Layout(192, ((4, 1),))


def look(session: Session, layout: Layout, image: Image, min_score: float, blend_iou: float) -> Candidates:
    """Find faces in one picture.

    Returns
    -------
    Candidates
        Pixels of the picture, best first, with the five points of ``Faces.points_xy``.
    """
    side = layout.input_px
    to_input = _whole_pixels(letterbox(image.shape[:2], (side, side)), image)
    small = fit(image, to_input, (side, side))
    raw_boxes, raw_scores = session.run(small[None] * np.float32(2 / 255) - np.float32(1))
    candidates = decode(raw_boxes[0], raw_scores[0], anchor_centres((side, side), layout.anchors), min_score)
    found = blend(candidates, blend_iou)
    to_image = invert_affine(to_input)
    points = apply_affine(five_points(found.points_xy), to_image)
    return Candidates(map_boxes(found.boxes_xyxy, to_image), points, found.scores)


def _whole_pixels(to_input: NDArray[np.float64], image: Image) -> NDArray[np.float64]:
    """Return the map with the picture's corners on whole input pixels, where ``fit`` puts them."""
    wh = np.array([image.shape[1], image.shape[0]])
    low = np.round(to_input[:, 2])
    high = np.round(to_input[:, 2] + np.diag(to_input[:, :2]) * wh)
    return np.column_stack([np.diag(np.maximum(high - low, 1) / wh), low])


def five_points(points_xy: Floats) -> Floats:
    """Return eyes, nose and mouth corners from BlazeFace's eyes, nose, middle of the mouth and ears.

    The net has no mouth corners. They are put on both sides of the middle of the mouth, along the line of the eyes and
    ``HALF_MOUTH`` of their distance away: a mouth neither open nor pulled to a side.

    Parameters
    ----------
    points_xy : ndarray of float32, shape (n, 6, 2)
        Right eye, left eye, nose tip, middle of the mouth, right ear, left ear (the subject's).

    Returns
    -------
    ndarray of float32, shape (n, 5, 2)
        Right eye, left eye, nose tip, right and left mouth corner.

    Examples
    --------
    >>> six = np.array([[[0, 0], [100, 0], [50, 50], [50, 80], [-40, 0], [140, 0]]], np.float32)
    >>> five_points(six)[0, 3:].round(1).tolist()
    [[9.5, 80.0], [90.5, 80.0]]
    """
    right_eye, left_eye, nose, mouth = (points_xy[:, i] for i in range(4))
    reach = (left_eye - right_eye) * np.float32(HALF_MOUTH)
    return np.stack([right_eye, left_eye, nose, mouth - reach, mouth + reach], axis=1)
