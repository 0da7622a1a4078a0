"""TensorFlow's reshaping, slicing, joining and gathering, written as ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightline.runtime.importers.tfjs_context import Context, Element, Value
from sightline.runtime.importers.tfjs_format import TfNode
from sightline.runtime.importers.tfjs_math_ops import Operator, broadcast, without_axes

Array = npt.NDArray[Any]

_TO_THE_END: Final = 2**31 - 1


def _identity(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [inputs[0]]


def _transpose(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    """Give the axes new names; nothing is moved."""
    value, perm = inputs[0], [int(axis) for axis in ctx.need(node, inputs[1], "permutation")]
    return [Value(value.name, tuple(perm.index(axis) for axis in value.order))]


def _reshape(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    name, wanted = ctx.plain(inputs[0]), ctx.known(inputs[1].name)
    if wanted is not None and sum(1 for size in wanted if size is None or size == -1) <= 1:
        shape = [-1 if size is None else size for size in wanted]
        return [ctx.wrap(ctx.graph.add("Reshape", [name, ctx.ints(shape)], allowzero=int(0 in shape and -1 not in shape)))]
    result = ctx.graph.add("Reshape", [name, ctx.int64(ctx.plain(inputs[1]))])
    if wanted is not None:
        ctx.graph.set_shape(result, [None if size in (None, -1) else size for size in wanted])
    return [ctx.wrap(result)]


def _squeeze(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value, rank = inputs[0], ctx.rank(inputs[0])
    axes = [axis % rank for axis in node.integers("squeeze_dims") or node.integers("axis")]
    if not axes:
        if any(not isinstance(dim, int) for dim in ctx.shape(value)):
            raise ctx.error(node, "it names no axes and the shape is not known")
        axes = [axis for axis, dim in enumerate(ctx.shape(value)) if dim == 1]
    stored = sorted(value.order.index(axis) for axis in axes)
    return [Value(ctx.graph.add("Squeeze", [value.name, ctx.ints(stored)]), without_axes(value.order, axes))]


def _expand_dims(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value = inputs[0]
    axis = int(ctx.need(node, inputs[1], "axis").reshape(())) % (ctx.rank(value) + 1)
    return [ctx.wrap(_unsqueezed(ctx, ctx.plain(value), axis))]


def _unsqueezed(ctx: Context, name: str, axis: int) -> str:
    result = ctx.graph.add("Unsqueeze", [name, ctx.ints([axis])])
    if axis == 0 and (elements := ctx.elements(name)) is not None and ctx.rank_of(name) == 0:
        ctx.know(result, elements)
    return result


def _concat(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    values, axis = inputs[:-1], int(ctx.need(node, inputs[-1], "axis").reshape(()))
    order = _common_order(ctx, values)
    names = [ctx.ordered(value, order) for value in values]
    return [Value(_joined(ctx, names, order.index(axis % len(order))), order)]


def _common_order(ctx: Context, values: Sequence[Value]) -> tuple[int, ...]:
    return broadcast(ctx, values)[1] if len(values[0].order) > 1 else values[0].order


def _joined(ctx: Context, names: Sequence[str], axis: int) -> str:
    result = ctx.graph.add("Concat", list(names), axis=axis) if len(names) > 1 else names[0]
    parts = [ctx.elements(name) for name in names]
    if ctx.rank_of(result) == 1 and any(part is not None for part in parts):
        lengths = [ctx.graph.info(name).shape for name in names]
        if all(part is not None or (shape is not None and isinstance(shape[0], int)) for part, shape in zip(parts, lengths, strict=True)):
            ctx.know(result, [item for part, shape in zip(parts, lengths, strict=True) for item in part or _unknown(shape)])
    return result


def _unknown(shape: Sequence[object] | None) -> list[Element]:
    size = shape[0] if shape else 0
    return [Element()] * (size if isinstance(size, int) else 0)


def _pack(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    axis = node.integer("axis") % (ctx.rank(inputs[0]) + 1)
    return [ctx.wrap(_joined(ctx, [_unsqueezed(ctx, ctx.plain(value), axis) for value in inputs], axis))]


def _unpack(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value = inputs[0]
    axis, count = node.integer("axis") % ctx.rank(value), node.integer("num")
    stored, order = value.order.index(axis), without_axes(value.order, [axis])
    taken = [ctx.graph.add("Gather", [value.name, ctx.graph.constant(np.array(i, np.int64))], axis=stored) for i in range(count)]
    return [Value(name, order) for name in taken]


def _split(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value, axis = inputs[1], int(ctx.need(node, inputs[0], "axis").reshape(())) % ctx.rank(inputs[1])
    size, count = ctx.shape(value)[axis], node.integer("num_split")
    if not isinstance(size, int):
        raise ctx.error(node, f"the length of axis {axis} must be known")
    return _split_axis(ctx, value, axis, [size // count] * count)


def _split_v(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value, axis = inputs[0], int(ctx.need(node, inputs[2], "axis").reshape(())) % ctx.rank(inputs[0])
    sizes, whole = [int(size) for size in ctx.need(node, inputs[1], "sizes")], ctx.shape(value)[axis]
    if -1 in sizes:
        if not isinstance(whole, int):
            raise ctx.error(node, f"the length of axis {axis} must be known")
        sizes[sizes.index(-1)] = whole - sum(sizes) - 1
    return _split_axis(ctx, value, axis, sizes)


def _split_axis(ctx: Context, value: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
    names = ctx.graph.add_many("Split", [value.name, ctx.ints(sizes)], len(sizes), axis=value.order.index(axis))
    return [Value(name, value.order) for name in names]


def _shape(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value, dtype = inputs[0], node.dtype("out_type", "DT_INT32")
    dims = ctx.shape(value)
    fixed = [dim for dim in dims if isinstance(dim, int)]
    if len(fixed) == len(dims):
        return [ctx.wrap(ctx.graph.constant(np.array(fixed, dtype)))]
    stored = ctx.graph.add("Shape", [value.name])
    back = [value.order.index(axis) for axis in range(len(dims))]
    name = ctx.cast(ctx.graph.add("Gather", [stored, ctx.ints(back)], axis=0), dtype)
    elements = [Element(dim) if isinstance(dim, int) else Element(None, value.name, at) for dim, at in zip(dims, back, strict=True)]
    ctx.know(name, elements)
    return [ctx.wrap(name)]


def _size(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [ctx.wrap(ctx.cast(ctx.graph.add("Size", [inputs[0].name]), node.dtype("out_type", "DT_INT32")))]


def _rank(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [ctx.wrap(ctx.graph.constant(np.int32(ctx.rank(inputs[0]))))]


def _fill(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [ctx.wrap(_expanded(ctx, inputs[1].name, inputs[0].name))]


def _expanded(ctx: Context, name: str, shape: str) -> str:
    result = ctx.graph.add("Expand", [name, ctx.int64(shape)])
    if (known := ctx.known(shape)) is not None and result not in ctx.graph.constants:
        ctx.graph.set_shape(result, known)
    return result


def _like(number: int) -> Operator:
    def convert(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
        value = inputs[0]
        fill = ctx.graph.constant(np.array(number, ctx.dtype(value)))
        dims = [dim for dim in ctx.graph.info(value.name).shape or () if isinstance(dim, int)]
        shape = ctx.ints(dims) if len(dims) == ctx.rank(value) else ctx.graph.add("Shape", [value.name])
        return [Value(ctx.graph.add("Expand", [fill, shape]), value.order)]

    return convert


def _range(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [ctx.wrap(ctx.graph.add("Range", [value.name for value in inputs]))]


def _tile(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    result = ctx.graph.add("Tile", [ctx.plain(inputs[0]), ctx.int64(inputs[1].name)])
    if ctx.graph.info(result).shape is None:
        ctx.graph.set_shape(result, [None] * ctx.rank(inputs[0]))
    return [ctx.wrap(result)]


def _gather(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    axis = int(ctx.need(node, inputs[2], "axis").reshape(())) if len(inputs) > 2 else 0
    batch, rank = node.integer("batch_dims"), ctx.rank(inputs[0])
    data, indices = ctx.plain(inputs[0]), ctx.plain(inputs[1])
    if batch == 0:
        return [ctx.wrap(ctx.graph.add("Gather", [data, indices], axis=axis % rank))]
    if batch != axis % rank:
        raise ctx.error(node, f"batch_dims {batch} with axis {axis} is not supported")
    pointers = ctx.graph.add("Unsqueeze", [ctx.int64(indices), ctx.ints([ctx.rank(inputs[1])])])
    return [ctx.wrap(ctx.graph.add("GatherND", [data, pointers], batch_dims=batch))]


def _gather_nd(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    return [ctx.wrap(ctx.graph.add("GatherND", [ctx.plain(inputs[0]), ctx.int64(ctx.plain(inputs[1]))]))]


def _top_k(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value = inputs[0]
    count = ctx.graph.add("Reshape", [ctx.int64(inputs[1].name), ctx.ints([1])])
    values, indices = ctx.graph.add_many("TopK", [ctx.plain(value), count], 2, axis=ctx.rank(value) - 1, largest=1, sorted=1)
    return [ctx.wrap(values), ctx.wrap(ctx.cast(indices, node.dtype("index_type", "DT_INT32")))]


def _slice(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    value = inputs[0]
    begin, size = (ctx.need(node, item, what) for item, what in zip(inputs[1:], ("begin", "size"), strict=True))
    ends = [_TO_THE_END if length == -1 else int(start + length) for start, length in zip(begin, size, strict=True)]
    axes = [value.order.index(axis) for axis in range(len(ends))]
    names = [value.name, ctx.ints(begin.tolist()), ctx.ints(ends), ctx.ints(axes)]
    return [Value(ctx.graph.add("Slice", names), value.order)]


@dataclass
class _Plan:
    """What a strided slice does to each axis: a range, a single place (the axis goes), a new axis of length one."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    new_axes: list[int] = field(default_factory=list)


def _plan(node: TfNode, entries: int, rank: int) -> _Plan:
    """Sort the entries of a strided slice by what they do; pairs are (axis of the input, entry)."""
    masks = {key: node.integer(f"{key}_mask") for key in ("ellipsis", "new_axis", "shrink_axis")}
    new = [i for i in range(entries) if masks["new_axis"] >> i & 1 and not masks["ellipsis"] >> i & 1]
    hidden = rank - (entries - len(new) - bin(masks["ellipsis"]).count("1"))
    plan, axis, place = _Plan(), 0, 0
    for i in range(entries):
        if masks["ellipsis"] >> i & 1:
            axis, place = axis + hidden, place + hidden
        elif i in new:
            plan.new_axes.append(place)
            place += 1
        elif masks["shrink_axis"] >> i & 1:
            plan.places.append((axis, i))
            axis += 1
        else:
            plan.ranges.append((axis, i))
            axis, place = axis + 1, place + 1
    return plan


def _strided_slice(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    name, (begin, end) = ctx.plain(inputs[0]), (value.name for value in inputs[1:3])
    strides = ctx.need(node, inputs[3], "strides").astype(np.int64)
    plan = _plan(node, len(strides), ctx.rank(inputs[0]))
    elements = ctx.elements(name)
    name = _sliced_ranges(ctx, node, name, plan.ranges, (begin, end, strides))
    for axis, entry in sorted(plan.places, reverse=True):
        name = ctx.graph.add("Gather", [name, _entry(ctx, begin, entry)], axis=axis)
    if plan.new_axes:
        name = ctx.graph.add("Unsqueeze", [name, ctx.ints(plan.new_axes)])
    if elements is not None and len(strides) == 1 and not plan.new_axes:
        _know_slice(ctx, node, name, elements, plan, inputs)
    return [ctx.wrap(name)]


def _sliced_ranges(ctx: Context, node: TfNode, name: str, ranges: Sequence[tuple[int, int]], limits: tuple[str, str, Array]) -> str:
    begin, end, strides = limits
    starts = _limit(ctx, node, begin, ranges, strides, "begin_mask")
    ends = _limit(ctx, node, end, ranges, strides, "end_mask")
    shape = ctx.graph.info(name).shape or ()
    known = [ctx.graph.value(item) for item in (starts, ends)]
    kept = [
        i
        for i, (axis, entry) in enumerate(ranges)
        if not _whole(shape[axis], [k[i] if k is not None else None for k in known], strides[entry])
    ]
    if not kept:
        return name
    picked = [ctx.graph.add("Gather", [item, ctx.ints(kept)], axis=0) for item in (starts, ends)]
    axes, steps = ctx.ints([ranges[i][0] for i in kept]), ctx.ints([int(strides[ranges[i][1]]) for i in kept])
    return ctx.graph.add("Slice", [name, *picked, axes, steps])


def _whole(dim: object, limits: Sequence[Any], stride: int) -> bool:
    """Tell whether a range takes the whole axis as it is."""
    start, end = limits
    if stride != 1 or start is None or end is None or start != 0:
        return False
    return bool(end == _TO_THE_END or (isinstance(dim, int) and end >= dim))


def _limit(ctx: Context, node: TfNode, limit: str, ranges: Sequence[tuple[int, int]], strides: Array, mask: str) -> str:
    """Return the starts or ends of the ranges as an int64 vector; masked ones run to the border."""
    parts = []
    for _, entry in ranges:
        backwards, first = strides[entry] < 0, mask == "begin_mask"
        if node.integer(mask) >> entry & 1:
            border = (_TO_THE_END if first else -_TO_THE_END - 1) if backwards else (0 if first else _TO_THE_END)
            parts.append(ctx.ints([border]))
        else:
            parts.append(ctx.graph.add("Gather", [ctx.int64(limit), ctx.ints([entry])], axis=0))
    return ctx.graph.add("Concat", parts, axis=0) if parts else ctx.ints([])


def _entry(ctx: Context, begin: str, entry: int) -> str:
    return ctx.graph.add("Gather", [ctx.int64(begin), ctx.graph.constant(np.array(entry, np.int64))], axis=0)


def _know_slice(ctx: Context, node: TfNode, name: str, elements: Sequence[Element], plan: _Plan, inputs: Sequence[Value]) -> None:
    limits = [ctx.value(value) for value in inputs[1:]]
    if any(limit is None for limit in limits):
        return
    begin, end, stride = (int(limit[0]) for limit in limits if limit is not None)
    if plan.places:
        ctx.know(name, [elements[begin]])
    else:
        start, stop = (None if node.integer(f"{key}_mask") & 1 else at for key, at in (("begin", begin), ("end", end)))
        ctx.know(name, elements[start:stop:stride])


def _sparse_to_dense(ctx: Context, node: TfNode, inputs: Sequence[Value]) -> list[Value]:
    indices, shape, numbers, default = (ctx.need(node, value, "inputs") for value in inputs)
    dense = np.full(tuple(int(size) for size in shape), default, dtype=default.dtype)
    places = indices.reshape(-1, dense.ndim)
    dense[tuple(places.T)] = numbers
    return [ctx.wrap(ctx.graph.constant(dense))]


ARRAY_OPERATORS: Final[dict[str, Operator]] = {
    "Identity": _identity,
    "StopGradient": _identity,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "ExpandDims": _expand_dims,
    "ConcatV2": _concat,
    "Pack": _pack,
    "Unpack": _unpack,
    "Split": _split,
    "SplitV": _split_v,
    "Shape": _shape,
    "Size": _size,
    "Rank": _rank,
    "Fill": _fill,
    "ZerosLike": _like(0),
    "OnesLike": _like(1),
    "Range": _range,
    "Tile": _tile,
    "GatherV2": _gather,
    "GatherNd": _gather_nd,
    "TopKV2": _top_k,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "SparseToDense": _sparse_to_dense,
}
