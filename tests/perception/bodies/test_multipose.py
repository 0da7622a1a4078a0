"""Several bodies in one look."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.data import shared_data
from tests.perception.bodies.pictures import ODD, mirrored, person, two_people

from sightline.core.errors import InvalidInputError
from sightline.perception.bodies import BodyPose, MultiPose, skeleton
from sightline.perception.bodies.multipose import axis_of_coco17

BODY = skeleton("coco17")


@pytest.fixture(scope="module")
def many(weights) -> MultiPose:
    weights("movenet_multipose")
    return MultiPose(threads=1)


def test_key_points_lie_where_they_are_in_the_picture(many: MultiPose) -> None:
    [bodies] = many([person()])
    assert (len(bodies), bodies.skeleton, bodies.points_xyz.shape) == (1, "coco17", (1, 17, 3))
    for name, xy in {"nose": (220, 130), "left_eye": (243, 108), "right_eye": (203, 110)}.items():
        np.testing.assert_allclose(bodies.points_xyz[0, BODY.index(name), :2], xy, atol=14)
    assert (bodies.points_xyz[..., 2] == 0).all()
    assert bodies.visibility[0, BODY.index("nose")] > 0.5
    x0, y0, x1, y1 = bodies.boxes_xyxy[0]
    assert x0 < 80
    assert y0 < 40
    assert x1 > 330
    assert y1 > 480


def test_left_is_the_subjects(many: MultiPose) -> None:
    for image in (person(), mirrored()):
        [bodies] = many([image])
        for joint in ("eye", "shoulder"):
            left, right = (bodies.points_xyz[0, BODY.index(f"{side}_{joint}"), 0] for side in ("left", "right"))
            assert left > right + 20


@pytest.mark.parametrize("shape", [(720, 1280), (1280, 720), (500, 333), (97, 65)])
def test_points_come_back_to_the_picture_of_any_shape(many: MultiPose, shape: tuple[int, int]) -> None:
    from sightline.media.sampling import resize

    height, width = shape
    side = min(shape)
    canvas = np.full((height, width, 3), 90, np.uint8)
    top, left = height - side, width - side
    canvas[top:, left:] = resize(person(), (side, side))
    [bodies] = many([canvas], min_score=0.1)
    assert len(bodies) >= 1
    nose = bodies.points_xyz[0, 0, :2]
    np.testing.assert_allclose((nose - [left, top]) / side, [0.43, 0.26], atol=0.05)


def test_two_people(many: MultiPose) -> None:
    [bodies] = many([two_people()])
    assert len(bodies) == 2
    assert sorted((bodies.points_xyz[:, 0, 0] > 640).tolist()) == [False, True]


def test_six_at_most_and_all_of_a_group(many: MultiPose) -> None:
    from sightline.media.images import read_image

    image = read_image(shared_data("detection/street_stills") / "people-poses.jpg")  # seven people side by side
    [bodies] = many([image])
    assert len(bodies) == 6
    centres = np.sort(bodies.boxes_xyxy[:, [0, 2]].mean(axis=1))
    assert (np.diff(centres) > 40).all()


def test_body_pose_looks_closer_at_what_it_finds(many: MultiPose, weights) -> None:
    weights("body_pose")
    found = many([person()])
    [bodies] = BodyPose(threads=1)([person()], found)
    assert bodies.scores[0] > 0.8
    np.testing.assert_allclose(bodies.points_xyz[0, 0, :2], found[0].points_xyz[0, 0, :2], atol=12)


def test_the_axis_of_one_who_stands() -> None:
    points = np.zeros((1, 17, 2), np.float32)
    points[0] = [50, 40]
    points[0, [BODY.index("left_hip"), BODY.index("right_hip")]] = [50, 100]
    points[0, [BODY.index("left_ankle"), BODY.index("right_ankle")]] = [50, 180]
    axis = axis_of_coco17(points, np.array([[[20, 10], [80, 190]]], np.float32))
    np.testing.assert_allclose(axis, [[[50, 100], [50, 100 - 1.15 * 90]]], atol=1e-4)
    folded = axis_of_coco17(np.full((1, 17, 2), 9, np.float32), np.array([[[9, 9], [9, 9]]], np.float32))
    assert np.isfinite(folded).all()


def test_a_batch_is_its_pictures_one_by_one_and_threads_do_not_mix(many: MultiPose) -> None:
    images = [person(), two_people(), ODD[3], mirrored()]
    together = many(images)
    assert [len(b) for b in together] == [1, 2, 0, 1]
    with ThreadPoolExecutor(3) as pool:
        alone = list(pool.map(lambda image: many([image])[0], images))
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.points_xyz, b.points_xyz, atol=1e-2)


@pytest.mark.parametrize("image", ODD, ids=lambda i: f"{i.shape[1]}x{i.shape[0]}")
def test_nothing_is_empty(many: MultiPose, image: np.ndarray) -> None:
    [bodies] = many([image])
    assert (len(bodies), bodies.points_xyz.shape, bodies.axis_points_xy.shape) == (0, (0, 17, 3), (0, 2, 2))
    assert many([]) == []


@pytest.mark.parametrize("size", [0, -32, 100, 255])
def test_refuses_a_size_the_net_cannot_take(size: int) -> None:
    with pytest.raises(InvalidInputError, match="multiple of 32"):
        MultiPose(size=size)
