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

# Counts are changed by whole statements, in one order of rows, so that writers wait for each other and do not lock each other out.
COUNT_RECORDS = """
CREATE FUNCTION count_records() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes text := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS n, * FROM come'
        WHEN 'DELETE' THEN 'SELECT -1 AS n, * FROM gone'
        ELSE 'SELECT 1 AS n, * FROM come UNION ALL SELECT -1 AS n, * FROM gone' END;
BEGIN
    EXECUTE format($query$
        WITH pieces AS (
            SELECT coalesce(source_id, 0) AS source_id, date_bin('5 minutes', taken_at, 'epoch') AS piece,
                   kind, coalesce(label, '') AS label, sum(n) AS n
            FROM (%s) AS changed WHERE is_current GROUP BY 1, 2, 3, 4
        )
        INSERT INTO record_counts AS c (source_id, width_s, start, kind, label, count)
        SELECT source_id, width_s, date_bin(make_interval(secs => width_s), piece, 'epoch'), kind, label, sum(n)
        FROM pieces CROSS JOIN (VALUES (300), (3600), (86400)) AS widths (width_s)
        GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (source_id, width_s, start, kind, label) DO UPDATE SET count = c.count + excluded.count
    $query$, changes);
    RETURN NULL;
END $$;
CREATE TRIGGER count_come AFTER INSERT ON records REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION count_records();
CREATE TRIGGER count_gone AFTER DELETE ON records REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_records();
CREATE TRIGGER count_changed AFTER UPDATE ON records REFERENCING OLD TABLE AS gone NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION count_records();
"""


def _index_records() -> None:
    current = sa.text("is_current")
    of_source, of_label = sa.text("is_current AND source_id IS NOT NULL"), sa.text("is_current AND label IS NOT NULL")
    op.create_index("ix_records_taken", "records", ["taken_at", "id"], postgresql_where=current)
    op.create_index("ix_records_kind_taken", "records", ["kind", "taken_at", "id"], postgresql_where=current)
    op.create_index("ix_records_label_taken", "records", ["label", "taken_at", "id"], postgresql_where=of_label)
    op.create_index("ix_records_source_kind_taken", "records", ["source_id", "kind", "taken_at", "id"], postgresql_where=of_source)
    op.create_index("ix_records_media", "records", ["media_id", "time_s", "id"], postgresql_where=current)
    op.create_index(
        "ix_records_grams", "records", ["grams"], postgresql_using="gin", postgresql_where=sa.text("is_current AND grams IS NOT NULL")
    )
    op.create_index("ix_records_segment", "records", ["analysis_id", "segment"])


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
        "source_files",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_source_files_source_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source_id", "file", name=op.f("pk_source_files")),
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
        sa.Column("is_current", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
    op.create_index("ix_analyses_current", "analyses", ["media_id"], unique=True, postgresql_where=sa.text("is_current"))
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
    op.create_index("ix_jobs_updated", "jobs", ["updated_at"], unique=False)
    op.create_index("ix_jobs_open", "jobs", ["kind"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running', 'paused')"))
    op.create_index(op.f("ix_jobs_source_id"), "jobs", ["source_id"], unique=False)
    op.create_table(
        "record_counts",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("width_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "width_s", "start", "kind", "label", name=op.f("pk_record_counts")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_record_counts_start", "record_counts", ["width_s", "start"], unique=False)
    op.create_table(
        "records",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
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
        sa.Column("folded", sa.Text(), nullable=True),
        sa.Column("grams", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name=op.f("fk_records_analysis_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
    )
    _index_records()
    op.execute(COUNT_RECORDS)
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
    op.drop_table("records")
    op.drop_table("record_counts")
    op.execute("DROP FUNCTION count_records()")
    op.drop_index(op.f("ix_jobs_source_id"), table_name="jobs")
    op.drop_index("ix_jobs_open", table_name="jobs", postgresql_where=sa.text("state IN ('queued', 'running', 'paused')"))
    op.drop_index("ix_jobs_updated", table_name="jobs")
    op.drop_index("ix_jobs_newest", table_name="jobs")
    op.drop_index(op.f("ix_jobs_media_id"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_analysis_id"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_uploads_expires_at"), table_name="uploads")
    op.drop_table("uploads")
    op.drop_index("ix_analyses_current", table_name="analyses", postgresql_where=sa.text("is_current"))
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
    op.drop_table("source_files")
    op.drop_table("sources")
    op.drop_index("ix_blobs_unsettled", table_name="blobs", postgresql_where=sa.text("state <> 'kept'"))
    op.drop_table("blobs")
