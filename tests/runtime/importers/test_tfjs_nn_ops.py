"""Convolutions, pooling, padding, resizing and activations against plain numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

F32 = np.float32


def same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """TensorFlow's rule: as many outputs as strides fit in the input, the odd pixel after."""
    total = max((math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def windows(x: np.ndarray, kernel: tuple[int, int], stride: int, pads: Any, dilation: int = 1, fill: float = 0) -> np.ndarray:
    """Return (n, oh, ow, kh, kw, c)."""
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    kh, kw = kernel
    oh = (x.shape[1] - (kh - 1) * dilation - 1) // stride + 1
    ow = (x.shape[2] - (kw - 1) * dilation - 1) // stride + 1
    out = np.empty((x.shape[0], oh, ow, kh, kw, x.shape[3]))
    for i in range(kh):
        for j in range(kw):
            rows, cols = i * dilation, j * dilation
            out[:, :, :, i, j] = x[:, rows : rows + (oh - 1) * stride + 1 : stride, cols : cols + (ow - 1) * stride + 1 : stride]
    return out


def pads_for(padding: str, shape: tuple[int, ...], kernel: tuple[int, int], stride: int, dilation: int = 1) -> Any:
    if padding == "VALID":
        return ((0, 0), (0, 0))
    if padding == "EXPLICIT":
        return ((1, 2), (0, 3))
    return tuple(same_pads(size, k, stride, dilation) for size, k in zip(shape[1:3], kernel, strict=True))


@pytest.mark.parametrize("padding", ["SAME", "VALID", "EXPLICIT"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation"),
    [((8, 7), (3, 3), 1, 1), ((8, 8), (3, 3), 2, 1), ((9, 8), (5, 2), 2, 1), ((9, 9), (3, 3), 1, 2)],
)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions(tiny, rng, padding, size, kernel, stride, dilation, depthwise):
    x = rng.normal(size=(1, *size, 3)).astype(F32)
    weight = rng.normal(size=(*kernel, 3, 2)).astype(F32)
    attributes: dict[str, Any] = {"strides": [1, stride, stride, 1], "padding": padding, "dilations": [1, dilation, dilation, 1]}
    if padding == "EXPLICIT":
        attributes["explicit_paddings"] = [0, 0, 1, 2, 0, 3, 0, 0]
    tiny.input("x", x.shape)
    op = "DepthwiseConv2dNative" if depthwise else "Conv2D"
    tiny.op(op, "y", ["x", tiny.const("w", weight)], data_format="NHWC", **attributes)
    patches = windows(x, kernel, stride, pads_for(padding, x.shape, kernel, stride, dilation), dilation)
    if depthwise:
        expected = np.einsum("nhwijc,ijcm->nhwcm", patches, weight).reshape(*patches.shape[:3], 6)
    else:
        expected = np.einsum("nhwijc,ijco->nhwo", patches, weight)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], expected, rtol=1e-4, atol=1e-5)


def test_same_padding_of_a_size_known_only_at_run_time(tiny, rng):
    weight = rng.normal(size=(3, 3, 2, 4)).astype(F32)
    tiny.input("x", (1, -1, -1, 2))
    tiny.op("Conv2D", "y", ["x", tiny.const("w", weight)], strides=[1, 2, 2, 1], padding="SAME")
    model = tiny.convert("y")
    from sightline.runtime.importers.graph import IR_VERSION  # the file must load in old runtimes too

    assert IR_VERSION <= 8
    for size in ((8, 8), (7, 10)):
        x = rng.normal(size=(1, *size, 2)).astype(F32)
        patches = windows(x, (3, 3), 2, pads_for("SAME", x.shape, (3, 3), 2))
        import onnxruntime

        found = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        np.testing.assert_allclose(found, np.einsum("nhwijc,ijco->nhwo", patches, weight), rtol=1e-4, atol=1e-5)


def test_convolution_channels_first(tiny, rng):
    x, weight, bias = (rng.normal(size=shape).astype(F32) for shape in ((1, 3, 5, 6), (3, 3, 3, 4), (4,)))
    tiny.input("x", x.shape)
    tiny.op("Conv2D", "c", ["x", tiny.const("w", weight)], strides=[1, 1, 2, 2], padding="SAME", data_format="NCHW", dilations=[1, 1, 1, 1])
    tiny.op("BiasAdd", "y", ["c", tiny.const("b", bias.reshape(4, 1, 1))])
    nhwc = x.transpose(0, 2, 3, 1)
    patches = windows(nhwc, (3, 3), 2, pads_for("SAME", nhwc.shape, (3, 3), 2))
    expected = (np.einsum("nhwijc,ijco->nhwo", patches, weight) + bias).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], expected, rtol=1e-4, atol=1e-5)


ACTIVATIONS = {
    "Relu": lambda v: np.maximum(v, 0),
    "Relu6": lambda v: np.clip(v, 0, 6),
    "Elu": lambda v: np.where(v > 0, v, np.expm1(v)),
    "Sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "Tanh": np.tanh,
    "LeakyRelu": lambda v: np.where(v > 0, v, 0.3 * v),
    "Prelu": lambda v: np.where(v > 0, v, np.array([0.1, 0.5, -0.2, 2.0]) * v),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("op", ["_FusedConv2D", "FusedDepthwiseConv2dNative", "_FusedMatMul"])
def test_fused_operations(tiny, rng, op, kind):
    matmul = op == "_FusedMatMul"
    x = (rng.normal(size=(2, 4) if matmul else (1, 3, 3, 4)) * 4).astype(F32)
    weight = rng.normal(size={"_FusedConv2D": (1, 1, 4, 4), "_FusedMatMul": (4, 4)}.get(op, (1, 1, 4, 1))).astype(F32)
    bias = rng.normal(size=4).astype(F32)
    tiny.input("x", x.shape)
    inputs = ["x", tiny.const("w", weight), tiny.const("b", bias)]
    if kind == "Prelu":
        inputs.append(tiny.const("alpha", np.array([0.1, 0.5, -0.2, 2.0], F32)))
    tiny.op(op, "y", inputs, fused_ops=["BiasAdd", kind], strides=[1, 1, 1, 1], padding="VALID", leakyrelu_alpha=0.3)
    product = x * weight[0, 0, :, 0] if op.startswith("FusedDepthwise") else x @ weight.reshape(4, 4)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], ACTIVATIONS[kind](product + bias), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["Relu", "Relu6", "Elu", "Sigmoid", "Tanh", "LeakyRelu", "Prelu"])
def test_activations(tiny, rng, kind):
    x = (rng.normal(size=(1, 3, 3, 4)) * 4).astype(F32)
    tiny.input("x", x.shape)
    inputs = ["x", tiny.const("alpha", np.array([0.1, 0.5, -0.2, 2.0], F32).reshape(1, 1, 4))] if kind == "Prelu" else ["x"]
    tiny.op(kind, "y", inputs, alpha=0.3)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], ACTIVATIONS[kind](x), rtol=1e-4, atol=1e-5)


def test_softplus_and_softmax(tiny, rng):
    x = rng.normal(size=(2, 3, 4, 5)).astype(F32)
    tiny.input("x", x.shape)
    tiny.op("Softplus", "a", ["x"])
    tiny.op("Softmax", "b", ["x"])
    soft = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    for found, expected in zip(tiny.run("a", "b", x=x), (np.log1p(np.exp(x)), soft), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", ["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"])
@pytest.mark.parametrize("behind_conv", [False, True])
def test_batch_normalisation_is_folded(tiny, rng, ops, kind, behind_conv):
    x = rng.normal(size=(1, 3, 4, 2)).astype(F32)
    scale, offset, mean, variance = (rng.uniform(0.5, 2, 2).astype(F32) for _ in range(4))
    tiny.input("x", x.shape)
    source = (
        tiny.op("Conv2D", "c", ["x", tiny.const("w", np.eye(2, dtype=F32)[None, None])], strides=[1] * 4, padding="SAME")
        if behind_conv
        else "x"
    )
    names = [tiny.const(f"s{i}", array) for i, array in enumerate((scale, offset, mean, variance))]
    tiny.op(kind, "y", [source, *names], epsilon=0.001, is_training=False)
    expected = (x - mean) / np.sqrt(variance + 0.001) * scale + offset
    np.testing.assert_allclose(tiny.run("y", x=x)[0], expected, rtol=1e-4, atol=1e-5)
    if behind_conv:
        assert set(ops(tiny.convert("y"))) <= {"Conv", "Transpose"}


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("op", "reduce", "fill"), [("MaxPool", np.nanmax, -np.inf), ("AvgPool", np.nanmean, np.nan)])
def test_pooling(tiny, rng, padding, op, reduce, fill):
    x = rng.normal(size=(1, 7, 8, 3)).astype(F32)
    tiny.input("x", x.shape)
    tiny.op(op, "y", ["x"], ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding=padding)
    patches = windows(x, (3, 3), 2, pads_for(padding, x.shape, (3, 3), 2), fill=fill)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], reduce(patches, axis=(3, 4)), rtol=1e-5)


@pytest.mark.parametrize("op", ["Pad", "PadV2", "REFLECT", "SYMMETRIC"])
def test_padding(tiny, rng, op):
    x = rng.normal(size=(1, 4, 5, 3)).astype(F32)
    amounts = np.array([[0, 0], [1, 2], [3, 0], [0, 1]], np.int32)
    tiny.input("x", x.shape)
    inputs = ["x", tiny.const("p", amounts)]
    if op == "PadV2":
        inputs.append(tiny.const("v", F32(2.5)))
    mirror = op in ("REFLECT", "SYMMETRIC")
    tiny.op("MirrorPad" if mirror else op, "y", inputs, **({"mode": op} if mirror else {}))
    keywords = {"mode": op.lower()} if mirror else {"constant_values": 2.5 if op == "PadV2" else 0}
    np.testing.assert_array_equal(tiny.run("y", x=x)[0], np.pad(x, amounts, **keywords))


def resized(x: np.ndarray, size: tuple[int, int], *, bilinear: bool, corners: bool, half: bool) -> np.ndarray:
    """TensorFlow's own rule, pixel by pixel."""
    out = np.empty((1, *size, x.shape[3]))
    limits = x.shape[1:3]
    scale = [(a - 1) / (b - 1) if corners and b > 1 else a / b for a, b in zip(limits, size, strict=True)]
    for i in range(size[0]):
        for j in range(size[1]):
            at = [(k + 0.5) * s - (0.5 if bilinear else 0) if half else k * s for k, s in zip((i, j), scale, strict=True)]
            if bilinear:
                at = [min(max(a, 0), limit - 1) for a, limit in zip(at, limits, strict=True)]
                low = [math.floor(a) for a in at]
                high = [min(a + 1, limit - 1) for a, limit in zip(low, limits, strict=True)]
                v, u = at[0] - low[0], at[1] - low[1]
                top = x[0, low[0], low[1]] * (1 - u) + x[0, low[0], high[1]] * u
                bottom = x[0, high[0], low[1]] * (1 - u) + x[0, high[0], high[1]] * u
                out[0, i, j] = top * (1 - v) + bottom * v
            else:
                near = [math.floor(a + 0.5) if corners else math.floor(a) for a in at]
                out[0, i, j] = x[0, min(near[0], limits[0] - 1), min(near[1], limits[1] - 1)]
    return out


@pytest.mark.parametrize(("corners", "half"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("size", [(8, 12), (5, 9), (2, 3), (3, 3)])
@pytest.mark.parametrize("op", ["ResizeBilinear", "ResizeNearestNeighbor"])
def test_resizing(tiny, rng, op, size, corners, half):
    x = rng.normal(size=(1, 4, 6, 2)).astype(F32)
    tiny.input("x", x.shape)
    tiny.op(op, "y", ["x", tiny.const("s", np.array(size, np.int32))], align_corners=corners, half_pixel_centers=half)
    expected = resized(x, size, bilinear=op == "ResizeBilinear", corners=corners, half=half)
    np.testing.assert_allclose(tiny.run("y", x=x)[0], expected, rtol=1e-4, atol=1e-5)


def test_doubling_a_size_known_only_at_run_time_uses_a_constant_scale(tiny, rng, ops):
    """Keras' UpSampling2D: the shape, its middle, twice that."""
    tiny.input("x", (1, -1, -1, 2))
    tiny.op("Shape", "shape", ["x"], out_type="DT_INT32")
    slices = [tiny.const(name, np.array([at], np.int32)) for name, at in (("b", 1), ("e", 3), ("s", 1))]
    tiny.op("StridedSlice", "hw", ["shape", *slices])
    tiny.op("Mul", "size", ["hw", tiny.const("two", np.array([2, 2], np.int32))])
    tiny.op("ResizeBilinear", "y", ["x", "size"], half_pixel_centers=True)
    assert "Shape" not in ops(tiny.convert("y"))
    for hw in ((3, 4), (5, 2)):
        x = rng.normal(size=(1, *hw, 2)).astype(F32)
        expected = resized(x, (hw[0] * 2, hw[1] * 2), bilinear=True, corners=False, half=True)
        np.testing.assert_allclose(tiny.run("y", x=x)[0], expected, rtol=1e-4, atol=1e-5)
