"""From what a header describes to upright RGB pixels."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import ImageDecodeError, MediaLimitError
from sightline.core.frame import Image
from sightline.media.headers import TRUNCATED, Header, open_lazily
from sightline.media.profiles import is_srgb, to_srgb

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

Colour = tuple[int, int, int]

_log = logging.getLogger(__name__)
_JUNK = bytes(np.random.default_rng(7).integers(1, 255, 4096, dtype=np.uint8))


def decode(name: str, header: Header, background: Colour) -> Image:
    """Return the pixels a header describes: RGB, sRGB, upright.

    Raises
    ------
    ImageDecodeError
        When the pixels are damaged or end too early.
    """
    if header.format in ("JPEG", "WEBP") and not header.whole:
        raise ImageDecodeError(name, TRUNCATED)
    image = _decode_simple(name, header) if header.simple and header.whole else None
    if image is not None:
        if header.icc and not (header.mode == "RGB" and is_srgb(header.icc)):
            image = _with_profile(name, image, header)
    elif (header.bits == 16 and header.format == "PNG" and header.whole) or header.mode.startswith("many"):
        image = _decode_deep(name, header, background)
    else:
        image = _decode_pillow(name, header, background)
    image = upright(image, header.orientation)
    if image.shape[1::-1] != header.upright_size_wh:
        raise ImageDecodeError(name, f"the header says {header.upright_size_wh} pixels and there are {image.shape[1::-1]}")
    return image


def upright(image: Image, orientation: int) -> Image:
    """Return the picture turned as its Exif orientation asks (Exif 2.32, 4.6.4, tag 0x0112).

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    orientation : int
        1: upright, 2: mirrored, 3: upside down, 4: flipped, 5: transposed, 6: turn clockwise, 7: transversed, 8: turn
        counter-clockwise.

    Examples
    --------
    >>> picture = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    >>> upright(picture, 6).shape
    (2, 1, 3)
    """
    if orientation == 1:
        return image
    import cv2

    if orientation >= 5:
        image = np.asarray(cv2.transpose(image), np.uint8)
    code = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    turned = image if code is None else np.asarray(cv2.flip(image, code), np.uint8)
    return np.ascontiguousarray(turned)


def _cv2_decode(stream: bytes, flags: int) -> NDArray[Any] | None:
    import cv2

    try:
        return cv2.imdecode(np.frombuffer(stream, np.uint8), flags)
    except cv2.error as error:
        _log.debug("OpenCV cannot decode: %s", error)
        return None


def _decode_simple(name: str, header: Header) -> Image | None:
    """Decode plain 8-bit grey or RGB: the same pixels as through Pillow, in a half to a third of the time."""
    import cv2

    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    image = _cv2_decode(header.stream, flags)
    if image is None:
        return None
    if header.format == "JPEG" and _ends_grey(image):
        again = _cv2_decode(header.stream[:-2] + _JUNK + b"\xff\xd9", flags)
        if again is None or not np.array_equal(again, image):
            raise ImageDecodeError(name, "the picture is damaged: its data run out before its last row")
    return np.asarray(image, np.uint8)


def _ends_grey(image: NDArray[Any]) -> bool:
    """Whether the last block is mid-grey, which is what a decoder paints when the data of a scan run out."""
    return bool((image[-min(8, len(image)) :, -8:] == 128).all())


def _with_profile(name: str, image: Image, header: Header) -> Image:
    from PIL import Image as Pillow

    picture = Pillow.fromarray(image)
    return np.array(to_srgb(picture.convert("L") if header.mode == "L" else picture, header.icc, name))


def _decode_deep(name: str, header: Header, background: Colour) -> Image:
    """Decode 16-bit PNG and many-channel TIFF, which Pillow cannot hold, through OpenCV."""
    import cv2
    from PIL import Image as Pillow

    deep = _cv2_decode(header.stream, cv2.IMREAD_UNCHANGED)
    if deep is None:
        raise ImageDecodeError(name, "the pixels are damaged or of a rare kind that cannot be read")
    eight = _with_key(header.stream, deep, to_eight_bits(deep))
    if eight.ndim == 3 and eight.shape[2] >= 3:
        eight = np.ascontiguousarray(eight[:, :, [2, 1, 0, 3][: min(eight.shape[2], 4)]])
    return _flatten(name, Pillow.fromarray(eight), header.icc, background)


def _with_key(stream: bytes, deep: NDArray[Any], eight: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make the key value of a 16-bit grey PNG clear (ISO/IEC 15948, 11.3.2.1), which OpenCV leaves out."""
    at = stream.find(b"tRNS", 0, max(stream.find(b"IDAT"), 0))
    if deep.ndim != 2 or at < 0:
        return eight
    key = int.from_bytes(stream[at + 4 : at + 6], "big")
    return np.stack([eight, np.where(deep == key, 0, 255).astype(np.uint8)], axis=-1)


def to_eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale deep pixel values to 0..255, never clipping.

    Parameters
    ----------
    values : ndarray
        ``uint16``: 0..65535 becomes 0..255 (``round(v / 257)``). Other whole numbers and floats: 0..1 (floats) or
        0..65535 (whole numbers) are scaled likewise when every value lies there; otherwise the picture's own smallest
        to largest finite value becomes 0..255. Values that are not finite become 0.

    Examples
    --------
    >>> to_eight_bits(np.array([0, 257, 32768, 65535], np.uint16))
    array([  0,   1, 128, 255], dtype=uint8)
    >>> to_eight_bits(np.array([0.0, 0.5, 1.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    floats = values.astype(np.float64)
    finite = np.isfinite(floats)
    low = float(floats.min(where=finite, initial=np.inf))
    high = float(floats.max(where=finite, initial=-np.inf))
    top = 1.0 if np.issubdtype(values.dtype, np.floating) else 65535.0
    if low >= 0 and high <= top:
        low, high = 0.0, top
    scale = 255 / (high - low) if high > low else 0.0
    scaled = np.where(finite, (np.where(finite, floats, low) - low) * scale, 0)
    return np.floor(scaled + 0.5).astype(np.uint8)


def _decode_pillow(name: str, header: Header, background: Colour) -> Image:
    from PIL import Image as Pillow

    try:
        with open_lazily(header.format, header.stream) as picture:
            picture.load()
            if header.mode == "CMYK" and header.format == "JPEG" and not header.adobe:
                picture = picture.point(lambda v: 255 - v)
            image = _flatten(name, picture, header.icc, background)
    except Pillow.DecompressionBombError as error:
        raise MediaLimitError(name, f"more pixels than the decoder of {header.format} allows ({error})") from error
    except (OSError, SyntaxError, ValueError, RuntimeError, EOFError, IndexError, KeyError, TypeError) as error:
        raise ImageDecodeError(name, _reason(error, header)) from error
    return image


def _reason(error: Exception, header: Header) -> str:
    cut = "truncated" in str(error).lower() or "end of file" in str(error).lower() or isinstance(error, EOFError | IndexError)
    if cut or not header.whole:
        return f"{TRUNCATED} ({error})"
    return f"the pixels are damaged ({error})"


def _flatten(name: str, picture: PillowImage, icc: bytes | None, background: Colour) -> Image:
    """Return any mode Pillow knows as sRGB, laid over the background where it is clear."""
    from PIL import Image as Pillow

    mode = picture.mode
    clear = "transparency" in picture.info or mode in ("RGBA", "LA", "PA", "RGBa", "La")
    if mode.startswith("I") or mode == "F":
        picture = Pillow.fromarray(to_eight_bits(_deep_array(picture)))
    elif clear:
        grey = mode in ("L", "LA", "La", "1")
        whole = picture.convert("LA" if grey else "RGBA")
        alpha = whole.getchannel("A")
        colour = to_srgb(whole.convert("L" if grey else "RGB"), icc, name)
        picture = Pillow.new("RGB", colour.size, background)
        picture.paste(colour, mask=alpha)
        return np.array(picture)
    elif mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("L" if mode == "1" else "RGB")
    return np.array(to_srgb(picture, icc, name))


def _deep_array(picture: PillowImage) -> NDArray[Any]:
    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return values.astype(np.uint16)
    return values
