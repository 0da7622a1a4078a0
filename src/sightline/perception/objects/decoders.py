"""What the nets give, turned into boxes in input pixels: one pure function for each family.

Every function takes the arrays of one picture and a least score, and works only on the cells that reach it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32)


class Candidates(NamedTuple):
    """Boxes before suppression, in input pixels.

    Attributes
    ----------
    boxes_xyxy : ndarray of float32, shape (n, 4)
    scores : ndarray of float32, shape (n,)
    labels : ndarray of int64, shape (n,)
    """

    boxes_xyxy: Floats
    scores: Floats
    labels: NDArray[np.int64]


@cache
def cells(input_wh: tuple[int, int], strides: tuple[int, ...] = STRIDES) -> Floats:
    """Return column, row and stride of every cell of the feature maps, row by row, finest map first; read-only.

    Examples
    --------
    >>> cells((416, 416)).shape, cells((416, 416))[53].tolist()
    ((3549, 3), [1.0, 1.0, 8.0])
    """
    maps = []
    for stride in strides:
        columns, rows = (-(-side // stride) for side in input_wh)
        y, x = np.mgrid[:rows, :columns]
        maps.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    table = np.concatenate(maps).astype(np.float32)
    table.flags.writeable = False
    return table


def decode_nanodet(outputs: tuple[Floats, ...], input_wh: tuple[int, int], min_score: float) -> Candidates:
    """Decode NanoDet: class probabilities, and the distances to the four sides as distributions over bins.

    Parameters
    ----------
    outputs : tuple of six ndarray of float32
        Per stride 8, 16 and 32 the probabilities (1, cells, classes); then per stride the logits (1, cells, 4 * bins):
        left, top, right and bottom in strides from the cell's centre.
    input_wh : tuple of int
        Width and height of the input, pixels.
    min_score : float
        Classes of cells below it are left out.

    Returns
    -------
    Candidates
        One row for each class of each cell that reaches ``min_score``.

    References
    ----------
    X. Li et al., "Generalized Focal Loss", NeurIPS 2020, equations 3-6 (integral over the distribution); NanoDet
    (github.com/RangiLyu/nanodet), ``GFLHead``: centres of cells at ``(column + 0.5) * stride``.
    """
    scores = [o[0] for o in outputs[:3]]
    logits = [o[0] for o in outputs[3:]]
    grid = cells(input_wh)
    if len(outputs) != 6 or sum(len(s) for s in scores) != len(grid):
        raise InvalidInputError(f"expected scores and distances of {len(grid)} cells, got shapes {[o.shape for o in outputs]}")
    found = [np.nonzero(s >= min_score) for s in scores]
    starts = np.cumsum([0, *(len(s) for s in scores)])
    place = np.concatenate([start + rows for start, (rows, _) in zip(starts, found, strict=False)])
    picked = np.concatenate([values[rows] for values, (rows, _) in zip(logits, found, strict=True)])
    bins = picked.reshape(len(picked), 4, picked.shape[1] // 4)
    weight = np.exp(bins - bins.max(axis=2, keepdims=True, initial=-np.inf))
    steps = np.arange(bins.shape[2], dtype=np.float32)
    sides = (weight @ steps) / weight.sum(axis=2)
    column, row, stride = grid[place].T
    centre = np.stack([(column + 0.5) * stride, (row + 0.5) * stride], axis=1)
    sides = sides * stride[:, None]
    return Candidates(
        np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], axis=1).astype(np.float32),
        np.concatenate([s[where] for s, where in zip(scores, found, strict=True)]).astype(np.float32),
        np.concatenate([labels for _, labels in found]).astype(np.int64),
    )


def decode_yolox(outputs: tuple[Floats, ...], input_wh: tuple[int, int], min_score: float) -> Candidates:
    """Decode YOLOX exported without its own decoding: centre, log size, objectness and class probabilities per cell.

    Parameters
    ----------
    outputs : tuple of one ndarray of float32, shape (1, cells, 5 + classes)
        ``x, y`` from the cell's corner in strides, log of width and height in strides, objectness, probabilities.
    input_wh : tuple of int
        Width and height of the input, pixels.
    min_score : float
        Classes of cells with objectness times probability below it are left out.

    Returns
    -------
    Candidates
        One row for each class of each cell that reaches ``min_score``.

    References
    ----------
    Z. Ge et al., "YOLOX: Exceeding YOLO series in 2021", 2.1-2.2.
    """
    raw, grid = outputs[0][0], cells(input_wh)
    if len(outputs) != 1 or raw.ndim != 2 or raw.shape[0] != len(grid) or raw.shape[1] < 6:
        raise InvalidInputError(f"expected one output (1, {len(grid)}, 5 + classes), got shapes {[o.shape for o in outputs]}")
    # The product cannot be larger than the objectness, so most cells need no look at their classes.
    likely = np.flatnonzero(raw[:, 4] >= min_score)
    scores = raw[likely, 5:] * raw[likely, 4:5]
    rows, labels = np.nonzero(scores >= min_score)
    place = likely[rows]
    column_row, stride = grid[place, :2], grid[place, 2:]
    centre = (raw[place, :2] + column_row) * stride
    half = np.exp(raw[place, 2:4]) * stride / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return Candidates(boxes.astype(np.float32), scores[rows, labels].astype(np.float32), labels.astype(np.int64))


def decode_finished(outputs: tuple[Floats, ...], input_wh: tuple[int, int], min_score: float) -> Candidates:
    """Decode nets that give finished boxes, such as CenterNet with its peaks picked inside the net.

    Parameters
    ----------
    outputs : tuple of one ndarray of float32, shape (1, n, 6)
        ``x0, y0, x1, y1`` in input pixels, score, class.
    input_wh : tuple of int
        Not needed; the signature is that of the other decoders.
    min_score : float
        Boxes below it are left out.

    References
    ----------
    X. Zhou, D. Wang, P. Krähenbühl, "Objects as points", 2019, section 4.
    """
    table = outputs[0][0]
    if len(outputs) != 1 or table.ndim != 2 or table.shape[1] != 6:
        raise InvalidInputError(f"expected one output (1, n, 6), got shapes {[o.shape for o in outputs]}")
    kept = table[table[:, 4] >= min_score]
    return Candidates(kept[:, :4].astype(np.float32), kept[:, 4].astype(np.float32), np.rint(kept[:, 5]).astype(np.int64))
