"""The graph that importers write: ONNX nodes with known constants, types and shapes, and its serialisation.

A node is added with :meth:`Graph.add`. When all its inputs are constants it is evaluated on the spot and never stored;
otherwise ONNX's own shape inference tells type and shape of what it gives, so that later steps can rely on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, defs, helper, numpy_helper, shape_inference

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers.folding import fold

OPSET: Final = 17
IR_VERSION: Final = 8
PRODUCER: Final = "sightline"

Array = npt.NDArray[Any]
Dimension = int | str | None
Attribute = int | float | str | Sequence[int] | Sequence[float]

_LARGEST_SHAPE_INPUT: Final = 64


@dataclass
class Node:
    """One ONNX node: operator, names of what goes in and comes out, attributes."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class TensorInfo:
    """Type and shape of a tensor; a dimension is an int, a name, or None when nothing is known of it."""

    dtype: np.dtype[Any]
    shape: tuple[Dimension, ...] | None


class Graph:
    """An ONNX graph under construction.

    Parameters
    ----------
    name : str
        Name of the model in error messages; it does not go into the file, whose bytes must not depend on paths.

    Examples
    --------
    >>> graph = Graph("double")
    >>> x = graph.add_input("x", np.dtype(np.float32), ("batch", 3))
    >>> y = graph.add("Mul", [x, graph.constant(np.float32(2))])
    >>> graph.info(y).shape
    ('batch', 3)
    >>> graph.value(graph.add("Add", [graph.constant(np.int64(1)), graph.constant(np.int64(2))])).tolist()
    3
    >>> model = onnx.load_from_string(graph.to_bytes({"y": y}))
    >>> [node.op_type for node in model.graph.node]
    ['Mul']
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.inputs: dict[str, TensorInfo] = {}
        self._infos: dict[str, TensorInfo] = {}
        self._count = 0

    def fresh_name(self) -> str:
        """Return a tensor name not used so far."""
        self._count += 1
        return f"t{self._count}"

    def add_input(self, name: str, dtype: np.dtype[Any], shape: Sequence[Dimension]) -> str:
        """Declare an input of the model and return its name."""
        self.inputs[name] = self._infos[name] = TensorInfo(dtype, tuple(shape))
        return name

    def constant(self, array: npt.ArrayLike) -> str:
        """Store a constant and return its name."""
        name = self.fresh_name()
        self.constants[name] = np.asarray(array)
        return name

    def value(self, name: str) -> Array | None:
        """Return the value of a constant, None when the tensor is not constant."""
        return self.constants.get(name)

    def info(self, name: str) -> TensorInfo:
        """Return type and shape of a tensor."""
        if (array := self.constants.get(name)) is not None:
            return TensorInfo(array.dtype, array.shape)
        return self._infos[name]

    def add(self, op: str, inputs: Sequence[str], **attributes: Attribute) -> str:
        """Add a node with one output; return the output's name."""
        return self.add_many(op, inputs, 1, **attributes)[0]

    def add_many(self, op: str, inputs: Sequence[str], count: int, **attributes: Attribute) -> list[str]:
        """Add a node with ``count`` outputs; return their names.

        Raises
        ------
        ModelConversionError
            ONNX refuses the operator on these inputs.
        """
        arrays = [self.constants[name] for name in inputs if name in self.constants]
        if len(arrays) == sum(1 for name in inputs if name):
            folded = fold(op, arrays, attributes) if all(inputs) else None
            if folded is not None:
                return [self.constant(array) for array in folded]
        node = Node(op, list(inputs), [self.fresh_name() for _ in range(count)], dict(attributes))
        self._infer(node)
        self.nodes.append(node)
        return node.outputs

    def _infer(self, node: Node) -> None:
        proto = _node_proto(node)
        types = {name: _type_proto(self.info(name)) for name in node.inputs if name}
        small = {name: self.constants[name] for name in node.inputs if name in self.constants}
        data = {name: numpy_helper.from_array(array, name) for name, array in small.items() if array.size <= _LARGEST_SHAPE_INPUT}
        try:
            found = shape_inference.infer_node_outputs(
                defs.get_schema(node.op, OPSET), proto, types, data, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
            )
        except (shape_inference.InferenceError, RuntimeError) as error:
            shapes = [self.info(name) for name in node.inputs if name]
            raise ModelConversionError(self.name, f"ONNX operator {node.op} does not take {shapes}: {error}") from error
        for name in node.outputs:
            self._infos[name] = _read_type(found[name])

    def set_shape(self, name: str, shape: Sequence[Dimension]) -> None:
        """State a shape that ONNX's inference cannot see."""
        self._infos[name] = TensorInfo(self._infos[name].dtype, tuple(shape))

    def copy_info(self, source: str, target: str) -> None:
        """State that a tensor has type and shape of another."""
        self._infos[target] = self.info(source)

    def to_bytes(self, outputs: Mapping[str, str]) -> bytes:
        """Serialise the graph.

        Parameters
        ----------
        outputs : mapping of str to str
            Name of each output in the file, and the tensor it is, in order.

        Returns
        -------
        bytes
            An ONNX model; nodes and constants that no output needs are left out. The bytes depend on the graph alone.
        """
        tail = [Node("Identity", [tensor], [name]) for name, tensor in outputs.items()]
        body = _live(self.nodes, outputs.values())
        _name_outputs(body, tail, set(self.inputs))
        nodes = body + tail
        used = dict.fromkeys(name for node in nodes for name in node.inputs if name in self.constants)
        infos = [(name, self.info(tensor)) for name, tensor in outputs.items()]
        graph = helper.make_graph(
            [_node_proto(node) for node in nodes],
            PRODUCER,
            [helper.make_value_info(name, _type_proto(info)) for name, info in self.inputs.items()],
            [helper.make_value_info(name, _type_proto(info)) for name, info in infos],
            [
                numpy_helper.from_array(np.ascontiguousarray(self.constants[name]).reshape(self.constants[name].shape), name)
                for name in used
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name=PRODUCER)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def _live(nodes: Sequence[Node], wanted: Iterable[str]) -> list[Node]:
    needed = set(wanted)
    kept: list[Node] = []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return kept[::-1]


def _name_outputs(body: list[Node], tail: list[Node], inputs: set[str]) -> None:
    """Let the node that makes an output carry the output's name, so that no copy is left; drop those Identity nodes."""
    made = {name for node in body for name in node.outputs} - inputs
    rename: dict[str, str] = {}
    for node in list(tail):
        source, target = node.inputs[0], node.outputs[0]
        if source in made and source not in rename:
            rename[source] = target
            tail.remove(node)
    for index, node in enumerate(body):
        names = [[rename.get(name, name) for name in group] for group in (node.inputs, node.outputs)]
        body[index] = Node(node.op, names[0], names[1], node.attributes)
    for node in tail:
        node.inputs = [rename.get(name, name) for name in node.inputs]


def _node_proto(node: Node) -> onnx.NodeProto:
    attributes: dict[str, Any] = dict(node.attributes)
    return helper.make_node(node.op, node.inputs, node.outputs, **attributes)


def _type_proto(info: TensorInfo) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(info.dtype), info.shape)


def _read_type(proto: onnx.TypeProto) -> TensorInfo:
    tensor = proto.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type if tensor.elem_type else TensorProto.FLOAT)
    if not tensor.HasField("shape"):
        return TensorInfo(dtype, None)
    return TensorInfo(dtype, tuple(_read_dim(dim) for dim in tensor.shape.dim))


def _read_dim(dim: Any) -> Dimension:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return dim.dim_param or None
