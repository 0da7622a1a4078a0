"""Parts are committed once; whatever a killed run left is mended by the next."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sightline.analysis.archive.attempts import Attempts
from sightline.analysis.archive.parts import agree, committed, drop, file_row, part_name, take_stock, write_part
from sightline.analysis.archive.places import ArchiveFile, Place, place
from sightline.analysis.records import RecordRow
from sightline.core.errors import InvalidInputError


@pytest.fixture(params=["folder", "bucket"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place(str(tmp_path / "out") if request.param == "folder" else request.getfixturevalue("s3").fresh("out"))


def file(path: str, stamp: str = "1") -> ArchiveFile:
    return ArchiveFile(path, path, 10, stamp)


def row(n: int) -> RecordRow:
    return RecordRow("object", "cup", None, n, n / 25, None, 0.5, (0, 0, 1, 1), {})


def write(out: Place, *files: ArchiveFile, records: int = 2, **facts: Any) -> str:
    name = part_name(files)
    rows = [file_row(f, "picture", records=records, complete=True, **facts) for f in files]
    write_part(out, name, rows, ((f.path, [row(n) for n in range(records)]) for f in files))
    return name


def table(out: Place, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(out.read(name))).to_pylist()
    return rows


def all_paths(out: Place, folder: str) -> list[str]:
    return sorted(r["path"] for name in out.names(folder) for r in table(out, f"{folder}/{name}"))


def test_a_part_holds_records_and_files(out: Place) -> None:
    problems = [{"kind": "VideoDecodeError", "message": "half of it", "time_s": 1.5}]
    name = write(out, file("a.jpg"), file("b.jpg"), problems=problems)
    assert all_paths(out, "records") == ["a.jpg", "a.jpg", "b.jpg", "b.jpg"]
    assert table(out, f"records/{name}.parquet")[1]["frame"] == 1
    [first, _] = table(out, f"files/{name}.parquet")
    assert (first["path"], first["records"], first["complete"], first["problems"]) == ("a.jpg", 2, True, problems)
    assert {r["path"] for r in committed(out, name) or ()} == {"a.jpg", "b.jpg"}
    assert committed(out, "other") is None


def test_a_part_of_nothing_found_is_there_all_the_same(out: Place) -> None:
    write(out, file("a.jpg"), records=0)
    assert all_paths(out, "records") == []
    assert take_stock(out).is_done(file("a.jpg"))


def test_names_follow_files_and_their_state() -> None:
    assert part_name([file("a"), file("b")]) == part_name([file("b"), file("a")])
    assert len({part_name([file("a")]), part_name([file("a", "2")]), part_name([file("b")]), part_name([file("a"), file("b")])}) == 4


def test_stock_tells_what_is_done(out: Place) -> None:
    write(out, file("a.jpg"), file("b.jpg"))
    write(out, file("c.jpg"), again=True)
    stock = take_stock(out)
    assert [stock.is_done(f) for f in (file("a.jpg"), file("a.jpg", "2"), file("b.jpg"), file("c.jpg"), file("d.jpg"))] == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_killed_between_records_and_files(out: Place) -> None:
    """The records are the commit: the rows of the files are made anew from them."""
    name = write(out, file("a.jpg"), file("b.jpg"))
    before = table(out, f"files/{name}.parquet")
    out.delete(f"files/{name}.parquet")
    assert take_stock(out).is_done(file("b.jpg"))
    assert table(out, f"files/{name}.parquet") == before


def test_rows_of_files_without_records_are_no_commit(out: Place) -> None:
    name = write(out, file("a.jpg"))
    out.delete(f"records/{name}.parquet")
    assert not take_stock(out).is_done(file("a.jpg"))
    assert out.names("files") == []


def test_a_file_in_two_parts_is_taken_out_of_one(out: Place) -> None:
    write(out, file("a.jpg"), file("b.jpg"))
    write(out, file("b.jpg"), file("c.jpg"))
    stock = take_stock(out)
    assert sorted(stock.rows) == ["a.jpg", "b.jpg", "c.jpg"]
    assert all_paths(out, "files") == ["a.jpg", "b.jpg", "c.jpg"]
    assert all_paths(out, "records") == ["a.jpg"] * 2 + ["b.jpg"] * 2 + ["c.jpg"] * 2
    assert take_stock(out) == stock


def test_a_file_taken_out_takes_its_records_along(out: Place) -> None:
    name = write(out, file("a.jpg"), file("b.jpg"))
    drop(out, name, {"a.jpg"})
    assert (all_paths(out, "records"), all_paths(out, "files")) == (["b.jpg"] * 2, ["b.jpg"])
    drop(out, name, {"b.jpg"})
    assert out.names("records") == out.names("files") == []


def test_other_options_are_refused(out: Place) -> None:
    agree(out, {"only": ["faces"], "tiled": False})
    agree(out, {"only": ["faces"], "tiled": False})
    with pytest.raises(InvalidInputError, match=r"tiled was False, now True.*choose another place"):
        agree(out, {"only": ["faces"], "tiled": True})


def test_attempts_find_the_file_that_kills(out: Place) -> None:
    for number in range(3):
        attempts = Attempts(out, "task")
        assert not any(attempts.gave_up(p) for p in ("a", "b", "c"))
        attempts.begin("a")
        if number == 0:
            assert len(out.names("work/attempts")) == 1  # one mark for the whole task when all goes well
        attempts.begin("b")  # and here the process dies
    attempts = Attempts(out, "task")
    assert [attempts.gave_up(p) for p in ("a", "b", "c")] == [False, True, False]
    assert attempts.deaths("b") == 3
    assert not Attempts(out, "other").gave_up("b")
    attempts.end()
    assert out.names("work/attempts") == []
    assert not Attempts(out, "task").gave_up("b")
