from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sightline.core import geometry as g
from sightline.core.errors import InvalidInputError

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
angles = st.floats(-np.pi, np.pi)
shifts = st.floats(-500, 500)


@given(st.floats(0.1, 10), angles, shifts, shifts)
def test_similarity_is_found_again(scale: float, angle: float, dx: float, dy: float) -> None:
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = SQUARE @ linear.T + [dx, dy]
    np.testing.assert_allclose(g.similarity(SQUARE, target), np.column_stack([linear, [dx, dy]]), atol=1e-6)


def test_similarity_never_mirrors() -> None:
    mirrored = SQUARE * [-1, 1]
    m = g.similarity(SQUARE, mirrored)
    assert np.linalg.det(m[:, :2]) >= 0


@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(-1, 1, allow_subnormal=False)))
def test_affine_and_its_inverse(change: np.ndarray) -> None:
    matrix = change + np.array([[3, 0, 0], [0, 3, 0]])  # diagonally dominant: it has an inverse
    target = SQUARE @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(g.affine(SQUARE, target), matrix, atol=1e-8)
    back = g.compose_affine(matrix, g.invert_affine(matrix))
    np.testing.assert_allclose(back, [[1, 0, 0], [0, 1, 0]], atol=1e-7)


def test_homography_is_found_again_and_maps() -> None:
    truth = np.array([[1.1, 0.2, 5], [-0.1, 0.9, 3], [1e-3, 2e-3, 1]])
    target = g.apply_homography(SQUARE, truth)
    np.testing.assert_allclose(g.homography(SQUARE, target), truth, atol=1e-4)


@pytest.mark.parametrize(
    ("fit", "points"),
    [
        (g.similarity, np.zeros((3, 2))),
        (g.similarity, SQUARE[:1]),
        (g.affine, SQUARE[:2]),
        (g.affine, np.array([[0, 0], [1, 1], [2, 2]], float)),
        (g.homography, SQUARE[:3]),
        (g.homography, np.array([[0, 0], [1, 1], [2, 2], [3, 3]], float)),
        (g.similarity, np.zeros((3, 3))),
    ],
)
def test_fits_refuse_too_little(fit: object, points: np.ndarray) -> None:
    with pytest.raises(InvalidInputError):
        fit(points, points)  # type: ignore[operator]


def test_no_inverse_without_area() -> None:
    with pytest.raises(InvalidInputError, match="cannot be inverted"):
        g.invert_affine([[1, 1, 0], [1, 1, 0]])


def test_map_boxes_scales_and_shifts() -> None:
    assert g.map_boxes([[0, 0, 10, 20]], [[2, 0, 1], [0, 2, 3]]).tolist() == [[1, 3, 21, 43]]
    assert g.map_boxes(np.zeros((0, 4)), [[2, 0, 1], [0, 2, 3]]).shape == (0, 4)


@given(angles, st.floats(5, 300), st.floats(5, 300))
def test_a_rotated_rectangle_fills_its_crop(angle: float, width: float, height: float) -> None:
    m = g.rect_to_affine((40, 60), (width, height), angle, (100, 50))
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    top_left = np.array([40, 60]) - along * width / 2 - across * height / 2
    bottom_right = np.array([40, 60]) + along * width / 2 + across * height / 2
    np.testing.assert_allclose(g.apply_affine([top_left, bottom_right], m), [[0, 0], [100, 50]], atol=1e-3)


def test_a_rectangle_needs_a_size() -> None:
    with pytest.raises(InvalidInputError, match="positive size"):
        g.rect_to_affine((0, 0), (0, 5), 0, (10, 10))


def rotation(x: float, y: float, z: float) -> np.ndarray:
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rz @ ry @ rx


@given(st.floats(-3, 3), st.floats(-1.5, 1.5), st.floats(-3, 3))
def test_euler_angles_make_the_same_rotation(x: float, y: float, z: float) -> None:
    r = rotation(x, y, z)
    np.testing.assert_allclose(rotation(*np.radians(g.euler_deg(r).astype(float))), r, atol=1e-4)


def test_euler_at_the_pole() -> None:
    r = rotation(0.3, np.pi / 2, 0.0)
    np.testing.assert_allclose(rotation(*np.radians(g.euler_deg(r).astype(float))), r, atol=1e-5)


@given(st.floats(0.2, 5), angles, angles)
def test_rigid_fit_is_found_again(scale: float, x: float, z: float) -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    r, shift = rotation(x, 0.4, z), np.array([3.0, -2.0, 8.0])
    found_scale, found_r, found_shift = g.rigid_fit(points, scale * points @ r.T + shift)
    assert found_scale == pytest.approx(scale, rel=1e-6)
    np.testing.assert_allclose(found_r, r, atol=1e-6)
    np.testing.assert_allclose(found_shift, shift, atol=1e-5)


def test_rigid_fit_never_mirrors() -> None:
    points = np.random.default_rng(1).normal(size=(20, 3))
    _, r, _ = g.rigid_fit(points, points * [-1, 1, 1])
    assert np.linalg.det(r) == pytest.approx(1)
    with pytest.raises(InvalidInputError):
        g.rigid_fit(points[:2], points[:2])
