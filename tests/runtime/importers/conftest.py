"""Tiny TensorFlow.js graph models written by the tests, converted and run."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from sightline.runtime.importers.tfjs import TfjsOptions, convert_graph_model

DTYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32", "int64": "DT_INT64", "bool": "DT_BOOL", "uint8": "DT_UINT8"}


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, str) and value.startswith("DT_"):
        return {"type": value}
    if isinstance(value, str):
        return {"s": base64.b64encode(value.encode()).decode()}
    if value and isinstance(value[0], str):
        return {"list": {"s": [base64.b64encode(item.encode()).decode() for item in value]}}
    return {"list": {"i": [str(item) for item in value]}}


class TinyModel:
    """A graph model put together node by node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: list[dict[str, Any]] = []
        self.weights: list[tuple[dict[str, Any], bytes]] = []
        self.outputs: list[str] = []

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32") -> str:
        dims = {"shape": {"dim": [{"size": str(size)} for size in shape]}}
        self.nodes.append({"name": name, "op": "Placeholder", "attr": {"dtype": {"type": DTYPES[dtype]}, "shape": dims}})
        return name

    def const(self, name: str, array: Any, quantization: Mapping[str, Any] | None = None, stored: np.ndarray | None = None) -> str:
        array = np.asarray(array)
        self.nodes.append({"name": name, "op": "Const", "attr": {"dtype": {"type": DTYPES[array.dtype.name]}}})
        kept = array.astype(np.int32) if array.dtype == np.int64 else array
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": kept.dtype.name}
        if quantization:
            entry["quantization"] = dict(quantization)
        self.weights.append((entry, (kept if stored is None else stored).tobytes()))
        return name

    def op(self, op: str, name: str, inputs: Sequence[str], **attributes: Any) -> str:
        attr = {key: _attribute(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attr})
        return name

    def write(self, *outputs: str) -> Path:
        document = {
            "format": "graph-model",
            "signature": {"outputs": {name: {"name": name} for name in outputs}},
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": [entry for entry, _ in self.weights]}],
        }
        (self.folder / "weights.bin").write_bytes(b"".join(data for _, data in self.weights))
        path = self.folder / "tiny.json"
        path.write_text(json.dumps(document))
        return path

    def convert(self, *outputs: str, options: TfjsOptions | None = None) -> bytes:
        return convert_graph_model(self.write(*outputs), options=options)

    def run(self, *outputs: str, options: TfjsOptions | None = None, **feeds: np.ndarray) -> list[np.ndarray]:
        return run_onnx(self.convert(*outputs, options=options), feeds)


def run_onnx(model: bytes, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"]).run(None, dict(feeds))


@pytest.fixture
def tiny(tmp_path: Path) -> TinyModel:
    return TinyModel(tmp_path)


@pytest.fixture
def ops() -> Callable[[bytes], list[str]]:
    """Return a function that lists the operators of an ONNX model."""
    import onnx

    return lambda model: [node.op_type for node in onnx.load_from_string(model).graph.node]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def converted(weights: Callable[..., None]) -> Callable[[str], Path]:
    """Return a function that gives the converted file of a model, or skips with the reason."""
    from sightline.runtime.cards import card_names
    from sightline.runtime.weights import model_path

    def find(name: str) -> Path:
        if name not in card_names():
            pytest.skip(f"there is no card of {name} yet")
        weights(name)
        return model_path(name)

    return find
