"""The order in which lines of a page are read."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.boxes import as_boxes

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Two blocks side by side are columns of running text when both hold at least three lines and most of these are long; in
# a receipt or a table what stands in a row belongs together.
_COLUMN_LINES = 3
_LONG_LINE = 7.0
_GUTTER = 0.8
_SAME_ROW = 0.6


def reading_order(boxes_xyxy: ArrayLike) -> Ints:
    """Return the order of the lines: rows from the top, left to right; columns of running text one after the other.

    Parameters
    ----------
    boxes_xyxy : array of shape (n, 4)
        Boxes of lines on an upright page, pixels.

    Returns
    -------
    ndarray of int64, shape (n,)
        Indices of the lines as they are read.

    References
    ----------
    G. Nagy, S. Seth, "Hierarchical representation of optically scanned documents", 1984 (recursive XY cut), with columns
    cut only where they hold running text.

    Examples
    --------
    >>> reading_order([[60, 0, 90, 10], [0, 1, 50, 11], [0, 20, 50, 30]]).tolist()
    [1, 0, 2]
    """
    boxes = as_boxes(boxes_xyxy)
    return np.array(_order(boxes, np.arange(len(boxes))), np.int64)


def _order(boxes: Floats, rows: Ints) -> list[int]:
    if len(rows) < 2:
        return [int(r) for r in rows]
    for parts in (_columns(boxes, rows), _bands(boxes, rows)):
        if len(parts) > 1:
            return [i for part in parts for i in _order(boxes, part)]
    return _rows(boxes, rows)


def _columns(boxes: Floats, rows: Ints) -> list[Ints]:
    """Split at the widest gutter that runs through all lines, when there is running text on both sides."""
    heights = boxes[rows, 3] - boxes[rows, 1]
    cuts = _gaps(boxes[rows, 0], boxes[rows, 2], _GUTTER * float(np.median(heights)))
    middle = (boxes[rows, 0] + boxes[rows, 2]) / 2
    for cut in cuts:
        left, right = rows[middle < cut], rows[middle >= cut]
        if _is_running_text(boxes[left]) and _is_running_text(boxes[right]):
            return [left, right]
    return [rows]


def _bands(boxes: Floats, rows: Ints) -> list[Ints]:
    """Split into what lies above, beside and below the first columns that do not reach over the whole height."""
    cuts = sorted(_gaps(boxes[rows, 1], boxes[rows, 3], 0.0))
    strip_of = np.searchsorted(cuts, (boxes[rows, 1] + boxes[rows, 3]) / 2)
    end = 0
    for start in range(len(cuts) + 1):
        end = max(end, start + 1)
        while end <= len(cuts) and _has_gutter(boxes[rows[(strip_of >= start) & (strip_of <= end)]]):
            end += 1
        block = rows[(strip_of >= start) & (strip_of < end)]
        if len(block) < len(rows) and len(_columns(boxes, block)) > 1:
            parts = [rows[strip_of < start], block, rows[strip_of >= end]]
            return [part for part in parts if len(part)]
    return [rows]


def _has_gutter(boxes: Floats) -> bool:
    return bool(_gaps(boxes[:, 0], boxes[:, 2], _GUTTER * float(np.median(boxes[:, 3] - boxes[:, 1]))))


def _is_running_text(boxes: Floats) -> bool:
    if len(boxes) < _COLUMN_LINES:
        return False
    wh = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    return float(np.median(wh[:, 0] / wh[:, 1])) >= _LONG_LINE


def _gaps(low: Floats, high: Floats, least: float) -> list[float]:
    """Return the middles of the gaps between intervals that are at least ``least`` wide, widest first."""
    order = np.argsort(low, kind="stable")
    reach = np.maximum.accumulate(high[order])[:-1]
    width = low[order][1:] - reach
    wide = np.flatnonzero(width >= max(least, 1e-3))
    return [float(reach[i] + width[i] / 2) for i in wide[np.argsort(-width[wide], kind="stable")]]


def _rows(boxes: Floats, rows: Ints) -> list[int]:
    """Return lines row by row: a line joins a row when most of its height lies beside the row's last line."""
    lines: list[list[int]] = []
    for row in rows[np.argsort((boxes[rows, 1] + boxes[rows, 3]) / 2, kind="stable")]:
        top, bottom = boxes[row, 1], boxes[row, 3]
        for line in lines[-2:]:
            shared = min(bottom, boxes[line[-1], 3]) - max(top, boxes[line[-1], 1])
            if shared > _SAME_ROW * min(bottom - top, boxes[line[-1], 3] - boxes[line[-1], 1]):
                line.append(int(row))
                break
        else:
            lines.append([int(row)])
    return [i for line in lines for i in sorted(line, key=lambda k: float(boxes[k, 0]))]
