from __future__ import annotations

import numpy as np
import pytest

from sightline.perception.text import reading_order


def line(x, y, w, h=20):
    return [x, y, x + w, y + h]


@pytest.mark.parametrize("seed", range(4))
def test_order_does_not_depend_on_the_order_given(seed):
    columns = [line(50, 100 + 30 * i, 400) for i in range(6)] + [line(500, 105 + 30 * i, 390) for i in range(5)]
    page = [line(200, 20, 500, 40), *columns, line(50, 400, 840), line(50, 430, 800)]
    shuffled = np.random.default_rng(seed).permutation(len(page))
    order = reading_order(np.array(page)[shuffled])
    assert shuffled[order].tolist() == list(range(len(page)))


def test_receipts_are_read_in_rows():
    rows = []
    for i in range(6):
        rows += [line(30, 100 + 30 * i, 280), line(380, 102 + 30 * i, 40), line(470, 98 + 30 * i, 60)]
    page = np.array([line(100, 20, 300), *rows])
    assert reading_order(page[::-1]).tolist() == list(range(len(page)))[::-1]


def test_three_columns():
    page = [line(300 * c, 30 * i, 280) for c in range(3) for i in range(4)]
    assert reading_order(page).tolist() == list(range(12))


def test_a_slanted_row_stays_a_row():
    assert reading_order([line(0, 0, 90), line(100, 6, 90), line(200, 12, 90), line(0, 40, 90)]).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [0, 1])
def test_little(count):
    order = reading_order(np.zeros((count, 4)))
    assert order.tolist() == list(range(count))
    assert order.dtype == np.int64
