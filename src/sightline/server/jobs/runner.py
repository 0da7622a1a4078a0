"""The one entry to long work: begins it, acts on it, comes back to it after a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

from sightline.analysis.segments import SEGMENT_S
from sightline.api.analyses import Analysis, AnalysisOptions
from sightline.api.base import now
from sightline.api.jobs import Job, JobAction, JobState
from sightline.core.errors import ConflictError, NotFoundError, QueueFullError, StoreUnavailableError
from sightline.runtime.cards import load_card
from sightline.server.config import ServerConfig
from sightline.server.jobs.cameras import clear_leftovers
from sightline.server.jobs.events import JobEvents
from sightline.server.jobs.fetches import FetchWork
from sightline.server.jobs.keeping import Task, is_piece, read_task
from sightline.server.jobs.quick import QuickLane
from sightline.server.jobs.sources import SourceWork
from sightline.server.jobs.tools import Tools
from sightline.server.jobs.videos import VideoWork
from sightline.server.jobs.workflows import Kind, Workflows
from sightline.server.workers import Workers
from sightline.store.analyses import AnalysisStore, Started
from sightline.store.database import Database
from sightline.store.jobs import OPEN, JobStore, NewJob
from sightline.store.media import MediaCatalogue
from sightline.store.records import RecordStore
from sightline.store.settings import SettingsStore
from sightline.store.sources import SourceStore
from sightline.store.tables import MediaRow

logger = logging.getLogger(__name__)

VIDEOS, PIECES, FETCHES = "video", "camera pieces", "fetch"
_MOST_WAIT_S = 3600.0
_LOOK_AGAIN_S = 0.5
_TEND_EVERY_S = 5.0
_TO: dict[JobAction, JobState] = {"pause": "paused", "resume": "queued", "cancel": "cancelled", "retry": "queued"}


class Runner:
    """Long work: analyses, watched folders, cameras, fetching of models.

    Every piece of work has a row in ``jobs``; the rows are the truth. Pictures go through a quick lane of their own, everything
    else is a durable workflow. There is one runner in a process at a time.

    Parameters
    ----------
    config, database, settings, media, records, sources, analyses, jobs, workers
        As in ``Services``.
    segment_s : float
        Length of the pieces in which videos are looked at, seconds.

    Attributes
    ----------
    events : JobEvents
        Changes of jobs, as they happen.
    """

    def __init__(
        self,
        config: ServerConfig,
        database: Database,
        settings: SettingsStore,
        media: MediaCatalogue,
        records: RecordStore,
        sources: SourceStore,
        analyses: AnalysisStore,
        jobs: JobStore,
        workers: Workers,
        *,
        segment_s: float = SEGMENT_S,
    ) -> None:
        self._tools = Tools(config, database, settings, media, records, sources, analyses, jobs, workers)
        self.events = JobEvents(jobs)
        self._over = threading.Condition()
        self._ends = 0
        self._counting = threading.Lock()
        self._quick = QuickLane(self._tools, config.interactive_workers + 2, self._finished)
        self._sources = SourceWork(self._tools, self.analyse, self._finished)
        self._fetches = FetchWork(self._tools, self._finished)
        self._workflows = Workflows(
            database.url,
            {
                "video": Kind(VideoWork(self._tools, lambda: self._workflows, self._finished, segment_s=segment_s), VIDEOS),
                "source": Kind(self._sources),
                "fetch": Kind(self._fetches, FETCHES),
            },
            {VIDEOS: config.batch_workers, PIECES: 1, FETCHES: 1},
        )
        self._is_running = False
        self._tender: threading.Thread | None = None

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin to work, with what was under way or waiting when the server stopped.

        Raises
        ------
        StoreUnavailableError
            When the database cannot be reached.
        """
        clear_leftovers(self._tools)
        self._workflows.launch()
        self._is_running = True
        self._quick.start()
        for job in self._tools.jobs.unfinished("picture", states=("queued", "running")):
            task = read_task(self._tools, job.id, job.attempts)
            if task is not None:
                self._quick.put_again(task)
        self._tend()
        self._tender = threading.Thread(target=self._tend_forever, name="sightline-tend", daemon=True)
        self._tender.start()

    def _tend(self, untouched_s: float = 0.0) -> None:
        """Begin what is to be done and is not under way: its server was killed before it could be, or its attempt lost the database."""
        since = now() - timedelta(seconds=untouched_s)
        todo = self._tools.jobs.unfinished("video", "folder", "camera", "fetch", states=("queued", "running"))
        todo = [job for job in todo if job.updated_at <= since or not untouched_s]
        under_way = self._workflows.under_way((job.id, job.attempts) for job in todo)
        for job in todo:
            if (job.id, job.attempts) not in under_way:
                logger.info("%s %s is begun again", job.kind, job.id)
                self._again(job, expected=("queued", "running"))

    def _tend_forever(self) -> None:
        while not self._tools.closing.wait(_TEND_EVERY_S):
            try:
                self._tend(untouched_s=_TEND_EVERY_S)  # what was written just now is being begun
            except StoreUnavailableError as error:
                logger.debug("jobs cannot be tended: %s", error)
            except Exception:
                logger.exception("jobs cannot be tended")

    def close(self) -> None:
        """Stop; what is under way goes on at the next start."""
        self._tools.closing.set()
        if self._is_running:
            if self._tender is not None:
                self._tender.join(_TEND_EVERY_S)
            self._quick.close()
            self._workflows.destroy()
            self._is_running = False
        with self._over:
            self._over.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ------------------------------------------------------------------ analyses

    def analyse(self, media_id: UUID, options: AnalysisOptions, created_by: str) -> Analysis:
        """Begin to look at a picture or video.

        Parameters
        ----------
        media_id : UUID
            What to look at.
        options : AnalysisOptions
            What to look for.
        created_by : str
            Who wishes it.

        Returns
        -------
        Analysis
            Queued; ``job_id`` is its job.

        Raises
        ------
        NotFoundError
            When there is no such picture or video.
        ConflictError
            When the video was not kept.
        QueueFullError
            When as many are waiting as the settings allow; says when to come again.
        StoreUnavailableError
            When the database cannot be reached; nothing was begun.
        """
        limits = self._tools.settings.get().limits
        reserved: list[str] = []

        def check(media: MediaRow) -> None:
            if not media.bytes:
                raise ConflictError(f"{media.name}: the video was not kept, only its records were; it cannot be looked at again")
            if media.kind == "picture":
                self._quick.reserve(limits.max_queued_pictures)
                reserved.append("picture")
            else:
                self._counting.acquire()
                reserved.append("video")
                self._check_room_for_video(limits.max_queued_videos)

        begun: Started | None = None
        try:
            begun = self._tools.analyses.begin(media_id, options, created_by, check)
        finally:
            if reserved == ["video"]:
                self._counting.release()
            elif reserved and begun is None:
                self._quick.give_back()
        if begun.media.kind == "picture":
            self._quick.put(_task(begun))
        else:
            self._begin("video", begun.analysis.job_id, 1, PIECES if is_piece(begun.media) else VIDEOS)
        return begun.analysis

    def _check_room_for_video(self, places: int) -> None:
        waiting = self._tools.jobs.waiting("video")
        if waiting >= places:
            wait_s = min(max(1.0, self._tools.jobs.usual_video_s() / self._tools.config.batch_workers), _MOST_WAIT_S)
            raise QueueFullError(f"{waiting} videos are waiting already, as many as may; try again later", round(wait_s, 1))

    # ------------------------------------------------------------------ jobs

    def act(self, job_id: str, action: JobAction, who: str) -> Job:
        """Pause, resume, cancel or retry a job.

        Parameters
        ----------
        job_id : str
            Which job.
        action : {"pause", "resume", "cancel", "retry"}
            What to do.
        who : str
            Who wishes it.

        Returns
        -------
        Job
            As it is now.

        Raises
        ------
        NotFoundError
            When there is no such job.
        ConflictError
            When it cannot be done with the job as it is now.
        QueueFullError
            When the queue that it would go back into is full.
        """
        job = self._tools.jobs.get(job_id)
        if action not in job.actions:
            possible = ", ".join(job.actions) or "nothing"
            raise ConflictError(f"{job.title} is {job.state}: it cannot be told to {action} now (possible: {possible})")
        logger.info("%s: %s %s", who, action, job_id)
        if action in ("resume", "retry"):
            self._again(job, expected=(job.state,), strict=True)
        else:
            detail = job.detail if action == "pause" else f"cancelled by {who}"
            if not self._tools.jobs.move(job_id, _TO[action], expected=(job.state,), detail=detail):
                raise ConflictError(f"{job.title} went on meanwhile; look at it again")
            self._quick.drop(job_id)
            self._finished(job_id)
        return self._tools.jobs.get(job_id)

    def _again(self, job: Job, *, expected: tuple[JobState, ...], strict: bool = False) -> None:
        """Begin the next attempt at a job."""
        attempt = job.attempts + 1
        picture = job.kind == "picture"
        if picture:
            self._quick.reserve(self._tools.settings.get().limits.max_queued_pictures)
        task = None
        try:
            moved = self._tools.jobs.move(job.id, "queued", expected=expected, attempt=job.attempts, attempts=attempt, detail=None)
            if not moved and strict:
                raise ConflictError(f"{job.title} went on meanwhile; look at it again")
            if job.state == "failed" and job.analysis_id is not None:
                self._tools.analyses.take_back_failure(job.analysis_id)
            task = read_task(self._tools, job.id, attempt) if picture and moved else None
        finally:
            if picture and task is None:
                self._quick.give_back()
        if task is not None:
            self._quick.put(task)
        elif moved and job.kind == "video" and job.media_id is not None:
            self._begin("video", job.id, attempt, PIECES if is_piece(self._tools.media.row(job.media_id)) else VIDEOS)
        elif moved and not picture:
            self._begin("fetch" if job.kind == "fetch" else "source", job.id, attempt)

    def _begin(self, name: str, job_id: str, attempt: int, queue: str | None = None) -> None:
        """Begin a workflow, or leave it to ``start``."""
        if self._is_running:
            self._workflows.begin(name, job_id, attempt, queue)

    def start_source(self, source_id: int, who: str) -> Job:
        """Begin to watch a folder or camera; one that is watched already stays so.

        Raises
        ------
        NotFoundError
            When there is no such source.
        """
        with self._counting:
            source = self._tools.sources.get(source_id)
            job = self._tools.jobs.of_source(source_id)
            if job is not None and job.state in ("queued", "running"):
                return job
            if job is not None:
                self._again(job, expected=(job.state,), strict=True)
                return self._tools.jobs.get(job.id)
            unit = "files" if source.kind == "folder" else "pieces"
            made = self._tools.jobs.add(NewJob(source.kind, source.name, unit, who, source_id=source_id))
            self._begin("source", made.id, 1)
            return made

    def stop_source(self, source_id: int, who: str) -> Job:
        """Stop watching a folder or camera; what came from it stays.

        Raises
        ------
        NotFoundError
            When there is no such source, or it was never started.
        """
        self._tools.sources.get(source_id)
        job = self._tools.jobs.of_source(source_id)
        if job is None:
            raise NotFoundError(f"source {source_id} was never started")
        self._tools.jobs.move(job.id, "cancelled", expected=OPEN, detail=f"stopped by {who}")
        self._finished(job.id)
        return self._tools.jobs.get(job.id)

    def fetch_model(self, name: str, who: str) -> Job:
        """Begin to bring a model's weights to this machine; one that is on its way already is not begun twice.

        Raises
        ------
        UnknownModelError
            When there is no such model.
        """
        card = load_card(name)
        with self._counting:
            for job in self._tools.jobs.unfinished("fetch"):
                if job.title == card.name:
                    return job
            made = self._tools.jobs.add(NewJob("fetch", card.name, "bytes", who))
        self._begin("fetch", made.id, 1)
        return made

    def wait(self, job_id: str, timeout_s: float | None = None) -> Job:
        """Wait until a job is over or paused; return it as it is then, or when the time is up.

        Raises
        ------
        NotFoundError
            When there is no such job, or it is deleted meanwhile.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            known = self._ends
            job = self._tools.jobs.get(job_id)
            left_s = _LOOK_AGAIN_S if deadline_s is None else min(_LOOK_AGAIN_S, deadline_s - time.monotonic())
            if job.state not in ("queued", "running") or left_s <= 0 or self._tools.closing.is_set():
                return job
            with self._over:
                self._over.wait_for(lambda: self._ends != known, left_s)  # noqa: B023 - called at once

    def depths(self) -> Mapping[tuple[str, str], int]:
        """Return how many open jobs there are, by kind and state: for metrics."""
        return self._tools.jobs.depths()

    def _finished(self, job_id: str) -> None:
        del job_id
        with self._over:
            self._ends += 1
            self._over.notify_all()


def _task(started: Started) -> Task:
    analysis, media = started.analysis, started.media
    return Task(analysis.job_id, 1, analysis.id, media.id, media.digest, media.name, analysis.options.model_dump(mode="json"))
