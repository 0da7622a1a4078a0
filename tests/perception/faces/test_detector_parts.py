"""What the face detector is made of, without weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.perception.faces.blazeface import HALF_MOUTH, five_points
from sightline.perception.faces.centerface import decode, look
from sightline.perception.faces.lighting import lift, mean_light
from sightline.perception.faces.search import Search, scan_views
from sightline.perception.faces.views import View, close_ups, cut, tile_views, whole_view
from sightline.runtime.session import TensorSpec


class SquareSession:
    """A net of CenterFace's layout that sees white squares: each 4 x 4 cell whose middle is white and whose left upper is not."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def inputs(self) -> tuple[TensorSpec, ...]:
        return ()

    def outputs(self) -> tuple[TensorSpec, ...]:
        return ()

    def provider(self) -> str:
        return "test"

    def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        pixels = inputs[0]
        assert pixels.dtype == np.float32
        self.batches.append(pixels.shape)
        n, _, h, w = pixels.shape
        heat = np.zeros((n, 1, h // 4, w // 4), np.float32)
        size, offset = np.zeros((n, 2, h // 4, w // 4), np.float32), np.zeros((n, 2, h // 4, w // 4), np.float32)
        for i, picture in enumerate(pixels[:, 0] > 128):
            rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
            if rows.size:
                middle = np.array([rows[0] + rows[-1] + 1, columns[0] + columns[-1] + 1]) / 2 / 4
                cell = np.minimum(np.floor(middle).astype(int), [h // 4 - 1, w // 4 - 1])
                heat[(i, 0, *cell)] = 0.9
                size[(i, slice(None), *cell)] = np.log([rows.size / 4, columns.size / 4])
                offset[(i, slice(None), *cell)] = middle - cell - 0.5
        return heat, size, offset, np.full((n, 10, h // 4, w // 4), 0.5, np.float32)


def with_square(size_wh: tuple[int, int], box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = 255
    return image


def test_decode_puts_box_and_points_where_the_layout_says() -> None:
    heat, size, offset = np.zeros((4, 6), np.float32), np.zeros((2, 4, 6), np.float32), np.zeros((2, 4, 6), np.float32)
    heat[2, 3] = 0.8
    size[:, 2, 3] = np.log([3, 2])  # 12 px high, 8 px wide
    offset[:, 2, 3] = [0.25, -0.25]  # y, x
    marks = np.zeros((10, 4, 6), np.float32)
    marks[:, 2, 3] = [0.25, 0.2, 0.25, 0.8, 0.5, 0.5, 0.75, 0.3, 0.75, 0.7]  # y, x of five points
    found = decode(heat, size, offset, marks, 0.5, 0.3)
    np.testing.assert_allclose(found.boxes_xyxy, [[9, 5, 17, 17]], atol=1e-4)
    np.testing.assert_allclose(found.points_xy[0], [[10.6, 8], [15.4, 8], [13, 11], [11.4, 14], [14.6, 14]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.8])


def test_decode_keeps_the_best_of_overlapping_cells_and_may_find_nothing() -> None:
    heat = np.full((4, 4), 0.6, np.float32)
    heat[1, 2] = 0.9
    size = np.full((2, 4, 4), np.log(8), np.float32)
    zeros = np.zeros((2, 4, 4), np.float32)
    found = decode(heat, size, zeros, np.zeros((10, 4, 4), np.float32), 0.5, 0.1)
    assert found.scores.tolist() == pytest.approx([0.9])
    nothing = decode(heat, size, zeros, np.zeros((10, 4, 4), np.float32), 0.95, 0.1)
    assert [a.shape for a in nothing] == [(0, 4), (0, 5, 2), (0,)]


@pytest.mark.parametrize("box", [(40, 30, 60, 54), (0, 0, 16, 16), (180, 90, 200, 100)])
@pytest.mark.parametrize(
    "view", [View((0, 0, 200, 100), (200, 100)), View((0, 0, 200, 100), (400, 200)), View((-40, -20, 220, 130), (520, 300))]
)
def test_look_brings_boxes_back_into_the_picture(box: tuple[int, int, int, int], view: View) -> None:
    [found] = look(SquareSession(), with_square((200, 100), box), [view], 0.5, 0.3)
    np.testing.assert_allclose(found.boxes_xyxy, [box], atol=1.01)
    np.testing.assert_allclose(found.points_xy[0, 0], [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], atol=1.01)


def test_look_runs_views_of_one_size_together_and_bounds_the_batch() -> None:
    session = SquareSession()
    image = with_square((2000, 1000), (4, 4, 20, 20))
    views = [View((0, 0, 1000, 1000), (1000, 1000))] * 3 + [View((0, 0, 100, 100), (100, 100))] * 5
    assert len(look(session, image, views, 0.5, 0.3)) == 8
    assert sorted(session.batches) == [(1, 3, 1024, 1024)] * 3 + [(5, 3, 128, 128)]
    assert look(session, image, [], 0.5, 0.3) == []


def test_search_finds_a_square_that_tiles_cut_once_and_whole() -> None:
    image = with_square((2600, 900), (1250, 300, 1500, 550))
    found = Search(640, 15, 0.1, 0.5, 0.3)(SquareSession(), image)
    assert len(found.scores) == 1
    np.testing.assert_allclose(found.boxes_xyxy, [(1250, 300, 1500, 550)], atol=8)
    assert found.scores[0] == pytest.approx(0.9)


def test_search_drops_what_the_close_up_does_not_see() -> None:
    class Once(SquareSession):
        def run(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            heat, *rest = super().run(*inputs)
            is_close_up = inputs[0].shape[2:] == (128, 128)
            return (heat * (0.0 if is_close_up else 1.0), *rest)

    image = with_square((400, 300), (100, 100, 180, 180))
    search = Search(640, 15, 0.1, 0.5, 0.3)
    assert len(search(SquareSession(), image).scores) == 1
    assert len(search(Once(), image).scores) == 0


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([64, 640, 1024]), st.sampled_from([6, 12, 15, 40]))
@settings(deadline=None, max_examples=60)
def test_scan_views_cover_the_picture_and_show_small_faces_large_enough(width: int, height: int, size: int, face_px: int) -> None:
    views = scan_views((width, height), size, face_px)
    assert any(v.region_xyxy == (0, 0, width, height) for v in views)
    assert all(min(v.size_wh) >= 1 for v in views)
    wanted = 15 / face_px
    fine = [
        v.region_xyxy
        for v in views
        if max(v.size_wh) >= 0.98 * wanted * max(v.region_xyxy[2] - v.region_xyxy[0], v.region_xyxy[3] - v.region_xyxy[1])
    ]
    assert fine, "no view shows the smallest faces at their size"
    xs, ys = ({r[a] for r in fine} | {r[b] for r in fine} for a, b in ((0, 2), (1, 3)))
    assert (min(xs), max(xs), min(ys), max(ys)) == (0, width, 0, height)


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([0.5, 1.0, 1.25, 2.5]))
@settings(deadline=None, max_examples=60)
def test_tiles_share_their_overlap_and_stay_small(width: int, height: int, scale: float) -> None:
    views = tile_views((width, height), scale, 1280, 192)
    assert all(max(v.size_wh) <= 1280 for v in views)
    for axis, length in ((0, width), (1, height)):
        spans = sorted({(v.region_xyxy[axis], v.region_xyxy[axis + 2]) for v in views})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(before[1] - after[0] >= 192 / scale - 1 for before, after in itertools.pairwise(spans))


def test_small_pictures_are_enlarged_but_not_without_bound() -> None:
    assert whole_view((150, 112), 640, 4).size_wh == (600, 448)
    assert whole_view((1, 1), 640, 4).size_wh == (4, 4)
    assert whole_view((4000, 10), 640, 4).size_wh == (640, 2)


def test_cut_pads_with_black_and_keeps_the_scale() -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    shown = cut(image, View((-10, -10, 40, 30), (100, 80)))
    assert shown.shape == (96, 128, 3)
    assert (shown[20:60, 20:80] == 200).all()
    assert int(shown.astype(np.int64).sum()) == 40 * 60 * 3 * 200
    assert not cut(image, View((50, 50, 60, 60), (32, 32))).any()


def test_close_ups_are_squares_around_the_face() -> None:
    [view] = close_ups(np.array([[100, 40, 120, 70]], np.float32), 128, 0.5)
    assert view == View((80, 25, 140, 85), (128, 128))
    assert close_ups(np.zeros((0, 4), np.float32), 128, 0.5) == []


def test_mouth_corners_lie_along_the_eyes() -> None:
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    six = np.array([[-30, 0], [30, 0], [0, 30], [0, 55], [-60, 5], [60, 5]]) @ turn
    [points] = five_points(six[None].astype(np.float32))
    np.testing.assert_allclose(points[:3], six[:3], atol=1e-4)
    np.testing.assert_allclose(points[3:], np.array([[-60 * HALF_MOUTH, 55], [60 * HALF_MOUTH, 55]]) @ turn, atol=1e-4)


@pytest.mark.parametrize("factor", [0.002, 0.01, 0.1])
def test_lift_brings_light_back_and_leaves_the_picture_alone(factor: float) -> None:
    y, x = np.mgrid[0:120, 0:160]
    scene = np.stack([x * 1.5, y * 2, x + y * 0.5], axis=2)
    night = np.round(255 * (scene / 255) * factor ** (1 / 2.2)).astype(np.uint8)
    before = night.copy()
    lifted = lift(night)
    assert lifted.shape == night.shape
    assert lifted.dtype == np.uint8
    np.testing.assert_array_equal(night, before)
    assert mean_light(lifted) > 0.3
    assert np.corrcoef(lifted.ravel(), scene.ravel())[0, 1] > 0.9


def test_lift_of_black_one_pixel_and_bright_pictures() -> None:
    assert not lift(np.zeros((1, 1, 3), np.uint8)).any()
    bright = np.full((10, 10, 3), 250, np.uint8)
    np.testing.assert_array_equal(lift(bright), bright)


def test_mean_light_is_of_luma() -> None:
    assert mean_light(np.full((3, 3, 3), 255, np.uint8)) == pytest.approx(1)
    assert mean_light(np.tile(np.array([0, 255, 0], np.uint8), (500, 700, 1))) == pytest.approx(0.587, abs=1e-3)
