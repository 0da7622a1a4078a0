"""How the work is divided; running it is tested in test_ray.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline import Options
from sightline.analysis.archive import ArchiveOptions
from sightline.analysis.archive.places import ArchiveFile
from sightline.analysis.archive.run import _TASK_BYTES, _about, _file_tasks, _revived
from sightline.core.errors import ClusterError, InvalidInputError, ModelNotFetchedError

MIB = 1 << 20


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400 * MIB)), max_size=60), st.integers(1, 20), st.integers(1, 10))
def test_every_file_is_in_one_task(given_files: list[tuple[bool, int]], workers: int, at_most: int) -> None:
    files = [
        ArchiveFile(f"{n}{'.mp4' if video else '.jpg'}", f"{n}{'.mp4' if video else '.jpg'}", size, "1")
        for n, (video, size) in enumerate(given_files)
    ]
    tasks = [task["files"] for task in _file_tasks(files, workers, at_most)]
    assert sorted(f["path"] for task in tasks for f in task) == sorted(f.path for f in files)
    assert all(1 <= len(task) <= at_most for task in tasks)
    assert all(len(task) == 1 or sum(f["size_bytes"] for f in task) <= _TASK_BYTES for task in tasks)
    kinds = [f["path"].endswith(".mp4") for task in tasks for f in task]
    assert kinds == sorted(kinds, reverse=True)  # videos first


def test_few_files_are_shared_out_over_all_workers() -> None:
    files = [ArchiveFile(f"{n}.jpg", f"{n}.jpg", 10, "1") for n in range(16)]
    assert len(list(_file_tasks(files, 4, 500))) == 16
    assert len(list(_file_tasks(files * 100, 4, 500))) == 16


def test_where_and_how_fast_it_runs_is_no_other_result() -> None:
    same = _about(Options(only=("faces",)), ArchiveOptions())
    assert _about(Options(only=("faces",), threads=3, device="cuda", landmarks=False), ArchiveOptions(files_per_task=3)) == same
    assert _about(Options(only=("faces",), tiled=True), ArchiveOptions()) != same
    assert _about(Options(only=("faces",)), ArchiveOptions(segment_s=20)) != same


def test_an_error_of_a_worker_is_the_same_error_here() -> None:
    error = _revived({"kind": "ModelNotFetchedError", "message": "model 'x': fetch it"})
    assert isinstance(error, ModelNotFetchedError)
    assert str(error) == "model 'x': fetch it"
    assert isinstance(_revived({"kind": "PermissionError", "message": "no"}), ClusterError)
    assert isinstance(_revived({"kind": "annotations", "message": "no"}), ClusterError)


def test_nonsense_is_refused() -> None:
    for how in ({"segment_s": 0.5}, {"segment_s": float("inf")}, {"segment_s": float("nan")}, {"files_per_task": 0}):
        with pytest.raises(InvalidInputError):
            ArchiveOptions(**how)  # type: ignore[arg-type]
