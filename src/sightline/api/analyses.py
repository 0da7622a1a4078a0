"""Bodies about analyses."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from sightline.analysis.document import FrameFindings, Kind, Model, Problem
from sightline.api.base import Body, Timestamp

AnalysisState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


class AnalysisOptions(Body):
    """What to look for, and how hard."""

    only: list[Kind] = Field(default=["faces", "bodies", "hands", "people", "text", "objects"], min_length=1)
    landmarks: bool | None = Field(default=None, description="Keep face meshes and metres; null: in pictures yes, in videos no.")
    tiled: bool = Field(default=False, description="Look for objects in tiles too: slower, finds small ones.")


class NewAnalysis(Body):
    """A wish to have something looked at."""

    media_id: UUID
    options: AnalysisOptions = AnalysisOptions()


class Analysis(Body):
    """One look at one picture or video."""

    id: UUID
    media_id: UUID
    options: AnalysisOptions
    state: AnalysisState
    job_id: str
    counts: dict[str, int] = Field(description="Most found in one frame, by kind.", examples=[{"faces": 2}])
    frames: int = Field(description="Frames looked at so far.")
    models: list[Model] = []
    problems: list[Problem] = []
    created_at: Timestamp
    finished_at: Timestamp | None = None
    took_s: float | None = Field(default=None, description="Time of computing, seconds.")


class Look(Body):
    """What is in a picture that is not kept."""

    size_wh: tuple[int, int]
    findings: FrameFindings
    models: list[Model]
    took_ms: float = Field(description="Decoding and looking, milliseconds.")


class Frames(Body):
    """What was found in a stretch of a video."""

    analysis_id: UUID
    from_s: float
    before_s: float
    frames: list[FrameFindings]
