from __future__ import annotations

import numpy as np
import pytest

from sightline.core.errors import InvalidInputError
from sightline.perception.objects import coco_groups, coco_ids, coco_names
from sightline.perception.objects.decoders import cells, decode_finished, decode_nanodet, decode_yolox

WH = (64, 32)
COUNTS = (8 * 4, 4 * 2, 2 * 1)


def nanodet_outputs(classes=3, bins=11):
    rng = np.random.default_rng(0)
    scores = [np.full((1, n, classes), 0.01, np.float32) for n in COUNTS]
    logits = [rng.normal(0, 1, (1, n, 4 * bins)).astype(np.float32) for n in COUNTS]
    return scores, logits


def test_cells_run_row_by_row_finest_first():
    table = cells(WH)
    assert len(table) == sum(COUNTS)
    assert table[0].tolist() == [0, 0, 8]
    assert table[8].tolist() == [0, 1, 8]
    assert table[32].tolist() == [0, 0, 16]
    assert table[-1].tolist() == [1, 0, 32]
    with pytest.raises(ValueError, match="read-only"):
        table[0, 0] = 1


def test_nanodet_is_the_expectation_over_bins():
    scores, logits = nanodet_outputs()
    scores[1][0, 5, 2] = 0.9  # stride 16, column 1, row 1
    found = decode_nanodet((*scores, *logits), WH, 0.5)
    assert found.labels.tolist() == [2]
    assert found.scores.tolist() == pytest.approx([0.9])
    weight = np.exp(logits[1][0, 5].reshape(4, 11).astype(np.float64))
    left, top, right, bottom = 16 * (weight @ np.arange(11)) / weight.sum(axis=1)
    np.testing.assert_allclose(found.boxes_xyxy, [[24 - left, 24 - top, 24 + right, 24 + bottom]], rtol=1e-5)


def test_nanodet_gives_every_class_of_a_cell_and_survives_nothing():
    scores, logits = nanodet_outputs()
    scores[0][0, 3, :2] = 0.8, 0.7
    found = decode_nanodet((*scores, *logits), WH, 0.5)
    assert sorted(found.labels.tolist()) == [0, 1]
    np.testing.assert_array_equal(found.boxes_xyxy[0], found.boxes_xyxy[1])
    nothing = decode_nanodet((*scores, *logits), WH, 0.95)
    assert nothing.boxes_xyxy.shape == (0, 4)
    assert len(nothing.scores) == len(nothing.labels) == 0


def test_yolox_adds_the_cell_and_multiplies_objectness():
    raw = np.zeros((1, sum(COUNTS), 7), np.float32)
    raw[0, 9] = [0.5, 0.25, np.log(2), np.log(3), 0.8, 0.9, 0.1]  # stride 8, column 1, row 1
    raw[0, 20] = [0, 0, 0, 0, 0.4, 0.9, 0.9]  # 0.36: below
    found = decode_yolox((raw,), WH, 0.5)
    assert found.labels.tolist() == [0]
    assert found.scores.tolist() == pytest.approx([0.72])
    np.testing.assert_allclose(found.boxes_xyxy, [[12 - 8, 10 - 12, 12 + 8, 10 + 12]], rtol=1e-6)
    assert decode_yolox((raw,), WH, 0.9).boxes_xyxy.shape == (0, 4)


def test_finished_boxes_are_filtered():
    table = np.array([[[1, 2, 3, 4, 0.9, 7], [5, 6, 7, 8, 0.2, 1]]], np.float32)
    found = decode_finished((table,), WH, 0.5)
    assert found.boxes_xyxy.tolist() == [[1, 2, 3, 4]]
    assert found.labels.tolist() == [7]


@pytest.mark.parametrize("decode", [decode_nanodet, decode_yolox, decode_finished])
def test_refuses_outputs_of_another_net(decode):
    outputs = (np.zeros((1, 5, 4), np.float32),) * (6 if decode is decode_nanodet else 1)
    with pytest.raises(InvalidInputError, match="expected"):
        decode(outputs, WH, 0.5)


def test_labels_are_those_of_coco():
    assert (len(coco_names()), len(set(coco_names())), len(coco_groups())) == (80, 80, 80)
    assert coco_ids() == tuple(sorted(coco_ids()))
    assert dict(zip(coco_ids(), coco_names(), strict=True))[44] == "bottle"  # the first after a gap's numbers
    assert coco_groups()[coco_names().index("cat")] == "animal"
