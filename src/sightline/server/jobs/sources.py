"""Watched folders and cameras: work without an end, which stops when its job is paused or cancelled and comes back after a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sightline.core.errors import NotFoundError, SightlineError
from sightline.server.jobs.cameras import CameraWatch
from sightline.server.jobs.folders import FolderWatch
from sightline.server.jobs.importing import Analyse, Importer
from sightline.server.jobs.tools import Tools
from sightline.store.jobs import OPEN

logger = logging.getLogger(__name__)


class SourceWork:
    """The body of a watched folder's or camera's job.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    analyse : callable
        Begins an analysis: ``Runner.analyse``.
    finished : callable
        Told the id of each job that is over for now.
    """

    def __init__(self, tools: Tools, analyse: Analyse, finished: Callable[[str], None]) -> None:
        self._tools, self._finished = tools, finished
        self._importer = Importer(tools, analyse)

    def __call__(self, job_id: str, attempt: int) -> None:
        """Watch until the job is paused, cancelled or deleted.

        Raises
        ------
        Closing
            When the server is about to stop; it is watched again from the next start on.
        """
        tools = self._tools
        tools.patiently(lambda: tools.jobs.move(job_id, "running", expected=("queued",), attempt=attempt))
        try:
            if not self._goes_on(job_id, attempt):
                return
            job = tools.patiently(tools.jobs.get, job_id)
            assert job.source_id is not None
            source = tools.patiently(tools.sources.get, job.source_id)
            watch = FolderWatch if source.kind == "folder" else CameraWatch
            watch(tools, self._importer, source, job).run(lambda: self._goes_on(job_id, attempt))
        except NotFoundError:
            logger.info("job %s ends: it or its source was deleted", job_id)
        except SightlineError as error:
            self._fail(job_id, attempt, str(error))
        except Exception as error:
            logger.exception("job %s", job_id)
            self._fail(job_id, attempt, f"it failed unexpectedly ({type(error).__name__}); the server's log holds more")
        self._finished(job_id)

    def _goes_on(self, job_id: str, attempt: int) -> bool:
        self._tools.pause(0)
        return self._tools.patiently(self._tools.jobs.attempt_of, job_id) == ("running", attempt)

    def _fail(self, job_id: str, attempt: int, detail: str) -> None:
        jobs = self._tools.jobs
        self._tools.patiently(lambda: jobs.move(job_id, "failed", expected=OPEN, attempt=attempt, detail=detail))
