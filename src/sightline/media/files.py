"""Bytes in and out: every way a file can refuse, as one clear error; writes that are whole or absent."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sightline.core.errors import InvalidInputError, MediaError, MediaFormatError, MediaNotFoundError, MediaPermissionError, MediaWriteError
from sightline.media.limits import ImageLimits

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the encoded bytes themselves, or an open binary file."""


def source_name(source: Source) -> str:
    """Return how a source is called in messages."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<stream>"


def open_error(name: str, error: OSError) -> MediaError:
    """Return the error of the tree that says why a file could not be opened or read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MediaNotFoundError(name, "there is no such file")
    if isinstance(error, PermissionError):
        return MediaPermissionError(name, "the file may not be read (permission denied)")
    if isinstance(error, IsADirectoryError):
        return MediaFormatError(name, "is a folder, not a picture or video")
    return MediaFormatError(name, f"cannot be read: {error.strerror or error}")


def read_bytes(source: Source, limits: ImageLimits) -> bytes:
    """Return everything a source holds.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError
        When the file is missing, may not be read, or is a folder or device.
    MediaLimitError
        When it holds more bytes than the limits allow; a regular file is measured before it is read.
    """
    name = source_name(source)
    if isinstance(source, bytes | bytearray | memoryview):
        limits.check_bytes(name, len(source))
        return bytes(source)
    if not isinstance(source, str | os.PathLike):
        return _read_stream(name, source, limits)
    try:
        with Path(source).open("rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                return _read_stream(name, file, limits)
            limits.check_bytes(name, info.st_size)
            return file.read(info.st_size)  # a larger count would be set aside at once, however small the file
    except ValueError as error:
        if isinstance(error, MediaError):
            raise
        raise MediaNotFoundError(name, f"is not a file name ({error})") from error
    except OSError as error:
        if isinstance(error, MediaError):
            raise
        raise open_error(name, error) from error


def _read_stream(name: str, stream: BinaryIO, limits: ImageLimits) -> bytes:
    if not hasattr(stream, "read"):
        raise InvalidInputError(f"expected a path, bytes or an open binary file, got {type(stream).__name__}")
    data = stream.read(limits.max_bytes + 1)
    if not isinstance(data, bytes):
        raise InvalidInputError(f"{name}: expected a file opened in binary mode ('rb'), it gave {type(data).__name__}")
    limits.check_bytes(name, len(data))
    return data


def read_head(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first ``count`` bytes of a file; raises as ``read_bytes`` does."""
    name = source_name(path)
    try:
        with Path(path).open("rb") as file:
            return file.read(count)
    except ValueError as error:
        raise MediaNotFoundError(name, f"is not a file name ({error})") from error
    except OSError as error:
        raise open_error(name, error) from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name in the same folder; on success it replaces ``path`` at once, else it is removed.

    Nothing ever sees half a file: a reader finds the old one or the whole new one.

    Raises
    ------
    MediaWriteError
        When the folder is missing or may not be written, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(target) as part:
    ...     _ = part.write_text("whole")
    >>> target.read_text(), [p.name for p in target.parent.iterdir()]
    ('whole', ['note.txt'])
    """
    target = Path(path)
    part = target.with_name(f".{secrets.token_hex(8)}.part{target.suffix}")
    try:
        yield part
        os.replace(part, target)  # noqa: PTH105 - Path.replace gives the same; the name says what matters here
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, MediaError):
            raise MediaWriteError(path, f"cannot be written: {error.strerror or error}") from error
        raise
