"""Crops of faces and eyes: where they lie and how points come back."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.core.geometry import apply_affine
from sightline.core.observations import Faces
from sightline.perception.faces.parts import canonical_face
from sightline.perception.faces.regions import crop_to_picture, cut, cut_bytes, eye_squares, face_squares, square_to_crop


def head(scale: float = 10.0, at: tuple[float, float] = (200, 150), angle: float = 0.0) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return canonical_face() @ turn.T * scale + [*at, 0]


def test_box_without_points_gives_an_upright_square() -> None:
    square = face_squares(Faces(np.array([[10, 20, 50, 100]]), np.ones(1)))
    np.testing.assert_allclose(square, [[30, 60, 120, 0]])


def test_eye_line_turns_the_square() -> None:
    points = np.zeros((1, 5, 2))
    points[0, :2] = [[10, 10], [10, 30]]
    square = face_squares(Faces(np.array([[0, 0, 40, 40]]), np.ones(1), points_xy=points))
    assert square[0, 3] == pytest.approx(np.pi / 2)


def test_mesh_goes_before_the_box() -> None:
    mesh = head(angle=0.3)
    faces = Faces(np.zeros((1, 4)), np.ones(1), mesh_xyz=mesh[None])
    x, y, side, angle = face_squares(faces)[0]
    low, high = mesh[:468, :2].min(0), mesh[:468, :2].max(0)
    np.testing.assert_allclose([x, y], (low + high) / 2, rtol=1e-5)
    assert side == pytest.approx(1.5 * (high - low).max(), rel=1e-5)
    assert angle == pytest.approx(0.3, abs=1e-5)


def test_eyes_right_then_left_turned_with_the_head() -> None:
    right, left = eye_squares(head(angle=-0.2)[None])
    assert right[0] < left[0]
    for square in (right, left):
        assert square[3] == pytest.approx(-0.2, abs=0.06)
        assert square[2] == pytest.approx(2.3 * 10 * 2.59, rel=0.01)


@pytest.mark.parametrize("mirrored", [False, True])
def test_points_come_back_from_the_crop(mirrored: bool) -> None:
    matrix = square_to_crop(np.array([40.0, 30.0, 20.0, 0.7]), 64, mirrored=mirrored)
    points = np.array([[40, 30, 2.0], [45, 28, -1.0]])
    in_crop = np.column_stack([apply_affine(points[:, :2], matrix), points[:, 2] * 64 / 20])
    assert in_crop[0, :2] == pytest.approx([32, 32], abs=1e-4)
    np.testing.assert_allclose(crop_to_picture(in_crop[None], matrix[None])[0], points, atol=1e-4)


def test_mirrored_crop_is_the_crop_mirrored() -> None:
    image = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    square = np.array([40.0, 30.0, 32.0, 0.0])
    plain, mirrored = (cut_bytes(image, square_to_crop(square, 64, mirrored=m)[None], 64)[0] for m in (False, True))
    assert np.abs(plain[:, ::-1].astype(int) - mirrored).max() <= 1


def test_crop_of_whole_pixels_is_the_picture() -> None:
    image = np.random.default_rng(4).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    matrix = square_to_crop(np.array([25.0, 20.0, 16.0, 0.0]), 16)
    np.testing.assert_array_equal(cut_bytes(image, matrix[None], 16)[0], image[12:28, 17:33])
    crops = cut(image, matrix[None], 16)
    assert crops.dtype == np.float32
    np.testing.assert_allclose(crops[0], image[12:28, 17:33] / 255, atol=1e-6)
