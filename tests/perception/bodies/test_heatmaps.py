"""Moving points to their heatmap's centre of mass, beside a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.perception.bodies.heatmaps import refine_points


def plain(points: np.ndarray, heatmap: np.ndarray, kernel: int = 7, min_peak: float = 0.5) -> np.ndarray:
    """The same, cell by cell."""
    height, width, _ = heatmap.shape
    moved = points.copy()
    for i, (x, y) in enumerate(points):
        column, row = int(np.floor(x * width)), int(np.floor(y * height))
        if not (0 <= column < width and 0 <= row < height):
            continue
        reach, total, peak, sum_x, sum_y = kernel // 2, 0.0, 0.0, 0.0, 0.0
        for r in range(max(0, row - reach), min(height, row + reach + 1)):
            for c in range(max(0, column - reach), min(width, column + reach + 1)):
                likely = 1 / (1 + np.exp(-float(heatmap[r, c, i])))
                total, peak = total + likely, max(peak, likely)
                sum_x, sum_y = sum_x + likely * c, sum_y + likely * r
        if peak >= min_peak:
            moved[i] = sum_x / total / width, sum_y / total / height
    return moved


@pytest.mark.parametrize("shape", [(64, 64, 39), (5, 9, 4), (1, 1, 1)])
@pytest.mark.parametrize("bias", [-6, 0])
def test_like_the_plain_loop(shape: tuple[int, int, int], bias: int) -> None:
    rng = np.random.default_rng(3)
    heatmap = rng.normal(bias, 3, shape).astype(np.float32)
    points = rng.uniform(-0.2, 1.2, (shape[2], 2)).astype(np.float32)
    np.testing.assert_allclose(refine_points(points, heatmap), plain(points, heatmap), atol=1e-4)


def test_points_without_a_peak_or_outside_stay() -> None:
    points = np.array([[0.5, 0.5], [-0.1, 0.5], [0.5, 1.0]], np.float32)
    quiet = np.full((16, 16, 3), -3, np.float32)
    np.testing.assert_array_equal(refine_points(points, quiet), points)
    loud = np.full((16, 16, 3), 3, np.float32)
    moved = refine_points(points, loud)
    np.testing.assert_array_equal(moved[1:], points[1:])
    assert moved[0].tolist() == [0.5, 0.5]
