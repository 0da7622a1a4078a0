"""Write tests/runtime/importers/golden/*.npz with TensorFlow's and dlib's own outputs.

    python -m benchmarks.importers.golden [NAME ...]

Each file holds, for each picture and output, every n-th number of the flattened output (at most 600 of them) and n.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.importers.sources import pictures, source_files
from benchmarks.peer import ROOT, run_peer
from sightline.runtime.cards import card_names, load_card
from sightline.runtime.importers.tfjs import InputOptions, TfjsOptions
from sightline.runtime.sources import Downloads

GOLDEN = ROOT / "tests" / "runtime" / "importers" / "golden"
PEERS = ROOT / "benchmarks" / "peers"
VARYING = {"height": 256, "width": 320, "batch": 1}
MOST = 600


def prepared(image: npt.NDArray[np.uint8], options: InputOptions, dtype: type) -> npt.NDArray[Any]:
    """Return a picture as the unconverted graph wants it: what the card moves into the net is done here in numpy."""
    array = image.astype(np.float64)
    if options.reverse_channels:
        array = array[..., ::-1]
    if options.mean:
        array = array - options.mean
    if options.std:
        array = array / options.std
    array = array[None]
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2) if options.graph_layout == "NCHW" else array).astype(dtype)


def golden_tfjs(name: str, folder: Path, downloads: Downloads) -> None:
    """Execute a TensorFlow.js model with TensorFlow on the two pictures."""
    options = TfjsOptions.from_mapping(load_card(name).weights.importer_options)
    (graph_input,) = options.inputs.values()
    size = [VARYING.get(str(dim), dim) for dim in graph_input.shape][1:3]
    images = pictures((int(size[0]), int(size[1])), face="face" in name)
    dtype = np.int32 if name.startswith("movenet") else np.float32
    feeds = folder / "feeds.npz"
    np.savez(feeds, **{label: prepared(image, graph_input, dtype) for label, image in images.items()})
    request = {
        "json": str(source_files(name, downloads)[0]),
        "feeds": str(feeds),
        "outputs": dict(options.outputs),
        "to": str(folder / "out.npz"),
    }
    run_peer("tensorflow", PEERS / "tensorflow_graph.py", request)
    keep(name, folder / "out.npz")


def golden_dlib(name: str, folder: Path, downloads: Downloads) -> None:
    """Run dlib's net on the two pictures."""
    feeds = folder / "feeds.npz"
    np.savez(feeds, **pictures((150, 150), face=True))
    request = {"dat": str(source_files(name, downloads)[0]), "feeds": str(feeds), "to": str(folder / "out.npz")}
    run_peer("dlib", PEERS / "dlib_embedder.py", request)
    keep(name, folder / "out.npz")


def keep(name: str, path: Path) -> None:
    """Write every n-th number of each output."""
    kept: dict[str, npt.NDArray[Any]] = {}
    with np.load(path) as outputs:
        for key in outputs.files:
            flat = outputs[key].reshape(-1)
            step = -(-flat.size // MOST)
            kept[key] = flat[::step].astype(np.float32)
            kept[f"{key}/step"] = np.array(step)
    np.savez_compressed(GOLDEN / f"{name}.npz", **kept)
    print(f"{name}: {len(kept) // 2} outputs, {(GOLDEN / f'{name}.npz').stat().st_size} bytes")


def main() -> None:
    makers = {"tfjs": golden_tfjs, "dlib": golden_dlib}
    able = [name for name in card_names() if load_card(name).weights.importer in makers]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=able, metavar="NAME", help=f"of {', '.join(able)}")
    GOLDEN.mkdir(exist_ok=True)
    with Downloads() as downloads:
        for name in parser.parse_args().names:
            with tempfile.TemporaryDirectory() as folder:
                makers[str(load_card(name).weights.importer)](name, Path(folder), downloads)


if __name__ == "__main__":
    main()
