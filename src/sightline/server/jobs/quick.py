"""The quick lane: pictures. A bounded queue in memory, a few threads that hand them to the workers, one transaction to keep what was found.

The rows say what is to be done, so nothing is lost when the process ends: what was queued is queued again at the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sightline.core.errors import QueueFullError, SightlineError, WorkerError
from sightline.server.jobs.keeping import Task, fail, keep
from sightline.server.jobs.tools import Tools
from sightline.server.jobs.workflows import Closing
from sightline.store.analyses import Piece

logger = logging.getLogger(__name__)

_FIRST_GUESS_S = 0.2
_MOST_WAIT_S = 600.0
_TRIES = 2


class QuickLane:
    """Looks at pictures as they come.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    threads : int
        Pictures under way at once; more than there are workers, so that these never wait for the database.
    finished : callable
        Told the id of each job that is over.
    """

    def __init__(self, tools: Tools, threads: int, finished: Callable[[str], None]) -> None:
        self._tools, self._finished, self._count = tools, finished, threads
        self._waiting: deque[Task] = deque()
        self._reserved = 0
        self._changed = threading.Condition()
        self._usual_s = _FIRST_GUESS_S
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work."""
        self._threads = [threading.Thread(target=self._work, name=f"sightline-quick-{i}", daemon=True) for i in range(self._count)]
        for thread in self._threads:
            thread.start()

    def reserve(self, places: int) -> None:
        """Take a place in the queue, which ``put`` fills or ``give_back`` gives back.

        Raises
        ------
        QueueFullError
            When so many are taken already.
        """
        with self._changed:
            taken = len(self._waiting) + self._reserved
            if taken >= places:
                wait_s = min(max(1.0, taken * self._usual_s / self._tools.config.interactive_workers), _MOST_WAIT_S)
                raise QueueFullError(f"{taken} pictures are waiting already, as many as may; try again later", round(wait_s, 1))
            self._reserved += 1

    def give_back(self) -> None:
        """Give a reserved place back."""
        with self._changed:
            self._reserved -= 1

    def put(self, task: Task) -> None:
        """Let a picture wait for its turn, in the place that was reserved."""
        with self._changed:
            self._reserved -= 1
            self._waiting.append(task)
            self._changed.notify()

    def put_again(self, task: Task) -> None:
        """Let a picture wait that waited before the server stopped."""
        with self._changed:
            if all(known.job_id != task.job_id for known in self._waiting):
                self._waiting.append(task)
                self._changed.notify()

    def drop(self, job_id: str) -> None:
        """Take a cancelled picture out of the queue."""
        with self._changed:
            for task in [t for t in self._waiting if t.job_id == job_id]:
                self._waiting.remove(task)

    def depth(self) -> int:
        """Return how many pictures wait."""
        with self._changed:
            return len(self._waiting)

    def close(self, timeout_s: float = 1.0) -> None:
        """Stop; what waits, or is not finished in time, is left for the next start. ``tools.closing`` is set by now."""
        with self._changed:
            self._changed.notify_all()
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    # ------------------------------------------------------------------ the threads

    def _work(self) -> None:
        while (task := self._take()) is not None:
            with suppress(Closing):
                self._one(task)
                self._finished(task.job_id)

    def _take(self) -> Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._tools.closing.is_set())
            return None if self._tools.closing.is_set() else self._waiting.popleft()

    def _one(self, task: Task) -> None:
        try:
            found = self._look(task)
            self._tools.patiently(keep_picture, self._tools, task, found)
            self._usual_s += 0.1 * (found["took_ms"] / 1000 - self._usual_s)
        except SightlineError as error:
            self._fail(task, error)
        except Exception as error:
            logger.exception("picture %s", task.media_id)
            self._fail(task, error)

    def _look(self, task: Task) -> dict[str, Any]:
        """Look at the picture; a worker that ends over it gets a second one."""
        tools = self._tools
        limits = tools.settings.get().limits
        for attempt in range(_TRIES):
            try:
                return tools.patiently(self._ask, task, limits)
            except WorkerError:
                tools.pause(0)
                if attempt + 1 == _TRIES:
                    raise
        raise AssertionError

    def _ask(self, task: Task, limits: Any) -> dict[str, Any]:
        with self._tools.media.local_path(task.digest) as path:
            found: dict[str, Any] = self._tools.workers.run_sync("look", path=path, options=task.options, limits=limits, name=task.name)
        return found

    def _fail(self, task: Task, error: Exception) -> None:
        self._tools.pause(0)  # what fails because the server stops is done at the next start
        self._tools.patiently(fail, self._tools, task, error)


def keep_picture(tools: Tools, task: Task, found: dict[str, Any]) -> bool:
    """Keep what was found in a picture; see `keep`."""
    piece = Piece(
        number=0,
        start_s=0.0,
        end_s=0.0,
        frames=[found["findings"]],
        took_s=found["took_ms"] / 1000,
        counts=found["counts"],
        models=found["models"],
        problems=[],
    )
    return keep(tools, task, piece, last=True)
