"""Each hand once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.perception.hands.synthetic import FOLDED, OUT, hand, hands_of

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Hands
from sightline.perception.hands import distinct_hands


def scored(*rows: tuple[np.ndarray, float]) -> Hands:
    return replace(hands_of(*(points for points, _ in rows)), scores=np.array([s for _, s in rows], np.float32))


def test_the_surer_of_two_looks_at_one_hand_stays() -> None:
    open_hand = hand([OUT] * 4, "out")
    kept = distinct_hands(scored((open_hand, 0.8), (open_hand + np.float32([10, 0, 0]), 0.9)))
    assert kept.scores.tolist() == pytest.approx([0.9])


def test_hands_that_cross_both_stay_in_order() -> None:
    first, second = hand([OUT] * 4, "out"), hand([OUT] * 4, "out", turn_deg=90)
    assert distinct_hands(scored((first, 0.6), (second, 0.9))).scores.tolist() == pytest.approx([0.6, 0.9])


def test_a_finger_taken_for_a_small_hand_goes() -> None:
    large = hand([OUT] * 4, "out")
    small = (hand([FOLDED] * 4, "in") - 300) * 0.15 + [*large[12, :2], 0] + [0, 25, 0]
    assert distinct_hands(scored((small, 0.99), (large, 0.7))).scores.tolist() == pytest.approx([0.7])
    beside = small + np.float32([300, 0, 0])
    assert len(distinct_hands(scored((beside, 0.99), (large, 0.7)))) == 2


def test_unsure_rows_go() -> None:
    hands = scored((hand([OUT] * 4, "out"), 0.4))
    assert len(distinct_hands(hands)) == 0
    assert len(distinct_hands(hands, min_score=0.3)) == 1
    assert len(distinct_hands(Hands.empty())) == 0
    with pytest.raises(InvalidInputError, match="HandPose"):
        distinct_hands(Hands([[0, 0, 9, 9]], [1.0]))
