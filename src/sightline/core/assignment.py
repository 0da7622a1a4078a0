"""Optimal one-to-one pairing of rows and columns, with a limit above which two things are no pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError

Ints = NDArray[np.int64]


def assign(cost: ArrayLike, limit: float = np.inf) -> tuple[Ints, Ints]:
    """Pair rows with columns so that the summed ``limit - cost`` of the pairs is as large as it can be.

    With a finite ``limit`` only pairs that cost less are made: leaving both sides alone is worth 0. Without one, every row
    of the smaller side gets a partner and the summed cost is the smallest.

    Parameters
    ----------
    cost : array of shape (n, m)
        Either side may be 0. ``inf`` (and ``nan``) forbids a pair when there is a limit.
    limit : float
        Pairs at this cost or above are never made.

    Returns
    -------
    rows, columns : ndarray of int64, shape (k,)
        The pairs, rows ascending.

    Raises
    ------
    InvalidInputError
        When ``cost`` is not a matrix, or not finite while there is no limit.

    References
    ----------
    R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
    Computing 38, 1987. Things that compete for nothing are paired without it.

    Examples
    --------
    >>> rows, columns = assign([[1.0, 2.0], [1.5, 9.0]])
    >>> list(zip(rows.tolist(), columns.tolist()))
    [(0, 1), (1, 0)]
    >>> assign([[0.3, 0.9]], limit=0.8)[1].tolist()
    [0]
    """
    matrix = np.asarray(cost, np.float64)
    if matrix.ndim != 2:
        raise InvalidInputError(f"cost must be a matrix, got shape {matrix.shape}")
    if matrix.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if np.isinf(limit):
        if not np.isfinite(matrix).all():
            raise InvalidInputError("cost must be finite when there is no limit")
        return _ordered(_solve(matrix))
    gain = np.where(matrix < limit, limit - matrix, 0.0)
    return _ordered(_solve_gains(gain))


def _ordered(partner: Ints) -> tuple[Ints, Ints]:
    rows = np.flatnonzero(partner >= 0)
    return rows, partner[rows]


def _solve_gains(gain: NDArray[np.float64]) -> Ints:
    """Return the column of each row (-1: none) for the largest summed gain; rows without rivals are settled at once."""
    possible = gain > 0
    partner = np.full(len(gain), -1, np.int64)
    per_row, per_column = possible.sum(axis=1), possible.sum(axis=0)
    first = possible.argmax(axis=1)
    alone = (per_row == 1) & (per_column[first] == 1)
    partner[alone] = first[alone]
    rows = np.flatnonzero((per_row > 0) & ~alone)
    if not rows.size:
        return partner
    columns = np.flatnonzero(possible[rows].any(axis=0))
    found = _solve(-gain[np.ix_(rows, columns)])
    paired = found >= 0
    rows, columns = rows[paired], columns[found[paired]]
    worth = possible[rows, columns]
    partner[rows[worth]] = columns[worth]
    return partner


def _solve(cost: NDArray[np.float64]) -> Ints:
    """Return the column of each row (-1: none) of the cheapest assignment of the smaller side."""
    n, m = cost.shape
    if n <= m:
        return _shortest_paths(cost)
    row_of = _shortest_paths(cost.T)
    partner = np.full(n, -1, np.int64)
    partner[row_of] = np.arange(m)
    return partner


def _shortest_paths(cost: NDArray[np.float64]) -> Ints:
    """Add one row after the other along the shortest augmenting path (rows <= columns)."""
    n, m = cost.shape
    row_price, column_price = np.zeros(n), np.zeros(m)
    owner = np.full(m, -1, np.int64)
    for start in range(n):
        distance, previous = np.full(m, np.inf), np.full(m, -1, np.int64)
        done = np.zeros(m, bool)
        row, column, reached = start, -1, 0.0
        while True:
            through = reached + cost[row] - row_price[row] - column_price
            closer = ~done & (through < distance)
            distance[closer], previous[closer] = through[closer], column
            column = int(np.where(done, np.inf, distance).argmin())
            reached = float(distance[column])
            done[column] = True
            if owner[column] < 0:
                break
            row = int(owner[column])
        slack = np.where(done, reached - distance, 0.0)
        column_price -= slack
        settled = done & (owner >= 0)
        row_price[owner[settled]] += slack[settled]
        row_price[start] += reached
        while column >= 0:
            before = int(previous[column])
            owner[column] = start if before < 0 else owner[before]
            column = before
    partner = np.full(n, -1, np.int64)
    taken = owner >= 0
    partner[owner[taken]] = np.flatnonzero(taken)
    return partner
