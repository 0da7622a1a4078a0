"""Real pictures for the tests of hands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tests.data import shared_data

from sightline.media.images import read_image


def photo(name: str) -> NDArray[np.uint8]:
    """A photo of people/hagrid_mini by the beginning of its name, as ``class/start``."""
    kind, start = name.split("/")
    [path] = sorted(shared_data(f"people/hagrid_mini/{kind}").glob(f"{start}*"))
    return read_image(path)


def two_hands() -> NDArray[np.uint8]:
    """Two people side by side: a right hand on the left, a left hand on the right."""
    left, right = photo("none/0a0ef3d2"), photo("four/06aa70cc")
    return np.ascontiguousarray(np.concatenate([left[:512, :384], right[:512, :384]], axis=1))
