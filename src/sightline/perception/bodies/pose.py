"""33 landmarks of a body in pixels and metres, and its mask (BlazePose GHUM)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import clip_boxes
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.geometry import apply_affine, invert_affine
from sightline.core.observations import Bodies, Floats
from sightline.media.sampling import warp
from sightline.perception.bodies.heatmaps import refine_points
from sightline.perception.bodies.regions import Region, regions_of, settle_axis
from sightline.perception.bodies.skeletons import landmark_boxes
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

_NAME: Final = "body_pose"
_CROP_PX: Final = 256
_POINTS: Final = 33
_ALL_POINTS: Final = 39
_AXIS: Final = slice(33, 35)
_OUTPUTS: Final = ("Identity", "Identity_1", "Identity_3", "Identity_4")
_MASK_OUTPUT: Final = "Identity_2"


class _Body(NamedTuple):
    points_xyz: Floats
    axis_xy: Floats
    visibility: Floats
    world_xyz_m: Floats
    score: float
    mask: NDArray[np.uint8] | None


class BodyPose:
    """Finds the landmarks of bodies whose whereabouts are roughly known.

    Parameters
    ----------
    masks : bool
        Compute the person masks as well (the net then takes about 1.6 times as long).
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
    V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", 2020; I. Grishchenko et al., "BlazePose
    GHUM Holistic", 2022.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from sightline.perception.bodies import PersonDetector
    >>> images = [astronaut()]
    >>> [bodies] = BodyPose()(images, PersonDetector()(images))
    >>> bodies.points_xyz.shape
    (1, 33, 3)
    """

    def __init__(self, *, masks: bool = False, device: Device = "auto", threads: int | None = None) -> None:
        self._masks = masks
        outputs = (*_OUTPUTS, _MASK_OUTPUT) if masks else _OUTPUTS
        self._session = open_model(_NAME, device=device, threads=threads, outputs=outputs)

    def __call__(self, images: Sequence[Image], regions: Sequence[Bodies]) -> list[Bodies]:
        """Find the landmarks of the bodies in each picture.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        regions : sequence of Bodies
            One a picture: from ``PersonDetector``, or what this call gave for the frame before (tracking needs no
            detector while ``scores`` stay high). The region of interest comes from ``axis_points_xy``, else from the
            box around the whole body.

        Returns
        -------
        list of Bodies
            One a picture, rows and ``ids`` as in ``regions``. ``scores`` tell how sure the net is that there is a body in
            the region (0..1; below 0.5 the row is best dropped). ``points_xyz`` are 33 landmarks (z at the scale of x and y);
            ``visibility`` is the smaller of how likely the landmark is visible and how likely it is inside the picture;
            ``world_xyz_m`` are metres; ``boxes_xyxy`` hold all landmarks and the top of the head, cut at the picture's
            edge; ``axis_points_xy`` serve the next frame (when the region had landmarks already, they are steadied);
            ``masks`` only when asked for.

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image, the lengths differ, or a region is not finite.
        """
        if len(images) != len(regions):
            raise InvalidInputError(f"give one Bodies a picture: got {len(images)} pictures and {len(regions)} regions")
        return [self._measure(check_image(image), rows) for image, rows in zip(images, regions, strict=True)]

    def _measure(self, image: Image, rows: Bodies) -> Bodies:
        bodies = [self._look(image, region) for region in regions_of(rows)]
        height, width = image.shape[:2]
        points = np.array([b.points_xyz for b in bodies], np.float32).reshape(-1, _POINTS, 3)
        axis = np.array([b.axis_xy for b in bodies], np.float32).reshape(-1, 2, 2)
        if rows.points_xyz is not None and rows.axis_points_xy is not None:
            axis = settle_axis(rows.axis_points_xy, axis)
        masks = np.array([b.mask for b in bodies], np.uint8).reshape(-1, height, width) if self._masks else None
        return Bodies(
            clip_boxes(landmark_boxes(points), (width, height)),
            np.array([b.score for b in bodies], np.float32),
            rows.ids,
            points_xyz=points,
            visibility=np.array([b.visibility for b in bodies], np.float32).reshape(-1, _POINTS),
            world_xyz_m=np.array([b.world_xyz_m for b in bodies], np.float32).reshape(-1, _POINTS, 3),
            masks=masks,
            axis_points_xy=axis,
        )

    def _look(self, image: Image, region: Region) -> _Body:
        to_crop = region.to_crop(_CROP_PX)
        crop = warp(image, to_crop, (_CROP_PX, _CROP_PX), border=None)
        raw, score, heatmaps, raw_world, *rest = self._session.run(crop[None] * np.float32(1 / 255))
        to_image = invert_affine(to_crop)
        landmarks: Floats = raw.reshape(_ALL_POINTS, 5)
        in_crop = refine_points(np.asarray(landmarks[:, :2] / _CROP_PX, np.float32), heatmaps[0]) * _CROP_PX
        xy = apply_affine(in_crop, to_image)
        z = landmarks[:_POINTS, 2:3] * (region.size_px / _CROP_PX)
        return _Body(
            points_xyz=np.concatenate([xy[:_POINTS], z], axis=1),
            axis_xy=xy[_AXIS],
            visibility=_sigmoid(landmarks[:_POINTS, 3:].min(axis=1)),
            world_xyz_m=_upright(raw_world.reshape(_ALL_POINTS, 3)[:_POINTS], region.angle_rad),
            score=float(score[0, 0]),
            mask=_mask(rest[0][0, :, :, 0], to_image, image) if rest else None,
        )


def _upright(world_xyz: Floats, angle_rad: float) -> Floats:
    """Turn points from the axes of a crop that leans by ``angle_rad`` into those of the picture."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.asarray(world_xyz @ turn.T, np.float32)


def _mask(logits: Floats, to_image: NDArray[np.float64], image: Image) -> NDArray[np.uint8]:
    """Return the mask at the picture's size, 0..255, 0 outside the crop."""
    in_crop = (_sigmoid(logits) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return warp(in_crop, to_image, (image.shape[1], image.shape[0]), border=0)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
