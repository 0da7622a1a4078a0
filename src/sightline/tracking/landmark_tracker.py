"""Landmarks over a video: the detector looks only when it must, ids stay, points are steady."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sightline.core.assignment import assign
from sightline.core.boxes import iou
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Frame, Image
from sightline.core.observations import Bodies, Faces, Hands, Observations
from sightline.tracking.motion import leap_distances
from sightline.tracking.one_euro import OneEuroFilter, OneEuroOptions

Kind = TypeVar("Kind", bound=Faces | Bodies | Hands)

STEADY = OneEuroOptions()
"""The smoothing that ``LandmarkTracker`` takes unless it is told another."""

_REMEMBER_S = 1.0
_LEAP_SIZES = 0.75
_SAME_IOU = 0.5
_SAME_POINTS = 0.3
# Two faces cannot stand in nearly the same place; two bodies or hands can.
_SAME_FACE_IOU, _SAME_FACE_POINTS = 0.25, 0.6
_PIXEL_COLUMNS = ("mesh_xyz", "points_xyz", "points_xy", "boxes_xyxy")
_WORLD_COLUMN = "world_xyz_m"


class LandmarkTracker(Generic[Kind]):
    """Follows the landmarks of faces, bodies or hands through a video.

    Each frame's regions of interest come from the previous frame's landmarks, so the detector rests while the landmark
    net is sure of what it sees. It looks again

    * in the first frame, and after the picture's size or the time has jumped;
    * at once in the frame in which something was lost, unless a look within the last ``redetect_s`` found nothing new;
    * every ``redetect_s`` while fewer than ``max_count`` are followed, for newcomers.

    What is found twice (overlapping boxes and the same points in the same place) is kept once, the one that was followed
    longer. Something that is found again within a second near to where it was lost gets its old id back.

    Parameters
    ----------
    detect : callable
        ``detect(images) -> [Faces | Bodies | Hands]``: a detector of ``sightline.perception``.
    landmarks : callable
        ``landmarks(images, regions) -> [same kind]``: a landmark model of ``sightline.perception``.
    max_count : int
        Follow at most this many, at least 1.
    redetect_s : float
        Time between looks for newcomers, seconds; 0: every frame while there is room.
    min_score : float
        What the landmark net is less sure of (``mesh_scores`` of faces, else ``scores``) is lost.
    smooth : OneEuroOptions or None
        Smoothing of the points that ``update`` returns, speeds measured in box sizes (root of the area) a second. The
        regions follow the unsmoothed points, so smoothing adds no lag to the following. None: none.

    Attributes
    ----------
    looks : int
        How often the detector has run.

    Raises
    ------
    InvalidInputError
        When ``max_count``, ``redetect_s`` or ``min_score`` is out of range.

    Examples
    --------
    >>> def detect(images):
    ...     return [Hands(np.array([[20, 20, 60, 60]]), np.array([0.9])) for _ in images]
    >>> def landmarks(images, regions):
    ...     return [replace(r, points_xyz=np.full((len(r), 21, 3), 40.0)) for r in regions]
    >>> tracker = LandmarkTracker(detect, landmarks, max_count=1)
    >>> for index in range(3):
    ...     hands = tracker.update(Frame(np.zeros((80, 80, 3), np.uint8), index, index / 30))
    >>> hands.ids.tolist(), tracker.looks
    ([1], 1)
    """

    def __init__(
        self,
        detect: Callable[[Sequence[Image]], list[Kind]],
        landmarks: Callable[[Sequence[Image], Sequence[Kind]], list[Kind]],
        *,
        max_count: int = 1,
        redetect_s: float = 0.25,
        min_score: float = 0.5,
        smooth: OneEuroOptions | None = STEADY,
    ) -> None:
        if max_count < 1 or redetect_s < 0 or not 0 <= min_score <= 1:
            raise InvalidInputError(
                f"expected max_count >= 1, redetect_s >= 0 and min_score in 0..1, got {max_count}, {redetect_s} and {min_score}"
            )
        self._detect: Callable[[Sequence[Image]], list[Any]] = detect
        self._landmarks: Callable[[Sequence[Image], Sequence[Any]], list[Any]] = landmarks
        self.max_count, self.redetect_s, self.min_score = max_count, redetect_s, min_score
        self._filters = {} if smooth is None else {name: OneEuroFilter(smooth) for name in (*_PIXEL_COLUMNS, _WORLD_COLUMN)}
        self._rows: Any = None
        self._lost: list[tuple[int, NDArray[np.float32], float]] = []
        self._size_wh, self._time_s = (0, 0), -np.inf
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self.looks = 0
        self._next_id = 1
        self._forget()

    def update(self, frame: Frame) -> Kind:
        """Return what is there in this frame, with ids and smoothed points.

        Parameters
        ----------
        frame : Frame
            The next frame of the video.

        Returns
        -------
        Faces, Bodies or Hands
            At most ``max_count`` rows, longest followed first.
        """
        step_s = frame.time_s - self._time_s
        if frame.size_wh != self._size_wh or not 0 <= step_s <= _REMEMBER_S:
            self._forget()
        self._size_wh, self._time_s = frame.size_wh, frame.time_s
        rows, lost = self._follow(frame)
        if self._must_look(len(rows) if rows is not None else 0, lost):
            rows = self._look(frame, rows)
        self._rows = rows
        smoothed: Kind = self._smoothed(rows)
        return smoothed

    def _forget(self) -> None:
        self._rows, self._lost = None, []
        self._looked_s = -np.inf
        self._found_new = True
        self._size_wh, self._time_s = (0, 0), -np.inf
        for smooth in self._filters.values():
            smooth.reset()

    def _follow(self, frame: Frame) -> tuple[Any, bool]:
        """Return the rows that are still there, and whether any was lost."""
        before = self._rows
        if before is None or not len(before):
            return before, False
        rows = self._sure(frame, self._landmarks([frame.image], [before])[0])
        rows = without_twins(rows)
        gone = ~np.isin(before.ids, rows.ids)
        for row in np.flatnonzero(gone):
            self._lost.append((int(before.ids[row]), before.boxes_xyxy[row], frame.time_s))
        return rows, bool(gone.any())

    def _must_look(self, count: int, lost: bool) -> bool:
        if count >= self.max_count:
            return False
        return self._time_s - self._looked_s >= self.redetect_s or self._rows is None or (lost and self._found_new)

    def _look(self, frame: Frame, rows: Any) -> Any:
        """Return the rows with newcomers appended."""
        self.looks += 1
        self._looked_s = frame.time_s
        found = self._detect([frame.image])[0]
        known = 0 if rows is None else len(rows)
        if known and len(found):
            found = found[iou(found.boxes_xyxy, rows.boxes_xyxy).max(axis=1) <= _SAME_IOU]
        # What is followed already may be found again with another box: leave room for it, drop it after the landmarks.
        found = found[np.argsort(-found.scores, kind="stable")[: self.max_count]]
        fresh = self._sure(frame, self._landmarks([frame.image], [found])[0]) if len(found) else found
        fresh = replace(fresh, ids=np.full(len(fresh), -1, np.int64))
        both = fresh if not known else _join(rows, fresh)
        both = without_twins(both)[: self.max_count]
        self._found_new = len(both) > known
        return self._named(both, known)

    def _sure(self, frame: Frame, rows: Any) -> Any:
        """Drop the rows of which the landmark net is not sure, and those that left the picture."""
        if not len(rows):
            return rows
        mesh_scores = getattr(rows, "mesh_scores", None)
        sure = rows.scores if mesh_scores is None else mesh_scores
        middle = (rows.boxes_xyxy[:, :2] + rows.boxes_xyxy[:, 2:]) / 2
        inside = ((middle >= 0) & (middle < np.asarray(frame.size_wh))).all(axis=1)
        keep = (sure >= self.min_score) & inside & (rows.boxes_xyxy[:, 2:] > rows.boxes_xyxy[:, :2]).all(axis=1)
        return rows if keep.all() else rows[keep]

    def _named(self, rows: Any, known: int) -> Any:
        """Give the rows from ``known`` on an id: that of something lost nearby, else a new one."""
        self._lost = [entry for entry in self._lost if self._time_s - entry[2] <= _REMEMBER_S]
        ids = rows.ids.copy()
        if self._lost and len(rows) > known:
            far = leap_distances(rows.boxes_xyxy[known:], np.stack([box for _, box, _ in self._lost]))
            pairs = list(zip(*assign(far, _LEAP_SIZES), strict=True))
            for row, entry in pairs:
                ids[known + row] = self._lost[entry][0]
            used = {int(entry) for _, entry in pairs}
            self._lost = [entry for place, entry in enumerate(self._lost) if place not in used]
        for row in np.flatnonzero(ids < 0):
            ids[row], self._next_id = self._next_id, self._next_id + 1
        return replace(rows, ids=ids)

    def _smoothed(self, rows: Any) -> Any:
        if not self._filters or not len(rows):
            return rows
        sizes = _sizes(rows.boxes_xyxy)
        columns = {}
        for name, smooth in self._filters.items():
            values = getattr(rows, name, None)
            if values is not None:
                unit = np.ptp(values, axis=1).max(axis=1) if name == _WORLD_COLUMN else sizes
                columns[name] = smooth(values, self._time_s, sizes=unit, ids=rows.ids)
        return replace(rows, **columns)


def _join(rows: Any, fresh: Any) -> Any:
    return type(rows).concatenate([rows, fresh]) if len(fresh) else rows


def _sizes(boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    wh = np.maximum(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 1)
    return np.asarray(np.sqrt(wh[:, 0] * wh[:, 1]), np.float32)


def _points(rows: Observations) -> NDArray[np.float32] | None:
    for name in ("mesh_xyz", "points_xyz"):
        points: NDArray[np.float32] | None = getattr(rows, name, None)
        if points is not None:
            return points[..., :2]
    return None


def without_twins(rows: Kind) -> Kind:
    """Drop rows that are the same thing as an earlier row: overlapping boxes, the same points in nearly the same place.

    Parameters
    ----------
    rows : Faces, Bodies or Hands
        Of one picture, with landmarks; what should stay comes first.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 50, 50], [1, 0, 51, 50], [90, 0, 140, 50]])
    >>> hands = Hands(boxes, np.ones(3), points_xyz=np.repeat(boxes[:, None, :3], 21, axis=1))
    >>> len(without_twins(hands))
    2
    """
    if len(rows) < 2:
        return rows
    min_iou, max_apart = (_SAME_FACE_IOU, _SAME_FACE_POINTS) if isinstance(rows, Faces) else (_SAME_IOU, _SAME_POINTS)
    same = iou(rows.boxes_xyxy, rows.boxes_xyxy) > min_iou
    np.fill_diagonal(same, False)
    if not same.any():
        return rows
    points, sizes = _points(rows), _sizes(rows.boxes_xyxy)
    keep = np.ones(len(rows), bool)
    for late in range(1, len(rows)):
        for early in np.flatnonzero(same[late, :late] & keep[:late]):
            apart = 0.0 if points is None else float(np.linalg.norm(points[late] - points[early], axis=1).mean())
            keep[late] &= apart > max_apart * min(sizes[late], sizes[early])
    kept: Any = rows[keep]
    return kept  # type: ignore[no-any-return]
