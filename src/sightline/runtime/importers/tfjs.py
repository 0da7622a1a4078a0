"""Convert TensorFlow.js graph models to ONNX, without TensorFlow.

The converted graph computes channels-first inside, and transpositions stand only where the model truly needs another
order (see :mod:`sightline.runtime.importers.tfjs_context`); paddings, factors and offsets beside a convolution are
folded into it (see :mod:`sightline.runtime.importers.fusion`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers.fusion import fuse
from sightline.runtime.importers.graph import Dimension, Graph
from sightline.runtime.importers.tfjs_array_ops import ARRAY_OPERATORS
from sightline.runtime.importers.tfjs_context import CHANNELS_FIRST, NATURAL, Context, Order, Value
from sightline.runtime.importers.tfjs_format import TfGraph, TfNode, read_graph_model, tensor_key
from sightline.runtime.importers.tfjs_math_ops import MATH_OPERATORS, Operator
from sightline.runtime.importers.tfjs_nn_ops import NN_OPERATORS

OPERATORS: Final[Mapping[str, Operator]] = {**MATH_OPERATORS, **NN_OPERATORS, **ARRAY_OPERATORS}


@dataclass(frozen=True)
class InputOptions:
    """How the converted model takes one input.

    Attributes
    ----------
    name : str
        Name in the ONNX file; empty keeps the graph's.
    shape : tuple of int or str
        Dimensions in the order in which the model will be fed; a str names one that may vary. Empty keeps the graph's.
    layout : str
        "" as in the graph; "NCHW" or "NHWC": the order in which the model will be fed.
    dtype : str
        "" as in the graph, or "uint8", "int32", "float32": element type in which the model will be fed.
    mean, std : tuple of float
        Taken off and divided by, one a channel (in the graph's channel order), inside the converted model.
    reverse_channels : bool
        Feed RGB to a graph that wants BGR, or the other way round.
    graph_layout : str
        "NHWC" or "NCHW": order of the graph's own input.
    """

    name: str = ""
    shape: tuple[int | str, ...] = ()
    layout: str = ""
    dtype: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    reverse_channels: bool = False
    graph_layout: str = "NHWC"


@dataclass(frozen=True)
class TfjsOptions:
    """What to change while converting.

    Attributes
    ----------
    inputs : mapping of str to InputOptions
        By the graph's name of the input (without ":0").
    outputs : mapping of str to str
        Name in the ONNX file -> TensorFlow tensor, in order. Empty keeps the outputs of the model's signature.
    """

    inputs: Mapping[str, InputOptions] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> TfjsOptions:
        """Read the options from a table, as a model card holds it.

        Raises
        ------
        ModelConversionError
            The table has a key that is no option.

        Examples
        --------
        >>> options = TfjsOptions.from_mapping({"inputs": {"x": {"name": "image", "std": [2.0]}}})
        >>> options.inputs["x"].std
        (2.0,)
        """
        unknown = set(table) - {"inputs", "outputs"}
        fields = InputOptions.__dataclass_fields__
        inputs: dict[str, dict[str, Any]] = {}
        for name, entry in table.get("inputs", {}).items():
            unknown |= set(entry) - set(fields)
            inputs[name] = {key: tuple(item) if isinstance(item, list) else item for key, item in entry.items()}
        if unknown:
            raise ModelConversionError(
                "tfjs", f"unknown options {sorted(unknown)}; known: inputs, outputs, and for an input {', '.join(fields)}"
            )
        return cls({name: InputOptions(**entry) for name, entry in inputs.items()}, dict(table.get("outputs", {})))


def convert_graph_model(json_path: Path, *, shards: Sequence[Path] = (), options: TfjsOptions | None = None) -> bytes:
    """Convert a TensorFlow.js graph model to ONNX.

    Parameters
    ----------
    json_path : Path
        The model's JSON.
    shards : sequence of Path, optional
        The weight files the JSON names; those not given are looked for beside it.
    options : TfjsOptions, optional
        Names, shapes, types and layouts of inputs and outputs.

    Returns
    -------
    bytes
        A serialised ONNX model (opset 17, float32 weights). The same files and options always give the same bytes.

    Raises
    ------
    ModelConversionError
        The files are not a whole graph model, or an operator is not known; the message names it.
    """
    source = read_graph_model(json_path, shards)
    options = options or TfjsOptions()
    _check_operators(source)
    graph = Graph(source.name)
    outputs = _Converter(source, Context(graph), options).outputs()
    fuse(graph, set(outputs.values()))
    return graph.to_bytes(outputs)


def _check_operators(source: TfGraph) -> None:
    known = {*OPERATORS, "Const", "Placeholder", "NoOp"}
    unknown = sorted({node.op for node in source.nodes.values()} - known)
    if unknown:
        raise ModelConversionError(source.name, f"the graph uses TensorFlow operators that cannot be converted: {', '.join(unknown)}")


class _Converter:
    """One conversion: walks from the outputs to the inputs and writes each node once."""

    def __init__(self, source: TfGraph, ctx: Context, options: TfjsOptions) -> None:
        self.source = source
        self.ctx = ctx
        self.options = options
        self._done: dict[str, list[Value]] = {}
        for name in options.inputs:
            if name not in source.nodes or source.nodes[name].op != "Placeholder":
                raise ModelConversionError(source.name, f"options name the input {name!r}; the graph has {self._placeholders()}")

    def _placeholders(self) -> str:
        return ", ".join(repr(node.name) for node in self.source.nodes.values() if node.op == "Placeholder") or "none"

    def outputs(self) -> dict[str, str]:
        """Return the ONNX tensors of the outputs by their names in the file."""
        for node in self.source.nodes.values():
            if node.op == "Placeholder":
                self._done[node.name] = [self._placeholder(node)]
        wanted = self.options.outputs or {tensor.replace(":0", ""): tensor for tensor in self.source.outputs}
        return {name: self.ctx.plain(self._tensor(tensor)) for name, tensor in wanted.items()}

    def _tensor(self, tensor: str) -> Value:
        name, index = tensor_key(tensor)
        for node in self._order_below(name):
            if node.name not in self._done:
                self._done[node.name] = self._convert(node)
        return self._done[name][index]

    def _order_below(self, name: str) -> list[TfNode]:
        """Return the nodes that a node needs and itself, each after what it needs (no recursion: graphs are deep)."""
        order: list[TfNode] = []
        seen: set[str] = set()
        stack = [(name, False)]
        while stack:
            current, ready = stack.pop()
            if current not in self.source.nodes:
                raise ModelConversionError(self.source.name, f"there is no node {current!r} in the graph")
            node = self.source.nodes[current]
            if ready:
                order.append(node)
            elif current not in seen:
                seen.add(current)
                stack.append((current, True))
                stack.extend((below, False) for below, _ in reversed(node.inputs))
        return order

    def _convert(self, node: TfNode) -> list[Value]:
        if node.op == "Const":
            return [self._const(node)]
        return OPERATORS[node.op](self.ctx, node, [self._done[name][index] for name, index in node.inputs])

    def _const(self, node: TfNode) -> Value:
        if node.name not in self.source.weights:
            raise ModelConversionError(self.source.name, f"constant {node.name!r} has no entry in the weights manifest")
        return self.ctx.wrap(self.ctx.graph.constant(self.source.weights[node.name].astype(node.dtype("dtype"), copy=False)))

    def _placeholder(self, node: TfNode) -> Value:
        options = self.options.inputs.get(node.name, InputOptions())
        dtype = np.dtype(options.dtype) if options.dtype else node.dtype("dtype")
        order = self._input_order(node, options)
        shape = options.shape or self._declared_shape(node, order)
        name = self.ctx.graph.add_input(options.name or node.name, dtype, shape)
        value = Value(name, order or tuple(range(len(shape))))
        if dtype == np.uint8 and dtype != node.dtype("dtype") and len(shape) == 4:  # bytes are cheaper to move than floats
            order = CHANNELS_FIRST if options.graph_layout == "NHWC" else NATURAL
            value = Value(self.ctx.ordered(value, order), order)
        if dtype != node.dtype("dtype"):
            value = Value(self.ctx.cast(value.name, node.dtype("dtype")), value.order)
        return self._prepared(value, options)

    def _input_order(self, node: TfNode, options: InputOptions) -> Order | None:
        if options.layout in ("", options.graph_layout):
            return None
        if {options.layout, options.graph_layout} != {"NCHW", "NHWC"}:
            raise ModelConversionError(self.source.name, f"input {node.name!r}: layout is {options.layout!r}; known: 'NCHW', 'NHWC'")
        return CHANNELS_FIRST if options.layout == "NCHW" else (0, 2, 3, 1)

    def _declared_shape(self, node: TfNode, order: Order | None) -> tuple[Dimension, ...]:
        declared = node.attributes.get("shape", {}).get("shape", {})
        if "dim" not in declared and declared.get("unknownRank"):
            raise ModelConversionError(self.source.name, f"input {node.name!r} is of unknown rank; name its shape in the options")
        sizes = [int(dim.get("size", 0)) for dim in declared.get("dim", [])]
        dims = [size if size >= 0 else f"{node.name}_{axis}" for axis, size in enumerate(sizes)]
        return tuple(dims[axis] for axis in order) if order else tuple(dims)

    def _prepared(self, value: Value, options: InputOptions) -> Value:
        """Reverse the channels, take the mean off, divide by the deviation: what folding then moves into the first convolution."""
        graph, channel = self.ctx.graph, 1 if options.graph_layout == "NCHW" else 3
        if not (options.reverse_channels or options.mean or options.std):
            return value
        order = CHANNELS_FIRST if channel == 3 else NATURAL
        name = self.ctx.ordered(value, order)
        column = (1, -1, 1, 1)
        if options.reverse_channels:
            count = self.ctx.shape(value)[channel]
            name = graph.add("Gather", [name, self.ctx.ints(range(int(count or 0))[::-1])], axis=1)
        if options.mean:
            name = graph.add("Sub", [name, graph.constant(np.array(options.mean, np.float32).reshape(column))])
        if options.std:
            factor = (1.0 / np.array(options.std, np.float64)).astype(np.float32)
            name = graph.add("Mul", [name, graph.constant(factor.reshape(column))])
        return Value(name, order)
