"""Files in a folder: ``ab/abcdef…``, by the first two digits of their digest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from sightline.core.errors import NotFoundError
from sightline.store.blobs import CHUNK, Between, checked, nothing

__all__ = ["LocalBlobs"]


class LocalBlobs:
    """Keeps files in a folder.

    A file gets its final name in one step (a link or a rename) after its bytes are on the disk.

    Parameters
    ----------
    folder : Path
        Made when it is not there. Best on the same file system as the spool folder, so that nothing is copied.
    between : callable
        Is told each step.

    Examples
    --------
    >>> import hashlib, pathlib, tempfile
    >>> blobs = LocalBlobs(pathlib.Path(tempfile.mkdtemp()) / "media")
    >>> digest = hashlib.sha256(b"abc").hexdigest()
    >>> blobs.put_bytes(b"abc", digest)
    >>> list(blobs.digests()) == [digest], list(blobs.range(digest, 1, 3))
    (True, [b'bc'])
    """

    def __init__(self, folder: Path, *, between: Between = nothing) -> None:
        self._folder = folder
        self._unfinished = folder / "unfinished"
        self._between = between
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._unfinished.mkdir(exist_ok=True, mode=0o700)
        self._shelves: set[Path] = set()

    @property
    def description(self) -> str:
        """What it is, for people."""
        return "local folder"

    def put(self, path: Path, digest: str) -> None:
        """Keep a finished file; see `BlobStore.put`."""
        target = self._shelf(digest) / digest
        with path.open("rb") as file:
            os.fsync(file.fileno())
        try:
            os.link(path, target)
        except FileExistsError:
            pass  # the same bytes, whole
        except OSError:  # another file system, or one without links
            self._finish(target, lambda temporary: shutil.copyfile(path, temporary))
        self._between("file is in place")
        sync_folder(target.parent)

    def put_bytes(self, data: bytes, digest: str) -> None:
        """Keep bytes; see `BlobStore.put`."""
        target = self._shelf(digest) / digest
        self._finish(target, lambda temporary: temporary.write_bytes(data))
        self._between("file is in place")
        sync_folder(target.parent)

    def open(self, digest: str) -> BinaryIO:
        """Open a file for reading; see `BlobStore.open`."""
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"the media folder has no file {digest}") from None

    def read(self, digest: str) -> bytes:
        """Return all bytes of a file; see `BlobStore.open`."""
        with self.open(digest) as file:
            return file.read()

    def path(self, digest: str) -> Path:
        """Return where a file is; see `BlobStore.path`."""
        path = self._path(digest)
        if not path.is_file():
            raise NotFoundError(f"the media folder has no file {digest}")
        return path

    def range(self, digest: str, start: int, end: int) -> Iterator[bytes]:
        """Yield a part of a file; see `BlobStore.range`."""
        return _pieces(self.open(digest), start, end)

    def exists(self, digest: str) -> bool:
        """Return whether a file is there."""
        return self._path(digest).is_file()

    def delete(self, digest: str) -> None:
        """Delete a file; that it is not there is no error."""
        path = self._path(digest)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)

    def digests(self, start: str = "") -> Iterator[str]:
        """Yield the digest of every file; see `BlobStore.digests`."""
        for shelf in self._folder.iterdir():
            if len(shelf.name) == 2 and shelf.name.startswith(start):
                yield from (path.name for path in shelf.iterdir())

    def clear_unfinished(self) -> int:
        """Delete what killed processes left; see `BlobStore.clear_unfinished`."""
        left = list(self._unfinished.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, digest: str) -> Path:
        return self._folder / checked(digest)[:2] / digest

    def _shelf(self, digest: str) -> Path:
        shelf = self._path(digest).parent
        if shelf not in self._shelves:
            shelf.mkdir(exist_ok=True, mode=0o700)
            sync_folder(self._folder)
            self._shelves.add(shelf)
        return shelf

    def _finish(self, target: Path, write: Callable[[Path], object]) -> None:
        """Write a file beside the others and give it its name when all of it is on the disk."""
        temporary = self._unfinished / uuid4().hex
        try:
            write(temporary)
            self._between("file is written")
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(CHUNK, end - start))):
            start += len(piece)
            yield piece
