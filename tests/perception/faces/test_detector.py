"""The face detector, on real pictures."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import get_args

import numpy as np
import pytest
from skimage.data import astronaut, brick, coffee
from tests.data import shared_data

from sightline.core.boxes import iou
from sightline.core.colour import linear_to_srgb, srgb_to_linear
from sightline.core.errors import DeviceError, InvalidInputError
from sightline.core.frame import Image
from sightline.core.observations import Faces
from sightline.media.sampling import resize
from sightline.perception.faces.detector import FaceDetector, Grade

GRADES = get_args(Grade)

# Eyes, nose and mouth corners of skimage's astronaut, pointed at by hand: right eye, left eye, nose, mouth corners (hers).
ASTRONAUT_POINTS = np.array([[204, 105], [246, 107], [224, 128], [206, 145], [240, 147]], np.float32)
ASTRONAUT_FACE = np.array([[178, 65, 272, 180]], np.float32)


@pytest.fixture(scope="module")
def detector(weights: Callable[..., None]) -> Callable[[Grade], FaceDetector]:
    @cache
    def make(grade: Grade) -> FaceDetector:
        return FaceDetector(grade, threads=2)

    def get(grade: Grade) -> FaceDetector:
        weights(f"face_detector_{grade}")
        return make(grade)

    return get


def darkened(image: Image, factor: float) -> Image:
    light = np.asarray(srgb_to_linear(image)) * factor
    noisy = light + np.random.default_rng(1).normal(0, 1, light.shape) * np.sqrt(light * 2e-4 + 1e-6)
    return np.round(np.asarray(linear_to_srgb(np.clip(noisy, 0, 1))) * 255).astype(np.uint8)


def face_of(image: Image, px: int) -> Image:
    """The astronaut's head and shoulders, with a face ``px`` pixels high."""
    scale = px / 115
    return resize(np.ascontiguousarray(image[:300, 80:380]), (round(300 * scale), round(300 * scale)))


def assert_same(a: Faces, b: Faces) -> None:
    np.testing.assert_allclose(a.boxes_xyxy, b.boxes_xyxy, atol=1e-3)
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)
    np.testing.assert_allclose(a.points_xy, b.points_xy, atol=1e-3)


@pytest.mark.parametrize("grade", GRADES)
def test_finds_the_astronaut_with_points_on_her_own_sides(grade: Grade, detector: Callable[[Grade], FaceDetector]) -> None:
    [faces] = detector(grade)([astronaut()])
    assert len(faces) == 1
    assert iou(faces.boxes_xyxy, ASTRONAUT_FACE)[0, 0] > 0.55
    assert faces.scores[0] > 0.8
    assert faces.points_xy is not None
    assert np.abs(faces.points_xy[0] - ASTRONAUT_POINTS).max() < 9


@pytest.mark.parametrize("grade", GRADES)
def test_mirrored_picture_swaps_the_sides(grade: Grade, detector: Callable[[Grade], FaceDetector]) -> None:
    [faces] = detector(grade)([np.ascontiguousarray(astronaut()[:, ::-1])])
    mirrored = np.array([512, 0]) + ASTRONAUT_POINTS[[1, 0, 2, 4, 3]] * np.array([-1, 1])
    assert faces.points_xy is not None
    assert np.abs(faces.points_xy[0] - mirrored).max() < 9


@pytest.mark.parametrize("grade", GRADES)
@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 300), (300, 1), (7, 5), (480, 640)])
def test_nothing_in_a_plain_picture(grade: Grade, shape_hw: tuple[int, int], detector: Callable[[Grade], FaceDetector]) -> None:
    for value in (0, 128, 255):
        [faces] = detector(grade)([np.full((*shape_hw, 3), value, np.uint8)])
        assert len(faces) == 0
        assert faces.points_xy is not None
        assert faces.points_xy.shape == (0, 5, 2)


@pytest.mark.parametrize("grade", ["full", "thorough"])
def test_no_face_in_a_cup_of_coffee_or_a_wall(grade: Grade, detector: Callable[[Grade], FaceDetector]) -> None:
    wall = np.repeat(brick()[..., None], 3, axis=2)
    assert [len(f) for f in detector(grade)([coffee(), wall])] == [0, 0]


@pytest.mark.parametrize("grade", GRADES)
def test_a_batch_is_its_pictures_one_by_one(grade: Grade, detector: Callable[[Grade], FaceDetector]) -> None:
    pictures = [astronaut(), coffee(), face_of(astronaut(), 60), np.zeros((1, 1, 3), np.uint8)]
    together = detector(grade)(pictures)
    assert [len(f) for f in together] == [1, 0, 1, 0]
    for picture, faces in zip(pictures, together, strict=True):
        assert_same(faces, detector(grade)([picture])[0])
    assert detector(grade)([]) == []


@pytest.mark.parametrize("grade", GRADES)
def test_calls_from_threads_do_not_mix(grade: Grade, detector: Callable[[Grade], FaceDetector]) -> None:
    pictures = [astronaut(), np.ascontiguousarray(astronaut()[:, ::-1]), coffee(), face_of(astronaut(), 60)] * 3
    alone = [detector(grade)([p])[0] for p in pictures]
    with ThreadPoolExecutor(4) as pool:
        for faces, expected in zip(pool.map(lambda p: detector(grade)([p])[0], pictures), alone, strict=True):
            assert_same(faces, expected)


def test_options_of_one_call_do_not_stay(detector: Callable[[Grade], FaceDetector]) -> None:
    find = detector("thorough")
    [before] = find([astronaut()])
    assert len(find([astronaut()], min_score=0.99)[0]) == 0
    assert len(find([astronaut()], min_score=0.3, size=128, min_face_px=40, lift_dark=False)[0]) >= 1
    assert_same(find([astronaut()])[0], before)


def test_twelve_pixels_and_the_whole_height_in_one_4k_picture(detector: Callable[[Grade], FaceDetector]) -> None:
    canvas = np.full((2160, 3840, 3), 90, np.uint8)
    canvas[:, 2000:] = resize(np.ascontiguousarray(astronaut()[55:190, 168:283]), (1840, 2160))
    corners = [(300, 200), (1100, 640), (700, 1500), (1010, 1140)]  # some of them on the seams of the tiles
    small = face_of(astronaut(), 12)
    for x, y in corners:
        canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    [faces] = detector("thorough")([canvas])
    ears_to_chin = np.array([[178 - 80, 65, 272 - 80, 180]]) * 12 / 115
    wanted = np.concatenate([ears_to_chin + np.array([x, y, x, y]) for x, y in corners] + [np.array([[2160, 160, 3664, 2000]])])
    overlaps = iou(wanted, faces.boxes_xyxy)
    assert (overlaps.max(axis=1) > 0.4).all(), overlaps.max(axis=1)
    assert len(faces) == 5


@pytest.mark.parametrize("part", [0.6, 0.8, 1.0])
def test_a_face_that_fills_the_frame_and_more(part: float, detector: Callable[[Grade], FaceDetector]) -> None:
    middle, reach = np.array([225, 124]), 58 * part
    x0, y0 = np.round(middle - reach).astype(int)
    x1, y1 = np.round(middle + reach).astype(int)
    picture = resize(np.ascontiguousarray(astronaut()[y0:y1, x0:x1]), (1000, 1000))
    [faces] = detector("thorough")([picture])
    assert len(faces) == 1
    scale = 1000 / (x1 - x0)
    assert faces.points_xy is not None
    assert np.abs(faces.points_xy[0] - (ASTRONAUT_POINTS - [x0, y0]) * scale).max() < 9 * scale


def test_faces_below_the_smallest_size_asked_for_are_out_of_reach(detector: Callable[[Grade], FaceDetector]) -> None:
    canvas = np.full((1080, 1920, 3), 90, np.uint8)
    small = face_of(astronaut(), 14)
    canvas[500 : 500 + small.shape[0], 900 : 900 + small.shape[1]] = small
    assert len(detector("thorough")([canvas])[0]) == 1
    assert len(detector("thorough")([canvas], min_face_px=60)[0]) == 0
    assert len(detector("thorough")([canvas], min_face_px=60, size=1920)[0]) == 1


@pytest.mark.parametrize(("grade", "light"), [("near", 0.0025), ("full", 0.003), ("thorough", 0.0015)])
def test_a_dark_picture_is_looked_at_again(grade: Grade, light: float, detector: Callable[[Grade], FaceDetector]) -> None:
    night = darkened(astronaut(), light)
    assert len(detector(grade)([night], lift_dark=False)[0]) == 0
    [faces] = detector(grade)([night])
    assert len(faces) == 1
    assert iou(faces.boxes_xyxy, ASTRONAUT_FACE)[0, 0] > 0.5


def test_recall_on_group_photos(detector: Callable[[Grade], FaceDetector]) -> None:
    from xml.etree import ElementTree

    from PIL import Image as Pillow

    folder = shared_data("people/dlib_faces")
    found = {"full": 0, "thorough": 0}
    others = {"full": 0, "thorough": 0}
    for picture in ElementTree.parse(folder / "testing.xml").getroot().iter("image"):
        boxes = [[float(b.get(k, "nan")) for k in ("left", "top", "width", "height")] for b in picture.iter("box")]
        marked = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes])
        image = np.ascontiguousarray(np.asarray(Pillow.open(folder / str(picture.get("file"))).convert("RGB")))
        for grade in ("full", "thorough"):
            [faces] = detector(grade)([image])
            overlaps = iou(marked, faces.boxes_xyxy)
            found[grade] += int((overlaps.max(axis=1, initial=0) >= 0.4).sum())
            others[grade] += int((overlaps.max(axis=0, initial=0) < 0.4).sum())
    assert found["thorough"] == 25
    assert found["full"] >= 24
    assert others == {"full": 0, "thorough": 0}


@pytest.mark.parametrize("min_score", [0, 1, -0.1, 7, float("nan")])
def test_refuses_a_score_out_of_range(min_score: float, detector: Callable[[Grade], FaceDetector]) -> None:
    with pytest.raises(InvalidInputError, match="min_score"):
        detector("full")([], min_score=min_score)


def test_refuses_other_options_that_make_no_sense(detector: Callable[[Grade], FaceDetector]) -> None:
    with pytest.raises(InvalidInputError, match="grade must be one of near, full, thorough"):
        FaceDetector("best")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="size"):
        detector("full")([astronaut()], size=320)
    with pytest.raises(InvalidInputError, match="size"):
        detector("thorough")([astronaut()], size=10)
    for grade, wrong in (("full", 20.0), ("thorough", 2.0), ("thorough", float("nan"))):
        with pytest.raises(InvalidInputError, match="min_face_px"):
            detector(grade)([astronaut()], min_face_px=wrong)
    with pytest.raises(InvalidInputError, match="RGB"):
        detector("near")([np.zeros((4, 4), np.uint8)])


def test_cuda_is_refused_where_the_net_cannot_use_it(detector: Callable[[Grade], FaceDetector]) -> None:
    assert detector("near").provider.startswith("LiteRT")
    with pytest.raises(DeviceError, match="CPU"):
        FaceDetector("near", device="cuda")
