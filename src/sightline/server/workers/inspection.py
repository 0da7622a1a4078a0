"""What an uploaded file is, by its content; refuses what is no picture or video, damaged, too large, or more than one thing at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sightline.api.settings import Limits
from sightline.core.errors import MediaFormatError
from sightline.media import exif
from sightline.media.files import read_bytes, read_head
from sightline.media.images import image_info, read_image
from sightline.media.kinds import is_video, picture_format, unsupported_kind
from sightline.media.limits import ImageLimits
from sightline.media.metadata import read_metadata
from sightline.media.video_reader import VideoLimits, VideoReader

_HEAD_BYTES, _TAIL_BYTES = 4096, 22 + 65535
_PICTURE_TYPES = {"HEIF": "image/heic"}
_VIDEO_TYPES = (
    (re.compile(rb"....ftypqt  ", re.DOTALL), "video/quicktime"),
    (re.compile(rb"....(?:ftyp|moov|mdat|styp|moof|free|skip|wide)", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1a\x45\xdf\xa3.{0,60}webm", re.DOTALL), "video/webm"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "video/x-matroska"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "video/x-msvideo"),
    (re.compile(rb"OggS"), "video/ogg"),
    (re.compile(rb"FLV"), "video/x-flv"),
    (re.compile(rb"\x30\x26\xb2\x75"), "video/x-ms-wmv"),
    (re.compile(rb"\x00\x00\x01[\xba\xb3]"), "video/mpeg"),
    (re.compile(rb"(?:\x47|....\x47)", re.DOTALL), "video/mp2t"),
)
_PDF = re.compile(rb"%PDF-\d")
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|script|svg|body|iframe|\?php)[\s>/]", re.IGNORECASE)
_SNIFFED_BYTES = 1024
# A magic number that is also a variable's name, then a comment up to an assignment: valid JavaScript.
_COMMENT_STARTS = re.compile(rb"(?:GIF8[79]a|BM|\xff\xd8\xff.)/\*", re.DOTALL)
_COMMENT_ENDS = re.compile(rb"\*/\s*=[\t\n\r\x20-\x7e]{4}")
_ASSIGNMENT = re.compile(rb"GIF8[79]a=[\t\n\r\x20-\x7e]{7}")
_ZIP_END = b"PK\x05\x06"
_TAKEN, _TAKEN_OFFSET, _CHANGED, _CHANGED_OFFSET = 0x9003, 0x9011, 0x0132, 0x9010
_EXPECTED = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF, HEIC, or a video such as MP4, MOV, WebM, MKV or AVI"
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


def inspect(path: str, limits: Limits) -> dict[str, Any]:
    """Return what a file is.

    Parameters
    ----------
    path : str
        The file; its name does not matter.
    limits : Limits
        Bytes, pixels, seconds.

    Returns
    -------
    dict
        ``kind`` (picture, video), ``format``, ``content_type``, ``bytes``, ``size_wh`` (upright), ``duration_s``,
        ``frame_rate``, ``has_audio`` and ``taken_at`` (ISO 8601 with its offset, None when the file does not say). A camera's clock
        without an offset is taken for this machine's local time.

    Raises
    ------
    MediaFormatError
        Neither picture nor video, or a polyglot.
    MediaLimitError
        Larger than the limits.
    ImageDecodeError, VideoDecodeError
        Damaged or cut (a picture is decoded whole, of a video the first frame).
    """
    head = read_head(path, _HEAD_BYTES)
    if picture_format(head):
        return _picture(path, limits)
    if is_video(head):
        return _video(path, head, limits)
    known = unsupported_kind(head.lstrip(b"\xef\xbb\xbf \t\r\n"))
    if known is None and _MARKUP.search(head[:_SNIFFED_BYTES]):
        known = "a text with markup"
    what = "is empty" if not head else f"is {known}, which is not supported" if known else "is neither a picture nor a video"
    raise MediaFormatError(path, f"{what}; expected {_EXPECTED}")


def picture_limits(limits: Limits) -> ImageLimits:
    """Return the limits for a picture: it is read into memory, so never more bytes than the library's own limit."""
    return ImageLimits(min(limits.max_bytes, ImageLimits().max_bytes), limits.max_pixels)


def _picture(path: str, limits: Limits) -> dict[str, Any]:
    allowed = picture_limits(limits)
    data = read_bytes(path, allowed)
    refuse_polyglots(path, data, data[-_TAIL_BYTES:])
    info = image_info(data, limits=allowed)
    height, width = read_image(data, limits=allowed).shape[:2]
    return {
        "kind": "picture",
        "format": info.format,
        "content_type": _PICTURE_TYPES.get(info.format, f"image/{info.format.lower()}"),
        "bytes": len(data),
        "size_wh": (width, height),
        "duration_s": None,
        "frame_rate": None,
        "has_audio": False,
        "taken_at": _iso(_exif_times(read_metadata(data, limits=allowed).exif)),
    }


def _video(path: str, head: bytes, limits: Limits) -> dict[str, Any]:
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        file.seek(max(size - _TAIL_BYTES, 0))
        refuse_polyglots(path, head, file.read(_TAIL_BYTES))
    allowed = VideoLimits(limits.max_bytes, limits.max_pixels, limits.max_duration_s)
    with VideoReader(path, limits=allowed) as reader:
        next(iter(reader))
        return {
            "kind": "video",
            "format": reader.codec,
            "content_type": next((kind for start, kind in _VIDEO_TYPES if start.match(head)), "application/octet-stream"),
            "bytes": size,
            "size_wh": reader.size_wh,
            "duration_s": reader.duration_s,
            "frame_rate": str(reader.rate),
            "has_audio": reader.has_audio,
            "taken_at": _iso([reader.creation_time]),
        }


def refuse_polyglots(path: str, start: bytes, tail: bytes) -> None:
    """Refuse a file that a browser or another program could also take for a page, a script, a PDF or an archive.

    Parameters
    ----------
    path : str
        For the message.
    start : bytes
        The first bytes, or the whole file.
    tail : bytes
        The last bytes.

    Raises
    ------
    MediaFormatError
        When it is two things at once.
    """
    what = None
    if _PDF.search(start[:_SNIFFED_BYTES]):
        what = "a PDF"
    elif _MARKUP.search(start[:_SNIFFED_BYTES]):
        what = "a web page"
    elif _ASSIGNMENT.match(start) or (_COMMENT_STARTS.match(start) and _COMMENT_ENDS.search(start)):
        what = "a script"
    elif _ends_as_archive(tail):
        what = "a ZIP archive"
    if what:
        raise MediaFormatError(path, f"is a picture or video and {what} at once, which is refused; save it anew with a picture program")


def _ends_as_archive(tail: bytes) -> bool:
    """Whether an end of central directory reaches exactly to the end of the file (PKWARE APPNOTE 4.3.16)."""
    at = tail.rfind(_ZIP_END)
    return at >= 0 and len(tail) - at >= 22 and at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)


def _exif_times(block: bytes | None) -> Iterable[str]:
    tree = exif.parse(block)
    if tree is None:
        return []
    taken = _text(tree.exif, _TAKEN) + _text(tree.exif, _TAKEN_OFFSET)
    changed = _text(tree.main, _CHANGED) + _text(tree.exif, _CHANGED_OFFSET)
    return [re.sub(r"^(\d{4}):(\d\d):(\d\d) ", r"\1-\2-\3T", text) for text in (taken, changed)]


def _text(entries: exif.Ifd, tag: int) -> str:
    entry = entries.get(tag)
    return "" if entry is None or entry.type != 2 else entry.data.split(b"\0")[0].decode("ascii", "ignore").strip()


def _iso(texts: Iterable[str | None]) -> str | None:
    """Return the first text that is a time that can be true, with its offset."""
    for text in texts:
        try:
            time = datetime.fromisoformat(text or "").astimezone()
            if _EARLIEST <= time <= datetime.now(UTC) + timedelta(days=1):
                return time.isoformat()
        except (ValueError, OverflowError, OSError):
            continue
    return None
