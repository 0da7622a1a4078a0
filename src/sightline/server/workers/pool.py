"""The worker pool: what the server hands strangers' files to, so that none of them can take the server down."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self

from sightline.core.errors import InvalidInputError
from sightline.server.workers import wire
from sightline.server.workers.confine import Setup
from sightline.server.workers.lane import Job, Lane
from sightline.server.workers.limits import MIB, WorkerLimits
from sightline.server.workers.process import WorkerProcess, resident_of
from sightline.server.workers.statistics import Observation, ProcessStatistics, Statistics, Tally

_log = logging.getLogger(__name__)
LaneName = Literal["interactive", "batch"]
_NICE = {"interactive": 0, "batch": 10}
_CLOSES_SESSION = "live_close"


def available_cores() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


class Workers:
    """Two lanes of processes that decode files and run nets.

    Processes are started with an interpreter of their own (never forked), hold none of the server's secrets in their
    environment, and are limited in memory, time and what they may write. One that crashes, hangs or grows too large is ended
    and replaced; only the task that it worked on is lost. What they answer is read as JSON and raw bytes, never unpickled.

    Parameters
    ----------
    interactive, batch : int
        Processes of each lane. Those of the batch lane let the others go first (nice).
    limits : WorkerLimits, optional
        What a task may cost, and how much may wait.
    threads : int, optional
        Processors that one task may use; by default the machine's, shared among the processes of a lane.
    tasks : str
        Module whose ``all_tasks(threads)`` gives the tasks.
    observe : callable, optional
        Told of every finished task, from a thread of the pool: for histograms.

    Examples
    --------
    >>> from skimage.data import data_dir
    >>> with Workers() as workers:
    ...     workers.run_sync("inspect", path=f"{data_dir}/astronaut.png")["size_wh"]
    [512, 512]
    """

    def __init__(
        self,
        interactive: int = 1,
        batch: int = 1,
        *,
        limits: WorkerLimits | None = None,
        threads: int | None = None,
        tasks: str = "sightline.server.workers.tasks",
        observe: Callable[[Observation], None] | None = None,
    ) -> None:
        if min(interactive, batch) < 1 or (threads is not None and threads < 1):
            raise InvalidInputError(f"each lane needs a process and a thread, got {interactive}, {batch} and threads {threads}")
        self.limits = limits or WorkerLimits()
        self._tasks, self._threads, self._on_done = tasks, threads, observe
        self._tally = Tally()
        self._busy, self._closed = threading.Event(), threading.Event()
        self._watcher: threading.Thread | None = None
        self._lock = threading.Lock()
        self._lanes = {name: self._lane(name, count) for name, count in (("interactive", interactive), ("batch", batch))}

    def _lane(self, name: str, count: int) -> Lane:
        setup = Setup(
            tasks=self._tasks,
            threads=self._threads or max(1, available_cores() // count),
            memory_bytes=self.limits.memory_bytes,
            recycle_bytes=self.limits.recycle_bytes,
            file_bytes=self.limits.file_bytes,
            request_bytes=self.limits.queue_bytes + 16 * MIB,
            nice=_NICE[name],
            parent=os.getpid(),
        )
        processes = [WorkerProcess(f"{name}-{i}", setup, self.limits) for i in range(count)]
        return Lane(name, processes, self.limits, self._observe, self._busy.set)

    # ------------------------------------------------------------------ work

    async def run(self, task: str, /, *, lane: LaneName = "interactive", timeout_s: float | None = None, **arguments: Any) -> Any:
        """Do a task and return its result; see `sightline.server.workers.tasks` for what there is.

        When the caller is cancelled, a task that still waits is taken out of the queue; one that runs is let finish.

        Parameters
        ----------
        task : str
            Name of the task.
        lane : {"interactive", "batch"}
            Whose processes do it.
        timeout_s : float, optional
            Seconds of work, waiting not counted; by default as the limits say.
        **arguments
            Of the task: anything JSON can say, paths, dataclasses, pydantic models, and bytes at the top level. Tasks with the same
            ``session`` go to the same process.

        Raises
        ------
        QueueFullError
            When too much is waiting in the lane.
        WorkerCrashedError, WorkerTimeoutError, WorkerMemoryError
            When the process ended over it.
        SightlineError
            What the task itself raised.
        """
        return await asyncio.wrap_future(self._submit(task, lane, timeout_s, arguments).future)

    def run_sync(self, task: str, /, *, lane: LaneName = "interactive", timeout_s: float | None = None, **arguments: Any) -> Any:
        """Do a task and return its result, as ``run`` does, from a thread that may wait."""
        job = self._submit(task, lane, timeout_s, arguments)
        try:
            return job.future.result()
        except BaseException:
            job.future.cancel()
            raise

    def _submit(self, task: str, lane: str, timeout_s: float | None, arguments: dict[str, Any]) -> Job:
        if lane not in self._lanes:
            raise InvalidInputError(f"lane must be one of {', '.join(self._lanes)}, got {lane!r}")
        session = arguments.get("session")
        request = wire.encode({**arguments, "task": task})
        job = Job(task, request, timeout_s or self.limits.timeout_of(task), None if session is None else str(session))
        self._watch()
        self._lanes[lane].submit(job)
        if task == _CLOSES_SESSION:
            self._lanes[lane].end_session(str(session))
        return job

    def _observe(self, seen: Observation) -> None:
        self._tally.add(seen)
        if self._on_done is not None:
            try:
                self._on_done(seen)
            except Exception:  # noqa: BLE001 - whoever counts must not lose anybody's result
                _log.exception("observing %s", seen.task)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start all processes; returns at once. Without it they start when the first task comes."""
        self._watch()
        for lane in self._lanes.values():
            lane.start()

    def _watch(self) -> None:
        with self._lock:
            if self._watcher is None and not self._closed.is_set():
                self._watcher = threading.Thread(target=self._watch_over, name="worker-watch", daemon=True)
                self._watcher.start()

    def _watch_over(self) -> None:
        processes = [process for lane in self._lanes.values() for process in lane.processes]
        while not self._closed.is_set():
            self._busy.wait()
            self._busy.clear()
            idle_rounds = 0
            while idle_rounds < 2 and not self._closed.wait(self.limits.watch_s):
                for process in processes:
                    process.watch()
                idle_rounds = 0 if any(process.busy for process in processes) else idle_rounds + 1

    def close(self, grace_s: float = 5.0) -> None:
        """Refuse what waits, let what runs finish for ``grace_s`` seconds, end all processes."""
        for lane in self._lanes.values():
            lane.begin_close()
        deadline_s = time.monotonic() + grace_s
        for lane in self._lanes.values():
            lane.end_close(deadline_s)
        self._closed.set()
        self._busy.set()
        if self._watcher is not None:
            self._watcher.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def statistics(self) -> Statistics:
        """Return sums by task, what waits and runs in each lane, and the memory of each process."""
        processes = [
            ProcessStatistics(name, i, process.pid, resident_of(process.pid) if process.pid else 0, process.busy, process.starts)
            for name, lane in self._lanes.items()
            for i, process in enumerate(lane.processes)
        ]
        return Statistics(self._tally.sums(), {name: lane.statistics() for name, lane in self._lanes.items()}, processes)
