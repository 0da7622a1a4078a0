"""Cameras against a real MJPEG server and, where it is installed, a real RTSP server."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import func, select
from tests.media.clips import number_of
from tests.media.test_camera import INSTALL, NEEDS, SYSTEM_PYTHON, MjpegServer, free_port, stop
from tests.server.jobs.bench import QUICK, Bench
from tests.server.jobs.waiting import until

from sightline.api.jobs import Job
from sightline.api.records import NewSource, SourceChange
from sightline.core.errors import ConflictError
from sightline.core.frame import Frame
from sightline.media.video_reader import VideoReader
from sightline.server.jobs.recorder import Order, Pieces, Told, moment_of, record
from sightline.store.tables import AnalysisRow, BlobRow, MediaRow, RecordRow, SegmentRow

Make = Callable[..., Bench]


def camera(b: Bench, address: str, **options: object) -> Job:
    source = b.sources.add(NewSource(name="Door", kind="camera", address=address, segment_s=5, **options))  # type: ignore[arg-type]
    return b.runner.start_source(source.id, "mira")


def pieces_of(b: Bench) -> list[MediaRow]:
    with b.database.session() as session:
        return list(session.scalars(select(MediaRow).order_by(MediaRow.taken_at)))


def looked_at(b: Bench) -> int:
    with b.database.session() as session:
        return session.scalar(select(func.count()).where(AnalysisRow.state == "done", AnalysisRow.frames > 0)) or 0


def recorders() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    found = []
    for child in children:
        try:
            if "sightline.server.jobs.recorder" in child.cmdline():
                found.append(child)
        except psutil.Error:
            continue
    return found


def test_a_camera_is_recorded_and_looked_at(make: Make) -> None:
    with MjpegServer(period_s=0.04) as server:
        b = make()
        begun = datetime.now(UTC)
        job = camera(b, server.address)
        assert (job.kind, job.title, job.unit, job.total) == ("camera", "Door", "pieces", None)
        told = until(lambda: "frames/s" in (b.jobs.get(job.id).detail or "") and b.jobs.get(job.id).detail)
        assert told.startswith("connected, 160x96, ")
        until(lambda: looked_at(b) >= 1)
        (process,) = recorders()
        assert not any("t0ken" in part for part in process.cmdline())  # the address holds secrets
        process.send_signal(signal.SIGKILL)  # the recorder ends: it is begun again
        until(lambda: looked_at(b) >= 2)
        b = make()  # the server is started again: the camera comes back
        until(lambda: "frames/s" in (b.jobs.get(job.id).detail or ""))
        until(lambda: looked_at(b) >= 3)
        stopped = b.runner.stop_source(job.source_id or 0, "mira")
        assert stopped.state == "cancelled"
        until(lambda: recorders() == [])
    until(lambda: b.runner._workflows._active == 0)
    pieces = pieces_of(b)
    assert all(p.source_id == job.source_id and p.kind == "video" and p.name.startswith("Door 2") for p in pieces)
    assert len({p.origin for p in pieces}) == len(pieces)
    assert begun <= pieces[0].taken_at <= begun + timedelta(seconds=20)
    assert 4.5 <= (pieces[0].duration_s or 0) <= 5.6
    assert list((b.config.spool / "cameras").rglob("*.mp4")) == []
    with b.database.session() as session:
        record = session.scalars(select(RecordRow).order_by(RecordRow.taken_at).limit(1)).one()
    assert record.source_id == job.source_id
    assert record.taken_at == pieces[0].taken_at + timedelta(seconds=record.time_s)  # on the clock
    with b.media.local_path(pieces[0].digest) as path, VideoReader(path) as reader:
        numbers = [number_of(f.image) for f in reader]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))  # not a frame is missing


def test_a_camera_that_does_not_answer_is_tried_again_and_again(make: Make) -> None:
    port = free_port()
    b = make()
    job = camera(b, f"http://user:s3cret@127.0.0.1:{port}/video")
    until(lambda: "cannot be opened" in (b.jobs.get(job.id).detail or ""))
    assert "s3cret" not in (b.jobs.get(job.id).detail or "")
    assert b.jobs.get(job.id).state == "running"
    assert b.runner.act(job.id, "pause", "mira").state == "paused"
    until(lambda: recorders() == [])
    with MjpegServer() as server:
        b.sources.change(job.source_id or 0, SourceChange(address=server.address))
        b.runner.act(job.id, "resume", "mira")
        until(lambda: "connected" in (b.jobs.get(job.id).detail or ""))
        folder = b.config.spool / "cameras" / str(job.source_id)
        until(lambda: list(folder.iterdir()))
        b.sources.delete(job.source_id or 0)  # nothing of it is left
        until(lambda: b.runner._workflows._active == 0)
        assert not folder.exists()
        assert recorders() == []


def test_what_a_killed_server_left_is_cleared(make: Make, tmp_path: Path) -> None:
    copy, gone = tmp_path / "data" / "spool" / "folder-abc", tmp_path / "data" / "spool" / "cameras" / "77"
    gone.mkdir(parents=True)
    (gone / "20260101T000000.000000Z.mp4").write_bytes(b"x")
    copy.write_bytes(b"x")
    make()
    assert not copy.exists()
    assert not gone.exists()


def test_records_alone_are_kept_when_the_video_is_not(make: Make) -> None:
    with MjpegServer(period_s=0.04) as server:
        b = make()
        job = camera(b, server.address, keep_video=False)
        until(lambda: any(p.bytes == 0 for p in pieces_of(b)))
        b.runner.stop_source(job.source_id or 0, "mira")
    until(lambda: b.runner._workflows._active == 0 and all(p.bytes == 0 for p in pieces_of(b)))
    (piece, *_) = pieces_of(b)
    assert b.media.read(piece.digest) == b""
    with b.database.session() as session:
        needed = set(session.scalars(select(SegmentRow.digest))) | {piece.digest}
        assert set(session.scalars(select(BlobRow.digest))) == needed  # no video is left
        assert (session.scalar(select(func.count()).where(RecordRow.media_id == piece.id)) or 0) > 50
        analysis_id = session.scalars(select(AnalysisRow.id).where(AnalysisRow.media_id == piece.id)).one()
    assert len(b.analyses.frames(analysis_id, 0, 6).frames) > 50
    with pytest.raises(ConflictError, match="only its records were"):
        b.runner.analyse(piece.id, QUICK, "mira")


def test_cameras_do_not_hold_up_videos_nor_pile_up(make: Make, gate: Path) -> None:
    """While looking is stuck, recording goes on; what cannot be looked at is kept, or not, as the source says."""
    with MjpegServer(period_s=0.1) as server:
        b = make()
        job = camera(b, server.address)
        source = b.sources.get(job.source_id or 0)
        folder = b.config.spool / "cameras" / str(source.id)
        until(folder.exists)
        clip = b.bring_in(_piece(b.config.data / "plain.mp4"))
        stuck = b.bring_in(_piece(b.config.data / "gate-0.mp4"))
        first = b.runner.analyse(stuck.id, QUICK, "mira")
        second = b.runner.analyse(clip.id, QUICK, "mira")
        until(gate.with_suffix(".waiting").exists)
        for n in range(6):  # as the recorder would
            _piece(folder / f"2026010{n + 1}T000000.000000Z.mp4")
        until(lambda: "not looked at" in (b.jobs.get(job.id).detail or ""))
        until(lambda: sum(p.origin is not None for p in pieces_of(b)) >= 6)
        waiting = [j for j in b.jobs.unfinished("video") if j.title.startswith("Door")]
        assert 3 <= len(waiting) <= 4  # the others are kept without being looked at
        b.runner.stop_source(source.id, "mira")
        gate.touch()
        assert b.runner.wait(first.job_id, 150).state == "done"
        assert b.runner.wait(second.job_id, 150).state == "done"
        for piece in waiting:
            assert b.runner.wait(piece.id, 150).state == "done"


def _piece(path: Path) -> Path:
    pieces = Pieces(path.parent, 5.0)
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    for n in range(10):
        pieces.add(moment, Frame(np.full((48, 64, 3), 90, np.uint8), n, n / 10))
    pieces.finish()
    written = path.parent / "20200101T000000.000000Z.mp4"
    return written.rename(path)


def test_pieces_are_cut_by_length_and_by_pauses(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path, 1.0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times_s = [0.0, 0.5, 0.9, 1.0, 1.5, 9.0, 9.5]  # a full piece, one that a pause ends, one more
    for n, time_s in enumerate(times_s):
        pieces.add(start + timedelta(seconds=time_s), Frame(np.zeros((32, 32, 3), np.uint8), n, time_s))
    pieces.finish()
    found = {path.name: path for path in tmp_path.iterdir()}
    assert sorted(moment_of(name) or start for name in found) == [start + timedelta(seconds=s) for s in (0.0, 1.0, 9.0)]
    for name, count in zip(sorted(found), (3, 2, 2), strict=True):
        with VideoReader(found[name]) as reader:
            assert len(list(reader)) == count
    assert moment_of("notes.mp4") is None


@pytest.fixture
def rtsp() -> Iterator[int]:
    """The port of a real RTSP server."""
    if not SYSTEM_PYTHON.exists() or subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True).returncode:
        pytest.skip(f"no gst-rtsp-server here: {INSTALL}")
    port = free_port()
    script = Path(__file__).parents[2] / "media" / "rtsp_server.py"
    process = subprocess.Popen([str(SYSTEM_PYTHON), str(script), str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield port
    stop(process)


def test_rtsp_is_recorded(rtsp: int, tmp_path: Path) -> None:
    news: list[Told] = []
    end = threading.Event()
    order = Order(f"rtsp://127.0.0.1:{rtsp}/live", str(tmp_path), 5.0, 10_000_000)
    thread = threading.Thread(target=record, args=(order, end, news.append))
    thread.start()
    until(lambda: len([t for t in news if t.connected and t.frames_per_s > 10]) >= 3)
    end.set()
    thread.join(30)
    (path,) = [p for p in tmp_path.iterdir() if moment_of(p.name)]
    with VideoReader(path) as reader:
        times = [f.time_s for f in reader]
    assert len(times) > 40
    assert np.median(np.diff(times)) == pytest.approx(0.04, abs=0.005)
    assert news[-1].size_wh == (160, 96)
    assert news[-1].dropped == 0
