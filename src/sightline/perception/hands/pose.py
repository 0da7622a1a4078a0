"""21 landmarks of a hand in pixels and metres, and which hand it is (MediaPipe Hands)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import bounding_boxes, clip_boxes
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.geometry import apply_affine, invert_affine
from sightline.core.observations import Floats, Hands
from sightline.media.sampling import warp
from sightline.perception.hands.regions import Region, regions_of
from sightline.runtime.session import Array, Device
from sightline.runtime.weights import open_model

_CROP_PX: Final = 224
_POINTS: Final = 21
_Z_SCALE: Final = 0.4
_OUTPUTS: Final = ("Identity", "Identity_1", "Identity_2", "Identity_3")


class HandPose:
    """Finds the landmarks of hands whose whereabouts are roughly known; several hands run side by side.

    Parameters
    ----------
    variant : {"full", "lite"}
        ``"lite"`` takes about half the time and is less exact.
    exact : bool
        Run the net in floating point throughout. By default its 1x1 convolutions run on 8-bit integers, in two thirds of the
        time; the landmarks move by 0.13 % of the diagonal of the hand's box on average.
    device : {"auto", "cpu", "cuda"}
        The net runs in LiteRT, on the CPU: ``"cuda"`` is an error.
    threads : int, optional
        Threads of one call.

    Raises
    ------
    InvalidInputError
        When the variant is neither.
    ModelNotFetchedError
        When the weights are not on this machine.
    DeviceError
        When ``device="cuda"``.

    References
    ----------
    F. Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020, section 2.2.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> place = Hands([[100, 300, 200, 400]], [1.0], palm_points_xy=np.full((1, 7, 2), 350.0) - np.arange(14).reshape(1, 7, 2) * 9)
    >>> [hands] = HandPose()([astronaut()], [place])
    >>> hands.points_xyz.shape, bool(hands.scores[0] > 0.5)  # it says that there is no hand
    ((1, 21, 3), False)
    """

    def __init__(
        self, variant: Literal["full", "lite"] = "full", *, exact: bool = False, device: Device = "auto", threads: int | None = None
    ) -> None:
        if variant not in ("full", "lite"):
            raise InvalidInputError(f"variant must be 'full' or 'lite', got {variant!r}")
        self._session = open_model(f"hand_pose_{variant}", device=device, threads=threads, outputs=_OUTPUTS, int8=not exact)

    def __call__(self, images: Sequence[Image], regions: Sequence[Hands]) -> list[Hands]:
        """Find the landmarks of the hands in each picture.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB, upright and not mirrored (in a mirrored picture every left hand is called right); sizes may differ.
        regions : sequence of Hands
            One a picture: what ``PalmDetector`` found, or the hands of the frame before (``points_xyz``).

        Returns
        -------
        list of Hands
            One a picture, rows and ``ids`` as given, with ``points_xyz``, ``world_xyz_m`` and ``left_scores``. A score
            says how sure the net is that a hand is there: drop rows below 0.5. Boxes are tight around the landmarks.

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image, the lengths differ, or hands have neither landmarks nor palm points.
        """
        if len(images) != len(regions):
            raise InvalidInputError(f"expected as many regions as pictures, got {len(regions)} and {len(images)}")
        checked = [check_image(image) for image in images]
        places = [(image, region) for image, hands in zip(checked, regions, strict=True) for region in regions_of(hands)]
        crops = np.empty((len(places), _CROP_PX, _CROP_PX, 3), np.float32)
        for crop, (image, region) in zip(crops, places, strict=True):
            small = warp(image, region.to_crop(_CROP_PX), (_CROP_PX, _CROP_PX), border=None)
            np.multiply(small, np.float32(1 / 255), out=crop)
        outputs = self._session.run(crops) if places else ()
        found, first = [], 0
        for image, hands in zip(images, regions, strict=True):
            rows = slice(first, first + len(hands))
            own = [region for _, region in places[rows]]
            found.append(_hands(hands, own, image, tuple(o[rows] for o in outputs)))
            first = rows.stop
        return found


def _hands(given: Hands, regions: list[Region], image: Image, outputs: tuple[Array, ...]) -> Hands:
    if not regions:
        nothing = np.zeros((0, _POINTS, 3), np.float32)
        return replace(given, points_xyz=nothing, world_xyz_m=nothing, left_scores=np.zeros(0, np.float32))
    raw_points, presence, handedness, raw_world = outputs
    points = np.stack([_to_picture(p, r) for p, r in zip(raw_points.reshape(-1, _POINTS, 3), regions, strict=True)])
    world = np.stack([_turned(w, r.angle_rad) for w, r in zip(raw_world.reshape(-1, _POINTS, 3), regions, strict=True)])
    return Hands(
        clip_boxes(bounding_boxes(points), (image.shape[1], image.shape[0])),
        presence.reshape(-1),
        ids=given.ids,
        points_xyz=points,
        world_xyz_m=world,
        left_scores=_left_scores(handedness.reshape(-1)),
    )


def _left_scores(raw: NDArray[np.floating]) -> Floats:
    """Return how likely each hand is the left one: the net was trained on mirrored pictures and says the contrary."""
    return np.asarray(1 - raw, np.float32)


def _to_picture(points_xyz: Floats, region: Region) -> Floats:
    xy = apply_affine(points_xyz[:, :2], invert_affine(region.to_crop(_CROP_PX)))
    z = points_xyz[:, 2:] * (region.side / _CROP_PX / _Z_SCALE)
    return np.concatenate([xy, z], axis=1).astype(np.float32)


def _turned(world_xyz: Floats, angle_rad: float) -> Floats:
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.asarray(world_xyz @ turn.T, np.float32)
