"""Bringing in what a watched folder or camera has: looked at by a worker, kept, analysed; once, whenever the server is killed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from sightline.api.analyses import Analysis, AnalysisOptions
from sightline.api.media import Media
from sightline.api.records import MediaSource
from sightline.server.jobs.tools import Tools
from sightline.store.jobs import OPEN
from sightline.store.tables import AnalysisRow, JobRow, MediaRow

Analyse = Callable[[UUID, AnalysisOptions, str], Analysis]


class Importer:
    """Brings in files of the spool folder.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    analyse : callable
        Begins an analysis.
    """

    def __init__(self, tools: Tools, analyse: Analyse) -> None:
        self._tools, self._analyse = tools, analyse

    def bring_in(
        self,
        path: Path,
        source: MediaSource,
        *,
        name: str,
        origin: str,
        who: str,
        taken_at: datetime | None = None,
        look: bool = True,
        patient: bool = True,
    ) -> Media:
        """Keep a file of the spool folder, which is gone from there afterwards, and begin its analysis.

        Parameters
        ----------
        path : Path
            The file; nobody writes to it any more.
        source : MediaSource
            Where it came from.
        name, origin, who, taken_at
            As ``MediaCatalogue.add`` takes them.
        look : bool
            Whether to begin an analysis.
        patient : bool
            Whether to wait for room in the queue.

        Raises
        ------
        MediaError
            When it is no picture or video, damaged or too large.
        WorkerError
            When a worker ended over it.
        OSError
            When it could not be stored.
        QueueFullError
            Impatient, and there is no room in the queue: it is kept without being looked at.
        Closing
            When the server is about to stop.
        """
        tools = self._tools
        limits = tools.settings.get().limits
        facts = tools.patiently(tools.abandonable, lambda: tools.workers.run_sync("inspect", path=path, limits=limits, name=name))
        media = tools.patiently(
            lambda: tools.media.add(path, facts, name=name, added_by=who, source_id=source.id, taken_at=taken_at, origin=origin)
        )
        if look and not self._is_analysed(media.id):
            options = AnalysisOptions(only=list(source.only))
            if patient:
                tools.patiently(self._analyse, media.id, options, who)
            else:
                self._analyse(media.id, options, who)
        return media

    def _is_analysed(self, media_id: UUID) -> bool:
        with self._tools.database.session() as session:
            return session.scalar(select(AnalysisRow.id).where(AnalysisRow.media_id == media_id).limit(1)) is not None

    def waiting(self, source_id: int) -> int:
        """Return how many videos of a source wait to be looked at."""
        query = (
            select(func.count())
            .select_from(JobRow)
            .join(MediaRow, MediaRow.id == JobRow.media_id)
            .where(MediaRow.source_id == source_id, JobRow.kind == "video", JobRow.state == "queued", JobRow.state.in_(OPEN))
        )
        with self._tools.database.session() as session:
            return session.scalar(query) or 0
