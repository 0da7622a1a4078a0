"""Cameras: a recorder process for each, whose pieces are brought in and looked at one by one.

Recording never waits for looking. When looking is too slow for the machine, pieces are kept without being looked at, and the job
says so; nothing piles up without bound.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from sightline.api.jobs import Job
from sightline.api.records import MediaSource
from sightline.core.errors import MediaError, NotFoundError, QueueFullError, WorkerError
from sightline.server.jobs.folders import COPY
from sightline.server.jobs.importing import Importer
from sightline.server.jobs.keeping import CAMERA
from sightline.server.jobs.recorder import SUFFIX, Order, Told, moment_of
from sightline.server.jobs.tools import Tools
from sightline.server.workers.confine import environment

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_GRACE_S = 10.0
_AGAIN_S = (0.5, 60.0)
_STEADY_S = 60.0
_MOST_WAITING = 3  # pieces of one camera that wait to be looked at


class Recorder:
    """A camera's recorder process, begun anew whenever it ends."""

    def __init__(self) -> None:
        self._order: Order | None = None
        self._process: subprocess.Popen[str] | None = None
        self._begun_s, self._next_s, self._wait_s = 0.0, 0.0, _AGAIN_S[0]
        self.told = Told(False, detail="connecting")

    def tend(self, order: Order) -> None:
        """Begin the process when there is none, or when the order is another; one that ends at once is begun more and more seldom."""
        now_s = time.monotonic()
        if order != self._order:
            self.stop()
            self._order, self._next_s = order, now_s
        if self._process is not None and self._process.poll() is not None:
            logger.warning("the recorder of a camera ended (%s)", self._process.returncode)
            self.told = Told(False, detail="the recorder ended; it is begun again")
            self._wait_s = _AGAIN_S[0] if now_s - self._begun_s > _STEADY_S else min(2 * self._wait_s, _AGAIN_S[1])
            self._next_s = now_s + self._wait_s
            self._let_go(self._process)
            self._process = None
        if self._process is None and now_s >= self._next_s:
            self._begun_s = now_s
            self._begin(order)

    def _begin(self, order: Order) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sightline.server.jobs.recorder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        threading.Thread(target=self._listen, args=(self._process,), name="sightline-recorder", daemon=True).start()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(json.dumps(asdict(order)) + "\n")
            self._process.stdin.flush()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with suppress(OSError, ValueError, TypeError):
            for line in process.stdout:
                self.told = Told(**json.loads(line))

    def stop(self) -> None:
        """Let it finish its piece and end; one that does not is ended."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._let_go(process)

    @staticmethod
    def _let_go(process: subprocess.Popen[str]) -> None:
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


class CameraWatch:
    """Watches one camera.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    importer : Importer
        Brings pieces in.
    source : MediaSource
        The camera.
    job : Job
        Whose work it is.
    """

    def __init__(self, tools: Tools, importer: Importer, source: MediaSource, job: Job) -> None:
        self._tools, self._importer, self._source, self._job = tools, importer, source, job
        self._folder = folder_of(tools, source.id)
        self._brought, self._passed_over = job.done, 0
        self._last = ""

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Record and bring in as long as it goes on.

        Parameters
        ----------
        goes_on : callable
            Asked twice a second.

        Raises
        ------
        InvalidInputError
            When the address is none of a camera.
        NotFoundError
            When the source was deleted.
        Closing
            When the server is about to stop; pieces that are not brought in yet are at the next start.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in self._folder.glob(".*.part"):
            part.unlink(missing_ok=True)  # of a recorder that was killed
        recorder = Recorder()
        try:
            try:
                while goes_on():
                    recorder.tend(self._tools.patiently(self._order))
                    self._bring_in_all()
                    self._tell(recorder.told)
                    self._tools.pause(_LOOK_EVERY_S)
            finally:
                recorder.stop()
            self._tools.patiently(self._order)
            self._bring_in_all()
        except NotFoundError:  # the source was deleted: nobody wants what is left of it
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _order(self) -> Order:
        """Return what is to be recorded as the source is set now."""
        tools = self._tools
        self._source = tools.sources.get(self._source.id)
        address, limits = tools.sources.address(self._source.id), tools.settings.get().limits
        return Order(address, str(self._folder), self._source.segment_s, limits.max_pixels)

    def _bring_in_all(self) -> None:
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            moment = moment_of(path.name)
            if moment is None or path.name.startswith("."):
                continue
            try:
                self._bring_in(path)
            except (MediaError, WorkerError) as error:
                self._last = str(error)
                path.unlink(missing_ok=True)
            except OSError as error:
                self._last = f"a piece could not be stored: {error.strerror or error}"
                return

    def _bring_in(self, path: Path) -> None:
        moment = moment_of(path.name)
        behind = self._tools.patiently(self._importer.waiting, self._source.id) >= _MOST_WAITING
        if behind and not self._source.keep_video:
            self._passed_over += 1
            path.unlink(missing_ok=True)
            return
        name = f"{self._source.name} {path.stem}{SUFFIX}"
        origin = f"{CAMERA}{self._source.id}:{path.stem}"
        try:
            self._importer.bring_in(
                path, self._source, name=name, origin=origin, who=self._job.created_by, taken_at=moment, look=not behind, patient=False
            )
            self._passed_over += behind
        except QueueFullError:
            self._passed_over += 1
        self._brought += 1
        self._last = ""

    def _tell(self, told: Told) -> None:
        size = f", {told.size_wh[0]}x{told.size_wh[1]}" if told.size_wh else ""
        state = f"connected{size}, {told.frames_per_s:g} frames/s" if told.connected else told.detail or "not connected"
        notes = [state]
        if told.dropped:
            notes.append(f"{told.dropped} frames dropped")
        if self._passed_over:
            notes.append(f"{self._passed_over} pieces not looked at, because looking is behind")
        if self._last:
            notes.append(self._last)
        self._tools.patiently(lambda: self._tools.jobs.tell(self._job.id, done=self._brought, detail="; ".join(notes)))


def folder_of(tools: Tools, source_id: int) -> Path:
    """Return where the recorder of a camera writes."""
    return tools.config.spool / "cameras" / str(source_id)


def clear_leftovers(tools: Tools) -> None:
    """Delete what a killed server left of copies of watched folders' files, and of cameras that are no more; before anything is watched."""
    for copy in tools.config.spool.glob(f"{COPY}*"):
        copy.unlink(missing_ok=True)
    wanted = {folder_of(tools, source.id) for source in tools.sources.all()}
    for folder in (tools.config.spool / "cameras").glob("*"):
        if folder not in wanted:
            shutil.rmtree(folder, ignore_errors=True)
