"""Open the frozen dimensions of an ONNX file.

Some packages carry a fully convolutional network exported for one picture size. Nothing in such a graph depends on the
size; only the declared dimensions of its inputs and outputs do. Making these symbolic lets any size through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx

from sightline.core.errors import ModelConversionError

Dimension = int | str


def make_dims_symbolic(
    path: Path,
    *,
    inputs: Mapping[str, Sequence[Dimension]],
    outputs: Mapping[str, Sequence[Dimension]],
    rename: Mapping[str, str] | None = None,
) -> bytes:
    """Return the ONNX model with other declared input and output dimensions.

    Initialisers that old exporters list among the inputs as well are taken off that list, since a runtime must treat
    a weight that callers may replace as variable and can neither fold nor pack it. Tensors that nothing reads go too.

    Parameters
    ----------
    path : Path
        The ONNX file.
    inputs, outputs : mapping of str to sequence of int or str
        For each input and output that changes, its dimensions in order: an int stays fixed, a str names a dimension.
        The rank must be the one that the file declares.
    rename : mapping of str to str, optional
        New names of inputs and outputs.

    Returns
    -------
    bytes
        The serialised model; the same file and options always give the same bytes.

    Raises
    ------
    ModelConversionError
        The file is not an ONNX model, or an input or output named here is not in it or has another rank.

    Examples
    --------
    >>> import tempfile
    >>> from onnx import TensorProto, helper
    >>> x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 32, 32]) for n in "xy")
    >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    >>> path = Path(tempfile.mkdtemp()) / "relu.onnx"
    >>> onnx.save(helper.make_model(graph), path)
    >>> dims = ["batch", 3, "height", "width"]
    >>> model = onnx.load_from_string(make_dims_symbolic(path, inputs={"x": dims}, outputs={"y": dims}))
    >>> [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    ['batch', 3, 'height', 'width']
    """
    model = _load(path)
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(kept)
    del graph.value_info[:]
    _drop_unused_weights(graph)
    _set_dims(path, graph.input, inputs, "input")
    _set_dims(path, graph.output, outputs, "output")
    for old, new in (rename or {}).items():
        _rename(path, graph, old, new)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ModelConversionError(path.name, f"not a valid ONNX model after conversion: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


def _load(path: Path) -> Any:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_from_string(path.read_bytes())
    except DecodeError as error:
        raise ModelConversionError(path.name, f"not an ONNX file: {error}") from error
    if not model.graph.node:
        raise ModelConversionError(path.name, "not an ONNX file, or one with an empty graph")
    return model


def _drop_unused_weights(graph: Any) -> None:
    """Take away tensors that no node reads, such as the batch counters of a trained batch normalisation."""
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _set_dims(path: Path, values: Any, wanted: Mapping[str, Sequence[Dimension]], kind: str) -> None:
    found = {value.name: value for value in values}
    for name, dims in wanted.items():
        if name not in found:
            raise ModelConversionError(path.name, f"it has no {kind} {name!r}; it has {', '.join(map(repr, found))}")
        shape = found[name].type.tensor_type.shape
        if len(shape.dim) != len(dims):
            raise ModelConversionError(
                path.name, f"{kind} {name!r} has {len(shape.dim)} dimensions, the options name {len(dims)}: {list(dims)}"
            )
        for slot, dim in zip(shape.dim, dims, strict=True):
            slot.Clear()
            if isinstance(dim, str):
                slot.dim_param = dim
            else:
                slot.dim_value = dim


def _rename(path: Path, graph: Any, old: str, new: str) -> None:
    values = [value for value in (*graph.input, *graph.output) if value.name == old]
    if not values:
        raise ModelConversionError(path.name, f"it has no input or output {old!r} to rename")
    for value in values:
        value.name = new
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
