"""Bodies about records: every observation, kept for questions."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from sightline.api.base import Body, Name, Timestamp, UnitInterval

RecordKind = Literal["face", "body", "hand", "people", "text", "object"]
RECORD_KINDS: tuple[RecordKind, ...] = ("face", "body", "hand", "people", "text", "object")
LABELLED_KINDS: tuple[RecordKind, ...] = ("hand", "object")
_LARGEST = (1 << 31) - 1
SourceKind = Literal["folder", "camera"]


class Record(Body):
    """One observation in one frame."""

    id: int
    media_id: UUID
    analysis_id: UUID
    source_id: int | None = None
    kind: RecordKind
    label: str | None = Field(default=None, description="Class of an object, gesture of a hand.", examples=["person"])
    text: str | None = Field(default=None, description="Recognised text.")
    frame: int = Field(ge=0)
    time_s: float = Field(ge=0, description="In the video.")
    taken_at: Timestamp = Field(description="On the clock.")
    track_id: int | None = Field(default=None, description="Stable within one video.")
    score: UnitInterval
    box_xyxy: tuple[float, float, float, float] | None = Field(default=None, description="Pixels, half-open.")
    attributes: dict[str, Any] = Field(default={}, description="What else was measured, as in the analysis document.")


class RecordFilter(Body):
    """Which records; all conditions must hold."""

    media_id: UUID | None = None
    analysis_id: UUID | None = None
    source_id: int | None = Field(default=None, ge=1, le=_LARGEST)
    zone_id: int | None = Field(
        default=None, ge=1, le=_LARGEST, description="Foot point (middle of the box's lower edge) inside this zone."
    )
    kinds: list[RecordKind] = Field(default=[], description="Empty: all.")
    labels: list[Name] = Field(default=[], description="Empty: all.", max_length=80)
    text: str | None = Field(default=None, min_length=1, max_length=200, description="Recognised text contains this, in any case.")
    track_id: int | None = Field(default=None, ge=0, le=_LARGEST, description="Needs media_id or analysis_id.")
    min_score: UnitInterval = 0.0
    taken_from: Timestamp | None = None
    taken_before: Timestamp | None = None

    @model_validator(mode="after")
    def _in_order(self) -> RecordFilter:
        if self.taken_from and self.taken_before and self.taken_from >= self.taken_before:
            raise ValueError("taken_from must be before taken_before")
        return self


class TimelineBucket(Body):
    """How many records began in one stretch of time."""

    start: Timestamp
    counts: dict[str, int] = Field(description="By kind; objects by label.", examples=[{"face": 12, "object/person": 80}])


class Timeline(Body):
    """Counts over time."""

    bucket_s: int = Field(description="Length of a bucket, seconds.")
    buckets: list[TimelineBucket]


class LabelCount(Body):
    """How many records there are of one kind with one label."""

    kind: RecordKind
    label: str | None = Field(description="null: those without a label.", examples=["person"])
    count: int = Field(examples=[1200])


class NewZone(Body):
    """A region of a camera's picture."""

    name: Name = Field(examples=["B"])
    polygon_xy: list[tuple[UnitInterval, UnitInterval]] = Field(
        min_length=3, max_length=100, description="Corners as shares of the picture's width and height, origin top left."
    )


class Zone(NewZone):
    """A region of a camera's picture, kept."""

    id: int
    source_id: int


class NewSource(Body):
    """A watched folder or a camera."""

    name: Name = Field(examples=["Front door"])
    kind: SourceKind
    address: str = Field(
        min_length=1,
        max_length=1000,
        description="A folder inside one of the folders that `sightline serve --watch` allows, or an rtsp:// or http(s):// address.",
        examples=["rtsp://camera.local/stream1"],
    )
    only: list[Literal["faces", "bodies", "hands", "people", "text", "objects"]] = Field(
        default=["objects"], min_length=1, description="What to look for."
    )
    retention_days: int | None = Field(default=None, ge=1, le=36500, description="Delete what came from here after so many days.")
    keep_video: bool = Field(default=True, description="Cameras: keep the video; false keeps records alone.")
    segment_s: float = Field(default=60.0, ge=5, le=600, description="Cameras: length of one kept piece, seconds.")


class MediaSource(NewSource):
    """A watched folder or a camera, kept; secrets in the address are hidden."""

    id: int
    job_id: str | None = Field(default=None, description="The job that watches it.")
    running: bool = False
    created_at: Timestamp
    zones: list[Zone] = []


class SourceChange(Body):
    """Fields to change; absent ones stay."""

    name: Name | None = Field(default=None, examples=["Back door"])
    only: list[Literal["faces", "bodies", "hands", "people", "text", "objects"]] | None = Field(default=None, min_length=1)
    retention_days: int | None = Field(default=None, ge=1, le=36500, description="null: keep for ever.")
    keep_video: bool | None = None
    address: str | None = Field(default=None, min_length=1, max_length=1000, description="Cameras: the whole new one; it is never told.")


class ImportReport(Body):
    """What an import brought in."""

    records: int
    media: int
    skipped: list[str] = Field(description="What was left out and why; the first hundred.")
    left_out: int = Field(default=0, description="How many images and annotations were left out.")
