"""Names of the landmarks of a body, which are joined by bones, and what can be told from them.

Left and right are the subject's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np

from sightline.core.boxes import bounding_boxes
from sightline.core.errors import InvalidInputError
from sightline.core.observations import Floats

SkeletonName = Literal["blazepose33", "coco17"]
_CROWN, _FLESH = 0.9, 0.1


@dataclass(frozen=True)
class Skeleton:
    """One set of body landmarks.

    Attributes
    ----------
    names : tuple of str
        Name of each landmark, such as ``"left_knee"``.
    bones : tuple of (int, int)
        Pairs of landmarks that a drawing joins.
    mirror : tuple of int
        For each landmark, its counterpart on the other side of the body (itself when it has none).
    """

    names: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    mirror: tuple[int, ...]

    def index(self, name: str) -> int:
        """Return the place of a landmark by name.

        Raises
        ------
        InvalidInputError
            When there is none of that name.
        """
        if name not in self.names:
            raise InvalidInputError(f"no landmark is named {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)


@cache
def skeleton(name: SkeletonName) -> Skeleton:
    """Return a skeleton by the name that ``Bodies.skeleton`` holds.

    Examples
    --------
    >>> coco = skeleton("coco17")
    >>> coco.names[coco.mirror[coco.index("left_knee")]]
    'right_knee'
    """
    tables = json.loads((resources.files(__package__) / "skeletons.json").read_text("utf-8"))
    names = tuple(tables[name]["names"])
    bones = tuple((names.index(a), names.index(b)) for a, b in tables[name]["bones"])
    return Skeleton(names, bones, tuple(names.index(_other_side(n)) for n in names))


def coco17_of_blazepose33() -> tuple[int, ...]:
    """Return for each of the 17 COCO key points the BlazePose landmark of the same name."""
    blazepose = skeleton("blazepose33")
    return tuple(blazepose.index(name) for name in skeleton("coco17").names)


def landmark_boxes(points_xyz: Floats) -> Floats:
    """Return boxes around the bodies that BlazePose landmarks, which lie on joints, belong to.

    Parameters
    ----------
    points_xyz : ndarray of float32, shape (n, 33, 3)

    Returns
    -------
    ndarray of float32, shape (n, 4)
        Not cut at the picture's edge. The crown of the head is taken to lie above the ears by 0.9 of their distance from
        the shoulders; left, right and below, a tenth of the torso's length is added.
    """
    body = skeleton("blazepose33")
    xy = points_xyz[:, :, :2]
    ears, shoulders, hips = (
        xy[:, [body.index(f"left_{joint}"), body.index(f"right_{joint}")]].mean(axis=1) for joint in ("ear", "shoulder", "hip")
    )
    crown = ears + _CROWN * (ears - shoulders)
    flesh = _FLESH * np.linalg.norm(shoulders - hips, axis=1)[:, None]
    boxes = bounding_boxes(np.concatenate([xy, crown[:, None]], axis=1))
    return np.asarray(boxes + flesh * np.array([-1, 0, 1, 1]), np.float32)


def _other_side(name: str) -> str:
    if name.startswith("mouth_"):
        return {"mouth_left": "mouth_right", "mouth_right": "mouth_left"}[name]
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name
