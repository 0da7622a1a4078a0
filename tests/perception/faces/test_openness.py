"""Openness of eyes and mouth on moved meshes and real pictures."""

from __future__ import annotations

import numpy as np
import pytest
from tests.perception.faces.shaping import close_eye, open_mouth, turned

from sightline.core.errors import InvalidInputError
from sightline.perception.faces.openness import eye_openness, mouth_openness
from sightline.perception.faces.parts import canonical_face


def test_shut_eye_is_the_subjects_own() -> None:
    mesh = canonical_face()[None]
    right, left = eye_openness(close_eye(mesh, "right"))[0]
    assert right < 0.02
    assert left == pytest.approx(eye_openness(mesh)[0, 1])
    right, left = eye_openness(close_eye(mesh, "left", 0.5))[0]
    assert right == pytest.approx(eye_openness(mesh)[0, 0])
    assert left == pytest.approx(eye_openness(mesh)[0, 1] / 2, rel=0.02)


def test_mouth_opens() -> None:
    mesh = canonical_face()[None]
    values = [float(mouth_openness(open_mouth(mesh, gap))[0]) for gap in (0.0, 1.0, 2.0)]
    assert values[0] < values[1] < values[2]
    assert values[2] - values[1] == pytest.approx(values[1] - values[0], rel=0.25)


def test_turning_and_scaling_change_nothing() -> None:
    mesh = open_mouth(canonical_face()[None], 1.0)
    other = turned(mesh, yaw=40, pitch=20, roll=-15) * 9 + 100
    np.testing.assert_allclose(eye_openness(other), eye_openness(mesh), rtol=1e-4)
    np.testing.assert_allclose(mouth_openness(other), mouth_openness(mesh), rtol=1e-4)


@pytest.mark.parametrize("shape", [(478, 3), (1, 470, 3), (1, 478, 2)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    for measure in (eye_openness, mouth_openness):
        with pytest.raises(InvalidInputError, match="shape"):
            measure(np.zeros(shape))


def test_no_faces() -> None:
    assert eye_openness(np.zeros((0, 468, 3))).shape == (0, 2)
    assert mouth_openness(np.zeros((0, 468, 3))).shape == (0,)
