from __future__ import annotations

import numpy as np
import pytest

from sightline.core.errors import InvalidInputError
from sightline.tracking import OneEuroFilter, OneEuroOptions


def reference(samples, options):
    """The paper's pseudo code, one value at a time."""
    out, x_hat, dx_hat, last = [], None, 0.0, None

    def alpha(cutoff, dt):
        tau = 1 / (2 * np.pi * cutoff)
        return 1 / (1 + tau / dt)

    for t, x in samples:
        if x_hat is None:
            x_hat = x
        else:
            dt = t - last
            dx_hat += alpha(options.derivative_cutoff_hz, dt) * ((x - x_hat) / dt - dx_hat)
            a = alpha(options.min_cutoff_hz + options.beta * abs(dx_hat), dt)
            x_hat += a * (x - x_hat)
        last = t
        out.append(x_hat)
    return out


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 5, 3), (0, 478, 3)])
def test_equals_the_paper_at_variable_frame_rate(shape):
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.1, 40))
    values = rng.normal(100, 5, (40, *shape))
    options = OneEuroOptions(min_cutoff_hz=1.3, beta=0.4, derivative_cutoff_hz=0.9)
    smooth = OneEuroFilter(options)
    got = np.stack([smooth(v, t) for v, t in zip(values, times, strict=True)])
    assert got.dtype == np.float32
    assert got.shape == values.shape
    for place in np.ndindex(*shape):
        want = reference([(t, v[place]) for v, t in zip(values, times, strict=True)], options)
        np.testing.assert_allclose(got[(slice(None), *place)], want, rtol=1e-5)


def test_steadies_what_is_still_and_keeps_up_with_what_moves():
    rng = np.random.default_rng(1)
    times = np.arange(150) / 30
    still, moving = OneEuroFilter(), OneEuroFilter()
    noise = rng.normal(0, 0.3, (150, 1, 200, 2))
    sizes = np.array([200.0])
    calm = np.stack([still(300 + n, t, sizes=sizes) for n, t in zip(noise, times, strict=True)])[30:]
    assert calm.std() < 0.6 * noise.std()
    path = np.stack([moving(300 + 400 * t + n, t, sizes=sizes) for n, t in zip(noise, times, strict=True)])[30:]
    behind_px = (300 + 400 * times[30:, None, None, None] - path).mean()
    assert behind_px / 400 < 0.008  # seconds: a quarter of a frame at two sizes a second


def test_sizes_make_near_and_far_alike():
    rng = np.random.default_rng(2)
    near, far = OneEuroFilter(), OneEuroFilter()
    for k in range(20):
        values = rng.normal(0, 1, (1, 4, 2))
        a = near(values * 500, k / 25, sizes=[500.0])
        b = far(values * 20, k / 25, sizes=[20.0])
    np.testing.assert_allclose(a / 500, b / 20, rtol=1e-4)


def test_rows_follow_their_ids():
    smooth, alone = OneEuroFilter(), OneEuroFilter()
    rng = np.random.default_rng(3)
    for k in range(12):
        seven, others = rng.normal(50, 1, (1, 3)), rng.normal(900, 1, (2, 3))
        ids = np.array([7, 20 + k, 30 + k]) if k % 2 else np.array([20 + k, 7, 30 + k])
        values = np.insert(others, list(ids).index(7), seven[0], axis=0)
        got = smooth(values, k / 30, ids=ids)
        np.testing.assert_allclose(got[ids == 7], alone(seven, k / 30), rtol=1e-5)
        np.testing.assert_array_equal(got[ids != 7], others.astype(np.float32))  # ids never seen before pass unchanged


@pytest.mark.parametrize("time_s", [1.0, 0.5, 1.6])
def test_starts_afresh_when_time_stands_still_goes_back_or_jumps(time_s):
    smooth = OneEuroFilter()
    smooth(np.array([0.0]), 1.0)
    assert smooth(np.array([10.0]), time_s).tolist() == [10.0]


def test_returns_what_the_caller_may_change_and_resets():
    smooth = OneEuroFilter()
    values = np.array([1.0, 2.0], np.float32)
    smooth(values, 0.0)[:] = 99
    assert values.tolist() == [1.0, 2.0]
    assert smooth(np.array([1.0, 2.0]), 0.1).tolist() == [1.0, 2.0]
    smooth.reset()
    assert smooth(np.array([50.0, 60.0]), 0.2).tolist() == [50.0, 60.0]


@pytest.mark.parametrize("bad", [{"min_cutoff_hz": 0.0}, {"beta": -1.0}, {"derivative_cutoff_hz": -2.0}, {"max_gap_s": 0.0}])
def test_refuses_bad_options(bad):
    with pytest.raises(InvalidInputError, match="must be positive"):
        OneEuroOptions(**bad)
