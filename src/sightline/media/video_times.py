"""True frame times from timestamps that may be missing, doubled or run backwards."""

from __future__ import annotations

import math
from fractions import Fraction


class Timeline:
    """Turns raw stream times into times that always increase.

    Good timestamps are passed on untouched. Otherwise:

    * missing: one frame period after the frame before;
    * not after the frame before, by up to a second (doubled or shuffled): half a period after it, a full period when the
      frame before was repaired too; true times are used again as soon as they are later;
    * back by more than a second, or ahead by more than an hour (streams glued together, a clock that was reset): one period
      after the frame before, and everything that follows is moved with it.

    Parameters
    ----------
    rate : Fraction
        Average frames a second, the source of the period.

    Attributes
    ----------
    repaired : int
        How many frames got another time than the stream said.

    Examples
    --------
    >>> times = Timeline(Fraction(10))
    >>> [round(times.next(t), 3) for t in (0.0, 0.1, 0.1, 0.3, None, 0.5)]
    [0.0, 0.1, 0.15, 0.3, 0.4, 0.5]
    >>> times.repaired
    2
    """

    BACK_S = 1.0
    AHEAD_S = 3600.0

    def __init__(self, rate: Fraction) -> None:
        self._period = float(1 / rate)
        self._last = -math.inf
        self._offset = 0.0
        self._was_repaired = False
        self.repaired = 0

    def next(self, raw_s: float | None) -> float:
        """Return the time of the next frame in seconds, given the stream's own time or None."""
        first = self._last == -math.inf
        time_s = None if raw_s is None else raw_s + self._offset
        if first:
            self._last = 0.0 if time_s is None else time_s
            return self._last
        if time_s is not None and self._last < time_s <= self._last + self.AHEAD_S:
            self._last, self._was_repaired = time_s, False
            return time_s
        self.repaired += 1
        step = self._period
        if time_s is not None and self._last - self.BACK_S <= time_s <= self._last:
            step = self._period if self._was_repaired else self._period / 2
        elif time_s is not None:
            self._offset += self._last + step - time_s
        self._was_repaired = True
        self._last += step
        return self._last

    def restart(self) -> None:
        """Start anew after a seek: the next frame may have any time."""
        self._last = -math.inf
        self._offset = 0.0
        self._was_repaired = False
