"""Records: how long the console's questions take among 10 million of them.

    python -m benchmarks.records [--rows 10000000] [--runs 30] [--folder DIR]

Synthetic rows in the embedded PostgreSQL (its own settings, a new folder): eight cameras and some uploads over 30 days, six
kinds, 20,000 different texts, one analysis in fifty superseded. Each question is asked through ``RecordStore`` with other values
each time, in an order by chance, and no answer is kept between them; a page is 100 records. The indexes are those that EXPLAIN names.
The peer is the same question, once, when PostgreSQL may use no index. About 6 GB of disk; filling takes some minutes and tells
its own rate.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sightline.api.records import RecordFilter
from sightline.store.database import Database, open_database
from sightline.store.grams import fold, grams
from sightline.store.paging import encode_cursor
from sightline.store.record_queries import ask, labels, page, patience, timeline
from sightline.store.records import RecordStore

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, CAMERAS, ROWS_A_MEDIUM, TEXTS = 30, 8, 29, 20_000
PAGE = 100
ZONE = [[0.2, 0.4], [0.7, 0.4], [0.8, 1.0], [0.1, 1.0]]
WORDS = ("exit", "open", "sale", "taxi", "police", "bus stop", "no parking", "出口", "入口", "禁止停车", "超市", "営業中", "café", "straße")
MEDIA = """
INSERT INTO media (id, digest, name, name_grams, kind, format, content_type, bytes, width, height, source_id, taken_at, added_by)
SELECT gen_random_uuid(), 'synthetic', 'piece ' || n, '{}', 'video', 'h264', 'video/mp4', 1, 1280, 720,
       CASE WHEN n % 20 = 0 THEN NULL ELSE 1 + n % :cameras END, :start + n * make_interval(secs => :gap_s), 'synthetic'
FROM generate_series(0, :media - 1) AS n;
"""
ANALYSES = """
INSERT INTO analyses (id, media_id, job_id, state, is_current, options)
SELECT gen_random_uuid(), id, 'synthetic', 'done', right(id::text, 2) > '05', '{}' FROM media
"""
PIECES = """
CREATE TEMPORARY TABLE pieces AS
SELECT row_number() OVER (ORDER BY m.taken_at) - 1 AS n, m.id AS media_id, a.id AS analysis_id, a.is_current, m.source_id, m.taken_at
FROM media m JOIN analyses a ON a.media_id = m.id
"""
RECORDS = """
INSERT INTO records (media_id, analysis_id, segment, is_current, source_id, kind, label, frame, time_s, taken_at, track_id, score,
                     x0, y0, x1, y1, foot_x, foot_y, text, folded, grams)
SELECT media_id, analysis_id, floor(t / 10), is_current, source_id, kind,
       CASE WHEN kind = 'object' THEN (CASE WHEN r2 < .6 THEN 'person' WHEN r2 < .8 THEN 'car' WHEN r2 < .88 THEN 'bicycle'
                WHEN r2 < .94 THEN 'bus' WHEN r2 < .9999 THEN 'dog' ELSE 'elephant' END)
            WHEN kind = 'hand' AND r2 < .3 THEN 'thumb_up' END,
       floor(t * 25), t, taken_at + make_interval(secs => t), 1 + floor(r3 * 9), .3 + .7 * r4,
       x * 1200, y * 600, x * 1200 + 80, y * 600 + 120, (x * 1200 + 40) / 1280, (y * 600 + 120) / 720, w.text, w.folded, w.grams
FROM (
    SELECT p.*, floor((i % :each) * 60.0 / :each) + .04 * floor(random() * 25) AS t, random() AS r2, random() AS r3, random() AS r4,
           random() AS x, random() AS y, floor(:texts * random() ^ 3)::int AS word,
           (ARRAY['object','object','object','object','object','object','object','object','object','object','object',
                  'face','face','body','body','hand','hand','people','people','text'])[1 + floor(random() * 20)] AS kind
    FROM generate_series(:first, :last) AS i JOIN pieces p ON p.n = i / :each
) AS r LEFT JOIN words w ON w.n = r.word AND r.kind = 'text'
"""


def texts(rng: random.Random, count: int) -> list[str]:
    """Return what might be read: signs, and number plates that are all different."""
    plates = (f"{rng.choice('ABCDEFGHJK')}{rng.choice('LMNPRSTUVW')} {rng.randrange(10_000):04d}" for _ in range(count))
    return [rng.choice(WORDS) if n % 4 == 0 else f"{rng.choice(WORDS)} {n}" if n % 4 == 1 else plate for n, plate in enumerate(plates)]


def make_rows(database: Database, count: int, chunk: int = 250_000, tell: Callable[[str], None] = lambda _: None) -> None:
    """Fill an empty database."""
    media = -(-count // ROWS_A_MEDIUM)
    with database.engine.begin() as connection:
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(text("INSERT INTO blobs (digest, bytes, state) VALUES ('synthetic', 1, 'kept')"))
        for number in range(1, CAMERAS + 1):
            connection.execute(
                text("INSERT INTO sources (name, kind, address, \"only\") VALUES (:name, 'camera', '', '{}')"), {"name": f"camera {number}"}
            )
            connection.execute(
                text("INSERT INTO zones (source_id, name, polygon_xy) VALUES (:n, 'B', :p)"), {"n": number, "p": json.dumps(ZONE)}
            )
        facts = {"cameras": CAMERAS, "start": START, "media": media, "gap_s": DAYS * 86_400 / media}
        connection.execute(text(MEDIA), facts)
        connection.execute(text(ANALYSES))
        connection.execute(text(PIECES))
        connection.execute(text("CREATE TEMPORARY TABLE words (n int PRIMARY KEY, text text, folded text, grams text[])"))
        words = texts(random.Random(1), TEXTS)
        rows = [{"n": n, "text": t, "folded": fold(t), "grams": grams(t)} for n, t in enumerate(words)]
        connection.execute(text("INSERT INTO words VALUES (:n, :text, :folded, :grams)"), rows)
        connection.execute(text("ANALYZE pieces, words"))
        begun = time.perf_counter()
        for first in range(0, count, chunk):
            last = min(first + chunk, count) - 1
            connection.execute(text(RECORDS), {"first": first, "last": last, "each": ROWS_A_MEDIUM, "texts": TEXTS})
            tell(f"{last + 1:,} rows, {(last + 1) / (time.perf_counter() - begun):,.0f} rows/s")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


@dataclass(frozen=True)
class Question:
    """One thing that the console asks.

    Parameters
    ----------
    wanted : RecordFilter or None
        None: the labels.
    bucket_s : int or None
        A timeline with such buckets; None: a page.
    after : datetime or None
        Where the page begins.
    """

    wanted: RecordFilter | None
    bucket_s: int | None = None
    after: datetime | None = None

    def put(self, store: RecordStore) -> int:
        """Ask; return how many records or buckets the answer has."""
        if self.wanted is None:
            return len(store.labels())
        if self.bucket_s is not None:
            return len(store.timeline(self.wanted, self.bucket_s).buckets)
        cursor = None if self.after is None else encode_cursor(self.after, 0)
        return len(store.query(self.wanted, cursor, PAGE).items)

    def explained(self, database: Database) -> dict[str, Any]:
        """Return the plan."""
        with database.session() as session, patience(session):
            statement = self._statement(session)
            compiled = statement.compile(database.engine, compile_kwargs={"render_postcompile": True})
            found = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", compiled.params).scalar_one()
        plan: dict[str, Any] = found[0]["Plan"]
        return plan

    def without_indexes(self, database: Database) -> float:
        """Return how long the same takes, in milliseconds, when PostgreSQL may use no index."""
        with database.session() as session, patience(session, 120):
            statement = self._statement(session)
            for how in ("indexscan", "indexonlyscan", "bitmapscan"):
                session.execute(text(f"SET LOCAL enable_{how} = off"))
            begun = time.perf_counter()
            session.execute(statement).all()
            return (time.perf_counter() - begun) * 1e3

    def _statement(self, session: Session) -> Any:
        if self.wanted is None:
            return labels()
        if self.bucket_s is not None:
            return timeline(session, self.wanted, self.bucket_s)
        return page(ask(session, self.wanted), None if self.after is None else (self.after, 0), PAGE + 1, newest_first=True)


def questions(media: list[Any]) -> dict[str, Callable[[random.Random], Question]]:
    """Return the console's questions by name; each is made with values by chance."""

    def at(rng: random.Random, days: float = DAYS) -> datetime:
        return START + timedelta(seconds=rng.uniform(0, days * 86_400))

    def q(bucket_s: int | None = None, after: datetime | None = None, **wanted: Any) -> Question:
        return Question(RecordFilter(**wanted), bucket_s, after)

    def span(first: datetime, **length: float) -> dict[str, datetime]:
        return {"taken_from": first, "taken_before": first + timedelta(**length)}

    def camera(rng: random.Random) -> int:
        return rng.randint(1, CAMERAS)

    return {
        "newest of all": lambda rng: q(),
        "newest faces": lambda rng: q(kinds=["face"]),
        "faces, some page far down": lambda rng: q(kinds=["face"], after=at(rng)),
        "faces and hands, score over 0.95": lambda rng: q(kinds=["face", "hand"], min_score=0.95, after=at(rng)),
        "persons, 5 minutes, a camera's zone": lambda rng: q(
            kinds=["object"], labels=["person"], zone_id=camera(rng), **span(at(rng), minutes=5)
        ),
        "persons, a day, a camera's zone": lambda rng: q(kinds=["object"], labels=["person"], zone_id=camera(rng), **span(at(rng), days=1)),
        "newest of one camera": lambda rng: q(source_id=camera(rng)),
        "one hour of one camera": lambda rng: q(source_id=camera(rng), **span(at(rng), hours=1)),
        "cars and buses": lambda rng: q(labels=["car", "bus"], after=at(rng)),
        "a rare label": lambda rng: q(labels=["elephant"]),
        "a rare label, one camera": lambda rng: q(labels=["elephant"], source_id=camera(rng)),
        "records of one video": lambda rng: q(media_id=rng.choice(media)),
        "one track of a video": lambda rng: q(media_id=rng.choice(media), track_id=3),
        "text: a common word": lambda rng: q(text=rng.choice(["EXIT", "taxi", "出口"])),
        "text: a number plate": lambda rng: q(text=f"{rng.randrange(10_000):04d}"),
        "text: one character": lambda rng: q(text=rng.choice(["口", "é", "7", "x"])),
        "text: nothing like it": lambda rng: q(text=f"qq{rng.randrange(100)}zz"),
        "timeline: a day by 5 minutes": lambda rng: q(300, **span(at(rng, DAYS - 1), days=1)),
        "timeline: a month by hours": lambda rng: q(3600, **span(START, days=DAYS)),
        "timeline: a month by days, one camera": lambda rng: q(86_400, source_id=camera(rng)),
        "timeline: faces, a week by hours": lambda rng: q(3600, kinds=["face"], **span(at(rng, DAYS - 7), days=7)),
        "timeline: persons in a zone, a day": lambda rng: q(
            3600, kinds=["object"], labels=["person"], zone_id=camera(rng), **span(at(rng, 29), days=1)
        ),
        "timeline: one video by seconds": lambda rng: q(1, media_id=rng.choice(media)),
        "timeline: text by days": lambda rng: q(86_400, text=f"{rng.randrange(10_000):04d}"),
        "timeline: a common word by days": lambda rng: q(86_400, text="exit"),
        "timeline: an hour by minutes": lambda rng: q(60, **span(at(rng), hours=1)),
        "kinds and labels": lambda rng: Question(None),
    }


def indexes(plan: dict[str, Any]) -> set[str]:
    """Return the indexes that a plan reads, and ``all of TABLE`` where it reads a table whole."""
    own = {plan["Index Name"]} if "Index Name" in plan else set()
    if plan["Node Type"] == "Seq Scan":
        own = {f"all of {plan['Relation Name']}"}
    return own.union(*(indexes(each) for each in plan.get("Plans", [])))


def some_media(database: Database) -> list[Any]:
    """Return ids of a few hundred media."""
    with database.session() as session:
        return list(session.scalars(text("SELECT media_id FROM analyses WHERE is_current ORDER BY md5(id::text) LIMIT 500")))


def without_indexes(database: Database) -> dict[str, float]:
    """Return of each question how long it takes without an index, milliseconds."""
    rng = random.Random(4)
    return {name: make(rng).without_indexes(database) for name, make in questions(some_media(database)).items()}


def measure(database: Database, runs: int) -> list[tuple[str, list[float], int, set[str]]]:
    """Return of each question its name, milliseconds, the length of its longest answer, and the indexes."""
    store, rng = RecordStore(database), random.Random(2)
    asked = questions(some_media(database))
    took: dict[str, list[float]] = {name: [] for name in asked}
    longest = dict.fromkeys(asked, 0)
    for name in rng.sample(list(asked) * runs, len(asked) * runs):
        question = asked[name](rng)
        begun = time.perf_counter()
        longest[name] = max(longest[name], question.put(store))
        took[name].append((time.perf_counter() - begun) * 1e3)
    return [(name, took[name], longest[name], indexes(make(rng).explained(database))) for name, make in asked.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=30, help="of each question")
    parser.add_argument("--folder", type=Path, help="where the database goes; a temporary folder by default")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sl-records-", dir=args.folder))
    try:
        free_gb, needed_gb = shutil.disk_usage(folder).free / 1e9, args.rows * 600 / 1e9 + 1
        if free_gb < needed_gb:
            raise SystemExit(f"{folder} has {free_gb:.0f} GB free, {needed_gb:.0f} GB are needed")
        with open_database(folder) as database:
            begun, told = time.perf_counter(), ""

            def tell(said: str) -> None:
                nonlocal told
                told = said

            make_rows(database, args.rows, tell=tell)
            with database.session() as session:
                size = session.scalar(text("SELECT pg_size_pretty(pg_database_size(current_database()))"))
            print(f"{told} with all indexes and counts; {size}; made in {time.perf_counter() - begun:.0f} s\n")
            print(f"{'question':40s}{'median ms':>10s}{'p95 ms':>9s}{'no index':>10s}{'longest':>8s}  index")
            peers = without_indexes(database)
            for name, took, longest, used in measure(database, args.runs):
                p95 = statistics.quantiles(took, n=20)[-1] if len(took) > 1 else took[0]
                figures = f"{statistics.median(took):10.1f}{p95:9.1f}{peers[name]:10.0f}{longest:8d}"
                print(f"{name:40s}{figures}  {', '.join(sorted(used))}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
