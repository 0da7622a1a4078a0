"""From crops of lines to what is written: batches for the recogniser, and its output turned into text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import ModelCorruptError
from sightline.core.frame import Image
from sightline.media.sampling import resize

Floats = NDArray[np.float32]

LINE_PX = 48
_LEAST_WIDTH_PX = 160
_WIDTH_STEP_PX = 32
_MOST_WIDTH_PX = 3200


def line_tensor(crops: list[Image], width_px: int) -> Floats:
    """Return a batch for the nets: BGR, -1..1, N C H W, lines 48 px high, at the left on grey.

    Parameters
    ----------
    crops : list of ndarray of uint8, shape (h, w, 3)
        Upright lines, RGB.
    width_px : int
        Width of the batch; longer lines are squeezed to it.
    """
    batch = np.zeros((len(crops), 3, LINE_PX, width_px), np.float32)
    for row, crop in enumerate(crops):
        width = min(max(int(np.ceil(LINE_PX * crop.shape[1] / crop.shape[0])), 1), width_px)
        small = resize(crop, (width, LINE_PX))[..., ::-1].transpose(2, 0, 1)
        np.multiply(small, np.float32(2 / 255), out=batch[row, :, :, :width])
        batch[row, :, :, :width] -= 1
    return batch


def batch_width(crops: list[Image]) -> int:
    """Return the width that holds all crops at 48 px height: in steps, so that few shapes come up."""
    longest = max(crop.shape[1] / crop.shape[0] for crop in crops) * LINE_PX
    steps = int(np.ceil(longest / _WIDTH_STEP_PX)) * _WIDTH_STEP_PX
    return int(np.clip(steps, _LEAST_WIDTH_PX, _MOST_WIDTH_PX))


@lru_cache(maxsize=4)
def characters(path: Path) -> NDArray[np.object_]:
    """Return the characters that the recogniser knows, by class: first the blank, last the space.

    Raises
    ------
    ModelCorruptError
        When the file does not hold its table of characters.
    """
    import onnx

    table = {p.key: p.value for p in onnx.load(path, load_external_data=False).metadata_props}.get("character")
    if not table:
        raise ModelCorruptError(path.stem, f"{path} holds no table of characters")
    return np.array(["", *table.splitlines(), " "], dtype=object)


def read_classes(probabilities: Floats, alphabet: NDArray[np.object_]) -> list[tuple[str, float]]:
    """Return text and mean probability of each line (best path of connectionist temporal classification).

    Parameters
    ----------
    probabilities : ndarray of float32, shape (n, steps, classes)
        Class 0 is the blank.
    alphabet : ndarray of object (str), shape (classes,)

    References
    ----------
    A. Graves et al., "Connectionist temporal classification", ICML 2006, section 3.2.

    Examples
    --------
    >>> steps = np.eye(3, dtype=np.float32)[[1, 1, 0, 1, 2]]
    >>> read_classes(steps[None], np.array(["", "a", "b"], object))
    [('aab', 1.0)]
    """
    best = probabilities.argmax(axis=2)
    sure = np.take_along_axis(probabilities, best[..., None], axis=2)[..., 0]
    kept = best != 0
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    lines = []
    for row in range(len(best)):
        here = kept[row]
        lines.append(("".join(alphabet[best[row, here]]), float(sure[row, here].mean()) if here.any() else 0.0))
    return lines
