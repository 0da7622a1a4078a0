"""Head pose against known rotations and mirrored pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut
from tests.perception.faces.shaping import rotation

from sightline.core.observations import Faces
from sightline.perception.faces.head_pose import head_frame, head_pose_deg
from sightline.perception.faces.mesh import FaceMesh
from sightline.perception.faces.parts import canonical_face


def posed(yaw: float, pitch: float, roll: float) -> np.ndarray:
    return 12.0 * canonical_face() @ rotation(yaw, pitch, roll).T + [300, 200, 5]


@given(st.floats(-80, 80), st.floats(-60, 60), st.floats(-170, 170))
@settings(deadline=None, max_examples=50)
def test_known_rotations_come_back(yaw: float, pitch: float, roll: float) -> None:
    np.testing.assert_allclose(head_pose_deg(posed(yaw, pitch, roll)[None])[0], [yaw, pitch, roll], atol=0.05)


def test_noise_and_moving_lips_cost_little() -> None:
    rng = np.random.default_rng(0)
    for angles in ((30, 0, 0), (0, -20, 10), (-45, 15, -30)):
        mesh = posed(*angles) + rng.normal(0, 1.2, (478, 3))
        mesh[[13, 14, 17, 152, 61, 291]] += [0, 25, 0]
        np.testing.assert_allclose(head_pose_deg(mesh[None])[0], angles, atol=2)


def test_signs_in_the_picture() -> None:
    nose, brow = 4, 10
    to_their_left = posed(30, 0, 0)
    assert to_their_left[nose, 0] > to_their_left[[234, 454], 0].mean(), "their left is the picture's right"
    up = posed(0, 30, 0)
    assert up[nose, 1] < posed(0, 0, 0)[nose, 1]
    leaning = posed(0, 0, 30)
    assert leaning[brow, 0] > leaning[152, 0], "the top of the head goes towards their left shoulder"


def test_frame_goes_there_and_back() -> None:
    mesh = posed(20, -10, 15)
    frame = head_frame(mesh)
    assert frame.scale == pytest.approx(12)
    np.testing.assert_allclose(frame.to_canonical(mesh), canonical_face(), atol=1e-6)
    np.testing.assert_allclose(frame.to_picture(canonical_face()), mesh, atol=1e-5)


def test_no_faces_and_a_mesh_without_size() -> None:
    assert head_pose_deg(np.zeros((0, 478, 3))).shape == (0, 3)
    assert np.isfinite(head_pose_deg(np.zeros((1, 468, 3)))).all()


def test_mirrored_picture_turns_yaw_and_roll_round(weights: Callable[..., None]) -> None:
    weights("face_mesh")
    picture = np.ascontiguousarray(astronaut())
    model = FaceMesh(irises=False)
    poses = []
    for image, box in ((picture, (180, 55, 275, 170)), (np.ascontiguousarray(picture[:, ::-1]), (237, 55, 332, 170))):
        faces = Faces(np.array([box]), np.ones(1))
        for _ in range(4):
            faces = model([image], [faces])[0]
        poses.append(head_pose_deg(faces.mesh_xyz)[0])  # type: ignore[arg-type]
    np.testing.assert_allclose(poses[0], poses[1] * [-1, 1, -1], atol=2.5)
    assert poses[0][2] > 1, "her eye line falls to the picture's right: she leans to her left"
