from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Bodies, Detections, Faces, Hands, Observations, TextLines, Tracks

KINDS = (Faces, Bodies, Hands, Detections, TextLines, Tracks)


def make(kind: type[Observations], n: int) -> Observations:
    boxes = np.arange(4 * n, dtype=float).reshape(n, 4)
    extra = {
        Detections: {"labels": np.arange(n) % 2, "label_names": ("cat", "dog")},
        TextLines: {"quads_xy": np.zeros((n, 4, 2)), "texts": np.array([f"line {i}" for i in range(n)], object)},
        Faces: {"points_xy": np.arange(10 * n).reshape(n, 5, 2)},
        Bodies: {"points_xyz": np.zeros((n, 33, 3)), "masks": np.zeros((n, 6, 8), np.uint8)},
    }
    return kind(boxes, np.linspace(0, 1, n), ids=np.arange(n), **extra.get(kind, {}))


@pytest.mark.parametrize("kind", KINDS)
def test_columns_have_their_dtype_and_length(kind: type[Observations]) -> None:
    value = make(kind, 3)
    assert len(value) == 3
    assert value.boxes_xyxy.dtype == value.scores.dtype == np.float32
    assert value.ids is not None
    assert value.ids.dtype == np.int64


@pytest.mark.parametrize("kind", KINDS)
def test_indexing_gives_the_same_kind_with_every_column_cut(kind: type[Observations]) -> None:
    value = make(kind, 4)
    for index, rows in (
        (slice(1, 3), [1, 2]),
        (np.array([True, False, False, True]), [0, 3]),
        (np.array([3, 0, 0]), [3, 0, 0]),
        ([2], [2]),
        ([], []),
        (np.zeros(4, bool), []),
    ):
        part = value[index]
        assert type(part) is kind
        assert part.ids is not None
        assert part.ids.tolist() == rows
        np.testing.assert_array_equal(part.boxes_xyxy, value.boxes_xyxy[rows].reshape(-1, 4))
    assert isinstance(value, Detections) is (kind is Detections)
    if isinstance(value, Detections):
        assert value[[1]].names() == ["dog"]
    if isinstance(value, TextLines):
        assert value[[3]].texts.tolist() == ["line 3"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_number_is_no_index(kind: type[Observations]) -> None:
    with pytest.raises(InvalidInputError, match="mask, a slice or a list"):
        make(kind, 2)[1]  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_and_concatenate(kind: type[Observations]) -> None:
    empty = kind.empty()
    assert len(empty) == 0
    assert len(empty[slice(None)]) == 0
    assert len(kind.concatenate([])) == 0
    both = kind.concatenate([empty, make(kind, 2), make(kind, 3)])
    assert len(both) == 5
    assert both.ids is not None
    assert both.ids.tolist() == [0, 1, 0, 1, 2]


def test_a_column_that_one_part_lacks_is_dropped() -> None:
    plain = Faces(np.zeros((1, 4)), np.ones(1))
    joined = Faces.concatenate([make(Faces, 2), plain])  # type: ignore[list-item]
    assert len(joined) == 3
    assert joined.points_xy is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: Faces(np.zeros((2, 4)), np.zeros(3)),
        lambda: Faces(np.zeros((2, 5)), np.zeros(2)),
        lambda: Faces(np.zeros((1, 4)), np.zeros((1, 1))),
        lambda: Faces(np.zeros((1, 4)), np.zeros(1), mesh_xyz=np.zeros((1, 468, 2))),
        lambda: Faces(None, np.zeros(1)),
        lambda: Bodies(np.zeros((1, 4)), np.zeros(1), points_xyz=np.zeros((1, 33, 2))),
        lambda: Hands(np.zeros((1, 4)), np.zeros(1), points_xyz=np.zeros((2, 21, 3))),
        lambda: Detections(np.zeros((1, 4)), np.zeros(1), labels=np.array([2]), label_names=("cat", "dog")),
        lambda: Detections(np.zeros((1, 4)), np.zeros(1), labels=np.array([-1]), label_names=("cat",)),
        lambda: TextLines(np.zeros((1, 4)), np.zeros(1), quads_xy=np.zeros((1, 4)), texts=np.array(["a"], object)),
    ],
)
def test_refuses_what_does_not_fit(build) -> None:
    with pytest.raises(InvalidInputError):
        build()


@pytest.mark.parametrize("kind", [Detections, TextLines])
def test_required_columns(kind: type[Observations]) -> None:
    with pytest.raises(TypeError):
        kind(np.zeros((1, 4)), np.zeros(1))


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        make(Faces, 1).scores = np.zeros(1)  # type: ignore[misc]


@given(st.integers(0, 20), st.data())
def test_any_mask(n: int, data: st.DataObject) -> None:
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    part = make(Faces, n)[mask]
    assert len(part) == mask.sum()
