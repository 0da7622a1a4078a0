"""Where an archive lies and where its results go: a folder, or a bucket that speaks S3. Writes are whole or absent."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import parse_qsl

from sightline.analysis.inputs import Input, discover, is_wanted_name
from sightline.core.errors import (
    InvalidInputError,
    MediaError,
    MediaFormatError,
    MediaNotFoundError,
    MediaPermissionError,
    MediaWriteError,
    MissingExtraError,
    display_name,
)
from sightline.media.files import open_error, replacing

_SCHEME = "s3://"
_ADDRESS = re.compile(r"s3://([^/?]+)(?:/(.*?))?(\?(?:endpoint_url|region)=.*)?", re.DOTALL)
_GONE = ("404", "NoSuchKey", "NoSuchBucket")
_REFUSED = ("401", "403", "AccessDenied")
_CHANGED = ("412", "PreconditionFailed")


@dataclass(frozen=True)
class ArchiveFile:
    """One file of an archive, as it was when it was listed.

    Parameters
    ----------
    address : str
        Path or ``s3://bucket/key``: opens it.
    path : str
        The same, printable: names it in the results.
    size_bytes : int
    stamp : str
        Changes when the content does: the store's ETag, or size and time of the last change.
    """

    address: str
    path: str
    size_bytes: int
    stamp: str


class Place(Protocol):
    """A folder or bucket that results are written to."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, without the folder; none when it is not there."""

    def holds(self, name: str) -> bool:
        """Return whether a file is there."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""

    def replacing(self, name: str) -> Any:
        """Return a context manager that gives a local path to write to; when it ends well the file is there at once."""

    def delete(self, name: str) -> None:
        """Remove a file that may be there."""

    def clear(self, folder: str) -> None:
        """Remove a folder that may be there, with all that is in it."""


def is_bucket(address: str) -> bool:
    """Return whether an address is one of an object store.

    Examples
    --------
    >>> is_bucket("s3://archive/2026"), is_bucket("archive")
    (True, False)
    """
    return address.startswith(_SCHEME)


def place(address: str) -> Place:
    """Return the place at an address."""
    return Bucket(address) if is_bucket(address) else Folder(address)


def list_files(addresses: tuple[str, ...], out: str) -> Iterator[ArchiveFile | MediaError]:
    """List the pictures and videos at folders, files and ``s3://`` addresses; what cannot be listed comes as the error that says why.

    Parameters
    ----------
    addresses : tuple of str
    out : str
        Where results go; passed over.

    Raises
    ------
    InvalidInputError
        When a bucket's address has no bucket.
    """
    for address in dict.fromkeys(addresses):
        if is_bucket(address):
            yield from Bucket(address).files(passing_over=out)
        else:
            for found in discover([address], None if is_bucket(out) else Path(out)):
                yield found if isinstance(found, MediaError) else _listed(found)


def _listed(found: Input) -> ArchiveFile | MediaError:
    if found.path is None:
        return MediaFormatError(found.shown, "an archive cannot come through a pipe; name a folder or an s3:// address")
    try:
        facts = found.path.stat()
    except OSError as error:
        return open_error(found.shown, error)
    return ArchiveFile(os.fspath(found.path), found.shown, facts.st_size, f"{facts.st_size}-{facts.st_mtime_ns}")


@contextmanager
def fetched(file: ArchiveFile) -> Iterator[Path]:
    """Give a local path with the bytes of a file, as long as the block lasts.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError
        When it has gone or changed since it was listed, or cannot be read.
    """
    if is_bucket(file.address):
        with Bucket(file.address).download(file) as path:
            yield path
        return
    path = Path(file.address)
    now = _listed(Input(path, file.path, ""))
    if isinstance(now, MediaError):
        raise now
    if now.stamp != file.stamp:
        raise MediaFormatError(file.path, "was changed while the archive was being looked at; run again")
    yield path


class Folder:
    """Results in a folder.

    Parameters
    ----------
    address : str
        Its path; it is made when it is not there.
    """

    def __init__(self, address: str) -> None:
        self._root = Path(address)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder; those in the making begin with a dot and are left out."""
        try:
            return sorted(p.name for p in (self._root / folder).iterdir() if not p.name.startswith("."))
        except FileNotFoundError:
            return []

    def holds(self, name: str) -> bool:
        """Return whether a file is there."""
        return (self._root / name).exists()

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return (self._root / name).read_bytes()

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Give a path beside the file that takes its place in the end."""
        target = self._root / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaWriteError(target, f"cannot be written: {error.strerror or error}") from error
        with replacing(target) as part:
            yield part

    def delete(self, name: str) -> None:
        """Remove a file that may be there."""
        (self._root / name).unlink(missing_ok=True)

    def clear(self, folder: str) -> None:
        """Remove a folder that may be there, with all that is in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._root / folder)


class Bucket:
    """Files or results under ``s3://bucket/prefix``.

    Credentials come from the environment, as in every program that uses boto3. A store that is not Amazon's is named by
    ``AWS_ENDPOINT_URL`` there, or by the address itself: ``s3://bucket/folder?endpoint_url=http%3A%2F%2Fhost%3A9000&region=x``.

    Raises
    ------
    InvalidInputError
        When the address names no bucket.
    MissingExtraError
        When boto3 is not installed.
    """

    def __init__(self, address: str) -> None:
        parts = _ADDRESS.fullmatch(address)
        if parts is None:
            raise InvalidInputError(f"{address}: expected s3://bucket/folder")
        self._bucket, self._prefix, self._query = parts[1], parts[2] or "", parts[3] or ""
        where = dict(parse_qsl(self._query.removeprefix("?")))
        self._client, self._errors = _s3(where.get("endpoint_url"), where.get("region"))

    def files(self, passing_over: str) -> Iterator[ArchiveFile | MediaError]:
        """List pictures and videos by their names' endings; hidden ones and the results themselves are passed over."""
        shown = f"{_SCHEME}{self._bucket}/{self._prefix}"
        own = passing_over.partition("?")[0].rstrip("/") + "/"
        any_found = False
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
                for entry in page.get("Contents", ()):
                    key = entry["Key"]
                    if not (key == self._prefix or not self._prefix or key.startswith(self._prefix.rstrip("/") + "/")):
                        continue
                    any_found = True
                    path = f"{_SCHEME}{self._bucket}/{key}"
                    hidden = any(part.startswith(".") for part in PurePosixPath(key.removeprefix(self._prefix)).parts)
                    if is_wanted_name(key) and not hidden and not path.startswith(own):
                        yield ArchiveFile(path + self._query, display_name(path), entry["Size"], entry["ETag"])
        except self._errors as error:
            yield _media_error(shown, error)
            return
        if not any_found:
            yield MediaNotFoundError(shown, "there is nothing of that name in the bucket")

    @contextmanager
    def download(self, file: ArchiveFile) -> Iterator[Path]:
        """Give a temporary copy of a file."""
        with tempfile.TemporaryDirectory(prefix="sightline-") as folder:
            path = Path(folder) / "file"
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=self._prefix, IfMatch=file.stamp)["Body"]
                with body, path.open("wb") as copy:
                    shutil.copyfileobj(body, copy, 1 << 20)
            except self._errors as error:
                raise _media_error(file.path, error) from error
            yield path

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""
        start = f"{self._key(folder)}/".lstrip("/")
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start, Delimiter="/")
        with self._writing(folder):
            return sorted(entry["Key"].removeprefix(start) for page in pages for entry in page.get("Contents", ()))

    def holds(self, name: str) -> bool:
        """Return whether a file is there."""
        with self._writing(name):
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(name), MaxKeys=1).get("Contents", ())
        return any(entry["Key"] == self._key(name) for entry in found)

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        with self._writing(name):
            data: bytes = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"].read()
            return data

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Give a temporary path that is uploaded in the end; a store shows an object once all of it is there."""
        with tempfile.TemporaryDirectory(prefix="sightline-") as folder:
            path = Path(folder) / "part"
            yield path
            with self._writing(name):
                self._client.upload_file(str(path), self._bucket, self._key(name))

    def delete(self, name: str) -> None:
        """Remove a file that may be there."""
        with self._writing(name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def clear(self, folder: str) -> None:
        """Remove everything in a folder."""
        with self._writing(folder):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._key(folder) + "/"):
                for entry in page.get("Contents", ()):
                    self._client.delete_object(Bucket=self._bucket, Key=entry["Key"])

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self._prefix.strip("/"), name) if part)

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise MediaWriteError(f"{_SCHEME}{self._bucket}/{self._key(name)}", f"the store refused: {error}") from error


@lru_cache(maxsize=8)
def _s3(endpoint_url: str | None, region: str | None) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return the process's client of a store, and what it raises."""
    try:
        import boto3
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise MissingExtraError("cluster", "an s3:// address") from error
    return boto3.client("s3", endpoint_url=endpoint_url, region_name=region), (BotoCoreError, ClientError, Boto3Error)


def _media_error(shown: str, error: Any) -> MediaError:
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
    if code in _GONE:
        return MediaNotFoundError(shown, "there is no such bucket or file")
    if code in _REFUSED:
        return MediaPermissionError(shown, "may not be read; check the credentials in the environment")
    if code in _CHANGED:
        return MediaFormatError(shown, "was changed while the archive was being looked at; run again")
    return MediaPermissionError(shown, f"the store does not give it: {error}")
