"""The results of an archive: Parquet files that are committed one by one, and the account of what is in them.

Layout of the folder or bucket::

    archive.json               what was looked for; a later run with other options is refused
    records/<part>.parquet     one row for each thing found; its footer names the files it covers: the commit
    files/<part>.parquet       one row for each of those files, made from that footer
    work/                      what is not finished yet; empty in the end

A part covers some pictures and short videos, or one long video, and is named by what it covers. It is written whole
or not at all; a second writing of the same work replaces it with the same rows.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sightline.analysis.archive.places import ArchiveFile, Place
from sightline.analysis.records import RecordRow, arrow_schema, to_table
from sightline.core.errors import InvalidInputError, MissingExtraError

logger = logging.getLogger(__name__)

RECORDS, FILES, WORK = "records", "files", "work"
_FOOTER = b"sightline.files"
_ABOUT = "archive.json"
_SUFFIX = ".parquet"
_READERS = 16


def part_name(files: Iterable[ArchiveFile]) -> str:
    """Return the name of the part that covers these files as they are now.

    Examples
    --------
    >>> part_name([ArchiveFile("a.jpg", "a.jpg", 10, "x")])
    '73b0a021e88a0d3f9999'
    """
    text = "\n".join(sorted(f"{f.address}\0{f.stamp}" for f in files))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()


def file_row(file: ArchiveFile, kind: str | None, **facts: Any) -> dict[str, Any]:
    """Return the row of one file; facts that are not given are unknown."""
    blank = {"format": None, "width": None, "height": None, "frames": 0, "records": 0, "last_time_s": None, "took_s": 0.0}
    row = {"path": file.path, "bytes": file.size_bytes, "stamp": file.stamp, "kind": kind, **blank}
    return {**row, "complete": False, "again": False, "problems": [], **facts}


def write_part(place: Place, name: str, files: list[dict[str, Any]], groups: Iterable[tuple[str, list[RecordRow]]]) -> None:
    """Commit a part: records first, which is the commit, then the rows of its files.

    Parameters
    ----------
    place : Place
    name : str
        See `part_name`.
    files : list of dict
        Rows of the files, see `file_row`; read when all groups were taken.
    groups : iterable of (path, rows)
        What was found, a group at a time, so that a long video need not be held in memory.
    """
    pa, pq = _pyarrow()
    with place.replacing(f"{RECORDS}/{name}{_SUFFIX}") as target:
        schema = arrow_schema({"path": pa.string()})
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for table in _joined(groups):
                writer.write_table(table)
            writer.add_key_value_metadata({_FOOTER: json.dumps(files).encode()})
    _write_files(place, name, files)


def committed(place: Place, name: str) -> list[dict[str, Any]] | None:
    """Return the rows of a part's files when it is there already."""
    if not place.holds(f"{RECORDS}/{name}{_SUFFIX}"):
        return None
    rows = _footer(place, name)
    _write_files(place, name, rows)
    return rows


def _joined(groups: Iterable[tuple[str, list[RecordRow]]], least: int = 20_000) -> Iterator[Any]:
    """Yield tables of a useful size."""
    paths: list[str] = []
    waiting: list[RecordRow] = []
    pa, _ = _pyarrow()
    for path, found in groups:
        paths += [path] * len(found)
        waiting += found
        if len(waiting) >= least:
            yield to_table(waiting, {"path": (pa.string(), paths)})
            paths, waiting = [], []
    yield to_table(waiting, {"path": (pa.string(), paths)})


def _write_files(place: Place, name: str, files: list[dict[str, Any]]) -> None:
    pa, pq = _pyarrow()
    problem = pa.struct([("kind", pa.string()), ("message", pa.string()), ("time_s", pa.float64())])
    schema = pa.schema(
        [
            ("path", pa.string()),
            ("bytes", pa.int64()),
            ("stamp", pa.string()),
            ("kind", pa.string()),
            ("format", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("frames", pa.int64()),
            ("records", pa.int64()),
            ("last_time_s", pa.float64()),
            ("took_s", pa.float64()),
            ("complete", pa.bool_()),
            ("again", pa.bool_()),
            ("problems", pa.list_(problem)),
        ]
    )
    with place.replacing(f"{FILES}/{name}{_SUFFIX}") as target:
        pq.write_table(pa.Table.from_pylist(files, schema=schema), target, compression="zstd")


@dataclass
class Account:
    """What was committed: for each path its row and the part that it is in."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    part_of: dict[str, str] = field(default_factory=dict)

    def is_done(self, file: ArchiveFile) -> bool:
        """Return whether a file was looked at as it is now, and need not be again."""
        row = self.rows.get(file.path)
        return row is not None and row["stamp"] == file.stamp and not row["again"]


def take_stock(place: Place) -> Account:
    """Return what is committed, after mending what a killed run left: every part gets its rows of files, and no file is in two parts."""
    records, files = (_stems(place, folder) for folder in (RECORDS, FILES))
    for name in files - records:
        place.delete(f"{FILES}/{name}{_SUFFIX}")

    def rows_of(name: str) -> list[dict[str, Any]]:
        if name in files:
            return _read_files(place, name)
        _write_files(place, name, _footer(place, name))
        return _footer(place, name)

    account = Account()
    names = sorted(records)
    with ThreadPoolExecutor(_READERS) as pool:
        read = list(pool.map(rows_of, names))
    for name, rows in zip(names, read, strict=True):
        twice = {row["path"] for row in rows} & account.rows.keys()
        if twice:
            logger.warning("part %s holds %d files that another part holds too; they are taken out", name, len(twice))
            drop(place, name, twice)
        for row in rows:
            account.rows.setdefault(row["path"], row)
            account.part_of.setdefault(row["path"], name)
    return account


def drop(place: Place, name: str, paths: set[str]) -> None:
    """Take files and their records out of a part; the part goes when nothing is left."""
    pa, pq = _pyarrow()
    kept = [row for row in _footer(place, name) if row["path"] not in paths]
    if not kept:
        place.delete(f"{RECORDS}/{name}{_SUFFIX}")
        place.delete(f"{FILES}/{name}{_SUFFIX}")
        return
    source = pq.ParquetFile(io.BytesIO(place.read(f"{RECORDS}/{name}{_SUFFIX}")))
    gone = pa.array(sorted(paths), pa.string())
    with (
        place.replacing(f"{RECORDS}/{name}{_SUFFIX}") as target,
        pq.ParquetWriter(target, source.schema_arrow, compression="zstd") as writer,
    ):
        import pyarrow.compute as pc

        for batch in source.iter_batches():
            writer.write_batch(batch.filter(pc.invert(pc.is_in(batch["path"], value_set=gone))))
        writer.add_key_value_metadata({_FOOTER: json.dumps(kept).encode()})
    _write_files(place, name, kept)


def agree(place: Place, about: Mapping[str, Any]) -> None:
    """Write down what is looked for, or check that an earlier run looked for the same.

    Raises
    ------
    InvalidInputError
        When it did not.
    """
    text = json.dumps(about, indent=1, sort_keys=True) + "\n"
    if place.holds(_ABOUT):
        before = json.loads(place.read(_ABOUT))
        other = sorted(key for key in {*before, *about} if before.get(key) != json.loads(text).get(key))
        if other:
            said = ", ".join(f"{key} was {before.get(key)!r}, now {about.get(key)!r}" for key in other)
            raise InvalidInputError(f"--out holds the results of other options ({said}); choose another place, or the same options")
        return
    with place.replacing(_ABOUT) as target:
        target.write_text(text, "utf-8")


def _stems(place: Place, folder: str) -> set[str]:
    return {name.removesuffix(_SUFFIX) for name in place.names(folder) if name.endswith(_SUFFIX)}


def _footer(place: Place, name: str) -> list[dict[str, Any]]:
    _, pq = _pyarrow()
    found = pq.ParquetFile(io.BytesIO(place.read(f"{RECORDS}/{name}{_SUFFIX}"))).metadata.metadata or {}
    rows: list[dict[str, Any]] = json.loads(found.get(_FOOTER, b"[]"))
    return rows


def _read_files(place: Place, name: str) -> list[dict[str, Any]]:
    _, pq = _pyarrow()
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(place.read(f"{FILES}/{name}{_SUFFIX}"))).to_pylist()
    return rows


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("cluster", "an archive") from error
    return pa, pq
