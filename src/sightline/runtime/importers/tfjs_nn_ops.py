"""TensorFlow's convolutions, pooling, activations, padding and resizing, written as ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightline.runtime.importers.graph import Attribute
from sightline.runtime.importers.tfjs_context import CHANNELS_FIRST, NATURAL, Context, Order, Value
from sightline.runtime.importers.tfjs_format import TfNode
from sightline.runtime.importers.tfjs_math_ops import Operator, broadcast, elementwise

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Window:
    """A sliding window over height and width: attributes as ONNX names them, and where the picture is stored."""

    order: Order
    attributes: dict[str, Attribute]


def _window(ctx: Context, node: TfNode, value: Value, kernel_hw: Sequence[int]) -> _Window:
    first = node.text("data_format", "NHWC") == "NCHW"
    order = NATURAL if first else CHANNELS_FIRST
    spatial = slice(2, 4) if first else slice(1, 3)
    strides = node.integers("strides")[spatial] or [1, 1]
    dilations = node.integers("dilations")[spatial] or [1, 1]
    attributes: dict[str, Attribute] = {"kernel_shape": list(kernel_hw), "strides": strides}
    if dilations != [1, 1]:
        attributes["dilations"] = dilations
    padding = node.text("padding")
    if padding == "EXPLICIT":
        pads = np.array(node.integers("explicit_paddings")).reshape(-1, 2)[spatial]
        attributes["pads"] = [int(pads[0, 0]), int(pads[1, 0]), int(pads[0, 1]), int(pads[1, 1])]
    elif padding == "SAME":
        attributes |= _same_padding(ctx.shape(value)[spatial], kernel_hw, strides, dilations)
    elif padding != "VALID":
        raise ctx.error(node, f"padding {padding!r} is unknown")
    return _Window(order, attributes)


def _same_padding(
    sizes: Sequence[object], kernel_hw: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> dict[str, Attribute]:
    """Return pads of TensorFlow's SAME (the odd pixel goes after); left to the runtime when they depend on an unknown size."""
    before, after = [], []
    for size, kernel, stride, dilation in zip(sizes, kernel_hw, strides, dilations, strict=True):
        if not isinstance(size, int) and stride != 1:
            return {"auto_pad": "SAME_UPPER"}
        overhang = -(-size // stride) * stride - size if isinstance(size, int) else 0
        total = max((kernel - 1) * dilation + 1 - stride + overhang, 0)
        before.append(total // 2)
        after.append(total - total // 2)
    return {"pads": before + after} if any(before + after) else {}


def _conv_weight(ctx: Context, node: TfNode, weight: Array) -> tuple[Array, int]:
    """Return the ONNX weight (out, in / groups, height, width) and the number of groups."""
    if "Depthwise" in node.op:
        height, width, channels, multiplier = weight.shape
        return weight.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width), channels
    return weight.transpose(3, 2, 0, 1), 1


def _conv(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value, weight = inputs[0], ctx.need(node, inputs[1], "filter")
    kernel, groups = _conv_weight(ctx, node, weight)
    window = _window(ctx, node, value, weight.shape[:2])
    channels = ctx.shape(value)[window.order[1]]
    if "Depthwise" not in node.op and isinstance(channels, int):
        groups = channels // kernel.shape[1]
    names = [ctx.ordered(value, window.order), ctx.graph.constant(np.ascontiguousarray(kernel))]
    result = Value(ctx.graph.add("Conv", names, group=groups, **window.attributes), window.order)
    return [_fused(ctx, node, result, inputs[2:])]


def _fused(ctx: Context, node: TfNode, value: Value, extras: Sequence[Value]) -> Value:
    """Write what TensorFlow fused behind a convolution or product: a bias, an activation."""
    rest = list(extras)
    for kind in node.texts("fused_ops"):
        if kind == "BiasAdd":
            value = _channel_bias(ctx, value, rest.pop(0))
        elif kind == "Prelu":
            value = _prelu(ctx, node, [value, rest.pop(0)])[0]
        elif kind == "LeakyRelu":
            value = _activation("LeakyRelu", ctx, value, alpha=node.number("leakyrelu_alpha", 0.2))
        elif kind in ("Relu", "Elu", "Sigmoid", "Tanh"):
            value = _activation(kind, ctx, value)
        elif kind == "Relu6":
            value = _relu6(ctx, node, [value])[0]
        else:
            raise ctx.error(node, f"the fused operation {kind!r} is unknown")
    return value


def _channel_bias(ctx: Context, value: Value, bias: Value) -> Value:
    if value.order == NATURAL and ctx.rank(bias) == 1:
        bias = Value(ctx.graph.add("Unsqueeze", [bias.name, ctx.ints([1, 2])]), (0, 1, 2))
    return elementwise(ctx, "Add", value, bias)


def _activation(op: str, ctx: Context, value: Value, **attributes: float) -> Value:
    return Value(ctx.graph.add(op, [value.name], **attributes), value.order)


def _simple(op: str) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        return [_activation(op, ctx, inputs[0])]

    return convert


def _relu6(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    low, high = (ctx.graph.constant(np.float32(number)) for number in (0, 6))
    return [Value(ctx.graph.add("Clip", [inputs[0].name, low, high]), inputs[0].order)]


def _leaky_relu(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [_activation("LeakyRelu", ctx, inputs[0], alpha=node.number("alpha", 0.2))]


def _prelu(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    names, order = broadcast(ctx, inputs)
    return [Value(ctx.graph.add("PRelu", names), order)]


def _softmax(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value = inputs[0]
    return [Value(ctx.graph.add("Softmax", [value.name], axis=value.order.index(ctx.rank(value) - 1)), value.order)]


def _batch_norm(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    """Write a trained batch normalisation as one factor and one term a channel."""
    if node.flag("is_training", False):
        raise ctx.error(node, "is_training is set")
    scale, offset, mean, variance = (ctx.need(node, value, "statistics").astype(np.float64) for value in inputs[1:5])
    factor = scale / np.sqrt(variance + node.number("epsilon", 1e-4))
    value = inputs[0]
    for op, numbers in (("Mul", factor), ("Add", offset - mean * factor)):
        column = numbers[:, None, None] if node.text("data_format", "NHWC") == "NCHW" else numbers
        value = elementwise(ctx, op, value, ctx.wrap(ctx.graph.constant(column.astype(np.float32))))
    return [value]


def _pool(op: str) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        first = node.text("data_format", "NHWC") == "NCHW"
        size = node.integers("ksize")[slice(2, 4) if first else slice(1, 3)]
        window = _window(ctx, node, inputs[0], size)
        return [Value(ctx.graph.add(op, [ctx.ordered(inputs[0], window.order)], **window.attributes), window.order)]

    return convert


def _fused_matmul(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    orders = [(1, 0) if node.flag(key) else (0, 1) for key in ("transpose_a", "transpose_b")]
    names = [ctx.ordered(value, order) for value, order in zip(inputs[:2], orders, strict=True)]
    return [_fused(ctx, node, ctx.wrap(ctx.graph.add("MatMul", names)), inputs[2:])]


def _pad(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value, pads = inputs[0], ctx.need(node, inputs[1], "paddings")
    if not pads.any():
        return [value]
    if value.order == NATURAL and not pads[[0, 3]].any():  # height and width of NHWC: a window that takes the padding in will follow
        value = Value(ctx.ordered(value, CHANNELS_FIRST), CHANNELS_FIRST)
    stored = pads[list(value.order)]
    names = [value.name, ctx.ints([int(pad) for pad in stored.T.reshape(-1)])]
    if node.op == "MirrorPad":
        if node.text("mode") == "SYMMETRIC":
            return [Value(_symmetric_pad(ctx, value.name, stored), value.order)]
        return [Value(ctx.graph.add("Pad", names, mode="reflect"), value.order)]
    fill = ctx.need(node, inputs[2], "fill value") if len(inputs) > 2 else np.zeros((), ctx.dtype(value))
    return [Value(ctx.graph.add("Pad", [*names, ctx.graph.constant(fill.reshape(()))]), value.order)]


def _symmetric_pad(ctx: Context, name: str, pads: Array) -> str:
    """Mirror at the border with the border itself repeated, which ONNX's Pad cannot."""
    graph = ctx.graph
    for axis, (before, after) in enumerate(pads.tolist()):
        where, back, parts = ctx.ints([axis]), ctx.ints([-1]), [name]
        if before:
            parts.insert(0, graph.add("Slice", [name, ctx.ints([before - 1]), ctx.ints([-(2**31)]), where, back]))
        if after:
            parts.append(graph.add("Slice", [name, ctx.ints([-1]), ctx.ints([-after - 1]), where, back]))
        name = graph.add("Concat", parts, axis=axis) if len(parts) > 1 else name
    return name


def _resize(mode: str) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        name = ctx.ordered(inputs[0], CHANNELS_FIRST)
        if mode == "linear" and node.flag("half_pixel_centers") and _halves(ctx, name, inputs[1].name):
            halved = ctx.graph.add("AveragePool", [name], kernel_shape=[2, 2], strides=[2, 2])
            return [Value(halved, CHANNELS_FIRST)]
        attributes: dict[str, Attribute] = {"mode": mode, "coordinate_transformation_mode": "asymmetric"}
        if node.flag("align_corners"):
            attributes["coordinate_transformation_mode"] = "align_corners"
        elif node.flag("half_pixel_centers"):
            attributes["coordinate_transformation_mode"] = "half_pixel"
        if mode == "nearest":
            rounds = node.flag("align_corners") or node.flag("half_pixel_centers")
            attributes["nearest_mode"] = "round_prefer_ceil" if rounds else "floor"
        result = ctx.graph.add("Resize", _resize_inputs(ctx, inputs[0], name, inputs[1].name), **attributes)
        _state_resized_shape(ctx, name, result, inputs[1].name)
        return [Value(result, CHANNELS_FIRST)]

    return convert


def _halves(ctx: Context, name: str, size: str) -> bool:
    """Tell whether a resize halves both sides exactly: each new pixel is then the mean of four."""
    dims = (ctx.graph.info(name).shape or ())[2:]
    return [isinstance(dim, int) and dim == 2 * (new or 0) for dim, new in zip(dims, ctx.known(size) or (), strict=False)] == [True, True]


def _resize_inputs(ctx: Context, value: Value, name: str, size: str) -> list[str]:
    """Return Resize's inputs: constant scales when the ratio is a whole number, else sizes."""
    factors = _whole_factors(ctx, value, size)
    if factors is not None:
        return [name, "", ctx.graph.constant(np.array([1, 1, *factors], np.float32))]
    head = ctx.graph.add("Slice", [ctx.graph.add("Shape", [name]), ctx.ints([0]), ctx.ints([2])])
    shape = ctx.graph.info(name).shape or ()
    if all(isinstance(dim, int) for dim in shape[:2]):
        head = ctx.ints([dim for dim in shape[:2] if isinstance(dim, int)])
    return [name, "", "", ctx.graph.add("Concat", [head, ctx.int64(size)], axis=0)]


def _whole_factors(ctx: Context, value: Value, size: str) -> list[int] | None:
    dims, elements = ctx.shape(value)[1:3], ctx.elements(size) or ()
    factors = []
    for axis, dim, element in zip((1, 2), dims, elements, strict=False):
        if element.number is not None and isinstance(dim, int) and element.number % dim == 0:
            factors.append(element.number // dim)
        elif element.source == value.name and value.order[element.axis] == axis:
            factors.append(element.factor)
    return factors if len(factors) == 2 else None


def _state_resized_shape(ctx: Context, name: str, result: str, size: str) -> None:
    shape = ctx.graph.info(name).shape or ()
    ctx.graph.set_shape(result, (*shape[:2], *(ctx.known(size) or (None, None))))


NN_OPERATORS: Final[dict[str, Operator]] = {
    "Conv2D": _conv,
    "_FusedConv2D": _conv,
    "DepthwiseConv2dNative": _conv,
    "FusedDepthwiseConv2dNative": _conv,
    "_FusedMatMul": _fused_matmul,
    "FusedBatchNorm": _batch_norm,
    "FusedBatchNormV2": _batch_norm,
    "FusedBatchNormV3": _batch_norm,
    "Relu": _simple("Relu"),
    "Relu6": _relu6,
    "Elu": _simple("Elu"),
    "Sigmoid": _simple("Sigmoid"),
    "Tanh": _simple("Tanh"),
    "Softplus": _simple("Softplus"),
    "LeakyRelu": _leaky_relu,
    "Prelu": _prelu,
    "Softmax": _softmax,
    "MaxPool": _pool("MaxPool"),
    "AvgPool": _pool("AveragePool"),
    "Pad": _pad,
    "PadV2": _pad,
    "MirrorPad": _pad,
    "ResizeBilinear": _resize("linear"),
    "ResizeNearestNeighbor": _resize("nearest"),
}
