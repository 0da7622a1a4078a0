"""Bodies about model cards."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sightline.api.base import Body


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
    fetching_job_id: str | None = None


class ModelDetail(ModelState):
    """A model with its whole card."""

    card: dict[str, Any] = Field(description="The model card, field by field.")
