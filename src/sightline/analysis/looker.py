"""Looking: the nets that an analysis needs, opened once, for pictures and for the frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.analysis.document import Kind
from sightline.analysis.findings import Findings
from sightline.analysis.options import Options
from sightline.core.frame import Image
from sightline.core.observations import Bodies, Detections, Faces, Hands, TextLines
from sightline.runtime.session import default_threads
from sightline.runtime.weights import recording
from sightline.tracking import LandmarkTracker, without_twins

if TYPE_CHECKING:
    from sightline.perception.faces import FaceDetector

Step = Callable[[str], AbstractContextManager[None]]
"""Times one step: ``with step("faces"): …``."""
Grade = Literal["near", "full", "thorough"]
_MIN_BODY_SCORE = 0.5
_SMALLEST_VIDEO_FACE_PX, _VIDEO_FACE_SHARE = 24, 54


def untimed(name: str) -> AbstractContextManager[None]:
    """Time nothing."""
    return nullcontext()


class Looker:
    """Finds what the options name. Opens the nets once; its methods may be called from several threads.

    Parameters
    ----------
    options : Options
        What to look for, and how hard.

    Raises
    ------
    ModelNotFetchedError, ModelCorruptError
        When a net is not on this machine.
    DeviceError
        When the device asked for is not there.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> looker = Looker(Options(only=("faces", "hands")))
    >>> looker.look(astronaut()).counts()["faces"]
    1
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        only = self.options.only
        cores = self.options.threads or default_threads()
        side_by_side = min(len(only), cores)
        self._how: dict[str, Any] = {"device": self.options.device, "threads": max(1, cores // side_by_side)}
        self._pool = ThreadPoolExecutor(max_workers=side_by_side, thread_name_prefix="sightline-look")
        self._detectors: dict[str, FaceDetector] = {}
        self.mattes_bodies = {"bodies", "people"} <= set(only)
        with recording() as self._opened:
            self._open(only)

    def _open(self, only: tuple[Kind, ...]) -> None:
        """Open what is needed; imports are here because the engines behind some kinds are slow to load."""
        if "faces" in only:
            from sightline.perception.faces import FaceMesh, measure_faces

            grades: set[Grade] = {"thorough", self.options.video_faces}
            for grade in sorted(grades):
                self.face_detector(grade)
            self._mesh, self.measured = FaceMesh(**self._how), measure_faces
        if "bodies" in only:
            from sightline.perception.bodies import BodyPose, MultiPose, PersonDetector

            self._many, self._persons = MultiPose(**self._how), PersonDetector(**self._how)
            self._pose = BodyPose(masks="people" in only, **self._how)
        if "hands" in only:
            from sightline.perception.hands import GestureClassifier, HandPose, PalmDetector, distinct_hands

            self._palms, self._thorough_palms = PalmDetector(**self._how), PalmDetector(thorough=True, **self._how)
            self._hands, self.gestures = HandPose(**self._how), GestureClassifier()
            self._distinct = distinct_hands
        if "people" in only:
            from sightline.perception.people import PersonMatte

            self._matte = PersonMatte(**self._how)
        if "text" in only:
            from sightline.perception.text import TextReader

            self._text = TextReader(**self._how)
        if "objects" in only:
            from sightline.perception.objects import ObjectDetector

            self._objects = ObjectDetector(**self._how)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def models(self) -> list[dict[str, str]]:
        """Return name, sha256 and provider of every net that was opened."""
        return [asdict(model) for model in self._opened]

    def side_by_side(self, tasks: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        """Run tasks in the pool and return their results by name; a task may give several results, as a dict."""
        futures = {name: self._pool.submit(task) for name, task in tasks.items()}
        results: dict[str, Any] = {}
        for name, future in futures.items():
            result = future.result()
            results.update(result if isinstance(result, dict) else {name: result})
        return results

    def look(self, image: Image, step: Step = untimed) -> Findings:
        """Return what is in one picture.

        Parameters
        ----------
        image : ndarray of uint8, shape (height, width, 3)
            RGB, upright.
        step : callable
            Times the steps.
        """
        looks: dict[str, Callable[[], Any]] = {kind: partial(getattr(self, kind), image, step) for kind in self.options.only}
        if self.mattes_bodies:
            looks["bodies"] = lambda: self.with_matte(image, self.bodies(image, step), step)
            del looks["people"]
        return Findings(**self.side_by_side(looks))

    def faces(self, image: Image, step: Step = untimed) -> Faces:
        """Return the faces of one picture, with meshes."""
        with step("faces"):
            return self.measured(self._mesh([image], self.face_detector("thorough")([image]))[0])

    def bodies(self, image: Image, step: Step = untimed) -> Bodies:
        """Return the bodies of one picture; with masks when the matte is wanted too."""
        with step("bodies"):
            likely = Bodies.concatenate([self._many([image])[0], self._persons([image])[0]])
            seen = self._pose([image], [likely])[0]
            return without_twins(seen[seen.scores >= _MIN_BODY_SCORE])

    def hands(self, image: Image, step: Step = untimed) -> Hands:
        """Return the hands of one picture, with gestures."""
        with step("hands"):
            return self.gestures(self._distinct(self._hands([image], self._thorough_palms([image]))[0]))

    def people(self, image: Image, step: Step = untimed, bodies: Bodies | None = None) -> NDArray[np.uint8]:
        """Return the matte of all people in one picture; of those whose bodies are known, when they are given."""
        with step("people"):
            return self._matte([image], None if bodies is None else [bodies])[0]

    def with_matte(self, image: Image, bodies: Bodies, step: Step = untimed) -> dict[str, Any]:
        """Return the bodies without their masks, and the matte that is made of them."""
        return {"bodies": replace(bodies, masks=None), "people": self.people(image, step, bodies)}

    def text(self, image: Image, step: Step = untimed) -> TextLines:
        """Return the lines of text in one picture."""
        with step("text"):
            return self._text([image])[0]

    def objects(self, image: Image, step: Step = untimed) -> Detections:
        """Return the objects in one picture."""
        with step("objects"):
            return self._objects([image], tile=self.options.tiled)[0]

    def thorough_video_look(self, images: Sequence[Image]) -> list[Faces]:
        """Return the faces of video frames by the thorough detector, at a cost that does not grow with the frame's size."""
        smallest_px = max(_SMALLEST_VIDEO_FACE_PX, *(round(max(image.shape[:2]) / _VIDEO_FACE_SHARE) for image in images))
        return self.face_detector("thorough")(images, min_face_px=smallest_px)

    def face_detector(self, grade: Grade) -> FaceDetector:
        """Return the face detector of a grade, opened once."""
        from sightline.perception.faces import FaceDetector

        if grade not in self._detectors:
            self._detectors[grade] = FaceDetector(grade, **self._how)
        return self._detectors[grade]

    def face_tracker(self, detect: Callable[..., list[Faces]]) -> LandmarkTracker[Faces]:
        """Return a new follower of face meshes that looks for newcomers with ``detect``."""
        return LandmarkTracker(detect, self._mesh, max_count=self.options.max_faces)

    def body_tracker(self) -> LandmarkTracker[Bodies]:
        """Return a new follower of bodies."""
        return LandmarkTracker(self._look_for_people, self._pose, max_count=self.options.max_bodies)

    def _look_for_people(self, images: Sequence[Image]) -> list[Bodies]:
        """Look with the detector for many people, and where it sees nobody, with the one for somebody near."""
        return [rows if len(rows) else self._persons([image])[0] for image, rows in zip(images, self._many(images), strict=True)]

    def hand_tracker(self) -> LandmarkTracker[Hands]:
        """Return a new follower of hands."""
        return LandmarkTracker(self._palms, self._hands, max_count=self.options.max_hands)
