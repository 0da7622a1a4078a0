"""8-bit pointwise convolutions, on a net built here and on a real one."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from sightline.core.errors import InvalidInputError, ModelConversionError, ModelCorruptError
from sightline.runtime.importers.tflite_int8 import quantize_convolutions
from sightline.runtime.session import open_session
from sightline.runtime.weights import model_path

_INPUTS, _OUTPUTS = 64, 8


def _constant(model: schema.ModelT, values: np.ndarray) -> int:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    kind = {"float16": schema.TensorType.FLOAT16, "float32": schema.TensorType.FLOAT32}[values.dtype.name]
    return _tensor(model, values.shape, kind, len(model.buffers) - 1)


def _tensor(model: schema.ModelT, shape: tuple[int, ...], kind: int = schema.TensorType.FLOAT32, buffer: int = 0) -> int:
    tensor, tensors = schema.TensorT(), model.subgraphs[0].tensors
    tensor.name, tensor.shape, tensor.type, tensor.buffer = f"t{len(tensors)}", list(shape), kind, buffer
    tensors.append(tensor)
    return len(tensors) - 1


def _operator(code: int, inputs: list[int], output: int) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    if code == 0:
        options = schema.Conv2DOptionsT()
        options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    else:
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.DequantizeOptions, schema.DequantizeOptionsT()
    return operator


def _net(weights: np.ndarray, bias: np.ndarray) -> bytes:
    """One convolution; float16 constants go through DEQUANTIZE, as in published nets."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], []
    graph.tensors, graph.operators = [], []
    for builtin in (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEQUANTIZE):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 3
        model.operatorCodes.append(code)
    places = [_tensor(model, (1, 5, 5, weights.shape[3]))]
    for values in (weights, bias):
        place = _constant(model, values)
        if values.dtype == np.float16:
            widened = _tensor(model, values.shape)
            graph.operators.append(_operator(1, [place], widened))
            place = widened
        places.append(place)
    output = _tensor(model, (1, 5, 5, weights.shape[0]))
    graph.operators.append(_operator(0, places, output))
    graph.inputs, graph.outputs = [places[0]], [output]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _weights(dtype: type, size: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 1, (_OUTPUTS, size, size, _INPUTS)) * np.geomspace(0.01, 10, _OUTPUTS)[:, None, None, None]
    return weights.astype(dtype), rng.normal(0, 1, _OUTPUTS).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_convolution_gives_nearly_the_same(tmp_path: Path, dtype: type) -> None:
    weights, bias = _weights(dtype)
    path = tmp_path / "net.tflite"
    path.write_bytes(_net(weights, bias))
    x = np.random.default_rng(2).normal(0, 1, (1, 5, 5, _INPUTS)).astype(np.float32)
    wanted = x @ weights.reshape(_OUTPUTS, _INPUTS).astype(np.float32).T + bias.astype(np.float32)
    [exact], [fast] = open_session(path).run(x), open_session(path, int8=True).run(x)
    np.testing.assert_allclose(exact, wanted, rtol=1e-3, atol=1e-3)
    spread = wanted.std(axis=(0, 1, 2))
    assert (np.abs(fast - wanted).max(axis=(0, 1, 2)) < 0.05 * spread).all()  # also of channels a thousand times smaller
    assert (fast != exact).any()


def test_what_stays_in_floating_point() -> None:
    kinds = {}
    for name, size, least in (("pointwise", 1, 64), ("few inputs", 1, 65), ("three by three", 3, 64)):
        net = schema.ModelT.InitFromPackedBuf(quantize_convolutions(_net(*_weights(np.float16, size)), min_inputs=least), 0)
        graph = net.subgraphs[0]
        kinds[name] = (graph.tensors[graph.operators[-1].inputs[1]].type, len(graph.operators))
    assert kinds == {
        "pointwise": (schema.TensorType.INT8, 1),
        "few inputs": (schema.TensorType.FLOAT32, 3),
        "three by three": (schema.TensorType.FLOAT32, 3),
    }


def test_a_real_net(weights) -> None:
    weights("hand_pose_full")
    path = model_path("hand_pose_full")
    x = np.zeros((1, 224, 224, 3), np.float32)
    exact, fast = open_session(path, threads=1).run(x), open_session(path, threads=1, int8=True).run(x)
    for a, b in zip(exact, fast, strict=True):
        assert a.shape == b.shape
    assert np.abs(exact[0] - fast[0]).max() < 25  # pixels of 224, on a picture that shows nothing
    assert len(quantize_convolutions(path.read_bytes())) < 0.8 * path.stat().st_size


def test_outputs_and_integers_together(weights) -> None:
    weights("hand_pose_full")
    path = model_path("hand_pose_full")
    session = open_session(path, threads=1, outputs=["Identity_3"], int8=True)
    assert [o.name for o in session.outputs()] == ["Identity_3"]
    assert session.run(np.zeros((2, 224, 224, 3), np.float32))[0].shape == (2, 63)


def test_refuses(tmp_path: Path) -> None:
    with pytest.raises(ModelConversionError, match="not a"):
        quantize_convolutions(b"text")
    with pytest.raises(InvalidInputError, match="min_inputs"):
        quantize_convolutions(_net(*_weights(np.float32)), min_inputs=0)
    (tmp_path / "net.tflite").write_bytes(b"text")
    with pytest.raises(ModelCorruptError):
        open_session(tmp_path / "net.tflite", int8=True)
    (tmp_path / "net.onnx").write_bytes(b"text")
    with pytest.raises(InvalidInputError, match="int8"):
        open_session(tmp_path / "net.onnx", int8=True)
