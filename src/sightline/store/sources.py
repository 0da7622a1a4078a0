"""Watched folders, cameras and their zones. Addresses hold passwords: they are sealed in the database and never told whole."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sightline.api.records import MediaSource, NewSource, NewZone, SourceChange, SourceKind, Zone
from sightline.core.errors import ConflictError, InvalidInputError, NotFoundError
from sightline.media.camera import SCHEMES, redact
from sightline.store.database import Database
from sightline.store.grams import storable
from sightline.store.retention import keep_for
from sightline.store.tables import JobRow, SourceRow, ZoneRow

__all__ = ["SourceStore"]

_WATCHING = ("queued", "running", "paused")
_MOST_ZONES = 100
_SMALLEST_ZONE = 1e-4
_NOT_IN_AN_ADDRESS = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_METADATA_SERVICES = frozenset({"169.254.169.254", "fd00:ec2::254", "metadata.google.internal"})


class SourceStore:
    """Keeps watched folders, cameras and zones.

    Parameters
    ----------
    database : Database
    key : bytes
        Secret of this installation that seals addresses, at least 32 bytes.

    Raises
    ------
    InvalidInputError
        When the key is too short.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        if len(key) < 32:
            raise InvalidInputError(f"expected a key of at least 32 bytes, got {len(key)}")
        self._database = database
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"sightline sources\x00" + key).digest()))

    def add(self, new: NewSource, *, watch: Sequence[Path] = ()) -> MediaSource:
        """Put a source on record; nothing is watched yet.

        Parameters
        ----------
        new : NewSource
        watch : sequence of Path
            Folders inside which watched folders may be.

        Raises
        ------
        InvalidInputError
            When the folder is not there or may not be watched, or the address is none of a camera.
        """
        address = _folder(new.address, watch) if new.kind == "folder" else _camera(new.address)
        with self._database.session() as session:
            row = SourceRow(
                name=_name(new.name),
                kind=new.kind,
                address=self._seal.encrypt(address.encode()).decode(),
                only=list(new.only),
                retention_days=new.retention_days,
                keep_video=new.keep_video,
                segment_s=new.segment_s,
            )
            session.add(row)
            session.flush()
            return self._sources(session, [row])[0]

    def all(self) -> list[MediaSource]:
        """Return all sources, by name."""
        with self._database.session() as session:
            return self._sources(session, session.scalars(select(SourceRow).order_by(func.lower(SourceRow.name), SourceRow.id)))

    def get(self, source_id: int) -> MediaSource:
        """Return a source.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            return self._sources(session, [_existing(session, source_id)])[0]

    def address(self, source_id: int) -> str:
        """Return the whole address of a source, with its secrets: for whoever opens it, never to be told or logged.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        ConflictError
            When the key that sealed it is not there any more.
        """
        with self._database.session() as session:
            return self._open(_existing(session, source_id))

    def change(self, source_id: int, change: SourceChange) -> MediaSource:
        """Change the fields that are given.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        InvalidInputError
            When a name, list or switch is null, or a new address is none of a camera.
        """
        given = change.model_dump(exclude_unset=True)
        for name in given.keys() - {"retention_days"}:
            if given[name] is None:
                raise InvalidInputError(f"{name} cannot be null; leave it out to keep it as it is")
        with self._database.session() as session:
            row = _existing(session, source_id)
            if "address" in given:
                given["address"] = self._changed(row, given["address"])
            for name, value in given.items():
                setattr(row, name, _name(value) if name == "name" else value)
            session.flush()
            if "retention_days" in given:
                keep_for(session, source_id, row.retention_days)
            return self._sources(session, [row])[0]

    def delete(self, source_id: int) -> None:
        """Delete a source with its zones and jobs; media and records that came from it stay.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            _existing(session, source_id)
            session.execute(delete(SourceRow).where(SourceRow.id == source_id).execution_options(synchronize_session=False))

    def add_zone(self, source_id: int, new: NewZone) -> Zone:
        """Add a zone to a source.

        Raises
        ------
        NotFoundError
            When there is no such source.
        ConflictError
            When it has a zone of that name, or a hundred zones.
        InvalidInputError
            When the corners enclose nothing.
        """
        if _area(new.polygon_xy) < _SMALLEST_ZONE:
            raise InvalidInputError("the corners enclose nothing: expected at least three that are not on one line")
        with self._database.session() as session:
            _existing(session, source_id)
            if (session.scalar(select(func.count()).where(ZoneRow.source_id == source_id)) or 0) >= _MOST_ZONES:
                raise ConflictError(f"source {source_id} has {_MOST_ZONES} zones already, as many as may be")
            row = ZoneRow(source_id=source_id, name=_name(new.name), polygon_xy=[list(corner) for corner in new.polygon_xy])
            session.add(row)
            try:
                session.flush()
            except IntegrityError as error:
                raise ConflictError(f"source {source_id} has a zone {new.name!r} already") from error
            return _zone(row)

    def delete_zone(self, source_id: int, zone_id: int) -> None:
        """Delete a zone.

        Raises
        ------
        NotFoundError
            When the source has no such zone.
        """
        with self._database.session() as session:
            row = session.get(ZoneRow, zone_id)
            if row is None or row.source_id != source_id:
                raise NotFoundError(f"source {source_id} has no zone {zone_id}")
            session.delete(row)

    # ------------------------------------------------------------------ inside

    def _changed(self, row: SourceRow, address: str) -> str:
        """Return a new address, sealed."""
        if row.kind != "camera":
            raise InvalidInputError("the folder of a source cannot be changed; add another source")
        if "***" in address:
            raise InvalidInputError("*** stands for what is hidden; give the whole address, or leave it out to keep it")
        return self._seal.encrypt(_camera(address).encode()).decode()

    def _open(self, row: SourceRow) -> str:
        try:
            return self._seal.decrypt(row.address).decode()
        except InvalidToken:
            raise ConflictError(
                f"the address of {row.name!r} was sealed with another key: restore keys/sources.key, or give it again"
            ) from None

    def _sources(self, session: Session, rows: Iterable[SourceRow]) -> list[MediaSource]:
        """Return rows as bodies, with their zones and jobs."""
        rows = list(rows)
        ids = [row.id for row in rows]
        zones: dict[int, list[Zone]] = {}
        for zone in session.scalars(select(ZoneRow).where(ZoneRow.source_id.in_(ids)).order_by(ZoneRow.name, ZoneRow.id)):
            zones.setdefault(zone.source_id, []).append(_zone(zone))
        jobs = {
            job.source_id: job
            for job in session.scalars(
                select(JobRow)
                .where(JobRow.source_id.in_(ids), JobRow.kind.in_(("folder", "camera")), JobRow.state.in_(_WATCHING))
                .order_by(JobRow.created_at)
            )
        }
        return [self._source(row, zones.get(row.id, []), jobs.get(row.id)) for row in rows]

    def _source(self, row: SourceRow, zones: list[Zone], job: JobRow | None) -> MediaSource:
        kind: SourceKind = "folder" if row.kind == "folder" else "camera"
        try:
            address = self._open(row)
        except ConflictError:
            address = "***"
        only: list[Any] = list(row.only)
        return MediaSource(
            id=row.id,
            name=row.name,
            kind=kind,
            address=address if kind == "folder" else redact(address),
            only=only,
            retention_days=row.retention_days,
            keep_video=row.keep_video,
            segment_s=row.segment_s,
            job_id=None if job is None else job.id,
            running=job is not None and job.state != "paused",
            created_at=row.created_at,
            zones=zones,
        )


def _name(given: str) -> str:
    name = storable(given)
    if not name.strip():
        raise InvalidInputError("a name needs a character that can be seen")
    return name


def _existing(session: Session, source_id: int) -> SourceRow:
    row = session.get(SourceRow, source_id) if 0 < source_id < 1 << 31 else None
    if row is None:
        raise NotFoundError(f"there is no source {source_id}")
    return row


def _zone(row: ZoneRow) -> Zone:
    return Zone(id=row.id, source_id=row.source_id, name=row.name, polygon_xy=[(x, y) for x, y in row.polygon_xy])


def _folder(given: str, watch: Sequence[Path]) -> str:
    """Return a folder's path, free of links."""
    if not watch:
        raise InvalidInputError("no folder may be watched: start with `sightline serve --watch FOLDER` to allow one")
    places = ", ".join(str(place) for place in watch)
    path = Path(given)
    try:
        real = path.resolve() if path.is_absolute() else None
        if real is not None and any(real.is_relative_to(place.resolve()) for place in watch) and real.is_dir():
            return str(real)
    except (OSError, ValueError, RuntimeError):
        pass
    raise InvalidInputError(f"{given!r} is not a folder inside one of those that may be watched ({places}); give its whole path")


def _camera(given: str) -> str:
    """Return a camera's address when it is one."""
    schemes = ", ".join(f"{scheme}://" for scheme in SCHEMES)
    problem = f"expected the address of a camera ({schemes}), such as rtsp://user:password@camera.local/stream1"
    if _NOT_IN_AN_ADDRESS.search(given):
        raise InvalidInputError(f"{problem}, without spaces")
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInputError(problem) from None
    if parts.scheme.lower() not in SCHEMES or not host or storable(given) != given:
        raise InvalidInputError(problem)
    if host.lower().rstrip(".") in _METADATA_SERVICES:
        raise InvalidInputError("this address belongs to the machine's own cloud service, not to a camera")
    return given


def _area(polygon_xy: Sequence[tuple[float, float]]) -> float:
    """Return the area that corners enclose, as a share of the picture."""
    following = [*polygon_xy[1:], polygon_xy[0]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon_xy, following, strict=True))) / 2
