"""How often each net ran in this process, and how long that took."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sightline.runtime.session import Array, Session, TensorSpec


class RunTimes:
    """Adds runs up; may be called from several threads.

    Examples
    --------
    >>> times = RunTimes()
    >>> times.add("face_mesh", 0.001)
    >>> times.read()
    {'face_mesh': (1, 0.001)}
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, tuple[int, float]] = {}

    def add(self, name: str, took_s: float) -> None:
        """Add one run."""
        with self._lock:
            count, sum_s = self._sums.get(name, (0, 0.0))
            self._sums[name] = (count + 1, sum_s + took_s)

    def read(self) -> dict[str, tuple[int, float]]:
        """Return runs and seconds by net, since the process began."""
        with self._lock:
            return dict(self._sums)

    def since(self, before: dict[str, tuple[int, float]]) -> dict[str, tuple[int, float]]:
        """Return what was added since an earlier ``read``.

        Examples
        --------
        >>> times = RunTimes()
        >>> before = times.read()
        >>> times.add("iris", 0.5)
        >>> times.since(before)
        {'iris': (1, 0.5)}
        """
        found = {}
        for name, (count, sum_s) in self.read().items():
            old_count, old_s = before.get(name, (0, 0.0))
            if count > old_count:
                found[name] = (count - old_count, sum_s - old_s)
        return found


RUN_TIMES = RunTimes()
"""Of all nets that ``open_session`` opened; the name is the file's, without its ending."""


class TimedSession:
    """A session whose runs are added up in ``RUN_TIMES``.

    Parameters
    ----------
    session : Session
    name : str
        Under which they are added.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name

    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` takes, in order."""
        return self._session.inputs()

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` gives, in order."""
        return self._session.outputs()

    def provider(self) -> str:
        """Return which engine and device runs the net."""
        return self._session.provider()

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Run the net on a batch."""
        began = time.perf_counter()
        try:
            return self._session.run(*inputs)
        finally:
            RUN_TIMES.add(self._name, time.perf_counter() - began)
