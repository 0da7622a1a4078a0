"""Head pose: how the face in the picture is turned against the canonical face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.core.geometry import euler_deg, rigid_fit
from sightline.perception.faces.parts import MESH_POINTS, canonical_face

_STABLE = (33, 133, 362, 263, 6, 168, 197, 195, 5, 4, 98, 327, 10, 151, 9, 67, 297, 54, 284, 127, 356, 234, 454, 93, 323)
"""Points that keep their place when lids, brows, lips and jaw move: eye corners, nose, forehead, temples."""


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Where a head is: ``picture ≈ scale * rotation @ canonical + translation``.

    Parameters
    ----------
    scale : float
        Pixels per unit of the canonical face (about a centimetre).
    rotation : ndarray of float64, shape (3, 3)
    translation : ndarray of float64, shape (3,)
        Pixels.
    """

    scale: float
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def to_canonical(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Bring points (k, 3) of the picture into the frame of the canonical face."""
        return np.asarray((points - self.translation) @ self.rotation / self.scale, np.float64)

    def to_picture(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Bring points (k, 3) of the canonical frame into the picture."""
        return np.asarray(self.scale * points @ self.rotation.T + self.translation, np.float64)


def head_frame(mesh_xyz: NDArray[np.floating]) -> HeadFrame:
    """Fit the canonical face to one mesh (least squares over points that do not move with the face's muscles).

    Parameters
    ----------
    mesh_xyz : ndarray, shape (478, 3) or (468, 3)
        x and y in pixels, z in pixels at the same scale.
    """
    scale, rotation, translation = rigid_fit(canonical_face()[list(_STABLE)], np.asarray(mesh_xyz)[list(_STABLE)])
    return HeadFrame(max(scale, 1e-9), rotation, translation)


def head_pose_deg(mesh_xyz: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return yaw, pitch and roll of each head.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 478, 3) or (n, 468, 3)

    Returns
    -------
    ndarray of float32, shape (n, 3)
        Degrees. Yaw: positive when the subject turns to their left; pitch: positive up; roll: positive when the head
        leans towards the subject's left shoulder. The head nods first, then turns, then leans
        (``R = Rz(roll) Ry(-yaw) Rx(-pitch)`` with x right, y down, z away), so yaw lies in -90..90.

    Examples
    --------
    >>> bool(abs(head_pose_deg(canonical_face()[None])).max() < 0.01)  # straight into the camera
    True
    """
    if not len(mesh_xyz):
        return np.zeros((0, 3), np.float32)
    return np.stack([rotation_to_pose(head_frame(mesh[:MESH_POINTS]).rotation) for mesh in mesh_xyz])


def rotation_to_pose(rotation: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return yaw, pitch, roll in degrees of a rotation of the canonical face."""
    x, y, z = euler_deg(rotation)
    return np.array([-y, -x, z], np.float32) + np.float32(0)
