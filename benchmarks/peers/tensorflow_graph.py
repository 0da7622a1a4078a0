"""Runs in the environment of the peer ``tensorflow``: executes a TensorFlow.js graph model with TensorFlow, or converts it plainly.

Nothing of Sightline is used: weights are read and dequantised here again, and what TensorFlow.js fused is opened into the
operators that TensorFlow itself has, so that the golden outputs are TensorFlow's own.

Request: ``{"json": path, "feeds": npz path, "outputs": {name: tensor}, "to": npz path}`` executes for each array of the feeds
(keys ``label`` -> array for the one placeholder) and writes ``label/name``; ``{"json": path, "onnx": path}`` converts.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # oneDNN's fused kernels lose three digits on nets with hard-swish
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np

STORED = {"float32": "<f4", "int32": "<i4", "bool": "?", "uint8": "u1", "float16": "<f2", "uint16": "<u2"}
PLAIN = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul"}
KEPT = ("T", "strides", "padding", "data_format", "dilations", "transpose_a", "transpose_b")


def read_weights(path, document):
    weights = {}
    for group in document["weightsManifest"]:
        data, offset = b"".join((path.parent / name).read_bytes() for name in group["paths"]), 0
        for entry in group["weights"]:
            code = entry.get("quantization", {})
            count = int(np.prod(entry["shape"], dtype=np.int64))
            array = np.frombuffer(data, STORED[code.get("dtype", entry["dtype"])], count, offset).reshape(entry["shape"])
            offset += array.nbytes
            if "scale" in code:
                array = array.astype(np.float64) * code["scale"] + code["min"]
            weights[entry["name"]] = array.astype(STORED[entry["dtype"]])
    return weights


def read_graph(path):
    import tensorflow as tf
    from google.protobuf import json_format
    from tensorflow.core.framework import graph_pb2

    document = json.loads(path.read_text(encoding="utf-8"))
    weights = read_weights(path, document)
    source, graph = graph_pb2.GraphDef(), graph_pb2.GraphDef()
    json_format.ParseDict({"node": document["modelTopology"]["node"]}, source, ignore_unknown_fields=True)
    for node in source.node:
        if node.op == "Const":
            dtype = tf.dtypes.as_dtype(node.attr["dtype"].type)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name].astype(dtype.as_numpy_dtype)))
        if node.op == "TopKV2":
            node.attr["index_type"].type = tf.int32.as_datatype_enum
        open_node(node, graph)
    return graph


def add(graph, op, name, inputs):
    node = graph.node.add()
    node.op, node.name = op, name
    node.input.extend(inputs)
    node.attr["T"].type = 1
    return node


def prelu(graph, name, value, slope):
    add(graph, "Relu", f"{name}/up", [value])
    add(graph, "Neg", f"{name}/neg", [value])
    add(graph, "Relu", f"{name}/down", [f"{name}/neg"])
    add(graph, "Mul", f"{name}/slope", [slope, f"{name}/down"])
    add(graph, "Sub", name, [f"{name}/up", f"{name}/slope"])


def open_node(node, graph):
    if node.op == "Prelu":
        prelu(graph, node.name, *node.input)
        return
    if node.op not in PLAIN:
        graph.node.add().CopyFrom(node)
        return
    last, extras = f"{node.name}/product", list(node.input[2:])
    product = add(graph, PLAIN[node.op], last, node.input[:2])
    for key in KEPT:
        if key in node.attr:
            product.attr[key].CopyFrom(node.attr[key])
    steps = [step.decode() for step in node.attr["fused_ops"].list.s]
    for index, step in enumerate(steps):
        name = node.name if index == len(steps) - 1 else f"{node.name}/{index}"
        if step == "Prelu":
            prelu(graph, name, last, extras.pop(0))
        else:
            add(graph, step, name, [last, extras.pop(0)] if step == "BiasAdd" else [last])
        last = name


def execute(request):
    import tensorflow as tf

    definition = read_graph(Path(request["json"]))
    feed = next(node.name for node in definition.node if node.op == "Placeholder") + ":0"
    tensors = {name: tensor if ":" in tensor else f"{tensor}:0" for name, tensor in request["outputs"].items()}
    results = {}
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session, np.load(request["feeds"]) as feeds:
            for label in feeds.files:
                for name, value in session.run(tensors, {feed: feeds[label]}).items():
                    results[f"{label}/{name}"] = value
    np.savez(request["to"], **results)
    return sorted(results)


def convert(request):
    """Convert with tf2onnx as it is, after the two attributes are given that it asks for."""
    import shutil

    setattr(np, "product", np.prod)  # noqa: B010 - tf2onnx 1.17 still calls what numpy 2 dropped
    from tf2onnx import convert as tf2onnx_convert

    path = Path(request["json"])
    document = json.loads(path.read_text(encoding="utf-8"))
    for node in document["modelTopology"]["node"]:
        if node["op"] == "_FusedConv2D":
            node["attr"]["TArgs"] = {"list": {"type": ["DT_FLOAT"] * int(node["attr"]["num_args"]["i"])}}
        if node["op"] == "TopKV2":
            node["attr"]["index_type"] = {"type": "DT_INT32"}
    with tempfile.TemporaryDirectory() as folder:
        for group in document["weightsManifest"]:
            for name in group["paths"]:
                shutil.copy(path.parent / name, folder)
        model = Path(folder, "model.json")
        model.write_text(json.dumps(document), encoding="utf-8")
        sys.argv = ["tf2onnx", "--tfjs", str(model), "--output", request["onnx"], "--opset", "17"]
        tf2onnx_convert.main()
    return request["onnx"]


def main():
    asked, answered = map(Path, sys.argv[1:3])
    request = json.loads(asked.read_text(encoding="utf-8"))
    answer = convert(request) if "onnx" in request else execute(request)
    answered.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
