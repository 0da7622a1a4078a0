"""Read and write pictures; nothing else in the package decodes one.

What ``read_image`` does with each kind of picture:

=========================== ==========================================================================================
EXIF orientation            applied; the result is upright
colour profile (ICC)        converted to sRGB (also CMYK and grey profiles); a damaged one is ignored with a log line
CMYK                        through its profile, else ``(255 - ink) * (255 - black) / 255``; Adobe's inverted JPEG known
16 bits                     grey and RGB(A): 65535 becomes 255 by scaling, nothing is clipped
32-bit whole, float         0..65535, or 0..1 for float, is scaled; outside of it the picture's own range is stretched
palette, alpha              laid over ``background`` (white unless told otherwise)
1 bit                       0 and 255
several pictures            GIF, WebP, AVIF, APNG: the first; TIFF: the first page; HEIC: the primary one
no profile                  taken for sRGB
=========================== ==========================================================================================
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.core.errors import InvalidInputError, MediaFormatError, MediaWriteError
from sightline.core.frame import Image, check_image
from sightline.media import exif as exif_blocks
from sightline.media import pixels
from sightline.media.files import Source, read_bytes, replacing, source_name
from sightline.media.headers import Header, read_header
from sightline.media.limits import ImageLimits
from sightline.media.metadata import ImageMetadata
from sightline.media.sampling import resize

WHITE: pixels.Colour = (255, 255, 255)

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""Formats that ``write_image`` writes, by the end of the file's name."""


@dataclass(frozen=True)
class ImageInfo:
    """What a picture's header says.

    Parameters
    ----------
    format : str
        ``JPEG``, ``PNG``, ``WEBP``, ``GIF``, ``TIFF``, ``BMP``, ``AVIF`` or ``HEIF``.
    size_wh : tuple of int
        Width and height of the upright picture.
    mode : str
        Stored pixel layout, as Pillow names it (``RGB``, ``L``, ``P``, ``CMYK``, ``I;16``, ``F`` ...).
    bits : int
        Bits a channel as stored.
    frames : int
        Pictures in the file.
    has_exif, has_gps, has_icc : bool
        Which notes it carries.
    """

    format: str
    size_wh: tuple[int, int]
    mode: str
    bits: int
    frames: int
    has_exif: bool
    has_gps: bool
    has_icc: bool


def read_image(source: Source, *, limits: ImageLimits | None = None, background: pixels.Colour = WHITE) -> Image:
    """Return a picture as upright sRGB pixels.

    Safe to call from several threads; changes no global setting of Pillow or OpenCV.

    Parameters
    ----------
    source : path, bytes or binary file
        JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC, recognised by content; the name does not matter.
    limits : ImageLimits, optional
        Largest size accepted, checked before decoding.
    background : tuple of int
        RGB colour behind what is clear.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB 0..255, C-contiguous, the caller's own.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError
        When there is no such file or it may not be read.
    MediaFormatError
        When it is a folder, or not a picture of a known kind.
    MediaLimitError
        When it holds more bytes or pixels than the limits allow.
    ImageDecodeError
        When it is empty, damaged or truncated: half a picture is never returned.

    Examples
    --------
    >>> picture = read_image(encode_image(np.full((4, 6, 3), 200, np.uint8), "PNG"))
    >>> picture.shape, int(picture[0, 0, 0])
    ((4, 6, 3), 200)
    """
    name, header = _header(source, limits)
    return np.ascontiguousarray(pixels.decode(name, header, background))


def image_info(source: Source, *, limits: ImageLimits | None = None) -> ImageInfo:
    """Return what a picture's header says, without decoding the pixels.

    Parameters
    ----------
    source : path, bytes or binary file
        The picture.
    limits : ImageLimits, optional
        Largest size accepted.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError, MediaLimitError, ImageDecodeError
        As ``read_image`` does, except for damage that only decoding would find.

    Examples
    --------
    >>> image_info(encode_image(np.zeros((4, 6, 3), np.uint8), "PNG")).size_wh
    (6, 4)
    """
    _, header = _header(source, limits)
    notes = ImageMetadata(header.exif)
    tree = exif_blocks.parse(header.exif) if header.format == "TIFF" else None
    has_exif = bool(tree.exif or tree.gps) if tree else header.exif is not None
    size = header.upright_size_wh
    return ImageInfo(header.format, size, header.mode, header.bits, header.frames, has_exif, notes.has_gps, header.icc is not None)


def _header(source: Source, limits: ImageLimits | None) -> tuple[str, Header]:
    limits = limits or ImageLimits()
    name = source_name(source)
    header = read_header(name, read_bytes(source, limits))
    limits.check_pixels(name, header.size_wh)
    return name, header


def encode_image(
    image: Image,
    format: str,  # noqa: A002
    *,
    quality: int = 92,
    metadata: ImageMetadata | None = None,
    keep_gps: bool = False,
) -> bytes:
    r"""Return a picture as the bytes of a file.

    No colour profile is written: pixels are sRGB, and a picture without a profile is taken for sRGB (a kept Exif block
    says sRGB too).

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB.
    format : str
        ``JPEG``, ``PNG``, ``WEBP``, ``GIF``, ``TIFF``, ``BMP``, ``AVIF`` or ``HEIF``.
    quality : int
        1 (smallest) to 100 (best), for JPEG, WebP, AVIF and HEIF; PNG, TIFF and BMP lose nothing at any; GIF reduces
        to 256 colours.
    metadata : ImageMetadata, optional
        Notes of the source (``read_metadata``). Kept: who, when, with what, how. Changed: orientation (1), colour space
        (sRGB), width and height. Dropped: thumbnail, maker's note, XMP, IPTC. GIF and BMP hold none.
    keep_gps : bool
        Also keep where it was taken.

    Raises
    ------
    InvalidInputError
        When the image, the quality or the format is not as above, or the picture is larger than the format allows.

    Examples
    --------
    >>> encode_image(np.zeros((2, 2, 3), np.uint8), "JPEG")[:3]
    b'\xff\xd8\xff'
    """
    check_image(image)
    if format not in SUFFIXES.values():
        raise InvalidInputError(f"format must be one of {', '.join(dict.fromkeys(SUFFIXES.values()))}, got {format!r}")
    if not 1 <= quality <= 100:
        raise InvalidInputError(f"quality must lie in 1..100, got {quality}")
    size_wh = (image.shape[1], image.shape[0])
    block = metadata.exif_for(size_wh, keep_gps=keep_gps) if metadata else None
    try:
        return _encode(image, format, quality, block)
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"a picture of {size_wh[0]} x {size_wh[1]} cannot be written as {format}: {error}") from error


def _encode(image: Image, kind: str, quality: int, block: bytes | None) -> bytes:
    from PIL import Image as Pillow

    picture = Pillow.fromarray(np.ascontiguousarray(image))
    out = io.BytesIO()
    exif = b"Exif\0\0" + block if block else b""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(picture).save(out, quality=quality, **({"exif": exif} if exif else {}))
        return out.getvalue()
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": 0 if quality >= 90 else 2, "exif": exif},
        "PNG": {"compress_level": 4, "exif": block or b""},
        "WEBP": {"quality": quality, "exif": exif},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "AVIF": {"quality": quality, **({"exif": exif} if exif else {})},
    }
    picture.save(out, kind, **options.get(kind, {}))
    if kind == "TIFF" and block:
        from sightline.media.tiff import with_notes

        return with_notes(out.getvalue(), block)
    return out.getvalue()


def write_image(
    path: str | os.PathLike[str],
    image: Image,
    *,
    quality: int = 92,
    metadata: ImageMetadata | None = None,
    keep_gps: bool = False,
) -> None:
    """Write a picture; the file is whole or not there, never half.

    Parameters
    ----------
    path : path
        Where to; the end of the name says which format (``SUFFIXES``). An existing file is replaced at once.
    image : ndarray of uint8, shape (height, width, 3)
        RGB.
    quality, metadata, keep_gps
        As for ``encode_image``.

    Raises
    ------
    MediaWriteError
        When the file cannot be written: no such folder, no right to, disk full.
    MediaFormatError
        When the end of the name is no known format.
    InvalidInputError
        As for ``encode_image``.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "black.png"
    >>> write_image(target, np.zeros((4, 6, 3), np.uint8))
    >>> read_image(target).shape
    (4, 6, 3)
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise MediaFormatError(path, f"cannot write {suffix or 'a name without an ending'}; use one of {', '.join(SUFFIXES)}")
    data = encode_image(image, SUFFIXES[suffix], quality=quality, metadata=metadata, keep_gps=keep_gps)
    if Path(path).is_dir():
        raise MediaWriteError(path, "cannot be written: is a folder")
    with replacing(path) as part:
        part.write_bytes(data)


def thumbnail(image: Image, max_side: int) -> Image:
    """Return the picture reduced so that its longer side is at most ``max_side``; a smaller one is copied.

    Raises
    ------
    InvalidInputError
        When ``max_side`` is not positive or the image is none.

    Examples
    --------
    >>> thumbnail(np.zeros((600, 800, 3), np.uint8), 160).shape
    (120, 160, 3)
    """
    check_image(image)
    if max_side < 1:
        raise InvalidInputError(f"max_side must be at least 1, got {max_side}")
    height, width = image.shape[:2]
    scale = min(max_side / max(width, height), 1.0)
    if scale == 1.0:
        return image.copy()
    return resize(image, (max(round(width * scale), 1), max(round(height * scale), 1)))
