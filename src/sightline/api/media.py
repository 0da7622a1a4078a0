"""Bodies about pictures and videos that are kept, and about bringing them in."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from sightline.api.base import Body, Name, Timestamp
from sightline.api.records import RecordKind

MediaKind = Literal["picture", "video"]


class Media(Body):
    """A picture or video that is kept."""

    id: UUID
    name: str = Field(description="As the uploader called it; never used as a path.", examples=["door.jpg"])
    kind: MediaKind
    format: str = Field(description="Such as JPEG, or the video's codec.", examples=["JPEG"])
    content_type: str = Field(examples=["image/jpeg"])
    sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    bytes: int = Field(ge=0)
    size_wh: tuple[int, int] = Field(description="Upright, pixels.", examples=[(1280, 720)])
    duration_s: float | None = Field(default=None, description="Videos only; null when the file does not say.")
    frame_rate: str | None = Field(default=None, description="Average, as a fraction.", examples=["30000/1001"])
    source_id: int | None = Field(default=None, description="The folder or camera it came from; null: uploaded.")
    taken_at: Timestamp = Field(description="When its first frame was taken: the camera's clock where known, else when it was added.")
    added_at: Timestamp
    added_by: str = Field(examples=["owner"])
    expires_at: Timestamp | None = Field(default=None, description="When retention deletes it; null: kept until deleted.")
    analysis_id: UUID | None = Field(default=None, description="The newest finished analysis, if there is one.")
    counts: dict[str, int] = Field(
        default={}, description="Most found in one frame, by kind, in that analysis.", examples=[{"faces": 2, "text": 4}]
    )


class MediaFilter(Body):
    """Which pictures and videos; all conditions must hold."""

    kind: MediaKind | None = None
    source_id: int | None = None
    name: str | None = Field(default=None, min_length=1, max_length=200, description="The name contains this, in any case.")
    taken_from: Timestamp | None = None
    taken_before: Timestamp | None = None
    found: RecordKind | None = Field(default=None, description="The newest analysis found this in it.")


class NewUpload(Body):
    """The start of an upload in parts."""

    name: Name = Field(examples=["door.mp4"])
    bytes: int = Field(ge=1, description="Size of the whole file.", examples=[10_485_760])
    source_id: int | None = None
    analyse: bool = Field(default=True, description="Analyse it as soon as it is complete.")
    taken_at: Timestamp | None = None


class Upload(Body):
    """An upload: PATCH bytes to it from `received` on until `received` is `bytes`."""

    id: UUID
    name: str
    bytes: int
    received: int = Field(description="Bytes that are safely on disk; go on from here.")
    state: Literal["receiving", "checking", "kept", "refused"]
    media_id: UUID | None = Field(default=None, description="Set once it is kept.")
    job_id: str | None = Field(default=None, description="The analysis that was started for it.")
    analysis_id: UUID | None = None
    detail: str | None = Field(default=None, description="Why it was refused.")
    created_at: Timestamp
    expires_at: Timestamp = Field(description="Parts are thrown away after this time.")
