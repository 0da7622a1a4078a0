"""Source files of cards, and the pictures on which golden outputs are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage.data import astronaut

from benchmarks.peer import ROOT
from sightline.core.frame import Image
from sightline.runtime.cards import load_card
from sightline.runtime.sources import Downloads, parse_source
from sightline.runtime.weights import sha256_of

FOLDER = ROOT / "build" / "importer-sources"


def source_files(name: str, downloads: Downloads) -> list[Path]:
    """Return the source files of a card, in the card's order, fetched once into ``build/`` and checked."""
    paths = []
    for file in load_card(name).weights.files:
        path = FOLDER / file.name
        if not (path.is_file() and sha256_of(path) == file.sha256):
            FOLDER.mkdir(parents=True, exist_ok=True)
            downloads.fetch(parse_source(file.sources[0]), path)
            if sha256_of(path) != file.sha256:
                raise RuntimeError(f"{file.sources[0]} is not what the card says")
        paths.append(path)
    return paths


def pictures(size: tuple[int, int], *, face: bool) -> dict[str, Image]:
    """Return the two pictures of golden outputs: noise from a fixed seed, and scikit-image's astronaut (or her face).

    The astronaut is taken every n-th pixel, so that no resampling code has a say.
    """
    height, width = size
    noise = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    whole = astronaut()[30:200, 140:310] if face else astronaut()
    rows, columns = np.arange(height) * whole.shape[0] // height, np.arange(width) * whole.shape[1] // width
    return {"noise": noise, "astronaut": np.ascontiguousarray(whole[rows][:, columns])}
