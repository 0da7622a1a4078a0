"""Bodies about the audit trail."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sightline.api.base import Body, Timestamp


class AuditEntry(Body):
    """One thing that was done, chained to the one before."""

    number: int
    at: Timestamp
    actor: str = Field(description="User, or key:NAME of the API key.", examples=["mira"])
    action: str = Field(examples=["media.read"])
    target: str | None = Field(default=None, description="What it was done to.", examples=["media/6a0c…"])
    detail: dict[str, Any] = {}
    hash: str = Field(description="HMAC-SHA256 of this entry and the hash before it, hexadecimal.")


class AuditVerdict(Body):
    """Whether the trail is whole."""

    intact: bool
    entries: int
    problems: list[str] = Field(description="What is wrong and where; the first hundred.")
