"""Finding palms in real pictures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.data import astronaut
from tests.data import shared_data
from tests.perception.hands.pictures import photo, two_hands

from sightline.core.errors import DeviceError, InvalidInputError
from sightline.core.observations import Hands
from sightline.media.images import read_image
from sightline.perception.hands import HandPose, PalmDetector, distinct_hands


@pytest.fixture(scope="module")
def detector(weights) -> PalmDetector:
    weights("palm_detector")
    return PalmDetector(threads=1)


def same(a: Hands, b: Hands) -> bool:
    return np.array_equal(a.boxes_xyxy, b.boxes_xyxy) and np.array_equal(a.palm_points_xy, b.palm_points_xy)


def test_two_palms_where_they_are(detector: PalmDetector) -> None:
    [hands] = detector([two_hands()])
    assert len(hands) == 2
    left, right = hands[np.argsort(hands.boxes_xyxy[:, 0])].boxes_xyxy
    assert left[2] < 384 < right[0]
    # Wrists are below the knuckles of raised hands.
    assert (hands.palm_points_xy[:, 0, 1] > hands.palm_points_xy[:, 2, 1]).all()


def test_turned_pictures_turn_the_palm(detector: PalmDetector) -> None:
    image = photo("rock/026f")
    [still] = detector([image], max_hands=1)
    [turned] = detector([np.ascontiguousarray(np.rot90(image))], max_hands=1)
    x, y = still.palm_points_xy[0].T
    wanted = np.stack([y, image.shape[1] - x], axis=1)
    size = still.boxes_xyxy[0, 2] - still.boxes_xyxy[0, 0]
    assert np.linalg.norm(turned.palm_points_xy[0] - wanted, axis=1).mean() < 0.25 * size


def test_a_picture_without_hands_and_tiny_ones(detector: PalmDetector) -> None:
    images = [np.ascontiguousarray(astronaut()), np.zeros((1, 1, 3), np.uint8), np.zeros((1, 900, 3), np.uint8)]
    assert [len(h) for h in detector(images)] == [0, 0, 0]
    assert detector(images)[1].palm_points_xy.shape == (0, 7, 2)
    assert detector([]) == []


def test_thorough_looks_survive_any_shape(weights) -> None:
    weights("palm_detector")
    images = [np.zeros(shape, np.uint8) for shape in ((1, 1, 3), (3, 700, 3), (700, 2, 3), (400, 300, 3))]
    images.append(np.full((300, 400, 3), 20, np.uint8))
    assert [len(h) for h in PalmDetector(thorough=True, threads=1)(images)] == [0] * 5


def test_thorough_finds_hands_that_fill_the_picture(weights, detector: PalmDetector) -> None:
    weights("palm_detector", "hand_pose_full")
    paths = sorted(shared_data("people/sign_digits/2").iterdir())[:12]
    images = [read_image(path) for path in paths]
    pose, thorough = HandPose(threads=1), PalmDetector(thorough=True, threads=1)
    once = sum(len(distinct_hands(h)) for h in pose(images, detector(images)))
    more = [len(distinct_hands(h)) for h in pose(images, thorough(images))]
    assert more == [1] * 12
    assert once < 12


def test_batch_is_singles_and_calls_do_not_mix(detector: PalmDetector) -> None:
    images = [two_hands(), photo("rock/026f"), photo("four/15a7")]
    singles = [detector([image])[0] for image in images]
    assert all(map(same, detector(images), singles))
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda i: detector([images[i % 3]])[0], range(9)))
    assert all(same(found, singles[i % 3]) for i, found in enumerate(at_once))


def test_options_of_a_call(detector: PalmDetector) -> None:
    image = two_hands()
    assert len(detector([image], max_hands=1)[0]) == 1
    assert len(detector([image], min_score=0.999)[0]) == 0
    assert len(detector([image])[0]) == 2
    with pytest.raises(InvalidInputError, match="min_score"):
        detector([image], min_score=0)
    with pytest.raises(InvalidInputError, match="max_hands"):
        detector([image], max_hands=0)
    with pytest.raises(InvalidInputError, match="uint8"):
        detector([image.astype(np.float32)])


def test_cuda_is_an_error(weights) -> None:
    weights("palm_detector")
    with pytest.raises(DeviceError):
        PalmDetector(device="cuda")
