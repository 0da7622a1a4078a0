"""Where files are kept: each one under the sha256 of its bytes, in a folder or in an S3-compatible object store.

A file is there whole or not at all. What is kept and why is written in the table ``blobs``; `sightline.store.media` is the only
caller that puts and deletes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from sightline.core.errors import InvalidInputError

__all__ = ["Between", "BlobStore", "digest_of_file", "open_blobs"]

Between = Callable[[str], None]
"""Is told the name of each step when it is done; tests end the process there."""

CHUNK = 1 << 18
_DIGEST = re.compile("[0-9a-f]{64}")


class BlobStore(Protocol):
    """Files by the sha256 of their bytes (64 hexadecimal digits)."""

    @property
    def description(self) -> str:
        """What it is, for people: ``local folder``, ``s3://bucket/prefix``."""

    def put(self, path: Path, digest: str) -> None:
        """Keep a finished file. It stays where it is, and nobody may write to it any more: the store may share its bytes.

        Parameters
        ----------
        path : Path
            A file of the spool folder.
        digest : str
            The sha256 of its bytes, which the caller has computed.

        Raises
        ------
        OSError
            With ``ENOSPC`` when the disk is full; nothing is half there then.
        StoreUnavailableError
            When an object store does not answer.
        """

    def put_bytes(self, data: bytes, digest: str) -> None:
        """Keep bytes; raises as `put` does."""

    def open(self, digest: str) -> BinaryIO:
        """Open a file for reading.

        Raises
        ------
        NotFoundError
            When it is not there.
        StoreUnavailableError
            When an object store does not answer.
        """

    def read(self, digest: str) -> bytes:
        """Return all bytes of a file; raises as `open` does."""

    def path(self, digest: str) -> Path:
        """Return where a file can be read on this machine; raises as `open` does.

        An object store downloads it into a cache of bounded size, where it stays for half an hour at least.
        """

    def range(self, digest: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to before ``end`` in pieces; raises as `open` does, at once."""

    def exists(self, digest: str) -> bool:
        """Return whether a file is there."""

    def delete(self, digest: str) -> None:
        """Delete a file; that it is not there is no error."""

    def digests(self, start: str = "") -> Iterator[str]:
        """Yield the digest of every file, in no order; of those alone that begin with two hexadecimal digits."""

    def clear_unfinished(self) -> int:
        """Delete what killed processes left of files that were being put, and return how many. Nobody may be putting meanwhile."""


def open_blobs(url: str | None, data: Path) -> BlobStore:
    """Return the store that a server keeps its files in.

    Parameters
    ----------
    url : str, optional
        ``s3://bucket/prefix?endpoint_url=…&region=…&cache_gib=20``; None for the folder ``media`` of the data folder.
    data : Path
        The data folder; an object store's cache is its folder ``cache``.

    Raises
    ------
    InvalidInputError
        When it is not such an address, or there is no such bucket.
    StoreUnavailableError
        When the object store does not answer.
    MissingExtraError
        When boto3 is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> blobs = open_blobs(None, pathlib.Path(tempfile.mkdtemp()))
    >>> blobs.put_bytes(b"abc", digest_of(b"abc"))
    >>> blobs.read(digest_of(b"abc"))
    b'abc'
    """
    if url is None:
        from sightline.store.blobs.local import LocalBlobs

        return LocalBlobs(data / "media")
    if not url.startswith("s3://"):
        raise InvalidInputError(f"expected an address such as s3://bucket/prefix?endpoint_url=https://host for media, got {url!r}")
    from sightline.store.blobs.s3 import S3Blobs

    return S3Blobs(url, data / "cache")


def digest_of(data: bytes) -> str:
    """Return the digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(digest: str) -> str:
    """Return a digest that is one.

    Raises
    ------
    InvalidInputError
        When it is not 64 hexadecimal digits.
    """
    if not _DIGEST.fullmatch(digest):
        raise InvalidInputError(f"expected a sha256 of 64 hexadecimal digits, got {digest!r}")
    return digest


def nothing(step: str) -> None:
    """Do nothing between steps."""
