"""The server's side of one worker process: start it, give it a task, watch it, end it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from typing import IO, Any

import psutil

from sightline.core.errors import ServiceError, WorkerCrashedError, WorkerMemoryError, WorkerTimeoutError
from sightline.server.workers import wire
from sightline.server.workers.confine import Setup, environment
from sightline.server.workers.limits import MIB, WorkerLimits

_log = logging.getLogger(__name__)
_TAIL_LINES = 40
_NO_MEMORY = ("std::bad_alloc", "MemoryError", "Cannot allocate memory", "failed to allocate", "out of memory")
_START = "start"


class WorkerProcess:
    """One process. Only the thread that made it may call ``start``, ``ask`` and ``stop``; any may call ``watch`` and ``kill``.

    Parameters
    ----------
    name : str
        For the log.
    setup : Setup
        What the process is told.
    limits : WorkerLimits
    """

    def __init__(self, name: str, setup: Setup, limits: WorkerLimits) -> None:
        self.name, self._setup, self._limits = name, setup, limits
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._deadline_s: float | None = None
        self._task = ""
        self._verdict: type[ServiceError] | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._tail_thread: threading.Thread | None = None
        self.starts = 0
        self.rss_bytes = 0

    @property
    def pid(self) -> int | None:
        """Its id, None while there is none."""
        process = self._process
        return None if process is None else process.pid

    @property
    def busy(self) -> bool:
        """Whether it works on something."""
        return self._deadline_s is not None

    @property
    def alive(self) -> bool:
        """Whether there is a process that has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process anew and wait until it is ready.

        Raises
        ------
        WorkerCrashedError, WorkerTimeoutError
            When it does not come up.
        """
        self.stop()
        command = [sys.executable, "-P", "-m", "sightline.server.workers.worker", json.dumps(asdict(self._setup))]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
        self.starts += 1
        self._tail.clear()
        assert self._process.stderr is not None
        self._tail_thread = threading.Thread(target=self._log_lines, args=(self._process.stderr,), name=f"{self.name}-log", daemon=True)
        self._tail_thread.start()
        self._exchange(_START, [], self._limits.start_s)

    def ask(self, task: str, request: list[wire.Raw], timeout_s: float) -> dict[str, Any]:
        """Give the process an encoded request and return its answer.

        Raises
        ------
        WorkerCrashedError, WorkerTimeoutError, WorkerMemoryError
            When it ends before it answers; there is no process then.
        """
        return self._exchange(task, request, timeout_s)

    def _exchange(self, task: str, request: list[wire.Raw], timeout_s: float) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            self._task, self._verdict, self._deadline_s = task, None, time.monotonic() + timeout_s
        try:
            wire.write(process.stdin, request)  # type: ignore[arg-type]
            answer = wire.read(process.stdout, self._limits.answer_bytes)
        except (OSError, wire.BrokenMessageError) as error:
            _log.warning("worker %s (%s): %s", self.name, task, error)
            answer = None
        finally:
            with self._lock:
                self._deadline_s = None
        if answer is None:
            raise self._why(task, timeout_s)
        rss = answer.get("rss")
        self.rss_bytes = rss if isinstance(rss, int) else 0
        return answer

    def _why(self, task: str, timeout_s: float) -> ServiceError:
        """End what is left of the process and return why it ended."""
        code = self.stop(wait_s=0.2)
        tail = "\n".join(self._tail)
        _log.warning("worker %s ended (%s) at task %s%s", self.name, code, task, f":\n{tail}" if tail else "")
        if self._verdict is WorkerTimeoutError:
            return WorkerTimeoutError(task, f"it took longer than {timeout_s:g} s and was stopped")
        if self._verdict is WorkerMemoryError or any(words in tail for words in _NO_MEMORY):
            return WorkerMemoryError(task, f"it needs more than the {self._limits.memory_bytes // MIB} MiB that a worker may take")
        return WorkerCrashedError(task, f"the process that worked on it ended unexpectedly (exit status {code})")

    def watch(self) -> None:
        """Kill the process when its task takes too long or too much memory."""
        with self._lock:
            if self._deadline_s is None or self._process is None:
                return
            self.rss_bytes = resident_of(self._process.pid)
            if time.monotonic() > self._deadline_s:
                self._verdict = WorkerTimeoutError
            elif self.rss_bytes > self._limits.memory_bytes:
                self._verdict = WorkerMemoryError
            else:
                return
            self._process.kill()

    def kill(self) -> None:
        """End the process now."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def stop(self, wait_s: float = 2.0) -> int | None:
        """Let the process end by itself, kill it when it does not, and return its exit status."""
        process = self._process
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            _close(pipe)
        try:
            code = process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if self._tail_thread is not None:
            self._tail_thread.join(1.0)
        _close(process.stderr)
        with self._lock:
            self._process, self.rss_bytes = None, 0
        return code

    def _log_lines(self, stream: IO[bytes]) -> None:
        try:
            while line := stream.readline(4096):
                text = line.decode("utf-8", "backslashreplace").rstrip()
                self._tail.append(text)
                _log.debug("worker %s: %s", self.name, text)
        except (OSError, ValueError):
            return


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except OSError:  # what was not written yet cannot be written any more
            return


def resident_of(pid: int) -> int:
    """Return how much memory a process holds, bytes; 0 when it has ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
