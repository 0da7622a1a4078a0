"""Reading the format, options of inputs and outputs, folding, errors, sameness of the bytes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers import IMPORTERS
from sightline.runtime.importers.tfjs import OPERATORS, InputOptions, TfjsOptions, convert_graph_model

F32 = np.float32


def small_net(tiny, rng, channels_first=False):
    """Pad, strided convolution, bias, activation: what NanoDet is made of. Returns the weight and bias."""
    weight, bias = rng.normal(size=(3, 3, 3, 4)).astype(F32), rng.normal(size=4).astype(F32)
    tiny.input("x", (1, 3, 8, 8) if channels_first else (1, 8, 8, 3))
    name = "x"
    if channels_first:
        name = tiny.op("Transpose", "nhwc", ["x", tiny.const("to", np.array([0, 2, 3, 1], np.int32))])
    tiny.op("Pad", "p", [name, tiny.const("pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))])
    tiny.op("Conv2D", "c", ["p", tiny.const("w", weight)], strides=[1, 2, 2, 1], padding="VALID")
    tiny.op("Add", "b", ["c", tiny.const("bias", bias)])
    tiny.op("LeakyRelu", "y", ["b"], alpha=0.1)
    return weight, bias


def small_net_result(x_nhwc, weight, bias):
    padded = np.pad(x_nhwc, ((0, 0), (1, 1), (1, 1), (0, 0))).astype(np.float64)
    patches = np.stack([[padded[0, i : i + 3, j : j + 3] for j in range(0, 7, 2)] for i in range(0, 7, 2)])
    out = np.einsum("hwijc,ijco->hwo", patches, weight)[None] + bias
    return np.where(out > 0, out, 0.1 * out)


def test_pad_and_bias_go_into_the_convolution(tiny, rng, ops):
    weight, bias = small_net(tiny, rng)
    assert ops(tiny.convert("y")) == ["Transpose", "Conv", "LeakyRelu", "Transpose"]
    x = rng.normal(size=(1, 8, 8, 3)).astype(F32)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], small_net_result(x, weight, bias), rtol=1e-4, atol=1e-5)


def test_normalisation_byte_order_and_channel_order_inside_the_model(tiny, rng, ops):
    """A net of BGR, NCHW, normalised floats is fed RGB, NHWC bytes; the factor and the order end up in the weights."""
    weight, bias = small_net(tiny, rng, channels_first=True)
    mean, std = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
    given = InputOptions("image", (1, 8, 8, 3), "NHWC", "uint8", mean, std, reverse_channels=True, graph_layout="NCHW")
    options = TfjsOptions({"x": given}, {"out": "y"})
    model = tiny.convert("y", options=options)
    assert ops(model) == ["Transpose", "Cast", "Sub", "Conv", "LeakyRelu", "Transpose"]
    image = rng.integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    normalised = (image[..., ::-1].astype(np.float64) - mean) / std
    found = tiny.run("y", options=options, image=image)[0]
    np.testing.assert_allclose(found, small_net_result(normalised, weight, bias), rtol=1e-4, atol=1e-4)
    graph = onnx.load_from_string(model).graph
    assert [value.name for value in graph.output] == ["out"]
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_padding_with_the_lowest_number_goes_into_a_maximum(tiny, rng, ops):
    x = -rng.uniform(1, 2, (1, 6, 6, 2)).astype(F32)
    tiny.input("x", x.shape)
    pads = tiny.const("pads", np.array([[0, 0], [1, 0], [1, 1], [0, 0]], np.int32))
    tiny.op("PadV2", "p", ["x", pads, tiny.const("v", np.finfo(F32).min)])
    tiny.op("MaxPool", "y", ["p"], ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="VALID")
    assert "Pad" not in ops(tiny.convert("y"))
    padded = np.pad(x, ((0, 0), (1, 0), (1, 1), (0, 0)), constant_values=-np.inf)
    expected = np.stack([[padded[0, i : i + 3, j : j + 3].max((0, 1)) for j in (0, 2, 4)] for i in (0, 2, 4)])[None]
    np.testing.assert_array_equal(tiny.run("y", x=x)[0], expected)


def test_padding_with_another_number_stays(tiny, rng, ops):
    tiny.input("x", (1, 6, 6, 2))
    pads = tiny.const("pads", np.array([[0, 0], [1, 0], [1, 1], [0, 0]], np.int32))
    tiny.op("PadV2", "p", ["x", pads, tiny.const("v", F32(0))])
    tiny.op("MaxPool", "y", ["p"], ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="VALID")
    assert "Pad" in ops(tiny.convert("y"))


def test_a_result_that_others_read_is_not_changed(tiny, rng):
    """A convolution read twice must not swallow the factor behind one of its readers."""
    x, weight = rng.normal(size=(1, 4, 4, 2)).astype(F32), rng.normal(size=(1, 1, 2, 2)).astype(F32)
    tiny.input("x", x.shape)
    tiny.op("Conv2D", "c", ["x", tiny.const("w", weight)], strides=[1, 1, 1, 1], padding="VALID")
    tiny.op("Mul", "m", ["c", tiny.const("k", np.array([2, -3], F32))])
    tiny.op("AddV2", "y", ["c", "m"])
    product = np.einsum("nhwc,co->nhwo", x, weight[0, 0])
    np.testing.assert_allclose(tiny.run("y", "c", x=x)[0], product * [3, -2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", ["Sub", "Mul", "RealDiv"])
def test_arithmetic_behind_a_convolution(tiny, rng, ops, op):
    x, weight, number = (
        rng.normal(size=(1, 4, 4, 2)).astype(F32),
        rng.normal(size=(1, 1, 2, 3)).astype(F32),
        rng.uniform(1, 2, 3).astype(F32),
    )
    tiny.input("x", x.shape)
    tiny.op(
        "_FusedConv2D", "c", ["x", tiny.const("w", weight), tiny.const("b", number)], fused_ops=["BiasAdd"], strides=[1] * 4, padding="SAME"
    )
    tiny.op(op, "y", ["c", tiny.const("k", number)])
    assert ops(tiny.convert("y")) == ["Transpose", "Conv", "Transpose"]
    product = np.einsum("nhwc,co->nhwo", x, weight[0, 0]) + number
    expected = {"Sub": product - number, "Mul": product * number, "RealDiv": product / number}[op]
    np.testing.assert_allclose(tiny.run("y", x=x)[0], expected, rtol=1e-4, atol=1e-5)


def test_split_of_channels_and_flattening_behind_a_convolution(tiny, rng, ops):
    """The head of a detector: one convolution for scores and boxes, each flattened to (n, places, channels)."""
    x, weight, bias = (rng.normal(size=shape).astype(F32) for shape in ((1, 3, 4, 2), (1, 1, 2, 5), (5,)))
    tiny.input("x", x.shape)
    tiny.op(
        "_FusedConv2D", "c", ["x", tiny.const("w", weight), tiny.const("b", bias)], fused_ops=["BiasAdd"], strides=[1] * 4, padding="SAME"
    )
    tiny.op("Transpose", "t", ["c", tiny.const("p", np.array([0, 3, 1, 2], np.int32))])
    tiny.op("SplitV", "s", ["t", tiny.const("z", np.array([3, 2], np.int32)), tiny.const("one", np.int32(1))])
    for index, count in ((0, 3), (1, 2)):
        tiny.op("Reshape", f"r{index}", [f"s:{index}", tiny.const(f"f{index}", np.array([1, count, 12], np.int32))])
        tiny.op("Transpose", f"y{index}", [f"r{index}", tiny.const(f"q{index}", np.array([0, 2, 1], np.int32))])
    assert sorted(ops(tiny.convert("y0", "y1"))) == ["Conv", "Conv", "Reshape", "Reshape", "Transpose", "Transpose", "Transpose"]
    product = (np.einsum("nhwc,co->nhwo", x, weight[0, 0]) + bias).reshape(1, 12, 5)
    for found, expected in zip(tiny.run("y0", "y1", x=x), (product[..., :3], product[..., 3:]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("quantization", "stored", "expected"),
    [
        ({"dtype": "float16", "original_dtype": "float32"}, np.array([1.5, -2, 0.1], np.float16), np.array([1.5, -2, 0.1], np.float16)),
        ({"dtype": "uint8", "scale": 0.1, "min": -3.0}, np.array([0, 7, 255], np.uint8), np.array([0, 7, 255]) * 0.1 - 3.0),
        ({"dtype": "uint16", "scale": 0.25, "min": 1.0}, np.array([0, 7, 60000], np.uint16), np.array([0, 7, 60000]) * 0.25 + 1.0),
    ],
)
def test_quantised_weights(tiny, quantization, stored, expected):
    tiny.input("x", (3,))
    tiny.op("AddV2", "y", ["x", tiny.const("w", np.zeros(3, F32), quantization, stored)])
    np.testing.assert_array_equal(tiny.run("y", x=np.zeros(3, F32))[0], np.asarray(expected).astype(F32))


def test_weights_in_several_files(tiny, tmp_path):
    tiny.input("x", (4,))
    tiny.op("AddV2", "y", ["x", tiny.const("w", np.arange(4, dtype=F32))])
    path = tiny.write("y")
    data, document = (tmp_path / "weights.bin").read_bytes(), json.loads(path.read_text())
    document["weightsManifest"][0]["paths"] = ["a.bin", "sub/b.bin"]
    path.write_text(json.dumps(document))
    (tmp_path / "a.bin").write_bytes(data[:6])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.bin").write_bytes(data[6:])
    with pytest.raises(ModelConversionError, match=r"'sub/b.bin' is neither among the sources nor beside tiny.json"):
        convert_graph_model(path)
    assert IMPORTERS["tfjs"]([path, elsewhere / "b.bin"], {}) == convert_graph_model(path, shards=[elsewhere / "b.bin"])


def test_an_unknown_operator_is_named(tiny):
    tiny.input("x", (2,))
    tiny.op("NonMaxSuppressionV5", "y", ["x"])
    tiny.op("Bogus", "z", ["y"])
    with pytest.raises(ModelConversionError, match="cannot be converted: Bogus, NonMaxSuppressionV5"):
        tiny.convert("z")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_text("not json"), "is not JSON"),
        (lambda path: path.write_text("[]"), "not a TensorFlow.js graph model"),
        (
            lambda path: path.write_text('{"modelTopology": {"model_config": {}}, "weightsManifest": [], "format": "layers-model"}'),
            "'layers-model'",
        ),
        (lambda path: path.with_name("weights.bin").write_bytes(b"123"), "inside 'w': the file is cut"),
        (lambda path: path.with_name("weights.bin").write_bytes(b"1" * 99), "hold 99 bytes, the manifest names 8"),
        (lambda path: path.with_name("weights.bin").unlink(), "weight file 'weights.bin'"),
        (lambda path: path.write_text(path.read_text().replace('"dtype": "float32"', '"dtype": "complex64"')), "'complex64'"),
        (lambda path: path.write_text(path.read_text().replace("DT_FLOAT", "DT_STRING")), "DT_STRING"),
    ],
)
def test_bad_files(tiny, spoil, message):
    tiny.input("x", (2,))
    tiny.op("AddV2", "y", ["x", tiny.const("w", np.ones(2, F32))])
    path = tiny.write("y")
    spoil(path)
    with pytest.raises(ModelConversionError, match=message):
        convert_graph_model(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": {}}, "unknown options"),
        ({"inputs": {"x": {"colour": 1}}}, "colour"),
        ({"inputs": {"z": {}}}, "'z'; the graph has 'x'"),
        ({"outputs": {"out": "nowhere"}}, "no node 'nowhere'"),
        ({"inputs": {"x": {"layout": "CHWN"}}}, "'CHWN'"),
    ],
)
def test_bad_options(tiny, options, message):
    tiny.input("x", (1, 2, 2, 1))
    tiny.op("Relu", "y", ["x"])
    with pytest.raises(ModelConversionError, match=message):
        IMPORTERS["tfjs"]([tiny.write("y")], options)


def test_two_inputs_and_an_input_given_out_as_it_is(tiny, rng):
    for name in "ab":
        tiny.input(name, (2, 3))
    tiny.op("Sub", "y", ["b", "a"])
    a, b = rng.normal(size=(2, 2, 3)).astype(F32)
    found = tiny.run("y", "a", options=TfjsOptions(outputs={"y": "y", "copy": "a"}), a=a, b=b)
    np.testing.assert_array_equal(found[0], b - a)
    np.testing.assert_array_equal(found[1], a)


def test_the_same_files_give_the_same_bytes_under_any_name_and_in_another_process(tiny, rng, tmp_path):
    small_net(tiny, rng)
    path = tiny.write("y")
    first = hashlib.sha256(convert_graph_model(path)).hexdigest()
    moved = tmp_path / "other name.json"
    moved.write_bytes(path.read_bytes())
    script = (
        "import hashlib,sys;from pathlib import Path;from sightline.runtime.importers import IMPORTERS;"
        "print(hashlib.sha256(IMPORTERS['tfjs']([Path(sys.argv[1])],{})).hexdigest())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(moved)], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "3"}
    )
    assert ran.stdout.strip() == first


def test_every_known_operator_has_a_test():
    """The tests of this folder name each operator that the importer claims to know."""
    from pathlib import Path

    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_tfjs*.py"))
    assert [op for op in OPERATORS if f'"{op}"' not in text] == []


def test_importing_the_table_loads_no_onnx():
    script = "import sys, sightline.runtime.importers; print(sorted({'onnx', 'onnxruntime', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "[]"
