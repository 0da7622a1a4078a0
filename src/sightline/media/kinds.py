"""Tell a picture from a video from neither by what is in the file, never by its name."""

from __future__ import annotations

import os
from typing import Literal

from sightline.media.files import read_head

PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")

_HEAD_BYTES = 4096
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}
_AVIF_BRANDS = {b"avif", b"avis"}
_NOT_VIDEO_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"crx ", b"jp2 ", b"jpx ", b"jpm ", b"jxl "}
_BMFF_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof"}
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_VIDEO_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video elementary stream
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"YUV4MPEG2",
    b"\x06\x0e\x2b\x34",  # MXF
    b"DKIF",  # IVF
    b".RMF",
    b"nut/multimedia",
)
_KNOWN_UNSUPPORTED = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
)


def picture_format(head: bytes) -> str | None:
    """Return which picture format these first bytes begin, or None.

    Parameters
    ----------
    head : bytes
        The first bytes of a file; 32 are enough.

    Returns
    -------
    str or None
        One of ``PICTURE_FORMATS``.

    Examples
    --------
    >>> picture_format(b"GIF89a" + bytes(10)), picture_format(b"hello world")
    ('GIF', None)
    """
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    brands = set(_brands(head))
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def unsupported_kind(head: bytes) -> str | None:
    """Return the name of a well-known kind of file that this package cannot read, for a helpful message."""
    return next((name for magic, name in _KNOWN_UNSUPPORTED if head.startswith(magic)), None)


def is_video(head: bytes) -> bool:
    """Return whether these first bytes (4096 are enough) begin a container or stream of moving pictures."""
    if head[4:8] in _BMFF_BOXES:
        return picture_format(head) is None and not _NOT_VIDEO_BRANDS.intersection(_brands(head)[:1])
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:4] == b"OggS":
        return b"theora" in head or b"\x01video" in head or not any(a in head for a in (b"vorbis", b"OpusHead", b"FLAC", b"Speex"))
    return head.startswith(_VIDEO_STARTS) or _is_transport_stream(head) or _is_raw_stream(head)


def kind_of(path: str | os.PathLike[str]) -> Literal["picture", "video"] | None:
    """Return whether a file is a picture, a video or neither, judged by its first bytes.

    Parameters
    ----------
    path : path
        The file; its name does not matter.

    Returns
    -------
    {"picture", "video"} or None
        An animated GIF, WebP, AVIF or HEIF is a picture (its first one is read). None for anything else, an empty
        file and sound alone.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError
        When the file is missing, may not be read, or is a folder.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.jpg"
    >>> _ = path.write_text("only text")
    >>> print(kind_of(path))
    None
    """
    head = read_head(path, _HEAD_BYTES)
    if picture_format(head):
        return "picture"
    return "video" if is_video(head) else None


def _brands(head: bytes) -> list[bytes]:
    """Return the major brand, then the compatible ones (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))]


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes every 188 bytes, or every 192 after a 4-byte time stamp (ISO/IEC 13818-1, 2.4.3.2; Blu-ray)."""
    for first, step in ((0, 188), (4, 192)):
        marks = head[first::step][:5]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return True
    return False


def _is_raw_stream(head: bytes) -> bool:
    """An H.264 or H.265 byte stream opens with a start code and a parameter set or delimiter (Annex B of each)."""
    for code in (b"\0\0\0\1", b"\0\0\1"):
        if head.startswith(code) and len(head) > len(code) + 1:
            unit = head[len(code)]
            h264 = unit < 0x80 and unit & 0x1F in (7, 9)
            h265 = unit < 0x80 and unit >> 1 in (32, 35) and head[len(code) + 1] == 1
            return h264 or h265
    return False
