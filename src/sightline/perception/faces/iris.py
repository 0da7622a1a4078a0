"""Irises and eye lids from close-up crops of the eyes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightline.core.frame import Image
from sightline.perception.faces.attention import with_irises
from sightline.perception.faces.parts import FULL_MESH_POINTS, LID_POINTS, MESH_POINTS, mesh_part
from sightline.perception.faces.regions import crop_to_picture, cut, eye_squares, square_to_crop
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

_SIDE = 64
_MIRRORED_IRIS = (0, 3, 2, 1, 4)
"""The iris of the eye that was looked at mirrored: its right and left sides change places."""


class Irises:
    """Finds 5 points of each iris (centre, then its four sides) and the edge of the lids.

    The net is for the subject's right eye; the left eye is looked at mirrored. Eyes are shared out over ``threads``
    calls of one thread each, which is faster than one call of several threads.

    Parameters
    ----------
    device : {"auto", "cpu"}
        The net runs on the CPU.
    threads : int, optional
        Threads of the net; by default ``default_threads()``.

    Raises
    ------
    ModelNotFetchedError, ModelCorruptError
        When the weights of ``iris`` are not on this machine, or damaged.
    DeviceError
        When the device is not to be had.
    """

    def __init__(self, *, device: Device = "auto", threads: int | None = None) -> None:
        # 8-bit 1x1 convolutions move the points by less than 0.05 pixels of a face 100 pixels wide.
        self._session = open_model("iris", device=device, threads=threads, int8=True)

    def __call__(self, image: Image, mesh_xyz: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the meshes with irises: the lids' edges moved, 10 points added.

        Parameters
        ----------
        image : ndarray of uint8, shape (h, w, 3)
        mesh_xyz : ndarray of float32, shape (n, 468, 3)

        Returns
        -------
        ndarray of float32, shape (n, 478, 3)
            Depth of an iris is the mean depth of its lids.
        """
        n = len(mesh_xyz)
        squares = eye_squares(mesh_xyz)
        matrices = np.stack([square_to_crop(s, _SIDE, mirrored=bool(i % 2)) for i, s in enumerate(squares)]) if n else np.zeros((0, 2, 3))
        contours, irises = self._look(image, matrices)
        lids = crop_to_picture(contours.reshape(2 * n, -1, 3)[:, :LID_POINTS], matrices).reshape(n, 2, LID_POINTS, 3)
        rings = crop_to_picture(irises.reshape(2 * n, -1, 3), matrices).reshape(n, 2, -1, 3)
        return _merged(mesh_xyz, lids, rings)

    def _look(self, image: Image, matrices: NDArray[np.float64]) -> list[NDArray[np.float32]]:
        """Look at one eye after the other with all threads: side by side, the two would fetch the same weights twice."""
        crops = cut(image, matrices, _SIDE)
        seen = [self._session.run(crops[eye : eye + 1]) for eye in range(len(crops))] or [self._session.run(crops)]
        return [np.concatenate(output) for output in zip(*seen, strict=True)]


def _merged(mesh_xyz: NDArray[np.float32], lids: NDArray[np.float32], rings: NDArray[np.float32]) -> NDArray[np.float32]:
    full = np.empty((len(mesh_xyz), FULL_MESH_POINTS, 3), np.float32)
    full[:, :MESH_POINTS] = mesh_xyz
    for eye, side in enumerate(("right_eye", "left_eye")):
        full[:, mesh_part(side)[:LID_POINTS], :2] = lids[:, eye, :, :2]
    return with_irises(full, rings[:, 0], rings[:, 1, _MIRRORED_IRIS])
