from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.core.assignment import assign
from sightline.core.errors import InvalidInputError


def best_by_trying(cost, limit):
    n, m = cost.shape
    gains = np.maximum(limit - cost, 0)
    if n > m:
        gains, n, m = gains.T, m, n
    return max(sum(gains[i, j] for i, j in enumerate(columns)) for columns in itertools.permutations(range(m), n))


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**31), st.floats(0.05, 1.5))
def test_is_optimal_under_a_limit(n, m, seed, limit):
    cost = np.random.default_rng(seed).integers(0, 7, (n, m)) / 6  # small integers: many ties
    rows, columns = assign(cost, limit)
    assert (np.diff(rows) > 0).all()
    assert len(set(columns.tolist())) == len(columns)
    assert (cost[rows, columns] < limit).all()
    assert (limit - cost[rows, columns]).sum() == pytest.approx(best_by_trying(cost, limit))


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (4, 9), (9, 4), (60, 60)])
def test_equals_scipy_without_a_limit(shape):
    from scipy.optimize import linear_sum_assignment

    cost = np.random.default_rng(sum(shape)).normal(size=shape)
    rows, columns = assign(cost)
    want_rows, want_columns = linear_sum_assignment(cost)
    assert len(rows) == min(shape)
    assert cost[rows, columns].sum() == pytest.approx(cost[want_rows, want_columns].sum())


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_pair(shape):
    rows, columns = assign(np.zeros(shape), 1.0)
    assert (rows.shape, columns.shape, rows.dtype) == ((0,), (0,), np.int64)


def test_forbidden_pairs():
    cost = np.array([[np.inf, np.nan], [0.1, np.inf]])
    assert [v.tolist() for v in assign(cost, 1.0)] == [[1], [0]]
    with pytest.raises(InvalidInputError, match="finite"):
        assign(cost)
    with pytest.raises(InvalidInputError, match="matrix"):
        assign([1.0, 2.0])
