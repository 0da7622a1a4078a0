"""Gaze from irises that were put in known places, and on real faces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from skimage.data import astronaut
from tests.perception.faces.shaping import turned

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Faces
from sightline.perception.faces.gaze import gaze_deg
from sightline.perception.faces.mesh import FaceMesh
from sightline.perception.faces.parts import LEFT_IRIS, RIGHT_IRIS, canonical_face

ORBIT, REST_UP = 1.05, 0.13


def looking(yaw: float, pitch: float) -> np.ndarray:
    """Return the canonical face with irises turned on eyeballs of 10.5 mm around their place of rest."""
    mesh = canonical_face().copy()
    a, b = np.radians([yaw, pitch])
    for iris, corners in ((RIGHT_IRIS, (33, 133)), (LEFT_IRIS, (263, 362))):
        rest = mesh[iris].mean(axis=0)
        rest[1] = mesh[list(corners), 1].mean() - REST_UP
        moved = np.array([np.sin(a) * np.cos(b), -np.sin(b), 1 - np.cos(a) * np.cos(b)]) * ORBIT
        mesh[iris] += rest + moved - mesh[iris].mean(axis=0)
    return mesh[None]


@pytest.mark.parametrize("direction", [(0, 0), (20, 0), (-25, 0), (0, 15), (10, -20)])
def test_irises_turned_by_known_angles(direction: tuple[float, float]) -> None:
    np.testing.assert_allclose(gaze_deg(looking(*direction))[0], direction, atol=0.5)


@pytest.mark.parametrize(("yaw", "pitch"), [(25, 0), (-30, 0), (0, 15), (20, -10)])
def test_eyes_at_rest_look_where_the_head_points(yaw: float, pitch: float) -> None:
    ahead = turned(looking(0, 0), yaw, pitch, 0) * 11 + [100, 90, 0]
    np.testing.assert_allclose(gaze_deg(ahead)[0], [yaw, pitch], atol=1.5)


def test_eyes_turned_back_against_the_head_look_at_the_camera() -> None:
    away = turned(looking(-20, 0), 20, 0, 0)
    np.testing.assert_allclose(gaze_deg(away)[0], [0, 0], atol=1.0)


def test_irises_out_of_reach_give_a_finite_angle() -> None:
    mesh = looking(0, 0)
    mesh[:, 468:] += [9, 0, 0]
    yaw, pitch = gaze_deg(mesh)[0]
    assert 60 < yaw < 90
    assert abs(pitch) < 30


def test_meshes_without_irises_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="irises"):
        gaze_deg(np.zeros((1, 468, 3)))
    assert gaze_deg(np.zeros((0, 478, 3))).shape == (0, 2)


def test_astronaut_looks_into_the_camera_and_her_mirror_picture_too(weights: Callable[..., None]) -> None:
    weights("face_mesh", "iris")
    picture = np.ascontiguousarray(astronaut())
    model = FaceMesh()
    found = []
    for image, box in ((picture, (180, 55, 275, 170)), (np.ascontiguousarray(picture[:, ::-1]), (237, 55, 332, 170))):
        faces = Faces(np.array([box]), np.ones(1))
        for _ in range(4):
            faces = model([image], [faces])[0]
        found.append(gaze_deg(faces.mesh_xyz)[0])  # type: ignore[arg-type]
    assert np.abs(found[0]).max() < 12
    assert found[0][0] == pytest.approx(-found[1][0], abs=4)
    assert found[0][1] == pytest.approx(found[1][1], abs=4)
