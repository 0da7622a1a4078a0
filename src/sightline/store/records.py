"""Records: every observation, kept so that questions about millions of them are answered at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from sightline.analysis.records import RecordRow as Row
from sightline.api.base import Page
from sightline.api.records import LabelCount, Record, RecordFilter, Timeline, TimelineBucket
from sightline.core.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from sightline.store.database import Database
from sightline.store.grams import fold, grams, storable, storable_value
from sightline.store.paging import decode_cursor, encode_cursor
from sightline.store.record_queries import MAX_BUCKETS, Question, ask, labels, look_through, page, patience, timeline
from sightline.store.tables import AnalysisRow, MediaRow, RecordRow

_COLUMNS = (
    "media_id, analysis_id, segment, is_current, source_id, kind, label, frame, time_s, taken_at, track_id, score,"
    " x0, y0, x1, y1, foot_x, foot_y, text, folded, grams, attributes"
)
_FACTS = ("id", "media_id", "analysis_id", "source_id", "kind", "label", "text", "frame", "time_s", "taken_at", "track_id", "score")
_EXPORT_S = 600
_LONGEST_BUCKET_S = 366 * 86_400
_COPY = f"COPY records ({_COLUMNS}) FROM STDIN"
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True)
class MediaFacts:
    """What records need to know about their medium.

    Parameters
    ----------
    media_id : UUID
    source_id : int or None
    size_wh : tuple of int
        Upright, pixels.
    taken_at : datetime
        When its first frame was taken.
    """

    media_id: UUID
    source_id: int | None
    size_wh: tuple[int, int]
    taken_at: datetime


class RecordStore:
    """Keeps records and answers questions about them.

    Of each medium the records of one analysis count: the newest that is done, or the first one while none is. `settle` sees to
    it; those of the others stay, and are found with ``analysis_id``.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace_segment(self, session: Session, analysis_id: UUID, media: MediaFacts, segment: int, rows: Sequence[Row]) -> None:
        """Put the records of one segment in the place of those it had, within the caller's transaction.

        Rows that count the records are locked until the transaction ends: do this last in it.

        Parameters
        ----------
        session : Session
            Of the caller; nothing is kept when it is rolled back.
        analysis_id : UUID
        media : MediaFacts
        segment : int
        rows : sequence of sightline.analysis.records.RecordRow

        Raises
        ------
        NotFoundError
            When there is no such analysis, or its medium was deleted meanwhile.
        InvalidInputError
            When a row holds what cannot be kept, such as an attribute that is not a number.
        StoreUnavailableError
            When the database goes away.
        """
        current = _claim(session, analysis_id, media.media_id)
        session.execute(delete(RecordRow).where(RecordRow.analysis_id == analysis_id, RecordRow.segment == segment))
        if rows:
            _copy(session, _tuples(analysis_id, media, segment, current, rows))

    def settle(self, session: Session, media_id: UUID) -> None:
        """Let the newest finished analysis of a medium be the one that counts.

        To be called, in the same transaction, when an analysis was finished or deleted. Does nothing when all is right.

        Parameters
        ----------
        session : Session
            Of the caller.
        media_id : UUID
        """
        _lock(session, media_id)
        session.flush()
        found = session.execute(
            select(AnalysisRow.id, AnalysisRow.state, AnalysisRow.is_current)
            .where(AnalysisRow.media_id == media_id)
            .order_by(AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        ).all()
        now = next((row.id for row in found if row.is_current), None)
        done = next((row.id for row in found if row.state == "done"), None)
        begun = next((row.id for row in found if row.state in ("running", "paused")), None)
        wanted = done or now or begun
        if wanted is None or wanted == now:
            return
        if now is not None:
            _mark(session, now, False)
        _mark(session, wanted, True)

    def query(self, wanted: RecordFilter, cursor: str | None = None, limit: int = 100, *, newest_first: bool = True) -> Page[Record]:
        """Return one page of the records that fit a filter.

        In order of ``taken_at``; with ``media_id`` or ``analysis_id`` in order of ``time_s``.

        Parameters
        ----------
        wanted : RecordFilter
        cursor : str, optional
            ``next_cursor`` of the page before, with the same filter and order.
        limit : int
            Records on a page.
        newest_first : bool

        Raises
        ------
        NotFoundError
            When there is no such zone.
        InvalidInputError
            When the cursor is of another list, a track is asked for without its medium, or the answer takes too long to find.
        """
        with self._database.session() as session, patience(session):
            question = ask(session, wanted)
            after = None if cursor is None else decode_cursor(cursor, *question.key_types)
            found: Sequence[Any] = []
            if question.phrase is not None:
                found = session.execute(look_through(question, question.phrase, after, limit + 1, newest_first)).all()
            if len(found) <= limit:
                found = session.execute(page(question, after, limit + 1, newest_first)).all()
        more = encode_cursor(*_keys(question, found[limit - 1])) if len(found) > limit else None
        return Page(items=[record(row) for row in found[:limit]], next_cursor=more)

    def batches(self, wanted: RecordFilter, size: int = 5_000) -> Iterator[Sequence[Any]]:
        """Give all records that fit a filter, oldest first, in lists of rows with the columns of `Record`.

        Records that are added meanwhile are left out; no transaction is held between batches. What is wrong with the question is
        raised at once, not when the first batch is asked for.

        Raises
        ------
        NotFoundError
            When there is no such zone.
        InvalidInputError
            As for `query`.
        """
        with self._database.session() as session:
            question = ask(session, wanted)
            last = session.scalar(select(func.max(RecordRow.id))) or 0
        return self._batches(replace(question, conditions=(*question.conditions, RecordRow.id <= last)), size)

    def _batches(self, question: Question, size: int) -> Iterator[Sequence[Any]]:
        after: tuple[Any, ...] | None = None
        while True:
            with self._database.session() as session, patience(session, _EXPORT_S):
                found = session.execute(page(question, after, size, newest_first=False)).all()
            if found:
                yield found
            if len(found) < size:
                return
            after = _keys(question, found[-1])

    def timeline(self, wanted: RecordFilter, bucket_s: int) -> Timeline:
        """Return how many records there are in each stretch of time; stretches without any are left out.

        Parameters
        ----------
        wanted : RecordFilter
        bucket_s : int
            Length of a stretch, seconds; stretches are counted from 1970, UTC. Multiples of five minutes are answered
            at once over any time.

        Raises
        ------
        InvalidInputError
            When there would be too many stretches, or the answer takes too long to find.
        NotFoundError
            When there is no such zone.
        """
        if not 1 <= bucket_s <= _LONGEST_BUCKET_S:
            raise InvalidInputError(f"expected a bucket of 1 to {_LONGEST_BUCKET_S} s, got {bucket_s}")
        with self._database.session() as session, patience(session):
            found = session.execute(timeline(session, wanted, bucket_s)).all()
        if len(found) > MAX_BUCKETS:
            raise InvalidInputError(f"more than {MAX_BUCKETS} buckets: ask for longer ones, or a shorter time")
        return Timeline(bucket_s=bucket_s, buckets=[TimelineBucket(start=start, counts=counts) for start, counts in found])

    def labels(self) -> list[LabelCount]:
        """Return each kind, with each of its labels, and how many records there are; the most first."""
        with self._database.session() as session:
            found = session.execute(labels()).all()
        return [LabelCount(kind=kind, label=label or None, count=int(count)) for kind, label, count in found]


def record(row: Any) -> Record:
    """Return a row of `record_queries.COLUMNS` as a body."""
    box = None if row.x0 is None else (row.x0, row.y0, row.x1, row.y1)
    facts = {name: getattr(row, name) for name in _FACTS}
    return Record(box_xyxy=box, attributes=row.attributes, **facts)


def media_facts(media: MediaRow) -> MediaFacts:
    """Return what records need to know about a medium."""
    return MediaFacts(media.id, media.source_id, (media.width, media.height), media.taken_at)


def _keys(question: Question, row: Any) -> tuple[Any, int]:
    return (row.time_s if question.in_media else row.taken_at), row.id


def _claim(session: Session, analysis_id: UUID, media_id: UUID) -> bool:
    """Return whether an analysis counts; it does from now on when no other of its medium does."""
    session.flush()
    is_current = select(AnalysisRow.is_current).where(AnalysisRow.id == analysis_id, AnalysisRow.media_id == media_id)
    if session.scalar(is_current):
        return True
    _lock(session, media_id)
    found = session.scalar(is_current)
    if found is None:
        raise NotFoundError(f"there is no analysis {analysis_id} of medium {media_id}")
    taken = session.scalar(select(AnalysisRow.id).where(AnalysisRow.media_id == media_id, AnalysisRow.is_current))
    if taken is None:
        session.execute(update(AnalysisRow).where(AnalysisRow.id == analysis_id).values(is_current=True))
    return taken is None or taken == analysis_id


def _lock(session: Session, media_id: UUID) -> None:
    """Let one transaction at a time decide which analysis of a medium counts."""
    session.execute(select(MediaRow.id).where(MediaRow.id == media_id).with_for_update(key_share=True))


def _mark(session: Session, analysis_id: UUID, current: bool) -> None:
    session.execute(update(AnalysisRow).where(AnalysisRow.id == analysis_id).values(is_current=current))
    session.execute(
        update(RecordRow)
        .where(RecordRow.analysis_id == analysis_id, RecordRow.is_current != current)
        .values(is_current=current)
        .execution_options(synchronize_session=False)
    )


def _copy(session: Session, rows: Iterable[tuple[Any, ...]]) -> None:
    """Send rows with COPY on the session's own connection, in its transaction."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    try:
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.errors.ForeignKeyViolation as error:
        raise NotFoundError("the analysis was deleted meanwhile") from error
    except psycopg.errors.DataError as error:
        raise InvalidInputError(f"a record cannot be kept: {str(error).splitlines()[0]}") from error
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(f"the database went away: {str(error).splitlines()[0]}") from error


def _tuples(analysis_id: UUID, media: MediaFacts, segment: int, current: bool, rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    width, height = media.size_wh
    for row in rows:
        x0, y0, x1, y1 = row.box_xyxy or (None, None, None, None)
        foot_x = None if x0 is None or x1 is None else _share((x0 + x1) / 2, width)
        foot_y = None if y1 is None else _share(y1, height)
        text = None if row.text is None else storable(row.text)
        yield (
            media.media_id,
            analysis_id,
            segment,
            current,
            media.source_id,
            row.kind,
            None if row.label is None else storable(row.label),
            row.frame,
            row.time_s,
            media.taken_at + timedelta(seconds=row.time_s),
            row.track_id,
            row.score,
            x0,
            y0,
            x1,
            y1,
            foot_x,
            foot_y,
            text,
            None if text is None else fold(text),
            None if text is None else grams(text),
            _attributes(row.attributes),
        )


def _share(place: float, length: int) -> float:
    return min(max(place / length, 0.0), 1.0)


def _attributes(attributes: dict[str, Any]) -> str:
    if not attributes:
        return "{}"
    try:
        encoded = _to_json(attributes)
        return _to_json(storable_value(attributes)) if "\\u0000" in encoded or "\\ud" in encoded else encoded
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(f"attributes of a record cannot be kept: {error}") from error
