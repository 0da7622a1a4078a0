"""Backup and restore: one archive with every table, every file and the keys, for the embedded database and any other.

The archive is a plain tar: ``tables/NAME.copy.gz`` (PostgreSQL's COPY text format, all of one moment), ``media/DIGEST``,
``keys/NAME``, and at the end ``manifest.json`` with counts and sha256 of all members, so that an archive that was cut off
or changed is noticed before anything is restored. It holds secrets and pictures: keep it where only you can read it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

import sightline
from sightline.api.base import now
from sightline.core.errors import ConflictError, InvalidInputError
from sightline.media.files import replacing
from sightline.store.blobs import BlobStore
from sightline.store.database import Database
from sightline.store.tables import Base

Progress = Callable[[str, int, int], None]
"""Is given what is being done, how many files are done and how many there are."""

MANIFEST = "manifest.json"
_CHUNK = 1 << 20


class Manifest(BaseModel):
    """What an archive holds."""

    model_config = ConfigDict(extra="forbid")

    format: int = 1
    sightline_version: str
    revision: str
    made_at: str
    tables: dict[str, list[str]]
    """Columns of each table, in the order in which tables must be filled."""
    sha256: dict[str, str]
    """Of every member but the manifest."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def backup(database: Database, blobs: BlobStore, keys: Path, target: Path, progress: Progress = silent) -> Manifest:
    """Write everything that is kept into one archive; the server may run meanwhile.

    Parameters
    ----------
    database : Database
    blobs : BlobStore
    keys : Path
        Folder of the keys.
    target : Path
        The archive; it appears when it is whole, readable by its owner alone.
    progress : callable
        Is told how far it is.

    Raises
    ------
    ConflictError
        When the database has no tables yet.
    StoreUnavailableError
        When the database or the media store goes away; nothing is left behind.
    MediaWriteError
        When the archive cannot be written.
    """
    secret = {path.name: path.read_bytes() for path in sorted(keys.glob("*")) if path.suffix != ".lock"}  # before the tables: see `Head`
    with replacing(target) as part, database.session() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        revision = session.scalar(text("SELECT version_num FROM alembic_version"))
        if revision is None:
            raise ConflictError("there is nothing to back up: the database has no tables")
        part.touch(mode=0o600)
        manifest = Manifest(
            sightline_version=sightline.__version__, revision=revision, made_at=now().isoformat(), tables=_tables(session), sha256={}
        )
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
            for name, columns in manifest.tables.items():
                progress(f"table {name}", 0, 0)
                with _table(session, name, columns) as stream:
                    _add(archive, manifest, f"tables/{name}.copy.gz", stream)
            for name, key in secret.items():
                _add(archive, manifest, f"keys/{name}", io.BytesIO(key))
            digests = session.scalars(text("SELECT digest FROM blobs WHERE state = 'kept' ORDER BY digest")).all()
            for done, digest in enumerate(digests):
                progress("files", done, len(digests))
                with blobs.open(digest) as stream:
                    _add(archive, manifest, f"media/{digest}", stream)
            _add(archive, None, MANIFEST, io.BytesIO(manifest.model_dump_json(indent=1).encode()))
    return manifest


def restore(archive_path: Path, database: Database, blobs: BlobStore, keys: Path, progress: Progress = silent) -> Manifest:
    """Fill an empty installation from an archive, and bring its tables up to date.

    Parameters
    ----------
    archive_path : Path
    database : Database
        Without rows in its tables.
    blobs : BlobStore
    keys : Path
        Folder of the keys; it must not hold any.
    progress : callable
        Is told how far it is.

    Raises
    ------
    InvalidInputError
        When the archive is no backup, was cut off or changed, or comes from a newer Sightline; nothing is changed.
    ConflictError
        When something is kept there already; nothing is changed.
    """
    manifest = check(archive_path, progress)
    _must_be_empty(database, keys)
    database.migrate("base")
    database.migrate(manifest.revision)
    with tarfile.open(archive_path) as archive, database.session() as session:
        members = [m for m in archive.getmembers() if m.name.startswith("media/")]
        for done, member in enumerate(members):
            progress("files", done, len(members))
            _put(archive, member, blobs)
        for name, columns in manifest.tables.items():
            progress(f"table {name}", 0, 0)
            _fill(session, archive, name, columns)
        session.execute(
            text(
                "UPDATE jobs SET state = 'failed', finished_at = now(), detail = 'it was under way when the backup was made; retry it'"
                " WHERE state IN ('queued', 'running', 'paused')"
            )
        )
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        for member in archive.getmembers():
            if member.name.startswith("keys/"):
                _write_key(keys / Path(member.name).name, _read(archive, member).read())
    database.migrate()
    return manifest


def check(archive_path: Path, progress: Progress = silent) -> Manifest:
    """Read an archive through and return its manifest.

    Raises
    ------
    InvalidInputError
        When it is no backup, was cut off or changed, or comes from a newer Sightline.
    """
    try:
        with tarfile.open(archive_path) as archive:
            members = archive.getmembers()
            if not members or members[-1].name != MANIFEST or not all(m.isreg() for m in members):
                raise InvalidInputError(f"{archive_path}: not a whole backup (its list of contents is missing)")
            manifest = Manifest.model_validate_json(_read(archive, members[-1]).read())
            found: dict[str, str] = {}
            for done, member in enumerate(members[:-1]):
                progress("checking", done, len(members))
                found[member.name] = hashlib.file_digest(_read(archive, member), "sha256").hexdigest()  # type: ignore[arg-type]
    except FileNotFoundError:
        raise InvalidInputError(f"{archive_path}: there is no such file") from None
    except (tarfile.TarError, ValidationError, OSError, EOFError) as error:
        raise InvalidInputError(f"{archive_path}: not a backup, or damaged ({type(error).__name__})") from error
    if found != manifest.sha256:
        wrong = sorted(name for name in found.keys() | manifest.sha256.keys() if found.get(name) != manifest.sha256.get(name))
        raise InvalidInputError(f"{archive_path}: {len(wrong)} members are missing or changed, such as {wrong[0]}")
    known = {table.name for table in Base.metadata.sorted_tables}
    if manifest.format != 1 or not manifest.tables.keys() <= known:
        raise InvalidInputError(f"{archive_path}: made by a newer Sightline ({manifest.sightline_version}); upgrade first")
    return manifest


def _tables(session: Session) -> dict[str, list[str]]:
    columns = session.execute(
        text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY ordinal_position")
    ).all()
    there: dict[str, list[str]] = {}
    for table, column in columns:
        there.setdefault(table, []).append(column)
    return {t.name: there[t.name] for t in Base.metadata.sorted_tables if t.name in there}


def _copy(name: str, columns: list[str], how: str) -> str:
    return f'COPY "{name}" ({", ".join(json.dumps(c) for c in columns)}) {how}'


@contextmanager
def _table(session: Session, name: str, columns: list[str]) -> Iterator[IO[bytes]]:
    """Give one table as compressed text, in a file that is gone afterwards."""
    cursor = session.connection().connection.cursor()
    with tempfile.TemporaryFile() as stream:
        with (
            gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=3, mtime=0) as packed,
            cursor.copy(_copy(name, columns, "TO STDOUT")) as rows,
        ):
            for block in rows:
                packed.write(block)
        stream.seek(0)
        yield stream


def _fill(session: Session, archive: tarfile.TarFile, name: str, columns: list[str]) -> None:
    session.execute(text(f'ALTER TABLE "{name}" DISABLE TRIGGER USER'))  # what triggers would add is in the archive
    cursor = session.connection().connection.cursor()
    packed = gzip.GzipFile(fileobj=_read(archive, archive.getmember(f"tables/{name}.copy.gz")))
    with packed, cursor.copy(_copy(name, columns, "FROM STDIN")) as rows:
        while block := packed.read(_CHUNK):
            rows.write(block)
    session.execute(text(f'ALTER TABLE "{name}" ENABLE TRIGGER USER'))
    for column in columns:
        sequence = session.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": name, "column": column})
        if sequence is not None:
            session.execute(
                text(f'SELECT setval(:sequence, (SELECT coalesce(max("{column}"), 0) + 1 FROM "{name}"), false)'), {"sequence": sequence}
            )


def _must_be_empty(database: Database, keys: Path) -> None:
    if keys.is_dir() and any(keys.iterdir()):
        raise ConflictError(f"{keys} holds keys already; restore into a new --data folder")
    if database.revision() is None:
        return
    with database.session() as session:
        for table in Base.metadata.sorted_tables:
            if session.scalar(text(f'SELECT 1 FROM "{table.name}" LIMIT 1')) is not None:
                raise ConflictError(f"the database holds {table.name} already; restore into a new --data folder or an empty database")


def _add(archive: tarfile.TarFile, manifest: Manifest | None, name: str, stream: IO[bytes]) -> None:
    """Add a member, counting its bytes and its sha256 while it is copied to a file of known size."""
    with tempfile.TemporaryFile() as whole:
        digest = hashlib.sha256()
        while block := stream.read(_CHUNK):
            digest.update(block)
            whole.write(block)
        member = tarfile.TarInfo(name)
        member.size, member.mode = whole.tell(), 0o600
        whole.seek(0)
        archive.addfile(member, whole)
    if manifest is not None:
        manifest.sha256[name] = digest.hexdigest()


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    stream = archive.extractfile(member)
    assert stream is not None, member.name
    return stream


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, blobs: BlobStore) -> None:
    descriptor, name = tempfile.mkstemp()
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            shutil.copyfileobj(_read(archive, member), stream, _CHUNK)
        blobs.put(path, Path(member.name).name)
    finally:
        path.unlink(missing_ok=True)


def _write_key(path: Path, key: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key)
