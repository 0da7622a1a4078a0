from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.object_store import TestStore

from sightline.core.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from sightline.store.blobs import BlobStore, digest_of, open_blobs
from sightline.store.blobs.local import LocalBlobs
from sightline.store.blobs.s3 import S3Address, S3Blobs

MIB = 1 << 20


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def spooled(folder: Path, data: bytes) -> tuple[Path, str]:
    path = folder / "a.part"
    path.write_bytes(data)
    return path, digest_of(data)


def test_what_is_put_is_there_and_can_be_read_in_every_way(blobs: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(700_000)
    path, digest = spooled(tmp_path, data)
    assert not blobs.exists(digest)
    blobs.put(path, digest)
    blobs.put(path, digest)
    assert path.read_bytes() == data
    path.unlink()
    assert blobs.exists(digest)
    assert list(blobs.digests()) == [digest]
    assert blobs.read(digest) == data == blobs.path(digest).read_bytes()
    with blobs.open(digest) as file:
        file.seek(10)
        assert file.read(5) == data[10:15]
    for start, end in ((0, 700_000), (1, 2), (699_999, 700_000), (100_000, 600_001), (5, 5), (699_000, 800_000)):
        assert b"".join(blobs.range(digest, start, end)) == data[start:end]
    blobs.delete(digest)
    blobs.delete(digest)
    assert not blobs.exists(digest)
    assert list(blobs.digests()) == []


def test_bytes_are_kept_too_and_nothing_else_is_left(blobs: BlobStore, tmp_path: Path) -> None:
    contents = [b"", b"a", os.urandom(70_000)]
    for data in contents:
        blobs.put_bytes(data, digest_of(data))
    assert sorted(blobs.digests()) == sorted(map(digest_of, contents))
    assert [blobs.read(digest_of(data)) for data in contents] == contents
    assert blobs.clear_unfinished() == 0


def test_what_is_not_there_is_a_clear_error_at_once(blobs: BlobStore) -> None:
    for ask in (blobs.open, blobs.read, blobs.path, lambda digest: blobs.range(digest, 0, 1)):
        with pytest.raises(NotFoundError):
            ask("0" * 64)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "/" * 64])
def test_only_digests_name_files(blobs: BlobStore, digest: str) -> None:
    for ask in (blobs.open, blobs.read, blobs.path, blobs.exists, blobs.delete, lambda digest: blobs.put_bytes(b"", digest)):
        with pytest.raises(InvalidInputError, match="sha256"):
            ask(digest)


def test_a_local_file_is_shared_not_copied_and_private(tmp_path: Path) -> None:
    path, digest = spooled(tmp_path, b"abc")
    os.chmod(path, 0o600)  # noqa: PTH101
    blobs = LocalBlobs(tmp_path / "media")
    blobs.put(path, digest)
    assert blobs.path(digest).stat().st_ino == path.stat().st_ino
    assert (tmp_path / "media").stat().st_mode & 0o077 == 0


def test_without_links_a_local_file_is_copied_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(95, "links are not supported here")

    monkeypatch.setattr(os, "link", refuse)
    stopped: Callable[[str], None] = lambda step: (_ for _ in ()).throw(OSError(28, "full")) if step == "file is written" else None  # noqa: E731
    path, digest = spooled(tmp_path, b"abc" * 100)
    failing = LocalBlobs(tmp_path / "media", between=stopped)
    with pytest.raises(OSError, match="full"):
        failing.put(path, digest)
    assert files_under(tmp_path / "media") == []
    blobs = LocalBlobs(tmp_path / "media")
    blobs.put(path, digest)
    assert blobs.read(digest) == b"abc" * 100
    assert [p.name for p in files_under(tmp_path / "media")] == [digest]


def test_large_files_go_to_an_object_store_in_parts_with_checksums(s3: TestStore, tmp_path: Path) -> None:
    data = os.urandom(11 * MIB + 17)
    path, digest = spooled(tmp_path, data)
    steps: list[str] = []
    blobs = S3Blobs(s3.fresh(), tmp_path / "cache", part=5 * MIB, between=steps.append)
    blobs.put(path, digest)
    assert steps == ["part 1 is sent", "part 2 is sent", "part 3 is sent", "file is sent in parts", "file is in place"]
    (tmp_path / "cache" / digest).unlink()
    assert blobs.read(digest) == data
    assert hashlib.sha256(blobs.path(digest).read_bytes()).hexdigest() == digest


def test_an_upload_in_parts_that_fails_leaves_nothing(s3: TestStore, tmp_path: Path) -> None:
    path, digest = spooled(tmp_path, os.urandom(6 * MIB))
    url = s3.fresh()

    def stop(step: str) -> None:
        raise OSError(5, step)

    with pytest.raises(OSError, match="part 1"):
        S3Blobs(url, tmp_path / "cache", part=5 * MIB, between=stop).put(path, digest)
    blobs = S3Blobs(url, tmp_path / "cache", part=5 * MIB)
    assert not blobs.exists(digest)
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=S3Address.parse(url).bucket)
    s3.client.create_multipart_upload(Bucket=S3Address.parse(url).bucket, Key=f"sightline/media/{digest}")
    s3.client.create_multipart_upload(Bucket=S3Address.parse(url).bucket, Key="somebody/else")
    assert blobs.clear_unfinished() == 1


def test_two_stores_in_one_bucket_do_not_see_each_other(s3: TestStore, tmp_path: Path) -> None:
    url = s3.fresh("one")
    one, other = S3Blobs(url, tmp_path / "1"), S3Blobs(url.replace("/one?", "/two?"), tmp_path / "2")
    one.put_bytes(b"a", digest_of(b"a"))
    assert list(other.digests()) == []
    assert len(list(one.digests())) == 1


def test_the_cache_is_bounded_and_keeps_what_is_in_use(s3: TestStore, tmp_path: Path) -> None:
    blobs = S3Blobs(s3.fresh() + "&cache_gib=0.001", tmp_path / "cache")
    contents = [os.urandom(600_000) for _ in range(4)]
    for data in contents:
        blobs.put_bytes(data, digest_of(data))
    for data in contents[:3]:
        assert blobs.path(digest_of(data)).read_bytes() == data
    assert len(files_under(tmp_path / "cache")) == 3, "copies asked for just now stay, though they are more than a mebibyte"
    long_ago = time.time() - 7200
    for age, data in enumerate(contents[:3]):
        os.utime(tmp_path / "cache" / digest_of(data), (long_ago + age, long_ago + age))
    blobs.path(digest_of(contents[0]))
    blobs.path(digest_of(contents[3]))
    assert {p.name for p in files_under(tmp_path / "cache")} == {digest_of(contents[0]), digest_of(contents[3])}


def test_a_file_that_many_ask_for_is_downloaded_once(s3: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = S3Blobs(s3.fresh(), tmp_path / "cache")
    data = os.urandom(MIB)
    blobs.put_bytes(data, digest_of(data))
    asked: list[str] = []
    stream = blobs._stream
    monkeypatch.setattr(blobs, "_stream", lambda digest: asked.append(digest) or stream(digest))
    threads = [threading.Thread(target=blobs.path, args=(digest_of(data),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [digest_of(data)]


def test_other_bytes_than_asked_for_are_noticed(s3: TestStore, tmp_path: Path) -> None:
    url = s3.fresh()
    blobs = S3Blobs(url, tmp_path / "cache")
    s3.client.put_object(Bucket=S3Address.parse(url).bucket, Key=f"sightline/media/{'0' * 64}", Body=b"something else")
    with pytest.raises(StoreUnavailableError, match="other bytes"):
        blobs.path("0" * 64)
    assert files_under(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "url",
    ["http://a/b", "s3://", "s3:///prefix", "s3://bucket?regoin=x", "s3://bucket?cache_gib=0", "s3://bucket?cache_gib=nan", "b"],
)
def test_addresses_that_are_none_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="s3://"):
        open_blobs(url, tmp_path)


def test_a_bucket_must_be_there_and_the_store_must_answer(s3: TestStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no bucket"):
        open_blobs(f"s3://not-there?endpoint_url={s3.endpoint}", tmp_path)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        open_blobs("s3://bucket?endpoint_url=http://127.0.0.1:9", tmp_path)
