"""What the operator converters share: values with a remembered axis order, and ways to read and re-order them.

TensorFlow.js graphs keep pictures as NHWC, ONNX convolutions want NCHW. Converting each convolution on its own wraps it
in two transpositions. Here a value remembers in which order its axes are stored, an operator that does not care passes
the order on, and a transposition is written only where an operator truly needs another order than it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from onnx import helper

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers.graph import Dimension, Graph
from sightline.runtime.importers.tfjs_format import TfNode

Array = npt.NDArray[Any]
Order = tuple[int, ...]

CHANNELS_FIRST: Final[Order] = (0, 3, 1, 2)
NATURAL: Final[Order] = (0, 1, 2, 3)


@dataclass(frozen=True)
class Value:
    """A TensorFlow tensor inside the ONNX graph.

    Attributes
    ----------
    name : str
        The ONNX tensor.
    order : tuple of int
        Axis i of the ONNX tensor is axis ``order[i]`` of the TensorFlow tensor.
    """

    name: str
    order: Order


@dataclass(frozen=True)
class Element:
    """What is known of one integer computed at run time.

    Attributes
    ----------
    number : int or None
        Its value.
    source, axis : str, int
        Otherwise: it is ``factor`` times this dimension of this ONNX tensor (no source: nothing is known).
    factor : int
        See above.
    """

    number: int | None = None
    source: str = ""
    axis: int = 0
    factor: int = 1

    def times(self, factor: int | None) -> Element:
        """Return the element multiplied by an integer (None when the integer is not known)."""
        if factor is None:
            return Element()
        if self.number is not None:
            return Element(self.number * factor)
        return Element(None, self.source, self.axis, self.factor * factor)


class Context:
    """The graph being written, and conversions between axis orders (each written once)."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._reordered: dict[tuple[str, Order], str] = {}
        self._partial: dict[str, tuple[Element, ...]] = {}

    def error(self, node: TfNode, message: str) -> ModelConversionError:
        """Return the error that names a TensorFlow node."""
        return ModelConversionError(self.graph.name, f"operator {node.op} ({node.name}): {message}")

    def wrap(self, name: str, order: Order | None = None) -> Value:
        """Return a tensor as a value; without an order, as TensorFlow has it."""
        return Value(name, order if order is not None else tuple(range(self.rank_of(name))))

    def rank_of(self, name: str) -> int:
        """Return the number of axes of an ONNX tensor."""
        shape = self.graph.info(name).shape
        if shape is None:
            raise ModelConversionError(self.graph.name, f"the rank of tensor {name} cannot be told before running")
        return len(shape)

    def rank(self, value: Value) -> int:
        """Return the number of axes."""
        return len(value.order)

    def shape(self, value: Value) -> tuple[Dimension, ...]:
        """Return the shape in TensorFlow's order."""
        stored = self.graph.info(value.name).shape or ()
        return tuple(stored[value.order.index(axis)] for axis in range(len(value.order)))

    def dtype(self, value: Value) -> np.dtype[Any]:
        """Return the element type."""
        return self.graph.info(value.name).dtype

    def plain(self, value: Value) -> str:
        """Return the ONNX tensor with TensorFlow's axis order."""
        return self.ordered(value, tuple(range(len(value.order))))

    def ordered(self, value: Value, order: Order) -> str:
        """Return the ONNX tensor whose axis i is TensorFlow's axis ``order[i]``."""
        if value.order == order:
            return value.name
        key = (value.name, tuple(value.order.index(axis) for axis in order))
        if key not in self._reordered:
            self._reordered[key] = self._transpose(*key)
            back = tuple(int(i) for i in np.argsort(key[1]))
            self._reordered[(self._reordered[key], back)] = value.name
        return self._reordered[key]

    def _transpose(self, name: str, perm: Order) -> str:
        """Transpose, or reshape when only axes of length one change place."""
        shape = self.graph.info(name).shape or ()
        moved = [axis for axis in perm if shape[axis] != 1]
        unknown = [axis for axis in moved if not isinstance(shape[axis], int)]
        if moved == sorted(moved) and len(unknown) <= 1 and name not in self.graph.constants:
            target = [-1 if axis in unknown else shape[axis] for axis in perm]
            return self.graph.add("Reshape", [name, self.graph.constant(np.array(target, np.int64))])
        return self.graph.add("Transpose", [name], perm=list(perm))

    def value(self, value: Value) -> Array | None:
        """Return a constant's value in TensorFlow's axis order, None when it is not constant."""
        array = self.graph.value(value.name)
        return None if array is None else np.transpose(array, np.argsort(value.order))

    def need(self, node: TfNode, value: Value, what: str) -> Array:
        """Return a value that must be constant.

        Raises
        ------
        ModelConversionError
            It is only known at run time.
        """
        array = self.value(value)
        if array is None:
            raise self.error(node, f"its {what} must be constant")
        return array

    def int64(self, name: str) -> str:
        """Return an integer tensor as int64, which ONNX wants for shapes and indices."""
        return name if self.graph.info(name).dtype == np.int64 else self.cast(name, np.dtype(np.int64))

    def cast(self, name: str, dtype: np.dtype[Any]) -> str:
        """Convert the element type."""
        result = self.graph.add("Cast", [name], to=int(helper.np_dtype_to_tensor_dtype(dtype)))
        if (known := self._partial.get(name)) is not None:
            self.know(result, known)
        return result

    def ints(self, values: Sequence[int]) -> str:
        """Return an int64 vector."""
        return self.graph.constant(np.array(values, np.int64))

    def know(self, name: str, elements: Sequence[Element]) -> None:
        """Remember what is known of an integer scalar or vector computed at run time."""
        self._partial[name] = tuple(elements)

    def elements(self, name: str) -> tuple[Element, ...] | None:
        """Return what is known of the elements of an integer scalar or vector."""
        array = self.graph.value(name)
        if array is not None and array.ndim <= 1 and array.dtype.kind == "i":
            return tuple(Element(int(item)) for item in array.reshape(-1))
        return self._partial.get(name)

    def known(self, name: str) -> tuple[int | None, ...] | None:
        """Return those elements of an integer scalar or vector that are known to be a number, None for others."""
        elements = self.elements(name)
        return None if elements is None else tuple(item.number for item in elements)
