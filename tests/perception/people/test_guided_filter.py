"""The guided filter beside its definition, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.core.errors import InvalidInputError
from sightline.perception.people import guided_filter


def by_definition(guide: np.ndarray, mask: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Equations 19-21 of He, Sun, Tang 2013, window by window; pixels whose windows leave the picture are left out."""
    height, width = mask.shape
    colours, target = guide / 255.0, mask.astype(float)
    slope, offset = np.full((height, width, 3), np.nan), np.full((height, width), np.nan)
    for y in range(radius, height - radius):
        for x in range(radius, width - radius):
            window = (slice(y - radius, y + radius + 1), slice(x - radius, x + radius + 1))
            samples, values = colours[window].reshape(-1, 3), target[window].ravel()
            spread = np.cov(samples.T, bias=True) + epsilon * np.eye(3)
            slope[y, x] = np.linalg.solve(spread, (samples * values[:, None]).mean(axis=0) - samples.mean(axis=0) * values.mean())
            offset[y, x] = values.mean() - slope[y, x] @ samples.mean(axis=0)
    result = np.full((height, width), np.nan)
    for y in range(2 * radius, height - 2 * radius):
        for x in range(2 * radius, width - 2 * radius):
            window = (slice(y - radius, y + radius + 1), slice(x - radius, x + radius + 1))
            result[y, x] = slope[window].mean(axis=(0, 1)) @ colours[y, x] + offset[window].mean()
    return result


@pytest.mark.parametrize("radius", [1, 3])
@pytest.mark.parametrize("epsilon", [1e-3, 0.1])
def test_unshrunk_it_is_the_definition(radius: int, epsilon: float) -> None:
    rng = np.random.default_rng(5)
    guide = rng.integers(0, 256, (24, 30, 3), np.uint8)
    mask = rng.integers(60, 196, (24, 30), np.uint8)
    want = by_definition(guide, mask, radius, epsilon)
    inside = ~np.isnan(want)
    got = guided_filter(guide, mask, radius=radius, epsilon=epsilon, shrink=1)
    assert np.abs(got[inside] - want[inside].clip(0, 255)).max() <= 1.01


@pytest.mark.parametrize("colours", [((0, 0, 0), (255, 255, 255)), ((200, 30, 30), (30, 98, 30))], ids=["bright", "hue alone"])
@pytest.mark.parametrize("shrink", [1, 2, 4])
def test_the_edge_moves_to_the_pictures(colours: tuple[tuple[int, ...], ...], shrink: int) -> None:
    guide = np.zeros((96, 96, 3), np.uint8)
    guide[:, :48], guide[:, 48:] = colours
    rough = np.zeros((96, 96), np.uint8)
    rough[:, 54:] = 255
    filtered = guided_filter(guide, rough, radius=16, epsilon=1e-4, shrink=shrink)
    assert (filtered[:, 50:70] > 127).all()
    assert (filtered[:, 26:46] < 128).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 5), (61, 67)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_mask_stays_flat(shape: tuple[int, int], value: int) -> None:
    guide = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    filtered = guided_filter(guide, np.full(shape, value, np.uint8), radius=4, epsilon=1e-3)
    assert filtered.shape == shape
    assert np.abs(filtered.astype(int) - value).max() <= 1


@pytest.mark.parametrize(
    "change", [{"radius": 0}, {"epsilon": 0.0}, {"shrink": 0}, {"mask": np.zeros((4, 5), np.uint8)}, {"mask": np.zeros((4, 4), np.float32)}]
)
def test_refuses_what_does_not_fit(change: dict[str, object]) -> None:
    options = {"mask": np.zeros((4, 4), np.uint8), "radius": 2, "epsilon": 1e-3, "shrink": 1, **change}
    with pytest.raises(InvalidInputError):
        guided_filter(np.zeros((4, 4, 3), np.uint8), options.pop("mask"), **options)
