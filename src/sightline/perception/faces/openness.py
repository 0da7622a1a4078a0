"""How far eyes and mouth are open, from the mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError

_LID_PAIRS = (((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380)))
_EYE_ENDS = ((33, 133), (263, 362))
_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
_MOUTH_ENDS = (78, 308)


def eye_openness(mesh_xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how far each eye is open: the mean gap of three pairs of lid points over the eye's width.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 478, 3) or (n, 468, 3)

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Right and left eye; lengths are taken in space, so that turning the head changes little.

    Raises
    ------
    InvalidInputError
        When the shape is another.

    Source: the eye aspect ratio of T. Soukupová, J. Čech, "Real-Time Eye Blink Detection using Facial Landmarks", CVWW 2016.

    Examples
    --------
    >>> from sightline.perception.faces.parts import canonical_face
    >>> eye_openness(canonical_face()[None]).round(2)
    array([[0.24, 0.24]], dtype=float32)
    """
    return np.stack([_ratio(mesh_xyz, pairs, ends) for pairs, ends in zip(_LID_PAIRS, _EYE_ENDS, strict=True)], axis=1)


def mouth_openness(mesh_xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how far each mouth is open: the mean gap of three pairs of inner lip points over the inner mouth's width.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 478, 3) or (n, 468, 3)

    Returns
    -------
    ndarray of float32, shape (n,)
        About 0 shut, 0.2 when speaking, 0.5 and more wide open.

    Raises
    ------
    InvalidInputError
        When the shape is another.

    Examples
    --------
    >>> mouth_openness(np.zeros((0, 478, 3))).shape
    (0,)
    """
    return _ratio(mesh_xyz, _LIP_PAIRS, _MOUTH_ENDS)


def _ratio(mesh_xyz: NDArray[np.floating], pairs: tuple[tuple[int, int], ...], ends: tuple[int, int]) -> NDArray[np.float32]:
    if mesh_xyz.ndim != 3 or mesh_xyz.shape[1] not in (468, 478) or mesh_xyz.shape[2] != 3:
        raise InvalidInputError(f"mesh_xyz must have shape (n, 478, 3) or (n, 468, 3), got {mesh_xyz.shape}")
    upper, lower = np.array(pairs).T
    gap = np.linalg.norm(mesh_xyz[:, upper] - mesh_xyz[:, lower], axis=2).mean(axis=1)
    width = np.linalg.norm(mesh_xyz[:, ends[0]] - mesh_xyz[:, ends[1]], axis=1)
    return np.asarray(gap / np.maximum(width, 1e-9), np.float32)
