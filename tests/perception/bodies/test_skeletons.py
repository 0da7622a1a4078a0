"""Skeleton tables."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.core.errors import InvalidInputError
from sightline.perception.bodies.skeletons import coco17_of_blazepose33, landmark_boxes, skeleton


@pytest.mark.parametrize(("name", "count"), [("blazepose33", 33), ("coco17", 17)])
def test_tables_are_whole(name, count: int) -> None:
    body = skeleton(name)
    assert len(body.names) == len(set(body.names)) == count
    assert len(set(map(frozenset, body.bones))) == len(body.bones)
    assert all(a != b and 0 <= a < count and 0 <= b < count for a, b in body.bones)
    assert {b for bone in body.bones for b in bone} == set(range(count)) or name == "coco17"
    assert [body.mirror[body.mirror[i]] for i in range(count)] == list(range(count))
    for i, landmark in enumerate(body.names):
        assert ("left" in landmark) == ("right" in body.names[body.mirror[i]])
    mirrored_bones = {frozenset((body.mirror[a], body.mirror[b])) for a, b in body.bones}
    assert mirrored_bones == set(map(frozenset, body.bones))


def test_the_published_order() -> None:
    """Landmark numbers of the BlazePose GHUM model card and of COCO."""
    blazepose, coco = skeleton("blazepose33"), skeleton("coco17")
    numbers = {"nose": 0, "left_eye": 2, "right_ear": 8, "left_shoulder": 11, "right_wrist": 16, "left_hip": 23, "right_foot_index": 32}
    assert {name: blazepose.index(name) for name in numbers} == numbers
    assert coco.names[5] == "left_shoulder"
    assert coco.names[16] == "right_ankle"
    assert coco17_of_blazepose33() == (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)


def test_an_unknown_landmark_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="tail"):
        skeleton("coco17").index("tail")


def test_the_box_holds_the_crown_and_the_flesh() -> None:
    body, points = skeleton("blazepose33"), np.zeros((1, 33, 3), np.float32)
    points[0, :, :2] = [50, 60]
    for name, xy in {"ear": (50, 30), "shoulder": (50, 50), "hip": (50, 90), "ankle": (50, 160)}.items():
        points[0, [body.index(f"left_{name}"), body.index(f"right_{name}")], :2] = xy
    assert landmark_boxes(points).tolist() == [[46, 12, 54, 164]]
    assert landmark_boxes(points[:0]).shape == (0, 4)
