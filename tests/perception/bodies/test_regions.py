"""Regions of interest: where, how large, how far turned; axis points that settle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.core.errors import InvalidInputError
from sightline.core.geometry import apply_affine
from sightline.core.observations import Bodies
from sightline.perception.bodies.regions import axis_box, region_of_axis, region_of_box, regions_of, settle_axis


@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(5, 400), st.floats(-3.1, 3.1))
def test_the_axis_stands_upright_in_the_crop(x: float, y: float, radius: float, lean: float) -> None:
    top = (x + radius * np.sin(lean), y - radius * np.cos(lean))
    region = region_of_axis([(x, y), top])
    assert region.size_px == pytest.approx(2.5 * radius, rel=1e-6)
    in_crop = apply_affine([(x, y), top], region.to_crop(256))
    np.testing.assert_allclose(in_crop, [[128, 128], [128, 128 - 256 / 2.5]], atol=0.01)


def test_leaning_to_the_right_is_clockwise() -> None:
    assert region_of_axis([(0, 0), (10, -10)]).angle_rad == pytest.approx(np.pi / 4)


def test_a_point_is_a_region_of_a_pixel() -> None:
    assert region_of_axis([(3, 3), (3, 3)]).size_px == 1.0
    assert region_of_box([5, 5, 5, 5]).size_px == 1.0


def test_the_box_serves_where_there_is_no_axis() -> None:
    boxes = np.array([[0, 0, 40, 80]])
    [region] = regions_of(Bodies(boxes, np.ones(1)))
    assert region.centre_xy.tolist() == [20, 40]
    assert (region.size_px, region.angle_rad) == (100.0, 0.0)
    [other] = regions_of(Bodies(boxes, np.ones(1), axis_points_xy=np.array([[[9, 9], [9, 5]]])))
    assert other.size_px == 10.0
    assert regions_of(Bodies.empty()) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_refuses_regions_that_are_nowhere(bad: float) -> None:
    with pytest.raises(InvalidInputError, match="finite"):
        regions_of(Bodies(np.zeros((1, 4)), np.ones(1), axis_points_xy=np.array([[[0, 0], [0, bad]]])))
    with pytest.raises(InvalidInputError, match="finite"):
        regions_of(Bodies(np.array([[0, 0, bad, 1]]), np.ones(1)))


def test_trembling_is_held_back_and_steps_are_followed() -> None:
    start = np.array([[[100, 100], [100, 50]]], np.float32)
    noise = np.random.default_rng(1).normal(0, 1, (200, 1, 2, 2)).astype(np.float32)
    settled = [start]
    for shake in noise:
        settled.append(settle_axis(settled[-1], start + shake))
    assert np.std([s - start for s in settled]) < 0.3
    moving = start
    for step in range(1, 60):
        moving = settle_axis(moving, start + np.float32(5 * step))
    lag = start + np.float32(5 * 59) - moving
    assert 0 < lag.max() < 15


def test_a_body_that_stays_stays() -> None:
    axis = np.array([[[10, 20], [12, 5]], [[1, 1], [1, 1]]], np.float32)
    np.testing.assert_array_equal(settle_axis(axis, axis), axis)
    assert settle_axis(np.zeros((0, 2, 2), np.float32), np.zeros((0, 2, 2), np.float32)).shape == (0, 2, 2)


def test_axis_box_of_one_who_lies() -> None:
    lying = np.array([[[50, 50], [90, 50]]], np.float32)
    assert axis_box(lying, 0.25, 0.5).tolist() == [[30, 40, 90, 60]]
    assert axis_box(lying[:0], 0.25, 0.5).shape == (0, 4)
