"""Move landmarks to where their heatmaps say they are."""

from __future__ import annotations

import numpy as np

from sightline.core.observations import Floats


def refine_points(points_xy: Floats, heatmap_logits: Floats, *, kernel: int = 7, min_peak: float = 0.5) -> Floats:
    """Return the points at the centre of mass of their heatmap, in a window around them.

    Parameters
    ----------
    points_xy : ndarray of float32, shape (n, 2)
        In the crop, 0..1.
    heatmap_logits : ndarray of float32, shape (h, w, n)
        One map a point.
    kernel : int
        Side of the window in cells, odd.
    min_peak : float
        A point moves only when its map reaches this probability within the window.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        In the crop, 0..1; a point outside the map stays.

    References
    ----------
    MediaPipe, ``RefineLandmarksFromHeatmapCalculator`` (cells count by their index, not their centre, as the net was
    trained).

    Examples
    --------
    >>> heatmap = np.full((8, 8, 1), -20, np.float32)
    >>> heatmap[4, 5] = 20
    >>> refine_points(np.array([[0.5, 0.5]], np.float32), heatmap).round(3).tolist()
    [[0.625, 0.5]]
    """
    height, width, count = heatmap_logits.shape
    size = np.array([width, height])
    cells = np.floor(points_xy * size).astype(np.int64)
    inside = ((cells >= 0) & (cells < size)).all(axis=1)
    steps = np.arange(-(kernel // 2), kernel // 2 + 1)
    columns, rows = (cells[:, axis, None] + steps for axis in (0, 1))
    valid = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    clipped_rows, clipped_columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    logits = heatmap_logits[clipped_rows[:, :, None], clipped_columns[:, None, :], np.arange(count)[:, None, None]]
    weights = np.where(valid, 1 / (1 + np.exp(-logits)), 0)
    peak, total = weights.max(axis=(1, 2)), weights.sum(axis=(1, 2))
    mass = np.stack([(weights.sum(axis=1) * columns).sum(axis=1), (weights.sum(axis=2) * rows).sum(axis=1)], axis=1)
    moves = inside & (peak >= min_peak)
    moved = mass / np.maximum(total, 1e-9)[:, None] / size
    return np.where(moves[:, None], moved, points_xy).astype(np.float32)
