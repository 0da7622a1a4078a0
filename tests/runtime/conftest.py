"""Cards and package archives made for the tests; nothing here needs the network."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sightline.runtime import cards, fetch, weights

CARD = """
name = "{name}"
title = "A test net"
task = "faces"
summary = "Made for a test."
default = true
upstream = "https://example.invalid/net"

[weights]
file = "{name}.{suffix}"
sha256 = "{sha}"
bytes = {size}
{importer}

[[weights.files]]
name = "{name}.bin"
sha256 = "{source_sha}"
bytes = {source_size}
sources = {sources}

[[inputs]]
name = "x"
shape = "1"
meaning = "a number"

[[outputs]]
name = "y"
shape = "1"
meaning = "a number"

[thresholds.min_score]
value = 0.5
set_on = "nothing, a test"

[licences]
code = "Apache-2.0"
weights = "Apache-2.0"
training_data = "none"
commercial = true
"""


def card_text(
    name: str, content: bytes, sources: list[str], *, source: bytes | None = None, importer: str = "", suffix: str = "tflite"
) -> str:
    source = content if source is None else source
    return CARD.format(
        name=name,
        suffix=suffix,
        sha=hashlib.sha256(content).hexdigest(),
        size=len(content),
        importer=importer,
        source_sha=hashlib.sha256(source).hexdigest(),
        source_size=len(source),
        sources=sources,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty SIGHTLINE_HOME, no mirror, not offline."""
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SIGHTLINE_MODELS", raising=False)
    monkeypatch.delenv("SIGHTLINE_OFFLINE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def add_card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., cards.ModelCard]:
    """Return a function that adds a card for this test."""
    known: dict[str, cards.ModelCard] = {}

    def load(name: str) -> cards.ModelCard:
        return known[name]

    def add(name: str, content: bytes, sources: list[str], **how: object) -> cards.ModelCard:
        known[name] = cards.parse_card(name, card_text(name, content, sources, **how))  # type: ignore[arg-type]
        return known[name]

    for module in (weights, fetch):
        monkeypatch.setattr(module, "load_card", load)
    return add


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarball(path: Path, members: dict[str, bytes], root: str = "package") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(f"{root}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path
