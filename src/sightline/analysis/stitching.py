"""Putting the findings of a video's pieces together: who in one piece is who in the piece before."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.analysis.findings import KINDS
from sightline.core.assignment import assign
from sightline.core.boxes import iou

__all__ = ["carry", "stitch"]

_MIN_IOU = 0.3
_OTHER_LABEL_IOU = 0.7
_MAX_APART_S = 0.6
_EPS_S = 1e-6

Path = tuple[NDArray[np.float64], NDArray[np.float64], str]
"""Times (n), boxes (n, 4) and label of one thing over the frames in which it was found."""


def carry(result: dict[str, Any]) -> dict[str, Any]:
    """Return what `stitch` needs of a piece to go on with the next one; small, whatever the piece holds.

    Parameters
    ----------
    result : dict
        What `stitch` returned.
    """
    return {name: result[name] for name in ("end_s", "tail", "next_ids", "next_index")}


def stitch(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """Give the ids and indices of a whole video to the findings of one of its pieces.

    What both pieces saw in the frames before the border has the same id where the boxes overlap best (one to one, summed over
    all pairs; things of different labels only where they all but coincide). Everything else is new and gets the next ids.
    Indices go on from the piece before; where that one is missing (``before`` ends earlier), they stay the piece's own.

    Parameters
    ----------
    before : dict or None
        What this function returned for the piece before, or its `carry`; None for the first piece.
    after : dict
        What ``look_at_segment`` returned for this one. It is left as it is.

    Returns
    -------
    dict
        As ``after``, with the ids in ``frames`` and ``tail`` renamed, ``next_ids`` and ``next_index`` of the whole
        video, and ``kept``: how many ids of each kind came from the piece before.

    Examples
    --------
    >>> face = {"id": 1, "box_xyxy": [10, 10, 50, 50], "score": 0.9}
    >>> seen = [{"time_s": 9.9, "faces": [{**face, "id": 4}]}]
    >>> before = {"end_s": 10.0, "tail": seen, "next_ids": {"faces": 7}, "next_index": 300}
    >>> after = {"start_s": 10.0, "frames": [{"index": 0, "time_s": 10.0, "faces": [face, {**face, "id": 2}]}],
    ...          "tail": [], "run_in": [{"time_s": 9.9, "faces": [face]}], "next_ids": {"faces": 3}, "next_index": 1}
    >>> whole = stitch(before, after)
    >>> [f["id"] for f in whole["frames"][0]["faces"]], whole["frames"][0]["index"], whole["next_ids"]
    ([4, 7], 300, {'faces': 8})
    """
    known = before or {"end_s": None, "tail": [], "next_ids": {}, "next_index": 0}
    names = {kind: _same(known["tail"], after["run_in"], kind) for kind in KINDS}
    kept = {kind: len(found) for kind, found in names.items() if found}
    next_ids = dict(known["next_ids"])
    first = known["next_index"]
    if known["end_s"] != after["start_s"] and after["frames"]:
        first = max(first, after["frames"][0]["index"])
    frames = [{**_renamed(f, names, next_ids), "index": first + n} for n, f in enumerate(after["frames"])]
    tail = [_renamed(f, names, next_ids) for f in after["tail"]]
    return {**after, "frames": frames, "tail": tail, "next_ids": next_ids, "next_index": first + len(frames), "kept": kept}


def _renamed(frame: dict[str, Any], names: dict[str, dict[int, int]], next_ids: dict[str, int]) -> dict[str, Any]:
    """Return a frame with its ids replaced; an id that has no name yet gets the next one."""
    renamed = dict(frame)
    for kind in KINDS:
        if isinstance(rows := frame.get(kind), list):
            renamed[kind] = [{**row, "id": _name(row["id"], kind, names, next_ids)} if "id" in row else row for row in rows]
    return renamed


def _name(own: int, kind: str, names: dict[str, dict[int, int]], next_ids: dict[str, int]) -> int:
    if own not in names[kind]:
        names[kind][own] = next_ids.get(kind, 1)
        next_ids[kind] = names[kind][own] + 1
    return names[kind][own]


def _same(tail: list[dict[str, Any]], run_in: list[dict[str, Any]], kind: str) -> dict[int, int]:
    """Return the id in the piece before of each id of the piece after that was there before the border."""
    earlier, later = _paths(tail, kind), _paths(run_in, kind)
    if not earlier or not later:
        return {}
    cost = np.array([[_cost(path, other) for other in earlier.values()] for path in later.values()])
    rows, columns = assign(cost, 1 - _MIN_IOU)
    own, known = list(later), list(earlier)
    return {own[row]: known[column] for row, column in zip(rows.tolist(), columns.tolist(), strict=True)}


def _paths(frames: list[dict[str, Any]], kind: str) -> dict[int, Path]:
    seen: dict[int, list[tuple[float, list[float], str]]] = defaultdict(list)
    for frame in frames:
        for row in frame.get(kind, ()):
            if "id" in row:
                seen[row["id"]].append((frame["time_s"], row["box_xyxy"], row.get("label", "")))
    return {i: (np.array([t for t, _, _ in path]), np.array([b for _, b, _ in path], np.float64), path[-1][2]) for i, path in seen.items()}


def _cost(path: Path, other: Path) -> float:
    """Return 1 - the mean overlap of two paths at the times of the first; ``inf`` where they cannot be one thing.

    Objects are looked for every so often, and the two pieces need not have looked at the same frames: between the frames
    the other path is a straight line, beyond its ends it stands still for a while.
    """
    times, boxes, label = path
    other_times, other_boxes, other_label = other
    near = (times >= other_times[0] - _MAX_APART_S - _EPS_S) & (times <= other_times[-1] + _MAX_APART_S + _EPS_S)
    if not near.any():
        return np.inf
    there = np.stack([np.interp(times[near], other_times, other_boxes[:, k]) for k in range(4)], axis=1)
    overlap = float(iou(boxes[near], there).diagonal().mean())
    return np.inf if label != other_label and overlap < _OTHER_LABEL_IOU else 1 - overlap
