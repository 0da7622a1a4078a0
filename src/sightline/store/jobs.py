"""Rows of jobs: what there is to do, how far it is, what may be done with it.

The row is the truth about a job; the workflow that works on it reads it before each piece of work. So an action is one
conditional update, and whoever comes second is told that it no longer fits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, func, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from sightline.api.base import Page
from sightline.api.jobs import Job, JobAction, JobKind, JobState
from sightline.core.errors import NotFoundError
from sightline.store.database import Database
from sightline.store.paging import decode_cursor, encode_cursor
from sightline.store.tables import AnalysisRow, JobRow, SegmentRow

OPEN: tuple[JobState, ...] = ("queued", "running", "paused")
"""States of jobs that are not over."""

_SOURCE_ACTIONS: dict[JobState, list[JobAction]] = {
    "queued": ["pause", "cancel"],
    "running": ["pause", "cancel"],
    "paused": ["resume", "cancel"],
    "done": ["retry"],
    "failed": ["retry"],
    "cancelled": ["retry"],
}
_ACTIONS: dict[JobKind, dict[JobState, list[JobAction]]] = {
    "picture": {"queued": ["cancel"], "failed": ["retry"], "cancelled": ["retry"]},
    "video": {**_SOURCE_ACTIONS, "done": []},
    "folder": _SOURCE_ACTIONS,
    "camera": _SOURCE_ACTIONS,
    "fetch": {"queued": ["cancel"], "running": ["cancel"], "failed": ["retry"], "cancelled": ["retry"]},
}
_NOW = func.clock_timestamp()
_MOST_CHANGES = 5000


@dataclass(frozen=True)
class NewJob:
    """What a job is about.

    Parameters
    ----------
    kind, title, unit : str
        As in the API's ``Job``.
    created_by : str
        Who wished it.
    total : int, optional
        All units, where they are known.
    media_id, analysis_id, source_id : optional
        What it works on.
    """

    kind: JobKind
    title: str
    unit: str
    created_by: str
    total: int | None = None
    media_id: UUID | None = None
    analysis_id: UUID | None = None
    source_id: int | None = None


def actions_of(kind: JobKind, state: JobState) -> list[JobAction]:
    """Return what can be done with a job.

    Examples
    --------
    >>> actions_of("video", "paused")
    ['resume', 'cancel']
    """
    return list(_ACTIONS[kind].get(state, []))


def new_job_id(kind: JobKind) -> str:
    """Return the id of a job to be."""
    return f"{kind}-{uuid4().hex}"


def add_job(session: Session, new: NewJob, job_id: str | None = None) -> str:
    """Put a queued job into a transaction and return its id."""
    made = job_id or new_job_id(new.kind)
    session.execute(insert(JobRow.__table__).values(id=made, state="queued", attempts=1, **vars(new)))  # type: ignore[arg-type]
    return made


def move_job(session: Session, job_id: str, to: JobState, *, expected: Collection[str], attempt: int | None = None, **values: Any) -> bool:
    """Change a job's state if it is in one of those expected; return whether it was.

    Parameters
    ----------
    session : Session
        The transaction.
    job_id : str
        Which job.
    to : str
        The new state.
    expected : collection of str
        States that it may be in.
    attempt : int, optional
        Only while it is the job's present attempt.
    **values
        Further columns to set.
    """
    times: dict[str, Any] = {"updated_at": _NOW}
    if to == "running":
        times["started_at"] = func.coalesce(JobRow.started_at, _NOW)
    times["finished_at"] = None if to in OPEN else _NOW
    which = [JobRow.id == job_id, JobRow.state.in_(expected)]
    if attempt is not None:
        which.append(JobRow.attempts == attempt)
    changed = session.execute(update(JobRow).where(*which).values(state=to, **{**times, **values}).returning(JobRow.analysis_id)).all()
    for (analysis_id,) in changed:
        if analysis_id is not None:
            finished = None if to in OPEN else func.now()
            session.execute(update(AnalysisRow).where(AnalysisRow.id == analysis_id).values(state=to, finished_at=finished))
    return bool(changed)


class JobStore:
    """Jobs, as the API tells of them.

    Parameters
    ----------
    database : Database
        Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            found = _read(session, _jobs().where(JobRow.id == job_id))
        if not found:
            raise NotFoundError(f"there is no job {job_id!r}")
        return found[0]

    def page(self, *, state: JobState | None = None, kind: JobKind | None = None, cursor: str | None = None, limit: int = 50) -> Page[Job]:
        """Return jobs, newest first.

        Raises
        ------
        InvalidInputError
            When the cursor is not one of this list.
        """
        query = _jobs().order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(limit + 1)
        if state is not None:
            query = query.where(JobRow.state == state)
        if kind is not None:
            query = query.where(JobRow.kind == kind)
        if cursor is not None:
            query = query.where(tuple_(JobRow.created_at, JobRow.id) < tuple_(*decode_cursor(cursor, datetime, str)))
        with self._database.session() as session:
            jobs = _read(session, query)
        more = len(jobs) > limit
        return Page[Job](items=jobs[:limit], next_cursor=encode_cursor(jobs[limit - 1].created_at, jobs[limit - 1].id) if more else None)

    def changed_since(self, time: datetime | None) -> tuple[list[Job], datetime]:
        """Return the jobs that changed from a moment on (the last 5,000), in that order, and the time now, by the database's clock."""
        with self._database.session() as session:
            now: datetime = session.execute(select(_NOW)).scalar_one()
            if time is None:
                return [], now
            query = _jobs().where(JobRow.updated_at >= time).order_by(JobRow.updated_at.desc()).limit(_MOST_CHANGES)
            return _read(session, query)[::-1], now

    def unfinished(self, *kinds: JobKind, states: Collection[str] = OPEN) -> list[Job]:
        """Return the jobs of some kinds that are not over, oldest first."""
        query = _jobs().where(JobRow.kind.in_(kinds), JobRow.state.in_(states), JobRow.state.in_(OPEN))
        with self._database.session() as session:
            return _read(session, query.order_by(JobRow.created_at, JobRow.id))

    def waiting(self, kind: JobKind) -> int:
        """Return how many jobs of a kind are queued."""
        with self._database.session() as session:
            return session.execute(
                select(func.count()).select_from(JobRow).where(JobRow.kind == kind, JobRow.state == "queued", JobRow.state.in_(OPEN))
            ).scalar_one()

    def depths(self) -> dict[tuple[str, str], int]:
        """Return how many open jobs there are, by kind and state."""
        query = select(JobRow.kind, JobRow.state, func.count()).where(JobRow.state.in_(OPEN)).group_by(JobRow.kind, JobRow.state)
        with self._database.session() as session:
            return {(kind, state): count for kind, state, count in session.execute(query)}

    def of_source(self, source_id: int) -> Job | None:
        """Return the newest job of a source, None when it was never started."""
        query = _jobs().where(JobRow.source_id == source_id, JobRow.kind.in_(("folder", "camera")))
        with self._database.session() as session:
            found = _read(session, query.order_by(JobRow.created_at.desc()).limit(1))
        return found[0] if found else None

    def usual_video_s(self) -> float:
        """Return how long a video took of late, seconds; a minute when nothing is known."""
        newest = (
            select((JobRow.finished_at - JobRow.started_at).label("took"))
            .where(JobRow.kind == "video", JobRow.state == "done")
            .order_by(JobRow.created_at.desc())
            .limit(10)
            .subquery()
        )
        with self._database.session() as session:
            took = session.execute(select(func.extract("epoch", func.avg(newest.c.took)))).scalar()
        return 60.0 if took is None else float(took)

    def add(self, new: NewJob, job_id: str | None = None) -> Job:
        """Put a queued job on record."""
        with self._database.session() as session:
            made = add_job(session, new, job_id)
        return self.get(made)

    def move(self, job_id: str, to: JobState, *, expected: Collection[str], attempt: int | None = None, **values: Any) -> bool:
        """Change a job's state, and its analysis's, if it is in one of those expected; return whether it was."""
        with self._database.session() as session:
            return move_job(session, job_id, to, expected=expected, attempt=attempt, **values)

    def tell(self, job_id: str, **values: Any) -> None:
        """Note how far a job is, or what it is doing; writes nothing when nothing is new."""
        news = or_(*(getattr(JobRow, name).is_distinct_from(value) for name, value in values.items()))
        with self._database.session() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id, news).values(updated_at=_NOW, **values))

    def attempt_of(self, job_id: str) -> tuple[str, int] | None:
        """Return the state and number of the present attempt of a job, None when it is gone."""
        with self._database.session() as session:
            row = session.execute(select(JobRow.state, JobRow.attempts).where(JobRow.id == job_id)).one_or_none()
        return None if row is None else (row[0], row[1])


def _jobs() -> Select[Any]:
    """Select job rows, each with the mean time of its segments while it runs."""
    mean = select(func.avg(SegmentRow.took_s)).where(SegmentRow.analysis_id == JobRow.analysis_id, JobRow.state.in_(OPEN)).scalar_subquery()
    return select(JobRow, mean)


def _read(session: Session, query: Select[Any]) -> list[Job]:
    return [_job(row, None if mean is None else float(mean)) for row, mean in session.execute(query)]


def _job(row: JobRow, mean_s: float | None) -> Job:
    left_s = None
    if row.state in ("running", "paused") and row.total is not None and mean_s is not None:
        left_s = round(mean_s * max(0, row.total - row.done), 1)
    kind: Any = row.kind
    state: Any = row.state
    names = "id title done total unit detail media_id analysis_id source_id created_at created_by started_at updated_at finished_at"
    facts = {name: getattr(row, name) for name in names.split()}
    return Job(kind=kind, state=state, left_s=left_s, actions=actions_of(kind, state), attempts=max(1, row.attempts), **facts)
