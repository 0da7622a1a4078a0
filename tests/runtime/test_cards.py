from __future__ import annotations

import pytest
from tests.runtime.conftest import card_text

from sightline.core.errors import ModelCardError, UnknownModelError
from sightline.runtime.cards import ModelCard, card_names, load_card, parse_card
from sightline.runtime.importers import IMPORTERS
from sightline.runtime.sources import parse_source

FORBIDDEN = ("age", "gender", "race", "emotion", "ethnic", "ssrnet")


@pytest.mark.parametrize("name", card_names())
def test_every_shipped_card_is_whole(name: str) -> None:
    card = load_card(name)
    assert card.weights.importer is None or card.weights.importer in IMPORTERS
    for file in card.weights.files:
        for source in file.sources:
            parsed = parse_source(source)
            assert parsed.kind == "url" or "==" in parsed.place or "@" in parsed.place[1:], "a source pins its version"
    assert card.licences.weights
    assert len(card.summary) > 10


@pytest.mark.parametrize("name", card_names())
def test_no_card_names_a_net_that_judges_people(name: str) -> None:
    card = load_card(name)
    places = [part.lower() for f in card.weights.files for s in f.sources for part in parse_source(s).member.replace(".", "/").split("/")]
    assert not {p for p in places for bad in FORBIDDEN if p == bad or p.startswith((f"{bad}-", f"{bad}_"))}


def test_default_models_allow_commercial_use() -> None:
    assert [n for n in card_names() if load_card(n).default and not load_card(n).licences.commercial] == []


def test_names_are_sorted_and_unique() -> None:
    assert list(card_names()) == sorted(set(card_names()))
    files = [load_card(n).weights.file for n in card_names()]
    assert len(files) == len(set(files))


def test_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(UnknownModelError, match="face_mesh") as caught:
        load_card("nothing")
    assert isinstance(caught.value, LookupError)
    assert caught.value.model == "nothing"


def test_parses_a_good_card() -> None:
    card = parse_card("net", card_text("net", b"abc", ["pypi:x==1!y"]))
    assert isinstance(card, ModelCard)
    assert card.threshold("min_score") == 0.5
    with pytest.raises(ModelCardError, match="min_score"):
        card.threshold("other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name = ", "name = = "), "not TOML"),
        (('task = "faces"', 'task = "emotions"'), "task"),
        (('title = "A test net"', ""), "title"),
        (('title = "A test net"', 'title = "A"\ncolour = "red"'), "colour"),
        (("bytes = 3", "bytes = 4"), "one source file"),
        (('file = "net.tflite"', 'file = "../net.tflite"'), "file"),
        (('file = "net.tflite"', 'file = "net.exe"'), "file"),
    ],
)
def test_refuses_a_bad_card(change: tuple[str, str], message: str) -> None:
    text = card_text("net", b"abc", ["pypi:x==1!y"]).replace(*change, 1)
    with pytest.raises(ModelCardError, match=message) as caught:
        parse_card("net", text)
    assert isinstance(caught.value, ValueError)


def test_refuses_a_card_of_another_name() -> None:
    with pytest.raises(ModelCardError, match="differ"):
        parse_card("other", card_text("net", b"abc", ["pypi:x==1!y"]))
