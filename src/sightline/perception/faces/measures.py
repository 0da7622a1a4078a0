"""Everything that is measured on face meshes, as columns of ``Faces``."""

from __future__ import annotations

from dataclasses import replace

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Faces
from sightline.perception.faces.actions import ACTION_NAMES, NeutralFace, face_actions
from sightline.perception.faces.gaze import gaze_deg
from sightline.perception.faces.head_pose import head_pose_deg
from sightline.perception.faces.openness import eye_openness, mouth_openness
from sightline.perception.faces.parts import FULL_MESH_POINTS


def measure_faces(faces: Faces, *, neutral: NeutralFace | None = None) -> Faces:
    """Return the faces with head pose, openness of eyes and mouth, gaze and actions, measured on their meshes.

    Parameters
    ----------
    faces : Faces
        With ``mesh_xyz``.
    neutral : NeutralFace, optional
        The face at rest of the person in all rows, from which actions are counted; by default that of an average person.

    Returns
    -------
    Faces
        The same rows; ``gaze_deg`` stays None where the meshes have no irises.

    Raises
    ------
    InvalidInputError
        When there is no ``mesh_xyz``.

    Examples
    --------
    >>> import numpy as np
    >>> from sightline.perception.faces.parts import canonical_face
    >>> face = Faces(np.zeros((1, 4)), np.ones(1), mesh_xyz=canonical_face()[None])
    >>> measure_faces(face).actions.shape
    (1, 13)
    """
    mesh = faces.mesh_xyz
    if mesh is None:
        raise InvalidInputError("measure_faces needs faces with mesh_xyz; run FaceMesh first")
    return replace(
        faces,
        head_pose_deg=head_pose_deg(mesh),
        eye_openness=eye_openness(mesh),
        mouth_openness=mouth_openness(mesh),
        gaze_deg=gaze_deg(mesh) if mesh.shape[1] == FULL_MESH_POINTS else None,
        actions=face_actions(mesh, neutral),
        action_names=ACTION_NAMES,
    )
