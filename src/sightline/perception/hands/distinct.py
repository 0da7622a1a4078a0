"""Keep each hand once."""

from __future__ import annotations

from typing import Final

import numpy as np

from sightline.core.boxes import area, overlap
from sightline.core.errors import InvalidInputError
from sightline.core.observations import Hands
from sightline.perception.hands.fingers import palm_size

_SAME_PALMS: Final = 0.4
_INSIDE: Final = 0.8
_MUCH_SMALLER: Final = 0.4


def distinct_hands(hands: Hands, *, min_score: float = 0.5) -> Hands:
    """Return the hands that the landmark net is sure of, each once.

    Two palms of one picture may lead to the same hand, and a thorough look takes a finger for a small hand. Of two hands
    whose landmarks lie on average less than 0.4 palms apart the surer one stays; a hand within the box of another
    with less than 0.4 of its area goes. Hands that touch or hold each other stay.

    Parameters
    ----------
    hands : Hands
        Of one picture, as ``HandPose`` returns them.
    min_score : float
        Least score of the landmark net, 0..1.

    Returns
    -------
    Hands
        Rows in the order given.

    Raises
    ------
    InvalidInputError
        When there are hands without landmarks.

    Examples
    --------
    >>> len(distinct_hands(Hands.empty()))
    0
    """
    sure = hands[hands.scores >= min_score]
    if len(sure) == 0:
        return sure
    if sure.points_xyz is None:
        raise InvalidInputError("hands need landmarks first: HandPose()(images, hands)")
    points, areas, sizes = sure.points_xyz[..., :2], area(sure.boxes_xyxy), palm_size(sure.points_xyz[..., :2])
    shared = overlap(sure.boxes_xyxy, sure.boxes_xyxy)
    kept: list[int] = []
    for row in np.lexsort((-sure.scores, areas < _MUCH_SMALLER * areas.max())).tolist():
        apart = np.linalg.norm(points[kept] - points[row], axis=-1).mean(axis=-1)
        same = apart < _SAME_PALMS * np.maximum(sizes[kept], sizes[row])
        within = (shared[row, kept] > _INSIDE) & (areas[row] < _MUCH_SMALLER * areas[kept])
        if not (same | within).any():
            kept.append(row)
    return sure[np.sort(np.array(kept, np.int64))]
