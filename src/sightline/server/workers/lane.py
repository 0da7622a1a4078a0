"""One lane: a bounded queue, and processes that work it off."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sightline.core.errors import QueueFullError, ServiceError, SightlineError, WorkerCrashedError
from sightline.server.workers import wire
from sightline.server.workers.limits import WorkerLimits
from sightline.server.workers.process import WorkerProcess
from sightline.server.workers.statistics import LaneStatistics, Observation, observation

_log = logging.getLogger(__name__)
_MAX_SESSIONS = 4096
_RETRY_S = (1.0, 60.0)


@dataclass(eq=False)
class Job:
    """A task that waits or runs."""

    task: str
    request: list[wire.Raw]
    timeout_s: float
    session: str | None = None
    future: Future[Any] = field(default_factory=Future)
    submitted_s: float = field(default_factory=time.monotonic)
    carried: int = field(init=False)

    def __post_init__(self) -> None:
        """Count what it carries, bytes."""
        self.carried = sum(memoryview(part).nbytes for part in self.request)


@dataclass(eq=False)
class _Slot:
    """A process, its thread, and what waits for this very process (frames of live sessions)."""

    process: WorkerProcess
    own: deque[Job] = field(default_factory=deque)
    thread: threading.Thread | None = None
    own_next: bool = True


class Lane:
    """A queue and its processes.

    Parameters
    ----------
    name : str
        As in ``run(..., lane=name)``.
    processes : list of WorkerProcess
        Not started yet.
    limits : WorkerLimits
    observe : callable
        Told of every finished task.
    working : callable
        Called when a process begins to work.
    """

    def __init__(
        self,
        name: str,
        processes: list[WorkerProcess],
        limits: WorkerLimits,
        observe: Callable[[Observation], None],
        working: Callable[[], None],
    ) -> None:
        self.name, self.processes = name, processes
        self._limits, self._observe, self._working = limits, observe, working
        self._slots = [_Slot(process) for process in processes]
        self._shared: deque[Job] = deque()
        self._sessions: OrderedDict[str, _Slot] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = False
        self._usual_s = 0.1

    # ------------------------------------------------------------------ in

    def start(self) -> None:
        """Start the processes; returns at once."""
        with self._changed:
            for slot in self._slots:
                if slot.thread is None and not self._closing:
                    slot.thread = threading.Thread(target=self._work, args=(slot,), name=f"worker-{slot.process.name}", daemon=True)
                    slot.thread.start()

    def submit(self, job: Job) -> None:
        """Let a job wait for its turn.

        Raises
        ------
        QueueFullError
            When too much is waiting already.
        """
        self.start()
        with self._changed:
            waiting, carried = self._waiting()
            if self._closing:
                raise QueueFullError("the server is about to stop; try again in a moment", _RETRY_S[0])
            if waiting >= self._limits.queue or (waiting and carried + job.carried > self._limits.queue_bytes):
                raise QueueFullError(f"{waiting} tasks are waiting already; try again later", self._retry_after_s(waiting))
            self._queue_of(job).append(job)
            self._changed.notify_all()
        job.future.add_done_callback(lambda future: self._forget(job) if future.cancelled() else None)

    def _queue_of(self, job: Job) -> deque[Job]:
        if job.session is None:
            return self._shared
        slot = self._sessions.pop(job.session, None) or min(self._slots, key=self._sessions_of)
        self._sessions[job.session] = slot
        if len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return slot.own

    def _sessions_of(self, slot: _Slot) -> int:
        return sum(other is slot for other in self._sessions.values())

    def end_session(self, session: str) -> None:
        """Forget which process a session belongs to."""
        with self._changed:
            self._sessions.pop(session, None)

    def _waiting(self) -> tuple[int, int]:
        jobs = [*self._shared, *(job for slot in self._slots for job in slot.own)]
        return len(jobs), sum(job.carried for job in jobs)

    def _retry_after_s(self, waiting: int) -> float:
        return round(min(max(waiting * self._usual_s / len(self._slots), _RETRY_S[0]), _RETRY_S[1]), 1)

    def _forget(self, job: Job) -> None:
        with self._changed:
            for queue in (self._shared, *(slot.own for slot in self._slots)):
                if job in queue:
                    queue.remove(job)

    # ------------------------------------------------------------------ out

    def _work(self, slot: _Slot) -> None:
        """Work off jobs until the lane closes; the whole life of a slot's thread."""
        self._restart(slot.process)
        while (job := self._take(slot)) is not None:
            if job.future.set_running_or_notify_cancel():
                self._do(slot.process, job)
        slot.process.stop()

    def _restart(self, process: WorkerProcess) -> None:
        try:
            self._working()
            process.start()
        except (ServiceError, OSError) as error:
            _log.error("worker %s cannot be started: %s", process.name, error)

    def _take(self, slot: _Slot) -> Job | None:
        """Return the next job, in turns one for this very process and one for any; None when the lane closes."""
        with self._changed:
            while not self._closing:
                queues = (slot.own, self._shared) if slot.own_next else (self._shared, slot.own)
                for queue in queues:
                    if queue:
                        slot.own_next = queue is self._shared
                        return queue.popleft()
                self._changed.wait()
            return None

    def _do(self, process: WorkerProcess, job: Job) -> None:
        begun = time.monotonic()
        result, error, answer = None, None, {}
        try:
            answer = self._ask(process, job)
            result = answer["result"] if "result" in answer else answer["bytes"]
        except SightlineError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 - a thread that works for many must outlive one job
            _log.exception("worker %s, task %s", process.name, job.task)
            error = WorkerCrashedError(job.task, f"it failed unexpectedly ({type(raised).__name__})")
        took_s = time.monotonic() - begun
        self._usual_s += 0.1 * (took_s - self._usual_s)
        failed = type(error).__name__ if error else None
        self._observe(observation(job.task, self.name, begun - job.submitted_s, took_s, failed, answer))
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)
        if not self._closing and (not process.alive or process.rss_bytes > self._limits.recycle_bytes):
            _log.info("worker %s is replaced (it held %d bytes)", process.name, process.rss_bytes)
            self._restart(process)

    def _ask(self, process: WorkerProcess, job: Job) -> dict[str, Any]:
        self._working()
        if not process.alive:
            process.start()
        answer = process.ask(job.task, job.request, job.timeout_s)
        if "error" in answer:
            raise wire.error_from_json(job.task, answer["error"])
        if "result" in answer or "bytes" in answer:
            return answer
        process.kill()
        raise WorkerCrashedError(job.task, "its answer makes no sense")

    # ------------------------------------------------------------------ end

    def begin_close(self) -> None:
        """Take no more jobs and refuse those that wait."""
        with self._changed:
            self._closing = True
            left = [*self._shared, *(job for slot in self._slots for job in slot.own)]
            self._shared.clear()
            for slot in self._slots:
                slot.own.clear()
            self._changed.notify_all()
        for job in left:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(QueueFullError("the server is about to stop; try again in a moment", _RETRY_S[0]))

    def end_close(self, deadline_s: float) -> None:
        """Wait for what runs until that monotonic time, then end it."""
        for slot in self._slots:
            if slot.thread is not None:
                slot.thread.join(max(deadline_s - time.monotonic(), 0.0))
                if slot.thread.is_alive():
                    slot.process.kill()
                    slot.thread.join()

    def statistics(self) -> LaneStatistics:
        """Return what the lane does now."""
        with self._changed:
            waiting, carried = self._waiting()
            busy = sum(process.busy for process in self.processes)
            return LaneStatistics(len(self._slots), busy, waiting, carried, len(self._sessions))
