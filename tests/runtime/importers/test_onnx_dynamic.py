"""Opening the dimensions of an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers import IMPORTERS
from sightline.runtime.importers.onnx_dynamic import make_dims_symbolic

OPEN = ["batch", 2, "height", "width"]


@pytest.fixture
def old_style(tmp_path: Path) -> Path:
    """A net as old exporters wrote it: one size, weights among the inputs, a counter that nothing reads."""
    weight = np.arange(8, dtype=np.float32).reshape(2, 2, 2, 1)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [10, 2, 32, 32]) for name in ("input.1", "537"))
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, weight.shape)
    nodes = [helper.make_node("Conv", ["input.1", "w"], ["c"], pads=[0, 0, 1, 0]), helper.make_node("Relu", ["c"], ["537"])]
    weights = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.int64(3), "num_batches_tracked")]
    graph = helper.make_graph(nodes, "g", [x, w], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4)
    path = tmp_path / "old.onnx"
    onnx.save(model, path)
    return path


def test_any_size_runs_and_gives_what_the_frozen_one_gives(old_style):
    options = {"inputs": {"input.1": OPEN}, "outputs": {"537": OPEN}, "rename": {"input.1": "image", "537": "heatmap"}}
    model = IMPORTERS["onnx_dynamic"]([old_style], options)
    opened = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert opened.get_inputs()[0].shape == OPEN
    x = np.random.default_rng(0).normal(size=(10, 2, 32, 32)).astype(np.float32)
    frozen = onnxruntime.InferenceSession(old_style.read_bytes(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(opened.run(["heatmap"], {"image": x})[0], frozen.run(None, {"input.1": x})[0], rtol=1e-4, atol=1e-4)
    assert opened.run(None, {"image": x[:1, :, :8, :20]})[0].shape == (1, 2, 8, 20)
    graph = onnx.load_from_string(model).graph
    assert [value.name for value in graph.input] == ["image"]
    assert [tensor.name for tensor in graph.initializer] == ["w"]
    assert IMPORTERS["onnx_dynamic"]([old_style], options) == model


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": {"x": OPEN}, "outputs": {}}, "it has no input 'x'; it has 'input.1'"),
        ({"inputs": {}, "outputs": {"y": OPEN}}, "it has no output 'y'; it has '537'"),
        ({"inputs": {"input.1": [1, 2]}, "outputs": {}}, "'input.1' has 4 dimensions, the options name 2"),
        ({"inputs": {}, "outputs": {}, "rename": {"x": "image"}}, "no input or output 'x' to rename"),
    ],
)
def test_options_that_do_not_fit(old_style, options, message):
    with pytest.raises(ModelConversionError, match=message):
        make_dims_symbolic(old_style, **options)


@pytest.mark.parametrize("data", [b"", b"not a model at all", b"\x08\x04\x12\x07pytorch"])
def test_what_is_no_model(tmp_path, data):
    path = tmp_path / "bad.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelConversionError, match="not an ONNX file"):
        make_dims_symbolic(path, inputs={}, outputs={})


def test_a_cut_model(old_style):
    old_style.write_bytes(old_style.read_bytes()[:-20])
    with pytest.raises(ModelConversionError):
        make_dims_symbolic(old_style, inputs={"input.1": OPEN}, outputs={"537": OPEN})
