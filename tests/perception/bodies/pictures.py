"""Real pictures for the tests of bodies: the sample picture, whole, mirrored and on a canvas."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut


@cache
def person() -> NDArray[np.uint8]:
    return np.ascontiguousarray(astronaut())


@cache
def mirrored() -> NDArray[np.uint8]:
    return np.ascontiguousarray(astronaut()[:, ::-1])


@cache
def two_people() -> NDArray[np.uint8]:
    """The person on the left, her mirror image on the right, 1280x720."""
    canvas = np.full((720, 1280, 3), 90, np.uint8)
    canvas[104:616, 64:576] = person()
    canvas[104:616, 704:1216] = mirrored()
    return canvas


ODD = [np.zeros((1, 1, 3), np.uint8), np.zeros((1, 300, 3), np.uint8), np.full((300, 1, 3), 255, np.uint8), np.zeros((64, 48, 3), np.uint8)]
