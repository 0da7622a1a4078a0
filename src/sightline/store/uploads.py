"""Files on their way in: their bytes lie in the spool folder until they are kept or refused."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from io import FileIO
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, inspect, select, text, update
from sqlalchemy.orm import Session

from sightline.api.base import now
from sightline.api.media import NewUpload, Upload
from sightline.core.errors import ConflictError, InvalidInputError, MediaLimitError, NotFoundError
from sightline.store.database import Database
from sightline.store.names import clean_name
from sightline.store.tables import AnalysisRow, SourceRow, UploadRow

__all__ = ["SUFFIX", "Part", "Sink", "Uploads"]

SUFFIX = ".part"
LASTS = timedelta(days=1)
"""How long an upload is waited for after its last bytes, and its row is kept after its end."""

_SAVE_EVERY = 64 << 20
_NOTE = text(
    "UPDATE uploads SET analysis_id = :analysis_id, job_id = :job_id, detail = :detail"
    " FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily WHERE id = :id"
)
"""Does not wait for the disk: after a power cut `Uploads.analysis_begun` finds the analysis again."""
_COLUMNS = tuple(inspect(UploadRow).columns.keys())
_State = Literal["receiving", "checking", "kept", "refused"]


class Uploads:
    """Uploads and their parts.

    Parameters
    ----------
    database : Database
    spool : Path
        Folder of the parts: ``ID.part``.
    """

    def __init__(self, database: Database, spool: Path) -> None:
        self._database, self._spool = database, spool
        self._busy: set[UUID] = set()
        self._guard = threading.Lock()
        self._digesting: dict[UUID, tuple[int, Any]] = {}
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)

    # ------------------------------------------------------------------ rows

    def create(self, new: NewUpload, who: str) -> Upload:
        """Begin an upload.

        Raises
        ------
        InvalidInputError
            When there is no such source.
        OSError
            With ``ENOSPC`` when the disk has not room for it.
        """
        self.check_room(new.bytes)
        with self._database.session() as session:
            check_source(session, new.source_id)
            row = new_row(new, who, "receiving")
            session.add(row)
        return _upload(row)

    def check_room(self, size: int) -> None:
        """Refuse what the disk has no room for now.

        Raises
        ------
        OSError
            With ``ENOSPC``.
        """
        if shutil.disk_usage(self._spool).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._spool))

    def get(self, upload_id: UUID, who: str | None = None) -> Upload:
        """Return an upload; with ``who``, only one that they began.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            return _upload(_existing(session, upload_id, who))

    def announced(self, upload_id: UUID) -> tuple[NewUpload, str]:
        """Return what an upload was begun as, and by whom; raises as `get` does."""
        with self._database.session() as session:
            row = _existing(session, upload_id, None)
            fields = {name: getattr(row, name) for name in ("name", "bytes", "source_id", "analyse", "taken_at")}
            return NewUpload(**fields), row.created_by

    def delete(self, upload_id: UUID, who: str | None = None) -> None:
        """Give an upload up; what was kept of it stays kept.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        ConflictError
            When bytes are coming in for it right now.
        """
        with self.alone(upload_id):
            with self._database.session() as session:
                session.delete(_existing(session, upload_id, who))
            self._discard(upload_id)

    def refuse(self, upload_id: UUID, reason: str) -> None:
        """Note that an upload was refused, and why; its bytes are deleted."""
        with self._database.session() as session:
            session.execute(_changed(upload_id, state="refused", detail=reason))
        self._discard(upload_id)

    def keep(self, session: Session, upload_id: UUID, media_id: UUID, whole: tuple[NewUpload, str] | None = None) -> Upload:
        """In the transaction that keeps the file: note that the upload was kept.

        Parameters
        ----------
        session : Session
        upload_id, media_id : UUID
        whole : tuple of NewUpload and str, optional
            For one that came in one go and has no row yet: what it is, and who brings it.
        """
        if whole is None:
            values = {"state": "kept", "media_id": media_id, "detail": None, "expires_at": now() + LASTS}
            row = session.scalars(_changed(upload_id, **values).returning(UploadRow)).one_or_none()
            if row is None:
                raise NotFoundError(f"upload {upload_id} was given up")
        else:
            row = new_row(*whole, state="kept")
            row.id, row.received, row.media_id = upload_id, row.bytes, media_id
            session.connection().execute(insert(UploadRow), {name: getattr(row, name) for name in _COLUMNS})
        return _upload(row)

    def note_analysis(self, upload_id: UUID, analysis_id: UUID | None, job_id: str | None, detail: str | None = None) -> None:
        """Note the analysis that was begun for a kept upload, or why there is none yet."""
        with self._database.session() as session:
            session.execute(_NOTE, {"id": upload_id, "analysis_id": analysis_id, "job_id": job_id, "detail": detail})

    def analysis_begun(self, upload_id: UUID) -> Upload | None:
        """Return a kept upload with the analysis that was begun for it before the server was killed, None when there is none."""
        with self._database.session() as session:
            row = _existing(session, upload_id, None)
            query = select(AnalysisRow).where(AnalysisRow.media_id == row.media_id).order_by(AnalysisRow.created_at).limit(1)
            analysis = session.scalar(query)
            if analysis is None:
                return None
            row.analysis_id, row.job_id, row.detail = analysis.id, analysis.job_id, None
        return _upload(row)

    def unfinished(self) -> list[UUID]:
        """Return the uploads that are complete and neither kept nor refused, and those whose analysis was not begun."""
        unseen = (UploadRow.state == "kept") & UploadRow.analyse & UploadRow.analysis_id.is_(None) & UploadRow.media_id.is_not(None)
        query = select(UploadRow.id).where((UploadRow.state == "checking") | unseen).order_by(UploadRow.created_at)
        with self._database.session() as session:
            return list(session.scalars(query))

    # ------------------------------------------------------------------ bytes

    def whole(self, name: str, most: int) -> tuple[UUID, Sink]:
        """Return the id and the file of an upload that comes in one go and has no row until it is kept."""
        upload_id = uuid4()
        return upload_id, Sink(self.path(upload_id), name, most, digesting=hashlib.sha256())

    def path(self, upload_id: UUID) -> Path:
        """Return where an upload's bytes are."""
        return self._spool / f"{upload_id}{SUFFIX}"

    @contextmanager
    def alone(self, upload_id: UUID) -> Iterator[None]:
        """Let nobody else work on an upload meanwhile.

        Raises
        ------
        ConflictError
            When somebody does.
        """
        with self._guard:
            if upload_id in self._busy:
                raise ConflictError("bytes are coming in for this upload already; wait for that request, or end it")
            self._busy.add(upload_id)
        try:
            yield
        finally:
            with self._guard:
                self._busy.discard(upload_id)

    @contextmanager
    def part(self, upload_id: UUID, offset: int, who: str | None = None) -> Iterator[Part]:
        """Take the bytes of an upload from ``offset`` on; call it inside `alone`. What came is kept, whatever happens.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        ConflictError
            When it does not go on at ``offset``, or is complete.
        """
        upload = self.get(upload_id, who)
        if upload.state not in ("receiving", "checking"):
            raise ConflictError(f"this upload is {upload.state} already")
        if offset != upload.received:
            raise ConflictError(f"the upload goes on at byte {upload.received}, not {offset}")
        known = self._digesting.pop(upload_id, (0, hashlib.sha256()))
        digesting = known[1] if known[0] == offset else None
        part = Part(self, upload, digesting)
        try:
            yield part
        finally:
            try:
                part.save()
                if part.digesting is not None:
                    self._digesting[upload_id] = (part.at, part.digesting)
            finally:
                part.close()

    def digest(self, upload_id: UUID) -> str:
        """Return the sha256 of a complete upload: counted while it came, or by reading it once more."""
        at, digesting = self._digesting.get(upload_id, (-1, None))
        path = self.path(upload_id)
        if digesting is not None and at == path.stat().st_size:
            return str(digesting.hexdigest())
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def forget(self, upload_id: UUID) -> None:
        """Forget what was counted of an upload that is over."""
        self._digesting.pop(upload_id, None)

    def received(self, upload_id: UUID, count: int) -> Upload:
        """Note how many bytes are safe."""
        with self._database.session() as session:
            values = {"received": count, "expires_at": now() + LASTS}
            row = session.scalar(_changed(upload_id, **values).where(UploadRow.state.in_(("receiving", "checking"))).returning(UploadRow))
            if row is None:
                raise NotFoundError(f"upload {upload_id} was given up")
            if count == row.bytes:
                row.state = "checking"
        return _upload(row)

    # ------------------------------------------------------------------ retention

    def expire(self) -> int:
        """Delete uploads that nobody goes on with, rows of those that are over, and parts without a row; return how many."""
        old = now()
        with self._database.session() as session:
            overdue = select(UploadRow.id).where(UploadRow.expires_at < old, UploadRow.state != "checking")
            ids = [each for each in session.scalars(overdue.with_for_update(skip_locked=True)) if each not in self._busy]
            session.execute(delete(UploadRow).where(UploadRow.id.in_(ids)))
        for upload_id in ids:
            self._discard(upload_id)
        return len(ids) + self._delete_strays(old.timestamp() - LASTS.total_seconds())

    def clear_strays(self) -> int:
        """Delete what a killed process left of uploads that have no row; call it before anything else, and return how many."""
        return self._delete_strays(float("inf"))

    def _delete_strays(self, before_s: float) -> int:
        count = 0
        for path in self._spool.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before_s and not self._has_row(path):
                    path.unlink()
                    count += 1
        return count

    def _has_row(self, path: Path) -> bool:
        try:
            upload_id = UUID(path.name.removesuffix(SUFFIX))
        except ValueError:
            return False
        query = select(UploadRow.id).where(UploadRow.id == upload_id, UploadRow.state.in_(("receiving", "checking")))
        with self._database.session() as session:
            return session.scalar(query) is not None

    def _discard(self, upload_id: UUID) -> None:
        self.forget(upload_id)
        self.path(upload_id).unlink(missing_ok=True)


class Sink:
    """A file of the spool folder that bytes are poured into; it is made with the first ones.

    Parameters
    ----------
    path : Path
    name : str
        What the uploader calls it, for messages.
    most : int
        How many bytes there may be.
    at : int
        Where the first ones go; what lies behind is thrown away.
    digesting : hash object, optional
        Counts the sha256 of what comes.

    Attributes
    ----------
    at : int
        Where the next byte goes.
    """

    def __init__(self, path: Path, name: str, most: int, at: int = 0, digesting: Any = None) -> None:
        self.path, self._name, self._most = path, name, most
        self.at, self.digesting = at, digesting
        self._file: FileIO | None = None

    def write(self, data: bytes) -> None:
        """Write bytes.

        Raises
        ------
        MediaLimitError
            When there would be more than there may be; none of these is written.
        OSError
            With ``ENOSPC`` when the disk is full; none of these is kept.
        """
        if self.at + len(data) > self._most:
            raise MediaLimitError(self._name, f"more came than {self._most:,} bytes, which were announced or are allowed")
        file = self._opened()
        left = memoryview(data)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            with suppress(OSError):
                file.truncate(self.at)
                file.seek(self.at)
            raise
        self.at += len(data)
        if self.digesting is not None:
            self.digesting.update(data)

    def sync(self) -> None:
        """Bring what came to the disk."""
        os.fsync(self._opened().fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> FileIO:
        if self._file is None:
            self._file = FileIO(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
            self._file.truncate(self.at)  # bytes that were never made safe
            self._file.seek(self.at)
        return self._file


class Part(Sink):
    """Bytes of one upload as they come in.

    Attributes
    ----------
    upload : Upload
        As it was when its bytes were last made safe.
    """

    def __init__(self, uploads: Uploads, upload: Upload, digesting: Any) -> None:
        super().__init__(uploads.path(upload.id), upload.name, upload.bytes, upload.received, digesting)
        self._uploads, self.upload = uploads, upload

    def write(self, data: bytes) -> None:
        """Write bytes, and make them safe every now and then; raises as `Sink.write` does."""
        super().write(data)
        if self.at - self.upload.received >= _SAVE_EVERY:
            self.save()

    def save(self) -> Upload:
        """Make what came safe, and note how much that is."""
        if self.at > self.upload.received:
            self.sync()
            self.upload = self._uploads.received(self.upload.id, self.at)
        return self.upload


def new_row(new: NewUpload, who: str, state: _State) -> UploadRow:
    """Return a row for an upload."""
    return UploadRow(
        id=uuid4(),
        name=clean_name(new.name),
        bytes=new.bytes,
        received=0,
        state=state,
        analyse=new.analyse,
        source_id=new.source_id,
        taken_at=new.taken_at,
        created_by=who,
        created_at=now(),
        expires_at=now() + LASTS,
    )


def check_source(session: Session, source_id: int | None) -> None:
    """Refuse a source that is not there.

    Raises
    ------
    InvalidInputError
        When it is not.
    """
    if source_id is not None and session.get(SourceRow, source_id) is None:
        raise InvalidInputError(f"there is no source {source_id}")


def _existing(session: Session, upload_id: UUID, who: str | None) -> UploadRow:
    row = session.get(UploadRow, upload_id)
    if row is None or who not in (None, row.created_by):
        raise NotFoundError(f"there is no upload {upload_id}; it may have expired, then begin again")
    return row


def _changed(upload_id: UUID, **values: Any) -> Any:
    return update(UploadRow).where(UploadRow.id == upload_id).values(**values).execution_options(synchronize_session=False)


def _upload(row: UploadRow) -> Upload:
    return Upload(**{name: getattr(row, name) for name in Upload.model_fields})
