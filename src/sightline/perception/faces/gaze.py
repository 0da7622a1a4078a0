"""Direction of gaze from the irises, with a ball for each eye.

The centre of each eyeball lies a fixed way behind the middle between the eye's corners, in the frame of the head. Where the
iris stands against that centre, in the picture, gives the direction: the iris moves on a sphere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.perception.faces.head_pose import HeadFrame, head_frame
from sightline.perception.faces.parts import FULL_MESH_POINTS, LEFT_EYE_CORNERS, LEFT_IRIS, RIGHT_EYE_CORNERS, RIGHT_IRIS, canonical_face

_IRIS_ORBIT = 1.05
"""From the eyeball's centre of turning to the iris: 10.5 mm, in units of the canonical face."""

_IRIS_REST = (0.0, -0.13, 0.0)
"""How far above the middle of the corners an iris stands that looks straight ahead: 1.3 mm. Set so that the median pitch
of 125 faces in portraits, most of which look into the camera, is 0."""

_EYES = ((RIGHT_EYE_CORNERS, RIGHT_IRIS), (LEFT_EYE_CORNERS, LEFT_IRIS))
_MAX_SINE = 0.95


def gaze_deg(mesh_xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the direction of gaze of each face.

    Both eyes are averaged, each with the square of the share of its width that the camera sees, so that the eye behind the
    nose hardly counts. Where the eyes are shut (``eye_openness`` below about 0.1) the number says nothing.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 478, 3)
        Meshes with irises.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Yaw (positive: to the subject's left) and pitch (positive: up), degrees, relative to the camera's axis: (0, 0) looks
        straight against the direction in which the camera looks.

    Raises
    ------
    InvalidInputError
        When the meshes have no irises.

    Examples
    --------
    >>> gaze_deg(canonical_face()[None])[:, 0].round(1) + 0.0  # neither left nor right
    array([0.], dtype=float32)
    """
    if mesh_xyz.ndim != 3 or mesh_xyz.shape[1:] != (FULL_MESH_POINTS, 3):
        raise InvalidInputError(f"gaze needs meshes with irises, shape (n, 478, 3), got {mesh_xyz.shape}")
    directions = [_both_eyes(np.asarray(mesh, np.float64)) for mesh in mesh_xyz]
    return np.array([_angles(d) for d in directions], np.float32).reshape(-1, 2)


def _both_eyes(mesh: NDArray[np.float64]) -> NDArray[np.float64]:
    frame = head_frame(mesh)
    looks = [_one_eye(mesh, frame, corners, iris) for corners, iris in _EYES]
    total = sum(weight * direction for direction, weight in looks)
    return np.asarray(total, np.float64)


def _one_eye(mesh: NDArray[np.float64], frame: HeadFrame, corners: tuple[int, int], iris: slice) -> tuple[NDArray[np.float64], float]:
    """Return the direction of one eye, a unit vector in the picture's frame, and its weight."""
    canonical = canonical_face()
    depth = canonical[iris, 2].mean() - canonical[list(corners), 2].mean() + _IRIS_ORBIT
    behind = np.array(_IRIS_REST) + (canonical[iris].mean(axis=0) - canonical[list(corners)].mean(axis=0)) * (1, 0, 0) + (0, 0, depth)
    centre = mesh[list(corners)].mean(axis=0) + frame.scale * frame.rotation @ behind
    across = (mesh[iris][:, :2].mean(axis=0) - centre[:2]) / (frame.scale * _IRIS_ORBIT)
    length = float(np.linalg.norm(across))
    across = across * min(1.0, _MAX_SINE / max(length, 1e-9))
    direction = np.array([*across, -np.sqrt(1 - float(across @ across))])
    line = mesh[list(corners)][1] - mesh[list(corners)][0]
    seen = float(np.linalg.norm(line[:2]) / max(float(np.linalg.norm(line)), 1e-9))
    outward = frame.rotation @ [float(np.sign(canonical[corners[0], 0])), 0, -1]
    facing = max(float(-outward[2]), 0.05)
    return direction, (seen * facing) ** 2


def _angles(direction: NDArray[np.float64]) -> tuple[float, float]:
    x, y, z = direction
    return float(np.degrees(np.arctan2(x, -z))), float(np.degrees(np.arctan2(-y, np.hypot(x, z))))
