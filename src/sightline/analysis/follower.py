"""Looking at the frames of one video, with memory: what is known from the last frames makes the next one cheap."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from sightline.analysis.findings import Findings
from sightline.analysis.looker import Looker, Step, untimed
from sightline.core.boxes import iou
from sightline.core.frame import Frame, Image
from sightline.core.observations import Detections, Faces, Observations, TextLines
from sightline.tracking import BoxTracker

_SAME_FACE_IOU = 0.3
_EPS_S = 1e-6


class Moment(NamedTuple):
    """What is known at one frame.

    Attributes
    ----------
    findings : Findings
        What was looked for in this very frame.
    carried : tuple of Observations
        What was found a moment ago, in a frame in which it was looked for: good enough to be drawn.
    """

    findings: Findings
    carried: tuple[Observations, ...]


class Every:
    """Says when it is time again.

    Examples
    --------
    >>> due = Every(1.0)
    >>> [due(t) for t in (0.0, 0.5, 1.0)]
    [True, False, True]
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last_s = -np.inf

    def __call__(self, time_s: float) -> bool:
        """Return whether it is time again; a jump backward starts anew."""
        if time_s < self._last_s or time_s >= self._last_s + self.seconds - _EPS_S:
            self._last_s = time_s
            return True
        return False


class FaceFollower:
    """Follows faces: meshes of those large enough, boxes of the others at every thorough look."""

    def __init__(self, looker: Looker) -> None:
        options = looker.options
        self._quick, self._thorough = looker.face_detector(options.video_faces), looker.thorough_video_look
        self._thorough_due = Every(options.thorough_every_s) if options.thorough_every_s else None
        self._tracker, self._measured = looker.face_tracker(self._detect), looker.measured
        self._ids = BoxTracker()
        self._time_s = 0.0
        self._looked: Faces | None = None
        self._others = self.carried = Faces.empty()

    def _detect(self, images: Sequence[Image]) -> list[Faces]:
        if self._thorough_due is None or not self._thorough_due(self._time_s):
            return self._quick(images)
        found = self._thorough(images)
        self._looked = found[0]
        return found

    def update(self, frame: Frame, step: Step = untimed) -> Faces:
        """Return the faces of the next frame, with ids; ``carried`` then holds those of the last thorough look."""
        with step("faces"):
            return self._update(frame)

    def _update(self, frame: Frame) -> Faces:
        self._time_s, self._looked = frame.time_s, None
        meshed = self._tracker.update(frame)
        if meshed.mesh_xyz is not None:
            meshed = self._measured(meshed)
        if self._looked is None:
            self.carried = unlike(self._others, meshed)
            return self._ids.update(meshed, frame.time_s)
        others = unlike(self._looked, meshed)
        faces = self._ids.update(join(meshed, others), frame.time_s)
        self._others, self.carried = faces[len(meshed) :], Faces.empty()
        return faces


def unlike(faces: Faces, known: Faces) -> Faces:
    """Return the faces that overlap none of the known ones."""
    if not len(faces) or not len(known):
        return faces
    return faces[iou(faces.boxes_xyxy, known.boxes_xyxy).max(axis=1) < _SAME_FACE_IOU]


def join(meshed: Faces, others: Faces) -> Faces:
    """Return both; the others get columns of zeros (``mesh_scores`` 0: no mesh) where the first have values."""
    if not len(others):
        return meshed
    missing = {
        f.name: np.zeros((len(others), *getattr(meshed, f.name).shape[1:]), f.metadata["dtype"])
        for f in fields(meshed)
        if "shape" in f.metadata and len(meshed) and getattr(meshed, f.name) is not None and getattr(others, f.name) is None
    }
    return Faces.concatenate([meshed, replace(others, **missing, action_names=meshed.action_names)])


class Follower:
    """Follows one video frame by frame.

    Faces, bodies and hands are looked at in every frame, guided by the frame before; objects, text and the matte every
    so often, as the options say. Ids are stable within the video.

    Parameters
    ----------
    looker : Looker
        The nets.
    """

    def __init__(self, looker: Looker) -> None:
        self._looker, self._options = looker, looker.options
        only = self._options.only
        self._faces = FaceFollower(looker) if "faces" in only else None
        self._every_frame: dict[str, Callable[[Frame, Step], Any]] = {}
        if self._faces is not None:
            self._every_frame["faces"] = self._faces.update
        if "bodies" in only:
            self._body_tracker = looker.body_tracker()
            self._every_frame["bodies"] = self._bodies
        if "hands" in only:
            self._hand_tracker = looker.hand_tracker()
            self._every_frame["hands"] = self._hands
        self._object_ids = BoxTracker()
        self._objects_due, self._text_due = Every(self._options.objects_every_s), Every(self._options.text_every_s)
        self._people_due = Every(self._options.people_every_s)
        self._last_text: TextLines | None = None
        self._last_objects: Detections | None = None

    def update(self, frame: Frame, step: Step = untimed) -> Moment:
        """Return what is there in the next frame.

        Parameters
        ----------
        frame : Frame
        step : callable
            Times the steps.
        """
        only = self._options.only
        tasks: dict[str, Callable[[], Any]] = {name: functools.partial(update, frame, step) for name, update in self._every_frame.items()}
        if "people" in only and "bodies" not in only and self._people_due(frame.time_s):
            tasks["people"] = lambda: self._looker.people(frame.image, step)
        if "objects" in only and self._objects_due(frame.time_s):
            tasks["objects"] = lambda: self._looker.objects(frame.image, step)
        if "text" in only and self._text_due(frame.time_s):
            tasks["text"] = lambda: self._looker.text(frame.image, step)
        return self._remember(self._looker.side_by_side(tasks), frame.time_s)

    def _bodies(self, frame: Frame, step: Step) -> Any:
        with step("bodies"):
            found = self._body_tracker.update(frame)
        if not self._looker.mattes_bodies:
            return found
        if self._people_due(frame.time_s):
            return self._looker.with_matte(frame.image, found, step)
        return replace(found, masks=None)

    def _hands(self, frame: Frame, step: Step) -> Any:
        with step("hands"):
            return self._looker.gestures(self._hand_tracker.update(frame))

    def _remember(self, found: dict[str, Any], time_s: float) -> Moment:
        carried: list[Observations] = [] if self._faces is None else [self._faces.carried]
        if "objects" in found:
            found["objects"] = self._object_ids.update(found["objects"], time_s)
            self._last_objects = found["objects"]
        elif self._last_objects is not None:
            carried.append(self._last_objects)
        if "text" in found:
            self._last_text = found["text"]
        elif self._last_text is not None:
            carried.append(self._last_text)
        return Moment(Findings(**found), tuple(c for c in carried if len(c)))
