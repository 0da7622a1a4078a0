from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.server.jobs.bench import QUICK, Bench
from tests.server.jobs.clips import face_clip, grey_clip

from sightline.analysis.document import Document
from sightline.store.tables import RecordRow, SegmentRow

Make = Callable[..., Bench]


@pytest.fixture(autouse=True)
def _nets(weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return face_clip(tmp_path_factory.mktemp("clips") / "pan.mp4", 24.0)


def kept(b: Bench) -> tuple[list[tuple[Any, ...]], list[SegmentRow]]:
    """Return all records without their ids, and all segments."""
    with b.database.session() as session:
        columns = [c for c in RecordRow.__table__.columns if c.name not in ("id", "analysis_id", "media_id", "attributes")]
        records = session.execute(select(*columns, RecordRow.attributes).order_by(RecordRow.frame, RecordRow.kind, RecordRow.x0)).all()
        segments = session.scalars(select(SegmentRow).order_by(SegmentRow.number)).all()
    return [tuple(r) for r in records], list(segments)


def test_a_video_is_looked_at_piece_by_piece(bench: Make, clip: Path) -> None:
    b = bench()
    media = b.bring_in(clip)
    analysis = b.runner.analyse(media.id, QUICK, "mira")
    job = b.runner.wait(analysis.job_id, 60)
    assert (job.kind, job.state, job.done, job.total, job.unit, job.detail) == ("video", "done", 3, 3, "segments", None)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.actions == []
    analysis = b.analyses.get(analysis.id)
    assert (analysis.state, analysis.frames, analysis.counts, analysis.problems) == ("done", 120, {"faces": 1}, [])
    document = Document.model_validate_json(b"".join(b.analyses.document(analysis.id)))
    assert document.complete
    assert [f.index for f in document.frames] == list(range(120))
    assert {face.id for f in document.frames for face in f.faces or [] if face.id} == {1}  # one face, one id over all pieces
    records, segments = kept(b)
    assert [(s.number, s.start_s, s.end_s, s.frames) for s in segments] == [(0, 0, 10, 50), (1, 10, 20, 50), (2, 20, 30, 20)]
    assert len(records) == sum(len(f.faces or []) for f in document.frames)
    some = b.analyses.frames(analysis.id, 9.0, 11.0).frames
    assert [f.time_s for f in some] == [f.time_s for f in document.frames if 9.0 <= f.time_s < 11.0]
    assert some == [f for f in document.frames if 9.0 <= f.time_s < 11.0]
