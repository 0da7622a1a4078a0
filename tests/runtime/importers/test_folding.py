"""Folding against ONNX Runtime itself: every operator that is folded gives what the runtime gives."""

from __future__ import annotations

import doctest

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers import folding, graph
from sightline.runtime.importers.folding import fold

F = np.array([[1.5, -2.25, 0.1], [7.0, 3.3, -0.5]], np.float32)
G = np.array([[0.3, 4.0, -1.7], [2.0, -3.3, 0.5]], np.float32)
K = np.array([[7, -7, 5], [-5, 9, 1]], np.int32)
J = np.array([[2, 2, -3], [3, 4, 6]], np.int32)
AXES = np.array([1], np.int64)

CASES = [
    *[(op, [a, b], {}) for op in ("Add", "Sub", "Mul", "Div", "Min", "Max") for a, b in ((F, G), (K, J), (F, F[:1]))],
    ("Mod", [K, J], {}),
    *[(op, [a, b], {}) for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual") for a, b in ((F, G), (K, K))],
    *[(op, [a], {}) for op in ("Neg", "Abs") for a in (F, K)],
    *[(op, [F], {}) for op in ("Floor", "Reciprocal", "Identity", "Shape")],
    ("Cast", [F], {"to": TensorProto.INT32}),
    ("Cast", [K], {"to": TensorProto.FLOAT}),
    ("Cast", [K], {"to": TensorProto.BOOL}),
    ("Transpose", [F], {"perm": [1, 0]}),
    ("Reshape", [F, np.array([3, -1], np.int64)], {}),
    ("Reshape", [F, np.array([0, 1, 3], np.int64)], {}),
    ("Squeeze", [F[:, :1], AXES], {}),
    ("Unsqueeze", [F, np.array([0, 2], np.int64)], {}),
    ("Concat", [F, G], {"axis": 1}),
    ("Gather", [F, np.array([[1, 0], [-1, 1]], np.int64)], {"axis": 1}),
    ("Slice", [F, *(np.array([n], np.int64) for n in (1, 99, 1))], {}),
    ("Slice", [F, *(np.array([n], np.int64) for n in (-1, -(2**31), 1, -2))], {}),
    ("Slice", [F, *(np.array([n], np.int64) for n in (2, 0, 1, -1))], {}),
    ("Expand", [F[:, :1], np.array([4, 1, 3], np.int64)], {}),
    ("Tile", [F, np.array([2, 1], np.int64)], {}),
    ("Range", [np.array(n, np.int32) for n in (5, -2, -3)], {}),
    ("Range", [np.array(n, np.float32) for n in (0.5, 2.6, 0.5)], {}),
    ("And", [F > 0, G > 0], {}),
    ("Or", [F > 0, G > 0], {}),
    ("Not", [F > 0], {}),
    ("Where", [F > 0, F, G], {}),
    ("MatMul", [K, J.T.copy()], {}),
    ("Split", [F, np.array([1, 2], np.int64)], {"axis": 1}),
]


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES, ids=lambda value: value if isinstance(value, str) else None)
def test_folded_as_the_runtime_would(op, inputs, attributes):
    names = [f"i{index}" for index in range(len(inputs))]
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in zip(names, inputs, strict=True)
    ]
    outputs = ["o0", "o1"] if op == "Split" else ["o0"]
    made = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph([helper.make_node(op, names, outputs, **attributes)], "g", infos, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    folded = fold(op, inputs, attributes)
    assert folded is not None
    for found, expected in zip(folded, session.run(None, dict(zip(names, inputs, strict=True))), strict=True):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def test_every_folded_operator_is_tested():
    assert {op for op, _, _ in CASES} == set(folding._FOLDERS) | {"Split"}


@pytest.mark.parametrize("op", ["Sin", "Exp", "Sqrt", "ReduceSum", "Conv"])
def test_what_is_not_fixed_to_the_last_bit_is_left_to_the_runtime(op):
    assert fold(op, [F], {}) is None


def test_products_of_floats_and_large_results_are_not_folded():
    assert fold("MatMul", [F, G.T.copy()], {}) is None
    assert fold("Expand", [F[:1, :1], np.array([3000, 3000], np.int64)], {}) is None


def test_an_operator_that_onnx_refuses_is_named():
    made = graph.Graph("net")
    x = made.add_input("x", np.dtype(np.float32), (2, 3))
    with pytest.raises(ModelConversionError, match="ONNX operator MatMul does not take"):
        made.add("MatMul", [x, made.constant(np.zeros((5, 2), np.float32))])


@pytest.mark.parametrize("module", [folding, graph])
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
