"""Where boxes will be: a constant-velocity Kalman filter over many boxes at once, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.boxes import as_boxes

Doubles = NDArray[np.float64]

# Standard deviations in parts of the box's size (the root of its area): of a detector's box, of the speed of a new
# box (a second), and of what changes within a second: place and speed. Set on people on foot; hands are livelier, and
# the second, distance-based association of the tracker is for them.
_MEASURED = 0.08
_FIRST_SPEED = 2.0
_PLACE_WALK = 0.35
_SPEED_WALK = 1.2
_COAST_S = 0.4


@dataclass(frozen=True, eq=False)
class Motion:
    """Centre, width and height of n boxes with their speeds and variances; every method returns a new value.

    Parameters
    ----------
    place, speed : ndarray of float64, shape (n, 4)
        Centre x, centre y, width, height in pixels, and their change a second.
    var_place, covariance, var_speed : ndarray of float64, shape (n, 4)
        The (symmetric) covariance of each place with its own speed; the four axes are independent.

    References
    ----------
    R. E. Kalman, 1960; constant velocity with white acceleration as in Y. Bar-Shalom et al., "Estimation with
    Applications to Tracking and Navigation", 6.2.2.

    Examples
    --------
    >>> motion = Motion.start([[0, 0, 10, 10]])
    >>> for step in range(1, 30):
    ...     motion = motion.predict(0.1).correct(np.array([0]), [[step, 0, step + 10, 10]])
    >>> motion.speed[0, :2].round(1).tolist(), motion.predict(1.0).boxes_xyxy().round().tolist()
    ([10.0, 0.0], [[39.0, 0.0, 49.0, 10.0]])
    """

    place: Doubles
    speed: Doubles
    var_place: Doubles
    covariance: Doubles
    var_speed: Doubles

    @classmethod
    def start(cls, boxes_xyxy: ArrayLike) -> Self:
        """Begin with boxes that stand still."""
        place = _centres(boxes_xyxy)
        size = _sizes(place)
        none = np.zeros_like(place)
        return cls(place, none, none + (_MEASURED * size) ** 2, none, none + (_FIRST_SPEED * size) ** 2)

    def __len__(self) -> int:
        return len(self.place)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Keep the given boxes."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def join(self, other: Self) -> Self:
        """Append the boxes of another value."""
        return replace(self, **{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)})

    def predict(self, step_s: float, coasting: NDArray[np.bool_] | None = None) -> Self:
        """Move on by ``step_s`` seconds; boxes that coast (unseen) lose their speed within about half a second."""
        size = _sizes(self.place)
        noise = (_SPEED_WALK * size) ** 2 * step_s
        var_place = (
            self.var_place
            + 2 * step_s * self.covariance
            + step_s**2 * self.var_speed
            + (_PLACE_WALK * size) ** 2 * step_s
            + noise * step_s**2 / 3
        )
        covariance = self.covariance + step_s * self.var_speed + noise * step_s / 2
        keep = 1.0 if coasting is None else np.where(coasting, np.exp(-step_s / _COAST_S), 1.0)[:, None]
        place = self.place + step_s * self.speed
        place[:, 2:] = np.maximum(place[:, 2:], self.place[:, 2:] / 2)
        return replace(
            self,
            place=place,
            speed=self.speed * keep,
            var_place=var_place,
            covariance=covariance,
            var_speed=self.var_speed + noise,
        )

    def correct(self, rows: NDArray[np.int64], boxes_xyxy: ArrayLike) -> Self:
        """Take in the measured boxes of the given rows."""
        if not len(rows):
            return self
        seen = self.take(rows)
        noise = (_MEASURED * _sizes(seen.place)) ** 2
        total = seen.var_place + noise
        gain_place, gain_speed = seen.var_place / total, seen.covariance / total
        surprise = _centres(boxes_xyxy) - seen.place
        updated = {
            "place": seen.place + gain_place * surprise,
            "speed": seen.speed + gain_speed * surprise,
            "var_place": (1 - gain_place) * seen.var_place,
            "covariance": (1 - gain_place) * seen.covariance,
            "var_speed": seen.var_speed - gain_speed * seen.covariance,
        }
        columns = {}
        for name, values in updated.items():
            columns[name] = getattr(self, name).copy()
            columns[name][rows] = values
        return replace(self, **columns)

    def boxes_xyxy(self) -> NDArray[np.float32]:
        """Return the boxes, shape (n, 4)."""
        half = self.place[:, 2:] / 2
        return np.concatenate([self.place[:, :2] - half, self.place[:, :2] + half], axis=1).astype(np.float32)


def leap_distances(a_xyxy: ArrayLike, b_xyxy: ArrayLike) -> Doubles:
    """Return how far the boxes of ``b`` lie from those of ``a``, for things that moved too far to overlap.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Distance of the centres in mean sizes (roots of the areas); infinite where one is twice as large as the other.

    Examples
    --------
    >>> leap_distances([[0, 0, 10, 10]], [[5, 0, 15, 10], [0, 0, 40, 40]]).tolist()
    [[0.5, inf]]
    """
    a, b = _centres(a_xyxy), _centres(b_xyxy)
    a_size, b_size = _sizes(a), _sizes(b).T
    far = np.linalg.norm(a[:, None, :2] - b[None, :, :2], axis=2) / ((a_size + b_size) / 2)
    ratio = a_size / b_size
    return np.where((ratio < 2) & (ratio > 0.5), far, np.inf)


def _centres(boxes_xyxy: ArrayLike) -> Doubles:
    boxes = as_boxes(boxes_xyxy).astype(np.float64)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)], axis=1)


def _sizes(place: Doubles) -> Doubles:
    return np.asarray(np.sqrt(place[:, 2] * place[:, 3])[:, None])
