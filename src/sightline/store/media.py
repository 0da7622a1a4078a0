"""The catalogue of pictures and videos that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, delete, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from sightline.api.base import Page, now
from sightline.api.media import Media, MediaFilter
from sightline.core.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from sightline.store.blobs import Between, BlobStore, digest_of, digest_of_file, nothing
from sightline.store.blobs.ledger import Ledger
from sightline.store.database import Database
from sightline.store.grams import fold, grams, needed
from sightline.store.names import clean_name
from sightline.store.paging import decode_cursor, encode_cursor
from sightline.store.tables import AnalysisRow, BlobRow, MediaRow, SegmentRow, SourceRow

__all__ = ["MediaCatalogue", "NewMedia"]

_COUNTED = {"face": "faces", "body": "bodies", "hand": "hands", "people": "people", "text": "text", "object": "objects"}
_DEADLOCK = "40P01"
_INSERT = insert(MediaRow).on_conflict_do_nothing(index_elements=["origin"]).returning(MediaRow.id)


@dataclass(frozen=True)
class NewMedia:
    """What is known of a file besides its bytes.

    Parameters
    ----------
    facts : mapping
        What the task ``inspect`` of the workers said: kind, format, content_type, size_wh, duration_s, frame_rate, taken_at.
    name : str
        As its giver calls it.
    added_by : str
        Who brought it.
    source_id : int, optional
        The folder or camera it came from.
    taken_at : datetime, optional
        When its first frame was taken; by default as the file says, else now.
    origin : str, optional
        What it is at its source; a file of the same origin is brought in once.
    expires_at : datetime, optional
        When retention deletes it; for what has a source by default as that says.
    """

    facts: Mapping[str, Any] = field(repr=False)
    name: str
    added_by: str
    source_id: int | None = None
    taken_at: datetime | None = None
    origin: str | None = None
    expires_at: datetime | None = None


class MediaCatalogue:
    """Pictures and videos, the files they lie in, and the documents of their analyses.

    Parameters
    ----------
    database : Database
    blobs : BlobStore
        Where files lie.
    forget : callable
        Is told the digest of each file that is deleted.
    between : callable
        Is told each step.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, *, forget: Callable[[str], None] = nothing, between: Between = nothing
    ) -> None:
        self._database, self._blobs, self._between = database, blobs, between
        self.ledger = Ledger(database, blobs, forget=forget, between=between)

    def recover(self) -> int:
        """Settle what a killed process left; call it before anything else. See `Ledger.recover`."""
        return self.ledger.recover()

    # ------------------------------------------------------------------ bringing in

    def add(
        self,
        spool_path: Path,
        facts: Mapping[str, Any],
        *,
        name: str,
        added_by: str,
        source_id: int | None = None,
        taken_at: datetime | None = None,
        origin: str | None = None,
        expires_at: datetime | None = None,
    ) -> Media:
        """Keep a file of the spool folder, which is gone from there afterwards; see `NewMedia` for the parameters.

        Returns
        -------
        Media
            The one that was brought in before, when there is one of the same origin.

        Raises
        ------
        InvalidInputError
            When there is no such source.
        StoreUnavailableError, OSError
            When it could not be stored; nothing is kept, and the file is still where it was.
        """
        new = NewMedia(facts, name, added_by, source_id, taken_at, origin, expires_at)
        with self.adding(spool_path, digest_of_file(spool_path), new) as (_, row):
            pass
        return _media(row, None, None)

    @contextmanager
    def adding(self, spool_path: Path, digest: str, new: NewMedia) -> Iterator[tuple[Session, MediaRow]]:
        """Keep a file of the spool folder and give the transaction in which that happens; raises as `add` does."""
        size = spool_path.stat().st_size
        with self.ledger.keeping(digest, size, lambda: self._blobs.put(spool_path, digest)) as claim:
            row = _insert(claim.session, digest, size, new)
            claim.is_needed = row.digest == digest
            yield claim.session, row
        spool_path.unlink(missing_ok=True)
        self._between("spool file deleted")

    @contextmanager
    def keeping(self, data: bytes) -> Iterator[tuple[Session, str]]:
        """Keep a document and give the transaction in which to write its digest (`SegmentRow.digest`); when nothing was, it is not kept.

        Raises
        ------
        StoreUnavailableError, OSError
            When it could not be stored; nothing is kept.
        """
        digest = digest_of(data)
        with self.ledger.keeping(digest, len(data), lambda: self._blobs.put_bytes(data, digest)) as claim:
            yield claim.session, digest

    def release(self, session: Session, digests: Iterable[str]) -> None:
        """In a transaction that deleted segments: let go of their documents, which are deleted when it has been committed."""
        self.ledger.release(session, digests)

    # ------------------------------------------------------------------ reading

    def get(self, media_id: UUID) -> Media:
        """Return what is known of a picture or video.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            found = session.execute(_with_newest_analysis().where(MediaRow.id == media_id)).one_or_none()
        if found is None:
            raise _missing(media_id)
        return _media(*found)

    def row(self, media_id: UUID) -> MediaRow:
        """Return the row of a picture or video; raises as `get` does."""
        with self._database.session() as session:
            row = session.get(MediaRow, media_id)
        if row is None:
            raise _missing(media_id)
        return row

    def page(self, which: MediaFilter, *, cursor: str | None = None, limit: int = 50) -> Page[Media]:
        """Return what was added, newest first.

        Raises
        ------
        InvalidInputError
            When the cursor is not one of this list.
        """
        phrase = fold(which.name or "")
        query = _filtered(which, phrase).order_by(MediaRow.added_at.desc(), MediaRow.id.desc()).limit(limit + 1)
        after: tuple[Any, ...] | None = decode_cursor(cursor, datetime, UUID) if cursor is not None else None
        items: list[Media] = []
        with self._database.session() as session:
            while True:
                rows = session.execute(query.where(tuple_(MediaRow.added_at, MediaRow.id) < tuple_(*after)) if after else query).all()
                items += [_media(*row) for row in rows if phrase in fold(row[0].name)]  # pairs of letters find a little too much
                if len(items) > limit or len(rows) <= limit:
                    break
                after = (rows[-1][0].added_at, rows[-1][0].id)
        shown = items[:limit]
        more = len(items) > limit
        return Page[Media](items=shown, next_cursor=encode_cursor(shown[-1].added_at, shown[-1].id) if more else None)

    @contextmanager
    def local_path(self, digest: str) -> Iterator[Path]:
        """Give a path on this machine under which a file can be read.

        Raises
        ------
        NotFoundError
            When it is gone.
        StoreUnavailableError
            When an object store does not answer.
        """
        yield self._blobs.path(digest)

    def read(self, digest: str) -> bytes:
        """Return the bytes of a file; raises as `local_path` does."""
        return self._blobs.read(digest)

    def range(self, digest: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of a file from ``start`` to before ``end``; raises as `local_path` does, at once."""
        return self._blobs.range(digest, start, end)

    def is_kept(self, digest: str) -> bool:
        """Return whether a file is kept."""
        with self._database.session() as session:
            return session.scalar(select(BlobRow.state).where(BlobRow.digest == digest)) == "kept"

    # ------------------------------------------------------------------ deleting

    def delete(self, media_id: UUID) -> Media:
        """Delete a picture or video with its analyses, records and files; return what it was.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        StoreUnavailableError
            When the database does not answer; nothing is deleted.
        """
        for _ in range(3):
            try:
                return self._delete(media_id)
            except StoreUnavailableError as error:
                if not _is_deadlock(error):
                    raise
        return self._delete(media_id)

    def _delete(self, media_id: UUID) -> Media:
        analyses = select(AnalysisRow.id).where(AnalysisRow.media_id == media_id)
        with self._database.session() as session:
            row = session.scalar(select(MediaRow).where(MediaRow.id == media_id).with_for_update())
            if row is None:
                raise _missing(media_id)
            own = list(session.scalars(analyses.order_by(AnalysisRow.id).with_for_update()))  # no segment can come from here on
            digests = {row.digest, *session.scalars(select(SegmentRow.digest).where(SegmentRow.analysis_id.in_(own)))}
            self.ledger.lock(session, digests)
            session.execute(delete(MediaRow).where(MediaRow.id == media_id).execution_options(synchronize_session=False))
            self.ledger.release(session, digests)
            self._between("about to commit")
        self._between("deleted")
        return _media(row, None, None)


def _insert(session: Session, digest: str, size: int, new: NewMedia) -> MediaRow:
    expires_at = new.expires_at
    if new.source_id is not None:
        found = session.execute(
            select(SourceRow.retention_days).where(SourceRow.id == new.source_id).with_for_update(read=True)
        ).one_or_none()
        if found is None:
            raise InvalidInputError(f"there is no source {new.source_id}")
        expires_at = expires_at or (now() + timedelta(days=found[0]) if found[0] is not None else None)
    facts, name = new.facts, clean_name(new.name)
    told = facts.get("taken_at")
    values = {
        "id": uuid4(),
        "digest": digest,
        "name": name,
        "name_grams": grams(name),
        **{key: facts[key] for key in ("kind", "format", "content_type")},
        "bytes": size,
        "width": facts["size_wh"][0],
        "height": facts["size_wh"][1],
        "duration_s": facts.get("duration_s"),
        "frame_rate": facts.get("frame_rate"),
        "source_id": new.source_id,
        "origin": new.origin,
        "taken_at": new.taken_at or (datetime.fromisoformat(told) if told else now()),
        "added_at": now(),
        "added_by": new.added_by,
        "expires_at": expires_at,
    }
    if session.connection().scalar(_INSERT, values) is None:
        return session.scalars(select(MediaRow).where(MediaRow.origin == new.origin)).one()
    return MediaRow(**values)


def _with_newest_analysis() -> Select[tuple[MediaRow, UUID | None, dict[str, Any] | None]]:
    newest = (
        select(AnalysisRow.id, AnalysisRow.counts)
        .where(AnalysisRow.media_id == MediaRow.id, AnalysisRow.state == "done")
        .order_by(AnalysisRow.created_at.desc(), AnalysisRow.id.desc())
        .limit(1)
        .lateral("newest")
    )
    return select(MediaRow, newest.c.id, newest.c.counts).outerjoin(newest, true())


def _filtered(which: MediaFilter, phrase: str) -> Select[Any]:
    query = _with_newest_analysis()
    conditions: dict[str, Callable[[Any], Any]] = {
        "kind": lambda value: MediaRow.kind == value,
        "source_id": lambda value: MediaRow.source_id == value,
        "taken_from": lambda value: MediaRow.taken_at >= value,
        "taken_before": lambda value: MediaRow.taken_at < value,
        "found": lambda value: func.coalesce(query.selected_columns["counts"][_COUNTED[value]].as_integer(), 0) > 0,
    }
    given = {name: getattr(which, name) for name in conditions if getattr(which, name) is not None}
    query = query.where(*(conditions[name](value) for name, value in given.items()))
    return query.where(MediaRow.name_grams.contains(needed(phrase))) if phrase else query


def _media(row: MediaRow, analysis_id: UUID | None, counts: dict[str, int] | None) -> Media:
    same = "id name kind format content_type bytes duration_s frame_rate source_id taken_at added_at added_by expires_at"
    facts = {name: getattr(row, name) for name in same.split()}
    return Media(**facts, sha256=row.digest, size_wh=(row.width, row.height), analysis_id=analysis_id, counts=counts or {})


def _missing(media_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no picture or video {media_id}")


def _is_deadlock(error: StoreUnavailableError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OperationalError) and getattr(cause.orig, "sqlstate", None) == _DEADLOCK
