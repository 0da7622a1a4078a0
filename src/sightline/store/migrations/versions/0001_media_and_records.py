"""Media, records, analyses and jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


VECTORS = """
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') THEN
        CREATE EXTENSION IF NOT EXISTS vector;
    END IF;
END $$
"""


def upgrade() -> None:
    """Go to 0001."""
    op.execute(VECTORS)
    op.create_table(
        "blobs",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
    )
    op.create_index("ix_blobs_unsettled", "blobs", ["changed_at"], unique=False, postgresql_where=sa.text("state <> 'kept'"))
    op.create_table(
        "sources",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("only", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("keep_video", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("segment_s", sa.DOUBLE_PRECISION(), server_default=sa.text("60"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
    )
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_grams", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("frame_rate", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_media_digest")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_media_source_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("origin", name=op.f("uq_media_origin")),
    )
    op.create_index(op.f("ix_media_digest"), "media", ["digest"], unique=False)
    op.create_index("ix_media_expires", "media", ["expires_at"], unique=False, postgresql_where=sa.text("expires_at IS NOT NULL"))
    op.create_index("ix_media_name_grams", "media", ["name_grams"], unique=False, postgresql_using="gin")
    op.create_index("ix_media_newest", "media", ["added_at", "id"], unique=False)
    op.create_index("ix_media_source_taken", "media", ["source_id", "taken_at"], unique=False)
    op.create_index("ix_media_taken", "media", ["taken_at", "id"], unique=False)
    op.create_table(
        "zones",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("polygon_xy", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_zones_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zones")),
        sa.UniqueConstraint("source_id", "name", name=op.f("uq_zones_source_id_name")),
    )
    op.create_table(
        "analyses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("models", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("frames", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("took_s", sa.DOUBLE_PRECISION(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_analyses_media_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
    )
    op.create_index(op.f("ix_analyses_job_id"), "analyses", ["job_id"], unique=False)
    op.create_index("ix_analyses_media", "analyses", ["media_id", "created_at"], unique=False)
    op.create_index(
        "ix_analyses_open", "analyses", ["created_at"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("analyse", sa.Boolean(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("analysis_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_uploads_media_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_uploads_source_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_expires_at"), "uploads", ["expires_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("analysis_id", sa.Uuid(), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name=op.f("fk_jobs_analysis_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_jobs_media_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_jobs_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_analysis_id"), "jobs", ["analysis_id"], unique=False)
    op.create_index(op.f("ix_jobs_media_id"), "jobs", ["media_id"], unique=False)
    op.create_index("ix_jobs_newest", "jobs", ["created_at", "id"], unique=False)
    op.create_index("ix_jobs_open", "jobs", ["kind"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running', 'paused')"))
    op.create_index(op.f("ix_jobs_source_id"), "jobs", ["source_id"], unique=False)
    op.create_table(
        "record_counts",
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name=op.f("fk_record_counts_analysis_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("analysis_id", "segment", "hour", "kind", "label", name=op.f("pk_record_counts")),
    )
    op.create_index("ix_record_counts_hour", "record_counts", ["hour", "kind"], unique=False)
    op.create_index("ix_record_counts_source_hour", "record_counts", ["source_id", "hour"], unique=False)
    op.create_table(
        "records",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("time_s", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=True),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("x0", sa.REAL(), nullable=True),
        sa.Column("y0", sa.REAL(), nullable=True),
        sa.Column("x1", sa.REAL(), nullable=True),
        sa.Column("y1", sa.REAL(), nullable=True),
        sa.Column("foot_x", sa.REAL(), nullable=True),
        sa.Column("foot_y", sa.REAL(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("grams", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name=op.f("fk_records_analysis_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_records_media_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
    )
    op.create_index("ix_records_grams", "records", ["grams"], unique=False, postgresql_using="gin")
    op.create_index("ix_records_kind_taken", "records", ["kind", "taken_at", "id"], unique=False)
    op.create_index("ix_records_media", "records", ["media_id", "time_s"], unique=False)
    op.create_index("ix_records_segment", "records", ["analysis_id", "segment"], unique=False)
    op.create_index("ix_records_source_kind_taken", "records", ["source_id", "kind", "label", "taken_at"], unique=False)
    op.create_index("ix_records_taken", "records", ["taken_at", "id"], unique=False)
    op.create_table(
        "segments",
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("end_s", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("border", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("took_s", sa.DOUBLE_PRECISION(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name=op.f("fk_segments_analysis_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["digest"], ["blobs.digest"], name=op.f("fk_segments_digest")),
        sa.PrimaryKeyConstraint("analysis_id", "number", name=op.f("pk_segments")),
    )
    op.create_index(op.f("ix_segments_digest"), "segments", ["digest"], unique=False)


def downgrade() -> None:
    """Go back from 0001."""
    op.drop_index(op.f("ix_segments_digest"), table_name="segments")
    op.drop_table("segments")
    op.drop_index("ix_records_taken", table_name="records")
    op.drop_index("ix_records_source_kind_taken", table_name="records")
    op.drop_index("ix_records_segment", table_name="records")
    op.drop_index("ix_records_media", table_name="records")
    op.drop_index("ix_records_kind_taken", table_name="records")
    op.drop_index("ix_records_grams", table_name="records", postgresql_using="gin")
    op.drop_table("records")
    op.drop_index("ix_record_counts_source_hour", table_name="record_counts")
    op.drop_index("ix_record_counts_hour", table_name="record_counts")
    op.drop_table("record_counts")
    op.drop_index(op.f("ix_jobs_source_id"), table_name="jobs")
    op.drop_index("ix_jobs_open", table_name="jobs", postgresql_where=sa.text("state IN ('queued', 'running', 'paused')"))
    op.drop_index("ix_jobs_newest", table_name="jobs")
    op.drop_index(op.f("ix_jobs_media_id"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_analysis_id"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_uploads_expires_at"), table_name="uploads")
    op.drop_table("uploads")
    op.drop_index("ix_analyses_open", table_name="analyses", postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.drop_index("ix_analyses_media", table_name="analyses")
    op.drop_index(op.f("ix_analyses_job_id"), table_name="analyses")
    op.drop_table("analyses")
    op.drop_table("zones")
    op.drop_index("ix_media_taken", table_name="media")
    op.drop_index("ix_media_source_taken", table_name="media")
    op.drop_index("ix_media_newest", table_name="media")
    op.drop_index("ix_media_name_grams", table_name="media", postgresql_using="gin")
    op.drop_index("ix_media_expires", table_name="media", postgresql_where=sa.text("expires_at IS NOT NULL"))
    op.drop_index(op.f("ix_media_digest"), table_name="media")
    op.drop_table("media")
    op.drop_table("sources")
    op.drop_index("ix_blobs_unsettled", table_name="blobs", postgresql_where=sa.text("state <> 'kept'"))
    op.drop_table("blobs")
