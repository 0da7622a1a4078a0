"""A picture and its place in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError

Image = NDArray[np.uint8]
"""``uint8`` RGB, shape ``(height, width, 3)``, C-contiguous, upright."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture of a video, camera or file.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        RGB, C-contiguous, upright.
    index : int
        Position in decoding order, from 0.
    time_s : float
        Presentation time in seconds from the start of the stream (0.0 for a still picture).

    Examples
    --------
    >>> import numpy as np
    >>> frame = Frame(np.zeros((720, 1280, 3), np.uint8), index=30, time_s=1.001)
    >>> frame.size_wh
    (1280, 720)
    """

    image: Image
    index: int
    time_s: float

    def __post_init__(self) -> None:
        """Refuse anything that is not an RGB image."""
        check_image(self.image)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


def check_image(image: object) -> Image:
    """Return ``image`` when it is an RGB image, else raise.

    Raises
    ------
    InvalidInputError
        When it is not ``uint8`` of shape (h, w, 3) with at least one pixel.

    Examples
    --------
    >>> check_image(np.zeros((2, 3, 3), np.uint8)).shape
    (2, 3, 3)
    """
    if not isinstance(image, np.ndarray):
        raise InvalidInputError(
            f"expected an RGB image as a numpy array, got {type(image).__name__}; read files with sightline.media.read_image"
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InvalidInputError(f"expected an RGB image, uint8 of shape (height, width, 3), got {image.dtype} of shape {image.shape}")
    return image
