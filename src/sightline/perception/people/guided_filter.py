"""Fast guided filter: make a rough mask follow the edges of the picture it was cut from."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image

Plane = NDArray[Any]

_BAND_ROWS = 16


def guided_filter(guide: Image, mask: NDArray[np.uint8], *, radius: int, epsilon: float, shrink: int = 4) -> NDArray[np.uint8]:
    """Return the mask as a local linear function of the picture's colours.

    In every window the mask is fitted by ``a · colour + b``; the coefficients are found on a reduced picture and applied
    at full size, so the time is linear in the pixels and does not depend on the radius.

    Parameters
    ----------
    guide : ndarray of uint8, shape (h, w, 3)
        RGB.
    mask : ndarray of uint8, shape (h, w)
        0..255.
    radius : int
        Half a window's side, full-size pixels, at least 1.
    epsilon : float
        How much colour variance (of 0..1 colours) still counts as flat; larger is smoother.
    shrink : int
        Reduction at which the coefficients are found, at least 1 (1: the exact filter).

    Returns
    -------
    ndarray of uint8, shape (h, w)
        0..255.

    Raises
    ------
    InvalidInputError
        When the shapes differ or an option is out of range.

    References
    ----------
    K. He, J. Sun, X. Tang, "Guided Image Filtering", PAMI 2013, equations 19-21; K. He, J. Sun, "Fast Guided Filter", 2015.

    Examples
    --------
    >>> guide = np.zeros((40, 40, 3), np.uint8)
    >>> guide[:, 20:] = 255
    >>> rough = np.zeros((40, 40), np.uint8)
    >>> rough[:, 23:] = 255
    >>> filtered = guided_filter(guide, rough, radius=8, epsilon=1e-4, shrink=1)
    >>> (filtered[20] > 127).nonzero()[0][0]  # the edge came to where the picture's is
    np.int64(20)
    """
    image = check_image(guide)
    if mask.shape != image.shape[:2] or mask.dtype != np.uint8:
        raise InvalidInputError(f"mask must be uint8 of shape {image.shape[:2]}, got {mask.dtype} of shape {mask.shape}")
    if radius < 1 or epsilon <= 0 or shrink < 1:
        raise InvalidInputError(f"expected radius >= 1, epsilon > 0 and shrink >= 1, got {radius}, {epsilon} and {shrink}")
    height, width = mask.shape
    padding = (0, -height % shrink, 0, -width % shrink)
    if any(padding):
        image = np.asarray(cv2.copyMakeBorder(image, *padding, cv2.BORDER_REPLICATE), np.uint8)
        mask = np.asarray(cv2.copyMakeBorder(mask, *padding, cv2.BORDER_REPLICATE), np.uint8).reshape(image.shape[:2])
    small_wh = (image.shape[1] // shrink, image.shape[0] // shrink)
    colours = cv2.resize(image, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32) * np.float32(1 / 255)
    target = cv2.resize(mask, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    slope, offset = _coefficients(colours, target, max(round(radius / shrink), 1), epsilon)
    filtered = _apply(image, slope * np.float32(1 / 255), offset, shrink)
    return np.ascontiguousarray(filtered[:height, :width])


def _apply(image: Image, slope: Plane, offset: Plane, shrink: int) -> NDArray[np.uint8]:
    """Return ``slope · colour + offset`` at full size, band by band, so that what is between stays in the cache."""
    filtered = np.empty(image.shape[:2], np.uint8)
    width, rows = image.shape[1], len(slope)
    ones = np.ones((1, 3), np.float32)
    for first in range(0, rows, _BAND_ROWS):
        last = min(first + _BAND_ROWS, rows)
        halo = slice(max(first - 1, 0), min(last + 1, rows))
        size = (width, (halo.stop - halo.start) * shrink)
        own = slice((first - halo.start) * shrink, (last - halo.start) * shrink)
        band = slice(first * shrink, last * shrink)
        slopes = cv2.resize(slope[halo], size, interpolation=cv2.INTER_LINEAR)[own]
        offsets = cv2.resize(offset[halo], size, interpolation=cv2.INTER_LINEAR)[own]
        summed = cv2.transform(cv2.multiply(slopes, image[band].astype(np.float32)), ones).reshape(offsets.shape)
        filtered[band] = cv2.add(summed, offsets, dtype=cv2.CV_8U).reshape(offsets.shape)
    return filtered


def _coefficients(colours: Plane, target: Plane, radius: int, epsilon: float) -> tuple[Plane, Plane]:
    """Return slope (h, w, 3) and offset (h, w) of the fit, averaged over the windows that hold each pixel."""

    def mean(planes: Any) -> Any:
        return cv2.blur(planes, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    red, green, blue = planes = cv2.split(colours)
    means, target_mean = [mean(p) for p in planes], mean(target)
    covariance = [mean(p * target) - m * target_mean for p, m in zip(planes, means, strict=True)]
    pairs = ((red, red), (red, green), (red, blue), (green, green), (green, blue), (blue, blue))
    mean_pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    spread = [mean(p * q) - means[i] * means[j] for (p, q), (i, j) in zip(pairs, mean_pairs, strict=True)]
    slope = _solve_symmetric(spread, covariance, np.float32(epsilon))
    offset = target_mean - sum(s * m for s, m in zip(slope, means, strict=True))
    return mean(cv2.merge(slope)), mean(offset)


def _solve_symmetric(spread: list[Plane], right: list[Plane], epsilon: np.float32) -> list[Plane]:
    """Solve ``(S + epsilon I) x = right`` for each pixel's symmetric 3 x 3 matrix, by its adjugate."""
    rr, rg, rb, gg, gb, bb = spread
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    i_rr, i_rg, i_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    i_gg, i_gb, i_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    scale = np.float32(1) / np.maximum(i_rr * rr + i_rg * rg + i_rb * rb, np.float32(1e-12))
    r, g, b = (plane * scale for plane in right)
    return [i_rr * r + i_rg * g + i_rb * b, i_rg * r + i_gg * g + i_gb * b, i_rb * r + i_gb * g + i_bb * b]
