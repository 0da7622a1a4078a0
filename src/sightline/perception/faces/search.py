"""The thorough search of one picture with CenterFace: scan at several scales, then confirm each candidate in a close-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import iou, nms
from sightline.core.frame import Image
from sightline.perception.anchors import Candidates
from sightline.perception.faces.centerface import look
from sightline.perception.faces.views import View, close_ups, tile_views, whole_view
from sightline.runtime.session import Session

Floats = NDArray[np.float32]

DEFAULT_SIZE: Final = 640

DEFAULT_FACE_PX: Final = 12.0

_SCANNED_PX: Final = 15.0
"""Size at which the scan sees the smallest faces: those of 12 px score 0.3 to 0.5 in it, those of 15 px 0.5 to 0.6."""

_CLOSE_SIZE: Final = 160
"""Long side of the look that finds faces which fill the frame: at 640 px the net finds few of those that are larger than it."""

_MAX_ENLARGE: Final = 4.0
_TILE_SIDE: Final = 1344
_TILE_OVERLAP: Final = 128

_CLOSE_UP_SIDE: Final = 128
_CLOSE_UP_SHARE: Final = 0.5

_SCAN_WEIGHT: Final = 0.4
"""Weight of the scan in the score; the close-up has the rest. Both lie in 0..1."""

_SAME_FACE_IOU: Final = 0.3
_OVER_THE_EDGE: Final = 0.05


@dataclass(frozen=True)
class Search:
    """What one call looks for.

    Attributes
    ----------
    size : int
        Long side of the look at the whole picture.
    min_face_px : float
        Height of the smallest faces to be found, pixels of the picture.
    candidate : float
        Scan score from which a close-up is worth its time.
    min_score : float
        Least score of a face.
    nms_iou : float
        Overlap above which two boxes are one face.
    """

    size: int
    min_face_px: float
    candidate: float
    min_score: float
    nms_iou: float

    def __call__(self, session: Session, image: Image) -> Candidates:
        """Return the faces of one picture, best first, in its pixels."""
        return self._confirm(session, image, self._scan(session, image))

    def _scan(self, session: Session, image: Image) -> Candidates:
        size_wh = (image.shape[1], image.shape[0])
        views = scan_views(size_wh, self.size, self.min_face_px)
        found = look(session, image, views, self.candidate, self.nms_iou)
        whole = [_pick(f, _inside(f.boxes_xyxy, view, size_wh)) for f, view in zip(found, views, strict=True)]
        return self._merge(Candidates(*(np.concatenate(column) for column in zip(*whole, strict=True))))

    def _confirm(self, session: Session, image: Image, found: Candidates) -> Candidates:
        """Look at each candidate in a square of twice its size; take place and points from there, and the score from both."""
        near = look(session, image, close_ups(found.boxes_xyxy, _CLOSE_UP_SIDE, _CLOSE_UP_SHARE), self.candidate, self.nms_iou)
        boxes, points, scores = (column.copy() for column in found)
        scores *= _SCAN_WEIGHT
        for i, seen in enumerate(near):
            same = np.flatnonzero(iou(found.boxes_xyxy[i : i + 1], seen.boxes_xyxy)[0] >= _SAME_FACE_IOU)
            if same.size:
                best = same[seen.scores[same].argmax()]
                boxes[i], points[i] = seen.boxes_xyxy[best], seen.points_xy[best]
                scores[i] += (1 - _SCAN_WEIGHT) * seen.scores[best]
        kept = scores >= self.min_score
        return self._merge(Candidates(boxes[kept], points[kept], scores[kept]))

    def _merge(self, found: Candidates) -> Candidates:
        return _pick(found, nms(found.boxes_xyxy, found.scores, self.nms_iou))


def scan_views(size_wh: tuple[int, int], size: int, min_face_px: float) -> list[View]:
    """Return what the scan looks at.

    Parameters
    ----------
    size_wh : tuple of int
        Width and height of the picture.
    size : int
        Long side of the look at the whole picture, net pixels.
    min_face_px : float
        Height of the smallest faces. When they would be too small in that look, the picture is covered by tiles at a scale
        at which they are large enough; a single tile stands in for the look at the whole.

    Examples
    --------
    >>> [view.size_wh for view in scan_views((1280, 720), 640, 15)]
    [(1280, 720), (160, 90)]
    >>> [view.size_wh for view in scan_views((3840, 2160), 640, 12)][-2:]
    [(640, 360), (160, 90)]
    """
    scale = _SCANNED_PX / min_face_px
    scaled = max(size_wh) * scale
    # A face that every tile cuts is larger than the overlap, and then large enough in the look at the whole.
    overlap = max(_TILE_OVERLAP, int(np.ceil(_SCANNED_PX * scaled / size)))
    views = tile_views(size_wh, scale, max(_TILE_SIDE, 2 * overlap), overlap) if scaled > size else []
    if len(views) != 1:
        views.append(whole_view(size_wh, size, _MAX_ENLARGE))
    if max(views[-1].size_wh) > _CLOSE_SIZE:
        views.append(whole_view(size_wh, _CLOSE_SIZE, 1.0))
    return views


def _inside(boxes_xyxy: Floats, view: View, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which boxes do not reach over an edge of the view that is not an edge of the picture: a tile cut those faces."""
    x0, y0, x1, y1 = view.region_xyxy
    slack = _OVER_THE_EDGE * (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2])
    low = (boxes_xyxy[:, :2] >= np.array([x0, y0]) - slack) | (np.array([x0, y0]) <= 0)
    high = (boxes_xyxy[:, 2:] <= np.array([x1, y1]) + slack) | (np.array([x1, y1]) >= np.array(size_wh))
    return np.asarray((low & high).all(axis=1))


def _pick(found: Candidates, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Candidates:
    return Candidates(found.boxes_xyxy[rows], found.points_xy[rows], found.scores[rows])
