"""Bodies about the server's settings."""

from __future__ import annotations

from pydantic import Field

from sightline.api.base import Body


class Limits(Body):
    """What one upload may cost."""

    max_bytes: int = Field(default=8 << 30, ge=1 << 10, description="Of a file.")
    max_pixels: int = Field(default=100_000_000, ge=1, description="Of a picture or frame, width x height.")
    max_duration_s: float = Field(default=6 * 3600.0, gt=0, description="Of a video, seconds.")
    max_queued_pictures: int = Field(default=1000, ge=1, description="More waiting pictures are answered with 429.")
    max_queued_videos: int = Field(default=100, ge=1)
    max_import_bytes: int = Field(
        default=32 << 20, ge=1 << 10, le=1 << 30, description="Of a COCO file; reading it takes 20 times its memory."
    )
    max_live: int = Field(default=32, ge=1, description="Live connections at once.")


class Settings(Body):
    """What an administrator can change while the server runs."""

    limits: Limits = Limits()
    retention_days: int | None = Field(default=None, ge=1, le=36500, description="For uploads; null: kept until deleted.")
    audit_reads: bool = Field(default=True, description="Write an entry for reading media too, not only for changes.")


class ServerInfo(Body):
    """What runs where."""

    version: str
    database: str = Field(description="embedded, or the host of the server.")
    vectors: bool = Field(description="Whether the database has pgvector.")
    media_store: str = Field(examples=["local folder"])
    workers: int
    problems: list[str] = Field(default=[], description="What an administrator should know.")
