"""Bodies about whether the server is well."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sightline.api.base import Body, Timestamp


class Alive(Body):
    """The server answers."""

    status: Literal["alive"] = "alive"


class Check(Body):
    """One thing that a working server needs."""

    name: Literal["database", "media_store", "inference"]
    ok: bool
    took_ms: float = Field(description="How long the check took, milliseconds.")
    detail: str | None = Field(default=None, description="What is wrong, or worth knowing.")


class Readiness(Body):
    """Whether the server can do its work."""

    ready: bool
    checks: list[Check]
    checked_at: Timestamp = Field(description="An answer is good for ten seconds; asking more often does not check more often.")
