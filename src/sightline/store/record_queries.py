"""From a `RecordFilter` to SQL whose answer an index gives in order, however many records there are.

A page is the first rows of an index range. Where a filter leaves several values to an index's leading column (two kinds, or one
camera and every kind), each value becomes a query of its own that reads at most one page, and the pages are merged: nothing
is sorted, and nothing depends on the planner's guess of where in time the rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, false, func, literal, select, true, tuple_, union_all
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.types import DateTime, Interval, Text, UserDefinedType

from sightline.api.records import LABELLED_KINDS, RECORD_KINDS, RecordFilter
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.store.grams import fold, needed, storable
from sightline.store.tables import AnalysisRow, RecordCountRow, RecordRow, ZoneRow

Query = Select[*tuple[Any, ...]]
Condition = ColumnElement[bool]
R, C = RecordRow, RecordCountRow
COLUMNS = (
    *(R.id, R.media_id, R.analysis_id, R.source_id, R.kind, R.label, R.text, R.frame, R.time_s, R.taken_at, R.track_id, R.score),
    *(R.x0, R.y0, R.x1, R.y1, R.attributes),
)
WIDTHS_S = (86_400, 3_600, 300)
"""Of the stretches whose counts are kept, longest first."""
MAX_BUCKETS = 5_000
LOOKED_THROUGH = 4_000
"""Texts that are looked through before their pairs are looked up."""
MAX_QUERY_S = 20
_MOST_BRANCHES = 8
_YEARS = range(1900, 9000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Polygon(UserDefinedType[str]):
    """PostgreSQL's polygon."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "polygon"


@dataclass(frozen=True)
class Phrase:
    """A search for text: a word that is everywhere is found sooner by looking through some texts in order than by its pairs.

    Parameters
    ----------
    among : tuple of ColumnElement
        Conditions that an index answers in order.
    fits : callable
        Given the columns of those records, returns the other conditions.
    """

    among: tuple[Condition, ...]
    fits: Callable[[Any], list[Condition]]


@dataclass(frozen=True)
class Question:
    """What a filter asks, as SQL.

    Parameters
    ----------
    conditions : tuple of ColumnElement
        All must hold.
    either : tuple of ColumnElement
        Conditions on kind and label, which must hold too.
    branches : tuple of ColumnElement
        The same, cut so that each is one range of an index; no two hold for one record. Empty: not to be cut.
    in_media : bool
        Whether it is about one medium, whose records are ordered by their time in it.
    phrase : Phrase, optional
        What makes it worth looking through some texts first.
    """

    conditions: tuple[Condition, ...]
    either: tuple[Condition, ...]
    branches: tuple[Condition, ...]
    in_media: bool
    phrase: Phrase | None = None

    @property
    def keys(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """What the records are ordered by."""
        return (R.time_s.expression if self.in_media else R.taken_at.expression), R.id.expression

    @property
    def key_types(self) -> tuple[type, type]:
        """Python types of the keys."""
        return (float if self.in_media else datetime), int


# ---------------------------------------------------------------- pages


def ask(session: Session, wanted: RecordFilter) -> Question:
    """Return the SQL of a filter.

    Raises
    ------
    NotFoundError
        When there is no such zone.
    InvalidInputError
        When a track is asked for without its medium, or a time that no record has.
    """
    if wanted.track_id is not None and wanted.media_id is None and wanted.analysis_id is None:
        raise InvalidInputError("track_id needs media_id or analysis_id: tracks are numbered within one video")
    for time in (wanted.taken_from, wanted.taken_before):
        if time is not None and time.year not in _YEARS:
            raise InvalidInputError(f"expected a time between the years {_YEARS[0]} and {_YEARS[-1]}, got {time}")
    zone = _zone(session, wanted)
    simple = [*_of_media(session, wanted), *_of_time_and_place(wanted, zone)]
    in_media = wanted.media_id is not None or wanted.analysis_id is not None
    fits = partial(_fits, wanted, zone)
    either = tuple(_either(wanted))
    if wanted.text is not None:
        simple.append(R.kind == "text")
        pairs = needed(wanted.text)
        found_by = R.grams.contains(cast(pairs, ARRAY(Text))) if pairs else R.grams.is_not(None)
        phrase = None if in_media else Phrase((*simple, *either), fits)
        return Question((*simple, found_by, *fits(R)), either, (), in_media, phrase)
    branches = () if in_media else tuple(_branches(wanted))
    return Question((*simple, *fits(R)), either, branches if len(branches) <= _MOST_BRANCHES else (), in_media)


def page(question: Question, after: tuple[Any, ...] | None, limit: int, newest_first: bool) -> Query:
    """Select the records that follow the one with the keys ``after``."""
    base = select(*COLUMNS).where(*question.conditions, *_after(question, after, newest_first))
    base = base.order_by(*_ordered(question.keys, newest_first)).limit(limit)
    if len(question.branches) < 2:
        return base.where(*(question.branches or question.either))
    merged = union_all(*(select(base.where(branch).subquery()) for branch in question.branches)).subquery()
    return select(merged).order_by(*_ordered((merged.c[str(key.key)] for key in question.keys), newest_first)).limit(limit)


def look_through(question: Question, phrase: Phrase, after: tuple[Any, ...] | None, limit: int, newest_first: bool) -> Query:
    """Select the same as `page`, of the next `LOOKED_THROUGH` texts alone."""
    some = select(*COLUMNS, R.folded, R.foot_x, R.foot_y).where(*phrase.among, *_after(question, after, newest_first))
    texts = some.order_by(*_ordered(question.keys, newest_first)).limit(LOOKED_THROUGH).subquery()
    fitting = select(*(texts.c[str(column.key)] for column in COLUMNS)).where(*phrase.fits(texts.c))
    return fitting.order_by(*_ordered((texts.c[str(key.key)] for key in question.keys), newest_first)).limit(limit)


def _after(question: Question, after: tuple[Any, ...] | None, newest_first: bool) -> list[Condition]:
    if after is None:
        return []
    here, there = tuple_(*question.keys), tuple_(*after, types=[key.type for key in question.keys])
    return [here < there if newest_first else here > there]


def _ordered(keys: Iterable[ColumnElement[Any]], newest_first: bool) -> list[ColumnElement[Any]]:
    return [key.desc() if newest_first else key for key in keys]


# ---------------------------------------------------------------- conditions


def _of_media(session: Session, wanted: RecordFilter) -> Iterator[Condition]:
    """Yield conditions on medium and analysis; records of an older analysis are in no index but that of segments."""
    if wanted.media_id is not None:
        yield R.media_id == wanted.media_id
    if wanted.analysis_id is None:
        yield R.is_current.expression
        return
    yield R.analysis_id == wanted.analysis_id
    current: UUID | None = session.scalar(
        select(AnalysisRow.media_id).where(AnalysisRow.id == wanted.analysis_id, AnalysisRow.is_current.expression)
    )
    if current is not None:
        yield R.media_id == current
        yield R.is_current.expression


def _of_time_and_place(wanted: RecordFilter, zone: ZoneRow | None) -> Iterator[Condition]:
    if wanted.taken_from is not None:
        yield R.taken_at >= wanted.taken_from
    if wanted.taken_before is not None:
        yield R.taken_at < wanted.taken_before
    if wanted.source_id is not None:
        yield R.source_id == wanted.source_id
    if zone is not None:
        yield R.source_id == zone.source_id


def _zone(session: Session, wanted: RecordFilter) -> ZoneRow | None:
    if wanted.zone_id is None:
        return None
    zone = session.get(ZoneRow, wanted.zone_id)
    if zone is None:
        raise NotFoundError(f"there is no zone {wanted.zone_id}")
    return zone


def _fits(wanted: RecordFilter, zone: ZoneRow | None, c: Any) -> list[Condition]:
    """Return the conditions that no index answers in order."""
    found: list[Condition] = []
    if wanted.track_id is not None:
        found.append(c.track_id == wanted.track_id)
    if wanted.min_score > 0:
        found.append(c.score >= cast(wanted.min_score, REAL))  # as a double, 0.7 would be more than the 0.7 that is kept
    if wanted.text is not None:
        found.append(func.strpos(c.folded, fold(wanted.text)) > 0)
    if zone is not None:
        corners = ",".join(f"({float(x)!r},{float(y)!r})" for x, y in zone.polygon_xy)
        inside = cast(f"({corners})", _Polygon).bool_op("@>")(func.point(c.foot_x, c.foot_y))
        found.append(case((inside, true()), else_=false()))  # as it is, the planner would think that one in a thousand is inside
    return found


def _branches(wanted: RecordFilter) -> list[Condition]:
    """Return one condition for each value of the leading column of the index that is to be read."""
    has_source = wanted.source_id is not None or wanted.zone_id is not None
    if not wanted.labels:
        return [R.kind == kind for kind in _kinds(wanted)] if wanted.kinds or has_source else []
    if has_source:
        return [and_(R.kind == kind, R.label == name) for kind in _kinds(wanted) for name in _names(wanted)]
    return [and_(R.label == name, R.kind.in_(_kinds(wanted))) for name in _names(wanted)]


def _either(wanted: RecordFilter) -> Iterator[Condition]:
    if wanted.kinds or wanted.labels:
        yield R.kind.in_(_kinds(wanted))
    if wanted.labels:
        yield R.label.in_(_names(wanted))


def _kinds(wanted: RecordFilter) -> list[str]:
    """Return the kinds that may fit: with labels only those that have any."""
    return sorted(kind for kind in set(wanted.kinds or RECORD_KINDS) if not wanted.labels or kind in LABELLED_KINDS)


def _names(wanted: RecordFilter) -> list[str]:
    return sorted({storable(name) for name in wanted.labels})


# ---------------------------------------------------------------- counts


def timeline(session: Session, wanted: RecordFilter, bucket_s: int) -> Query:
    """Select buckets and their counts by kind: from the counts that are kept as far as they can tell, else from the records."""
    question = ask(session, wanted)
    about_records = (wanted.media_id, wanted.analysis_id, wanted.zone_id, wanted.text, wanted.track_id)
    widths = tuple(w for w in WIDTHS_S if bucket_s % w == 0)
    if not widths or wanted.min_score > 0 or any(each is not None for each in about_records):
        parts = [_counted(question, bucket_s)]
    else:
        parts = []
        for width, first, before in pieces(wanted.taken_from, wanted.taken_before, WIDTHS_S[WIDTHS_S.index(widths[0]) :]):
            if width:
                parts.append(_kept(wanted, width, first, before, bucket_s))
            else:
                some = wanted.model_copy(update={"taken_from": first, "taken_before": before})
                parts.append(_counted(ask(session, some), bucket_s))
    found = union_all(*parts).subquery()
    name = case((found.c.label == "", found.c.kind), else_=found.c.kind + "/" + found.c.label).label("name")
    count = cast(func.sum(found.c.n), BigInteger)
    sums = select(found.c.bucket, name, count.label("n")).group_by(sql("1"), sql("2")).having(count > 0).subquery()
    counts = func.jsonb_object_agg(sums.c.name, sums.c.n)
    return select(sums.c.bucket, counts).group_by(sums.c.bucket).order_by(sums.c.bucket).limit(MAX_BUCKETS + 1)


def pieces(first: datetime | None, before: datetime | None, widths: tuple[int, ...]) -> list[tuple[int, datetime | None, datetime | None]]:
    """Cut a stretch of time into whole units of the longest width, and its ends into shorter ones.

    Parameters
    ----------
    first, before : datetime or None
        None: open.
    widths : tuple of int
        Seconds, longest first; each a multiple of the next.

    Returns
    -------
    list of (int, datetime or None, datetime or None)
        Width, first, before; of width 0 is what is shorter than the shortest.

    Examples
    --------
    >>> day = datetime(2026, 3, 1, tzinfo=UTC)
    >>> [(width, str(a)[11:16], str(b)[11:16]) for width, a, b in pieces(day.replace(minute=55), day.replace(hour=2), (3600, 300))]
    [(300, '00:55', '01:00'), (3600, '01:00', '02:00')]
    """
    if first is not None and before is not None and first >= before:
        return []
    if not widths:
        return [(0, first, before)]
    width, *rest = widths
    start = None if first is None else _EPOCH + timedelta(seconds=width) * -((_EPOCH - first) // timedelta(seconds=width))
    end = None if before is None else _EPOCH + timedelta(seconds=width) * ((before - _EPOCH) // timedelta(seconds=width))
    if start is not None and end is not None and start >= end:
        return pieces(first, before, tuple(rest))
    head = [] if start is None else pieces(first, start, tuple(rest))
    tail = [] if end is None else pieces(end, before, tuple(rest))
    return [*head, (width, start, end), *tail]


def labels() -> Query:
    """Select each kind, label and how many there are, most first."""
    total = func.sum(C.count)
    return (
        select(C.kind, C.label, total)
        .where(C.width_s == WIDTHS_S[0])
        .group_by(C.kind, C.label)
        .having(total > 0)
        .order_by(total.desc(), C.kind, C.label)
    )


def _counted(question: Question, bucket_s: int) -> Query:
    """Select bucket, kind, label and count, from the records themselves."""
    start = _bucket(R.taken_at, bucket_s).label("bucket")
    query = select(start, R.kind, func.coalesce(R.label, "").label("label"), func.count().label("n")).where(
        *question.conditions, *question.either
    )
    return query.group_by(sql("1"), sql("2"), sql("3"))


def _kept(wanted: RecordFilter, width: int, first: datetime | None, before: datetime | None, bucket_s: int) -> Query:
    """Select bucket, kind, label and count from the counts of one width."""
    query = select(_bucket(C.start, bucket_s).label("bucket"), C.kind, C.label, C.count.label("n")).where(C.width_s == width)
    if wanted.source_id is not None:
        query = query.where(C.source_id == wanted.source_id)
    if wanted.kinds:
        query = query.where(C.kind.in_(wanted.kinds))
    if wanted.labels:
        query = query.where(C.label.in_(_names(wanted)))
    if first is not None:
        query = query.where(C.start >= first)
    if before is not None:
        query = query.where(C.start < before)
    return query


def _bucket(time: Any, bucket_s: int) -> ColumnElement[datetime]:
    """Return the start of the bucket that a time is in; buckets are counted from 1970, UTC."""
    return func.date_bin(literal(timedelta(seconds=bucket_s), Interval), time, literal(_EPOCH, DateTime(timezone=True)))


# ---------------------------------------------------------------- both


@contextmanager
def patience(session: Session, seconds: int = MAX_QUERY_S) -> Iterator[None]:
    """Plan each query for its own values, for storage that seeks fast, and end those that take too long.

    Raises
    ------
    InvalidInputError
        When a query took longer, or asks for a number that the database cannot hold.
    """
    session.execute(
        sql(
            "SELECT set_config('statement_timeout', :ms, true), set_config('plan_cache_mode', 'force_custom_plan', true),"
            " set_config('jit', 'off', true), set_config('random_page_cost', '1.1', true)"
        ),
        {"ms": str(seconds * 1000)},
    )
    try:
        yield
    except DataError as error:
        raise InvalidInputError("a number or time in the question or cursor is larger than any that is kept") from error
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.QueryCanceled):
            raise InvalidInputError(f"the answer takes longer than {seconds} s to find: ask about a shorter time or one source") from error
        raise
