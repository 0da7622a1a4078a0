"""From the two points of a body's axis to the square that the landmarks net looks at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.geometry import Matrix, rect_to_affine
from sightline.core.observations import Bodies, Floats

_ROOM = 1.25
_SMALLEST_PX = 1.0
_LEAST_PULL, _PULL = 0.01, 10.0


class Region(NamedTuple):
    """A turned square around a body.

    Attributes
    ----------
    centre_xy : ndarray of float64, shape (2,)
        Pixels.
    size_px : float
        Length of a side.
    angle_rad : float
        How far the body leans, clockwise on the screen.
    """

    centre_xy: NDArray[np.float64]
    size_px: float
    angle_rad: float

    def to_crop(self, crop_px: int) -> Matrix:
        """Return the map from the picture to a square crop of ``crop_px`` pixels a side."""
        return rect_to_affine(self.centre_xy, (self.size_px, self.size_px), self.angle_rad, (crop_px, crop_px))


def region_of_axis(axis_points_xy: ArrayLike) -> Region:
    """Return the region around a body from the middle of its hips and the top of the circle around it.

    Parameters
    ----------
    axis_points_xy : array of shape (2, 2)
        Pixels, as in ``Bodies.axis_points_xy``.

    Examples
    --------
    >>> region = region_of_axis([[50, 60], [50, 20]])
    >>> region.size_px, region.angle_rad
    (100.0, 0.0)
    """
    hips, top = np.asarray(axis_points_xy, np.float64)
    across, up = float(top[0] - hips[0]), float(hips[1] - top[1])
    size = max(2 * _ROOM * float(np.hypot(across, up)), _SMALLEST_PX)
    return Region(hips, size, float(np.arctan2(across, up)))


def region_of_box(box_xyxy: ArrayLike) -> Region:
    """Return the upright region around a body from a box around all of it."""
    x0, y0, x1, y1 = np.asarray(box_xyxy, np.float64)
    return Region(np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(_ROOM * float(max(x1 - x0, y1 - y0)), _SMALLEST_PX), 0.0)


def regions_of(bodies: Bodies) -> list[Region]:
    """Return one region a body: from its axis points when it has them, else from its box.

    Raises
    ------
    InvalidInputError
        When a coordinate is not finite.
    """
    source = bodies.boxes_xyxy if bodies.axis_points_xy is None else bodies.axis_points_xy
    if not np.isfinite(source).all():
        raise InvalidInputError("the regions of bodies must be finite")
    make = region_of_box if bodies.axis_points_xy is None else region_of_axis
    return [make(row) for row in source]


def settle_axis(previous_xy: Floats, measured_xy: Floats) -> Floats:
    """Return the axis points for the next frame: the measured ones, held back where they only tremble.

    A region that follows every tremble of the points it was cut by feeds it back into the net, and drifts when part of
    the body is out of the picture. As in the One-Euro filter, the share of the step that is taken grows with the step;
    the only state is the previous value.

    Parameters
    ----------
    previous_xy, measured_xy : ndarray of float32, shape (n, 2, 2)
        Axis points that the region was cut by, and those found in it.

    References
    ----------
    G. Casiez et al., "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems", CHI 2012.

    Examples
    --------
    >>> before = np.array([[[50, 60], [50, 20]]], np.float32)
    >>> tremble, jump = (settle_axis(before, before + np.float32(px)) - before for px in (0.8, 40))
    >>> print(f"{tremble[0, 0, 0]:.2f} {jump[0, 0, 0]:.2f}")
    0.08 33.34
    """
    diameter = 2 * np.linalg.norm(measured_xy[:, 1] - measured_xy[:, 0], axis=1)[:, None, None]
    step = measured_xy - previous_xy
    pull = _LEAST_PULL + _PULL * np.abs(step) / np.maximum(diameter, _SMALLEST_PX)
    return np.asarray(previous_xy + step * (pull / (1 + pull)), np.float32)


def axis_box(axis_points_xy: Floats, half_width: float, below: float) -> Floats:
    """Return boxes around the strip that goes both ways from the hips along each body's axis.

    Parameters
    ----------
    axis_points_xy : ndarray, shape (n, 2, 2)
        Middle of the hips and top of the circle around the body, pixels.
    half_width : float
        Half the width of the strip, as a part of the circle's radius.
    below : float
        How far the strip reaches below the hips, as a part of the radius.

    Returns
    -------
    ndarray of float32, shape (n, 4)

    Examples
    --------
    >>> axis_box(np.array([[[50, 60], [50, 20]]], np.float32), 0.5, 1.0).tolist()
    [[30.0, 20.0, 70.0, 100.0]]
    """
    hips, top = axis_points_xy[:, 0], axis_points_xy[:, 1]
    bottom = hips - below * (top - hips)
    aside = half_width * np.abs((top - hips)[:, ::-1])
    return np.asarray(np.concatenate([np.minimum(top, bottom) - aside, np.maximum(top, bottom) + aside], axis=1), np.float32)
