"""Bodies about jobs: long work that survives a restart."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from sightline.api.base import Body, Timestamp

JobKind = Literal["picture", "video", "folder", "camera", "fetch"]
JobState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
JobAction = Literal["pause", "resume", "cancel", "retry"]


class Job(Body):
    """One piece of long work."""

    id: str
    kind: JobKind
    title: str = Field(description="The file's, camera's or model's name.", examples=["door.mp4"])
    state: JobState
    done: int = Field(ge=0, description="Finished units.")
    total: int | None = Field(default=None, description="All units; null when it has no end.")
    unit: str = Field(description="What is counted.", examples=["segments"])
    left_s: float | None = Field(default=None, description="Estimate of the time left, seconds.")
    detail: str | None = Field(default=None, description="Why it failed, or what it is doing.")
    actions: list[JobAction] = Field(description="What can be done with it now.")
    media_id: UUID | None = None
    analysis_id: UUID | None = None
    source_id: int | None = None
    created_at: Timestamp
    created_by: str
    started_at: Timestamp | None = None
    updated_at: Timestamp
    finished_at: Timestamp | None = None
    attempts: int = Field(default=1, description="How often it was begun.")
