from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from sightline.api.jobs import Job
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.store.database import Database
from sightline.store.jobs import JobStore, NewJob, actions_of


def fetching(jobs: JobStore, name: str = "face_mesh") -> Job:
    return jobs.add(NewJob("fetch", name, "bytes", "mira"))


def test_a_job_from_beginning_to_end(any_database: Database) -> None:
    jobs = JobStore(any_database)
    job = fetching(jobs)
    assert (job.state, job.done, job.total, job.attempts, job.started_at, job.actions) == ("queued", 0, None, 1, None, ["cancel"])
    assert jobs.attempt_of(job.id) == ("queued", 1)
    assert jobs.move(job.id, "running", expected=("queued",))
    assert not jobs.move(job.id, "running", expected=("queued",))
    running = jobs.get(job.id)
    assert running.started_at is not None
    assert running.updated_at > job.updated_at
    assert not jobs.move(job.id, "done", expected=("running",), attempt=2)  # somebody else's attempt
    assert jobs.move(job.id, "failed", expected=("running",), attempt=1, detail="no network")
    failed = jobs.get(job.id)
    assert (failed.state, failed.detail, failed.actions) == ("failed", "no network", ["retry"])
    assert failed.finished_at is not None
    assert jobs.move(job.id, "queued", expected=("failed",), attempts=2, detail=None)
    again = jobs.get(job.id)
    assert (again.finished_at, again.started_at, again.attempts) == (None, running.started_at, 2)
    assert jobs.attempt_of("nothing") is None
    with pytest.raises(NotFoundError, match="no job 'nothing'"):
        jobs.get("nothing")


def test_telling_nothing_new_writes_nothing(database: Database) -> None:
    jobs = JobStore(database)
    job = fetching(jobs)
    jobs.tell(job.id, done=5, total=10, detail="half")
    told = jobs.get(job.id)
    assert (told.done, told.total, told.detail) == (5, 10, "half")
    jobs.tell(job.id, done=5, total=10, detail="half")
    assert jobs.get(job.id).updated_at == told.updated_at
    jobs.tell(job.id, detail=None)
    assert jobs.get(job.id).detail is None


def test_pages_go_from_new_to_old_and_end(database: Database) -> None:
    jobs = JobStore(database)
    made = [fetching(jobs, f"m{n}").id for n in range(7)]
    jobs.move(made[3], "running", expected=("queued",))
    seen, cursor = [], None
    for _ in range(3):
        page = jobs.page(cursor=cursor, limit=3)
        seen += [job.id for job in page.items]
        cursor = page.next_cursor
    assert seen == made[::-1]
    assert cursor is None
    assert [job.id for job in jobs.page(state="running").items] == [made[3]]
    assert jobs.page(kind="video").items == []
    assert [job.id for job in jobs.unfinished("fetch")] == made
    assert jobs.waiting("fetch") == 6
    assert jobs.depths() == {("fetch", "queued"): 6, ("fetch", "running"): 1}
    with pytest.raises(InvalidInputError, match="cursor"):
        jobs.page(cursor="x")


def test_changes_are_seen_whoever_makes_them(database: Database) -> None:
    jobs = JobStore(database)
    old = fetching(jobs)
    nothing, now = jobs.changed_since(None)
    assert nothing == []
    time.sleep(0.01)
    new = fetching(jobs)
    changed, later = jobs.changed_since(now)
    assert [job.id for job in changed] == [new.id]
    assert later > now
    jobs.tell(old.id, done=1)
    assert [job.id for job in jobs.changed_since(now)[0]] == [new.id, old.id]
    assert len(jobs.changed_since(now - timedelta(minutes=1))[0]) == 2


def test_the_time_left_is_that_of_the_pieces_so_far(database: Database) -> None:
    jobs, media, analysis = JobStore(database), uuid4(), uuid4()
    with database.session() as session:
        session.execute(text("INSERT INTO blobs (digest, bytes, state) VALUES ('d', 1, 'kept')"))
        session.execute(
            text(
                "INSERT INTO media (id, digest, name, name_grams, kind, format, content_type, bytes, width, height, taken_at, added_by)"
                " VALUES (:id, 'd', 'n', '{}', 'video', 'h264', 'video/mp4', 1, 2, 2, now(), 'mira')"
            ),
            {"id": media},
        )
        session.execute(
            text("INSERT INTO analyses (id, media_id, job_id, state, options) VALUES (:a, :m, 'j', 'running', '{}')"),
            {"a": analysis, "m": media},
        )
        for number, took_s in enumerate((2.0, 4.0)):
            session.execute(
                text(
                    "INSERT INTO segments (analysis_id, number, start_s, end_s, frames, digest, took_s) VALUES (:a, :n, 0, 1, 1, 'd', :t)"
                ),
                {"a": analysis, "n": number, "t": took_s},
            )
    job = jobs.add(NewJob("video", "n", "segments", "mira", 10, media, analysis), "j")
    assert job.left_s is None
    jobs.move(job.id, "running", expected=("queued",), done=2)
    assert jobs.get(job.id).left_s == 24.0
    jobs.move(job.id, "done", expected=("running",), done=10)
    assert jobs.get(job.id).left_s is None
    assert jobs.usual_video_s() < 60
    with database.session() as session:
        assert session.scalar(text("SELECT state FROM analyses")) == "done"  # both rows tell the same


@pytest.mark.parametrize(
    ("kind", "state", "actions"),
    [
        ("picture", "queued", ["cancel"]),
        ("picture", "running", []),
        ("picture", "done", []),
        ("video", "running", ["pause", "cancel"]),
        ("video", "paused", ["resume", "cancel"]),
        ("video", "done", []),
        ("video", "cancelled", ["retry"]),
        ("camera", "running", ["pause", "cancel"]),
        ("folder", "cancelled", ["retry"]),
        ("fetch", "running", ["cancel"]),
        ("fetch", "failed", ["retry"]),
    ],
)
def test_what_can_be_done(kind: str, state: str, actions: list[str]) -> None:
    assert actions_of(kind, state) == actions  # type: ignore[arg-type]
