"""The square around a hand, from its palm and from its landmarks."""

from __future__ import annotations

import numpy as np
import pytest
from tests.perception.hands.synthetic import OUT, hand, hands_of

from sightline.core.errors import InvalidInputError
from sightline.core.geometry import apply_affine
from sightline.core.observations import Hands
from sightline.perception.hands.regions import region_from_landmarks, region_from_palm, regions_of

# MediaPipe's numbers for a palm box of 100 px: 260 px around a point half a box towards the fingers.
UPRIGHT = np.array([[100, 200], [80, 120], [100, 110], [115, 115], [130, 125], [70, 180], [60, 160]], np.float32)


def test_palm_upright() -> None:
    region = region_from_palm(np.array([50, 100, 150, 200], np.float32), UPRIGHT)
    assert region.side == pytest.approx(260)
    assert region.angle_rad == pytest.approx(0)
    np.testing.assert_allclose(region.centre_xy, [100, 100])


def test_palm_fingers_to_the_right() -> None:
    turned = np.stack([300 - UPRIGHT[:, 1], UPRIGHT[:, 0]], axis=1)
    region = region_from_palm(np.array([100, 50, 200, 150], np.float32), turned)
    assert region.angle_rad == pytest.approx(np.pi / 2)
    np.testing.assert_allclose(region.centre_xy, [200, 100], atol=1e-4)
    [above] = apply_affine([[200 + 130, 100]], region.to_crop(224))
    np.testing.assert_allclose(above, [112, 0], atol=1e-3)


@pytest.mark.parametrize("turn_deg", [0, 30, 135, -90])
def test_landmarks_turn_with_the_hand(turn_deg: float) -> None:
    points = hand([OUT] * 4, "out", turn_deg=turn_deg)[:, :2]
    still, region = region_from_landmarks(hand([OUT] * 4, "out")[:, :2]), region_from_landmarks(points)
    assert region.side == pytest.approx(still.side, rel=1e-4)
    turned = (region.angle_rad - still.angle_rad - np.radians(turn_deg) + np.pi) % (2 * np.pi) - np.pi
    assert turned == pytest.approx(0, abs=1e-4)
    crop = apply_affine(points, region.to_crop(224))
    assert (crop >= 0).all()
    assert (crop <= 224).all()
    assert crop[12, 1] < crop[0, 1] - 50


def test_landmarks_come_before_palms() -> None:
    points = hand([OUT] * 4, "out")
    both = Hands([[0, 0, 9, 9]], [1.0], points_xyz=points[None], palm_points_xy=UPRIGHT[None])
    np.testing.assert_allclose(regions_of(both)[0].centre_xy, regions_of(hands_of(points))[0].centre_xy)


def test_points_in_one_place_still_make_a_square() -> None:
    assert region_from_landmarks(np.zeros((21, 2), np.float32)).side == 1


def test_no_points() -> None:
    assert regions_of(Hands.empty()) == []
    with pytest.raises(InvalidInputError, match="PalmDetector"):
        regions_of(Hands([[0, 0, 9, 9]], [1.0]))
