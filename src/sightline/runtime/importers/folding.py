"""Evaluate ONNX operators on constants while a graph is built.

Only operators are here whose result IEEE 754 fixes to the last bit (moving data, integer and logical arithmetic, one
correctly rounded operation per element), so that a converted file is the same on every machine. Sines, exponentials
and sums of floats are left to the runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from onnx import helper

Array = npt.NDArray[Any]
Attributes = Mapping[str, Any]
_Folder = Callable[[Sequence[Array], Attributes], Array]

_LARGEST_RESULT: Final = 4_000_000


def fold(op: str, inputs: Sequence[Array], attributes: Attributes) -> list[Array] | None:
    """Return the outputs of an ONNX operator (opset 17) on constants, None when it is not one that is folded.

    Parameters
    ----------
    op : str
        ONNX operator.
    inputs : sequence of ndarray
        Values of all inputs.
    attributes : mapping
        Attributes of the node.

    Returns
    -------
    list of ndarray or None
        One array an output.

    Examples
    --------
    >>> fold("Concat", [np.array([1]), np.array([2, 3])], {"axis": 0})
    [array([1, 2, 3])]
    >>> fold("Sin", [np.array([1.0])], {}) is None
    True
    """
    if op == "Split":
        ends = np.cumsum(inputs[1])[:-1]
        return [np.ascontiguousarray(part) for part in np.split(inputs[0], ends, axis=attributes.get("axis", 0))]
    folder = _FOLDERS.get(op)
    if folder is None or (op == "MatMul" and inputs[0].dtype.kind == "f"):
        return None
    result = np.asarray(folder(inputs, attributes))
    if result.size > _LARGEST_RESULT:
        return None
    if op in _SAME_TYPE:
        result = result.astype(inputs[0].dtype, copy=False)
    return [result]


def _divide(inputs: Sequence[Array], _: Attributes) -> Array:
    """Divide; integers round towards zero as in C."""
    a, b = inputs
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))


def _reshape(inputs: Sequence[Array], _: Attributes) -> Array:
    array, shape = inputs
    return array.reshape([array.shape[i] if n == 0 and i < array.ndim else int(n) for i, n in enumerate(shape)])


def _squeeze(inputs: Sequence[Array], _: Attributes) -> Array:
    return np.squeeze(inputs[0], tuple(int(axis) for axis in inputs[1]) if len(inputs) > 1 else None)


def _unsqueeze(inputs: Sequence[Array], _: Attributes) -> Array:
    return np.expand_dims(inputs[0], tuple(int(axis) for axis in inputs[1]))


def _slice(inputs: Sequence[Array], _: Attributes) -> Array:
    array, starts, ends = inputs[:3]
    axes = inputs[3] if len(inputs) > 3 else np.arange(len(starts))
    steps = inputs[4] if len(inputs) > 4 else np.ones(len(starts), np.int64)
    index: list[slice] = [slice(None)] * array.ndim
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), steps.tolist(), strict=True):
        before_first = step < 0 and end < -array.shape[axis]
        index[axis] = slice(start, None if before_first else end, step)
    return np.ascontiguousarray(array[tuple(index)])


def _expand(inputs: Sequence[Array], _: Attributes) -> Array:
    array, shape = inputs
    return np.ascontiguousarray(np.broadcast_to(array, np.broadcast_shapes(array.shape, tuple(int(n) for n in shape))))


def _cast(inputs: Sequence[Array], attributes: Attributes) -> Array:
    return np.asarray(inputs[0].astype(helper.tensor_dtype_to_np_dtype(attributes["to"])))


def _range(inputs: Sequence[Array], _: Attributes) -> Array:
    start, limit, delta = (array.item() for array in inputs)
    count = max(int(np.ceil((limit - start) / delta)), 0)
    return np.asarray((start + np.arange(count) * delta).astype(inputs[0].dtype))


_FOLDERS: Final[dict[str, _Folder]] = {
    "Identity": lambda x, _: x[0],
    "Cast": _cast,
    "Transpose": lambda x, a: np.ascontiguousarray(np.transpose(x[0], a["perm"])),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": lambda x, a: np.concatenate(list(x), axis=a["axis"]),
    "Gather": lambda x, a: np.take(x[0], x[1], axis=a.get("axis", 0)),
    "Slice": _slice,
    "Expand": _expand,
    "Tile": lambda x, _: np.tile(x[0], tuple(int(n) for n in x[1])),
    "Range": _range,
    "Shape": lambda x, _: np.array(x[0].shape, np.int64),
    "Add": lambda x, _: x[0] + x[1],
    "Sub": lambda x, _: x[0] - x[1],
    "Mul": lambda x, _: x[0] * x[1],
    "Div": _divide,
    "Mod": lambda x, _: np.mod(x[0], x[1]),
    "Min": lambda x, _: np.minimum(x[0], x[1]),
    "Max": lambda x, _: np.maximum(x[0], x[1]),
    "Neg": lambda x, _: -x[0],
    "Abs": lambda x, _: np.abs(x[0]),
    "Floor": lambda x, _: np.floor(x[0]),
    "Reciprocal": lambda x, _: 1 / x[0],
    "Equal": lambda x, _: x[0] == x[1],
    "Less": lambda x, _: x[0] < x[1],
    "LessOrEqual": lambda x, _: x[0] <= x[1],
    "Greater": lambda x, _: x[0] > x[1],
    "GreaterOrEqual": lambda x, _: x[0] >= x[1],
    "And": lambda x, _: x[0] & x[1],
    "Or": lambda x, _: x[0] | x[1],
    "Not": lambda x, _: ~x[0],
    "Where": lambda x, _: np.where(x[0], x[1], x[2]),
    "MatMul": lambda x, _: np.matmul(x[0], x[1]),
}

_SAME_TYPE: Final = frozenset({"Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Neg", "Abs", "Reciprocal"})
