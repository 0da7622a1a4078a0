from __future__ import annotations

import numpy as np
import pytest

from sightline.tracking.motion import Motion, leap_distances


def box(x, y, w=40, h=80):
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


@pytest.mark.parametrize("rate", [5, 30, 120])
def test_learns_a_steady_speed_at_any_frame_rate(rate):
    rng = np.random.default_rng(0)
    motion = Motion.start([box(100, 100)])
    for k in range(1, 2 * rate):
        motion = motion.predict(1 / rate).correct(np.array([0]), [np.array(box(100 + 60 * k / rate, 100)) + rng.normal(0, 1, 4)])
    assert motion.speed[0, 0] == pytest.approx(60, abs=12)
    assert motion.speed[0, 1] == pytest.approx(0, abs=12)


def test_equals_a_textbook_kalman_filter():
    motion = Motion.start([box(0, 0)])
    size = np.sqrt(40 * 80)
    state, cov = np.zeros(2), np.diag([(0.08 * size) ** 2, (2 * size) ** 2])
    for dt, x in [(0.04, 3.0), (0.1, 9.0), (0.02, 10.0)]:
        motion = motion.predict(dt)
        f = np.array([[1, dt], [0, 1]])
        s = np.sqrt(np.prod(motion.place[0, 2:]))
        assert s == pytest.approx(size, rel=1e-9)
        q = (1.2 * size) ** 2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]]) + np.diag([(0.35 * size) ** 2 * dt, 0])
        state, cov = f @ state, f @ cov @ f.T + q
        gain = cov[:, 0] / (cov[0, 0] + (0.08 * size) ** 2)
        state = state + gain * (x - state[0])
        cov = cov - np.outer(gain, cov[0])
        motion = motion.correct(np.array([0]), [box(x, 0)])
        np.testing.assert_allclose([motion.place[0, 0], motion.speed[0, 0]], state, rtol=1e-6)
        np.testing.assert_allclose(
            [motion.var_place[0, 0], motion.covariance[0, 0], motion.var_speed[0, 0]], [cov[0, 0], cov[0, 1], cov[1, 1]], rtol=1e-6
        )


def test_coasting_boxes_come_to_rest():
    motion = Motion.start([box(0, 0), box(0, 0)])
    motion.speed[:] = [[100, 0, 0, 0], [100, 0, 0, 0]]
    for _ in range(60):
        motion = motion.predict(0.05, coasting=np.array([True, False]))
    assert motion.place[0, 0] < 60
    assert motion.place[1, 0] == pytest.approx(300)


def test_changes_nothing_in_place():
    motion = Motion.start([box(0, 0), box(50, 0)])
    before = motion.place.copy()
    motion.predict(0.1).correct(np.array([1]), [box(60, 5)])
    np.testing.assert_array_equal(motion.place, before)
    assert len(motion.take(np.array([False, True]))) == 1
    assert len(motion.join(motion)) == 4


def test_leap_distances_of_nothing():
    assert leap_distances(np.zeros((0, 4)), [box(0, 0)]).shape == (0, 1)
