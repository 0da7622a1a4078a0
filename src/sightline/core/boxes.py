"""Boxes: float32 ``(x0, y0, x1, y1)`` in pixels, origin at the top left corner, half-open.

Pure functions on arrays of shape (n, 4); ``n`` may be 0 everywhere. Nothing is changed in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError

Floats = NDArray[np.float32]


def as_boxes(boxes: ArrayLike) -> Floats:
    """Return ``boxes`` as a float32 array of shape (n, 4).

    Raises
    ------
    InvalidInputError
        When the shape is not (n, 4).
    """
    array = np.asarray(boxes, dtype=np.float32)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise InvalidInputError(f"boxes must have shape (n, 4), got {array.shape}")
    return array


def area(boxes_xyxy: ArrayLike) -> Floats:
    """Return the area of each box in square pixels; a box turned inside out has area 0.

    Examples
    --------
    >>> area([[0, 0, 10, 5], [3, 3, 1, 1]]).tolist()
    [50.0, 0.0]
    """
    boxes = as_boxes(boxes_xyxy)
    wh = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(wh[:, 0] * wh[:, 1], np.float32)


def iou(a_xyxy: ArrayLike, b_xyxy: ArrayLike) -> Floats:
    """Return the intersection over union of every box of ``a`` with every box of ``b``.

    Returns
    -------
    ndarray of float32, shape (len(a), len(b))
        0..1; 0 where both boxes have no area.

    Examples
    --------
    >>> iou([[0, 0, 10, 10]], [[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]]).round(3).tolist()
    [[1.0, 0.3330000042915344, 0.0]]
    """
    inter, area_a, area_b = _intersection(a_xyxy, b_xyxy)
    union = area_a[:, None] + area_b[None, :] - inter
    return np.asarray(np.divide(inter, union, out=np.zeros_like(inter), where=union > 0), np.float32)


def overlap(a_xyxy: ArrayLike, b_xyxy: ArrayLike) -> Floats:
    """Return which part of each box of ``a`` lies inside each box of ``b`` (intersection over the area of ``a``).

    Returns
    -------
    ndarray of float32, shape (len(a), len(b))
    """
    inter, area_a, _ = _intersection(a_xyxy, b_xyxy)
    whole = np.broadcast_to(area_a[:, None], inter.shape)
    return np.asarray(np.divide(inter, whole, out=np.zeros_like(inter), where=whole > 0), np.float32)


def _intersection(a_xyxy: ArrayLike, b_xyxy: ArrayLike) -> tuple[Floats, Floats, Floats]:
    a, b = as_boxes(a_xyxy), as_boxes(b_xyxy)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = np.maximum(high - low, 0)
    return wh[..., 0] * wh[..., 1], area(a), area(b)


def nms(boxes_xyxy: ArrayLike, scores: ArrayLike, iou_threshold: float, labels: ArrayLike | None = None) -> NDArray[np.int64]:
    """Greedy non-maximum suppression.

    Parameters
    ----------
    boxes_xyxy : array of shape (n, 4)
        Boxes in pixels.
    scores : array of shape (n,)
        The box with the higher score stays; the earlier one on a tie.
    iou_threshold : float
        A box that overlaps a kept box by more than this is dropped.
    labels : array of shape (n,), optional
        Boxes of different labels never suppress each other.

    Returns
    -------
    ndarray of int64
        Indices of the kept boxes, best first.

    Examples
    --------
    >>> nms([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], [0.8, 0.9, 0.7], 0.5).tolist()
    [1, 2]
    """
    boxes, score = as_boxes(boxes_xyxy), np.asarray(scores, np.float32).reshape(-1)
    if len(boxes) != len(score):
        raise InvalidInputError(f"nms needs one score a box, got {len(boxes)} boxes and {len(score)} scores")
    order = np.argsort(-score, kind="stable")
    label = None if labels is None else np.asarray(labels).reshape(-1)
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        if not rest.size:
            break
        clash = iou(boxes[best : best + 1], boxes[rest])[0] > iou_threshold
        if label is not None:
            clash &= label[rest] == label[best]
        order = rest[~clash]
    return np.array(kept, np.int64)


def clip_boxes(boxes_xyxy: ArrayLike, size_wh: tuple[float, float]) -> Floats:
    """Return the boxes cut to a picture of ``size_wh`` pixels.

    Examples
    --------
    >>> clip_boxes([[-5, 2, 30, 40]], (20, 20)).tolist()
    [[0.0, 2.0, 20.0, 20.0]]
    """
    limit = np.array([size_wh[0], size_wh[1]] * 2, np.float32)
    return np.asarray(np.clip(as_boxes(boxes_xyxy), 0, limit), np.float32)


def xywh_to_xyxy(boxes_xywh: ArrayLike) -> Floats:
    """Return ``(x, y, width, height)`` boxes (COCO, MOT) as ``(x0, y0, x1, y1)``."""
    boxes = as_boxes(boxes_xywh)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(boxes_xyxy: ArrayLike) -> Floats:
    """Return ``(x0, y0, x1, y1)`` boxes as ``(x, y, width, height)``."""
    boxes = as_boxes(boxes_xyxy)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def bounding_boxes(points_xy: NDArray[Any]) -> Floats:
    """Return the tight box around each set of points.

    Parameters
    ----------
    points_xy : ndarray, shape (n, p, 2 or more)
        Only the first two coordinates are used; ``p`` at least 1.
    """
    points = np.asarray(points_xy, np.float32)[..., :2]
    if len(points) == 0:
        return np.zeros((0, 4), np.float32)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def tiles(size_wh: tuple[int, int], tile_wh: tuple[int, int], min_overlap: int) -> NDArray[np.int64]:
    """Return tiles that cover a picture, evenly spread, each no larger than the picture.

    Parameters
    ----------
    size_wh, tile_wh : tuple of int
        Size of the picture and the wanted size of a tile, pixels.
    min_overlap : int
        Neighbours share at least this many pixels, so that nothing smaller is cut by every tile.

    Returns
    -------
    ndarray of int64, shape (n, 4)
        Tiles as (x0, y0, x1, y1), row by row.

    Examples
    --------
    >>> tiles((100, 50), (60, 60), 10).tolist()
    [[0, 0, 60, 50], [40, 0, 100, 50]]
    """
    if min(tile_wh) <= min_overlap:
        raise InvalidInputError(f"tile_wh {tile_wh} must be larger than min_overlap {min_overlap}")
    xs, ys = (_starts(size, min(tile, size), min_overlap) for size, tile in zip(size_wh, tile_wh, strict=True))
    w, h = min(tile_wh[0], size_wh[0]), min(tile_wh[1], size_wh[1])
    return np.array([[x, y, x + w, y + h] for y in ys for x in xs], np.int64)


def _starts(size: int, tile: int, overlap_px: int) -> list[int]:
    if tile >= size:
        return [0]
    count = int(np.ceil((size - overlap_px) / (tile - overlap_px)))
    return [round(x) for x in np.linspace(0, size - tile, count).tolist()]


def letterbox(shape_hw: tuple[int, int], size_wh: tuple[int, int], *, centred: bool = True) -> NDArray[np.float64]:
    """Return the affine map that fits a whole picture into a target without changing its aspect ratio.

    Parameters
    ----------
    shape_hw : tuple of int
        Height and width of the picture.
    size_wh : tuple of int
        Width and height of the target.
    centred : bool
        Put the picture in the middle (True) or at the top left corner.

    Returns
    -------
    ndarray of float64, shape (2, 3)
        Picture coordinates to target coordinates; hand it to ``sightline.media.sampling.warp``, and its inverse
        (``geometry.invert_affine``) brings what was found back into the picture.

    Examples
    --------
    >>> letterbox((100, 200), (100, 100)).tolist()
    [[0.5, 0.0, 0.0], [0.0, 0.5, 25.0]]
    """
    height, width = shape_hw
    scale = min(size_wh[0] / width, size_wh[1] / height)
    pad = np.array([size_wh[0] - width * scale, size_wh[1] - height * scale]) / 2 if centred else np.zeros(2)
    return np.array([[scale, 0.0, pad[0]], [0.0, scale, pad[1]]])
