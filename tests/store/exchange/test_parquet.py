from __future__ import annotations

import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
from tests.store.record_rows import fill, keep, random_row

from sightline.analysis.records import arrow_schema
from sightline.api.records import RecordFilter
from sightline.store.database import Database
from sightline.store.exchange.parquet import to_parquet
from sightline.store.records import RecordStore


def table(database: Database, wanted: RecordFilter, size: int = 50) -> pa.Table:
    return pq.read_table(io.BytesIO(b"".join(to_parquet(RecordStore(database).batches(wanted, size)))))


def test_every_record_is_in_the_file_once(any_database: Database) -> None:
    fill(any_database, random.Random(3), media=12)
    store = RecordStore(any_database)
    records = {record.id: record for record in store.query(RecordFilter(), limit=500).items}
    rows = table(any_database, RecordFilter()).to_pylist()
    assert sorted(row["id"] for row in rows) == sorted(records)
    assert [row["taken_at"] for row in rows] == sorted(row["taken_at"] for row in rows)
    for row in rows:
        record = records[row["id"]]
        assert (row["media_id"], row["analysis_id"]) == (str(record.media_id), str(record.analysis_id))
        for name in ("source_id", "taken_at", "kind", "label", "text", "frame", "time_s", "track_id"):
            assert row[name] == getattr(record, name)
        assert pa.scalar(record.score, pa.float32()).as_py() == row["score"]
        assert record.box_xyxy is not None
        assert [pa.scalar(v, pa.float32()).as_py() for v in record.box_xyxy] == [row[name] for name in ("x0", "y0", "x1", "y1")]
        assert json.loads(row["attributes"]) == record.attributes


def test_the_columns_are_those_of_archives(database: Database) -> None:
    found = table(database, RecordFilter())
    assert found.num_rows == 0
    assert found.schema.names == ["id", "media_id", "analysis_id", "source_id", "taken_at", *arrow_schema().names]
    assert found.schema.field("taken_at").type == pa.timestamp("us", tz="UTC")


def test_the_file_comes_in_pieces(database: Database) -> None:
    keep(database, [random_row(random.Random(i), i / 10) for i in range(300)], kind="video")
    parts = list(to_parquet(RecordStore(database).batches(RecordFilter(), 100)))
    assert len(parts) == 4
    assert all(parts)
    assert pq.ParquetFile(io.BytesIO(b"".join(parts))).num_row_groups == 3


def test_only_what_was_asked_for_is_in_the_file(database: Database) -> None:
    keep(database, [random_row(random.Random(i)) for i in range(100)])
    kinds = table(database, RecordFilter(kinds=["face", "text"])).column("kind").unique().to_pylist()
    assert sorted(kinds) == ["face", "text"]
