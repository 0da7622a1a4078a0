"""How far each finger is stretched, from the landmarks of a hand alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError

Doubles = NDArray[np.float64]

FINGERS: Final = ("thumb", "index", "middle", "ring", "little")
FINGER_STATES: Final = ("out", "bent", "folded")
THUMB_STATES: Final = ("out", "folded")
_WRIST, _THUMB_KNUCKLE, _THUMB_TIP, _INDEX_TIP = 0, 2, 4, 8
_KNUCKLES: Final = (5, 9, 13, 17)


@dataclass(frozen=True)
class FingerStates:
    """What the fingers of n hands do, as probabilities.

    Parameters
    ----------
    thumb : ndarray of float64, shape (n, 2)
        Stretched away from the palm, or not (``THUMB_STATES``).
    fingers : ndarray of float64, shape (n, 4, 3)
        Index, middle, ring and little finger: stretched, half bent (as when its tip meets the thumb), folded into
        the palm (``FINGER_STATES``).
    pinch : ndarray of float64, shape (n,)
        The tips of thumb and index finger meet.
    """

    thumb: Doubles
    fingers: Doubles
    pinch: Doubles


def palm_size(points: ArrayLike) -> Doubles:
    """Return the size of each hand: the longest way from the wrist to a knuckle, in the unit of the points.

    Parameters
    ----------
    points : array of shape (n, 21, 2 or 3)
    """
    p = np.asarray(points, np.float64)
    return np.asarray(np.linalg.norm(p[:, _KNUCKLES] - p[:, :1], axis=-1).max(axis=1), np.float64)


def finger_features(points: ArrayLike) -> Doubles:
    """Return what the state of the four long fingers is told by; unchanged by shift, scale, rotation and mirror.

    Parameters
    ----------
    points : array of shape (n, 21, 2 or 3)

    Returns
    -------
    ndarray of float64, shape (n, 4, 5)
        A finger's straightness (knuckle to tip over its length), the cosine of the bend at its middle joint, the
        cosine of the bend of the whole finger against the palm, how much farther its tip is from the wrist than its
        middle joint (in palms), and by how much that exceeds the other fingers' mean.
    """
    p = np.asarray(points, np.float64)
    knuckle, middle, last, tip = (p[:, np.array(_KNUCKLES) + i] for i in range(4))
    wrist = p[:, :1]
    way = _length(middle - knuckle) + _length(last - middle) + _length(tip - last)
    straight = _length(tip - knuckle) / np.maximum(way, 1e-9)
    reach = (_length(tip - wrist) - _length(middle - wrist)) / np.maximum(palm_size(p), 1e-9)[:, None]
    bends = [_cosine(middle - knuckle, last - middle), _cosine(knuckle - wrist, tip - knuckle)]
    beside = reach - (reach.sum(axis=1, keepdims=True) - reach) / 3
    return np.stack([straight, *bends, reach, beside], axis=-1)


def thumb_features(points: ArrayLike) -> Doubles:
    """Return what the state of the thumb is told by, shape (n, 5).

    Straightness, the cosine of the bend at its knuckle, and the distances of its tip to the knuckles of index and
    little finger and to the middle joint of the index finger (in palms).
    """
    p = np.asarray(points, np.float64)
    size = np.maximum(palm_size(p), 1e-9)
    root, knuckle, joint, tip = (p[:, i] for i in (1, 2, 3, 4))
    way = _length(knuckle - root) + _length(joint - knuckle) + _length(tip - joint)
    straight = _length(tip - root) / np.maximum(way, 1e-9)
    apart = [_length(tip - p[:, i]) / size for i in (5, 17, 6)]
    return np.stack([straight, _cosine(knuckle - root, tip - knuckle), *apart], axis=-1)


def pinch_features(points: ArrayLike) -> Doubles:
    """Return the distance of the tips of thumb and index finger in palms, shape (n, 1)."""
    p = np.asarray(points, np.float64)
    return np.asarray(_length(p[:, _THUMB_TIP] - p[:, _INDEX_TIP]) / np.maximum(palm_size(p), 1e-9))[:, None]


def thumb_direction_xy(points: ArrayLike) -> Doubles:
    """Return where each thumb points in the picture: unit vectors from its knuckle to its tip, shape (n, 2)."""
    p = np.asarray(points, np.float64)[..., :2]
    way = p[:, _THUMB_TIP] - p[:, _THUMB_KNUCKLE]
    return np.asarray(way / np.maximum(_length(way), 1e-9)[:, None])


def finger_states(points: ArrayLike) -> FingerStates:
    """Return what the fingers of each hand do.

    Parameters
    ----------
    points : array of shape (n, 21, 2 or 3)
        Landmarks in any unit, as ``HandPose`` orders them; with depth it also works for fingers that point at the
        camera.

    Returns
    -------
    FingerStates

    Raises
    ------
    InvalidInputError
        When the shape is another.

    Examples
    --------
    >>> finger_states(np.zeros((0, 21, 3))).fingers.shape
    (0, 4, 3)
    """
    p = np.asarray(points, np.float64)
    if p.ndim != 3 or p.shape[1] != 21 or p.shape[2] not in (2, 3):
        raise InvalidInputError(f"points must have shape (n, 21, 2 or 3), got {p.shape}")
    table = gesture_table()["model"]
    return FingerStates(
        softmax(thumb_features(p), table["thumb"]),
        softmax(finger_features(p), table["finger"]),
        softmax(pinch_features(p), table["pinch"])[:, 0],
    )


def softmax(features: Doubles, model: dict[str, Any]) -> Doubles:
    """Return the class probabilities of a quadratic model: ``mean``, ``scale`` (k,), ``weights`` (terms, classes)."""
    logits = expand((features - np.array(model["mean"])) / np.array(model["scale"])) @ np.array(model["weights"])
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exp / exp.sum(axis=-1, keepdims=True))


def expand(features: Doubles) -> Doubles:
    """Return k standardised features, kept within 3 of the mean, their products in pairs, and 1: (k + 1) (k + 2) / 2 terms.

    Examples
    --------
    >>> expand(np.array([2.0, 5.0])).tolist()
    [2.0, 3.0, 4.0, 6.0, 9.0, 1.0]
    """
    x = np.clip(features, -3, 3)
    first, second = np.triu_indices(x.shape[-1])
    return np.concatenate([x, x[..., first] * x[..., second], np.ones((*x.shape[:-1], 1))], axis=-1)


@cache
def gesture_table() -> dict[str, Any]:
    """Return the content of ``gestures.json``: the linear models, the gestures and the numbers."""
    text = (resources.files("sightline.perception.hands") / "gestures.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _length(vectors: Doubles) -> Doubles:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=-1)))


def _cosine(a: Doubles, b: Doubles) -> Doubles:
    return np.asarray((a * b).sum(axis=-1) / np.maximum(_length(a) * _length(b), 1e-9))
