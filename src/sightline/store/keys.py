"""Secrets of this installation: files beside the database, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sightline.core.errors import InvalidInputError

KEY_BYTES = 32


def read_key(path: Path) -> bytes:
    """Return the key in a file, made at first use.

    Parameters
    ----------
    path : Path
        Such as ``keys/audit.key``; its folder is made when it is not there.

    Returns
    -------
    bytes
        32 random bytes, the same at every call.

    Raises
    ------
    InvalidInputError
        When the file holds something else; it is never overwritten.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "keys" / "a.key"
    >>> read_key(path) == read_key(path)
    True
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(path, secrets.token_bytes(KEY_BYTES))
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise InvalidInputError(f"{path}: expected a key of {KEY_BYTES} bytes, got {len(key)}; restore it from a backup")
    return key


def _write(path: Path, key: bytes) -> None:
    """Write a key whole or not at all; of two who write at once, the first one's key stays."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
