"""Colour conversions on arrays whose last axis is RGB.

``uint8`` in 0..255 or float in 0..1 goes in; float32 comes out. RGB is sRGB (IEC 61966-2-1) unless a name says linear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError

Floats = NDArray[np.float32]

_LUMA_601 = np.array([0.299, 0.587, 0.114], np.float32)
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
# IEC 61966-2-1, linear sRGB to CIE XYZ, D65.
_RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float64)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ)
_D65_WHITE = _RGB_TO_XYZ.sum(axis=1)


def to_unit(rgb: ArrayLike) -> Floats:
    """Return RGB as float32 in 0..1 (``uint8`` is divided by 255, floats are kept)."""
    array = np.asarray(rgb)
    if array.ndim < 1 or array.shape[-1] != 3:
        raise InvalidInputError(f"the last axis must be RGB (3), got shape {array.shape}")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidInputError(f"expected uint8 or float RGB, got {array.dtype}")
    return array.astype(np.float32)


def to_uint8(rgb: ArrayLike) -> NDArray[np.uint8]:
    """Return float RGB in 0..1 as ``uint8``, rounded and clipped."""
    return np.asarray(np.clip(np.asarray(rgb, np.float32) * 255 + 0.5, 0, 255), np.uint8)


def luma(rgb: ArrayLike, standard: str = "bt601") -> Floats:
    """Return the luma of gamma-encoded RGB, 0..1.

    Parameters
    ----------
    rgb : array, shape (..., 3)
    standard : {"bt601", "bt709"}
        Weights of ITU-R BT.601 (2.5.1) or BT.709 (3.2).

    Examples
    --------
    >>> luma(np.array([[255, 255, 255], [0, 255, 0]], np.uint8)).round(3).tolist()
    [1.0, 0.5870000123977661]
    """
    weights = {"bt601": _LUMA_601, "bt709": _LUMA_709}.get(standard)
    if weights is None:
        raise InvalidInputError(f"standard must be 'bt601' or 'bt709', got {standard!r}")
    return np.asarray(to_unit(rgb) @ weights, np.float32)


def srgb_to_linear(rgb: ArrayLike) -> Floats:
    """Undo the sRGB transfer function (IEC 61966-2-1, 4.2)."""
    v = to_unit(rgb)
    return np.where(v <= 0.04045, v / 12.92, ((np.maximum(v, 0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(rgb_linear: ArrayLike) -> Floats:
    """Apply the sRGB transfer function (IEC 61966-2-1, 4.2) to linear light in 0..1."""
    v = np.asarray(rgb_linear, np.float32)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055).astype(np.float32)


def rgb_to_hsv(rgb: ArrayLike) -> Floats:
    """Return hue (degrees, 0..360), saturation and value (0..1).

    Examples
    --------
    >>> rgb_to_hsv(np.array([0.0, 1.0, 0.0])).tolist()
    [120.0, 1.0, 1.0]
    """
    v = to_unit(rgb)
    r, g, b = v[..., 0], v[..., 1], v[..., 2]
    high, low = v.max(axis=-1), v.min(axis=-1)
    spread = high - low
    safe = np.where(spread > 0, spread, 1)
    sector = np.where(high == r, ((g - b) / safe) % 6, np.where(high == g, (b - r) / safe + 2, (r - g) / safe + 4))
    hue = np.where(spread > 0, sector * 60, 0)
    saturation = np.where(high > 0, spread / np.where(high > 0, high, 1), 0)
    return np.stack([hue, saturation, high], axis=-1).astype(np.float32)


def hsv_to_rgb(hsv: ArrayLike) -> Floats:
    """Return RGB in 0..1 of hue (degrees), saturation and value (0..1)."""
    array = np.asarray(hsv, np.float32)
    hue, saturation, value = array[..., 0:1], array[..., 1:2], array[..., 2:3]
    k = (np.array([5, 3, 1], np.float32) + hue / 60) % 6
    return np.asarray(value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1), np.float32)


def rgb_to_lab(rgb: ArrayLike) -> Floats:
    """Return CIE L*a*b* (D65, 2 degrees): L* in 0..100.

    References
    ----------
    CIE 15:2004, 8.2.1.

    Examples
    --------
    >>> rgb_to_lab(np.array([255, 255, 255], np.uint8)).round(2).tolist()
    [100.0, 0.0, 0.0]
    """
    xyz = srgb_to_linear(rgb).astype(np.float64) @ _RGB_TO_XYZ.T / _D65_WHITE
    delta = 6 / 29
    f = np.where(xyz > delta**3, np.cbrt(xyz), xyz / (3 * delta**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32) + np.float32(0)


def lab_to_rgb(lab: ArrayLike) -> Floats:
    """Return sRGB in 0..1 of CIE L*a*b* (D65); colours outside sRGB are clipped."""
    array = np.asarray(lab, np.float64)
    y = (array[..., 0] + 16) / 116
    f = np.stack([y + array[..., 1] / 500, y, y - array[..., 2] / 200], axis=-1)
    delta = 6 / 29
    xyz = np.where(f > delta, f**3, 3 * delta**2 * (f - 4 / 29)) * _D65_WHITE
    return np.clip(linear_to_srgb(np.clip(xyz @ _XYZ_TO_RGB.T, 0, 1)), 0, 1)


def rgb_to_ycbcr(rgb: ArrayLike) -> Floats:
    """Return full-range Y'CbCr (JFIF 1.02): Y' in 0..1, Cb and Cr in -0.5..0.5."""
    v = to_unit(rgb)
    y = v @ _LUMA_601
    return np.stack([y, (v[..., 2] - y) / 1.772, (v[..., 0] - y) / 1.402], axis=-1).astype(np.float32)


def ycbcr_to_rgb(ycbcr: ArrayLike) -> Floats:
    """Return RGB of full-range Y'CbCr (JFIF 1.02); not clipped."""
    array = np.asarray(ycbcr, np.float32)
    y, cb, cr = array[..., 0], array[..., 1], array[..., 2]
    r, b = y + 1.402 * cr, y + 1.772 * cb
    g = (y - _LUMA_601[0] * r - _LUMA_601[2] * b) / _LUMA_601[1]
    return np.stack([r, g, b], axis=-1).astype(np.float32)
