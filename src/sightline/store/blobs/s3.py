"""Files in an S3-compatible object store (AWS, MinIO, Ceph, Garage, …) through boto3."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from sightline.core.errors import InvalidInputError, MissingExtraError, NotFoundError, StoreUnavailableError
from sightline.store.blobs import CHUNK, Between, checked, nothing

__all__ = ["S3Address", "S3Blobs"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

_PART = 16 << 20
_MAX_PARTS = 9_000
_GIB = 1 << 30
_STAYS_S = 1800.0
_GONE = ("404", "NoSuchKey", "NotFound", "NoSuchUpload")


@dataclass(frozen=True)
class S3Address:
    """What ``s3://bucket/prefix?endpoint_url=…&region=…&cache_gib=…`` says.

    Parameters
    ----------
    bucket : str
    prefix : str
        Before every key, ending in ``/``, or empty. It must belong to one Sightline alone.
    endpoint_url : str, optional
        Of a store that is not Amazon's.
    region : str, optional
    cache_gib : float
        Size of the cache on this machine.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    cache_gib: float = 20.0

    @classmethod
    def parse(cls, url: str) -> S3Address:
        """Read an address.

        Raises
        ------
        InvalidInputError
            When it is not one.

        Examples
        --------
        >>> S3Address.parse("s3://films/hall/2?endpoint_url=http%3A%2F%2Flocalhost%3A9000").prefix
        'hall/2/'
        """
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        unknown = sorted(set(options) - {"endpoint_url", "region", "cache_gib"})
        try:
            cache_gib = float(options.get("cache_gib", cls.cache_gib))
        except ValueError:
            cache_gib = -1.0
        if parts.scheme != "s3" or not parts.hostname or unknown or not cache_gib > 0:
            wrong = f" (unknown: {', '.join(unknown)})" if unknown else ""
            raise InvalidInputError(f"expected s3://bucket/prefix?endpoint_url=…&region=…&cache_gib=20, got {url!r}{wrong}")
        prefix = parts.path.strip("/")
        return cls(
            parts.netloc, f"{prefix}/" if prefix else "", options.get("endpoint_url") or None, options.get("region") or None, cache_gib
        )


class S3Blobs:
    """Keeps files as objects of a bucket; those in use lie in a cache folder too.

    Parameters
    ----------
    url : str
        See `S3Address`. Credentials come the standard AWS way: environment, ``~/.aws``, instance role.
    cache : Path
        Folder of the cache.
    part : int
        Size of the parts that larger files are sent in, bytes.
    between : callable
        Is told each step.

    Raises
    ------
    InvalidInputError
        When the address is none, or there is no such bucket.
    StoreUnavailableError
        When the store does not answer, or refuses.
    MissingExtraError
        When boto3 is not installed.
    """

    def __init__(self, url: str, cache: Path, *, part: int = _PART, between: Between = nothing) -> None:
        self._address = S3Address.parse(url)
        self._part = part
        self._between = between
        self._client, self._errors = _client(self._address)
        self._cache = _Cache(cache, int(self._address.cache_gib * _GIB))
        try:
            self._do(lambda: self._client.head_bucket(Bucket=self._address.bucket))
        except NotFoundError:
            raise InvalidInputError(f"there is no bucket {self._address.bucket!r}; make it first") from None

    @property
    def description(self) -> str:
        """What it is, for people."""
        return f"s3://{self._address.bucket}/{self._address.prefix}".rstrip("/")

    def put(self, path: Path, digest: str) -> None:
        """Keep a finished file; see `BlobStore.put`."""
        size = path.stat().st_size
        if size <= self._part:
            self.put_bytes(path.read_bytes(), digest)
        else:
            self._put_parts(path, digest, size)
        self._cache.adopt(path, digest)

    def put_bytes(self, data: bytes, digest: str) -> None:
        """Keep bytes; see `BlobStore.put`."""
        checksum = base64.b64encode(bytes.fromhex(checked(digest))).decode()
        self._do(lambda: self._client.put_object(**self._key(digest), Body=data, ChecksumSHA256=checksum))
        self._between("file is in place")

    def _put_parts(self, path: Path, digest: str, size: int) -> None:
        """Send a file in parts, each with its checksum; the object is there when the last call has answered."""
        key = self._key(digest)
        upload = self._do(lambda: self._client.create_multipart_upload(**key, ChecksumAlgorithm="SHA256"))["UploadId"]
        try:
            sent = self._send_parts(path, key | {"UploadId": upload}, max(self._part, -(-size // _MAX_PARTS)))
            self._between("file is sent in parts")
            self._do(lambda: self._client.complete_multipart_upload(**key, UploadId=upload, MultipartUpload={"Parts": sent}))
        except BaseException:
            with contextlib.suppress(StoreUnavailableError, NotFoundError):
                self._do(lambda: self._client.abort_multipart_upload(**key, UploadId=upload))
            raise
        self._between("file is in place")

    def _send_parts(self, path: Path, upload: dict[str, Any], size: int) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        with path.open("rb") as file:
            while piece := file.read(size):
                number = len(sent) + 1
                checksum = base64.b64encode(hashlib.sha256(piece).digest()).decode()
                call = upload | {"PartNumber": number, "Body": piece, "ChecksumSHA256": checksum}
                answer = self._do(lambda call=call: self._client.upload_part(**call))  # type: ignore[misc]
                sent.append({"ETag": answer["ETag"], "PartNumber": number, "ChecksumSHA256": checksum})
                self._between(f"part {number} is sent")
        return sent

    def open(self, digest: str) -> BinaryIO:
        """Open a file for reading; see `BlobStore.open`."""
        return self.path(digest).open("rb")

    def read(self, digest: str) -> bytes:
        """Return all bytes of a file; see `BlobStore.open`."""
        if cached := self._cache.get(checked(digest)):
            return cached.read_bytes()
        return b"".join(self._stream(digest))

    def path(self, digest: str) -> Path:
        """Return a local copy of a file; see `BlobStore.path`."""
        return self._cache.get(checked(digest)) or self._cache.fill(digest, lambda: self._stream(digest))

    def range(self, digest: str, start: int, end: int) -> Iterator[bytes]:
        """Yield a part of a file; see `BlobStore.range`."""
        if end <= start:
            return iter(())
        return self._stream(digest, Range=f"bytes={start}-{end - 1}")

    def exists(self, digest: str) -> bool:
        """Return whether a file is there."""
        try:
            self._do(lambda: self._client.head_object(**self._key(digest)))
        except NotFoundError:
            return False
        return True

    def delete(self, digest: str) -> None:
        """Delete a file; that it is not there is no error."""
        self._do(lambda: self._client.delete_object(**self._key(digest)))
        self._cache.drop(digest)

    def digests(self, start: str = "") -> Iterator[str]:
        """Yield the digest of every file; see `BlobStore.digests`."""
        where = {"Bucket": self._address.bucket, "Prefix": self._address.prefix + start}
        following = iter(self._client.get_paginator("list_objects_v2").paginate(**where))
        while (page := self._do(lambda: next(following, None))) is not None:
            names = (item["Key"].removeprefix(self._address.prefix) for item in page.get("Contents", ()))
            yield from (name for name in names if len(name) == 64)

    def clear_unfinished(self) -> int:
        """Abort what killed processes left; see `BlobStore.clear_unfinished`."""
        where = {"Bucket": self._address.bucket, "Prefix": self._address.prefix}
        left = self._do(lambda: self._client.list_multipart_uploads(**where)).get("Uploads", [])
        for upload in left:
            call = {"Bucket": self._address.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            with contextlib.suppress(NotFoundError):
                self._do(lambda call=call: self._client.abort_multipart_upload(**call))  # type: ignore[misc]
        return len(left) + self._cache.clear_unfinished()

    def _key(self, digest: str) -> dict[str, Any]:
        return {"Bucket": self._address.bucket, "Key": self._address.prefix + checked(digest)}

    def _stream(self, digest: str, **options: str) -> Iterator[bytes]:
        body = self._do(lambda: self._client.get_object(**self._key(digest), **options))["Body"]

        def pieces() -> Iterator[bytes]:
            with contextlib.closing(body):
                while piece := self._do(lambda: body.read(CHUNK)):
                    yield piece

        return pieces()

    def _do(self, call: Callable[[], T]) -> T:
        """Make one call to the store and translate its errors."""
        try:
            return call()
        except self._errors.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _GONE:
                raise NotFoundError(f"{self.description} has no such file") from error
            raise StoreUnavailableError(f"{self.description} refused ({code or 'no reason given'})") from error
        except (self._errors.BotoCoreError, self._errors.HTTPClientError) as error:
            raise StoreUnavailableError(f"{self.description} does not answer: {error}") from error


class _Cache:
    """Local copies, the least recently used ones dropped when there are too many bytes.

    A copy that was asked for less than half an hour ago stays even then: somebody may be about to open it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max = folder, max_bytes
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, digest: str) -> Path | None:
        path = self._folder / digest
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def adopt(self, path: Path, digest: str) -> None:
        """Share a file that has just been stored: it will be looked at next."""
        with contextlib.suppress(OSError):
            os.link(path, self._folder / digest)
            os.utime(self._folder / digest)
        self._trim()

    def fill(self, digest: str, pieces: Callable[[], Iterator[bytes]]) -> Path:
        """Download a file, once however many ask for it, and check that it is the right one."""
        with self._guard:
            lock = self._locks.setdefault(digest, threading.Lock())
        try:
            with lock:
                return self.get(digest) or self._download(digest, pieces())
        finally:
            with self._guard:
                self._locks.pop(digest, None)

    def _download(self, digest: str, pieces: Iterator[bytes]) -> Path:
        temporary, path = self._folder / f"{digest}.{uuid4().hex}", self._folder / digest
        digesting = hashlib.sha256()
        try:
            with temporary.open("xb") as file:
                for piece in pieces:
                    digesting.update(piece)
                    file.write(piece)
            if digesting.hexdigest() != digest:
                raise StoreUnavailableError(f"the object store delivered other bytes than those of {digest}")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._trim()
        return path

    def drop(self, digest: str) -> None:
        (self._folder / digest).unlink(missing_ok=True)

    def clear_unfinished(self) -> int:
        left = [path for path in self._folder.iterdir() if "." in path.name]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _trim(self) -> None:
        with self._guard:
            entries = []
            for path in self._folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    entries.append((stat.st_mtime, stat.st_size, path))
            surplus = sum(size for _, size, _ in entries) - self._max
            for used, size, path in sorted(entries):
                if surplus <= 0 or used > time.time() - _STAYS_S:
                    return
                path.unlink(missing_ok=True)
                surplus -= size


def _client(address: S3Address) -> tuple[Any, Any]:
    try:
        import boto3
        import botocore.exceptions
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtraError("server", "keeping media in an object store") from error
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,
        retries={"mode": "standard", "max_attempts": 3},
        request_checksum_calculation="when_required",  # we send sha256 ourselves; trailers are unknown to many stores
        response_checksum_validation="when_required",
    )
    try:
        client = boto3.client("s3", endpoint_url=address.endpoint_url, region_name=address.region, config=config)
    except (ValueError, botocore.exceptions.BotoCoreError) as error:
        raise InvalidInputError(f"the object store cannot be used: {error}") from error
    return client, botocore.exceptions
