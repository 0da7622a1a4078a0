from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sightline.core.errors import (
    ModelCorruptError,
    ModelFetchError,
    ModelNotFetchedError,
    ModelOfflineError,
)
from sightline.runtime import fetch as fetching
from sightline.runtime.fetch import fetch
from sightline.runtime.sources import Downloads, Source, SourceError
from sightline.runtime.weights import model_path, models_folder, state

Published = dict[str, bytes]
AddCard = Callable[..., object]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Published:
    """What the package indexes hold; ``fetched`` lists what was asked for."""
    files: Published = {}

    def deliver(self: Downloads, source: Source, target: Path) -> None:
        if source.member not in files:
            raise SourceError(f"{source.place} has no {source.member}")
        target.write_bytes(files[source.member])

    monkeypatch.setattr(Downloads, "fetch", deliver)
    return files


def test_fetches_checks_and_finds(home: Path, add_card: AddCard, published: Published) -> None:
    add_card("net", b"weights", ["pypi:p==1!a"])
    published["a"] = b"weights"
    assert state("net") == "missing"
    with pytest.raises(ModelNotFetchedError, match="sightline models fetch net") as caught:
        model_path("net")
    assert isinstance(caught.value, FileNotFoundError)
    assert [(f.name, f.outcome) for f in fetch(["net"])] == [("net", "fetched")]
    assert model_path("net").read_bytes() == b"weights"
    assert [f.outcome for f in fetch(["net"])] == ["already there"]
    assert [p.name for p in models_folder().iterdir() if not p.name.endswith(".lock")] == ["net.tflite"]


def test_takes_the_next_source_when_one_fails_or_lies(home: Path, add_card: AddCard, published: Published) -> None:
    add_card("net", b"weights", ["pypi:p==1!gone", "npm:p@1!wrong", "npm:p@2!right"])
    published.update(wrong=b"something else", right=b"weights")
    assert fetch(["net"])[0].outcome == "fetched"


def test_says_what_every_source_said(home: Path, add_card: AddCard, published: Published) -> None:
    add_card("net", b"weights", ["pypi:p==1!gone", "npm:p@1!wrong"])
    published["wrong"] = b"something else"
    with pytest.raises(ModelFetchError) as caught:
        fetch(["net"])
    assert "p==1 has no gone" in str(caught.value)
    assert "sha256" in str(caught.value)
    assert state("net") == "missing"
    assert not [p for p in models_folder().iterdir() if not p.name.endswith(".lock")]


def test_one_bad_model_does_not_cost_the_others(home: Path, add_card: AddCard, published: Published) -> None:
    add_card("bad", b"1", ["pypi:p==1!gone"])
    add_card("worse", b"2", ["pypi:p==1!gone"])
    add_card("good", b"weights", ["pypi:p==1!a"])
    published["a"] = b"weights"
    with pytest.raises(ModelFetchError, match="bad, worse"):
        fetch(["bad", "worse", "good"])
    assert state("good") == "ready"


@pytest.mark.parametrize("damage", [b"", b"weigh", b"weightz", b"weights and more"])
def test_damaged_weights_are_found_and_fetched_again(home: Path, add_card: AddCard, published: Published, damage: bytes) -> None:
    add_card("net", b"weights", ["pypi:p==1!a"])
    published["a"] = b"weights"
    fetch(["net"])
    time.sleep(0.01)
    (models_folder() / "net.tflite").write_bytes(damage)
    assert state("net") == "corrupt"
    with pytest.raises(ModelCorruptError, match="sightline models fetch net"):
        model_path("net")
    assert fetch(["net"])[0].outcome == "fetched again"
    assert model_path("net").read_bytes() == b"weights"


def test_mirror_serves_finished_and_source_files(home: Path, tmp_path: Path, add_card: AddCard, monkeypatch: pytest.MonkeyPatch) -> None:
    add_card("net", b"weights", ["pypi:p==1!a"])
    add_card("made", b"CONVERTED", ["pypi:p==1!b"], source=b"converted", importer='importer = "upper"')
    monkeypatch.setitem(fetching_importers(monkeypatch), "upper", lambda paths, options: paths[0].read_bytes().upper())
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "net.tflite").write_bytes(b"weights")
    (mirror / "made.bin").write_bytes(b"converted")
    monkeypatch.setenv("SIGHTLINE_MODELS", str(mirror))
    monkeypatch.setenv("SIGHTLINE_OFFLINE", "1")
    assert model_path("net") == mirror / "net.tflite"
    assert [f.outcome for f in fetch(["net", "made"])] == ["already there", "fetched"]
    assert model_path("made").read_bytes() == b"CONVERTED"


def fetching_importers(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    from sightline.runtime import importers

    changed: dict[str, object] = dict(importers.IMPORTERS)
    monkeypatch.setattr(importers, "IMPORTERS", changed)
    return changed


def test_a_conversion_that_differs_from_the_card_is_refused(
    home: Path, add_card: AddCard, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_card("made", b"CONVERTED", ["pypi:p==1!b"], source=b"converted", importer='importer = "odd"')
    published["b"] = b"converted"
    fetching_importers(monkeypatch)["odd"] = lambda paths, options: b"other"
    with pytest.raises(ModelCorruptError, match="importer 'odd'"):
        fetch(["made"])
    assert state("made") == "missing"


def test_offline_asks_nobody(home: Path, add_card: AddCard, monkeypatch: pytest.MonkeyPatch) -> None:
    add_card("net", b"weights", ["pypi:p==1!a"])
    monkeypatch.setenv("SIGHTLINE_OFFLINE", "1")
    monkeypatch.setattr(Downloads, "fetch", lambda *_: pytest.fail("went to the network"))
    with pytest.raises(ModelOfflineError, match="SIGHTLINE_MODELS") as caught:
        fetch(["net"])
    assert isinstance(caught.value, ConnectionError)


def test_what_a_killed_fetch_left_is_cleared(home: Path, add_card: AddCard, published: Published) -> None:
    add_card("net", b"weights", ["pypi:p==1!a"])
    published["a"] = b"weights"
    left = models_folder() / ".net-killed"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"we")
    fetch(["net"])
    assert not left.exists()


FETCH_SLOWLY = """
import sys, time
from pathlib import Path
from sightline.runtime import cards, fetch, weights
from sightline.runtime.sources import Downloads
card = cards.parse_card("net", Path(sys.argv[1]).read_text())
fetch.load_card = weights.load_card = lambda name: card
def deliver(self, source, target):
    print("asked", flush=True)
    time.sleep(0.5)
    target.write_bytes(b"weights")
Downloads.fetch = deliver
print(fetch.fetch(["net"])[0].outcome)
"""


def test_two_processes_at_once_fetch_once(home: Path, tmp_path: Path) -> None:
    from tests.runtime.conftest import card_text

    (tmp_path / "card.toml").write_text(card_text("net", b"weights", ["pypi:p==1!a"]))
    script = textwrap.dedent(FETCH_SLOWLY)
    command = [sys.executable, "-c", script, str(tmp_path / "card.toml")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0].split("\n")[:-1] for process in running)
    assert said == [["already there"], ["asked", "fetched"]]
    assert hashlib.sha256((models_folder() / "net.tflite").read_bytes()).hexdigest() == hashlib.sha256(b"weights").hexdigest()


def test_progress_is_passed_on(home: Path, add_card: AddCard, monkeypatch: pytest.MonkeyPatch) -> None:
    add_card("net", b"weights", ["pypi:p==1!a"])

    def deliver(self: Downloads, source: Source, target: Path) -> None:
        self.progress("p", 3, 7)
        target.write_bytes(b"weights")

    monkeypatch.setattr(Downloads, "fetch", deliver)
    told: list[object] = []
    fetch(["net"], lambda *said: told.append(said))
    assert told == [("p", 3, 7)]


def test_default_models_are_what_their_cards_say() -> None:
    from sightline.runtime.cards import load_card

    assert fetching.default_models()
    assert all(load_card(name).default for name in fetching.default_models())
