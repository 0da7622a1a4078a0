"""The one place that resamples pixels.

Coordinates are continuous: the pixel in column i, row j covers ``[i, i + 1) x [j, j + 1)``. Matrices map the source to the
target, as ``sightline.core`` makes them.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.geometry import invert_affine

_TO_CENTRES = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
_FROM_CENTRES = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])


def resize(image: NDArray[Any], size_wh: tuple[int, int]) -> NDArray[Any]:
    """Return the picture at another size: area averaging when it shrinks, bilinear when it grows.

    Parameters
    ----------
    image : ndarray, shape (h, w) or (h, w, c)
        ``uint8`` or ``float32``.
    size_wh : tuple of int
        Wanted width and height, at least 1.

    Raises
    ------
    InvalidInputError
        When the size is not positive.

    Examples
    --------
    >>> resize(np.zeros((10, 20, 3), np.uint8), (5, 5)).shape
    (5, 5, 3)
    """
    if min(size_wh) < 1:
        raise InvalidInputError(f"size_wh must be at least (1, 1), got {size_wh}")
    height, width = image.shape[:2]
    if (width, height) == tuple(size_wh):
        return image
    shrinks = size_wh[0] < width and size_wh[1] < height
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def warp(image: NDArray[Any], matrix: ArrayLike, size_wh: tuple[int, int], *, border: int | None = 0) -> NDArray[Any]:
    """Return the picture seen through an affine map or a homography, bilinear.

    Parameters
    ----------
    image : ndarray, shape (h, w) or (h, w, c)
        ``uint8`` or ``float32``.
    matrix : array of shape (2, 3) or (3, 3)
        Source coordinates to target coordinates.
    size_wh : tuple of int
        Width and height of the target.
    border : int or None
        Value outside the picture; None repeats the picture's edge.

    Raises
    ------
    InvalidInputError
        When the matrix has no inverse or the wrong shape.

    Examples
    --------
    >>> warp(np.full((4, 4, 3), 9, np.uint8), [[2, 0, 0], [0, 2, 0]], (8, 8), border=None).min()
    np.uint8(9)
    """
    m = np.asarray(matrix, np.float64)
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    value = (float(border or 0),) * 4
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if m.shape == (2, 3):
        inverse = np.concatenate([invert_affine(m), [[0, 0, 1]]])
        inverse = (_FROM_CENTRES @ inverse @ _TO_CENTRES)[:2]
        return np.asarray(cv2.warpAffine(image, inverse, size_wh, flags=flags, borderMode=mode, borderValue=value))
    if m.shape != (3, 3):
        raise InvalidInputError(f"matrix must have shape (2, 3) or (3, 3), got {m.shape}")
    if abs(np.linalg.det(m)) < 1e-15:
        raise InvalidInputError("a homography without area cannot be inverted")
    inverse = _FROM_CENTRES @ np.linalg.inv(m) @ _TO_CENTRES
    return np.asarray(cv2.warpPerspective(image, inverse, size_wh, flags=flags, borderMode=mode, borderValue=value))


def fit(image: NDArray[Any], matrix: ArrayLike, size_wh: tuple[int, int], *, border: int = 0) -> NDArray[Any]:
    """Return the picture scaled and shifted onto a target, with a clean, fast reduction (no rotation).

    It is what ``warp`` does for the maps that ``core.boxes.letterbox`` makes, with area averaging when the picture
    shrinks: the placed rectangle is rounded to whole pixels, so a point may be off by half a target pixel.
    """
    m = np.asarray(matrix, np.float64)
    if m[0, 1] or m[1, 0] or m[0, 0] <= 0 or m[1, 1] <= 0:
        raise InvalidInputError("fit takes a map that scales and shifts; use warp for others")
    height, width = image.shape[:2]
    x0, y0 = round(m[0, 2]), round(m[1, 2])
    x1, y1 = round(m[0, 2] + m[0, 0] * width), round(m[1, 2] + m[1, 1] * height)
    if x0 < 0 or y0 < 0 or x1 > size_wh[0] or y1 > size_wh[1]:
        raise InvalidInputError("fit places the whole picture inside the target; use warp to cut")
    scaled = resize(image, (max(x1 - x0, 1), max(y1 - y0, 1)))
    if scaled.shape[:2] == (size_wh[1], size_wh[0]):
        return scaled
    target = np.full((size_wh[1], size_wh[0], *image.shape[2:]), border, image.dtype)
    target[y0 : y0 + scaled.shape[0], x0 : x0 + scaled.shape[1]] = scaled
    return target
