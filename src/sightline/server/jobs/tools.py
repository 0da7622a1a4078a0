"""What all jobs work with, and how they wait."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sightline.core.errors import QueueFullError, StoreUnavailableError
from sightline.server.config import ServerConfig
from sightline.server.jobs.workflows import Closing
from sightline.server.workers import Workers
from sightline.store.analyses import AnalysisStore
from sightline.store.database import Database
from sightline.store.jobs import JobStore
from sightline.store.media import MediaCatalogue
from sightline.store.records import RecordStore
from sightline.store.settings import SettingsStore
from sightline.store.sources import SourceStore

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


@dataclass(frozen=True)
class Tools:
    """What all jobs work with.

    Parameters
    ----------
    config, database, settings, media, records, sources, analyses, jobs, workers
        As in ``Services``.
    closing : threading.Event
        Set when the server is about to stop.
    """

    config: ServerConfig
    database: Database
    settings: SettingsStore
    media: MediaCatalogue
    records: RecordStore
    sources: SourceStore
    analyses: AnalysisStore
    jobs: JobStore
    workers: Workers
    closing: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> None:
        """Wait a while.

        Raises
        ------
        Closing
            As soon as the server is about to stop.
        """
        if self.closing.wait(seconds):
            raise Closing

    def patiently(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Call until the database and the workers' queue take it; for work that must not be lost.

        Raises
        ------
        Closing
            When the server is about to stop.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            self.pause(0)  # what was left behind when the server stopped must not come back to a database that is closed
            try:
                return call(*arguments)
            except StoreUnavailableError as error:
                if wait_s == _FIRST_WAIT_S:
                    logger.warning("waiting for the store: %s", error)
            except QueueFullError:
                pass
            self.pause(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def abandonable(self, call: Callable[[], Result]) -> Result:
        """Call in a thread of its own, which is left alone when the server stops.

        Raises
        ------
        Closing
            When the server is about to stop.
        """
        answers: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put((call(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answers.put((None, error))

        threading.Thread(target=run, name="sightline-job-call", daemon=True).start()
        while True:
            try:
                result, error = answers.get(timeout=0.1)
            except queue.Empty:
                self.pause(0)
                continue
            if error is not None:
                raise error
            return result  # type: ignore[return-value]
