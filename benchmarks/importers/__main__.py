"""Time of each converted net beside its plain conversion (tf2onnx as it is), in the same run.

    python -m benchmarks.importers [--runs 60] [--threads 2] [NAME ...]

The two take turns, run by run. "Net": one run of the session on what it is fed. "From RGB bytes": from a picture of the net's
size as uint8 RGB to its outputs, so with what the plain conversion leaves to its user (byte order, mean, deviation, layout: numpy).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.importers.golden import PEERS, VARYING, prepared
from benchmarks.importers.sources import pictures, source_files
from benchmarks.peer import run_peer
from sightline.runtime.cards import card_names, load_card
from sightline.runtime.importers.tfjs import TfjsOptions
from sightline.runtime.sources import Downloads
from sightline.runtime.weights import model_path


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a session as the product does, for both sides alike."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def taking_turns(jobs: list[Callable[[], object]], runs: int) -> np.ndarray:
    """Return milliseconds, one row a job; the jobs take turns."""
    times = np.empty((len(jobs), runs))
    for job in jobs * 3:
        job()
    for run in range(runs):
        for row, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            times[row, run] = (time.perf_counter() - start) * 1e3
    return times


def compare(name: str, runs: int, threads: int, downloads: Downloads) -> str:
    """Return one row of the table."""
    options = TfjsOptions.from_mapping(load_card(name).weights.importer_options)
    (graph_input,) = options.inputs.values()
    height, width = (int(VARYING.get(str(dim), dim)) for dim in graph_input.shape[1:3])
    image = pictures((height, width), face="face" in name)["astronaut"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plain.onnx")
        run_peer("tensorflow", PEERS / "tensorflow_graph.py", {"json": str(source_files(name, downloads)[0]), "onnx": str(path)})
        plain, ours = session(path, threads), session(model_path(name), threads)
    fed = plain.get_inputs()[0]
    dtype = {"tensor(float)": np.float32, "tensor(int32)": np.int32}[fed.type]
    ready = prepared(image, graph_input, dtype)

    def own() -> object:
        return ours.run(None, {"image": image[None]})

    def alone() -> object:
        return plain.run(None, {fed.name: ready})

    def from_bytes() -> object:
        return plain.run(None, {fed.name: fast_prepared(image, graph_input, dtype)})

    times = taking_turns([alone, own, from_bytes, own], runs)  # each side follows the other, whose threads still spin
    net, mine, whole = np.median(times[0]), np.median(times[1::2]), np.median(times[2])
    ratios = np.median(times[1] / times[0]), np.median(times[3] / times[2])
    return f"| {name} | {net:.1f} | {mine:.1f} | {ratios[0]:.2f} | {whole:.1f} | {ratios[1]:.2f} |"


def fast_prepared(image: np.ndarray, options: object, dtype: type) -> np.ndarray:
    """Return what :func:`prepared` does in float32, as a user in a hurry would write it."""
    array = image[..., ::-1] if getattr(options, "reverse_channels", False) else image
    array = array.astype(dtype)
    if mean := getattr(options, "mean", ()):
        array -= np.float32(mean)
    if std := getattr(options, "std", ()):
        array *= np.float32(1 / np.array(std))
    array = array.transpose(2, 0, 1) if getattr(options, "graph_layout", "") == "NCHW" else array
    return np.ascontiguousarray(array[None])


def main() -> None:
    able = [name for name in card_names() if load_card(name).weights.importer == "tfjs"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=able, metavar="NAME", help=f"of {', '.join(able)}")
    parser.add_argument("--runs", type=int, default=60, help="timed runs a side")
    parser.add_argument("--threads", type=int, default=2, help="threads of ONNX Runtime")
    given = parser.parse_args()
    print(f"ONNX Runtime {onnxruntime.__version__}, {given.threads} threads, medians of {given.runs} runs that take turns\n")
    print("| net | plain conversion, net alone, ms | ours, ms | ratio | plain conversion from RGB bytes, ms | ratio |")
    print("|---|---|---|---|---|---|")
    with Downloads() as downloads:
        for name in given.names:
            print(compare(name, given.runs, given.threads, downloads), flush=True)


if __name__ == "__main__":
    main()
