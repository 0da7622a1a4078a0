"""What a task may cost, and how much may wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sightline.core.errors import InvalidInputError

MIB = 1 << 20
GIB = 1 << 30
TIMEOUTS_S = MappingProxyType({"inspect": 60.0, "thumbnail": 60.0, "look": 180.0, "annotate": 180.0, "live_frame": 20.0, "segment": 900.0})


@dataclass(frozen=True)
class WorkerLimits:
    """What one worker process may cost, and how much may wait for one lane.

    Parameters
    ----------
    memory_bytes : int
        Of a process while it works. Beyond it the task ends with ``WorkerMemoryError``: an allocation fails in the process
        (RLIMIT_DATA, where the system has it), and the server watches the resident size.
    recycle_bytes : int
        A process that holds more than this after a task is replaced by a fresh one.
    timeouts_s : mapping of str to float
        Seconds of work, by task; waiting does not count.
    timeout_s : float
        For tasks that are not among them.
    start_s : float
        Until a new process must be ready.
    queue : int
        Tasks that may wait in one lane.
    queue_bytes : int
        Bytes that they may carry together (pictures that come as bytes).
    answer_bytes : int
        Largest answer that is taken from a process.
    file_bytes : int
        Largest file that a process may write (temporary ones; it needs none at present).
    watch_s : float
        How often memory and time are looked at.

    Raises
    ------
    InvalidInputError
        When a limit is not positive.

    Examples
    --------
    >>> WorkerLimits().timeout_of("look")
    180.0
    """

    memory_bytes: int = 4 * GIB
    recycle_bytes: int = 2 * GIB
    timeouts_s: Mapping[str, float] = field(default_factory=lambda: TIMEOUTS_S)
    timeout_s: float = 120.0
    start_s: float = 60.0
    queue: int = 512
    queue_bytes: int = 512 * MIB
    answer_bytes: int = 256 * MIB
    file_bytes: int = 64 * MIB
    watch_s: float = 0.05

    def __post_init__(self) -> None:
        """Refuse limits that nothing can meet."""
        numbers = [value for value in vars(self).values() if isinstance(value, int | float)]
        if min(*numbers, *self.timeouts_s.values()) <= 0:
            raise InvalidInputError(f"limits of workers must be positive, got {self}")

    def timeout_of(self, task: str) -> float:
        """Return how many seconds a task may work."""
        return self.timeouts_s.get(task, self.timeout_s)
