"""Opening a video: files, file objects and pipes, with limits, and nothing that reaches out to the network.

PyAV is loaded when the first video is opened. Only the demuxers in ``DEMUXERS`` are allowed: no playlists, no device grabbers,
no text and no still pictures, so a file cannot make the reader open another file or an address.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sightline.core.errors import (
    MediaError,
    MediaFormatError,
    MediaLimitError,
    MediaNotFoundError,
    MediaPermissionError,
    VideoDecodeError,
)

VideoInput = str | bytes | os.PathLike[str] | BinaryIO
"""A path, ``"-"`` for standard input, or a binary file object (seekable or not)."""

DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,rm,dv,wtv,ivf,av1,obu,"
    "h264,hevc,m4v,mjpeg,vc1,yuv4mpegpipe,gif,apng,wav,mp3,aac,flac,caf,aiff,amr,w64,ac3,eac3"
)
"""The container kinds that are read (the last ones hold sound only and give "no picture stream")."""

_ISO_BOXES = frozenset(b"ftyp moov mdat free skip wide moof mfra sidx styp uuid meta udta pnot pdin prft emsg ssix".split())
_PEEK_BYTES = 65536


@dataclass(frozen=True)
class VideoLimits:
    """The largest video that is read; more raises `MediaLimitError`.

    Parameters
    ----------
    max_bytes : int
        Size of the file, or bytes taken from a pipe.
    max_pixels : int
        Pixels of one frame, width times height.
    max_duration_s : float
        Length in seconds, by the header and by the frames' own times.

    Examples
    --------
    >>> VideoLimits(max_duration_s=60.0).max_pixels
    67108864
    """

    max_bytes: int = 64 * 2**30
    max_pixels: int = 8192 * 8192
    max_duration_s: float = 24 * 3600.0


@dataclass
class VideoSource:
    """An opened container and what is known of the bytes behind it.

    Attributes
    ----------
    container : av.container.InputContainer
        The demuxer.
    name : str
        The path as given, ``"-"`` or the file object's name, for messages.
    seekable : bool
        True when the bytes can be read again.
    missing_bytes : int
        Bytes the container's headers promise beyond the end of the file; 0 when it is whole or cannot be known.
    """

    container: Any
    name: object
    seekable: bool
    missing_bytes: int = 0
    reopen: Callable[[Any], VideoSource] | None = None
    _owned: list[Any] = field(default_factory=list)

    def close(self) -> None:
        """Close the container and any temporary file."""
        self.container.close()
        for item in self._owned:
            item.close()


def open_source(source: VideoInput, limits: VideoLimits, hwaccel: Any = None) -> VideoSource:
    """Open a path, ``"-"`` or a binary file object for demuxing.

    Parameters
    ----------
    source : str, bytes, PathLike or binary file object
        What to open; ``"-"`` is standard input.
    limits : VideoLimits
        Size limits.
    hwaccel : av.codec.hwaccel.HWAccel, optional
        Hardware decoder to try.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError
        The file is not there or may not be read.
    MediaFormatError
        Empty, or no container kind that is known.
    MediaLimitError
        Larger than the limits.
    VideoDecodeError
        A known container whose index is damaged or cut off.
    """
    if isinstance(source, str) and source == "-":
        return _open_stream(sys.stdin.buffer, "-", limits, hwaccel)
    if isinstance(source, str | bytes | os.PathLike):
        return _open_path(os.fsdecode(source), limits, hwaccel)
    return _open_stream(source, str(getattr(source, "name", "<stream>")), limits, hwaccel)


def _open_path(path: str, limits: VideoLimits, hwaccel: Any) -> VideoSource:
    head, missing = _inspect(path, limits)
    container = _open_container(f"file:{path}", path, head, limits, hwaccel)
    return VideoSource(container, path, True, missing, lambda hw: _open_path(path, limits, hw))


def _inspect(path: str, limits: VideoLimits) -> tuple[bytes, int]:
    """Check that the file is there, readable, not empty and within the limits; return its first bytes and what is missing at its end."""
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            _check_size(path, size, limits)
            return file.read(64), missing_bytes(file, size)
    except FileNotFoundError:
        raise MediaNotFoundError(path, "no such file") from None
    except IsADirectoryError:
        raise MediaFormatError(path, "is a folder; expected a video file") from None
    except PermissionError:
        raise MediaPermissionError(path, "may not be read; check the file's permissions") from None
    except MediaError:
        raise
    except (OSError, ValueError) as error:
        raise MediaFormatError(path, f"cannot be read: {error}") from error


def _check_size(name: object, size: int, limits: VideoLimits) -> None:
    if size == 0:
        raise MediaFormatError(name, "the file is empty; expected a video")
    if size > limits.max_bytes:
        raise MediaLimitError(name, f"{size} bytes, more than the limit of {limits.max_bytes}; raise VideoLimits(max_bytes=...) to read it")


def _open_stream(stream: Any, name: str, limits: VideoLimits, hwaccel: Any) -> VideoSource:
    if getattr(stream, "seekable", lambda: False)():
        return _open_seekable(stream, name, limits, hwaccel)
    head = _read_up_to(stream, _PEEK_BYTES)
    if not head:
        raise MediaFormatError(name, "the stream is empty; expected a video")
    if needs_seeking(head):
        spool = spool_stream(stream, name, limits, head)
        opened = _open_seekable(spool, name, limits, hwaccel)
        opened._owned.append(spool)
        return opened
    pipe = _Pipe(stream, head, name, limits)
    return VideoSource(_open_container(pipe, name, head, limits, hwaccel), name, False)


def _open_seekable(stream: Any, name: str, limits: VideoLimits, hwaccel: Any) -> VideoSource:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    _check_size(name, size, limits)
    head = stream.read(64)
    missing = missing_bytes(stream, size)
    stream.seek(0)
    container = _open_container(_Unclosed(stream), name, head, limits, hwaccel)
    return VideoSource(container, name, True, missing, lambda hw: _open_seekable(stream, name, limits, hw))


def spool_stream(stream: Any, name: str, limits: VideoLimits, head: bytes = b"") -> Any:
    """Copy a pipe to an unnamed temporary file, for containers that must be seeked in or read twice.

    Parameters
    ----------
    stream : binary file object
        Read to its end.
    name : str
        For messages.
    limits : VideoLimits
        ``max_bytes`` bounds the copy.
    head : bytes
        Bytes that were already taken from the stream.

    Returns
    -------
    file object
        Open for reading at 0; deleted when closed.

    Raises
    ------
    MediaLimitError
        The stream is longer than ``limits.max_bytes``.

    Examples
    --------
    >>> import io
    >>> with spool_stream(io.BytesIO(b"abc"), "pipe", VideoLimits()) as copy:
    ...     copy.read()
    b'abc'
    """
    spool = tempfile.TemporaryFile(prefix="sightline-")  # noqa: SIM115 - handed to the caller
    try:
        shutil.copyfileobj(_Pipe(stream, head, name, limits), spool, 1 << 20)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


class _Unclosed:
    """A file object that the container may not close: its owner does."""

    def __init__(self, stream: Any) -> None:
        self.read, self.seek, self.tell = stream.read, stream.seek, stream.tell


class _Pipe:
    """Reads a stream that cannot seek, starting with bytes that were peeked at, and counts them."""

    def __init__(self, stream: Any, head: bytes, name: str, limits: VideoLimits) -> None:
        self._read = getattr(stream, "read1", stream.read)  # what is there now: a live pipe is not held up until a block is full
        self._head, self._source, self._limits, self._count = io.BytesIO(head), name, limits, 0

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._head.read(size) or self._read(size) or b""
        self._count += len(data)
        if self._count > self._limits.max_bytes:
            raise MediaLimitError(self._source, f"more than the limit of {self._limits.max_bytes} bytes; raise VideoLimits(max_bytes=...)")
        return data


def _read_up_to(stream: Any, size: int) -> bytes:
    """Read ``size`` bytes unless the stream ends before (a raw pipe gives what it has)."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _open_container(target: Any, name: object, head: bytes, limits: VideoLimits, hwaccel: Any) -> Any:
    import av

    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "file", "max_pixels": codec_pixel_limit(limits)}
    try:
        return av.open(target, "r", options=options, metadata_errors="replace", hwaccel=hwaccel)
    except av.error.FFmpegError as error:
        if hwaccel is not None:
            raise
        kind = container_kind(head)
        if kind:
            reason = error.strerror or type(error).__name__
            raise VideoDecodeError(
                name, f"a damaged or incomplete {kind} file: its index cannot be read ({reason}); no frame is left"
            ) from error
        raise MediaFormatError(name, "not a video of a kind that can be read (MP4, MOV, MKV, WebM, AVI, TS, GIF, ...)") from error


def codec_pixel_limit(limits: VideoLimits) -> str:
    """Return FFmpeg's ``max_pixels``, which stops a decoder before it takes the memory: decoders pad rows, so a little above the limit."""
    return str(limits.max_pixels + (1 << 20))


def container_kind(head: bytes) -> str | None:
    r"""Return the container's name by its first bytes, None when they are of no common kind.

    Examples
    --------
    >>> container_kind(b"RIFF\x00\x00\x00\x00AVI LIST")
    'AVI'
    """
    if head[4:8] in _ISO_BOXES and head[4:8] != b"meta":
        return "MP4/MOV"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "Matroska/WebM"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    return {b"FLV": "FLV", b"Ogg": "Ogg", b"GIF": "GIF"}.get(head[:3])


def needs_seeking(head: bytes) -> bool:
    r"""Tell whether this is an MP4/MOV whose media data come before its index, so that a pipe must be copied first.

    Examples
    --------
    >>> needs_seeking((16).to_bytes(4, "big") + b"ftypisom\x00\x00\x00\x00" + (9000).to_bytes(4, "big") + b"mdat")
    True
    """
    position = 0
    while head[position + 4 : position + 8] in _ISO_BOXES:
        if head[position + 4 : position + 8] in (b"mdat", b"moov"):
            return head[position + 4 : position + 8] == b"mdat"
        size = int.from_bytes(head[position : position + 4], "big")
        if size < 8:
            return False
        position += size
    return False


def missing_bytes(file: Any, size: int) -> int:
    """Count the bytes that a container's own headers promise beyond the end of the file.

    Parameters
    ----------
    file : seekable binary file object
        An MP4/MOV (ISO/IEC 14496-12, 4.2: boxes), Matroska/WebM (RFC 8794: Segment size) or AVI (RIFF chunks).
    size : int
        Its size in bytes.

    Returns
    -------
    int
        0 when the file is whole, or of a kind that does not say.

    Examples
    --------
    >>> import io
    >>> missing_bytes(io.BytesIO((100).to_bytes(4, "big") + b"mdat" + bytes(12)), 20)
    80
    """
    file.seek(0)
    head = file.read(4)
    end = {b"\x1aE\xdf\xa3": _ebml_end, b"RIFF": _riff_end}.get(head, _iso_end)(file, size)
    return max(0, end - size)


def _iso_end(file: Any, size: int) -> int:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        if header[4:8] not in _ISO_BOXES:
            return 0
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0: up to the end of the file
            return 0
        position += length
    return position


def _riff_end(file: Any, size: int) -> int:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(8)
        length = int.from_bytes(header[4:8], "little")
        if header[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):
            return 0
        position += 8 + length + length % 2
    return position


def _ebml_end(file: Any, size: int) -> int:
    del size
    file.seek(4)
    length = _ebml_size(file)
    if length is None:
        return 0
    file.seek(length, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return 0
    length = _ebml_size(file)
    return 0 if length is None else file.tell() + length


def _ebml_size(file: Any) -> int | None:
    """Read a variable-length size (RFC 8794, 6.3); None when it is unknown (all ones)."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    width = 9 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0xFF >> width)]) + file.read(width - 1), "big")
    return None if value == (1 << (7 * width)) - 1 else value
