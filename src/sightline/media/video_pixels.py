"""From decoded video frames to upright RGB, and back: colour matrices, ranges, odd pixel shapes and display rotation.

Conversions are libswscale's (bilinear). YCbCr is read by the matrix and range the stream declares (BT.601, BT.709, SMPTE 240M,
FCC, BT.2020). A stream that declares none is taken as BT.709 from 1280 x 720 on, as BT.601 below, limited range. Samples deeper
than 8 bits are rounded to 8. PQ and HLG (HDR) keep their transfer curve: matrix and range are right, but no tone mapping is
done, so such pictures look flat. Alpha is dropped. Interlaced frames stay as they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from sightline.core.frame import Image

# AVColorSpace (ITU-T H.273, table 4) -> libswscale's number for the same matrix
_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_BT601, _BT709 = 5, 1
_LIMITED, _FULL = 1, 2
_BILINEAR = 2
_HD_PIXELS = 1280 * 720


@dataclass(frozen=True)
class Orientation:
    """How stored rows and columns become the upright picture: transpose first, then flips.

    Parameters
    ----------
    transpose, flip_x, flip_y : bool
        Steps, in that order.

    Examples
    --------
    >>> Orientation(transpose=True, flip_x=True).rotation_deg
    90
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def mirrored(self) -> bool:
        """True when the stored picture is a mirror image of the upright one."""
        return (self.transpose + self.flip_x + self.flip_y) % 2 == 1

    @property
    def rotation_deg(self) -> int:
        """Clockwise turn that makes the stored picture upright: 0, 90, 180 or 270 (after the mirroring, if any)."""
        flip_y = self.flip_y ^ (self.mirrored and self.transpose)
        if self.transpose:
            return 270 if flip_y else 90
        return 180 if flip_y else 0


def read_orientation(frame: Any) -> Orientation:
    """Return the orientation of a decoded frame from its display matrix (ISO/IEC 14496-12, 8.3.2: ``x' = a x + c y, y' = b x + d y``).

    Turns that are not multiples of 90 degrees go to the nearest one.
    """
    for index in range(len(frame.side_data)):
        item = frame.side_data[index]
        if item.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(item), np.int32)[:5].tolist()
            if abs(b) > abs(a):
                return Orientation(True, c < 0, b < 0)
            return Orientation(False, a < 0, d < 0)
    return Orientation()


def orient(image: Image, orientation: Orientation) -> Image:
    """Return ``image`` upright, C-contiguous.

    Examples
    --------
    >>> image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    >>> orient(image, Orientation(transpose=True, flip_x=True)).shape
    (2, 1, 3)
    """
    if orientation == Orientation():
        return image
    import cv2

    if orientation.transpose and orientation.flip_x != orientation.flip_y:
        turn = cv2.ROTATE_90_CLOCKWISE if orientation.flip_x else cv2.ROTATE_90_COUNTERCLOCKWISE
        return np.asarray(cv2.rotate(image, turn))
    out = cv2.transpose(image) if orientation.transpose else image
    if orientation.flip_x or orientation.flip_y:
        out = cv2.flip(out, -1 if orientation.flip_x and orientation.flip_y else (1 if orientation.flip_x else 0))
    return np.asarray(out)


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size with square pixels; the narrower side grows, nothing shrinks.

    Parameters
    ----------
    width, height : int
        Stored size.
    aspect : Fraction or None
        Sample aspect ratio, width of a pixel by its height. Values outside 1/8..8 are taken for an error and ignored.

    Examples
    --------
    >>> square_size(720, 576, Fraction(16, 15))
    (768, 576)
    >>> square_size(1920, 1080, None)
    (1920, 1080)
    """
    if not aspect or aspect == 1 or not Fraction(1, 8) <= aspect <= 8:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


class PixelReader:
    """Converts decoded frames to RGB of one size.

    Parameters
    ----------
    size_wh : tuple of int
        Size before `orient`; frames of another size (the stream changed in its middle) are scaled to it.
    threads : int
        Threads of one conversion; 1 is best when frames are read ahead.
    """

    def __init__(self, size_wh: tuple[int, int], threads: int = 1) -> None:
        from av.video.reformatter import VideoReformatter

        self.size_wh = size_wh
        self._threads = threads
        self._reformatter = VideoReformatter()

    def read(self, frame: Any) -> Image:
        """Return the frame as uint8 RGB, shape (height, width, 3), C-contiguous, as stored (not turned)."""
        matrix, full = declared_colour(frame)
        converted = self._reformatter.reformat(
            frame,
            width=self.size_wh[0],
            height=self.size_wh[1],
            format="rgb24",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=_FULL if full else _LIMITED,
            dst_color_range=_FULL,
            interpolation=_BILINEAR,
            threads=self._threads,
        )
        return np.ascontiguousarray(converted.to_ndarray())


def declared_colour(frame: Any) -> tuple[int | None, bool]:
    """Return libswscale's number of the frame's YCbCr matrix (None for RGB and others) and whether its range is full."""
    if frame.format.is_rgb:
        return None, True
    full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
    if frame.colorspace == 2:  # not declared
        return (_BT709 if frame.width * frame.height >= _HD_PIXELS else _BT601), full
    return _MATRIX.get(frame.colorspace), full


class PixelWriter:
    """Converts RGB images to limited-range BT.709 ``yuv420p`` frames of even size.

    Parameters
    ----------
    size_wh : tuple of int
        Size of the images; an odd width or height gains one column or row, a copy of the last one.
    threads : int
        Threads of one conversion.
    """

    def __init__(self, size_wh: tuple[int, int], threads: int = 1) -> None:
        from av.video.reformatter import VideoReformatter

        self.padded_wh = (size_wh[0] + size_wh[0] % 2, size_wh[1] + size_wh[1] % 2)
        self._threads = threads
        self._reformatter = VideoReformatter()

    def frame(self, image: Image) -> Any:
        """Return an ``av.VideoFrame``."""
        import av
        import cv2

        height, width = image.shape[:2]
        pad_x, pad_y = self.padded_wh[0] - width, self.padded_wh[1] - height
        if pad_x or pad_y:
            image = np.asarray(cv2.copyMakeBorder(image, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE))
        rgba: Any = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA))  # libswscale reads four bytes a pixel a quarter faster than three
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(rgba, "rgba"),
            format="yuv420p",
            dst_colorspace=_BT709,
            src_color_range=_FULL,
            dst_color_range=_LIMITED,
            interpolation=_BILINEAR,
            threads=self._threads,
        )
