"""Find faces: three grades of care, one kind of answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

from sightline.core.boxes import nms
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.observations import Faces
from sightline.perception.anchors import Candidates
from sightline.perception.faces import blazeface
from sightline.perception.faces.lighting import lift, mean_light
from sightline.perception.faces.search import DEFAULT_FACE_PX, DEFAULT_SIZE, Search
from sightline.runtime.cards import load_card
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

Grade = Literal["near", "full", "thorough"]

_LAYOUTS: Final = {"near": blazeface.SHORT_RANGE, "full": blazeface.FULL_RANGE}
_SMALLEST_SIZE: Final = 64
_SMALLEST_FACE_PX: Final = 6


class FaceDetector:
    """Finds faces and five points of each.

    =========== ======================= ======================================= =====================================
    grade       net                     finds faces                             points
    =========== ======================= ======================================= =====================================
    near        BlazeFace short range   from an eighth of the long side upwards mouth corners estimated
    full        BlazeFace full range    from a sixteenth upwards                mouth corners estimated
    thorough    CenterFace              from 12 px in any picture, also 4K,     all five from the net
                                        to faces that fill the frame
    =========== ======================= ======================================= =====================================

    ``near`` and ``full`` look once at the whole picture. ``thorough`` looks at the whole picture at two sizes and, when it
    is large, at all of it in tiles at full resolution; each candidate is then confirmed in a close-up. In a dark picture
    every grade looks a second time, at a copy without noise and with more light, and joins what both looks found.

    BlazeFace gives the middle of the mouth but not its corners; ``near`` and ``full`` put them on both sides of it, along the
    line of the eyes (``blazeface.five_points``), which is right for a closed mouth at rest and only near for others.

    Parameters
    ----------
    grade : {"near", "full", "thorough"}
        See the table.
    device : {"auto", "cpu", "cuda"}
        CUDA serves ``thorough`` only; the other nets run on the CPU.
    threads : int, optional
        Threads of one call; by default ``sightline.runtime.session.default_threads()``.

    Raises
    ------
    ModelNotFetchedError, ModelCorruptError
        When the weights of the grade (``face_detector_near``, ``_full``, ``_thorough``) are not on this machine, or damaged.
    DeviceError
        When the device is not to be had.

    References
    ----------
    Bazarevsky et al., "BlazeFace", 2019. Xu et al., "CenterFace", 2019.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> [faces] = FaceDetector("thorough")([astronaut()])
    >>> len(faces), faces.points_xy.shape
    (1, (1, 5, 2))
    """

    def __init__(self, grade: Grade = "thorough", *, device: Device = "auto", threads: int | None = None) -> None:
        if grade not in get_args(Grade):
            raise InvalidInputError(f"grade must be one of {', '.join(get_args(Grade))}, got {grade!r}")
        name = f"face_detector_{grade}"
        self._grade: Grade = grade
        self._card = load_card(name)
        self._session = open_model(name, device=device, threads=threads)

    @property
    def provider(self) -> str:
        """Return which engine and device runs the net."""
        return self._session.provider()

    def __call__(
        self,
        images: Sequence[Image],
        *,
        min_score: float | None = None,
        size: int | None = None,
        min_face_px: float | None = None,
        lift_dark: bool = True,
    ) -> list[Faces]:
        """Find the faces of each picture; safe to call from several threads at once.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        min_score : float, optional
            Least score, between 0 and 1; by default the card's. Scores of different grades do not compare.
        size : int, optional
            ``thorough`` only: long side of the look at the whole picture, pixels, at least 64; by default 640. Pictures in which
            the smallest faces would be too small at that size are looked at in tiles too.
        min_face_px : float, optional
            ``thorough`` only: height of the smallest faces to be found, pixels of the picture, at least 6; by default 12. The
            time of a look at a large picture falls with the square of it: 24 takes a quarter of 12.
        lift_dark : bool
            Look at dark pictures a second time.

        Returns
        -------
        list of Faces
            One a picture, best first, with ``points_xy``. Boxes go from ear to ear and from the forehead to the chin; at the
            picture's edge they may reach over it.

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image or an option is out of range.
        """
        least = self._card.threshold("min_score") if min_score is None else min_score
        if not 0 < least < 1:
            raise InvalidInputError(f"min_score must lie between 0 and 1, got {min_score}")
        if size is not None and (self._grade != "thorough" or size < _SMALLEST_SIZE):
            raise InvalidInputError(f"size must be at least {_SMALLEST_SIZE} and is for grade 'thorough', got {size} for {self._grade!r}")
        if min_face_px is not None and (self._grade != "thorough" or not min_face_px >= _SMALLEST_FACE_PX):
            given = f"got {min_face_px} for {self._grade!r}"
            raise InvalidInputError(f"min_face_px must be at least {_SMALLEST_FACE_PX} and is for grade 'thorough', {given}")
        look = self._looking(least, DEFAULT_SIZE if size is None else size, DEFAULT_FACE_PX if min_face_px is None else min_face_px)
        return [self._find(check_image(image), look, lift_dark) for image in images]

    def _looking(self, min_score: float, size: int, min_face_px: float) -> Callable[[Image], Candidates]:
        card, session = self._card, self._session
        if self._grade == "thorough":
            search = Search(size, min_face_px, card.threshold("candidate"), min_score, card.threshold("nms_iou"))
            return lambda image: search(session, image)
        layout, blend_iou = _LAYOUTS[self._grade], card.threshold("blend_iou")
        return lambda image: blazeface.look(session, layout, image, min_score, blend_iou)

    def _find(self, image: Image, look: Callable[[Image], Candidates], lift_dark: bool) -> Faces:
        found = _as_faces(look(image))
        if lift_dark and mean_light(image) < self._card.threshold("dark"):
            both = Faces.concatenate([found, _as_faces(look(lift(image)))])
            found = both[nms(both.boxes_xyxy, both.scores, self._card.threshold("nms_iou"))]
        return found


def _as_faces(found: Candidates) -> Faces:
    return Faces(found.boxes_xyxy, found.scores, points_xy=found.points_xy)
