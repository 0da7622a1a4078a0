"""TensorFlow's arithmetic, comparisons, reductions and matrix products, written as ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from sightline.runtime.importers.tfjs_context import CHANNELS_FIRST, Context, Order, Value
from sightline.runtime.importers.tfjs_format import TfNode

Operator = Callable[[Context, TfNode, Sequence[Value]], list[Value]]

_GUESSED_DIM: Final = 64


def broadcast(ctx: Context, values: Sequence[Value]) -> tuple[list[str], Order]:
    """Bring operands of an element-wise operator to one axis order.

    The order of the largest operand wins; constants are re-ordered once and for all, smaller operands get axes of
    length one in front as numpy broadcasting would.

    Returns
    -------
    names : list of str
        ONNX tensors that broadcast against one another.
    order : tuple of int
        Axis order of the result.
    """
    rank = max(ctx.rank(value) for value in values)
    full = [value for value in values if ctx.rank(value) == rank]
    natural = tuple(range(rank))
    order = max(full, key=lambda value: (ctx.graph.value(value.name) is None, _size(ctx, value), value.order != natural)).order
    names = [_aligned(ctx, value, rank, order, scalar=len(full) > 1 or value not in full) for value in values]
    return names, order


def _size(ctx: Context, value: Value) -> int:
    return math.prod(dim if isinstance(dim, int) else _GUESSED_DIM for dim in ctx.shape(value))


def _aligned(ctx: Context, value: Value, rank: int, order: Order, *, scalar: bool) -> str:
    array = ctx.value(value)
    if array is not None:
        if array.size == 1 and scalar:
            return ctx.graph.constant(array.reshape(()))
        wide = array.reshape((1,) * (rank - array.ndim) + array.shape)
        return ctx.graph.constant(np.ascontiguousarray(np.transpose(wide, order)))
    if ctx.rank(value) in (0, rank):
        return ctx.ordered(value, order) if ctx.rank(value) else value.name
    front = ctx.ints(range(rank - ctx.rank(value)))
    return ctx.ordered(ctx.wrap(ctx.graph.add("Unsqueeze", [ctx.plain(value), front])), order)


def elementwise(ctx: Context, op: str, *values: Value) -> Value:
    """Write one element-wise ONNX operator."""
    names, order = broadcast(ctx, values)
    return Value(ctx.graph.add(op, names), order)


def _simple(op: str) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        return [elementwise(ctx, op, *inputs)]

    return convert


def _scalar_like(ctx: Context, value: Value, number: float) -> Value:
    return ctx.wrap(ctx.graph.constant(np.array(number, ctx.dtype(value))))


def _multiply(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    result = elementwise(ctx, "Mul", *inputs)
    for value, other in (inputs, inputs[::-1]):
        factors, elements = ctx.known(other.name), ctx.elements(value.name)
        if elements is not None and factors is not None and None not in factors and len(factors) in (1, len(elements)):
            ctx.know(result.name, [item.times(by) for item, by in zip(elements, factors * (len(elements) // len(factors)), strict=True)])
    return [result]


def _add_all(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    total = inputs[0]
    for value in inputs[1:]:
        total = elementwise(ctx, "Add", total, value)
    return [total]


def _floor_divide(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    a, b = inputs
    if ctx.dtype(a).kind == "f":
        return [elementwise(ctx, "Floor", elementwise(ctx, "Div", a, b))]
    return [elementwise(ctx, "Div", elementwise(ctx, "Sub", a, elementwise(ctx, "Mod", a, b)), b)]


def _floor_modulo(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    a, b = inputs
    if ctx.dtype(a).kind != "f":
        return [elementwise(ctx, "Mod", a, b)]
    whole = elementwise(ctx, "Floor", elementwise(ctx, "Div", a, b))
    return [elementwise(ctx, "Sub", a, elementwise(ctx, "Mul", whole, b))]


def _square(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [elementwise(ctx, "Mul", inputs[0], inputs[0])]


def _squared_difference(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return _square(ctx, node, [elementwise(ctx, "Sub", *inputs)])


def _rsqrt(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [elementwise(ctx, "Reciprocal", elementwise(ctx, "Sqrt", inputs[0]))]


def _not_equal(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [elementwise(ctx, "Not", elementwise(ctx, "Equal", *inputs))]


def _atan2(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    """Write the angle of (x, y) with the arc tangent of y / x, moved by half a turn where x is negative."""
    y, x = inputs
    zero, pi, half_pi = (_scalar_like(ctx, y, number) for number in (0.0, math.pi, math.pi / 2))
    half_turn = elementwise(ctx, "Where", elementwise(ctx, "Less", y, zero), _scalar_like(ctx, y, -math.pi), pi)
    shift = elementwise(ctx, "Where", elementwise(ctx, "Less", x, zero), half_turn, zero)
    angle = elementwise(ctx, "Add", elementwise(ctx, "Atan", elementwise(ctx, "Div", y, x)), shift)
    upright = elementwise(ctx, "Mul", elementwise(ctx, "Sign", y), half_pi)
    return [elementwise(ctx, "Where", elementwise(ctx, "Equal", x, zero), upright, angle)]


def _select(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    condition, yes, no = inputs
    missing = ctx.rank(yes) - ctx.rank(condition)
    if node.op == "Select" and ctx.rank(condition) == 1 and missing > 0:
        axes = ctx.ints(range(1, missing + 1))
        condition = ctx.wrap(ctx.graph.add("Unsqueeze", [condition.name, axes]))
    return [elementwise(ctx, "Where", condition, yes, no)]


def _cast(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    target = node.dtype("DstT")
    if ctx.dtype(inputs[0]) == target:
        return [inputs[0]]
    return [Value(ctx.cast(inputs[0].name, target), inputs[0].order)]


def reduction_axes(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[int]:
    """Return the constant axes of a reduction, not negative, ascending."""
    rank = ctx.rank(inputs[0])
    return sorted({int(axis) % rank for axis in ctx.need(node, inputs[1], "axes").reshape(-1)})


def _reduce(op: str) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        value, axes = inputs[0], reduction_axes(ctx, node, inputs)
        keep = node.flag("keep_dims")
        if not axes:
            return [value]
        stored = sorted(value.order.index(axis) for axis in axes)
        if op == "ReduceMean" and value.order == CHANNELS_FIRST and stored == [2, 3]:
            pooled = ctx.graph.add("GlobalAveragePool", [value.name])
            name = pooled if keep else ctx.graph.add("Squeeze", [pooled, ctx.ints(stored)])
        elif op == "ReduceSum":
            name = ctx.graph.add(op, [value.name, ctx.ints(stored)], keepdims=int(keep))
        else:
            name = ctx.graph.add(op, [value.name], axes=stored, keepdims=int(keep))
        return [Value(name, value.order if keep else without_axes(value.order, axes))]

    return convert


def without_axes(order: Order, axes: Sequence[int]) -> Order:
    """Return the axis order after some TensorFlow axes are gone.

    Examples
    --------
    >>> without_axes((0, 3, 1, 2), [1])
    (0, 2, 1)
    """
    left = sorted(axis for axis in order if axis not in axes)
    return tuple(left.index(axis) for axis in order if axis in left)


def _arg(op: str) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        value = inputs[0]
        axis = int(ctx.need(node, inputs[1], "axis")) % ctx.rank(value) if len(inputs) > 1 else 0
        found = ctx.graph.add(op, [value.name], axis=value.order.index(axis), keepdims=0)
        order = without_axes(value.order, [axis])
        return [Value(ctx.cast(found, node.dtype("output_type", "DT_INT64")), order)]

    return convert


def _matmul(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    a = _maybe_transposed(ctx, inputs[0], node.flag("transpose_a") or node.flag("adj_x"))
    b = _maybe_transposed(ctx, inputs[1], node.flag("transpose_b") or node.flag("adj_y"))
    return [ctx.wrap(ctx.graph.add("MatMul", [a, b]))]


def _maybe_transposed(ctx: Context, value: Value, transposed: bool) -> str:
    rank = ctx.rank(value)
    order = (*range(rank - 2), rank - 1, rank - 2) if transposed else tuple(range(rank))
    return ctx.ordered(value, order)


MATH_OPERATORS: Final[dict[str, Operator]] = {
    "Add": _simple("Add"),
    "AddV2": _simple("Add"),
    "AddN": _add_all,
    "BiasAdd": _simple("Add"),
    "Sub": _simple("Sub"),
    "Mul": _multiply,
    "RealDiv": _simple("Div"),
    "Div": _simple("Div"),
    "FloorDiv": _floor_divide,
    "FloorMod": _floor_modulo,
    "Maximum": _simple("Max"),
    "Minimum": _simple("Min"),
    "SquaredDifference": _squared_difference,
    "Square": _square,
    "Sqrt": _simple("Sqrt"),
    "Rsqrt": _rsqrt,
    "Reciprocal": _simple("Reciprocal"),
    "Exp": _simple("Exp"),
    "Log": _simple("Log"),
    "Pow": _simple("Pow"),
    "Neg": _simple("Neg"),
    "Abs": _simple("Abs"),
    "Floor": _simple("Floor"),
    "Ceil": _simple("Ceil"),
    "Round": _simple("Round"),
    "Sin": _simple("Sin"),
    "Cos": _simple("Cos"),
    "Atan2": _atan2,
    "Equal": _simple("Equal"),
    "NotEqual": _not_equal,
    "Less": _simple("Less"),
    "LessEqual": _simple("LessOrEqual"),
    "Greater": _simple("Greater"),
    "GreaterEqual": _simple("GreaterOrEqual"),
    "LogicalAnd": _simple("And"),
    "LogicalOr": _simple("Or"),
    "LogicalNot": _simple("Not"),
    "Select": _select,
    "SelectV2": _select,
    "Cast": _cast,
    "Mean": _reduce("ReduceMean"),
    "Sum": _reduce("ReduceSum"),
    "Max": _reduce("ReduceMax"),
    "Min": _reduce("ReduceMin"),
    "Prod": _reduce("ReduceProd"),
    "ArgMax": _arg("ArgMax"),
    "ArgMin": _arg("ArgMin"),
    "MatMul": _matmul,
    "BatchMatMul": _matmul,
    "BatchMatMulV2": _matmul,
}
