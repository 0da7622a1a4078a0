"""Records as Parquet, written while they are read: memory does not grow with their number."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sightline.analysis.records import arrow_schema
from sightline.core.errors import MissingExtraError

__all__ = ["to_parquet"]

_OWN = ("kind", "label", "text", "frame", "time_s", "track_id", "score", "x0", "y0", "x1", "y1")
_to_json = json.JSONEncoder(separators=(",", ":")).encode


def to_parquet(batches: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield a Parquet file, piece by piece; each batch becomes one row group.

    Columns: id, media_id, analysis_id, source_id and taken_at (UTC, microseconds), then those of
    `sightline.analysis.records.arrow_schema`. Compressed with zstd.

    Parameters
    ----------
    batches : iterable of sequences of rows
        As `RecordStore.batches` gives them.

    Raises
    ------
    MissingExtraError
        When pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("server", "Parquet") from error
    extra = {
        "id": pa.int64(),
        "media_id": pa.string(),
        "analysis_id": pa.string(),
        "source_id": pa.int32(),
        "taken_at": pa.timestamp("us", tz="UTC"),
    }
    schema = arrow_schema(extra)
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_arrays(_columns(pa, schema, batch), schema=schema))
            yield sink.taken()
    yield sink.taken()


def _columns(pa: Any, schema: Any, batch: Sequence[Any]) -> list[Any]:
    values: dict[str, list[Any]] = {name: [getattr(row, name) for row in batch] for name in ("id", "source_id", "taken_at", *_OWN)}
    values["media_id"] = [str(row.media_id) for row in batch]
    values["analysis_id"] = [str(row.analysis_id) for row in batch]
    values["attributes"] = [_to_json(row.attributes) if row.attributes else "{}" for row in batch]
    return [pa.array(values[field.name], field.type) for field in schema]


class _Sink(io.RawIOBase):
    """A file whose bytes are taken away as they are written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found
