"""17 key points of several bodies in one look (MoveNet MultiPose)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sightline.core.boxes import clip_boxes
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.observations import Bodies, Floats
from sightline.media.sampling import resize
from sightline.perception.bodies.skeletons import skeleton
from sightline.runtime.cards import load_card
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

_NAME: Final = "movenet_multipose"
_STRIDE: Final = 32
_POINTS: Final = 17
_REACH: Final = 1.15


class MultiPose:
    """Finds up to six bodies and their key points at once; needs no detector.

    Faster than ``BodyPose`` from the second person on, and finds people farther away; fewer points, no depth.

    Parameters
    ----------
    size : int
        Longer side at which the net sees the picture, pixels, a multiple of 32; larger finds smaller people, slower.
    device : {"auto", "cpu", "cuda"}
        Where the net runs.
    threads : int, optional
        Threads of one call.

    Raises
    ------
    InvalidInputError
        When ``size`` is not a positive multiple of 32.
    ModelNotFetchedError
        When the weights are not on this machine.
    DeviceError
        When CUDA was asked for and is not there.

    References
    ----------
    MoveNet MultiPose Lightning model card, Google 2021; X. Zhou et al., "Objects as Points", 2019.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> [bodies] = MultiPose()([astronaut()])
    >>> bodies.points_xyz.shape, bodies.skeleton
    ((1, 17, 3), 'coco17')
    """

    def __init__(self, *, size: int = 256, device: Device = "auto", threads: int | None = None) -> None:
        if size < _STRIDE or size % _STRIDE:
            raise InvalidInputError(f"size must be a positive multiple of {_STRIDE}, got {size}")
        self._size = size
        self._min_score = load_card(_NAME).threshold("min_score")
        self._session = open_model(_NAME, device=device, threads=threads)

    def __call__(self, images: Sequence[Image], *, min_score: float | None = None) -> list[Bodies]:
        """Find bodies in a batch of pictures.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        min_score : float, optional
            Least score of a body, 0..1; by default the card's.

        Returns
        -------
        list of Bodies
            One a picture, best first: ``points_xyz`` (17, z = 0), ``visibility`` (the score of each key point),
            ``axis_points_xy`` (so that ``BodyPose`` can look closer), ``skeleton="coco17"``.

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image.
        """
        least = self._min_score if min_score is None else min_score
        return [self._detect(check_image(image), least) for image in images]

    def _detect(self, image: Image, min_score: float) -> Bodies:
        height, width = image.shape[:2]
        scale = self._size / max(height, width)
        small = resize(image, (max(round(width * scale), 1), max(round(height * scale), 1)))
        sides_hw = [-(-side // _STRIDE) * _STRIDE for side in small.shape[:2]]
        padded = np.zeros((1, *sides_hw, 3), np.uint8)
        padded[0, : small.shape[0], : small.shape[1]] = small
        [people] = self._session.run(padded)
        rows = people[0][people[0, :, 55] >= min_score]
        rows = rows[np.argsort(-rows[:, 55], kind="stable")]
        to_image_yx = np.array([sides_hw[0] * height / small.shape[0], sides_hw[1] * width / small.shape[1]], np.float32)
        return _bodies(rows, to_image_yx, (width, height))


def _bodies(rows: Floats, to_image_yx: Floats, size_wh: tuple[int, int]) -> Bodies:
    points = rows[:, : 3 * _POINTS].reshape(-1, _POINTS, 3)
    points_xy = (points[:, :, :2] * to_image_yx)[:, :, ::-1]
    corners = (rows[:, 51:55].reshape(-1, 2, 2) * to_image_yx)[:, :, ::-1]
    return Bodies(
        clip_boxes(corners.reshape(-1, 4), size_wh),
        rows[:, 55],
        points_xyz=np.concatenate([points_xy, np.zeros_like(points_xy[:, :, :1])], axis=2),
        visibility=points[:, :, 2],
        axis_points_xy=axis_of_coco17(points_xy, corners),
        skeleton="coco17",
    )


def axis_of_coco17(points_xy: Floats, corners_xy: Floats) -> Floats:
    """Return the middle of the hips, and the point above it on a circle that holds the body.

    Parameters
    ----------
    points_xy : ndarray of float32, shape (n, 17, 2)
    corners_xy : ndarray of float32, shape (n, 2, 2)
        Top left and bottom right corner of each body's box.

    Returns
    -------
    ndarray of float32, shape (n, 2, 2)
        As ``Bodies.axis_points_xy``: the circle's radius is 1.15 of the way to the farthest key point or to the middle
        of the farthest side of the box, its top lies in the direction of the shoulders.
    """
    body = skeleton("coco17")
    shoulders, hips = (
        points_xy[:, [body.index(f"left_{joint}"), body.index(f"right_{joint}")]].mean(axis=1) for joint in ("shoulder", "hip")
    )
    up = shoulders - hips
    length = np.linalg.norm(up, axis=1, keepdims=True)
    up = np.where(length > 0, up / np.maximum(length, 1e-6), [0, -1])
    to_sides = np.abs(corners_xy - hips[:, None]).max(axis=(1, 2))
    to_points = np.linalg.norm(points_xy - hips[:, None], axis=2).max(axis=1)
    radius = _REACH * np.maximum(to_sides, to_points)
    return np.asarray(np.stack([hips, hips + up * radius[:, None]], axis=1), np.float32)
