"""Folders and buckets behave alike."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sightline.analysis.archive.places import ArchiveFile, Place, fetched, list_files, place
from sightline.core.errors import (
    InvalidInputError,
    MediaError,
    MediaFormatError,
    MediaNotFoundError,
    MediaPermissionError,
    MediaWriteError,
    MissingExtraError,
)


@pytest.fixture(params=["folder", "bucket"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "out") if request.param == "folder" else request.getfixturevalue("s3").fresh("deep/out")


def put(where: Place, name: str, data: bytes) -> None:
    with where.replacing(name) as target:
        target.write_bytes(data)


def test_what_is_written_is_read_listed_and_removed(address: str) -> None:
    where = place(address)
    assert where.names("") == where.names("records") == []
    put(where, "archive.json", b"{}")
    put(where, "records/b.parquet", b"2")
    put(where, "records/a.parquet", b"1")
    put(where, "records/a.parquet", b"one")
    put(where, "records2/c", b"3")
    assert where.read("records/a.parquet") == b"one"
    assert [where.holds(f"records/{name}") for name in ("a.parquet", "a", "c", "a.parquet2")] == [True, False, False, False]
    assert where.names("records") == ["a.parquet", "b.parquet"]
    assert "archive.json" in where.names("")
    where.delete("records/a.parquet")
    where.delete("records/a.parquet")
    assert where.names("records") == ["b.parquet"]
    put(where, "records/deeper/d", b"4")
    where.clear("records")
    where.clear("records")
    assert where.names("records") == where.names("records/deeper") == []
    assert where.names("records2") == ["c"]


def test_a_write_that_fails_leaves_what_was_there(address: str) -> None:
    where = place(address)
    put(where, "part", b"whole")

    def fail() -> None:
        with where.replacing("part") as target:
            target.write_bytes(b"ha")
            raise KeyError("killed")

    with pytest.raises(KeyError):
        fail()
    assert where.read("part") == b"whole"
    assert where.names("") == ["part"]


def test_a_place_that_cannot_be_written_to_says_so(tmp_path: Path, s3) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MediaWriteError, match="file"), place(str(tmp_path / "file")).replacing("records/a"):
        pass
    gone = s3.fresh().replace("s3://test-", "s3://no-such-")
    with pytest.raises(MediaWriteError, match="the store refused"), place(gone).replacing("records/a") as target:
        target.write_bytes(b"")


def upload(s3, address: str, names: dict[str, bytes]) -> str:
    bucket = address.removeprefix("s3://").partition("/")[0]
    for name, data in names.items():
        s3.client.put_object(Bucket=bucket, Key=name, Body=data)
    return bucket


def test_a_bucket_is_listed_by_the_endings_of_names(s3) -> None:
    address = s3.fresh("archive")
    names = [
        "archive/a.jpg",
        "archive/deep/b.MP4",
        "archive/notes.txt",
        "archive/.hidden/c.jpg",
        "archive/out/records/d.jpg",
        "archived/e.jpg",
    ]
    bucket = upload(s3, address, dict.fromkeys(names, b"12345"))
    base, _, query = address.partition("?")
    found = list(list_files((address,), f"{base}/out?{query}"))
    assert [f.path for f in found if isinstance(f, ArchiveFile)] == [f"s3://{bucket}/archive/a.jpg", f"s3://{bucket}/archive/deep/b.MP4"]
    assert {f.size_bytes for f in found if isinstance(f, ArchiveFile)} == {5}
    [one] = list_files((f"s3://{bucket}/archive/deep/b.MP4?{query}",), "out")
    assert isinstance(one, ArchiveFile)
    with fetched(one) as path:
        assert path.read_bytes() == b"12345"
    assert not path.exists()


def test_a_file_that_changed_or_went_is_not_given(s3, tmp_path: Path) -> None:
    address = s3.fresh("a.jpg")
    bucket = upload(s3, address, {"a.jpg": b"first"})
    local = tmp_path / "a.jpg"
    local.write_bytes(b"first")
    [one, two] = list_files((address, str(local)), "out")
    assert isinstance(one, ArchiveFile)
    assert isinstance(two, ArchiveFile)
    s3.client.put_object(Bucket=bucket, Key="a.jpg", Body=b"second!")
    local.write_bytes(b"second!")
    for file in (one, two):
        with pytest.raises(MediaFormatError, match=r"changed.*run again"), fetched(file):
            pass
    s3.client.delete_object(Bucket=bucket, Key="a.jpg")
    local.unlink()
    for file in (one, two):
        with pytest.raises(MediaNotFoundError), fetched(file):
            pass


def test_what_cannot_be_listed_is_an_error_of_its_own(s3, tmp_path: Path) -> None:
    empty, gone = s3.fresh("nothing"), s3.fresh().replace("s3://test-", "s3://no-such-")
    found = list(list_files((empty, gone, str(tmp_path / "none"), "-"), "out"))
    assert [type(f) for f in found] == [MediaNotFoundError, MediaNotFoundError, MediaNotFoundError, MediaFormatError]
    silent = "s3://bucket/x?endpoint_url=http%3A%2F%2F127.0.0.1%3A9&region=us-east-1"
    [refused] = list_files((silent,), "out")
    assert isinstance(refused, MediaPermissionError)
    with pytest.raises(InvalidInputError, match="s3://bucket/folder"):
        list(list_files(("s3://",), "out"))


def test_a_folder_is_listed_as_analyze_lists_it(pictures: Path) -> None:
    found = list(list_files((str(pictures), str(pictures)), "out"))
    assert not any(isinstance(f, MediaError) for f in found)
    assert sorted(os.path.relpath(f.address, pictures) for f in found if isinstance(f, ArchiveFile)) == sorted(
        ["broken.jpg", *(f"{'deep/' if n % 2 else ''}face{n}.png" for n in range(7)), *(f"none{n}.png" for n in range(3))]
    )


def test_without_boto3_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from sightline.analysis.archive import places

    monkeypatch.setitem(sys.modules, "boto3", None)
    places._s3.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'sightline\[cluster\]'"):
        place("s3://bucket/x")
