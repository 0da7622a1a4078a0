"""Read a TensorFlow.js graph model: the JSON graph of TensorFlow operators and its weights manifest.

Format: https://github.com/tensorflow/tfjs/blob/master/tfjs-converter (``format: "graph-model"``).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightline.core.errors import ModelConversionError

Array = npt.NDArray[Any]

TF_DTYPES: Final[dict[str, type]] = {
    "DT_FLOAT": np.float32,
    "DT_INT32": np.int32,
    "DT_INT64": np.int64,
    "DT_UINT8": np.uint8,
    "DT_BOOL": np.bool_,
}

_STORED: Final[dict[str, str]] = {"float32": "<f4", "int32": "<i4", "uint8": "u1", "bool": "?"}
_QUANTISED: Final[dict[str, str]] = {"float16": "<f2", "uint8": "u1", "uint16": "<u2"}


@dataclass(frozen=True)
class TfNode:
    """One TensorFlow operator: name, kind, data inputs as (node, output index), attributes as in the JSON."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...]
    attributes: Mapping[str, Any]

    def integer(self, key: str, default: int = 0) -> int:
        """Return an integer attribute."""
        return int(self.attributes.get(key, {}).get("i", default))

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a float attribute."""
        return float(self.attributes.get(key, {}).get("f", default))

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a boolean attribute."""
        return bool(self.attributes.get(key, {}).get("b", default))

    def text(self, key: str, default: str = "") -> str:
        """Return a string attribute (the JSON holds it in base64)."""
        raw = self.attributes.get(key, {}).get("s")
        return default if raw is None else _text(raw)

    def integers(self, key: str) -> list[int]:
        """Return a list of integers."""
        return [int(item) for item in self.attributes.get(key, {}).get("list", {}).get("i", [])]

    def texts(self, key: str) -> list[str]:
        """Return a list of strings."""
        return [_text(item) for item in self.attributes.get(key, {}).get("list", {}).get("s", [])]

    def dtype(self, key: str, default: str = "DT_FLOAT") -> np.dtype[Any]:
        """Return an attribute that is a type.

        Raises
        ------
        ModelConversionError
            The type has no place in a converted model.
        """
        name = self.attributes.get(key, {}).get("type", default)
        if name not in TF_DTYPES:
            raise ModelConversionError(self.name, f"operator {self.op} uses the type {name}; known: {', '.join(TF_DTYPES)}")
        return np.dtype(TF_DTYPES[name])


@dataclass(frozen=True)
class TfGraph:
    """A graph model: nodes by name (in file order), weights by node name, the signature's outputs (TensorFlow tensor names)."""

    name: str
    nodes: Mapping[str, TfNode]
    weights: Mapping[str, Array]
    outputs: tuple[str, ...]


def read_graph_model(json_path: Path, shards: Sequence[Path] = ()) -> TfGraph:
    """Read a graph model and its weights.

    Parameters
    ----------
    json_path : Path
        The model's JSON.
    shards : sequence of Path
        Weight files; each file the manifest names is looked for here by its name, then beside the JSON.

    Returns
    -------
    TfGraph
        Weights as float32, int32 or bool, dequantised.

    Raises
    ------
    ModelConversionError
        The JSON is not a graph model, a weight file is missing or short, or a weight's type is unknown.
    """
    name = json_path.stem
    try:
        document = json.loads(json_path.read_bytes())
    except ValueError as error:
        raise ModelConversionError(name, f"{json_path.name} is not JSON: {error}") from error
    if not isinstance(document, dict) or "modelTopology" not in document or "weightsManifest" not in document:
        raise ModelConversionError(name, f"{json_path.name} is not a TensorFlow.js graph model: no modelTopology or weightsManifest")
    topology = document["modelTopology"]
    if "node" not in topology:
        raise ModelConversionError(
            name, f"{json_path.name} is of format {document.get('format', '?')!r}; only 'graph-model' can be converted"
        )
    nodes = {item["name"]: _read_node(item) for item in topology["node"]}
    weights: dict[str, Array] = {}
    for group in document["weightsManifest"]:
        data = b"".join(_shard(json_path, shards, path).read_bytes() for path in group["paths"])
        weights.update(_read_weights(name, group["weights"], data))
    signature = document.get("signature") or document.get("userDefinedMetadata", {}).get("signature") or {}
    outputs = tuple(str(item.get("name", key)) for key, item in signature.get("outputs", {}).items())
    return TfGraph(name, nodes, weights, outputs or _loose_ends(nodes))


def tensor_key(name: str) -> tuple[str, int]:
    """Split a TensorFlow tensor name into node and output index.

    Examples
    --------
    >>> tensor_key("split:1"), tensor_key("Identity")
    (('split', 1), ('Identity', 0))
    """
    node, _, index = name.partition(":")
    return node, int(index or 0)


def _text(raw: str) -> str:
    return base64.b64decode(raw).decode("ascii")


def _read_node(item: Mapping[str, Any]) -> TfNode:
    inputs = tuple(tensor_key(name) for name in item.get("input", []) if not name.startswith("^"))
    return TfNode(item["name"], item["op"], inputs, item.get("attr", {}))


def _loose_ends(nodes: Mapping[str, TfNode]) -> tuple[str, ...]:
    read = {source for node in nodes.values() for source, _ in node.inputs}
    return tuple(name for name, node in nodes.items() if name not in read and node.op not in ("Const", "NoOp", "Placeholder"))


def _shard(json_path: Path, shards: Sequence[Path], wanted: str) -> Path:
    for path in (*shards, json_path.parent / wanted):
        if path.name == Path(wanted).name and path.is_file():
            return path
    raise ModelConversionError(json_path.stem, f"weight file {wanted!r} is neither among the sources nor beside {json_path.name}")


def _read_weights(model: str, entries: Sequence[Mapping[str, Any]], data: bytes) -> Iterator[tuple[str, Array]]:
    offset = 0
    for entry in entries:
        quantisation = entry.get("quantization", {})
        stored = _QUANTISED.get(quantisation["dtype"]) if quantisation else _STORED.get(entry["dtype"])
        if stored is None or entry["dtype"] not in _STORED:
            raise ModelConversionError(
                model, f"weight {entry['name']!r} is of type {entry['dtype']!r} stored as {quantisation or 'itself'}: unknown"
            )
        dtype = np.dtype(stored)
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if offset + count * dtype.itemsize > len(data):
            raise ModelConversionError(
                model, f"weights end at byte {len(data)}, inside {entry['name']!r}: the file is cut or not the right one"
            )
        array = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
        yield entry["name"], _dequantise(array, entry["dtype"], quantisation)
    if offset != len(data):
        raise ModelConversionError(model, f"weights hold {len(data)} bytes, the manifest names {offset}: not the right file")


def _dequantise(array: Array, dtype: str, quantisation: Mapping[str, Any]) -> Array:
    """Return a weight in its own type; an affine code is opened in float64 and rounded once, as TensorFlow.js does."""
    target = np.dtype(_STORED[dtype]).newbyteorder("=")
    if "scale" in quantisation:
        opened = array.astype(np.float64) * float(quantisation["scale"]) + float(quantisation["min"])
        return np.round(opened).astype(target) if target.kind == "i" else opened.astype(target)
    return array.astype(target)
