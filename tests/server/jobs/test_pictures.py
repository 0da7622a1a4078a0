from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage.data import data_dir
from sqlalchemy import select
from tests.server.jobs.bench import QUICK, Bench, threads_left

from sightline.analysis.document import Document
from sightline.media.images import write_image
from sightline.store.tables import RecordRow

PORTRAIT = Path(data_dir) / "astronaut.png"


@pytest.fixture(autouse=True)
def _nets(weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")


def small(path: Path) -> Path:
    write_image(path, np.full((40, 60, 3), 90, np.uint8))
    return path


def test_a_picture_is_looked_at_and_kept(bench: Callable[..., Bench]) -> None:
    b = bench()
    media = b.bring_in(PORTRAIT)
    analysis = b.runner.analyse(media.id, QUICK, "mira")
    assert analysis.state == "queued"
    job = b.runner.wait(analysis.job_id, 150)
    assert (job.kind, job.state, job.done, job.total, job.title, job.created_by) == ("picture", "done", 1, 1, "astronaut.png", "mira")
    assert job.actions == []
    assert job.finished_at is not None
    analysis = b.analyses.get(analysis.id)
    assert (analysis.state, analysis.counts, analysis.frames) == ("done", {"faces": 1}, 1)
    assert analysis.took_s
    assert {m.name for m in analysis.models} >= {"face_mesh"}
    assert b.media.get(media.id).analysis_id == analysis.id
    document = Document.model_validate_json(b"".join(b.analyses.document(analysis.id)))
    assert document.complete
    assert document.source.path == "astronaut.png"
    assert document.frames[0].faces is not None
    assert len(document.frames[0].faces) == 1
    found = b.analyses.frames(analysis.id, 0.0, 1.0)
    assert found.frames == document.frames
    with b.database.session() as session:
        record = session.scalars(select(RecordRow)).one()
    assert (record.kind, record.analysis_id, record.is_current) == ("face", analysis.id, True)
    b.runner.close()
    assert threads_left() == []
