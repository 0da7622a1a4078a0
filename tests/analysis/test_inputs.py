from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sightline.analysis.inputs import Input, discover
from sightline.core.errors import MediaNotFoundError
from sightline.media.images import encode_image

PNG = encode_image(np.zeros((2, 2, 3), np.uint8), "PNG")


def listed(*paths: object, out: Path | None = None) -> list[Input]:
    found = list(discover(paths, out))  # type: ignore[arg-type]
    assert all(isinstance(f, Input) for f in found)
    return found  # type: ignore[return-value]


def test_a_file_a_folder_and_stdin(tmp_path: Path) -> None:
    (tmp_path / "album/deep").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "deep/c.mp4", "notes.txt", ".hidden.png", "untitled"):
        (tmp_path / "album" / name).write_bytes(PNG if name == "untitled" else b"x")
    (tmp_path / "one.jpg").write_bytes(b"x")
    names = [i.name for i in listed(tmp_path / "one.jpg", tmp_path / "album", "-")]
    assert names == ["one.jpg", "a.JPG", "b.png", "untitled", "deep/c.mp4", "stdin"]


def test_names_are_unique_whatever_the_case(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "photo.jpg").write_bytes(b"x")
    (tmp_path / "PHOTO.jpg").write_bytes(b"x")
    names = [i.name for i in listed(tmp_path / "x/photo.jpg", tmp_path / "y/photo.jpg", tmp_path / "PHOTO.jpg")]
    assert names[0] == "photo.jpg"
    assert len({n.casefold() for n in names}) == 3


def test_a_missing_input_is_an_error_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    missing, there = discover([tmp_path / "no.png", tmp_path / "a.png"])
    assert isinstance(missing, MediaNotFoundError)
    assert isinstance(there, Input)


@pytest.mark.parametrize(
    "raw", [b"with space.jpg", "中文.jpg".encode(), "🙂.jpg".encode(), b"\xff\xfe.jpg", b"new\nline.jpg", b"-dash.jpg", b"a;rm.jpg"]
)
def test_odd_names_give_safe_outputs(tmp_path: Path, raw: bytes) -> None:
    path = os.fsencode(tmp_path) + b"/" + raw
    Path(os.fsdecode(path)).write_bytes(PNG)
    for found in (listed(os.fsdecode(path)), listed(tmp_path)):
        (item,) = found
        assert item.path is not None
        assert item.path.read_bytes() == PNG
        item.name.encode("utf-8")
        assert "/" not in item.name
        assert item.shown.isprintable()


def test_long_names_leave_room_for_what_is_appended(tmp_path: Path) -> None:
    (tmp_path / ("é" * 120 + ".jpg")).write_bytes(PNG)
    (item,) = listed(tmp_path)
    assert len(item.name.encode()) < 220


def test_the_runs_own_outputs_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.annotated.jpg").write_bytes(PNG)
    (tmp_path / "a.png").write_bytes(PNG)
    assert [i.name for i in listed(tmp_path, out=tmp_path / "out")] == ["a.png"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album/loop").symlink_to(tmp_path / "album")
    (tmp_path / "album/a.png").write_bytes(PNG)
    assert [i.name for i in listed(tmp_path / "album")] == ["a.png"]


def test_a_dangling_link_is_an_input_that_will_fail(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert len(listed(tmp_path / "gone.jpg")) == 1
