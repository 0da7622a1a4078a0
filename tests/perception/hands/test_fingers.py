"""States of fingers do not depend on where, how large and how turned a hand is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.perception.hands.synthetic import BENT, FOLDED, OUT, hand

from sightline.core.errors import InvalidInputError
from sightline.perception.hands.fingers import (
    expand,
    finger_features,
    finger_states,
    palm_size,
    pinch_features,
    thumb_direction_xy,
    thumb_features,
)

STATES = {"out": OUT, "bent": BENT, "folded": FOLDED}


@pytest.mark.parametrize("index", STATES)
@pytest.mark.parametrize("little", ["out", "folded"])
def test_each_finger_by_itself(index: str, little: str) -> None:
    states = finger_states(hand([STATES[index], OUT, FOLDED, STATES[little]], "in")[None])
    names = ("out", "bent", "folded")
    said = [names[i] for i in states.fingers[0].argmax(axis=1)]
    assert said[1:] == ["out", "folded", little]
    assert said[0] == index
    assert states.thumb[0, 1] > 0.8


def test_fingers_that_point_at_the_camera_are_told_by_depth() -> None:
    towards = hand([(85, 0, 0)] * 4, "in")[None]
    assert (finger_states(towards).fingers[0, :, 2] < 0.5).all()


@given(
    scale=st.floats(0.01, 50),
    turn_deg=st.floats(-180, 180),
    shift=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    mirror=st.booleans(),
)
def test_features_do_not_change_with_the_frame(scale: float, turn_deg: float, shift: tuple[float, float], mirror: bool) -> None:
    points = hand([OUT, BENT, FOLDED, OUT], "out")[None].astype(np.float64)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    moved = points * ([-1, 1, 1] if mirror else 1) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) * scale + [*shift, 0]
    for features in (finger_features, thumb_features, pinch_features):
        np.testing.assert_allclose(features(moved), features(points), atol=1e-6)
    np.testing.assert_allclose(palm_size(moved), palm_size(points) * scale, rtol=1e-6)


def test_thumb_direction() -> None:
    points = np.zeros((1, 21, 2))
    points[0, 4] = (0, -7)
    np.testing.assert_allclose(thumb_direction_xy(points), [[0, -1]])


def test_expand_keeps_far_values_near() -> None:
    terms = expand(np.array([[1.0, -9.0]]))
    assert terms.tolist() == [[1, -3, 1, -3, 9, 1]]


@pytest.mark.parametrize("shape", [(21, 3), (1, 20, 3), (1, 21, 4)])
def test_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="21"):
        finger_states(np.zeros(shape))


@pytest.mark.parametrize("axes", [2, 3])
def test_no_hands(axes: int) -> None:
    states = finger_states(np.zeros((0, 21, axes)))
    assert states.thumb.shape == (0, 2)
    assert states.fingers.shape == (0, 4, 3)
    assert states.pinch.shape == (0,)
