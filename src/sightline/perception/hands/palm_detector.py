"""Find palms and how each hand is turned (BlazePalm)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import letterbox, tiles
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.geometry import Matrix, apply_affine, compose_affine, invert_affine, map_boxes
from sightline.core.observations import Hands
from sightline.media.sampling import warp
from sightline.perception.anchors import Candidates, anchor_centres, blend, decode
from sightline.runtime.cards import load_card
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

_NAME: Final = "palm_detector"
_INPUT_PX: Final = 192
_ANCHORS: Final = ((8, 2), (16, 6))
_PART: Final = 0.6
_DARK_MEAN: Final = 70
_LIFTED_MEAN: Final = 110


class PalmDetector:
    """Finds palms, from about a twelfth of the picture's longer side upwards.

    Boxes are square and around the palm without the fingers; near the picture's edge they may reach over it.
    ``Hands.palm_points_xy`` holds what ``HandPose`` needs to turn the hand upright.

    Parameters
    ----------
    thorough : bool
        Look at the picture as a whole, from twice as far (hands that fill it) and in overlapping parts (small hands), and
        again with the light lifted when it is dark: for pictures, at six to twelve times the time.
    device : {"auto", "cpu", "cuda"}
        The net runs in LiteRT, on the CPU: ``"cuda"`` is an error.
    threads : int, optional
        Threads of one call.

    Raises
    ------
    ModelNotFetchedError
        When the weights are not on this machine.
    DeviceError
        When ``device="cuda"``.

    References
    ----------
    F. Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020, section 2.1.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> [hands] = PalmDetector()([astronaut()])
    >>> len(hands)  # her hands are not in the picture
    0
    """

    def __init__(self, *, thorough: bool = False, device: Device = "auto", threads: int | None = None) -> None:
        self._thorough = thorough
        card = load_card(_NAME)
        self._min_score, self._blend_iou = card.threshold("min_score"), card.threshold("blend_iou")
        self._session = open_model(_NAME, device=device, threads=threads)

    def __call__(self, images: Sequence[Image], *, min_score: float | None = None, max_hands: int | None = None) -> list[Hands]:
        """Find palms in a batch of pictures.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        min_score : float, optional
            Least score, between 0 and 1; by default the card's.
        max_hands : int, optional
            Keep the best so many of each picture; by default all.

        Returns
        -------
        list of Hands
            One a picture, best first, with ``palm_points_xy``.

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image or an option is out of range.
        """
        least = self._min_score if min_score is None else min_score
        if not 0 < least < 1:
            raise InvalidInputError(f"min_score must lie between 0 and 1, got {min_score}")
        if max_hands is not None and max_hands < 1:
            raise InvalidInputError(f"max_hands must be at least 1, got {max_hands}")
        return [self._detect(check_image(image), least)[:max_hands] for image in images]

    def _detect(self, image: Image, min_score: float) -> Hands:
        looks = looks_at(image.shape[:2]) if self._thorough else [letterbox(image.shape[:2], (_INPUT_PX, _INPUT_PX))]
        crops = [warp(image, look, (_INPUT_PX, _INPUT_PX), border=None if i else 0) for i, look in enumerate(looks)]
        if self._thorough and (lift := _lift(crops[0])) is not None:
            looks, crops = looks * 2, crops + [lift[crop] for crop in crops]
        raw_boxes, raw_scores = self._session.run(np.stack(crops) * np.float32(1 / 255))
        centres = anchor_centres((_INPUT_PX, _INPUT_PX), _ANCHORS)
        parts = [
            _placed(decode(boxes, scores, centres, min_score), invert_affine(look))
            for boxes, scores, look in zip(raw_boxes, raw_scores, looks, strict=True)
        ]
        found = blend(Candidates(*(np.concatenate(column) for column in zip(*parts, strict=True))), self._blend_iou)
        return Hands(found.boxes_xyxy, found.scores, palm_points_xy=found.points_xy)


def looks_at(shape_hw: tuple[int, int]) -> list[Matrix]:
    """Return the maps from a picture to the net's input: whole, from twice as far, and in parts where they show more."""
    height, width = shape_hw
    whole = letterbox(shape_hw, (_INPUT_PX, _INPUT_PX))
    farther = compose_affine(whole, [[0.5, 0, _INPUT_PX / 4], [0, 0.5, _INPUT_PX / 4]])
    side = max(1, round(_PART * max(height, width)))
    parts_xyxy = tiles((width, height), (min(side, width), min(side, height)), min(side // 4, width - 1, height - 1))
    parts = [_part(box) for box in parts_xyxy.tolist()] if side >= _INPUT_PX else []
    return [whole, farther, *parts]


def _part(box_xyxy: list[int]) -> Matrix:
    x0, y0, x1, y1 = box_xyxy
    return compose_affine([[1, 0, -x0], [0, 1, -y0]], letterbox((y1 - y0, x1 - x0), (_INPUT_PX, _INPUT_PX)))


def _placed(candidates: Candidates, to_image: Matrix) -> Candidates:
    return Candidates(
        map_boxes(candidates.boxes_xyxy, to_image),
        apply_affine(candidates.points_xy, to_image),
        candidates.scores,
    )


def _lift(crop: Image) -> NDArray[np.uint8] | None:
    """Return the curve that brings a dark picture's mean to ``_LIFTED_MEAN``, or None when it is not dark."""
    mean = float(crop.mean())
    if not 1 <= mean < _DARK_MEAN:
        return None
    gamma = np.log(_LIFTED_MEAN / 255) / np.log(mean / 255)
    return np.asarray(np.rint(255 * (np.arange(256) / 255) ** gamma), np.uint8)
