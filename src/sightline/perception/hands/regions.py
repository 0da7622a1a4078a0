"""The square around a hand that the landmark net is given."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import bounding_boxes
from sightline.core.errors import InvalidInputError
from sightline.core.geometry import Matrix, rect_to_affine
from sightline.core.observations import Floats, Hands

# Points that keep their place when fingers bend: wrist, thumb but its tip, knuckles and middle joints of the fingers.
_STEADY: Final = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
_WRIST, _INDEX, _MIDDLE, _RING = 0, 5, 9, 13
_PALM_WRIST, _PALM_MIDDLE = 0, 2


class Region(NamedTuple):
    """A square in the picture, turned so that the fingers point up in its own axes.

    Attributes
    ----------
    centre_xy : ndarray of float64, shape (2,)
    side : float
        Pixels, at least 1.
    angle_rad : float
        How far it is turned, clockwise as seen on the screen.
    """

    centre_xy: NDArray[np.float64]
    side: float
    angle_rad: float

    def to_crop(self, crop_px: int) -> Matrix:
        """Return the (2, 3) map from the picture to an upright crop of ``crop_px`` pixels a side."""
        return rect_to_affine(self.centre_xy, (self.side, self.side), self.angle_rad, (crop_px, crop_px))


def regions_of(hands: Hands) -> list[Region]:
    """Return the region of each hand: from its landmarks where there are any, else from its palm.

    Raises
    ------
    InvalidInputError
        When the hands have neither ``points_xyz`` nor ``palm_points_xy``.

    References
    ----------
    MediaPipe graphs ``hand_landmark_landmarks_to_roi`` and ``palm_detection_detection_to_roi``.
    """
    if hands.points_xyz is not None:
        return [region_from_landmarks(points) for points in hands.points_xyz[..., :2]]
    if hands.palm_points_xy is not None:
        return [region_from_palm(box, points) for box, points in zip(hands.boxes_xyxy, hands.palm_points_xy, strict=True)]
    if len(hands) == 0:
        return []
    raise InvalidInputError("hands need points_xyz (of a frame before) or palm_points_xy (of PalmDetector) to be looked at closely")


def region_from_palm(box_xyxy: Floats, points_xy: Floats) -> Region:
    """Return the region of a palm: its box turned to wrist and middle knuckle, half a box up, 2.6 times as large."""
    box = np.asarray(box_xyxy, np.float64)
    size = box[2:] - box[:2]
    angle = _angle_upright(points_xy[_PALM_WRIST], points_xy[_PALM_MIDDLE])
    return _placed((box[:2] + box[2:]) / 2, size, angle, up=0.5, scale=2.6)


def region_from_landmarks(points_xy: Floats) -> Region:
    """Return the region of a hand whose 21 landmarks are known: their box in the hand's axes, twice as large."""
    points = np.asarray(points_xy, np.float64)
    knuckles = ((points[_INDEX] + points[_RING]) / 2 + points[_MIDDLE]) / 2
    angle = _angle_upright(points[_WRIST], knuckles)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    steady = points[list(_STEADY)]
    box = bounding_boxes((steady @ turn.T)[None])[0].astype(np.float64)
    centre = (box[:2] + box[2:]) / 2 @ turn
    return _placed(centre, box[2:] - box[:2], angle, up=0.1, scale=2.0)


def _angle_upright(wrist_xy: NDArray[np.floating], knuckle_xy: NDArray[np.floating]) -> float:
    dx, dy = np.asarray(knuckle_xy, np.float64) - np.asarray(wrist_xy, np.float64)
    return float(np.arctan2(dx, -dy))


def _placed(centre_xy: NDArray[np.float64], size_wh: NDArray[np.float64], angle: float, *, up: float, scale: float) -> Region:
    towards_fingers = np.array([np.sin(angle), -np.cos(angle)])
    centre = centre_xy + towards_fingers * size_wh[1] * up
    return Region(centre, max(float(size_wh.max()) * scale, 1.0), angle)
