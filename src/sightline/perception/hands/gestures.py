"""Name what a hand shows, from its landmarks: fingers first, then shapes.

Linear models say of each finger whether it is stretched, half bent or folded, of the thumb whether it stands away from
the palm, and whether the tips of thumb and index finger meet. A gesture is a set of such states. The sets do not overlap, so
the product of the probabilities of a hand's states is the probability of the gesture, and what remains is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Floats, Hands, Ints
from sightline.perception.hands.fingers import Doubles, FingerStates, finger_states, gesture_table, palm_size, thumb_direction_xy

_UNKNOWN: Final = "unknown"
_HEART: Final = "two_hand_heart"
_WRIST, _THUMB_TIP, _INDEX_TIP = 0, 4, 8


class GestureClassifier:
    """Names the static gesture of each hand; knows when it does not know.

    The names are in ``gesture_names()``: ``unknown``, ``open_palm``, ``fist``, ``point``, ``victory``, ``three``, ``four``,
    ``thumb_up``, ``thumb_down``, ``ok``, ``call_me``, ``rock``, ``two_hand_heart``. A number is shown by the same shapes
    (``shown_numbers``): one is ``point``, two ``victory``, five ``open_palm``; ``three`` is index, middle and ring finger, or
    thumb, index and middle finger. Up and down are the picture's, so the picture must be upright; all other gestures are
    the same at any rotation, in mirrored pictures, and for either hand.

    Parameters
    ----------
    min_score : float, optional
        A gesture less likely than this is ``unknown``, 0..1; by default the table's.

    Raises
    ------
    InvalidInputError
        When ``min_score`` is out of range.

    Examples
    --------
    >>> hands = GestureClassifier()(Hands.empty())
    >>> hands.gesture_names[:3], len(hands.gestures)
    (('unknown', 'open_palm', 'fist'), 0)
    """

    def __init__(self, *, min_score: float | None = None) -> None:
        self._min_score = float(gesture_table()["min_score"]) if min_score is None else min_score
        if not 0 <= self._min_score <= 1:
            raise InvalidInputError(f"min_score must lie in 0..1, got {min_score}")

    def __call__(self, hands: Hands) -> Hands:
        """Return the hands with ``gestures``, ``gesture_scores`` and ``gesture_names``.

        Parameters
        ----------
        hands : Hands
            Of one picture, with ``points_xyz`` (nothing else is used).

        Returns
        -------
        Hands
            The score of ``unknown`` is the probability that none of the gestures is shown. Two hands that
            form a heart are both called ``two_hand_heart``.

        Raises
        ------
        InvalidInputError
            When there are hands without landmarks.
        """
        names = gesture_names()
        chances = gesture_probabilities(hands)
        best = chances.argmax(axis=1)
        sure = chances[np.arange(len(hands)), best] >= self._min_score
        labels = np.where(sure, best, names.index(_UNKNOWN))
        scores = chances[np.arange(len(hands)), labels]
        for first, second, score in two_hand_hearts(hands, min_score=max(self._min_score, 1e-9)):
            labels[[first, second]], scores[[first, second]] = names.index(_HEART), score
        return replace(hands, gestures=labels, gesture_scores=scores, gesture_names=names)


@cache
def gesture_names() -> tuple[str, ...]:
    """Return the names of all gestures; ``unknown`` is the first.

    Examples
    --------
    >>> gesture_names()[:4]
    ('unknown', 'open_palm', 'fist', 'point')
    """
    return tuple(g["name"] for g in gesture_table()["gestures"])


def gesture_probabilities(hands: Hands) -> Floats:
    """Return how likely each hand by itself shows each gesture.

    Parameters
    ----------
    hands : Hands
        With ``points_xyz``.

    Returns
    -------
    ndarray of float32, shape (n, len(gesture_names()))
        Rows sum to 1; the column of ``two_hand_heart`` is 0.

    Raises
    ------
    InvalidInputError
        When there are hands without landmarks.
    """
    points = _points(hands)
    states, direction = finger_states(points), thumb_direction_xy(points)
    columns = [sum((_shape(states, direction, s) for s in g["shapes"]), np.zeros(len(points))) for g in gesture_table()["gestures"]]
    chances = np.stack(columns, axis=1) * (palm_size(points) > 0)[:, None]
    chances[:, gesture_names().index(_UNKNOWN)] = np.maximum(1 - chances.sum(axis=1), 0)
    return chances.astype(np.float32)


def shown_numbers(hands: Hands) -> Ints:
    """Return the number that each hand shows, 1..5, or 0 where it shows none.

    Parameters
    ----------
    hands : Hands
        As ``GestureClassifier`` returns them.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InvalidInputError
        When the hands have no ``gestures``.

    Examples
    --------
    >>> hands = Hands([[0, 0, 9, 9]], [1.0], gestures=[1], gesture_scores=[0.9], gesture_names=("unknown", "four"))
    >>> shown_numbers(hands).tolist()
    [4]
    """
    if hands.gestures is None:
        raise InvalidInputError("hands need gestures first: GestureClassifier()(hands)")
    numbers = {g["name"]: int(g["number"]) for g in gesture_table()["gestures"]}
    return np.array([numbers.get(hands.gesture_names[i], 0) for i in hands.gestures], np.int64)


def two_hand_hearts(hands: Hands, *, min_score: float = 0.5) -> list[tuple[int, int, float]]:
    """Return the pairs of hands that form a heart.

    The tips of both thumbs meet below, the tips of both index fingers meet above (in the upright picture), and the
    hands come from either side.

    Parameters
    ----------
    hands : Hands
        Of one picture, with ``points_xyz``.
    min_score : float
        Least score, 0..1.

    Returns
    -------
    list of (first row, second row, score)
        No hand is in two pairs; the most likely first.

    Raises
    ------
    InvalidInputError
        When there are hands without landmarks.

    Examples
    --------
    >>> two_hand_hearts(Hands.empty())
    []
    """
    points = _points(hands)
    scored = []
    for row in range(len(points) - 1):
        scores = _heart_scores(points, row)
        scored += [(row, row + 1 + k, float(scores[k])) for k in np.flatnonzero(scores >= min_score).tolist()]
    taken: set[int] = set()
    pairs = []
    for i, j, score in sorted(scored, key=lambda pair: -pair[2]):
        if not taken & {i, j}:
            taken |= {i, j}
            pairs.append((i, j, score))
    return pairs


def _points(hands: Hands) -> Floats:
    if hands.points_xyz is None:
        if len(hands):
            raise InvalidInputError("hands need landmarks first: HandPose()(images, hands)")
        return np.zeros((0, 21, 3), np.float32)
    return hands.points_xyz


_FINGER_SETS: Final = {"o": [0], "b": [1], "f": [2], "n": [1, 2]}


def _shape(states: FingerStates, direction_xy: Doubles, shape: dict[str, Any]) -> Doubles:
    """Return how likely the hands have one shape of the table."""
    parts = [states.fingers[:, i, _FINGER_SETS[letter]].sum(axis=1) for i, letter in enumerate(shape["fingers"])]
    chance = np.prod(parts, axis=0) * _THUMBS[shape["thumb"]](states, direction_xy)
    if "pinch" in shape:
        chance = chance * (states.pinch if shape["pinch"] else 1 - states.pinch)
    return np.asarray(chance)


def _upwards(direction_xy: Doubles) -> Doubles:
    """Return how far a thumb counts as up: half at 45 degrees from the vertical, nearly all at 30."""
    return np.asarray(_rising(-direction_xy[:, 1], np.cos(np.radians(45)), 0.05))


_THUMBS: Final[dict[str, Callable[[FingerStates, Doubles], Doubles]]] = {
    "any": lambda states, _: np.ones(len(states.thumb)),
    "out": lambda states, _: states.thumb[:, 0],
    "in": lambda states, _: states.thumb[:, 1],
    "up": lambda states, direction: states.thumb[:, 0] * _upwards(direction),
    "down": lambda states, direction: states.thumb[:, 0] * _upwards(-direction),
}


def _heart_scores(points: NDArray[np.floating], row: int) -> Doubles:
    """Return how well one hand forms a heart with each hand after it: the least of what must hold."""
    flat = np.asarray(points[..., :2], np.float64)
    own, others = flat[row], flat[row + 1 :]
    sizes = palm_size(points[row:])
    size = np.maximum((sizes[0] + sizes[1:]) / 2, 1e-9)
    apart = np.linalg.norm(others - own, axis=-1) / size[:, None]
    opening = (own[_THUMB_TIP] + others[:, _THUMB_TIP] - own[_INDEX_TIP] - others[:, _INDEX_TIP])[:, 1] / 2 / size
    conditions = [
        _rising(-apart[:, _THUMB_TIP], -0.4, 0.05),
        _rising(-apart[:, _INDEX_TIP], -0.4, 0.05),
        _rising(opening, 0.35, 0.05),
        _rising(apart[:, _WRIST], 0.8, 0.1),
    ]
    return np.asarray(np.min(conditions, axis=0))


def _rising(value: Any, middle: float, width: float) -> Any:
    """Return a smooth step: 0.5 at ``middle``, 0.88 two ``width`` above."""
    return 1 / (1 + np.exp(-np.clip((np.asarray(value) - middle) / width, -50, 50)))
