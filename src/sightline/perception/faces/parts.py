"""Tables over the face mesh: which points are lids, lips and eyes, and the canonical face."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sightline.perception.faces.regions import LEFT_EYE_CORNERS, MESH_POINTS, RIGHT_EYE_CORNERS

_Number = TypeVar("_Number", bound=np.generic)

IRIS_POINTS = 5
"""Points of one iris: the centre, then its sides towards the picture's right, top, left and bottom (upright head)."""

RIGHT_IRIS = slice(MESH_POINTS, MESH_POINTS + IRIS_POINTS)
LEFT_IRIS = slice(MESH_POINTS + IRIS_POINTS, MESH_POINTS + 2 * IRIS_POINTS)
FULL_MESH_POINTS = MESH_POINTS + 2 * IRIS_POINTS

LID_POINTS = 16
"""The first points of an eye's table are the edge of its lids: 9 below from corner to corner, then 7 above."""

__all__ = [
    "FULL_MESH_POINTS",
    "IRIS_POINTS",
    "LEFT_EYE_CORNERS",
    "LEFT_IRIS",
    "LID_POINTS",
    "MESH_POINTS",
    "RIGHT_EYE_CORNERS",
    "RIGHT_IRIS",
    "canonical_face",
    "mesh_part",
    "mirror_order",
]


@cache
def mesh_part(name: str) -> NDArray[np.int64]:
    """Return the mesh points of a part in the order in which the nets give them.

    Parameters
    ----------
    name : {"lips", "right_eye", "left_eye"}
        80 points of the lips, or 71 of an eye with its surroundings and brow.

    Examples
    --------
    >>> mesh_part("right_eye")[[0, 8]].tolist()  # outer and inner corner
    [33, 133]
    """
    return _read_only(np.asarray(json.loads(_text("mesh_parts.json"))[name], np.int64))


@cache
def _canonical_table() -> NDArray[np.float64]:
    lines = [line for line in _text("canonical_face.csv").splitlines() if not line.startswith("#")]
    return np.array([[float(x) for x in line.split(",")] for line in lines[1:]])


@cache
def canonical_face() -> NDArray[np.float64]:
    """Return the canonical face, 478 points in about centimetres, in the frame of pictures.

    Returns
    -------
    ndarray of float64, shape (478, 3)
        x to the subject's left, y down, z away from the camera: the face looks straight into the camera.

    Source: MediaPipe's canonical face model (Apache-2.0).

    Examples
    --------
    >>> face = canonical_face()
    >>> bool(face[33, 0] < 0 < face[263, 0]), int(face[:468, 2].argmin())  # right eye, left eye; the nose is nearest
    (True, 4)
    """
    return _read_only(np.asarray(_canonical_table()[:, :3] * [1, -1, -1], np.float64))


@cache
def mirror_order() -> NDArray[np.int64]:
    """Return, for each of the 478 points, the point on the other side of the face.

    Examples
    --------
    >>> int(mirror_order()[33]), int(mirror_order()[1])
    (263, 1)
    """
    return _read_only(_canonical_table()[:, 3].astype(np.int64))


def _read_only(array: NDArray[_Number]) -> NDArray[_Number]:
    array.setflags(write=False)
    return array


def _text(name: str) -> str:
    return (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
