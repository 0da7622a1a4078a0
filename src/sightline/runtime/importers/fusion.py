"""Fold what stands beside a convolution into it, and put transpositions where runtimes do them best.

Every rule keeps the result: weights are changed in float64 and rounded to float32 once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightline.runtime.importers.graph import Graph, Node

Array = npt.NDArray[Any]

_LOWEST: Final = -3.0e38


def fuse(graph: Graph, outputs: set[str]) -> None:
    """Rewrite a finished graph in place until no rule applies.

    Parameters
    ----------
    graph : Graph
        Its nodes must stand in an order in which they can run.
    outputs : set of str
        Tensors that must stay as they are because the model gives them out.

    Notes
    -----
    The rules: zero padding before a convolution, lowest-value padding before a maximum; reversed channels and factors
    before a convolution; factors, terms and splits behind it; a transposition behind a reshape of whole pictures.
    """
    graph.nodes = _needed(graph.nodes, outputs)
    while any(_swept(graph, outputs, rule) for rule in _RULES):
        pass


def _swept(graph: Graph, outputs: set[str], rule: _Rule) -> bool:
    """Apply one rule wherever it fits; tell whether it did."""
    work = _Work(graph, outputs)
    changed, index = False, 0
    while index < len(graph.nodes):
        new = rule(work, graph.nodes[index])
        if new is not None:
            graph.nodes[index : index + 1] = new
            work, changed = _Work(graph, outputs), True
        index += 1
    graph.nodes = _needed(graph.nodes, outputs)
    return changed


class _Work:
    """What a rule may ask of the graph: who makes a tensor, how many read it, what is constant."""

    def __init__(self, graph: Graph, outputs: set[str]) -> None:
        self.graph = graph
        self.outputs = outputs
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        self._readers = Counter(name for node in graph.nodes for name in node.inputs)

    def maker(self, name: str, op: str) -> Node | None:
        """Return the node that makes a tensor, if it is of this operator."""
        node = self._makers.get(name)
        return node if node is not None and node.op == op else None

    def sole_maker(self, name: str, op: str) -> Node | None:
        """Return the node that makes a tensor which nothing else reads."""
        node = self.maker(name, op)
        return node if node is not None and self._readers[name] == 1 and name not in self.outputs else None

    def constant(self, name: str) -> Array | None:
        """Return a constant's value."""
        return self.graph.value(name)

    def channel_constant(self, name: str) -> Array | None:
        """Return a constant that has one number, or one number a channel of NCHW, as float64 of shape (channels,) or (1,)."""
        array = self.constant(name)
        if array is None or array.dtype != np.float32:
            return None
        wide = array.reshape((1,) * max(4 - array.ndim, 0) + array.shape)
        if wide.ndim != 4 or wide.size != wide.shape[1]:
            return None
        return wide.reshape(-1).astype(np.float64)


def _needed(nodes: list[Node], outputs: set[str]) -> list[Node]:
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return kept[::-1]


def _float32(array: Array) -> Array:
    return np.ascontiguousarray(array.astype(np.float32))


def _rebuilt(node: Node, inputs: list[str], **attributes: Any) -> list[Node]:
    return [Node(node.op, inputs, node.outputs, {**node.attributes, **attributes})]


def _pad_into_window(work: _Work, node: Node) -> list[Node] | None:
    """Pad -> Conv or MaxPool: the window's own padding."""
    if node.op not in ("Conv", "MaxPool") or "auto_pad" in node.attributes:
        return None
    pad = work.maker(node.inputs[0], "Pad")
    if pad is None or pad.attributes.get("mode", "constant") != "constant":
        return None
    amounts = work.constant(pad.inputs[1])
    fill = work.constant(pad.inputs[2]) if len(pad.inputs) > 2 else np.zeros(())
    if amounts is None or fill is None or amounts.size != 8:
        return None
    fits = float(fill) == 0 if node.op == "Conv" else float(fill) <= _LOWEST
    begin, end = amounts[:4], amounts[4:]
    if not fits or amounts.min() < 0 or begin[:2].any() or end[:2].any():
        return None
    extra = np.concatenate([begin[2:], end[2:]])
    pads = np.asarray(node.attributes.get("pads", [0, 0, 0, 0])) + extra
    if node.op == "MaxPool" and (pads >= np.tile(np.asarray(node.attributes["kernel_shape"]), 2)).any():
        return None
    return _rebuilt(node, [pad.inputs[0], *node.inputs[1:]], pads=[int(size) for size in pads])


def _channels_into_conv(work: _Work, node: Node) -> list[Node] | None:
    """Gather of channels -> Conv: the weight's input channels in another order."""
    if node.op != "Conv" or node.attributes.get("group", 1) != 1:
        return None
    gather = work.maker(node.inputs[0], "Gather")
    weight = work.constant(node.inputs[1])
    if gather is None or weight is None or gather.attributes.get("axis", 0) != 1:
        return None
    picked = work.constant(gather.inputs[1])
    if picked is None or sorted(picked.reshape(-1).tolist()) != list(range(weight.shape[1])):
        return None
    moved = np.empty_like(weight)
    moved[:, picked] = weight
    return _rebuilt(node, [gather.inputs[0], work.graph.constant(moved), *node.inputs[2:]])


def _channels_after_arithmetic(work: _Work, node: Node) -> list[Node] | None:
    """Gather of channels -> arithmetic with a constant: the other way round, towards the convolution."""
    if node.op not in ("Sub", "Add", "Mul", "Cast") or (node.op != "Cast" and work.channel_constant(node.inputs[1]) is None):
        return None
    gather = work.sole_maker(node.inputs[0], "Gather")
    if gather is None or gather.attributes.get("axis", 0) != 1:
        return None
    picked = work.constant(gather.inputs[1])
    info = work.graph.info(gather.inputs[0])
    if picked is None or info.shape is None or sorted(picked.reshape(-1).tolist()) != list(range(len(picked.reshape(-1)))):
        return None
    inputs = [gather.inputs[0]]
    if node.op != "Cast":
        values = np.broadcast_to(np.asarray(work.channel_constant(node.inputs[1])), picked.shape)
        back = np.empty_like(values)
        back[picked] = values
        inputs.append(work.graph.constant(_float32(back.reshape(1, -1, 1, 1))))
    name = work.graph.fresh_name()
    work.graph.copy_info(node.outputs[0], name)
    return [Node(node.op, inputs, [name], node.attributes), Node("Gather", [name, gather.inputs[1]], node.outputs, gather.attributes)]


def _factor_before_conv(work: _Work, node: Node) -> list[Node] | None:
    """Mul by a constant -> Conv: scaled weights."""
    if node.op != "Conv" or node.attributes.get("group", 1) != 1:
        return None
    weight, product = work.constant(node.inputs[1]), work.sole_maker(node.inputs[0], "Mul")
    if weight is None or product is None:
        return None
    factor = work.channel_constant(product.inputs[1])
    if factor is None or factor.size not in (1, weight.shape[1]):
        return None
    scaled = _float32(weight * factor.reshape(1, -1, 1, 1))
    return _rebuilt(node, [product.inputs[0], work.graph.constant(scaled), *node.inputs[2:]])


def _arithmetic_behind_conv(work: _Work, node: Node) -> list[Node] | None:
    """Conv -> Add, Sub, Mul or Div of a constant: other weights, other bias."""
    if node.op not in ("Add", "Sub", "Mul", "Div"):
        return None
    for at in (0, 1) if node.op in ("Add", "Mul") else (0,):
        conv, number = work.sole_maker(node.inputs[at], "Conv"), work.channel_constant(node.inputs[1 - at])
        if conv is None or number is None:
            continue
        weight = work.constant(conv.inputs[1])
        bias = work.constant(conv.inputs[2]) if len(conv.inputs) > 2 else None
        if weight is None or (len(conv.inputs) > 2 and bias is None) or number.size not in (1, len(weight)):
            continue
        new_weight, new_bias = _with_arithmetic(node.op, weight, bias, number)
        names = [conv.inputs[0], conv.inputs[1] if new_weight is weight else work.graph.constant(new_weight), work.graph.constant(new_bias)]
        return [Node("Conv", names, node.outputs, conv.attributes)]
    return None


def _with_arithmetic(op: str, weight: Array, bias: Array | None, number: Array) -> tuple[Array, Array]:
    start = np.zeros(len(weight)) if bias is None else bias.astype(np.float64)
    if op in ("Add", "Sub"):
        return weight, _float32(np.broadcast_to(start + (number if op == "Add" else -number), start.shape))
    factor = number if op == "Mul" else 1 / number
    return _float32(weight * factor.reshape(-1, 1, 1, 1)), _float32(start * factor)


def _split_behind_conv(work: _Work, node: Node) -> list[Node] | None:
    """Conv -> Split of channels: one convolution a part."""
    if node.op != "Split" or node.attributes.get("axis", 0) != 1:
        return None
    conv, sizes = work.sole_maker(node.inputs[0], "Conv"), work.constant(node.inputs[1])
    if conv is None or sizes is None or conv.attributes.get("group", 1) != 1:
        return None
    arrays = [work.constant(name) for name in conv.inputs[1:]]
    ends = np.cumsum(sizes)
    nodes = []
    for start, end, output in zip(ends - sizes, ends, node.outputs, strict=True):
        names = [work.graph.constant(np.ascontiguousarray(array[start:end])) for array in arrays if array is not None]
        nodes.append(Node("Conv", [conv.inputs[0], *names], [output], conv.attributes))
    return nodes if all(array is not None for array in arrays) else None


def _transpose_before_reshape(work: _Work, node: Node) -> list[Node] | None:
    """(N, C, H, W) reshaped to (N, C, HW), then (N, HW, C): transpose first, which runtimes join with a convolution's output."""
    if node.op != "Transpose" or node.attributes.get("perm") != [0, 2, 1]:
        return None
    reshape = work.sole_maker(node.inputs[0], "Reshape")
    if reshape is None:
        return None
    whole, flat = (work.graph.info(name).shape for name in (reshape.inputs[0], reshape.outputs[0]))
    if whole is None or flat is None or len(whole) != 4 or whole[:2] != flat[:2] or not isinstance(whole[1], int):
        return None
    name = work.graph.fresh_name()
    moved = Node("Transpose", [reshape.inputs[0]], [name], {"perm": [0, 2, 3, 1]})
    batch = whole[0] if isinstance(whole[0], int) else 0
    return [moved, Node("Reshape", [name, work.graph.constant(np.array([batch, -1, whole[1]], np.int64))], node.outputs)]


_Rule = Callable[[_Work, Node], list[Node] | None]

_RULES: Final[tuple[_Rule, ...]] = (
    _pad_into_window,
    _channels_after_arithmetic,
    _channels_into_conv,
    _factor_before_conv,
    _arithmetic_behind_conv,
    _split_behind_conv,
    _transpose_before_reshape,
)
