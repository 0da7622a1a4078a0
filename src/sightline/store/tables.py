"""The tables. Times are UTC; lengths are pixels unless a name says otherwise.

::

    sources ──< zones                        blobs (content-addressed files)
       │                                       ^
       └──< media >───────────────────────────-┘
              └──< analyses ──< segments ──< records      record_counts: how many when, for timelines
                      └── jobs                            uploads: files on their way in
    users ──< sessions, api_keys             audit: append-only chain          settings: one row

Deleting a media row deletes what hangs on it. Indexes stand beside the questions they answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, MetaData, Text, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, DOUBLE_PRECISION, JSONB, REAL
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


_CURRENT = sql("is_current")


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        str: Text,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        bytes: BYTEA,
        float: DOUBLE_PRECISION,
        list[str]: ARRAY(Text),
    }


class SourceRow(Base):
    """A watched folder or a camera."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str]
    only: Mapped[list[str]]
    retention_days: Mapped[int | None]
    keep_video: Mapped[bool] = mapped_column(server_default=sql("true"))
    segment_s: Mapped[float] = mapped_column(server_default=sql("60"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ZoneRow(Base):
    """A region of a camera's picture; corners are shares of width and height."""

    __tablename__ = "zones"
    __table_args__ = (UniqueConstraint("source_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"))
    name: Mapped[str]
    polygon_xy: Mapped[list[Any]]


class SourceFileRow(Base):
    """A file of a watched folder that was dealt with, so that it is not brought in again after it was deleted here."""

    __tablename__ = "source_files"

    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"), primary_key=True)
    file: Mapped[str] = mapped_column(primary_key=True)
    """Its path in the folder, time of change and size."""
    detail: Mapped[str | None]
    """Why it was left out; None: it was brought in."""
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class BlobRow(Base):
    """A content-addressed file. ``pending``: being written; ``kept``: somebody needs it; ``doomed``: about to be deleted."""

    __tablename__ = "blobs"
    __table_args__ = (Index("ix_blobs_unsettled", "changed_at", postgresql_where=sql("state <> 'kept'")),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MediaRow(Base):
    """A picture or video."""

    __tablename__ = "media"
    __table_args__ = (
        Index("ix_media_newest", "added_at", "id"),
        Index("ix_media_source_taken", "source_id", "taken_at"),
        Index("ix_media_taken", "taken_at", "id"),
        Index("ix_media_expires", "expires_at", postgresql_where=sql("expires_at IS NOT NULL")),
        Index("ix_media_name_grams", "name_grams", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    digest: Mapped[str] = mapped_column(ForeignKey("blobs.digest"), index=True)
    name: Mapped[str]
    name_grams: Mapped[list[str]]
    kind: Mapped[str]
    format: Mapped[str]
    content_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    duration_s: Mapped[float | None]
    frame_rate: Mapped[str | None]
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id", ondelete="SET NULL"))
    origin: Mapped[str | None] = mapped_column(unique=True)
    """What makes one file of a watched folder or one piece of a camera unique, so that it is brought in once."""
    taken_at: Mapped[datetime]
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())
    added_by: Mapped[str]
    expires_at: Mapped[datetime | None]


class UploadRow(Base):
    """A file on its way in; its bytes are in the spool folder until it is kept or refused."""

    __tablename__ = "uploads"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger, server_default=sql("0"))
    state: Mapped[str]
    analyse: Mapped[bool]
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id", ondelete="SET NULL"))
    taken_at: Mapped[datetime | None]
    media_id: Mapped[UUID | None] = mapped_column(ForeignKey("media.id", ondelete="SET NULL"))
    analysis_id: Mapped[UUID | None]
    job_id: Mapped[str | None]
    detail: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AnalysisRow(Base):
    """One look at one picture or video."""

    __tablename__ = "analyses"
    __table_args__ = (
        Index("ix_analyses_media", "media_id", "created_at"),
        Index("ix_analyses_open", "created_at", postgresql_where=sql("state IN ('queued', 'running')")),
        Index("ix_analyses_current", "media_id", unique=True, postgresql_where=_CURRENT),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    media_id: Mapped[UUID] = mapped_column(ForeignKey("media.id", ondelete="CASCADE"))
    job_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str]
    is_current: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Whether answers count its records; at most one of a medium. `RecordStore` keeps it."""
    options: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    models: Mapped[list[Any]] = mapped_column(server_default=sql("'[]'"))
    problems: Mapped[list[Any]] = mapped_column(server_default=sql("'[]'"))
    frames: Mapped[int] = mapped_column(server_default=sql("0"))
    took_s: Mapped[float] = mapped_column(server_default=sql("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class SegmentRow(Base):
    """A finished stretch of an analysis; its document is a blob. A picture is one segment."""

    __tablename__ = "segments"

    analysis_id: Mapped[UUID] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    start_s: Mapped[float]
    end_s: Mapped[float]
    frames: Mapped[int]
    digest: Mapped[str] = mapped_column(ForeignKey("blobs.digest"), index=True)
    border: Mapped[dict[str, Any] | None]
    """What the next segment's ids are joined by."""
    took_s: Mapped[float]


class RecordRow(Base):
    """One observation in one frame.

    ``is_current`` is false in records of an analysis whose medium has a newer one: answers leave them out, and the partial
    indexes too. There is no foreign key to media: the analysis has one.
    """

    __tablename__ = "records"
    __table_args__ = (
        Index("ix_records_taken", "taken_at", "id", postgresql_where=_CURRENT),
        Index("ix_records_kind_taken", "kind", "taken_at", "id", postgresql_where=_CURRENT),
        Index("ix_records_label_taken", "label", "taken_at", "id", postgresql_where=sql("is_current AND label IS NOT NULL")),
        Index(
            "ix_records_source_kind_taken",
            "source_id",
            "kind",
            "taken_at",
            "id",
            postgresql_where=sql("is_current AND source_id IS NOT NULL"),
        ),
        Index("ix_records_media", "media_id", "time_s", "id", postgresql_where=_CURRENT),
        Index("ix_records_grams", "grams", postgresql_using="gin", postgresql_where=sql("is_current AND grams IS NOT NULL")),
        Index("ix_records_segment", "analysis_id", "segment"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    media_id: Mapped[UUID]
    analysis_id: Mapped[UUID] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    segment: Mapped[int]
    is_current: Mapped[bool]
    source_id: Mapped[int | None]
    kind: Mapped[str]
    label: Mapped[str | None]
    frame: Mapped[int]
    time_s: Mapped[float]
    taken_at: Mapped[datetime]
    track_id: Mapped[int | None]
    score: Mapped[float] = mapped_column(REAL)
    x0: Mapped[float | None] = mapped_column(REAL)
    y0: Mapped[float | None] = mapped_column(REAL)
    x1: Mapped[float | None] = mapped_column(REAL)
    y1: Mapped[float | None] = mapped_column(REAL)
    foot_x: Mapped[float | None] = mapped_column(REAL)
    """Middle of the box's lower edge, as a share of the picture's width; what zones are asked about."""
    foot_y: Mapped[float | None] = mapped_column(REAL)
    text: Mapped[str | None]
    folded: Mapped[str | None]
    """The text as `grams.fold` makes it; what is searched."""
    grams: Mapped[list[str] | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))


class RecordCountRow(Base):
    """How many current records there are in five minutes, an hour, a day. Triggers on ``records`` keep it, whoever changes them."""

    __tablename__ = "record_counts"
    __table_args__ = (
        Index("ix_record_counts_start", "width_s", "start"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    source_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0: none."""
    width_s: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """300, 3600 or 86400."""
    start: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    """Empty: none."""
    count: Mapped[int] = mapped_column(BigInteger)


class JobRow(Base):
    """A piece of long work; ``id`` is the workflow's where there is one."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_newest", "created_at", "id"),
        Index("ix_jobs_updated", "updated_at"),
        Index("ix_jobs_open", "kind", postgresql_where=sql("state IN ('queued', 'running', 'paused')")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    state: Mapped[str]
    done: Mapped[int] = mapped_column(server_default=sql("0"))
    total: Mapped[int | None]
    unit: Mapped[str]
    detail: Mapped[str | None]
    media_id: Mapped[UUID | None] = mapped_column(ForeignKey("media.id", ondelete="CASCADE"), index=True)
    analysis_id: Mapped[UUID | None] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), index=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]
    started_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=sql("0"))


class UserRow(Base):
    """Somebody who may sign in."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    oidc_subject: Mapped[str | None] = mapped_column(unique=True)
    disabled: Mapped[bool] = mapped_column(server_default=sql("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime | None]


class SessionRow(Base):
    """A browser that is signed in; only hashes of its secrets are here."""

    __tablename__ = "sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ApiKeyRow(Base):
    """A key for programs; only its hash is here. The owner token is one, without expiry."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[list[str]]
    purpose: Mapped[str] = mapped_column(server_default=sql("'key'"))
    """``key``, or ``owner`` for the token that signs the owner in."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditRow(Base):
    """One thing that was done; rows are only ever added (a trigger refuses anything else)."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_actor", "actor", "number"), Index("ix_audit_action", "action", "number"))

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    hash: Mapped[bytes]


class SettingsRow(Base):
    """What an administrator set; one row."""

    __tablename__ = "settings"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
