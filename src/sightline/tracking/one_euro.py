"""One-Euro smoothing of landmarks: steady when still, prompt when moving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class OneEuroOptions:
    """How much to smooth.

    The defaults are for speeds in sizes per second. On the face mesh of a still face at 30 frames/s they leave less than
    half of the jitter, and they lag a steady motion of 0.1, 0.5 and 2 sizes a second by about 25, 8 and 2.5 ms
    (``benchmarks/tracking.py``).

    Parameters
    ----------
    min_cutoff_hz : float
        Cut-off frequency of a value that stands still, hertz; lower is steadier and lags more.
    beta : float
        Hertz of cut-off added for each unit of speed (sizes per second when ``sizes`` are given); higher lags less.
    derivative_cutoff_hz : float
        Cut-off frequency of the speed estimate, hertz.
    max_gap_s : float
        After a longer pause smoothing starts afresh, seconds.

    Raises
    ------
    InvalidInputError
        When a cut-off or the gap is not positive or ``beta`` is negative.
    """

    min_cutoff_hz: float = 1.0
    beta: float = 30.0
    derivative_cutoff_hz: float = 1.0
    max_gap_s: float = 0.5

    def __post_init__(self) -> None:
        """Refuse values that smooth nothing or everything."""
        if min(self.min_cutoff_hz, self.derivative_cutoff_hz, self.max_gap_s) <= 0 or self.beta < 0:
            raise InvalidInputError(f"cut-offs and max_gap_s must be positive and beta at least 0, got {self}")


class OneEuroFilter:
    """A low-pass filter whose cut-off frequency rises with speed, on arrays and with true time stamps.

    Parameters
    ----------
    options : OneEuroOptions
        How much to smooth.

    References
    ----------
    G. Casiez, N. Roussel, D. Vogel, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
    Systems", CHI 2012, equations 1-6.

    Examples
    --------
    >>> smooth = OneEuroFilter(OneEuroOptions(min_cutoff_hz=1.0, beta=0.0))
    >>> [round(float(smooth(np.array([x]), t)[0]), 2) for t, x in [(0.0, 10.0), (0.1, 12.0), (0.2, 10.0)]]
    [10.0, 10.77, 10.47]
    """

    def __init__(self, options: OneEuroOptions | None = None) -> None:
        self.options = options or OneEuroOptions()
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next values pass unchanged."""
        self._values: Floats | None = None
        self._speeds: Floats = np.zeros(0, np.float32)
        self._ids: NDArray[np.int64] | None = None
        self._time_s = -np.inf

    def __call__(self, values: ArrayLike, time_s: float, *, sizes: ArrayLike | None = None, ids: NDArray[np.int64] | None = None) -> Floats:
        """Return the smoothed values.

        Parameters
        ----------
        values : array of shape (n, ...)
            One row for each thing, such as landmarks (n, p, d) in pixels.
        time_s : float
            Presentation time, seconds. When it does not move on, or after a gap, the values pass unchanged.
        sizes : array of shape (n,), optional
            Size of each thing in the unit of ``values``; speeds are measured in sizes per second, so that the same
            options serve near and far things. Without it, in units per second.
        ids : ndarray of int64, shape (n,), optional
            Whose row it is: a row is smoothed with the row of the same id in the previous call, and a new id passes
            unchanged. Without it rows keep their places, and a change of shape starts afresh.

        Returns
        -------
        ndarray of float32, the shape of ``values``
        """
        fresh = np.array(values, np.float32)
        step_s = time_s - self._time_s
        known = self._recall(fresh, ids) if 0 < step_s <= self.options.max_gap_s else None
        smoothed, speeds = (fresh, np.zeros_like(fresh)) if known is None else self._step(fresh, known, step_s, sizes)
        self._values, self._speeds, self._time_s = smoothed, speeds, time_s
        self._ids = None if ids is None else np.asarray(ids, np.int64)
        return smoothed.copy()

    def _recall(self, fresh: Floats, ids: NDArray[np.int64] | None) -> tuple[Floats, Floats] | None:
        """Return the previous values and speeds in the order of the new rows, or None when nothing fits."""
        if self._values is None or self._values.shape[1:] != fresh.shape[1:] or (ids is None) != (self._ids is None):
            return None
        if ids is None or self._ids is None:
            return (self._values, self._speeds) if len(self._values) == len(fresh) else None
        if len(ids) == len(self._ids) and (ids == self._ids).all():
            return self._values, self._speeds
        same = np.asarray(ids)[:, None] == self._ids[None, :]
        known = same.any(axis=1)
        if not known.any():
            return None
        place = same.argmax(axis=1)
        wide: Any = known.reshape(-1, *[1] * (fresh.ndim - 1))
        return np.where(wide, self._values[place], fresh), np.where(wide, self._speeds[place], np.float32(0))

    def _step(self, fresh: Floats, known: tuple[Floats, Floats], step_s: float, sizes: ArrayLike | None) -> tuple[Floats, Floats]:
        before, speeds = known
        opt = self.options
        moved = fresh - before
        unit = np.float32(1.0) if sizes is None else np.maximum(np.asarray(sizes, np.float32), 1e-6)
        scale = np.asarray(1.0 / (unit * np.float32(step_s)), np.float32).reshape(-1, *[1] * (fresh.ndim - 1)) if fresh.ndim else 1.0
        speeds = speeds + _alpha(opt.derivative_cutoff_hz, step_s) * (moved * scale - speeds)
        turn = np.float32(2 * np.pi * step_s) * (np.float32(opt.min_cutoff_hz) + np.float32(opt.beta) * np.abs(speeds))
        return before + moved * (turn / (turn + 1)), speeds


def _alpha(cutoff_hz: float, step_s: float) -> np.float32:
    turn = 2 * np.pi * cutoff_hz * step_s
    return np.float32(turn / (turn + 1))
