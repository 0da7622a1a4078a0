"""Dark pictures: telling them, and lifting them for a second look."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.core.colour import linear_to_srgb, luma, srgb_to_linear
from sightline.core.frame import Image

_SAMPLES = 128
"""Light is measured on about this many rows and columns."""

_WHITE_PERCENTILE = 99.0
_WHITE_TARGET = 0.9
_MEAN_TARGET = 0.4
_MAX_GAIN = 400.0
_STRONGEST_GAMMA = 0.5

_BLUR_PX = (0.8, 2.2)
_DOUBLINGS_A_PX = 3.0
"""The darker, the more noise: the blur grows by a pixel (standard deviation) with every three doublings of the gain."""


def mean_light(image: Image) -> float:
    """Return the mean luma of a picture, 0..1 (sRGB values, not linear light).

    Examples
    --------
    >>> round(mean_light(np.full((4, 4, 3), 51, np.uint8)), 3)
    0.2
    """
    return float(np.mean(luma(_sample(image))))


def lift(image: Image) -> Image:
    """Return a copy as a longer exposure would have made it, with less noise.

    The picture is first smoothed, the more the darker it is, since a net takes amplified noise for texture. The gain, in
    linear light, takes the brightest hundredth of the picture near white; when a lamp or a window leaves the rest dark, a
    gamma of at most a square root takes the mean of the picture near a middle grey.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)

    Examples
    --------
    >>> night = np.zeros((8, 8, 3), np.uint8) + np.arange(8, dtype=np.uint8)[:, None, None]
    >>> mean_light(lift(night)) > 8 * mean_light(night)
    True
    """
    light = np.asarray(srgb_to_linear(_sample(image)))
    white = float(np.percentile(luma(light, "bt709"), _WHITE_PERCENTILE))
    gain = min(max(_WHITE_TARGET / max(white, 1e-6), 1.0), _MAX_GAIN)
    mean = float(np.mean(luma(np.asarray(linear_to_srgb(np.clip(light * gain, 0, 1))))))
    gamma = float(np.clip(np.log(_MEAN_TARGET) / np.log(max(mean, 1e-3)), _STRONGEST_GAMMA, 1.0)) if mean < _MEAN_TARGET else 1.0
    blur = float(np.clip(np.log2(gain) / _DOUBLINGS_A_PX, *_BLUR_PX))
    return np.asarray(_curve(gain, gamma)[cv2.GaussianBlur(image, (0, 0), blur)], np.uint8)


def _curve(gain: float, gamma: float) -> NDArray[np.uint8]:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    light = np.asarray(srgb_to_linear(grey))[:, 0]
    lifted = np.asarray(linear_to_srgb(np.clip(light * gain, 0, 1))) ** gamma
    return np.round(lifted * 255).astype(np.uint8)


def _sample(image: Image) -> Image:
    height, width = image.shape[:2]
    return image[:: max(height // _SAMPLES, 1), :: max(width // _SAMPLES, 1)]
