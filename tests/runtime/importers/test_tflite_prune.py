"""Leaving operators out of a .tflite net, on a net built here: sum = a + b, half = sum * sum, other = a * b."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from sightline.core.errors import InvalidInputError, ModelConversionError, ModelCorruptError
from sightline.runtime.importers.tflite_prune import keep_outputs
from sightline.runtime.session import open_session


def _operator(code: int, inputs: list[int], output: int) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    is_add = code == 0
    operator.builtinOptionsType = schema.BuiltinOptions.AddOptions if is_add else schema.BuiltinOptions.MulOptions
    operator.builtinOptions = schema.AddOptionsT() if is_add else schema.MulOptionsT()
    return operator


def _net() -> bytes:
    graph = schema.SubGraphT()
    graph.tensors = []
    for name in ("a", "b", "sum", "square", "other"):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, [1, 4], schema.TensorType.FLOAT32, 0
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = [0, 1], [3, 4, 2]
    graph.operators = [_operator(0, [0, 1], 2), _operator(1, [2, 2], 3), _operator(1, [0, 1], 4)]
    codes = []
    for builtin in (schema.BuiltinOperator.ADD, schema.BuiltinOperator.MUL):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        codes.append(code)
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, codes, [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _operators(model: bytes) -> list[int]:
    return [o.outputs[0] for o in schema.ModelT.InitFromPackedBuf(model, 0).subgraphs[0].operators]


A, B = np.array([[1, 2, 3, 4]], np.float32), np.array([[10, 20, 30, 40]], np.float32)
WANTED = {"sum": A + B, "square": (A + B) ** 2, "other": A * B}


@pytest.mark.parametrize(
    ("outputs", "operators"),
    [
        (["other"], [4]),
        (["sum"], [2]),
        (["square"], [2, 3]),
        (["other", "sum"], [2, 4]),
        (["sum", "square", "other"], [2, 3, 4]),
    ],
)
def test_only_what_the_outputs_need_stays(tmp_path: Path, outputs: list[str], operators: list[int]) -> None:
    pruned = keep_outputs(_net(), outputs)
    assert _operators(pruned) == operators
    (tmp_path / "net.tflite").write_bytes(_net())
    session = open_session(tmp_path / "net.tflite", threads=1, outputs=outputs)
    assert [o.name for o in session.outputs()] == outputs
    for name, value in zip(outputs, session.run(A, B), strict=True):
        np.testing.assert_allclose(value, WANTED[name])


def test_same_bytes_each_time() -> None:
    assert keep_outputs(_net(), ["sum"]) == keep_outputs(_net(), ["sum"])


@pytest.mark.parametrize("outputs", [[], ["a"], ["sum", "nothing"]])
def test_refuses_outputs_that_are_not_there(outputs: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="outputs must be some of"):
        keep_outputs(_net(), outputs)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"a text file, and no net at all"])
def test_refuses_what_is_no_net(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ModelConversionError, match=r"not a \.tflite file"):
        keep_outputs(content, ["sum"])
    (tmp_path / "net.tflite").write_bytes(content)
    with pytest.raises(ModelCorruptError):
        open_session(tmp_path / "net.tflite", outputs=["sum"])


def test_the_body_net_gives_the_same_points_without_its_mask(weights) -> None:
    from sightline.runtime.weights import model_path

    weights("body_pose")
    path = model_path("body_pose")
    crop = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    whole = dict(zip((o.name for o in open_session(path).outputs()), open_session(path).run(crop), strict=True))
    points, score = open_session(path, outputs=["Identity", "Identity_1"]).run(crop)
    np.testing.assert_allclose(points, whole["Identity"], atol=1e-3)
    np.testing.assert_allclose(score, whole["Identity_1"], atol=1e-6)
