"""What a picture's header says, read without decoding a pixel.

JPEG, PNG and WebP are walked here, marker by marker or chunk by chunk: this finds Exif and colour profile, tells whether
the file is whole, and leaves a *clean stream* with only what the pixels need, so that a damaged note in the margin can
neither disturb a decoder nor make it print. The other formats are opened by Pillow, which reads their headers lazily.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sightline.core.errors import ImageDecodeError, MediaFormatError, MediaLimitError
from sightline.media import exif as exif_blocks
from sightline.media.kinds import picture_format, unsupported_kind

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

TRUNCATED = "the picture is truncated: the file was cut or not fully downloaded"


@dataclass(frozen=True)
class Header:
    """What is known of a picture before it is decoded.

    Parameters
    ----------
    format : str
        One of ``kinds.PICTURE_FORMATS``.
    size_wh : tuple of int
        Width and height as stored.
    mode : str
        Pillow's name of the pixel layout: ``RGB``, ``L``, ``CMYK``, ``P``, ``I;16``, ``F`` ...
    orientation : int
        Exif orientation 1..8 that still has to be applied to the pixels.
    exif, icc : bytes or None
        Exif block and colour profile as stored.
    frames : int
        Pictures in the file (1 for a still one).
    bits : int
        Bits a channel.
    stream : bytes
        The clean stream.
    whole : bool
        Whether the stream ends where its format says it ends.
    simple : bool
        Whether it is plain 8-bit grey or RGB: no alpha, palette, CMYK or animation.
    adobe : bool
        Whether a JPEG carries Adobe's marker.
    """

    format: str
    size_wh: tuple[int, int]
    mode: str
    orientation: int = 1
    exif: bytes | None = None
    icc: bytes | None = None
    frames: int = 1
    bits: int = 8
    stream: bytes = b""
    whole: bool = True
    simple: bool = False
    adobe: bool = False

    @property
    def upright_size_wh(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        width, height = self.size_wh
        return (height, width) if self.orientation >= 5 else (width, height)


def read_header(name: str, data: bytes) -> Header:
    """Return what the header of an encoded picture says.

    Raises
    ------
    MediaFormatError
        When the bytes are not of a known picture format.
    ImageDecodeError
        When they are, and the header is damaged or cut, or there are no bytes at all.
    """
    if not data:
        raise ImageDecodeError(name, "the file is empty (0 bytes)")
    kind = picture_format(data[:64])
    if kind is None:
        known = unsupported_kind(data[:64])
        what = f"is {known}, which is not supported" if known else "is not a picture"
        raise MediaFormatError(name, f"{what}; expected JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC")
    walkers: dict[str, Callable[[bytes], Header]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
    try:
        header = walkers[kind](data) if kind in walkers else _by_pillow(name, kind, data)
    except (IndexError, ValueError, EOFError) as error:
        if isinstance(error, MediaFormatError | MediaLimitError | ImageDecodeError):
            raise
        reason = TRUNCATED if isinstance(error, IndexError | EOFError) else f"the header is damaged ({error})"
        raise ImageDecodeError(name, reason) from error
    if min(header.size_wh) < 1:
        raise ImageDecodeError(name, f"the header is damaged (it gives a size of {header.size_wh[0]} x {header.size_wh[1]})")
    return header


def orientation_of(block: bytes | None) -> int:
    """Return the Exif orientation 1..8; 1 when it is absent or makes no sense."""
    tree = exif_blocks.parse(block)
    value = tree.integer(exif_blocks.ORIENTATION) if tree else None
    return value if value is not None and 1 <= value <= 8 else 1


_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD9)}


def _jpeg(data: bytes) -> Header:
    """Walk the markers (ITU-T T.81, annex B)."""
    header = Header("JPEG", (0, 0), "RGB", whole=False)
    kept, profile, at = [b"\xff\xd8"], {}, 2
    while True:
        at = data.find(b"\xff", at)
        while 0 <= at < len(data) - 1 and data[at + 1] == 0xFF:
            at += 1
        if at < 0 or at + 4 > len(data):
            header = replace(header, whole=0 <= at == len(data) - 2 and data[at + 1] == 0xD9)
            break
        marker = data[at + 1]
        if marker == 0xD9:
            header = replace(header, whole=True)
            break
        if marker in _STANDALONE or marker == 0:
            at += 2
            continue
        end = at + 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
        body = data[at + 4 : end]
        if marker in _FRAMES:
            header = _jpeg_frame(header, marker, body)
        elif marker == 0xE1 and body[:6] == b"Exif\0\0" and header.exif is None:
            header = replace(header, exif=body)
        elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0" and len(body) > 14:
            profile[body[12]] = body[14:]
        elif marker == 0xEE and body[:5] == b"Adobe":
            header = replace(header, adobe=True)
        if marker == 0xDA:
            found = _SCAN_END.search(data, end)
            end = found.start() if found else len(data)
        if not 0xE1 <= marker <= 0xED and marker not in (0xEF, 0xFE):
            kept.append(data[at:end])
        at = end
    if header.size_wh == (0, 0):
        raise IndexError("no frame header")
    kept.append(b"\xff\xd9" if header.whole else b"")
    icc = b"".join(profile[k] for k in sorted(profile)) or None
    return replace(header, icc=icc, orientation=orientation_of(header.exif), stream=b"".join(kept))


def _jpeg_frame(header: Header, marker: int, body: bytes) -> Header:
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    components = body[5]
    mode = {1: "L", 3: "RGB", 4: "CMYK"}.get(components, "RGB")
    simple = body[0] == 8 and components in (1, 3) and marker in (0xC0, 0xC1, 0xC2)
    return replace(header, size_wh=(width, height), mode=mode, bits=body[0], simple=simple)


_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}


def _png(data: bytes) -> Header:
    """Walk the chunks (ISO/IEC 15948, 5.3); a wrong checksum in one that holds pixels is an error."""
    if data[12:16] != b"IHDR":
        raise ValueError("IHDR is not the first chunk")
    if len(data) < 33:
        raise IndexError
    size, colour = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")), data[25]
    if colour not in _PNG_MODES:
        raise ValueError(f"colour type {colour}")
    header = Header("PNG", size, _PNG_MODES[colour], bits=data[24], whole=False)
    kept, at, clear = [data[:8]], 8, False
    while at + 12 <= len(data):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            kept.append(data[at:])
            break
        if name in _PNG_PIXELS:
            if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise ValueError(f"wrong checksum in {name.decode()}")
            kept.append(data[at:end])
            clear |= name == b"tRNS"
        header = _png_note(header, name, data[at + 8 : min(end - 4, at + 8 + (1 << 26))])
        if name == b"IEND":
            header = replace(header, whole=True)
            break
        at = end
    simple = header.mode in ("L", "RGB") and header.bits == 8 and not clear
    return replace(header, simple=simple, orientation=orientation_of(header.exif), stream=b"".join(kept))


def _png_note(header: Header, name: bytes, body: bytes) -> Header:
    if name == b"eXIf":
        return replace(header, exif=body)
    if name == b"acTL":
        return replace(header, frames=max(int.from_bytes(body[:4], "big"), 1))
    if name == b"iCCP":
        packed = body[body.find(b"\0") + 2 :]
        try:
            return replace(header, icc=zlib.decompressobj().decompress(packed, 1 << 26))
        except zlib.error:
            return replace(header, icc=b"damaged")
    return header


def _webp(data: bytes) -> Header:
    """Walk the chunks (RFC 9649, 2.3 to 2.7)."""
    total = 8 + int.from_bytes(data[4:8], "little")
    header = Header("WEBP", (0, 0), "RGB", whole=len(data) >= total - total % 2, stream=data)
    at, still, animated, alpha, frames = 12, False, False, False, 0
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body_at = at + 8
        head = data[body_at : body_at + 10]
        if name == b"VP8X":
            header = replace(header, size_wh=(1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")))
            animated, alpha = bool(head[0] & 2), bool(head[0] & 16)
        elif name == b"VP8 " and header.size_wh == (0, 0):
            size = (int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF)
            header, still = replace(header, size_wh=size), True
        elif name == b"VP8L" and header.size_wh == (0, 0):
            bits = int.from_bytes(head[1:5], "little")
            header, still = replace(header, size_wh=((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)), True
            alpha = bool(bits >> 28 & 1)
        elif name in (b"EXIF", b"ICCP"):
            body = data[body_at : body_at + length]
            header = replace(header, exif=body) if name == b"EXIF" else replace(header, icc=body)
        still |= name in (b"VP8 ", b"VP8L")
        frames += name == b"ANMF"
        at = body_at + length + length % 2
    if header.size_wh == (0, 0):
        raise IndexError("no picture chunk")
    mode = "RGBA" if alpha else "RGB"
    simple = still and not (alpha or animated)
    return replace(header, mode=mode, frames=max(frames, 1), simple=simple, orientation=orientation_of(header.exif))


def _by_pillow(name: str, kind: str, data: bytes) -> Header:
    if kind == "GIF":
        size = (int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
        if len(data) < 13:
            raise IndexError
        return Header("GIF", size, "P", stream=data, frames=_gif_frames(data))
    if kind == "TIFF" and (tree := exif_blocks.parse(data)):
        return _tiff(name, data, tree)
    try:
        with open_lazily(kind, data) as picture:
            info, size, mode = picture.info, picture.size, picture.mode
            frames = int(getattr(picture, "n_frames", 1))
    except (SyntaxError, OSError, RuntimeError, KeyError, TypeError) as error:
        raise ImageDecodeError(name, f"the header is damaged or of a rare kind that cannot be read ({error})") from error
    block = info.get("exif")
    orientation = 1 if kind in ("HEIF", "TIFF") else orientation_of(block)  # HEIF and big TIFF come turned
    bits = {"I;16": 16, "I;16B": 16, "I": 32, "F": 32, "1": 1}.get(mode, 8)
    return Header(kind, size, mode, orientation, block, info.get("icc_profile"), frames, bits, stream=data)


def open_lazily(kind: str, stream: bytes) -> PillowImage:
    """Return Pillow's image of a stream with only its header read.

    The format's class is called directly: ``Image.open`` would apply Pillow's own global limit, warn, and try formats
    that the bytes are not of.
    """
    from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    from sightline.media.tiff import LimitedTiff

    classes: dict[str, Callable[[io.BytesIO], PillowImage]] = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "TIFF": LimitedTiff,
        "BMP": BmpImagePlugin.BmpImageFile,
        "AVIF": AvifImagePlugin.AvifImageFile,
        "HEIF": _heif,
    }
    return classes[kind](io.BytesIO(stream))


def _heif(file: io.BytesIO) -> PillowImage:
    from pillow_heif import HeifImageFile

    opened: PillowImage = HeifImageFile(file)  # type: ignore[no-untyped-call]
    return opened


def _gif_frames(data: bytes) -> int:
    """Count image blocks (GIF89a specification, 20 to 26); 1 when the file is cut."""
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    frames = 0
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x2C:
            frames += 1
            flags = data[at + 9] if at + 9 < len(data) else 0
            at += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1
        else:
            at += 2
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
    return max(frames, 1)


def _tiff(name: str, data: bytes, tree: exif_blocks.ExifTree) -> Header:
    from sightline.media import tiff

    reduced = (tree.integer(exif_blocks.NEW_SUBFILE_TYPE) or 0) & 1 and exif_blocks.SUB_IFDS in tree.main
    if reduced or exif_blocks.DNG_VERSION in tree.main or data[8:10] == b"CR":  # the first page is a small preview
        raise MediaFormatError(name, "is a camera raw file, which is not supported; develop it to TIFF or JPEG first")
    stream = tiff.clean(data, tree)
    size = (tree.integer(256) or 0, tree.integer(257) or 0)
    bits, channels = tree.integer(258) or 1, tree.integer(277) or 1
    try:
        with open_lazily("TIFF", stream) as picture:
            mode = picture.mode
    except (SyntaxError, OSError, RuntimeError, KeyError, TypeError, ValueError):
        mode = f"many {channels} x {bits}"  # float colour, for instance: for OpenCV to try
    frames = tiff.count_pages(data, tree.order)
    return Header("TIFF", size, mode, orientation_of(data), _tiff_notes(tree), tiff.profile(tree), frames, bits, stream=stream)


def _tiff_notes(tree: exif_blocks.ExifTree) -> bytes | None:
    """Return the notes among a TIFF's tags as an Exif block of their own."""
    kept = exif_blocks.KEPT_IN_MAIN | {exif_blocks.ORIENTATION}
    main = {t: e for t, e in tree.main.items() if t in kept}
    if not (main or tree.exif or tree.gps):
        return None
    return exif_blocks.build(replace(tree, main=main))
