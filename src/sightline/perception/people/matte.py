"""Cut people out of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.observations import Bodies
from sightline.media.sampling import resize
from sightline.perception.bodies import BodyPose, MultiPose, PersonDetector
from sightline.perception.bodies.regions import regions_of
from sightline.perception.people.guided_filter import guided_filter
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

Mask = NDArray[np.uint8]

_SQUARE_WH: Final = (256, 256)
_LANDSCAPE_WH: Final = (256, 144)
_LANDSCAPE_ASPECT: Final = 1.6
_NEAR_SHARE, _SAME_IOU = 0.2, 0.5
_BODY_SCORE, _BODY_CROP_PX = 0.5, 256
_RADIUS_CELLS, _EPSILON, _MAX_SHRINK, _STEEPER = 3.0, 1e-4, 4, 2.0


class PersonMatte:
    """Tells for every pixel how much of it is a person.

    The matte is made of the masks of the bodies in the picture. Where somebody is near, so that one body covers at least a
    fifth of the picture, a selfie net's matte (which sees the whole picture and keeps hair, bags and clothes) takes their
    place; where a group covers a fifth together, it fills them up: the net for landscape from an aspect ratio of 1.6, the
    square one below. It must agree with the bodies for that (IoU at least a half). Without a body there is no person, and
    the matte is empty: selfie nets see people in furniture. At last the matte's edge is moved onto the picture's
    (``refine_matte``).

    Parameters
    ----------
    refine : bool
        Follow the picture's edges at full resolution.
    device : {"auto", "cpu", "cuda"}
        Every net but ``MultiPose`` runs in LiteRT, on the CPU: ``"cuda"`` is an error.
    threads : int, optional
        Threads of one call.

    Raises
    ------
    ModelNotFetchedError
        When the weights are not on this machine.
    DeviceError
        When ``device="cuda"``.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> [matte] = PersonMatte()([astronaut()])
    >>> matte.shape, matte.dtype.name, int(matte[150, 220]), int(matte[20, 100])
    ((512, 512), 'uint8', 255, 0)
    """

    def __init__(self, *, refine: bool = True, device: Device = "auto", threads: int | None = None) -> None:
        self._refine = refine
        self._many = MultiPose(device=device, threads=threads)
        self._detector = PersonDetector(device=device, threads=threads)
        self._pose = BodyPose(masks=True, device=device, threads=threads)
        self._square = open_model("selfie_square", device=device, threads=threads)
        self._landscape = open_model("selfie_landscape", device=device, threads=threads)

    def __call__(self, images: Sequence[Image], bodies: Sequence[Bodies] | None = None) -> list[Mask]:
        """Cut the people out of a batch of pictures.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        bodies : sequence of Bodies, optional
            One a picture, when they are known: with ``masks`` these are taken, else ``BodyPose`` looks. By default people
            are looked for, with both ``MultiPose`` and ``PersonDetector``, which miss different ones.

        Returns
        -------
        list of ndarray of uint8, shape (h, w)
            0 (background) to 255 (person).

        Raises
        ------
        InvalidInputError
            When a picture is not an RGB image, or the lengths or sizes differ.
        """
        if bodies is not None and len(bodies) != len(images):
            raise InvalidInputError(f"give one Bodies a picture: got {len(images)} pictures and {len(bodies)} bodies")
        known: Sequence[Bodies | None] = [None] * len(images) if bodies is None else bodies
        return [self._matte(check_image(image), rows) for image, rows in zip(images, known, strict=True)]

    def _matte(self, image: Image, rows: Bodies | None) -> Mask:
        bodies = self._with_masks(image, self._find(image) if rows is None else rows)
        if not len(bodies) or bodies.masks is None:
            return np.zeros(image.shape[:2], np.uint8)
        coarse: Mask = bodies.masks.max(axis=0)
        if coarse.shape != image.shape[:2]:
            raise InvalidInputError(f"masks must have the picture's size {image.shape[:2]}, got {coarse.shape}")
        cell_px = max(region.size_px for region in regions_of(bodies)) / _BODY_CROP_PX
        if float((coarse > 127).mean()) >= _NEAR_SHARE:
            selfie = self._selfie(image)
            if _mask_iou(selfie, coarse) >= _SAME_IOU:
                somebody_near = max(float((mask > 127).mean()) for mask in bodies.masks) >= _NEAR_SHARE
                coarse = selfie if somebody_near else np.maximum(coarse, selfie)
                cell_px = image.shape[1] / _SQUARE_WH[0]
        return refine_matte(image, coarse, cell_px) if self._refine else coarse

    def _find(self, image: Image) -> Bodies:
        return Bodies.concatenate([self._many([image])[0], self._detector([image])[0]])

    def _with_masks(self, image: Image, rows: Bodies) -> Bodies:
        if rows.masks is not None:
            return rows
        [seen] = self._pose([image], [rows])
        return seen[seen.scores >= _BODY_SCORE]

    def _selfie(self, image: Image) -> Mask:
        height, width = image.shape[:2]
        wide = width >= _LANDSCAPE_ASPECT * height
        session, size_wh = (self._landscape, _LANDSCAPE_WH) if wide else (self._square, _SQUARE_WH)
        [likely] = session.run(resize(image, size_wh)[None] * np.float32(1 / 255))
        small = (likely[0, :, :, 0] * np.float32(255) + np.float32(0.5)).astype(np.uint8)
        return resize(small, (width, height))


def refine_matte(image: Image, mask: Mask, cell_px: float) -> Mask:
    """Return the matte with its edge moved onto the picture's edges.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
        RGB.
    mask : ndarray of uint8, shape (h, w)
        A matte that a net made on a coarser grid.
    cell_px : float
        Size of one cell of that grid in the picture, pixels: how far the edge may be off. The guided filter's windows
        reach three cells.

    Returns
    -------
    ndarray of uint8, shape (h, w)

    Raises
    ------
    InvalidInputError
        When the shapes differ or ``cell_px`` is not positive.

    Examples
    --------
    >>> refine_matte(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint8), 4.0).max()
    np.uint8(0)
    """
    if cell_px <= 0 or mask.shape != image.shape[:2]:
        raise InvalidInputError(f"expected cell_px > 0 and a mask of shape {image.shape[:2]}, got {cell_px} and {mask.shape}")
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return mask.copy()
    radius = max(round(_RADIUS_CELLS * cell_px), 1)
    part = tuple(slice(max(int(along[0]) - 2 * radius, 0), int(along[-1]) + 2 * radius + 1) for along in (rows, columns))
    shrink = max(min(int(cell_px), _MAX_SHRINK), 1)
    filtered = guided_filter(np.ascontiguousarray(image[part]), _steepen(mask[part]), radius=radius, epsilon=_EPSILON, shrink=shrink)
    matte = np.zeros_like(mask)
    matte[part] = _steepen(filtered)
    return matte


def _steepen(mask: Mask) -> Mask:
    """Return the matte with a steeper edge through the same half-way line."""
    levels = (np.arange(256, dtype=np.float32) - 127.5) * np.float32(_STEEPER) + 127.5
    table = np.clip(np.round(levels), 0, 255).astype(np.uint8)
    return np.asarray(table[mask])


def _mask_iou(a: Mask, b: Mask) -> float:
    inside_a, inside_b = a > 127, b > 127
    return float((inside_a & inside_b).sum()) / max(float((inside_a | inside_b).sum()), 1.0)
