"""Fetching the weights of a model, with its progress in bytes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sightline.api.jobs import JobState
from sightline.core.errors import SightlineError
from sightline.runtime.fetch import fetch
from sightline.server.jobs.tools import Tools
from sightline.store.jobs import OPEN

logger = logging.getLogger(__name__)

_TELL_EVERY_S = 0.5


class _CancelledError(Exception):
    """Somebody cancelled the job."""


class FetchWork:
    """The body of a fetch.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    finished : callable
        Told the id of each job that is over.
    """

    def __init__(self, tools: Tools, finished: Callable[[str], None]) -> None:
        self._tools, self._finished = tools, finished

    def __call__(self, job_id: str, attempt: int) -> None:
        """Fetch, unless the job was cancelled meanwhile.

        Raises
        ------
        Closing
            When the server is about to stop; the fetch begins anew at the next start.
        """
        tools = self._tools
        tools.patiently(lambda: tools.jobs.move(job_id, "running", expected=("queued",), attempt=attempt, detail=None))
        if tools.patiently(tools.jobs.attempt_of, job_id) != ("running", attempt):
            return
        name = tools.patiently(tools.jobs.get, job_id).title
        state: JobState = "done"
        detail: str
        try:
            outcome = tools.abandonable(lambda: fetch([name], _Told(tools, job_id, attempt)))
            detail = outcome[0].outcome
        except _CancelledError:
            return
        except SightlineError as error:
            state, detail = "failed", str(error)
        except Exception as error:
            logger.exception("fetching %s", name)
            state, detail = "failed", f"it failed unexpectedly ({type(error).__name__}); the server's log holds more"
        tools.patiently(lambda: tools.jobs.move(job_id, state, expected=OPEN, attempt=attempt, detail=detail))
        self._finished(job_id)


class _Told:
    """Notes the progress of a fetch, and stops it when it was cancelled."""

    def __init__(self, tools: Tools, job_id: str, attempt: int) -> None:
        self._tools, self._job_id, self._attempt = tools, job_id, attempt
        self._next_s = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if time.monotonic() < self._next_s and done != total:
            return
        self._next_s = time.monotonic() + _TELL_EVERY_S
        jobs = self._tools.jobs
        if self._tools.patiently(jobs.attempt_of, self._job_id) != ("running", self._attempt):
            raise _CancelledError
        self._tools.patiently(lambda: jobs.tell(self._job_id, done=done, total=total, detail=what))
