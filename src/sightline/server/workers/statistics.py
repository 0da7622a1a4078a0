"""What the workers have done and are doing."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Observation:
    """One finished task.

    Parameters
    ----------
    task, lane : str
        Which.
    waited_s, took_s : float
        In the queue, and from then to the answer, seconds.
    error : str or None
        Name of the error's class.
    steps_ms : dict of str to float
        Milliseconds by step, as far as the task says (kinds, decode).
    frames : int
        Pictures or frames that were looked at.
    models : dict
        Runs and their seconds, by net.
    """

    task: str
    lane: str
    waited_s: float
    took_s: float
    error: str | None = None
    steps_ms: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    models: dict[str, tuple[int, float]] = field(default_factory=dict)


def observation(task: str, lane: str, waited_s: float, took_s: float, error: str | None, answer: Mapping[str, Any]) -> Observation:
    """Return what a worker's answer says of a task; what it says wrongly is left out.

    Examples
    --------
    >>> observation("look", "interactive", 0.0, 0.1, None, {"result": {"size_wh": [4, 3], "findings": {}}}).frames
    1
    """
    result = answer.get("result")
    result = result if isinstance(result, dict) else {}
    steps, models = result.get("steps_ms"), answer.get("models")
    steps = {str(k): float(v) for k, v in steps.items() if isinstance(v, int | float)} if isinstance(steps, dict) else {}
    ran = {str(k): (int(v[0]), float(v[1])) for k, v in models.items() if _is_pair(v)} if isinstance(models, dict) else {}
    count = result.get("frame_count", int("findings" in result))
    return Observation(task, lane, waited_s, took_s, error, steps, count if isinstance(count, int) else 0, ran)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


@dataclass(frozen=True)
class TaskStatistics:
    """Sums over the finished tasks of one name."""

    count: int = 0
    errors: int = 0
    waited_s: float = 0.0
    took_s: float = 0.0


@dataclass(frozen=True)
class LaneStatistics:
    """One lane now."""

    processes: int
    busy: int
    waiting: int
    waiting_bytes: int
    sessions: int


@dataclass(frozen=True)
class ProcessStatistics:
    """One process now; ``pid`` is None while there is none."""

    lane: str
    index: int
    pid: int | None
    rss_bytes: int
    busy: bool
    starts: int


@dataclass(frozen=True)
class Statistics:
    """All of it."""

    tasks: dict[str, TaskStatistics]
    lanes: dict[str, LaneStatistics]
    processes: list[ProcessStatistics]


class Tally:
    """Adds observations up; may be called from several threads.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add(Observation("look", "interactive", 0.0, 0.25))
    >>> tally.sums()["look"].took_s
    0.25
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, TaskStatistics] = defaultdict(TaskStatistics)

    def add(self, seen: Observation) -> None:
        """Add one."""
        with self._lock:
            old = self._sums[seen.task]
            self._sums[seen.task] = TaskStatistics(
                old.count + 1, old.errors + (seen.error is not None), old.waited_s + seen.waited_s, old.took_s + seen.took_s
            )

    def sums(self) -> dict[str, TaskStatistics]:
        """Return the sums by task."""
        with self._lock:
            return dict(self._sums)
