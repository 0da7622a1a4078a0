"""Rows that tests of records fill databases with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from sightline.analysis.records import RecordRow as Row
from sightline.store.database import Database
from sightline.store.records import MediaFacts, RecordStore, media_facts
from sightline.store.tables import AnalysisRow, BlobRow, MediaRow, SourceRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = ["EXIT", "Exit 12", "出口 A", "入口", "100% off_now", "Straße", "no\\way", "café"]


def add_media(
    session: Session, *, source_id: int | None = None, taken_at: datetime = NOON, name: str = "door.jpg", kind: str = "picture"
) -> MediaFacts:
    """Add a medium, 100 x 50 pixels."""
    digest = uuid4().hex * 2
    session.add(BlobRow(digest=digest, bytes=1, state="kept"))
    session.flush()
    row = MediaRow(
        digest=digest, name=name, name_grams=[], kind=kind, format="JPEG", content_type="image/jpeg", bytes=1, width=100, height=50
    )
    row.source_id, row.taken_at, row.added_by = source_id, taken_at, "test"
    session.add(row)
    session.flush()
    return media_facts(row)


def add_analysis(session: Session, media_id: UUID, state: str = "running", created_at: datetime = NOON) -> UUID:
    """Add an analysis."""
    row = AnalysisRow(media_id=media_id, job_id="job", state=state, options={}, created_at=created_at)
    session.add(row)
    session.flush()
    return row.id


def keep(database: Database, rows: Sequence[Row], **facts: object) -> tuple[MediaFacts, UUID]:
    """Keep rows as the only segment of a new analysis of a new medium."""
    with database.session() as session:
        media = add_media(session, **facts)  # type: ignore[arg-type]
        analysis_id = add_analysis(session, media.media_id)
        RecordStore(database).replace_segment(session, analysis_id, media, 0, rows)
    return media, analysis_id


def random_row(rng: random.Random, time_s: float = 0.0) -> Row:
    """Return one of any kind, somewhere in the picture."""
    kind = rng.choice(["face", "body", "hand", "people", "text", "object", "object", "object"])
    label = rng.choice(["person", "car", "cup"]) if kind == "object" else rng.choice([None, "thumb_up"]) if kind == "hand" else None
    text = rng.choice(TEXTS) if kind == "text" else None
    x, y = rng.uniform(0, 90), rng.uniform(0, 40)
    box = (round(x, 1), round(y, 1), round(x + rng.uniform(1, 20), 1), round(y + rng.uniform(1, 20), 1))
    track = rng.choice([None, 1, 2, 3])
    attributes = {"coverage": 0.5} if kind == "people" else {}
    return Row(kind, label, text, int(time_s * 10), time_s, track, round(rng.random(), 3), box, attributes)


def fill(
    database: Database, rng: random.Random, media: int = 60, rows_each: int = 12, sources: Sequence[int | None] = (None, 1, 2)
) -> None:
    """Keep media of several sources over two days, each with rows over a minute."""
    with database.session() as session:
        session.add_all(SourceRow(name=f"camera {n}", kind="camera", address="x", only=[]) for n in range(1, 4))
    for _ in range(media):
        taken_at = NOON + timedelta(seconds=rng.randrange(2 * 86_400))
        times = sorted(rng.choice([0.0, 0.5, 1.0, 30.25, 59.9]) for _ in range(rows_each))
        source = rng.choice(list(sources))
        keep(database, [random_row(rng, t) for t in times], source_id=source, taken_at=taken_at, kind="video")
