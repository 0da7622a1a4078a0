"""What one worker does with its tasks, without Ray around it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.media.clips import make_clip

from sightline import Options
from sightline.analysis.archive.parts import part_name
from sightline.analysis.archive.places import ArchiveFile, list_files, place
from sightline.analysis.archive.worker import ArchiveWorker, WorkerSetup, piece_name, work_folder
from sightline.analysis.segments import plan_file

FACES = Options(only=("faces",), thorough_every_s=0.0, threads=1)


@pytest.fixture
def worker(tmp_path: Path, weights) -> Iterator[ArchiveWorker]:
    weights("face_detector_full", "face_detector_thorough", "face_mesh", "iris")
    made = ArchiveWorker(WorkerSetup(str(tmp_path / "out"), FACES, 1.0))
    yield made
    if made._nets is not None:
        made._nets.close()


def do(worker: ArchiveWorker, **task: Any) -> dict[str, Any]:
    done: dict[str, Any] = json.loads(worker({"task": json.dumps(task)})["done"])
    return done


def listed(path: Path) -> list[ArchiveFile]:
    found = list(list_files((str(path),), "out"))
    assert all(isinstance(f, ArchiveFile) for f in found)
    return found  # type: ignore[return-value]


def records(worker: ArchiveWorker) -> list[dict[str, Any]]:
    where = place(worker._setup.out)
    return [r for name in where.names("records") for r in pq.read_table(io.BytesIO(where.read(f"records/{name}"))).to_pylist()]


def test_pictures_good_bad_and_empty(worker: ArchiveWorker, pictures: Path) -> None:
    done = do(worker, do="files", files=[asdict(f) for f in listed(pictures)])
    rows = {Path(row["path"]).name: row for row in done["files"]}
    assert done["long"] == []
    assert len(rows) == 11
    assert [rows[f"face{n}.png"]["records"] for n in range(7)] == [1] * 7
    assert [rows[f"none{n}.png"]["records"] for n in range(3)] == [0] * 3
    assert (rows["face3.png"]["width"], rows["face3.png"]["height"], rows["face3.png"]["format"]) == (403, 303, "PNG")
    broken = rows["broken.jpg"]
    assert (broken["complete"], broken["records"], broken["kind"], broken["again"]) == (False, 0, "picture", False)
    assert "broken.jpg" in broken["problems"][0]["message"]
    assert sorted(Path(r["path"]).name for r in records(worker)) == [f"face{n}.png" for n in range(7)]
    assert place(worker._setup.out).names("work/attempts") == []


def test_a_task_done_twice_leaves_one_result(worker: ArchiveWorker, pictures: Path) -> None:
    task = {"do": "files", "files": [asdict(f) for f in listed(pictures / "deep")]}
    first = do(worker, **task)
    assert do(worker, **task) == first
    assert len(records(worker)) == 3


def test_a_short_video_is_looked_at_at_once_and_a_long_one_comes_back(worker: ArchiveWorker, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    make_clip(films / "short.mp4", 20)
    make_clip(films / "long.mp4", 80)
    done = do(worker, do="files", files=[asdict(f) for f in listed(films)])
    [row] = done["files"]
    assert (Path(row["path"]).name, row["kind"], row["frames"], row["complete"], row["width"]) == ("short.mp4", "video", 20, True, 160)
    assert row["last_time_s"] == pytest.approx(19 * 1001 / 30000, abs=1e-5)
    [long] = done["long"]
    assert long["pieces"] == json.loads(json.dumps(plan_file(films / "long.mp4", 1.0)))
    assert len(long["pieces"]) == 3


def test_pieces_are_joined_to_one_part(worker: ArchiveWorker, clip: Path) -> None:
    """Half a second of a swaying face, in pieces of a tenth: one face with one id in every frame."""
    [file] = listed(clip)
    pieces = [[n, n / 10, (n + 1) / 10] for n in range(3)]  # the rest follows on its own
    for piece in reversed(pieces):
        do(worker, do="piece", file=asdict(file), piece=piece)
    before = sorted((Path(worker._setup.out) / work_folder(file)).iterdir())
    assert len(before) == 3
    times = [p.stat().st_mtime_ns for p in before]
    do(worker, do="piece", file=asdict(file), piece=pieces[0])
    assert [p.stat().st_mtime_ns for p in before] == times  # what is there is not done again
    [row] = do(worker, do="join", file=asdict(file), pieces=pieces)["files"]
    found = records(worker)
    assert [(r["frame"], r["track_id"]) for r in found] == [(n, 1) for n in range(15)]
    assert [r["time_s"] for r in found] == pytest.approx([n / 30 for n in range(15)], abs=1e-5)
    assert (row["frames"], row["records"], row["complete"], row["problems"]) == (15, 15, True, [])
    assert place(worker._setup.out).names(work_folder(file)) == []


def test_a_file_that_went_is_tried_again_by_the_next_run(worker: ArchiveWorker, tmp_path: Path) -> None:
    gone = ArchiveFile(str(tmp_path / "gone.jpg"), "gone.jpg", 10, "10-1")
    [row] = do(worker, do="files", files=[asdict(gone)])["files"]
    assert (row["again"], row["problems"][0]["kind"]) == (True, "MediaNotFoundError")
    film = ArchiveFile(str(tmp_path / "gone.mp4"), "gone.mp4", 10, "10-1")
    do(worker, do="piece", file=asdict(film), piece=[0, 0.0, 1.0])
    [row] = do(worker, do="join", file=asdict(film), pieces=[[0, 0.0, 1.0]])["files"]
    assert (row["again"], row["complete"], row["frames"], row["problems"][0]["kind"]) == (True, False, 0, "MediaNotFoundError")


def test_a_file_that_kills_its_worker_is_left_out(worker: ArchiveWorker, pictures: Path) -> None:
    """The marks are those of a worker that was killed at the second file three times."""
    from sightline.analysis.archive.attempts import Attempts

    files = sorted(listed(pictures / "deep"), key=lambda f: f.path)
    for _ in range(3):
        attempts = Attempts(place(worker._setup.out), part_name(files))
        attempts.begin(files[0].path)
        attempts.begin(files[1].path)
    rows = {row["path"]: row for row in do(worker, do="files", files=[asdict(f) for f in files])["files"]}
    assert [rows[f.path]["records"] for f in files] == [1, 0, 1]
    assert rows[files[1].path]["problems"][0]["kind"] == "WorkerCrashedError"
    assert "3 times" in rows[files[1].path]["problems"][0]["message"]
    assert rows[files[1].path]["again"]


def test_what_is_wrong_with_the_worker_ends_the_run(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.analysis.archive.worker.Looker", _no_nets)
    made = ArchiveWorker(WorkerSetup(str(tmp_path / "out"), FACES, 1.0))
    task = {"do": "files", "files": [asdict(f) for f in listed(pictures / "deep")]}
    assert do(made, **task)["fatal"]["kind"] == "ModelNotFetchedError"
    (tmp_path / "file").write_text("in the way")
    blocked = ArchiveWorker(WorkerSetup(str(tmp_path / "file"), FACES, 1.0))
    assert "fatal" in do(blocked, **task)


def _no_nets(options: Options) -> None:
    from sightline.core.errors import ModelNotFetchedError

    raise ModelNotFetchedError("face_mesh", "is not here; run: sightline models fetch face_mesh")


def test_names_of_pieces_tell_them_apart() -> None:
    from sightline.analysis.segments import Segment

    assert piece_name(Segment(3, 30.0, 40.0)) != piece_name(Segment(3, 30.0, 45.0))
