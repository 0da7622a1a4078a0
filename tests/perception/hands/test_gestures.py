"""Naming gestures: hands made of joint angles, then photos."""

from __future__ import annotations

import numpy as np
import pytest
from tests.perception.hands.pictures import photo
from tests.perception.hands.synthetic import BENT, FOLDED, OUT, hand, hands_of

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Hands
from sightline.perception.hands import (
    GestureClassifier,
    HandPose,
    PalmDetector,
    distinct_hands,
    gesture_names,
    shown_numbers,
    two_hand_hearts,
)
from sightline.perception.hands.gestures import gesture_probabilities

SHAPES = {
    "open_palm": ([OUT] * 4, "out", 5),
    "fist": ([FOLDED] * 4, "in", 0),
    "point": ([OUT] + [FOLDED] * 3, "in", 1),
    "victory": ([OUT] * 2 + [FOLDED] * 2, "in", 2),
    "three": ([OUT] * 3 + [FOLDED], "in", 3),
    "four": ([OUT] * 4, "in", 4),
    "call_me": ([FOLDED] * 3 + [OUT], "out", 0),
    "rock": ([OUT, FOLDED, FOLDED, OUT], "in", 0),
}


def named(hands: Hands, **options: float) -> list[str]:
    found = GestureClassifier(**options)(hands)
    return [found.gesture_names[i] for i in found.gestures]


def pinching() -> np.ndarray:
    points = hand([(40, 60, 30), OUT, OUT, OUT], "out")
    points[4] = points[8] + [3, 5, 0]
    points[3] = (points[2] + points[4]) / 2 + [-12, 0, 0]
    return points


def heart() -> Hands:
    """Two curved hands that mirror each other: thumbs meet below, index fingers meet above."""
    right = hand([BENT] * 4, "out", turn_deg=35)
    right[4, :2], right[8, :2] = (398, 290), (397, 205)
    left = right * [-1, 1, 1] + [800, 0, 0]
    return hands_of(right, left.astype(np.float32))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turn_deg", [0, 50, 180, 280])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_at_any_rotation_and_for_either_hand(name: str, turn_deg: float, mirror: bool) -> None:
    fingers, thumb, number = SHAPES[name]
    hands = GestureClassifier()(hands_of(hand(fingers, thumb, turn_deg=turn_deg, mirror=mirror)))
    assert [hands.gesture_names[i] for i in hands.gestures] == [name]
    assert hands.gesture_scores[0] > 0.8
    assert shown_numbers(hands).tolist() == [number]


def test_three_with_the_thumb_and_ok() -> None:
    with_thumb = hand([OUT] * 2 + [FOLDED] * 2, "out")
    assert named(hands_of(with_thumb, pinching())) == ["three", "ok"]


@pytest.mark.parametrize(
    ("turn_deg", "name"), [(90, "thumb_up"), (65, "thumb_up"), (115, "thumb_up"), (-90, "thumb_down"), (0, "unknown"), (180, "unknown")]
)
def test_thumb_up_and_down_are_the_pictures(turn_deg: float, name: str) -> None:
    assert named(hands_of(hand([FOLDED] * 4, "square", turn_deg=turn_deg))) == [name]


@pytest.mark.parametrize(
    "fingers",
    [[OUT, OUT, FOLDED, OUT], [FOLDED, FOLDED, OUT, FOLDED], [FOLDED, OUT, FOLDED, FOLDED], [FOLDED, OUT, OUT, FOLDED], [BENT] * 4],
)
def test_other_shapes_are_unknown(fingers: list[tuple[float, float, float]]) -> None:
    hands = GestureClassifier()(hands_of(hand(fingers, "in")))
    assert hands.gesture_names[hands.gestures[0]] == "unknown"
    assert hands.gesture_scores[0] > 0.5


def test_min_score_decides_between_a_name_and_unknown() -> None:
    between = (hand([OUT] * 4, "in") + hand([OUT] * 3 + [FOLDED], "in")) / 2
    chances = gesture_probabilities(hands_of(between))[0]
    best = float(chances[1:].max())
    assert 0.0 < best < 0.98
    assert named(hands_of(between), min_score=1.0) == ["unknown"]
    assert named(hands_of(hand([OUT] * 4, "in")), min_score=0.0) == ["four"]


def test_probabilities_are_a_distribution() -> None:
    rng = np.random.default_rng(3)
    wild = hands_of(*(hand([OUT] * 4, "out") + rng.normal(0, 40, (21, 3)) for _ in range(50)))
    chances = gesture_probabilities(wild)
    assert chances.shape == (50, len(gesture_names()))
    assert (chances >= 0).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)


def test_heart_of_two_hands_among_others() -> None:
    fist = hands_of(hand([FOLDED] * 4, "in"))
    hands = Hands.concatenate([fist, heart()])
    [(first, second, score)] = two_hand_hearts(hands)
    assert (first, second) == (1, 2)
    assert score > 0.9
    assert named(hands) == ["fist", "two_hand_heart", "two_hand_heart"]


def test_no_heart_upside_down_or_apart() -> None:
    hands = heart()
    turned = hands_of(*(hands.points_xyz * [1, -1, 1]))
    assert two_hand_hearts(turned) == []
    apart = hands_of(hands.points_xyz[0], hands.points_xyz[1] + np.float32([120, 0, 0]))
    assert two_hand_hearts(apart) == []
    assert two_hand_hearts(hands[[0]]) == []


def test_a_hand_is_in_one_heart_only() -> None:
    hands = heart()
    third = hands.points_xyz[1] + np.float32([8, 0, 0])
    [(first, second, _)] = two_hand_hearts(hands_of(*hands.points_xyz, third))
    assert (first, second) == (0, 1)


def test_many_hands_do_not_take_long_and_do_not_mix() -> None:
    shapes = [hand(f, t) for f, t, _ in SHAPES.values()] * 20
    assert named(hands_of(*shapes)) == list(SHAPES) * 20


def test_nothing_and_errors() -> None:
    empty = GestureClassifier()(Hands.empty())
    assert len(empty) == 0
    assert empty.gestures.shape == (0,)
    assert empty.gesture_names == gesture_names()
    assert shown_numbers(empty).shape == (0,)
    boxes = Hands([[0, 0, 5, 5]], [1.0])
    with pytest.raises(InvalidInputError, match="HandPose"):
        GestureClassifier()(boxes)
    with pytest.raises(InvalidInputError, match="GestureClassifier"):
        shown_numbers(boxes)
    with pytest.raises(InvalidInputError, match=r"0\.\.1"):
        GestureClassifier(min_score=1.5)


def test_landmarks_in_one_place_are_unknown() -> None:
    assert named(hands_of(np.zeros((21, 3), np.float32))) == ["unknown"]


@pytest.mark.parametrize(
    ("name", "gesture"),
    [
        ("rock/026f", "rock"),
        ("rock/09a6", "rock"),
        ("four/0c96", "four"),
        ("four/15a7", "four"),
        ("call/1f5f", "call_me"),
        ("none/00b8", "point"),
    ],
)
def test_photos(weights, name: str, gesture: str) -> None:
    weights("palm_detector", "hand_pose_full")
    images = [photo(name)]
    [hands] = HandPose(threads=1)(images, PalmDetector(threads=1)(images))
    assert gesture in named(distinct_hands(hands))
