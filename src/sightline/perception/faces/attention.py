"""Joining the outputs of the attention mesh: one mesh, finer around the eyes and lips, with irises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.perception.faces.parts import FULL_MESH_POINTS, IRIS_POINTS, LEFT_IRIS, LID_POINTS, MESH_POINTS, RIGHT_IRIS, mesh_part

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttentionOutputs:
    """What the attention mesh gives for n crops, in crop pixels; right and left are the subject's.

    Parameters
    ----------
    mesh : ndarray of float32, shape (n, 468, 3)
    lips : ndarray of float32, shape (n, 80, 2)
    right_eye, left_eye : ndarray of float32, shape (n, 71, 2)
    right_iris, left_iris : ndarray of float32, shape (n, 5, 2)
    """

    mesh: Floats
    lips: Floats
    right_eye: Floats
    left_eye: Floats
    right_iris: Floats
    left_iris: Floats

    @classmethod
    def from_tensors(cls, tensors: Sequence[Floats]) -> AttentionOutputs:
        """Return the net's flat outputs, in the order of the fields, as points."""
        mesh, *parts = tensors
        return cls(mesh.reshape(-1, MESH_POINTS, 3), *(part.reshape(len(part), -1, 2) for part in parts))


def merge_attention(outputs: AttentionOutputs) -> Floats:
    """Return one mesh of 478 points: x and y of lips, eyes and brows are the refined ones, z stays the mesh's.

    The depth of an iris is the mean depth of its lids.

    Returns
    -------
    ndarray of float32, shape (n, 478, 3)

    Source: MediaPipe's ``tensors_to_face_landmarks_with_attention`` graph.

    Examples
    --------
    >>> zeros = lambda *shape: np.zeros((1, *shape), np.float32)
    >>> parts = AttentionOutputs(zeros(468, 3), zeros(80, 2) + 1, zeros(71, 2), zeros(71, 2), zeros(5, 2), zeros(5, 2))
    >>> merge_attention(parts)[0, 61].tolist()  # a corner of the mouth
    [1.0, 1.0, 0.0]
    """
    full = np.zeros((len(outputs.mesh), FULL_MESH_POINTS, 3), np.float32)
    full[:, :MESH_POINTS] = outputs.mesh
    full[:, mesh_part("lips"), :2] = outputs.lips
    full[:, mesh_part("right_eye"), :2] = outputs.right_eye
    full[:, mesh_part("left_eye"), :2] = outputs.left_eye
    return with_irises(full, outputs.right_iris, outputs.left_iris)


def with_irises(full: Floats, right_iris: Floats, left_iris: Floats) -> Floats:
    """Write the irises into meshes of 478 points, in place, and return them; their depth is the mean of the lids'."""
    for side, iris, points in (("right_eye", RIGHT_IRIS, right_iris), ("left_eye", LEFT_IRIS, left_iris)):
        full[:, iris, :2] = points[:, :IRIS_POINTS, :2]
        full[:, iris, 2] = full[:, mesh_part(side)[:LID_POINTS], 2].mean(axis=1, keepdims=True)
    return full
