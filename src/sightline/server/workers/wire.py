"""Messages between the server and a worker process: JSON and raw bytes, so that reading one can run nobody's code.

A message is 12 bytes (length of the JSON, length of the bytes; little-endian), the JSON, the bytes. Values of type bytes,
at the top level of a request's arguments or of an answer, lie one after the other in the bytes; in the JSON stands
``{"$bytes": length}`` for each.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from sightline.core import errors
from sightline.core.errors import SightlineError, WorkerCrashedError, WorkerMemoryError

HEAD = struct.Struct("<IQ")
_MARK = "$bytes"
_PLAIN = (str, int, float, bool, type(None))
_ABOUT_SOMETHING = (errors.MediaError, errors.ModelError, errors.WorkerError, errors.MissingExtraError)
"""Errors that are made of what they are about and the message; the others of the message."""

Raw = bytes | bytearray | memoryview


class Source(Protocol):
    """Whatever bytes come out of."""

    def read(self, count: int, /) -> bytes:
        """Return up to that many bytes."""


class BrokenMessageError(Exception):
    """What came is no message; the other side is not to be trusted any longer."""


def encode(message: Mapping[str, Any]) -> list[Raw]:
    """Return the parts of a message, to be written one after the other (bytes are not copied).

    Examples
    --------
    >>> import io
    >>> parts = encode({"task": "look", "data": b"abc"})
    >>> read(io.BytesIO(b"".join(parts)), 1000)
    {'task': 'look', 'data': b'abc'}
    """
    raw: list[Raw] = []
    plain = {}
    for key, value in message.items():
        if isinstance(value, bytes | bytearray | memoryview):
            raw.append(value)
            value = {_MARK: memoryview(value).nbytes}
        plain[key] = value
    text = json.dumps(plain, default=_plain, separators=(",", ":")).encode()
    return [HEAD.pack(len(text), sum(memoryview(part).nbytes for part in raw)) + text, *raw]


def write(target: BinaryIO, parts: Iterable[Raw]) -> None:
    """Write the parts of a message."""
    for part in parts:
        target.write(part)
    target.flush()


def read(source: Source, max_bytes: int) -> dict[str, Any] | None:
    """Return the next message; None when the other side has closed its end.

    Raises
    ------
    BrokenMessageError
        When it is larger than allowed, cut, or no message.
    """
    head = source.read(HEAD.size)
    if not head:
        return None
    if len(head) < HEAD.size:
        raise BrokenMessageError("cut in its head")
    text_bytes, raw_bytes = HEAD.unpack(head)
    if text_bytes + raw_bytes > max_bytes:
        raise BrokenMessageError(f"{text_bytes + raw_bytes} bytes, more than the {max_bytes} that are taken")
    message = _parse(_exactly(source, text_bytes))
    raw = memoryview(_exactly(source, raw_bytes))
    at = 0
    for key, value in message.items():
        if isinstance(value, dict) and value.keys() == {_MARK}:
            count = value[_MARK]
            if not isinstance(count, int) or not 0 <= count <= raw_bytes - at:
                raise BrokenMessageError("says more bytes than it has")
            message[key] = bytes(raw[at : at + count])
            at += count
    return message


def _parse(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenMessageError(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BrokenMessageError(f"an object was expected, not {type(message).__name__}")
    return message


def _exactly(source: Source, count: int) -> bytes:
    data = source.read(count) if count else b""
    if len(data) < count:
        raise BrokenMessageError(f"cut: {len(data)} of {count} bytes")
    return data


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):  # pydantic's models, without loading pydantic
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, PurePath):
        return os.fspath(value)
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be sent to a worker")


def error_to_json(task: str, error: BaseException) -> dict[str, Any]:
    """Return an error of a task as JSON; one that is not of Sightline's tree becomes ``WorkerCrashedError``."""
    if isinstance(error, MemoryError) and not isinstance(error, SightlineError):
        error = WorkerMemoryError(task, "it needs more memory than a worker may take")
    elif not isinstance(error, SightlineError):
        error = WorkerCrashedError(task, f"it failed unexpectedly ({type(error).__name__}: {error})")
    facts = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(error).items() if _is_plain(v)}
    return {"kind": type(error).__name__, "message": str(error), "facts": facts}


def _is_plain(value: Any) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, tuple | list) and all(isinstance(v, _PLAIN) for v in value))


def error_from_json(task: str, sent: Any) -> SightlineError:
    """Return the error that a worker's answer names; one that makes no sense becomes ``WorkerCrashedError``.

    Examples
    --------
    >>> error_from_json("look", error_to_json("look", errors.ImageDecodeError("a.jpg", "is damaged")))
    ImageDecodeError('a.jpg: is damaged')
    """
    kind = getattr(errors, str(sent.get("kind")), None) if isinstance(sent, dict) else None
    if not (isinstance(kind, type) and issubclass(kind, SightlineError)):
        return WorkerCrashedError(task, "its answer makes no sense")
    message, facts = str(sent.get("message", "")), sent.get("facts")
    try:
        error: SightlineError = kind("", message) if issubclass(kind, _ABOUT_SOMETHING) else kind(message)
    except TypeError:
        return WorkerCrashedError(task, message)
    error.args = (message,)
    if isinstance(error, ImportError):
        error.msg = message
    for name, value in facts.items() if isinstance(facts, dict) else ():
        if name.isidentifier() and not name.startswith("_") and _is_plain(value) and not hasattr(kind, name):
            setattr(error, name, tuple(value) if isinstance(value, list) else value)
    return error
