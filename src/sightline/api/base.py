"""What all bodies share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Item = TypeVar("Item")

Cursor = Annotated[str, Field(max_length=200, description="Where to go on, as the last page said in `next_cursor`.")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
UnitInterval = Annotated[float, Field(ge=0, le=1)]
Timestamp = AwareDatetime


class Body(BaseModel):
    """A body: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class Page(Body, Generic[Item]):
    """One page of a list, newest first unless the route says otherwise."""

    items: list[Item]
    next_cursor: str | None = Field(default=None, description="Give it as `cursor` to get the next page; null: this is the last.")


class FieldProblem(Body):
    """What is wrong with one field of a request."""

    at: str = Field(description="Where, such as body.options.only.", examples=["body.name"])
    message: str = Field(examples=["String should have at least 1 character"])


class ProblemDetails(Body):
    """An error, after RFC 9457 (problem details for HTTP APIs, application/problem+json)."""

    type: str = Field(default="about:blank", description="Names the kind of error; stable.", examples=["urn:sightline:problem:media-limit"])
    title: str = Field(examples=["More than the limits allow"])
    status: int = Field(ge=400, le=599, examples=[413])
    detail: str = Field(description="What was given, what was expected, what to do.")
    instance: str | None = Field(default=None, description="Id of this very request, also in the server's log.")
    errors: list[FieldProblem] = Field(default=[], description="Field by field, where a body or query was wrong.")


def now() -> datetime:
    """Return the time now, in UTC.

    Examples
    --------
    >>> now().tzinfo is UTC
    True
    """
    return datetime.now(UTC)
