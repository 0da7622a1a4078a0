"""Timeline: times always increase, whatever the stream says."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.media.video_times import Timeline


def run(raw: list[float | None], rate: int = 10) -> tuple[list[float], int]:
    times = Timeline(Fraction(rate))
    return [times.next(t) for t in raw], times.repaired


def test_good_times_are_untouched() -> None:
    raw = [0.0, 0.04, 0.5, 0.501, 90.0]
    assert run(list(raw)) == (raw, 0)


def test_missing_times_go_on_by_the_rate() -> None:
    got, repaired = run([None, None, None, None])
    np.testing.assert_allclose(got, [0.0, 0.1, 0.2, 0.3])
    assert repaired == 3


def test_doubled_and_shuffled_times() -> None:
    np.testing.assert_allclose(run([0.0, 0.1, 0.1, 0.2, 0.2, 0.3])[0], [0.0, 0.1, 0.15, 0.2, 0.25, 0.3])
    np.testing.assert_allclose(run([0.0, 0.2, 0.1, 0.3])[0], [0.0, 0.2, 0.25, 0.3])
    np.testing.assert_allclose(run([0.0] * 5)[0], [0.0, 0.05, 0.15, 0.25, 0.35])


def test_glued_streams_go_on() -> None:
    np.testing.assert_allclose(run([50.0, 50.1, 0.0, 0.1, 0.2])[0], [50.0, 50.1, 50.2, 50.3, 50.4])
    np.testing.assert_allclose(run([0.0, 0.1, 95443.7, 95443.8])[0], [0.0, 0.1, 0.2, 0.3])


def test_restart_takes_any_time() -> None:
    times = Timeline(Fraction(10))
    times.next(5.0)
    times.restart()
    assert times.next(1.0) == 1.0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | st.floats(-1e5, 1e5), min_size=1, max_size=50), st.integers(1, 240))
def test_always_increasing(raw: list[float | None], rate: int) -> None:
    assert all(np.diff(run(raw, rate)[0]) > 0)
