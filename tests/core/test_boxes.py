from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sightline.core import boxes
from sightline.core.errors import InvalidInputError
from sightline.core.geometry import apply_affine

EMPTY = np.zeros((0, 4), np.float32)


def some_boxes(count: int) -> st.SearchStrategy[np.ndarray]:
    """Boxes the right way round, at most 100 px."""
    corners = hnp.arrays(np.float32, (count, 2, 2), elements=st.floats(0, 100, width=32))
    return corners.map(lambda c: np.concatenate([c.min(axis=1), c.max(axis=1)], axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, list])
def test_any_number_type_goes_in_float32_comes_out(dtype: type) -> None:
    given_boxes = [[0, 0, 10, 10]] if dtype is list else np.array([[0, 0, 10, 10]], dtype)
    for result in (boxes.iou(given_boxes, given_boxes), boxes.area(given_boxes), boxes.clip_boxes(given_boxes, (5, 5))):
        assert result.dtype == np.float32


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (EMPTY, EMPTY, np.zeros((0, 0))),
        (EMPTY, [[0, 0, 1, 1]], np.zeros((0, 1))),
        ([[0, 0, 10, 10]], [[0, 0, 10, 10]], [[1]]),
        ([[0, 0, 10, 10]], [[10, 0, 20, 10]], [[0]]),  # half-open: touching is not overlapping
        ([[0, 0, 10, 10]], [[0, 0, 5, 10]], [[0.5]]),
        ([[0, 0, 10, 10]], [[5, 5, 15, 15]], [[25 / 175]]),
        ([[5, 5, 5, 5]], [[5, 5, 5, 5]], [[0]]),  # no area
        ([[9, 9, 1, 1]], [[0, 0, 10, 10]], [[0]]),  # inside out
    ],
)
def test_iou_by_hand(a: object, b: object, expected: object) -> None:
    np.testing.assert_allclose(boxes.iou(a, b), np.asarray(expected, np.float32), atol=1e-6)


def brute_iou(a: np.ndarray, b: np.ndarray) -> float:
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / union if union > 0 else 0.0


@given(some_boxes(4), some_boxes(3))
def test_iou_is_what_the_definition_says(a: np.ndarray, b: np.ndarray) -> None:
    expected = [[brute_iou(x, y) for y in b.astype(float)] for x in a.astype(float)]
    np.testing.assert_allclose(boxes.iou(a, b), expected, atol=1e-3)
    np.testing.assert_allclose(boxes.iou(a, b), boxes.iou(b, a).T, atol=1e-6)


def test_overlap_is_the_part_of_the_first_inside_the_second() -> None:
    np.testing.assert_allclose(boxes.overlap([[0, 0, 10, 10], [0, 0, 20, 10]], [[0, 0, 10, 10]]), [[1], [0.5]])
    assert boxes.overlap(EMPTY, [[0, 0, 1, 1]]).shape == (0, 1)
    assert boxes.overlap([[1, 1, 1, 1]], [[0, 0, 5, 5]]).tolist() == [[0]]


@given(some_boxes(12), hnp.arrays(np.float32, 12, elements=st.floats(0, 1, width=32)), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_nms_keeps_what_it_must(found: np.ndarray, scores: np.ndarray, threshold: float) -> None:
    kept = boxes.nms(found, scores, threshold)
    overlaps = boxes.iou(found, found)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for i, first in enumerate(kept):
        assert (overlaps[first, kept[i + 1 :]] <= threshold).all(), "no two kept boxes overlap by more"
    for row in set(range(12)) - set(kept.tolist()):
        better = [k for k in kept if overlaps[k, row] > threshold and scores[k] >= scores[row]]
        assert better, "whatever went was overlapped by something at least as good"


def test_nms_keeps_labels_apart_and_takes_the_first_on_a_tie() -> None:
    twice = [[0, 0, 10, 10], [0, 0, 10, 10]]
    assert boxes.nms(twice, [0.5, 0.5], 0.5).tolist() == [0]
    assert boxes.nms(twice, [0.5, 0.9], 0.5, labels=[1, 2]).tolist() == [1, 0]
    assert boxes.nms(EMPTY, [], 0.5).tolist() == []
    with pytest.raises(InvalidInputError, match="one score a box"):
        boxes.nms(twice, [0.5], 0.5)


def test_xywh_and_back() -> None:
    xyxy = np.array([[1, 2, 4, 6]], np.float32)
    assert boxes.xyxy_to_xywh(xyxy).tolist() == [[1, 2, 3, 4]]
    np.testing.assert_array_equal(boxes.xywh_to_xyxy(boxes.xyxy_to_xywh(xyxy)), xyxy)
    assert boxes.xywh_to_xyxy(EMPTY).shape == (0, 4)


def test_nothing_is_changed_in_place() -> None:
    given_boxes = np.array([[-5, -5, 50, 50]], np.float32)
    before = given_boxes.copy()
    boxes.clip_boxes(given_boxes, (10, 10))
    boxes.xyxy_to_xywh(given_boxes)
    boxes.nms(given_boxes, [1], 0.5)
    np.testing.assert_array_equal(given_boxes, before)


@pytest.mark.parametrize("bad", [np.zeros((3, 5)), np.zeros(4), np.zeros((2, 2, 4))])
def test_refuses_what_is_no_box(bad: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="shape"):
        boxes.iou(bad, EMPTY)


def test_bounding_boxes_of_points() -> None:
    points = np.array([[[1, 5, 9], [3, 2, 9]]], np.float32)
    assert boxes.bounding_boxes(points).tolist() == [[1, 2, 3, 5]]
    assert boxes.bounding_boxes(np.zeros((0, 7, 2))).shape == (0, 4)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(20, 200), st.integers(0, 19))
def test_tiles_cover_the_picture_and_overlap_enough(width: int, height: int, tile: int, overlap: int) -> None:
    placed = boxes.tiles((width, height), (tile, tile), overlap)
    covered = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in placed:
        covered[y0:y1, x0:x1] = True
        assert x1 - x0 == min(tile, width)
        assert y1 - y0 == min(tile, height)
    assert covered.all()
    columns = sorted({(x0, x1) for x0, _, x1, _ in placed.tolist()})
    assert all(before[1] - after[0] >= overlap for before, after in itertools.pairwise(columns))


def test_tiles_refuse_an_overlap_as_large_as_the_tile() -> None:
    with pytest.raises(InvalidInputError, match="min_overlap"):
        boxes.tiles((100, 100), (10, 10), 10)


@given(st.integers(1, 5000), st.integers(1, 5000), st.booleans())
def test_letterbox_keeps_the_aspect_and_fits(width: int, height: int, centred: bool) -> None:
    m = boxes.letterbox((height, width), (320, 192), centred=centred)
    assert m[0, 0] == m[1, 1] > 0
    corners = apply_affine([[0, 0], [width, height]], m)
    assert (corners >= -1e-3).all()
    assert (corners <= np.array([320, 192]) + 1e-3).all()
    spans = corners[1] - corners[0]
    assert np.isclose(spans, [320, 192], atol=1e-2).any(), "one side fills the target"
    if not centred:
        assert m[:, 2].tolist() == [0, 0]
