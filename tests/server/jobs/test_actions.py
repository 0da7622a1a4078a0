"""What can be done with jobs, and what goes wrong with them; found by workers without nets, so that it is quick."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import func, select, text
from tests.server.jobs.bench import QUICK, Bench
from tests.server.jobs.clips import grey_clip
from tests.server.jobs.waiting import until

from sightline.analysis.document import Document
from sightline.api.settings import Limits, Settings
from sightline.core.errors import ConflictError, InvalidInputError, NotFoundError, QueueFullError, UnknownModelError
from sightline.media.images import write_image
from sightline.store.tables import BlobRow, JobRow, RecordRow, SegmentRow

Make = Callable[..., Bench]


def waiting(gate: Path) -> Callable[[], bool]:
    return gate.with_suffix(".waiting").exists


def clip(folder: Path, name: str, seconds: float = 24.0) -> Path:
    return grey_clip(folder / name, seconds)


def picture(folder: Path, name: str = "grey.png") -> Path:
    write_image(folder / name, np.full((20, 30, 3), 90, np.uint8))
    return folder / name


def count(b: Bench, table: Any) -> int:
    with b.database.session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def times_written(b: Bench) -> list[str]:
    with b.database.session() as session:
        return list(session.scalars(text("SELECT xmin::text FROM segments ORDER BY number")))


def begin(b: Bench, path: Path) -> Any:
    return b.runner.analyse(b.bring_in(path).id, QUICK, "mira")


def test_pause_and_resume_keep_what_is_finished(make: Make, gate: Path, tmp_path: Path) -> None:
    b = make()
    analysis = begin(b, clip(tmp_path, "gate-10.mp4"))
    until(waiting(gate))
    job = b.jobs.get(analysis.job_id)
    assert (job.state, job.done, job.total, job.left_s) == ("running", 1, 3, 0.5)
    assert job.actions == ["pause", "cancel"]
    paused = b.runner.act(job.id, "pause", "mira")
    assert (paused.state, paused.actions) == ("paused", ["resume", "cancel"])
    assert b.analyses.get(analysis.id).state == "paused"
    with pytest.raises(ConflictError, match="is paused: it cannot be told to pause now"):
        b.runner.act(job.id, "pause", "mira")
    gate.touch()
    until(lambda: b.jobs.get(job.id).done == 2)  # the piece that was under way is finished
    first = times_written(b)
    b = make()  # a restart does not wake what is paused
    assert b.runner.wait(job.id, 0.5).state == "paused"
    b.runner.act(job.id, "resume", "mira")
    done = b.runner.wait(job.id, 150)
    assert (done.state, done.done, done.total, done.attempts, done.detail) == ("done", 3, 3, 2, None)
    assert times_written(b)[:2] == first
    assert count(b, RecordRow) == 120
    assert b.analyses.get(analysis.id).state == "done"
    with pytest.raises(ConflictError, match="possible: nothing"):
        b.runner.act(job.id, "cancel", "mira")


def test_cancelled_keeps_what_was_found_and_can_be_retried(make: Make, gate: Path, tmp_path: Path) -> None:
    b = make()
    analysis = begin(b, clip(tmp_path, "gate-10.mp4"))
    until(waiting(gate))
    job = b.runner.act(analysis.job_id, "cancel", "ben")
    assert (job.state, job.detail, job.actions) == ("cancelled", "cancelled by ben", ["retry"])
    gate.touch()
    after = begin(b, clip(tmp_path, "after.mp4", 5.0))  # its turn comes when the cancelled one has let go
    assert b.runner.wait(after.job_id, 150).state == "done"
    assert len(times_written(b)) == 2  # one of each: what was under way is thrown away
    document = Document.model_validate_json(b"".join(b.analyses.document(analysis.id)))
    assert not document.complete
    assert len(document.frames) == 50
    assert b.analyses.get(analysis.id).finished_at is not None
    first = times_written(b)
    b.runner.act(analysis.job_id, "retry", "mira")
    assert b.runner.wait(analysis.job_id, 150).state == "done"
    assert first[0] in times_written(b)
    assert b.analyses.get(analysis.id).frames == 120


def test_a_piece_that_ends_its_worker_is_tried_twice_then_noted(make: Make, tmp_path: Path) -> None:
    b = make()
    analysis = begin(b, clip(tmp_path, "crash-10.mp4"))
    assert b.runner.wait(analysis.job_id, 150).state == "done"
    analysis = b.analyses.get(analysis.id)
    (problem,) = analysis.problems
    assert (problem.kind, problem.time_s) == ("WorkerCrashedError", 10.0)
    document = Document.model_validate_json(b"".join(b.analyses.document(analysis.id)))
    assert not document.complete
    assert [f.index for f in document.frames] == [*range(50), *range(100, 120)]  # the rest went on
    assert count(b, RecordRow) == 70


def test_a_worker_that_ends_once_costs_nothing(make: Make, tmp_path: Path) -> None:
    b = make()
    analysis = begin(b, clip(tmp_path, "once-10.mp4"))
    assert b.runner.wait(analysis.job_id, 150).state == "done"
    assert b.analyses.get(analysis.id).problems == []
    assert count(b, RecordRow) == 120
    shot = begin(b, picture(tmp_path, "crash-0.png"))
    job = b.runner.wait(shot.job_id, 150)
    assert (job.state, job.actions) == ("failed", ["retry"])
    assert "look" in (job.detail or "")
    assert b.analyses.get(shot.id).problems[0].kind == "WorkerCrashedError"


def test_a_net_that_is_not_there_fails_the_job_and_retry_goes_on(make: Make, tmp_path: Path) -> None:
    b = make()
    analysis = begin(b, clip(tmp_path, "missing-10.mp4"))
    job = b.runner.wait(analysis.job_id, 150)
    assert (job.state, job.done, job.actions) == ("failed", 1, ["retry"])
    assert "sightline models fetch light" in (job.detail or "")
    with b.database.session() as session:
        session.execute(text("UPDATE media SET name = 'there.mp4'"))
    assert [p.kind for p in b.analyses.get(analysis.id).problems] == ["ModelNotFetchedError"]
    b.runner.act(job.id, "retry", "mira")
    assert b.runner.wait(job.id, 150).state == "done"
    assert count(b, RecordRow) == 120
    assert b.analyses.get(analysis.id).problems == []
    all_bad = begin(b, clip(tmp_path, "crash-0.mp4", 5.0))
    job = b.runner.wait(all_bad.job_id, 150)
    assert (job.state, b.analyses.get(all_bad.id).state) == ("failed", "failed")
    assert "not one piece of it could be looked at" in (job.detail or "")


def test_a_video_without_a_frame_or_with_a_wrong_header(make: Make, tmp_path: Path) -> None:
    b = make()
    whole = clip(tmp_path, "whole.mp4", 24.0)
    for name, duration_s in (("longer.mp4", 360000.0), ("shorter.mp4", 3.0), ("unknown.mp4", None)):
        path = tmp_path / name
        path.write_bytes(whole.read_bytes())
        analysis = b.runner.analyse(b.bring_in(path, duration_s=duration_s).id, QUICK, "mira")
        job = b.runner.wait(analysis.job_id, 150)
        assert (job.state, job.done, job.total) == ("done", 3, 3), name
        assert b.analyses.get(analysis.id).frames == 120
    media = b.bring_in(whole)
    path = b.config.data / "media" / media.sha256[:2] / media.sha256  # what is kept turns out to be cut off
    path.chmod(0o600)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 60])
    job = b.runner.wait(b.runner.analyse(media.id, QUICK, "mira").job_id, 150)
    assert job.state == "failed"
    assert "whole.mp4" in (job.detail or "")
    assert str(tmp_path) not in (job.detail or "")


def test_deleting_a_medium_ends_its_job(make: Make, gate: Path, tmp_path: Path) -> None:
    b = make()
    media = b.bring_in(clip(tmp_path, "gate-10.mp4"))
    analysis = b.runner.analyse(media.id, QUICK, "mira")
    until(waiting(gate))
    b.media.delete(media.id)
    with pytest.raises(NotFoundError):
        b.runner.wait(analysis.job_id)
    gate.touch()
    after = begin(b, clip(tmp_path, "after.mp4", 5.0))
    assert b.runner.wait(after.job_id, 150).state == "done"
    assert count(b, JobRow) == 1
    assert count(b, SegmentRow) == 1
    assert count(b, BlobRow) == 2  # the video and its document: nothing of the other is left
    b.analyses.delete(after.id)
    assert (count(b, SegmentRow), count(b, RecordRow), count(b, JobRow), count(b, BlobRow)) == (0, 0, 0, 1)
    with pytest.raises(NotFoundError):
        b.analyses.get(after.id)


def test_full_queues_say_when_to_come_again(make: Make, gate: Path, tmp_path: Path) -> None:
    b = make()
    b.settings.put(Settings(limits=Limits(max_queued_pictures=2, max_queued_videos=1)))
    video, shot = b.bring_in(clip(tmp_path, "gate-0.mp4", 4.0)), b.bring_in(picture(tmp_path, "gate-0.png"))
    running = b.runner.analyse(video.id, QUICK, "mira")
    until(lambda: b.jobs.get(running.job_id).state == "running")
    queued = b.runner.analyse(video.id, QUICK, "mira")
    with pytest.raises(QueueFullError, match="1 videos are waiting") as caught:
        b.runner.analyse(video.id, QUICK, "mira")
    assert 1 <= caught.value.retry_after_s <= 3600
    shots = [b.runner.analyse(shot.id, QUICK, "mira") for _ in range(3)]  # as many as are under way at once
    until(lambda: b.runner._quick.depth() == 0)
    shots += [b.runner.analyse(shot.id, QUICK, "mira") for _ in range(2)]
    with pytest.raises(QueueFullError, match="2 pictures are waiting") as caught:
        b.runner.analyse(shot.id, QUICK, "mira")
    assert caught.value.retry_after_s >= 1
    assert count(b, JobRow) == 7  # what was refused left nothing
    assert b.runner.depths() == {("video", "running"): 1, ("video", "queued"): 1, ("picture", "queued"): 5}
    dropped = b.runner.act(shots[-1].job_id, "cancel", "mira")
    assert dropped.state == "cancelled"
    gate.touch()
    states = [b.runner.wait(a.job_id, 150).state for a in (running, queued, *shots)]
    assert states == ["done"] * 6 + ["cancelled"]
    b.runner.act(dropped.id, "retry", "mira")
    assert b.runner.wait(dropped.id, 150).state == "done"


def test_pictures_that_waited_are_looked_at_after_a_restart(make: Make, tmp_path: Path) -> None:
    b = make(start=False)
    media = b.bring_in(picture(tmp_path))
    waiting_ids = [b.analyses.begin(media.id, QUICK, "mira").analysis.job_id for _ in range(5)]
    video = b.analyses.begin(b.bring_in(clip(tmp_path, "late.mp4", 4.0)).id, QUICK, "mira").analysis
    b = make()
    assert [b.runner.wait(job_id, 150).state for job_id in waiting_ids] == ["done"] * 5
    assert b.runner.wait(video.job_id, 150).state == "done"  # a row without a workflow gets one
    with b.database.session() as session:
        assert session.scalar(select(func.count()).where(RecordRow.is_current, RecordRow.frame == 0)) == 2


def test_closing_in_the_middle_loses_nothing(make: Make, gate: Path, tmp_path: Path) -> None:
    b = make()
    analysis = begin(b, clip(tmp_path, "gate-10.mp4"))
    shot = begin(b, picture(tmp_path, "gate-0.png"))
    before = until(lambda: times_written(b))
    b = make()  # closes first
    assert [j.state for j in b.jobs.page().items] == ["queued", "running"]
    gate.touch()
    assert b.runner.wait(analysis.job_id, 150).state == "done"
    assert b.runner.wait(shot.job_id, 150).state == "done"
    assert times_written(b)[0] in before
    assert (count(b, RecordRow), b.analyses.get(analysis.id).problems) == (121, [])


def test_many_at_once_are_all_kept_once(make: Make, tmp_path: Path) -> None:
    b = make()
    media = b.bring_in(picture(tmp_path))
    started: list[Any] = []
    threads = [
        threading.Thread(target=lambda: started.extend(b.runner.analyse(media.id, QUICK, "mira") for _ in range(10))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {b.runner.wait(a.job_id, 150).state for a in started} == {"done"}
    assert count(b, RecordRow) == len({a.id for a in started}) == 40


def test_what_is_not_there(make: Make) -> None:
    b = make()
    with pytest.raises(NotFoundError, match="no picture or video"):
        b.runner.analyse(uuid4(), QUICK, "mira")
    with pytest.raises(NotFoundError, match="no job"):
        b.runner.act("nothing", "cancel", "mira")
    with pytest.raises(NotFoundError):
        b.analyses.document(uuid4())
    with pytest.raises(NotFoundError):
        b.analyses.frames(uuid4(), 0, 1)
    with pytest.raises(InvalidInputError, match="at most 600 s apart"):
        b.analyses.frames(uuid4(), 0, 601)
    with pytest.raises(UnknownModelError):
        b.runner.fetch_model("nothing", "mira")
