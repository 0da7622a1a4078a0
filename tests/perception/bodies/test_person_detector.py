"""Finding people in real pictures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.data import shared_data
from tests.perception.bodies.pictures import ODD, mirrored, person, two_people

from sightline.core.errors import DeviceError, InvalidInputError
from sightline.core.observations import Bodies
from sightline.perception.bodies import PersonDetector


@pytest.fixture(scope="module")
def detector(weights) -> PersonDetector:
    weights("person_detector")
    return PersonDetector(threads=1)


def same(a: Bodies, b: Bodies) -> bool:
    return np.allclose(a.boxes_xyxy, b.boxes_xyxy, atol=1e-3) and np.allclose(a.axis_points_xy, b.axis_points_xy, atol=1e-3)


def test_one_person_and_where_she_points(detector: PersonDetector) -> None:
    [bodies] = detector([person()])
    assert len(bodies) == 1
    assert bodies.scores[0] > 0.7
    x0, y0, x1, y1 = bodies.boxes_xyxy[0]
    assert x0 < 130
    assert y0 < 60
    assert x1 > 300
    assert y1 == 512
    (hip_x, hip_y), (top_x, top_y) = bodies.axis_points_xy[0]
    assert 100 < hip_x < 300
    assert 420 < hip_y < 640  # the hips are at the lower edge or below it
    assert top_y < 80
    assert 150 < top_x < 300


def test_the_mirror_image_is_found_mirrored(detector: PersonDetector) -> None:
    [plain], [mirror] = detector([person()]), detector([mirrored()])
    assert len(mirror) == 1
    assert abs((512 - mirror.boxes_xyxy[0, [2, 0]]) - plain.boxes_xyxy[0, [0, 2]]).max() < 100


def test_two_people(detector: PersonDetector) -> None:
    [bodies] = detector([two_people()])
    assert len(bodies) == 2
    assert sorted((bodies.axis_points_xy[:, 0, 0] > 640).tolist()) == [False, True]
    assert (np.diff(bodies.scores) <= 0).all()


def test_a_batch_is_its_pictures_one_by_one(detector: PersonDetector) -> None:
    images = [person(), ODD[3], two_people()]
    together = detector(images)
    assert [len(b) for b in together] == [1, 0, 2]
    assert all(same(a, detector([image])[0]) for a, image in zip(together, images, strict=True))


@pytest.mark.parametrize("image", ODD, ids=lambda i: f"{i.shape[1]}x{i.shape[0]}")
def test_nothing_is_empty(detector: PersonDetector, image: np.ndarray) -> None:
    [bodies] = detector([image])
    assert len(bodies) == 0
    assert bodies.axis_points_xy.shape == (0, 2, 2)
    assert detector([]) == []


def test_options_of_one_call_do_not_stay(detector: PersonDetector) -> None:
    assert len(detector([person()], min_score=0.999)[0]) == 0
    assert len(detector([person()])[0]) == 1


def test_calls_at_once_do_not_mix(detector: PersonDetector) -> None:
    images = [person(), two_people(), mirrored()] * 3
    alone = [detector([image])[0] for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda image: detector([image])[0], images))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


def test_refuses_what_it_cannot_take(detector: PersonDetector) -> None:
    with pytest.raises(InvalidInputError, match="RGB image"):
        detector([np.zeros((5, 5), np.uint8)])
    with pytest.raises(DeviceError):
        PersonDetector(device="cuda")


def test_boxes_fit_bodies(detector: PersonDetector) -> None:
    """Single people of people/human_seg: the estimated box beside the box around the mask (0.75 mean IoU when it was set)."""
    from sightline.core.boxes import iou
    from sightline.media.images import read_image

    folder, found = shared_data("people/human_seg"), []
    for path in sorted((folder / "images").iterdir())[:30]:
        mask = read_image(folder / "masks" / f"{path.stem}.png")[:, :, 0] > 0
        [bodies] = detector([read_image(path)])
        if len(bodies) == 1 and mask.any():
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            found.append(iou(bodies.boxes_xyxy, [[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]])[0, 0])
    assert len(found) > 15
    assert np.median(found) > 0.65
