"""Find people and where their bodies point (BlazePose detector)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sightline.core.boxes import clip_boxes, letterbox
from sightline.core.frame import Image, check_image
from sightline.core.geometry import apply_affine, invert_affine
from sightline.core.observations import Bodies
from sightline.media.sampling import warp
from sightline.perception.anchors import anchor_centres, blend, decode
from sightline.perception.bodies.regions import axis_box
from sightline.runtime.cards import load_card
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

_NAME: Final = "person_detector"
_INPUT_PX: Final = 224
_ANCHORS: Final = ((8, 2), (16, 2), (32, 6))
_HALF_WIDTH, _BELOW = 0.3, 0.9


class PersonDetector:
    """Finds people up to about four metres away.

    The net looks for heads and predicts the body below. ``Bodies.axis_points_xy`` holds the middle of the hips and the
    top of the circle around the whole body, which ``BodyPose`` needs. ``Bodies.boxes_xyxy`` is an estimate of the box
    around the whole body: a strip along its axis, 0.6 of the circle's radius wide, from the top of the circle to 0.9 of the
    radius below the hips, joined with the head's box and cut at the picture's edge.

    Parameters
    ----------
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
    V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", 2020, section 2.2.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> [bodies] = PersonDetector()([astronaut()])
    >>> len(bodies)
    1
    """

    def __init__(self, device: Device = "auto", threads: int | None = None) -> None:
        card = load_card(_NAME)
        self._min_score, self._blend_iou = card.threshold("min_score"), card.threshold("blend_iou")
        self._session = open_model(_NAME, device=device, threads=threads)

    def __call__(self, images: Sequence[Image], *, min_score: float | None = None) -> list[Bodies]:
        """Find people in a batch of pictures.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        min_score : float, optional
            Least score, 0..1; by default the card's.

        Returns
        -------
        list of Bodies
            One a picture, best first, with ``axis_points_xy``.

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image.
        """
        least = self._min_score if min_score is None else min_score
        return [self._detect(check_image(image), least) for image in images]

    def _detect(self, image: Image, min_score: float) -> Bodies:
        height, width = image.shape[:2]
        to_input = letterbox((height, width), (_INPUT_PX, _INPUT_PX))
        small = warp(image, to_input, (_INPUT_PX, _INPUT_PX), border=0)
        raw_boxes, raw_scores = self._session.run(small[None] * np.float32(2 / 255) - np.float32(1))
        candidates = decode(raw_boxes[0], raw_scores[0], anchor_centres((_INPUT_PX, _INPUT_PX), _ANCHORS), min_score)
        found = blend(candidates, self._blend_iou)
        to_image = invert_affine(to_input)
        heads = apply_affine(found.boxes_xyxy.reshape(-1, 2, 2), to_image).reshape(-1, 4)
        axis = apply_affine(found.points_xy[:, :2], to_image)
        bodies = axis_box(axis, _HALF_WIDTH, _BELOW)
        joined = np.concatenate([np.minimum(heads[:, :2], bodies[:, :2]), np.maximum(heads[:, 2:], bodies[:, 2:])], axis=1)
        return Bodies(clip_boxes(joined, (width, height)), found.scores, axis_points_xy=axis)
