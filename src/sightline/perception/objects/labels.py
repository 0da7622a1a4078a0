"""The 80 classes of COCO, in the order in which the nets number them."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def _table() -> tuple[dict[str, Any], ...]:
    text = (resources.files("sightline.perception.objects") / "coco_labels.json").read_text("utf-8")
    return tuple(json.loads(text)["labels"])


def coco_names() -> tuple[str, ...]:
    """Return the names of the 80 classes.

    Examples
    --------
    >>> coco_names()[:3], len(coco_names())
    (('person', 'bicycle', 'car'), 80)
    """
    return tuple(row["name"] for row in _table())


def coco_ids() -> tuple[int, ...]:
    """Return the category number that COCO's own files use for each of the 80 classes (1..90, with gaps).

    Examples
    --------
    >>> coco_ids()[:3], coco_ids()[-1]
    ((1, 2, 3), 90)
    """
    return tuple(row["coco_id"] for row in _table())


def coco_groups() -> tuple[str, ...]:
    """Return the group of each class, such as ``"vehicle"`` or ``"animal"``.

    Examples
    --------
    >>> coco_groups()[2]
    'vehicle'
    """
    return tuple(row["group"] for row in _table())
