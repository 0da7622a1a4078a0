"""Landmarks and handedness of real hands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from tests.perception.hands.pictures import photo, two_hands

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Hands
from sightline.perception.hands import HandPose, PalmDetector


@pytest.fixture(scope="module")
def palms(weights) -> PalmDetector:
    weights("palm_detector")
    return PalmDetector(threads=1)


@pytest.fixture(scope="module")
def pose(weights) -> HandPose:
    weights("hand_pose_full")
    return HandPose(threads=2)


def by_x(hands: Hands) -> Hands:
    return hands[np.argsort(hands.boxes_xyxy[:, 0])]


def diagonal(hands: Hands) -> np.ndarray:
    return np.linalg.norm(hands.boxes_xyxy[:, 2:] - hands.boxes_xyxy[:, :2], axis=1)


def test_sides_are_the_subjects_and_a_mirror_swaps_them(palms: PalmDetector, pose: HandPose) -> None:
    image = two_hands()
    [hands] = pose([image], palms([image]))
    # The person on the left raises the right hand (the writing on the shirt can be read), the other one the left.
    assert (hands.scores > 0.9).all()
    assert (by_x(hands).left_scores > 0.5).tolist() == [False, True]
    mirror = np.ascontiguousarray(image[:, ::-1])
    [swapped] = pose([mirror], palms([mirror]))
    assert (by_x(swapped).left_scores > 0.5).tolist() == [False, True]  # the other hand of each, in reversed order
    for name in ("none/0a0e", "rock/026f"):
        one = photo(name)
        sides = [float(pose([i], palms([i], max_hands=1))[0].left_scores[0]) for i in (one, np.ascontiguousarray(one[:, ::-1]))]
        assert sides[0] < 0.1, name
        assert sides[1] > 0.9, name


def test_landmarks_lie_on_the_hand(palms: PalmDetector, pose: HandPose) -> None:
    image = photo("four/15a7")
    [palm] = palms([image], max_hands=1)
    [hands] = pose([image], [palm])
    points = hands.points_xyz[0]
    assert np.linalg.norm(points[[0, 5, 9, 13, 17], :2] - palm.palm_points_xy[0, :5], axis=1).max() < 0.35 * diagonal(palm)[0]
    assert (points[[8, 12, 16, 20], 1] < points[[5, 9, 13, 17], 1]).all()  # four fingers point up
    box = hands.boxes_xyxy[0]
    np.testing.assert_allclose(box, [*points[:, :2].min(axis=0), *points[:, :2].max(axis=0)], rtol=1e-5)
    world = hands.world_xyz_m[0]
    assert 0.06 < np.linalg.norm(world[9] - world[0]) < 0.13  # metres from the wrist to the knuckles
    assert np.abs(points[0, 2]) < 1


def test_world_turns_with_the_picture(palms: PalmDetector, pose: HandPose) -> None:
    image = photo("four/15a7")
    turned = np.ascontiguousarray(np.rot90(image))
    upright, lying = (pose([i], palms([i], max_hands=1))[0].world_xyz_m[0] for i in (image, turned))
    wanted = np.stack([upright[:, 1], -upright[:, 0], upright[:, 2]], axis=1)
    assert np.linalg.norm(lying - wanted, axis=1).mean() < 0.01


def test_following_stays_on_the_hand(palms: PalmDetector, pose: HandPose) -> None:
    image = photo("rock/026f")
    [first] = pose([image], palms([image], max_hands=1))
    again = first
    for _ in range(5):
        [again] = pose([image], [again])
    assert np.linalg.norm(again.points_xyz[..., :2] - first.points_xyz[..., :2], axis=2).mean() < 0.05 * diagonal(first)[0]
    assert again.scores[0] > 0.9


def test_no_hand_no_score(pose: HandPose) -> None:
    image = photo("rock/026f")
    wall = Hands(
        [[10, 10, 60, 60]], [0.9], palm_points_xy=np.float32([[[35, 60], [25, 20], [35, 18], [42, 20], [50, 25], [20, 50], [15, 40]]])
    )
    assert pose([image], [wall])[0].scores[0] < 0.5


def test_batch_is_singles_and_rows_keep_order_and_ids(palms: PalmDetector, pose: HandPose) -> None:
    images = [two_hands(), photo("rock/026f"), np.zeros((1, 1, 3), np.uint8)]
    found = palms(images)
    found[0] = replace(found[0], ids=np.array([7, 3]))
    together = pose(images, found)
    assert [len(h) for h in together] == [2, 1, 0]
    assert together[0].ids.tolist() == [7, 3]
    for image, region, hands in zip(images, found, together, strict=True):
        for row in range(len(region)):
            [alone] = pose([image], [region[[row]]])
            np.testing.assert_array_equal(alone.points_xyz[0], hands.points_xyz[row])
            np.testing.assert_array_equal(alone.left_scores[0], hands.left_scores[row])


def test_calls_at_once_do_not_mix(palms: PalmDetector, pose: HandPose) -> None:
    images = [two_hands(), photo("rock/026f")]
    found = palms(images)
    wanted = [pose([i], [f])[0].points_xyz for i, f in zip(images, found, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: pose([images[i % 2]], [found[i % 2]])[0].points_xyz, range(8)))
    for i, points in enumerate(results):
        np.testing.assert_array_equal(points, wanted[i % 2])


def test_integers_move_landmarks_by_less_than_a_percent(weights, palms: PalmDetector, pose: HandPose) -> None:
    weights("hand_pose_full")
    images = [photo(name) for name in ("rock/026f", "four/15a7", "none/00b8", "four/0c96")]
    found = palms(images, max_hands=1)
    fast, exact = pose(images, found), HandPose(exact=True, threads=1)(images, found)
    away = [
        np.linalg.norm(a.points_xyz[0, :, :2] - b.points_xyz[0, :, :2], axis=1).mean() / diagonal(b)[0]
        for a, b in zip(fast, exact, strict=True)
    ]
    assert max(away) < 0.01
    assert min(away) > 0  # they are not the same net


def test_lite_agrees_roughly(weights, palms: PalmDetector, pose: HandPose) -> None:
    weights("hand_pose_lite")
    image = photo("four/15a7")
    region = palms([image], max_hands=1)
    [full], [lite] = pose([image], region), HandPose("lite", threads=1)([image], region)
    assert np.linalg.norm(full.points_xyz[0, :, :2] - lite.points_xyz[0, :, :2], axis=1).mean() < 0.08 * diagonal(full)[0]


def test_nothing(pose: HandPose) -> None:
    assert pose([], []) == []
    [hands] = pose([np.zeros((1, 1, 3), np.uint8)], [Hands.empty()])
    assert len(hands) == 0
    assert hands.points_xyz.shape == hands.world_xyz_m.shape == (0, 21, 3)


def test_one_pixel_with_a_region(pose: HandPose) -> None:
    points = np.zeros((1, 21, 3), np.float32)
    [hands] = pose([np.zeros((1, 1, 3), np.uint8)], [Hands([[0, 0, 1, 1]], [1.0], points_xyz=points)])
    assert hands.scores[0] < 0.5


def test_bad_input(pose: HandPose) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(InvalidInputError, match="as many regions"):
        pose([image], [])
    with pytest.raises(InvalidInputError, match="PalmDetector"):
        pose([image], [Hands([[0, 0, 5, 5]], [1.0])])
    with pytest.raises(InvalidInputError, match="uint8"):
        pose([image[..., 0]], [Hands.empty()])
    with pytest.raises(InvalidInputError, match="variant"):
        HandPose("heavy")
