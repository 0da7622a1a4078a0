"""Small pictures of what is kept: a cache of files that can be made again, and that go with what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

__all__ = ["SIZES", "Thumbnails"]

SIZES = (128, 256, 512, 1024)
"""Longest sides, pixels."""

_NAME = re.compile("([0-9a-f]{64})-([0-9]+)")


class Thumbnails:
    """A folder of small pictures: ``ab/DIGEST-SIZE``.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @staticmethod
    def size_for(wanted_px: int) -> int:
        """Return the size that is made for a wish: the smallest that is large enough.

        Examples
        --------
        >>> [Thumbnails.size_for(px) for px in (1, 256, 257, 1024)]
        [128, 256, 512, 1024]
        """
        return next((size for size in SIZES if size >= wanted_px), SIZES[-1])

    def get(self, digest: str, size: int) -> bytes | None:
        """Return a small picture, None when it was not made yet."""
        try:
            return self._path(digest, size).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, digest: str, size: int, data: bytes) -> None:
        """Keep a small picture.

        Raises
        ------
        OSError
            When it cannot be written; nothing is half there.
        """
        path = self._path(digest, size)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        temporary = path.with_name(uuid4().hex)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def forget(self, digest: str) -> None:
        """Delete the small pictures of a file."""
        for size in SIZES:
            self._path(digest, size).unlink(missing_ok=True)

    def files(self) -> Iterator[tuple[Path, str | None]]:
        """Yield each file and the digest of what it shows; None for what a killed process left."""
        for path in self._folder.glob("??/*"):
            name = _NAME.fullmatch(path.name)
            yield path, name[1] if name else None

    def _path(self, digest: str, size: int) -> Path:
        return self._folder / digest[:2] / f"{digest}-{size}"
