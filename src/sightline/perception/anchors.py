"""Single-shot detectors of the BlazeFace family: anchors, decoding, weighted suppression.

Face, palm and person detectors share one output layout: per anchor, a score and ``(cx, cy, w, h, x0, y0, x1, y1, …)``, offsets
in input pixels from the anchor's centre.

References
----------
V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019 (anchors: section 3.2,
blending of overlapping boxes: section 3.4). W. Liu et al., "SSD: Single Shot MultiBox Detector", 2016.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import iou

Floats = NDArray[np.float32]


class Candidates(NamedTuple):
    """Decoded boxes before or after suppression, in input pixels.

    Attributes
    ----------
    boxes_xyxy : ndarray of float32, shape (n, 4)
    points_xy : ndarray of float32, shape (n, k, 2)
    scores : ndarray of float32, shape (n,)
    """

    boxes_xyxy: Floats
    points_xy: Floats
    scores: Floats


@cache
def anchor_centres(input_wh: tuple[int, int], layers: tuple[tuple[int, int], ...]) -> Floats:
    """Return the centres of all anchors, in input pixels.

    Parameters
    ----------
    input_wh : tuple of int
        Width and height of the net's input.
    layers : tuple of (stride, anchors a cell)
        One entry a feature map, in the order of the net's output.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Row by row, cell by cell; read-only.

    Examples
    --------
    >>> anchor_centres((128, 128), ((8, 2), (16, 6))).shape  # BlazeFace, short range
    (896, 2)
    """
    parts = []
    for stride, per_cell in layers:
        columns, rows = -(-input_wh[0] // stride), -(-input_wh[1] // stride)
        x = (np.arange(columns, dtype=np.float32) + 0.5) / columns * input_wh[0]
        y = (np.arange(rows, dtype=np.float32) + 0.5) / rows * input_wh[1]
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        parts.append(np.repeat(grid, per_cell, axis=0))
    centres = np.concatenate(parts).astype(np.float32)
    centres.flags.writeable = False
    return centres


def decode(raw_boxes: Floats, raw_scores: Floats, centres_xy: Floats, min_score: float) -> Candidates:
    """Decode one picture's output, keeping what reaches ``min_score``.

    Parameters
    ----------
    raw_boxes : ndarray of float32, shape (anchors, 4 + 2 k)
    raw_scores : ndarray of float32, shape (anchors,)
        Logits.
    centres_xy : ndarray of float32, shape (anchors, 2)
        From ``anchor_centres``.
    min_score : float
        0..1, compared after the sigmoid.
    """
    logits = np.clip(raw_scores.reshape(-1), -100, 100)
    keep = np.flatnonzero(logits >= np.log(min_score / (1 - min_score)))
    raw, centre = raw_boxes[keep], centres_xy[keep]
    middle, half = raw[:, :2] + centre, raw[:, 2:4] / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    points = raw[:, 4:].reshape(len(keep), (raw.shape[1] - 4) // 2, 2) + centre[:, None]
    scores = 1 / (1 + np.exp(-logits[keep]))
    return Candidates(boxes, points, scores.astype(np.float32))


def blend(candidates: Candidates, iou_threshold: float) -> Candidates:
    """Suppress overlapping boxes by averaging each cluster, weighted by score (less jitter than keeping the best).

    Parameters
    ----------
    candidates : Candidates
    iou_threshold : float
        Boxes that overlap the best one by more than this join its cluster.

    Returns
    -------
    Candidates
        One row a cluster, best first, with the best score of the cluster.
    """
    order = np.argsort(-candidates.scores, kind="stable")
    boxes, points, scores = [], [], []
    while order.size:
        best = order[0]
        near = iou(candidates.boxes_xyxy[best][None], candidates.boxes_xyxy[order])[0] > iou_threshold
        near[0] = True
        cluster = order[near]
        weights = candidates.scores[cluster] / candidates.scores[cluster].sum()
        boxes.append(weights @ candidates.boxes_xyxy[cluster])
        points.append(np.tensordot(weights, candidates.points_xy[cluster], axes=1))
        scores.append(candidates.scores[best])
        order = order[~near]
    count, k = len(boxes), candidates.points_xy.shape[1]
    return Candidates(
        np.array(boxes, np.float32).reshape(count, 4),
        np.array(points, np.float32).reshape(count, k, 2),
        np.array(scores, np.float32),
    )
