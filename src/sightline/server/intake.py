"""What becomes of a file that came in: a worker looks at what it is, it is kept or refused, its analysis is begun.

What is decided is written down first: a server that is killed in between goes on where it was (`Intake.run_forever`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from sightline.api.analyses import AnalysisOptions
from sightline.api.base import now
from sightline.api.media import NewUpload, Upload
from sightline.core.errors import (
    ConflictError,
    MediaError,
    MediaLimitError,
    NotFoundError,
    QueueFullError,
    SightlineError,
    WorkerCrashedError,
    WorkerError,
)
from sightline.server.jobs.runner import Runner
from sightline.server.workers import Workers
from sightline.store.audit import AuditTrail
from sightline.store.media import MediaCatalogue, NewMedia
from sightline.store.settings import SettingsStore
from sightline.store.uploads import Uploads

__all__ = ["Arrived", "Intake"]

logger = logging.getLogger(__name__)

_WAITS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_AGAIN_S = 5.0
_TRIES = 2


@dataclass(frozen=True)
class Arrived:
    """A file whose bytes are all in the spool folder.

    Parameters
    ----------
    id : UUID
        Of its upload; its file is `Uploads.path`.
    new : NewUpload
        What was announced.
    who : str
        The user who brings it.
    digest : str
        Its sha256.
    actor : str
        As the audit trail calls them.
    is_announced : bool
        Whether the upload has a row already.
    """

    id: UUID
    new: NewUpload
    who: str
    digest: str
    actor: str
    is_announced: bool = True


class Intake:
    """Keeps or refuses what came in.

    Parameters
    ----------
    settings, audit, media, uploads, workers, runner
        As in ``Services``.
    """

    def __init__(
        self, settings: SettingsStore, audit: AuditTrail, media: MediaCatalogue, uploads: Uploads, workers: Workers, runner: Runner
    ) -> None:
        self._settings, self._audit, self._media = settings, audit, media
        self._uploads, self._workers, self._runner = uploads, workers, runner
        self._behind = threading.Event()
        self._behind.set()
        self._waits_for_room = False

    def check(self, new: NewUpload) -> None:
        """Refuse what is known to be too much before a byte of it came.

        Raises
        ------
        MediaLimitError
            When it has more bytes than the settings allow.
        QueueFullError
            When what came before it waits for its analysis to begin.
        OSError
            With ``ENOSPC`` when the disk has not room for it.
        """
        allowed = self._settings.get().limits.max_bytes
        if new.bytes > allowed:
            raise MediaLimitError(new.name, f"has {new.bytes:,} bytes, more than the {allowed:,} that are allowed")
        if new.analyse and self._waits_for_room:
            raise QueueFullError("as many files wait for their analysis as may; try again later", _AGAIN_S)
        self._uploads.check_room(new.bytes)

    @property
    def max_bytes(self) -> int:
        """The most bytes that a file may have."""
        return self._settings.get().limits.max_bytes

    async def settle(self, arrived: Arrived) -> Upload:
        """Keep or refuse a file, and begin its analysis; call it inside `Uploads.alone`.

        Raises
        ------
        MediaError, WorkerError
            When it is refused, and why; its bytes are deleted.
        QueueFullError
            When too much waits to be looked at; nothing is lost, and it is looked at later.
        StoreUnavailableError, OSError
            When it cannot be stored now; nothing is lost, and it is stored later.
        """
        try:
            facts = await self._inspected(arrived)
        except (MediaError, WorkerError) as error:
            await run_in_threadpool(self._refuse, arrived, error)
            raise
        except BaseException:
            self._behind.set()
            raise
        return await run_in_threadpool(self._keep, arrived, facts)

    async def _inspected(self, arrived: Arrived) -> dict[str, Any]:
        crashes = 0
        for wait_s in (*_WAITS_S, None):
            try:
                facts: dict[str, Any] = await self._workers.run("inspect", lane="interactive", **self._arguments(arrived))
                return facts
            except WorkerCrashedError:
                crashes += 1
                if crashes == _TRIES:
                    raise
            except QueueFullError:
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)
        raise AssertionError("the last try either returns or raises")

    def _arguments(self, arrived: Arrived) -> dict[str, Any]:
        return {"path": self._uploads.path(arrived.id), "limits": self._settings.get().limits, "name": arrived.new.name}

    def _refuse(self, arrived: Arrived, error: SightlineError) -> None:
        self._uploads.refuse(arrived.id, str(error))
        self._audit.write(arrived.actor, "media.refuse", f"uploads/{arrived.id}", name=arrived.new.name, reason=str(error))

    def _keep(self, arrived: Arrived, facts: dict[str, Any]) -> Upload:
        """Keep a file; one that came in one go has its row from the same transaction."""
        new, days = arrived.new, self._settings.get().retention_days
        expires_at = now() + timedelta(days=days) if days is not None and new.source_id is None else None
        medium = NewMedia(facts, new.name, arrived.who, new.source_id, new.taken_at, None, expires_at)
        try:
            with self._media.adding(self._uploads.path(arrived.id), arrived.digest, medium) as (session, row):
                upload = self._uploads.keep(session, arrived.id, row.id, None if arrived.is_announced else (new, arrived.who))
        except BaseException:
            self._behind.set()
            raise
        self._uploads.forget(arrived.id)
        self._audit.write(arrived.actor, "media.add", f"media/{row.id}", name=row.name, bytes=row.bytes, sha256=row.digest)
        return self._begin_analysis(upload, arrived.who) if new.analyse else upload

    def _begin_analysis(self, upload: Upload, who: str) -> Upload:
        """Begin the analysis of what was kept; when there is no room for it now, it is begun later."""
        assert upload.media_id is not None
        try:
            analysis = self._runner.analyse(upload.media_id, AnalysisOptions(), who)
        except NotFoundError:
            return upload  # deleted already
        except SightlineError as error:
            self._waits_for_room = isinstance(error, QueueFullError)
            self._behind.set()
            detail = f"It is kept, and its analysis begins as soon as it can: {error}"
            self._uploads.note_analysis(upload.id, None, None, detail)
            return upload.model_copy(update={"detail": detail})
        self._uploads.note_analysis(upload.id, analysis.id, analysis.job_id)
        return upload.model_copy(update={"analysis_id": analysis.id, "job_id": analysis.job_id})

    # ------------------------------------------------------------------ later

    def run_forever(self, stop: threading.Event) -> None:
        """Go on with what was left: at the start, and whenever something could not be done at once; until told to stop."""
        while not stop.is_set():
            if self._behind.is_set():
                self._behind.clear()
                try:
                    self.catch_up()
                except (SightlineError, OSError) as error:
                    self._behind.set()
                    logger.warning("uploads wait: %s", error)
            stop.wait(_AGAIN_S)

    def catch_up(self) -> int:
        """Finish the uploads that are complete, and begin the analyses that could not be begun; return how many were done.

        Raises
        ------
        QueueFullError, StoreUnavailableError, OSError
            When one of them still cannot be.
        """
        count, first = 0, None
        for upload_id in self._uploads.unfinished():
            try:
                with suppress(ConflictError, NotFoundError), self._uploads.alone(upload_id):
                    count += self._go_on(upload_id)
            except (SightlineError, OSError) as error:
                first = first or error
        if first is not None:
            raise first
        self._waits_for_room = False
        return count

    def _go_on(self, upload_id: UUID) -> bool:
        new, who = self._uploads.announced(upload_id)
        upload = self._uploads.get(upload_id)
        if upload.state == "checking":
            try:
                arrived = Arrived(upload_id, new, who, self._uploads.digest(upload_id), who)
            except FileNotFoundError:
                self._uploads.refuse(upload_id, "its bytes are gone; send it again")
                return True
            try:
                facts = self._workers.run_sync("inspect", lane="interactive", **self._arguments(arrived))
            except (MediaError, WorkerError) as error:
                self._refuse(arrived, error)
                return True
            upload = self._keep(arrived, facts)
        elif upload.state == "kept" and upload.analysis_id is None:
            begun = self._uploads.analysis_begun(upload_id)
            upload = self._begin_analysis(upload, who) if begun is None else begun
        if new.analyse and upload.analysis_id is None and upload.detail:
            raise QueueFullError(upload.detail, _AGAIN_S)
        return True
