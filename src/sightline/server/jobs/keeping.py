"""Keeping what was found: one transaction for a piece, so that it is there whole or not at all, and never twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sightline.analysis.records import rows
from sightline.api.base import now
from sightline.core.errors import SightlineError
from sightline.server.jobs.tools import Tools
from sightline.store.analyses import Piece
from sightline.store.jobs import OPEN, move_job
from sightline.store.records import media_facts
from sightline.store.tables import AnalysisRow, JobRow, MediaRow, SourceRow

CAMERA = "camera:"
"""How the origins of cameras' pieces begin."""


@dataclass(frozen=True)
class Task:
    """One attempt at the analysis of one picture or video.

    Parameters
    ----------
    job_id, attempt : str, int
        Which job, and which attempt at it.
    analysis_id, media_id : UUID
        What it fills in, and what it looks at.
    digest, name : str
        Where the file is, and what its uploader calls it.
    options : dict
        As ``api.analyses.AnalysisOptions``.
    """

    job_id: str
    attempt: int
    analysis_id: UUID
    media_id: UUID
    digest: str
    name: str
    options: dict[str, Any]


def read_task(tools: Tools, job_id: str, attempt: int) -> Task | None:
    """Return what a job's attempt is about, None when it was deleted."""
    query = (
        select(AnalysisRow.id, AnalysisRow.options, MediaRow.id, MediaRow.digest, MediaRow.name)
        .join(MediaRow, MediaRow.id == AnalysisRow.media_id)
        .where(AnalysisRow.job_id == job_id)
    )
    with tools.database.session() as session:
        row = session.execute(query).one_or_none()
    return None if row is None else Task(job_id, attempt, row[0], row[2], row[3], row[4], row[1])


def keep(tools: Tools, task: Task, piece: Piece, *, last: bool = False, total: int | None = None) -> bool:
    """Keep a finished piece: its document, its records, and how far the job is.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    task : Task
        Whose piece it is.
    piece : Piece
        What was found.
    last : bool
        Whether the analysis is done with it.
    total : int, optional
        How many pieces there will be, as far as is known now.

    Returns
    -------
    bool
        False when the job was cancelled, begun anew or deleted meanwhile; nothing was kept then.
    """
    found = rows(piece.frames)
    with tools.media.keeping(piece.packed()) as (session, digest):
        mine = _mine(session, task)
        if mine is None:
            return False
        media, analysis, job = mine
        done = tools.analyses.keep_piece(session, task.analysis_id, piece, digest)
        if last:
            _done(analysis, job, done)
        else:
            job.done, job.total = done, max(done, total or 0)
        job.updated_at = func.clock_timestamp()
        tools.records.replace_segment(session, task.analysis_id, media_facts(media), piece.number, found)
        if last and not analysis.is_current:
            tools.records.settle(session, task.media_id)
    return True


def finish(tools: Tools, task: Task) -> None:
    """Put on record that an analysis is done, and the newest of its medium; does nothing when it was cancelled or deleted."""
    with tools.database.session() as session:
        mine = _mine(session, task)
        if mine is not None:
            _, analysis, job = mine
            _done(analysis, job, job.done)
            tools.records.settle(session, task.media_id)


def fail(tools: Tools, task: Task, error: Exception) -> None:
    """Put on record that an attempt failed, and why; does nothing when it was cancelled or deleted."""
    problem = problem_of(error)
    with tools.database.session() as session:
        mine = _mine(session, task)
        if mine is not None:
            mine[1].problems = [*mine[1].problems, problem]  # the last one, which the next attempt takes back
            move_job(session, task.job_id, "failed", expected=OPEN, attempt=task.attempt, detail=problem["message"])


def is_piece(media: MediaRow) -> bool:
    """Return whether a medium is a piece of a camera's video: such wait in a queue of their own, so that uploads need not wait for them."""
    return media.origin is not None and media.origin.startswith(CAMERA)


def is_to_be_forgotten(tools: Tools, media: MediaRow) -> bool:
    """Return whether a medium is a camera's piece of which the records alone are kept."""
    if not is_piece(media):
        return False
    with tools.database.session() as session:
        return session.scalar(select(SourceRow.keep_video).where(SourceRow.id == media.source_id)) is False


def forget_video(tools: Tools, media_id: UUID) -> None:
    """Put an empty file in the place of a video, which is deleted; its row, records and documents stay."""
    with tools.media.keeping(b"") as (session, empty):
        row = session.execute(select(MediaRow).where(MediaRow.id == media_id).with_for_update()).scalar_one_or_none()
        if row is not None and row.digest != empty:
            former, row.digest, row.bytes = row.digest, empty, 0
            tools.media.release(session, [former])


def problem_of(error: Exception, time_s: float | None = None) -> dict[str, Any]:
    """Return an error as the document tells of it; one that is nobody's fault but ours is told without its secrets."""
    own_s = getattr(error, "time_s", None)
    known = isinstance(error, SightlineError)
    message = str(error) if known else f"it failed unexpectedly ({type(error).__name__}); the server's log holds more"
    return {"kind": type(error).__name__, "message": message, "time_s": time_s if own_s is None else own_s}


def _mine(session: Session, task: Task) -> tuple[MediaRow, AnalysisRow, JobRow] | None:
    """Return what an attempt is about, locked, while it is the present one and is not over."""
    query = (
        select(MediaRow, AnalysisRow, JobRow)
        .join(AnalysisRow, AnalysisRow.media_id == MediaRow.id)
        .join(JobRow, JobRow.id == AnalysisRow.job_id)
        .where(AnalysisRow.id == task.analysis_id, JobRow.attempts == task.attempt, JobRow.state.in_(OPEN))
    )
    row = session.execute(query.with_for_update(key_share=True)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def _done(analysis: AnalysisRow, job: JobRow, pieces: int) -> None:
    """Let an analysis and its job be done."""
    job.state, job.detail, job.done, job.total = "done", None, pieces, pieces
    job.started_at = func.coalesce(JobRow.started_at, func.clock_timestamp())
    job.updated_at = job.finished_at = func.clock_timestamp()
    analysis.state, analysis.finished_at = "done", now()
