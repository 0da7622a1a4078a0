from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from benchmarks.records import indexes, make_rows, measure, questions
from sqlalchemy import select, text
from tests.databases import TestServer
from tests.store.record_rows import NOON, TEXTS, add_analysis, fill, keep, random_row

from sightline.analysis.records import RecordRow as Row
from sightline.api.records import RECORD_KINDS, Record, RecordFilter
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.store.database import Database
from sightline.store.grams import fold
from sightline.store.paging import encode_cursor
from sightline.store.record_queries import patience, pieces
from sightline.store.records import RecordStore, media_facts
from sightline.store.tables import AnalysisRow, MediaRow, RecordRow, ZoneRow

SQUARE = [(0.2, 0.5), (0.8, 0.5), (0.8, 1.0), (0.2, 1.0)]
NOTCHED = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.4), (0.0, 1.0)]


@pytest.fixture(scope="module", params=["embedded", "debian"])
def filled(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with 720 records of three sources over two days, some of them superseded."""
    server: TestServer = request.getfixturevalue(f"{request.param}_postgres")
    url = server.fresh()
    with Database(url, pool_size=2) as database:
        rng = random.Random(7)
        fill(database, rng)
        with database.session() as session:
            session.add_all([ZoneRow(source_id=1, name="A", polygon_xy=SQUARE), ZoneRow(source_id=2, name="B", polygon_xy=NOTCHED)])
            for media_id in session.scalars(select(AnalysisRow.media_id).limit(10)).all():
                later = add_analysis(session, media_id, "done", NOON + timedelta(days=5))
                media = media_facts(session.get_one(MediaRow, media_id))
                RecordStore(database).replace_segment(session, later, media, 0, [random_row(rng) for _ in range(4)])
                RecordStore(database).settle(session, media_id)
        yield database
    server.drop(url)


def rows_of(database: Database) -> list[RecordRow]:
    with database.session() as session:
        return list(session.scalars(select(RecordRow)))


def random_filter(rng: random.Random, rows: list[RecordRow]) -> RecordFilter:
    """Return a filter with a few conditions, most of which some record fits."""
    one, wanted = rng.choice(rows), RecordFilter()
    choices: dict[str, Any] = {
        "media_id": one.media_id,
        "analysis_id": one.analysis_id,
        "source_id": rng.choice([1, 2, 3]),
        "zone_id": rng.choice([1, 2]),
        "kinds": rng.sample(RECORD_KINDS, rng.randint(1, 3)),
        "labels": rng.sample(["person", "car", "cup", "thumb_up", "none"], rng.randint(1, 3)),
        "text": rng.choice(["exit", "口", "出口", "E", "100%", "_", "STRASSE", "\\", "é", "nothing like it", " "]),
        "min_score": rng.choice([0.5, one.score]),
        "taken_from": one.taken_at - timedelta(hours=rng.choice([0, 1, 10])),
        "taken_before": one.taken_at + timedelta(hours=rng.choice([1, 10]), microseconds=1),
    }
    for name in rng.sample(sorted(choices), rng.randint(0, 3)):
        wanted = wanted.model_copy(update={name: choices[name]})
    if (wanted.media_id or wanted.analysis_id) and rng.random() < 0.3:
        wanted = wanted.model_copy(update={"track_id": rng.choice([1, 2])})
    return RecordFilter.model_validate(wanted.model_dump())


def inside(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    """Tell whether a point is in a polygon or on its edge, by counting the edges to its right."""
    found = False
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        between = min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
        if between and abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) < 1e-7:
            return True
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            found = not found
    return found


def fits(wanted: RecordFilter, row: RecordRow) -> bool:
    """Tell in plain Python what SQL tells."""
    zone = {None: None, 1: (1, SQUARE), 2: (2, NOTCHED)}[wanted.zone_id]
    return (
        (row.analysis_id == wanted.analysis_id if wanted.analysis_id else row.is_current)
        and wanted.media_id in (None, row.media_id)
        and wanted.source_id in (None, row.source_id)
        and (not wanted.kinds or row.kind in wanted.kinds)
        and (not wanted.labels or row.label in wanted.labels)
        and wanted.track_id in (None, row.track_id)
        and np.float32(row.score) >= np.float32(wanted.min_score)
        and (wanted.taken_from is None or row.taken_at >= wanted.taken_from)
        and (wanted.taken_before is None or row.taken_at < wanted.taken_before)
        and (wanted.text is None or (row.text is not None and fold(wanted.text) in fold(row.text)))
        and (zone is None or (row.source_id == zone[0] and inside(zone[1], row.foot_x or 0.0, row.foot_y or 0.0)))
    )


def all_pages(store: RecordStore, wanted: RecordFilter, limit: int, newest_first: bool) -> list[Record]:
    found: list[Record] = []
    cursor = None
    while True:
        answer = store.query(wanted, cursor, limit, newest_first=newest_first)
        found += answer.items
        assert len(answer.items) <= limit
        if answer.next_cursor is None:
            return found
        assert len(answer.items) == limit
        assert len(answer.next_cursor) <= 200
        cursor = answer.next_cursor


def test_answers_are_those_of_plain_python(filled: Database) -> None:
    rng, rows, store = random.Random(11), rows_of(filled), RecordStore(filled)
    some = 0
    for _ in range(150):
        wanted, newest_first = random_filter(rng, rows), rng.random() < 0.5
        in_media = wanted.media_id is not None or wanted.analysis_id is not None
        keyed = sorted(((r.time_s if in_media else r.taken_at), r.id) for r in rows if fits(wanted, r))
        true = [number for _, number in keyed]
        found = all_pages(store, wanted, rng.choice([7, 50, 500]), newest_first)
        assert [r.id for r in found] == (true[::-1] if newest_first else true), wanted
        assert [row.id for batch in store.batches(wanted, 13) for row in batch] == true, wanted
        some += bool(true)
    assert some > 75


def test_timelines_are_those_of_plain_python(filled: Database) -> None:
    rng, rows, store = random.Random(12), rows_of(filled), RecordStore(filled)
    for _ in range(120):
        wanted, bucket_s = random_filter(rng, rows), rng.choice([7, 60, 90, 300, 3600, 7200, 86_400])
        true: dict[datetime, Counter[str]] = {}
        for row in rows:
            if fits(wanted, row):
                start = datetime.fromtimestamp(row.taken_at.timestamp() // bucket_s * bucket_s, UTC)
                true.setdefault(start, Counter())[f"{row.kind}/{row.label}" if row.label else row.kind] += 1
        found = store.timeline(wanted, bucket_s)
        assert {b.start: b.counts for b in found.buckets} == true, (wanted, bucket_s)
        assert [b.start for b in found.buckets] == sorted(true)


def test_a_record_comes_back_whole(filled: Database) -> None:
    row = next(r for r in rows_of(filled) if r.kind == "people" and r.is_current)
    found = next(r for r in RecordStore(filled).query(RecordFilter(media_id=row.media_id), limit=500).items if r.id == row.id)
    for name in Record.model_fields.keys() - {"box_xyxy"}:
        assert getattr(found, name) == getattr(row, name)
    assert found.box_xyxy == (row.x0, row.y0, row.x1, row.y1)


def test_labels_are_counted(filled: Database) -> None:
    true = Counter((r.kind, r.label) for r in rows_of(filled) if r.is_current)
    found = RecordStore(filled).labels()
    assert {(each.kind, each.label): each.count for each in found} == true
    assert [each.count for each in found] == sorted(true.values(), reverse=True)


def test_a_score_as_kept_is_enough(database: Database) -> None:
    keep(database, [Row("face", None, None, 0, 0.0, None, 0.7, (1.0, 1.0, 2.0, 2.0), {})])
    assert len(RecordStore(database).query(RecordFilter(min_score=0.7)).items) == 1
    assert RecordStore(database).query(RecordFilter(min_score=0.701)).items == []


@pytest.mark.parametrize("phrase", TEXTS)
def test_every_text_is_found_by_each_of_its_parts(filled: Database, phrase: str) -> None:
    store = RecordStore(filled)
    for i in range(len(phrase)):
        for part in {phrase[i : i + 1], phrase[i : i + 3], phrase[i:].upper()}:
            found = {r.text for r in store.query(RecordFilter(text=part), limit=500).items}
            assert phrase in found, part
            assert all(fold(part) in fold(t or "") for t in found)


def test_what_cannot_be_answered_says_why(filled: Database) -> None:
    store = RecordStore(filled)
    with pytest.raises(NotFoundError, match="zone 99"):
        store.query(RecordFilter(zone_id=99))
    with pytest.raises(InvalidInputError, match="track_id needs"):
        store.query(RecordFilter(track_id=1))
    with pytest.raises(InvalidInputError, match="bucket"):
        store.timeline(RecordFilter(), 0)
    media = store.query(RecordFilter(), limit=1).items[0].media_id
    cursor = store.query(RecordFilter(media_id=media), limit=1).next_cursor
    with pytest.raises(InvalidInputError, match="years"):
        store.timeline(RecordFilter(taken_from=datetime.max.replace(tzinfo=UTC)), 60)
    assert cursor is not None
    for bad in (cursor, "x", "!!", encode_cursor(NOON, 1 << 70)):
        with pytest.raises(InvalidInputError, match="cursor"):
            store.query(RecordFilter(), bad)


def test_too_many_buckets_are_refused(database: Database) -> None:
    keep(database, [random_row(random.Random(i), i * 1.0) for i in range(5002)], kind="video")
    with pytest.raises(InvalidInputError, match="more than 5000 buckets"):
        RecordStore(database).timeline(RecordFilter(), 1)
    assert len(RecordStore(database).timeline(RecordFilter(), 2).buckets) == 2501


def test_a_question_that_takes_too_long_is_ended(database: Database) -> None:
    with pytest.raises(InvalidInputError, match="takes longer than 1 s"), database.session() as session, patience(session, 1):
        session.execute(text("SELECT pg_sleep(20)"))
    with database.session() as session:
        assert session.scalar(text("SHOW statement_timeout")) == "0"


def test_records_added_while_a_list_is_read_are_not_exported(database: Database) -> None:
    media, analysis_id = keep(database, [random_row(random.Random(i)) for i in range(10)])
    batches = RecordStore(database).batches(RecordFilter(), 4)
    first = next(batches)
    with database.session() as session:
        RecordStore(database).replace_segment(session, analysis_id, media, 1, [random_row(random.Random(9), 5.0)] * 3)
    assert len(first) + sum(map(len, batches)) == 10


@pytest.mark.parametrize(
    ("first", "before", "expected"),
    [
        (None, None, [(86_400, None, None)]),
        (NOON, NOON, []),
        (NOON, NOON + timedelta(seconds=1), [(0, 0, 1)]),
        (NOON, NOON + timedelta(hours=1), [(3600, 0, 3600)]),
        (NOON + timedelta(seconds=30), NOON + timedelta(minutes=2), [(0, 30, 60), (60, 60, 120)]),
        (NOON, None, [(3600, 0, 43_200), (86_400, 43_200, None)]),
    ],
)
def test_a_stretch_of_time_is_cut_without_gap_or_overlap(first: Any, before: Any, expected: Any) -> None:
    def after_noon(t: datetime | None) -> float | None:
        return None if t is None else (t - NOON).total_seconds()

    assert [(w, after_noon(a), after_noon(b)) for w, a, b in pieces(first, before, (86_400, 3600, 60))] == expected


# ---------------------------------------------------------------- indexes


@pytest.fixture(scope="module", params=["embedded", "debian"])
def large(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with 50,000 records, made by the benchmark's own generator."""
    server: TestServer = request.getfixturevalue(f"{request.param}_postgres")
    url = server.fresh()
    with Database(url, pool_size=2) as database:
        make_rows(database, 50_000)
        yield database
    server.drop(url)


OF_KIND = {"ix_records_kind_taken"}
OF_SOURCE = {"ix_records_source_kind_taken"}
EXPECTED = {
    "newest of all": {"ix_records_taken"},
    "newest faces": OF_KIND,
    "faces, some page far down": OF_KIND,
    "faces and hands, score over 0.95": OF_KIND,
    "persons, 5 minutes, a camera's zone": OF_SOURCE | {"ix_records_label_taken"},
    "newest of one camera": OF_SOURCE,
    "one hour of one camera": OF_SOURCE,
    "a rare label": {"ix_records_label_taken"},
    "records of one video": {"ix_records_media"},
    "one track of a video": {"ix_records_media"},
    "text: a number plate": {"ix_records_grams"},
    "text: nothing like it": {"ix_records_grams"},
    "timeline: a month by hours": {"ix_record_counts_start", "pk_record_counts"},
}
MAY_FIND_NOTHING = ("text: n", "text: a n", "a rare", "timeline: text", "one hour", "persons, 5")


def test_every_question_has_its_index(large: Database) -> None:
    with large.session() as session:
        media = list(session.scalars(text("SELECT media_id FROM analyses WHERE is_current LIMIT 20")))
    rng = random.Random(3)
    for name, make in questions(media).items():
        used = indexes(make(rng).explained(large))
        if name in EXPECTED:
            assert used, name
            assert used <= EXPECTED[name], name
        assert "all of records" not in used, name


def test_every_question_has_an_answer_as_long_as_it_should(large: Database) -> None:
    found = {name: longest for name, _, longest, _ in measure(large, 2)}
    assert found["newest faces"] == found["cars and buses"] == found["newest of one camera"] == 100
    assert 718 <= found["timeline: a month by hours"] <= 720  # hours at its ends may be empty
    assert [name for name, longest in found.items() if not longest and not name.startswith(MAY_FIND_NOTHING)] == []
