"""Bodies about model cards."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sightline.api.base import Body


class ModelAccuracy(Body):
    """A measured figure of a model."""

    metric: str = Field(examples=["COCO AP (IoU 0.50:0.95)"])
    value: float = Field(examples=[0.251])
    data: str = Field(description="Data, protocol and count.")


class ModelState(Body):
    """A model and whether it is on this machine."""

    name: str
    title: str
    task: str
    state: Literal["ready", "missing", "corrupt"]
    default: bool = Field(description="Whether an analysis needs it.")
    bytes: int | None = Field(default=None, description="Of the file, when it is here.")
    licence_code: str
    licence_weights: str
    licence_data: str
    licence_notes: str = ""
    commercial: bool = Field(default=True, description="Whether the terms of the weights allow commercial use.")
    summary: str = Field(default="", description="What it does, in a sentence.")
    download_bytes: int | None = Field(default=None, description="Of the files that a fetch brings.")
    accuracy: list[ModelAccuracy] = Field(default=[], description="What was measured, on which data.")
    fetching_job_id: str | None = None


class ModelDetail(ModelState):
    """A model with its whole card."""

    card: dict[str, Any] = Field(description="The model card, field by field.")
