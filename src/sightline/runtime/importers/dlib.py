"""Convert dlib's face recognition net (a ResNet of 29 convolutions, 128 numbers a face) to ONNX.

dlib writes a network as one stream: each layer's name, settings and parameters, from the picture to the last layer.
Integers take a length byte (its top bit is the sign) and that many little-endian bytes, floats are a mantissa and an
exponent written as two such integers, tensors are raw little-endian float32. Source: ``dlib/serialize.h``,
``dlib/float_details.h``, ``dlib/dnn/layers.h``, and ``examples/dnn_face_recognition_ex.cpp`` for the net itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers.graph import Graph

Array = npt.NDArray[Any]

EMBEDDING_LENGTH: Final = 128

_LAYER: Final = re.compile(rb"\x01[\x04-\x15](input_rgb_image_sized|con_4|affine_|relu_|max_pool_2|avg_pool_2|add_prev_|fc_2)")
_STEM: Final = ["input_rgb_image_sized", "con_4", "affine_", "relu_", "max_pool_2"]
_BLOCK: Final = ["con_4", "affine_", "relu_", "con_4", "affine_"]
_DOWN: Final = [*_BLOCK, "avg_pool_2", "add_prev_", "relu_"]
_SAME: Final = [*_BLOCK, "add_prev_", "relu_"]
_NET: Final = [*_STEM, *_SAME * 3, *(_DOWN + _SAME * 3), *(_DOWN + _SAME * 2), *(_DOWN + _SAME * 2), *_DOWN, "avg_pool_2", "fc_2"]


@dataclass
class _Layer:
    """One layer of the stream: its name, integers (settings), floats and parameters."""

    kind: str
    settings: list[int] = field(default_factory=list)
    floats: list[float] = field(default_factory=list)
    parameters: Array = field(default_factory=lambda: np.zeros(0, np.float32))


class _Reader:
    """Reads dlib's serialised values from bytes."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self.at = 0

    def bytes(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise ModelConversionError(self.name, f"the file ends at byte {len(self.data)}, inside a layer: it is cut or damaged")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self) -> int:
        head = self.bytes(1)[0]
        if head & 0x70 or head & 0x0F > 8:
            raise ModelConversionError(self.name, f"byte {self.at - 1} ({head:#04x}) is no length of an integer: the file is damaged")
        number = int.from_bytes(self.bytes(head & 0x0F), "little")
        return -number if head & 0x80 else number

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def floating(self) -> float:
        mantissa, exponent = self.integers(2)
        return float(mantissa * 2.0**exponent)

    def tensor(self) -> Array:
        version, *shape = self.integers(5)
        if version != 2 or min(shape) < 0:
            raise ModelConversionError(self.name, f"a tensor of version {version} and shape {shape} at byte {self.at}; known is version 2")
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.bytes(4 * count), "<f4").astype(np.float32)


def _read_input(reader: _Reader, layer: _Layer) -> None:
    layer.floats = [reader.floating() for _ in range(3)]
    layer.settings = reader.integers(2)


def _read_convolution(reader: _Reader, layer: _Layer) -> None:
    layer.parameters = reader.tensor()
    layer.settings = reader.integers(7 + 5)


def _read_affine(reader: _Reader, layer: _Layer) -> None:
    layer.parameters = reader.tensor()


def _read_pool(reader: _Reader, layer: _Layer) -> None:
    layer.settings = reader.integers(6)


def _read_dense(reader: _Reader, layer: _Layer) -> None:
    layer.settings = reader.integers(2)
    layer.parameters = reader.tensor()


_READERS: Final[Mapping[str, Callable[[_Reader, _Layer], None]]] = {
    "input_rgb_image_sized": _read_input,
    "con_4": _read_convolution,
    "affine_": _read_affine,
    "max_pool_2": _read_pool,
    "avg_pool_2": _read_pool,
    "fc_2": _read_dense,
}


def convert_face_embedder(path: Path) -> bytes:
    """Convert ``dlib_face_recognition_resnet_model_v1.dat`` to ONNX.

    The ONNX model takes ``image``, uint8 of shape (batch, 150, 150, 3), RGB, aligned face crops as dlib's
    ``get_face_chip`` makes them, and gives ``embedding``, float32 of shape (batch, 128). dlib's own normalisation
    (a mean colour, division by 256) is inside. Two pictures of one person lie within a distance of about 0.6.

    Parameters
    ----------
    path : Path
        The ``.dat`` file (CC0; in the sdist ``face_recognition_models``).

    Returns
    -------
    bytes
        A serialised ONNX model; the same file always gives the same bytes.

    Raises
    ------
    ModelConversionError
        The file is cut, damaged, or holds another network.
    """
    name = path.stem
    layers = _read_layers(name, path.read_bytes())
    kinds = [layer.kind for layer in layers]
    if kinds != _NET:
        raise ModelConversionError(name, f"not dlib's face recognition net: {len(kinds)} known layers, expected {len(_NET)}, in one order")
    return _Writer(name, layers).to_bytes()


def _read_layers(name: str, data: bytes) -> list[_Layer]:
    reader = _Reader(name, data)
    layers = []
    while (match := _LAYER.search(data, reader.at)) is not None:
        reader.at = match.end()
        layer = _Layer(match.group(1).decode())
        if layer.kind in _READERS:
            _READERS[layer.kind](reader, layer)
        layers.append(layer)
    if not layers:
        raise ModelConversionError(name, "no layer of a dlib network in it: not a serialised dlib network")
    return layers


class _Writer:
    """Writes the layers as ONNX; a block's input is kept for the sum at its end."""

    def __init__(self, name: str, layers: list[_Layer]) -> None:
        self.name = name
        self.graph = Graph(name)
        self.layers = layers
        self.now = self.block = ""

    def to_bytes(self) -> bytes:
        writers = {
            "input_rgb_image_sized": self._input,
            "relu_": self._relu,
            "max_pool_2": self._max_pool,
            "avg_pool_2": self._average_pool,
            "add_prev_": self._sum,
            "fc_2": self._dense,
        }
        for index, layer in enumerate(self.layers):
            if layer.kind == "con_4":
                self._convolution(layer, self.layers[index + 1])
            elif layer.kind != "affine_":
                writers[layer.kind](layer)
            if layer.kind == "max_pool_2" or (layer.kind == "relu_" and self.layers[index - 1].kind == "add_prev_"):
                self.block = self.now
        return self.graph.to_bytes({"embedding": self.now})

    def _input(self, layer: _Layer) -> None:
        height, width = layer.settings
        picture = self.graph.add_input("image", np.dtype(np.uint8), ("batch", height, width, 3))
        planes = self.graph.add("Transpose", [picture], perm=[0, 3, 1, 2])
        mean = self.graph.constant(np.array(layer.floats, np.float32).reshape(1, 3, 1, 1))
        self.now = self.graph.add("Sub", [self.graph.add("Cast", [planes], to=1), mean])

    def _convolution(self, layer: _Layer, affine: _Layer) -> None:
        """Write a convolution with the affine layer behind it folded in (and, in the first, the division by 256)."""
        filters, rows, columns, stride_y, stride_x, pad_y, pad_x, _, *shape = layer.settings
        size = int(np.prod(shape))
        counts = (layer.parameters.size, affine.parameters.size)
        if shape != [filters, shape[1], rows, columns] or counts != (size + filters, 2 * filters):
            raise ModelConversionError(self.name, f"a convolution of shape {shape} has {counts} parameters: the file is damaged")
        gamma, beta = affine.parameters.astype(np.float64).reshape(2, filters)
        weight = layer.parameters[:size].astype(np.float64).reshape(shape) * gamma.reshape(-1, 1, 1, 1)
        bias = layer.parameters[size:].astype(np.float64) * gamma + beta
        if not self.block:
            weight = weight / 256
        names = [self.now, self.graph.constant(weight.astype(np.float32)), self.graph.constant(bias.astype(np.float32))]
        pads = [pad_y, pad_x, pad_y, pad_x]
        self.now = self.graph.add("Conv", names, kernel_shape=[rows, columns], strides=[stride_y, stride_x], pads=pads)

    def _relu(self, layer: _Layer) -> None:
        self.now = self.graph.add("Relu", [self.now])

    def _max_pool(self, layer: _Layer) -> None:
        rows, columns, *strides = layer.settings[:4]
        self.now = self.graph.add("MaxPool", [self.now], kernel_shape=[rows, columns], strides=strides)

    def _average_pool(self, layer: _Layer) -> None:
        """Write the pooling of a block's input (the short way round), or the last one, over the whole picture."""
        rows, columns, *strides = layer.settings[:4]
        if rows == 0:
            self.now = self.graph.add("GlobalAveragePool", [self.now])
        else:
            self.block = self.graph.add("AveragePool", [self.block], kernel_shape=[rows, columns], strides=strides)

    def _sum(self, layer: _Layer) -> None:
        """Add the two ways; dlib extends the smaller one with zeros at the end of each axis."""
        ways = (self.now, self.block)
        shapes = [[int(size or 0) for size in (self.graph.info(way).shape or ())[1:]] for way in ways]
        full = np.max(shapes, axis=0)
        self.now = self.graph.add("Add", [self._extended(way, full - shape) for way, shape in zip(ways, shapes, strict=True)])

    def _extended(self, way: str, missing: Array) -> str:
        if not missing.any():
            return way
        pads = np.concatenate([np.zeros(5, np.int64), missing])
        return self.graph.add("Pad", [way, self.graph.constant(pads), self.graph.constant(np.float32(0))])

    def _dense(self, layer: _Layer) -> None:
        outputs, inputs = layer.settings
        if outputs != EMBEDDING_LENGTH or layer.parameters.size != outputs * inputs:
            raise ModelConversionError(self.name, f"the last layer gives {outputs} numbers from {inputs}: the file is damaged")
        flat = self.graph.add("Flatten", [self.now], axis=1)
        self.now = self.graph.add("MatMul", [flat, self.graph.constant(layer.parameters.reshape(inputs, outputs))])
