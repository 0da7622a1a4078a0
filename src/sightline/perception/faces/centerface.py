"""CenterFace: boxes and five points from a heat map, at any size.

References
----------
Y. Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019 (heat map, offsets and sizes at a
stride of 4: section 3; points relative to the box: section 3.2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import nms
from sightline.core.frame import Image
from sightline.perception.anchors import Candidates
from sightline.perception.faces.views import View, cut
from sightline.runtime.session import Session

Floats = NDArray[np.float32]

STRIDE: Final = 4
"""Net pixels a cell of the heat map."""

_BATCH_PIXELS: Final = 2_000_000
"""Views of one size run together up to this many net pixels, so that memory does not grow with the batch."""


def decode(heatmap: Floats, scale: Floats, offset: Floats, landmarks: Floats, min_score: float, iou_threshold: float) -> Candidates:
    """Decode one picture's output.

    Parameters
    ----------
    heatmap : ndarray of float32, shape (h, w)
        Score of a face's centre in each cell, 0..1.
    scale : ndarray of float32, shape (2, h, w)
        Logarithm of height and width in cells.
    offset : ndarray of float32, shape (2, h, w)
        Offset of the centre in the cell, y then x, cells.
    landmarks : ndarray of float32, shape (10, h, w)
        Five points, y then x, as parts of the box: right eye, left eye, nose, right and left mouth corner (the subject's).
    min_score, iou_threshold : float
        What counts as a face, and which overlap makes two boxes one face.

    Returns
    -------
    Candidates
        Net pixels, best first.
    """
    y, x = np.nonzero(heatmap >= min_score)
    half_wh = np.exp(scale[::-1, y, x].T) * (STRIDE / 2)
    centre = (np.stack([x, y], axis=1) + offset[::-1, y, x].T + 0.5) * STRIDE
    boxes = np.concatenate([centre - half_wh, centre + half_wh], axis=1).astype(np.float32)
    relative = landmarks[:, y, x].T.reshape(-1, 5, 2)[..., ::-1]
    points = boxes[:, None, :2] + relative * (2 * half_wh)[:, None]
    scores = heatmap[y, x]
    keep = nms(boxes, scores, iou_threshold)
    return Candidates(boxes[keep], points[keep].astype(np.float32), scores[keep])


def look(session: Session, image: Image, views: Sequence[View], min_score: float, iou_threshold: float) -> list[Candidates]:
    """Run the net on views of one picture.

    Returns
    -------
    list of Candidates
        One a view, in pixels of the picture.
    """
    found: list[Candidates | None] = [None] * len(views)
    shown = [cut(image, view) for view in views]
    for rows in _batches([s.shape for s in shown]):
        pixels = np.stack([shown[i].transpose(2, 0, 1) for i in rows]).astype(np.float32)
        outputs = session.run(pixels)
        for k, i in enumerate(rows):
            heatmap, scale, offset, landmarks = (o[k] for o in outputs)
            found[i] = _into_picture(decode(heatmap[0], scale, offset, landmarks, min_score, iou_threshold), views[i])
    return [f for f in found if f is not None]


def _batches(shapes: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Return groups of rows of one shape, each small enough to run at once."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, shape in enumerate(shapes):
        groups.setdefault(shape, []).append(i)
    batches = []
    for shape, rows in groups.items():
        step = max(_BATCH_PIXELS // (shape[0] * shape[1]), 1)
        batches += [rows[i : i + step] for i in range(0, len(rows), step)]
    return batches


def _into_picture(candidates: Candidates, view: View) -> Candidates:
    origin = np.array(view.region_xyxy[:2], np.float32)
    boxes = candidates.boxes_xyxy.reshape(-1, 2, 2) / view.scale_xy + origin
    points = candidates.points_xy / view.scale_xy + origin
    return Candidates(boxes.reshape(-1, 4).astype(np.float32), points.astype(np.float32), candidates.scores)
