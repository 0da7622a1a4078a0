from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session
from tests.store.record_rows import NOON, add_analysis, fill, keep, random_row

from sightline.analysis.records import RecordRow as Row
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.store.database import Database
from sightline.store.records import RecordStore, media_facts
from sightline.store.tables import AnalysisRow, MediaRow, RecordCountRow, RecordRow

PERSON = Row("object", "person", None, 3, 0.1, 7, 0.5, (10.0, 20.0, 30.0, 40.0), {})


def current(session: Session) -> dict[UUID, int]:
    """Return how many records of each analysis count."""
    found = session.execute(select(RecordRow.analysis_id, func.count()).where(RecordRow.is_current).group_by(RecordRow.analysis_id))
    return {row[0]: row[1] for row in found}


def assert_counts_are_true(session: Session) -> None:
    for width in (300, 3600, 86400):
        start = func.date_bin(text(f"interval '{width} seconds'"), RecordRow.taken_at, text("timestamptz 'epoch'"))
        columns = (func.coalesce(RecordRow.source_id, 0), start, RecordRow.kind, func.coalesce(RecordRow.label, ""))
        true = session.execute(select(*columns, func.count()).where(RecordRow.is_current).group_by(*columns)).all()
        c = RecordCountRow
        kept = session.execute(select(c.source_id, c.start, c.kind, c.label, c.count).where(c.width_s == width, c.count != 0)).all()
        assert Counter(map(tuple, kept)) == Counter(map(tuple, true))


def test_a_row_is_kept_as_it_was(any_database: Database) -> None:
    row = Row("text", None, "Ａb\x00 出口", 30, 1.001, 2, 0.125, (10.0, 20.0, 30.5, 60.0), {"a": {"b": [1, "x\x00"]}})
    media, analysis_id = keep(any_database, [row], source_id=None)
    with any_database.session() as session:
        kept = session.scalars(select(RecordRow)).one()
    assert (kept.media_id, kept.analysis_id, kept.segment, kept.is_current) == (media.media_id, analysis_id, 0, True)
    assert (kept.kind, kept.label, kept.frame, kept.time_s, kept.track_id, kept.score) == ("text", None, 30, 1.001, 2, 0.125)
    assert kept.taken_at == NOON + timedelta(seconds=1.001)
    assert (kept.x0, kept.y0, kept.x1, kept.y1) == (10.0, 20.0, 30.5, 60.0)
    assert (kept.foot_x, kept.foot_y) == (pytest.approx(0.2025), 1.0)
    assert (kept.text, kept.folded, kept.attributes) == ("Ａb 出口", "ab 出口", {"a": {"b": [1, "x"]}})
    assert kept.grams is not None
    assert {"ab", "出口"} <= set(kept.grams)


def test_a_segment_is_replaced_and_never_doubled(any_database: Database) -> None:
    store = RecordStore(any_database)
    media, analysis_id = keep(any_database, [PERSON] * 3)
    for rows in ([PERSON] * 2, [], [PERSON] * 4):
        with any_database.session() as session:
            store.replace_segment(session, analysis_id, media, 1, [PERSON])
            store.replace_segment(session, analysis_id, media, 0, rows)
        with any_database.session() as session:
            segments = session.execute(select(RecordRow.segment, func.count()).group_by(RecordRow.segment)).all()
            assert dict(map(tuple, segments)) == {k: v for k, v in {0: len(rows), 1: 1}.items() if v}
            assert_counts_are_true(session)


def test_nothing_is_kept_when_the_transaction_fails(database: Database) -> None:
    media, analysis_id = keep(database, [PERSON])

    def half() -> None:
        with database.session() as session:
            RecordStore(database).replace_segment(session, analysis_id, media, 0, [PERSON] * 5)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half()
    with database.session() as session:
        assert current(session) == {analysis_id: 1}
        assert_counts_are_true(session)


@pytest.mark.parametrize("attributes", [{"a": float("nan")}, {"a": object()}])
def test_attributes_that_are_no_json_are_refused(database: Database, attributes: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="attributes"):
        keep(database, [PERSON._replace(attributes=attributes)])


def test_a_number_too_large_is_refused_and_nothing_kept(database: Database) -> None:
    with pytest.raises(InvalidInputError, match="cannot be kept"):
        keep(database, [PERSON, PERSON._replace(frame=1 << 40)])
    with database.session() as session:
        assert current(session) == {}


def test_an_analysis_that_is_gone_gets_no_records(database: Database) -> None:
    media, _ = keep(database, [])
    with pytest.raises(NotFoundError), database.session() as session:
        RecordStore(database).replace_segment(session, uuid4(), media, 0, [PERSON])


def again(database: Database, media_id: UUID, rows: Sequence[Row], day: int, state: str = "running") -> UUID:
    """Analyse a medium again, some day later."""
    with database.session() as session:
        analysis_id = add_analysis(session, media_id, state, NOON + timedelta(days=day))
        facts = media_facts(session.get_one(MediaRow, media_id))
        RecordStore(database).replace_segment(session, analysis_id, facts, 0, rows)
        RecordStore(database).settle(session, media_id)
    return analysis_id


def finish(database: Database, analysis_id: UUID, media_id: UUID, state: str = "done") -> None:
    with database.session() as session:
        session.execute(update(AnalysisRow).where(AnalysisRow.id == analysis_id).values(state=state))
        RecordStore(database).settle(session, media_id)


def test_only_the_newest_finished_analysis_counts(any_database: Database) -> None:
    media, first = keep(any_database, [PERSON] * 2)
    with any_database.session() as session:
        assert current(session) == {first: 2}, "while it runs, the first one counts"
    second = again(any_database, media.media_id, [PERSON] * 3, 1)
    finish(any_database, first, media.media_id)
    with any_database.session() as session:
        assert current(session) == {first: 2}, "one that runs replaces none that is done"
    finish(any_database, second, media.media_id)
    with any_database.session() as session:
        assert current(session) == {second: 3}
        assert_counts_are_true(session)
    with any_database.session() as session:
        session.execute(delete(AnalysisRow).where(AnalysisRow.id == second))
        RecordStore(any_database).settle(session, media.media_id)
    with any_database.session() as session:
        assert current(session) == {first: 2}, "the one before counts again"
        assert_counts_are_true(session)


def test_a_failed_analysis_gives_way_to_a_finished_one(database: Database) -> None:
    media, first = keep(database, [PERSON] * 2)
    finish(database, first, media.media_id, "failed")
    second = again(database, media.media_id, [], 1)
    finish(database, second, media.media_id)
    with database.session() as session:
        assert current(session) == {}, "the newest found nothing, and that counts"
        assert session.scalar(select(AnalysisRow.id).where(AnalysisRow.is_current)) == second


def test_counts_are_true_whatever_happens_to_records(any_database: Database) -> None:
    rng = random.Random(5)
    fill(any_database, rng, media=12)
    with any_database.session() as session:
        assert_counts_are_true(session)
        some = session.scalars(select(MediaRow.id).limit(5)).all()
        session.execute(delete(MediaRow).where(MediaRow.id.in_(some)))
    with any_database.session() as session:
        assert session.scalar(select(func.count()).where(RecordRow.media_id.in_(some))) == 0
        assert_counts_are_true(session)
        session.execute(text("UPDATE records SET label = 'dog', taken_at = taken_at + interval '1 day' WHERE label = 'person'"))
    with any_database.session() as session:
        assert_counts_are_true(session)


def test_rows_go_in_fast(database: Database) -> None:
    """About 60,000 rows/s go in on two free cores; what loaded ones must manage is far below, and far above single inserts."""
    rows = [random_row(random.Random(i), i / 10) for i in range(4000)]
    start = time.perf_counter()
    keep(database, rows)
    assert len(rows) / (time.perf_counter() - start) > 5000
