"""Stable ids for faces, bodies, hands and objects within one video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sightline.core.assignment import assign
from sightline.core.boxes import iou
from sightline.core.errors import InvalidInputError
from sightline.core.observations import Detections, Observations, Tracks
from sightline.tracking.motion import Motion, leap_distances

Kind = TypeVar("Kind", bound=Observations)
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_TURNED_LABEL_IOU = 0.7
_EPS_S = 1e-6


@dataclass(frozen=True)
class BoxTrackerOptions:
    """When a box continues a track, when one begins and when one ends.

    Parameters
    ----------
    high_score : float
        Boxes from this score on are matched first; weaker ones may only continue a track that is in view.
    new_score : float
        A track begins with a box of at least this score.
    min_iou : float
        Least overlap with the place where the track is expected.
    weak_min_iou : float
        The same for weak boxes.
    max_distance : float
        A box that overlaps nothing continues a track when its centre is nearer than this many mean sizes (roots of the
        areas) and neither is twice as large as the other; 0 turns it off.
    max_distance_unseen_s : float
        Only tracks seen within this time are continued by distance, seconds.
    max_unseen_s : float
        A track ends when it was not seen for longer, seconds.
    confirm_hits : int
        A track gets its id once it was seen this many times without a gap (1: at once). In the first frame
        everything gets an id at once.

    Raises
    ------
    InvalidInputError
        When a number is outside its range.
    """

    high_score: float = 0.4
    new_score: float = 0.4
    min_iou: float = 0.3
    weak_min_iou: float = 0.4
    max_distance: float = 0.7
    max_distance_unseen_s: float = 0.25
    max_unseen_s: float = 1.0
    confirm_hits: int = 2

    def __post_init__(self) -> None:
        """Refuse numbers outside their range."""
        shares = (self.high_score, self.new_score, self.min_iou, self.weak_min_iou)
        if not all(0 <= s <= 1 for s in shares) or self.max_distance < 0 or self.max_unseen_s < 0 or self.confirm_hits < 1:
            raise InvalidInputError(f"scores and IoUs must lie in 0..1, times and distances be at least 0, confirm_hits at least 1: {self}")


@dataclass(frozen=True, eq=False)
class _Book:
    """What is known of each track beside its motion; columns of length n."""

    ids: Ints
    labels: Ints
    scores: Floats
    hits: Ints
    born_s: NDArray[np.float64]
    seen_s: NDArray[np.float64]

    @classmethod
    def blank(cls) -> _Book:
        whole, real = np.zeros(0, np.int64), np.zeros(0, np.float64)
        return cls(whole, whole, np.zeros(0, np.float32), whole, real, real)

    def take(self, rows: Ints | NDArray[np.bool_]) -> _Book:
        return _Book(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def join(self, other: _Book) -> _Book:
        return _Book(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__dataclass_fields__))


class BoxTracker:
    """Gives each thing in a video an id that it keeps.

    Boxes are matched with the places where the known tracks are expected (a constant-velocity Kalman filter in true
    seconds), by the best total overlap: first the sure boxes, then the weak ones with the tracks still open, then, for
    small things that leap, by the distance of centres. Labels are kept apart, but a box whose label flickers in place
    (IoU 0.7) stays in its track.

    Parameters
    ----------
    options : BoxTrackerOptions
        When tracks begin, go on and end; all times in seconds, so any frame rate will do.

    References
    ----------
    A. Bewley et al., "Simple online and realtime tracking" (SORT), ICIP 2016; Y. Zhang et al., "ByteTrack: Multi-object
    tracking by associating every detection box", ECCV 2022 (the second, low-score association).

    Examples
    --------
    >>> from sightline.core.observations import Faces
    >>> tracker = BoxTracker()
    >>> for time_s, x in [(0.0, 10), (0.04, 14), (0.08, 18)]:
    ...     faces = Faces(np.array([[200, 50, 240, 90], [x, 50, x + 40, 90]]), np.array([0.9, 0.8]))
    ...     print(tracker.update(faces, time_s).ids.tolist())
    [1, 2]
    [1, 2]
    [1, 2]
    """

    def __init__(self, options: BoxTrackerOptions | None = None) -> None:
        self.options = options or BoxTrackerOptions()
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; ids start at 1 again."""
        self._motion = Motion.start(np.zeros((0, 4)))
        self._book = _Book.blank()
        self._time_s: float | None = None
        self._next_id = 1
        self._label_names: tuple[str, ...] = ()

    def update(self, observations: Kind, time_s: float) -> Kind:
        """Return the same rows with their ``ids`` filled in.

        Parameters
        ----------
        observations : Faces, Bodies, Hands or Detections
            What was found in one frame; the same kind and (for detections) the same ``label_names`` at every call.
        time_s : float
            Presentation time, seconds. A time before the last one (a seek, a clip that loops) ends all tracks.

        Returns
        -------
        Faces, Bodies, Hands or Detections
            ``ids`` is -1 for rows that belong to no confirmed track (yet).
        """
        begins = self._time_s is None
        if self._time_s is not None and time_s < self._time_s:
            self._forget()
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if isinstance(observations, Detections):
            self._label_names = observations.label_names
        self._predict(step_s, time_s)
        labels = observations.labels if isinstance(observations, Detections) else np.zeros(len(observations), np.int64)
        tracks, rows = self._match(observations.boxes_xyxy, observations.scores, labels)
        self._follow(tracks, rows, observations, labels)
        place = np.full(len(observations), -1, np.int64)
        place[rows] = tracks
        free = np.flatnonzero((place < 0) & (observations.scores >= self.options.new_score))
        place[free] = len(self._book.ids) + np.arange(len(free))
        self._begin(free, observations, labels, confirmed=begins or self.options.confirm_hits == 1)
        ids = np.full(len(observations), -1, np.int64)
        ids[place >= 0] = self._book.ids[place[place >= 0]]
        return replace(observations, ids=ids)

    def tracks(self, *, max_unseen_s: float = np.inf) -> Tracks:
        """Return the confirmed tracks as they stand, those out of sight where they are expected.

        Parameters
        ----------
        max_unseen_s : float
            Leave out tracks that were not seen for longer, seconds (0: only those in the last frame).
        """
        now = self._time_s or 0.0
        unseen = now - self._book.seen_s
        keep = (self._book.ids >= 0) & (unseen <= max_unseen_s + _EPS_S)
        book, motion = self._book.take(keep), self._motion.take(keep)
        return Tracks(
            motion.boxes_xyxy(),
            book.scores,
            book.ids,
            labels=book.labels if self._label_names else None,
            velocity_xy=motion.speed[:, :2].astype(np.float32),
            age_s=(now - book.born_s).astype(np.float32),
            unseen_s=unseen[keep].astype(np.float32),
            label_names=self._label_names,
        )

    def _forget(self) -> None:
        next_id, names = self._next_id, self._label_names
        self.reset()
        self._next_id, self._label_names = next_id, names

    def _predict(self, step_s: float, time_s: float) -> None:
        unseen = time_s - step_s - self._book.seen_s > _EPS_S
        self._motion = self._motion.predict(step_s, coasting=unseen)
        # A track not yet confirmed ends at its first gap.
        alive = (time_s - self._book.seen_s <= self.options.max_unseen_s + _EPS_S) & ~((self._book.ids < 0) & unseen)
        if not alive.all():
            self._motion, self._book = self._motion.take(alive), self._book.take(alive)

    def _match(self, boxes: Floats, scores: Floats, labels: Ints) -> tuple[Ints, Ints]:
        """Return pairs of (track, row)."""
        opt, book = self.options, self._book
        if not len(boxes) or not len(book.ids):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        expected = self._motion.boxes_xyxy()
        overlap = iou(expected, boxes)
        same = book.labels[:, None] == labels[None, :]
        unseen = (self._time_s or 0.0) - book.seen_s
        last = unseen.min() if len(unseen) else 0.0
        in_view, recent = unseen <= last + _EPS_S, unseen <= opt.max_distance_unseen_s + last
        high = scores >= opt.high_score
        rounds = [
            (np.where(same & high, 1 - overlap, np.inf), 1 - opt.min_iou),
            (np.where(same & in_view[:, None] & ~high, 1 - overlap, np.inf), 1 - opt.weak_min_iou),
            (np.where(~same & in_view[:, None] & high, 1 - overlap, np.inf), 1 - _TURNED_LABEL_IOU),
        ]
        if opt.max_distance > 0:
            far = leap_distances(expected, boxes)
            rounds.append((np.where(same & recent[:, None] & high, far, np.inf), opt.max_distance))
        track_of = np.full(len(boxes), -1, np.int64)
        for cost, limit in rounds:
            open_tracks = np.setdiff1d(np.arange(len(expected)), track_of, assume_unique=True)
            open_rows = np.flatnonzero(track_of < 0)
            tracks, rows = assign(cost[np.ix_(open_tracks, open_rows)], limit)
            track_of[open_rows[rows]] = open_tracks[tracks]
        matched = np.flatnonzero(track_of >= 0)
        return track_of[matched], matched

    def _follow(self, tracks: Ints, rows: Ints, observations: Observations, labels: Ints) -> None:
        if not len(tracks):
            return
        self._motion = self._motion.correct(tracks, observations.boxes_xyxy[rows])
        book = self._book
        book.hits[tracks] += 1
        book.seen_s[tracks] = self._time_s or 0.0
        # The label follows the better of what was seen; the old score fades so that a lasting change wins.
        stronger = observations.scores[rows] > book.scores[tracks] * np.float32(0.95)
        turned = stronger | (labels[rows] == book.labels[tracks])
        book.labels[tracks] = np.where(turned, labels[rows], book.labels[tracks])
        book.scores[tracks] = np.where(turned, observations.scores[rows], book.scores[tracks] * np.float32(0.95))
        for track in tracks[(book.ids[tracks] < 0) & (book.hits[tracks] >= self.options.confirm_hits)]:
            book.ids[track] = self._new_ids(1)[0]

    def _begin(self, rows: Ints, observations: Observations, labels: Ints, *, confirmed: bool) -> None:
        if not len(rows):
            return
        n = len(rows)
        ids = self._new_ids(n) if confirmed else np.full(n, -1, np.int64)
        now = np.full(n, self._time_s, np.float64)
        fresh = _Book(ids, labels[rows].copy(), observations.scores[rows].copy(), np.ones(n, np.int64), now, now.copy())
        self._book = self._book.join(fresh)
        self._motion = self._motion.join(Motion.start(observations.boxes_xyxy[rows]))

    def _new_ids(self, count: int) -> Ints:
        first, self._next_id = self._next_id, self._next_id + count
        return np.arange(first, first + count)
