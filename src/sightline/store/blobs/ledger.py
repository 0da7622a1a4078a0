"""Which files are kept, and why nothing is ever orphaned or half there.

Keeping: the row says ``pending`` (committed) -> the file is put -> one transaction turns the row to ``kept`` and writes what needs
the file. Deleting: the transaction that takes away the last thing that needs a file turns its row to ``doomed`` -> under that row's
lock the file is deleted, then the row. A process that is killed anywhere leaves rows that are pending or doomed, and `Ledger.recover`
settles them. A file is deleted under its row's lock only, and a row becomes ``kept`` under that lock only when the file is there: so
the same bytes may come in any number of times while they are deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import delete, event, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sightline.core.errors import ConflictError, SightlineError
from sightline.store.blobs import Between, BlobStore, nothing
from sightline.store.database import Database
from sightline.store.tables import BlobRow, MediaRow, SegmentRow

__all__ = ["Comparison", "Ledger"]

logger = logging.getLogger(__name__)

_TRIES = 20
_BATCH = 100
_STALE = timedelta(days=1)
_ANNOUNCE = text(
    "INSERT INTO blobs (digest, bytes, state, changed_at)"
    " SELECT :digest, :bytes, 'pending', now() FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lazily"
    " ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes, changed_at = now(),"
    " state = CASE blobs.state WHEN 'kept' THEN 'kept' ELSE 'pending' END"
)
"""Its commit does not wait for the disk: that of the file's own transaction does, and `Ledger.compare` finds what a power cut left."""
_CLAIM = text("UPDATE blobs SET state = 'kept', changed_at = now() WHERE digest = :digest AND state IN ('pending', 'kept')")
_UNREFERENCED = ~exists().where(MediaRow.digest == BlobRow.digest) & ~exists().where(SegmentRow.digest == BlobRow.digest)


@dataclass(frozen=True)
class Comparison:
    """What a comparison of files and rows found.

    Parameters
    ----------
    orphans : int
        Files that no row knew; deleted.
    lost : list of str
        Digests that are kept by the rows, and whose files are gone.
    """

    orphans: int
    lost: list[str]


@dataclass
class Claim:
    """A file that is about to be kept.

    Parameters
    ----------
    session : Session
        The transaction in which that happens.
    is_needed : bool
        Set it when something that needs the file was written for sure; else that is looked up.
    """

    session: Session
    is_needed: bool = False


class Ledger:
    """The table of files, and the only one who puts and deletes them.

    Parameters
    ----------
    database : Database
    blobs : BlobStore
    forget : callable
        Is told the digest of each file that is deleted, before its row is: what was made from it goes too.
    between : callable
        Is told each step.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, *, forget: Callable[[str], None] = nothing, between: Between = nothing
    ) -> None:
        self._database, self._blobs = database, blobs
        self._forget, self._between = forget, between

    @contextmanager
    def keeping(self, digest: str, size: int, put: Callable[[], None]) -> Iterator[Claim]:
        """Keep a file and give the transaction in which to write what needs it; when that is nothing in the end, the file goes again.

        Parameters
        ----------
        digest : str
        size : int
            Bytes.
        put : callable
            Puts the file into the store; may be called more than once.

        Raises
        ------
        StoreUnavailableError, OSError
            When the file or the rows could not be written; nothing is kept.
        """
        try:
            for _ in range(_TRIES):
                with self._database.session() as session:
                    session.execute(_ANNOUNCE, {"digest": digest, "bytes": size})  # waits while the same one is being deleted
                self._between("announced")
                put()
                self._between("put")
                with self._database.session() as session:
                    if not self._claim(session, digest):
                        session.rollback()
                        continue  # it was deleted after we had put it: once more
                    claim = Claim(session)
                    yield claim
                    if not claim.is_needed:
                        self._release_locked(session, [digest])
                    self._between("about to commit")
                self._between("kept")
                return
            raise ConflictError("the same file is being deleted over and over; try again")
        except BaseException:
            with suppress(SightlineError, OSError):
                self._abandon(digest)
            raise

    def release(self, session: Session, digests: Iterable[str]) -> None:
        """In a transaction that took away things that needed files: doom the files that nothing needs any more.

        They are deleted when the transaction has been committed.
        """
        session.flush()
        locked = self.lock(session, digests)
        if locked:
            self._release_locked(session, locked)

    def _release_locked(self, session: Session, digests: Collection[str]) -> None:
        session.flush()
        doomed = session.scalars(
            update(BlobRow)
            .where(BlobRow.digest.in_(digests), _UNREFERENCED)
            .values(state="doomed", changed_at=func.now())
            .returning(BlobRow.digest)
            .execution_options(synchronize_session=False)
        ).all()
        if doomed:
            event.listen(session, "after_commit", lambda _: self._collect_later(doomed), once=True)

    def lock(self, session: Session, digests: Iterable[str]) -> list[str]:
        """Lock the rows of kept files, in one order for all who do; return their digests."""
        query = select(BlobRow.digest).where(BlobRow.digest.in_(set(digests)), BlobRow.state == "kept")
        return list(session.scalars(query.order_by(BlobRow.digest).with_for_update()))

    def collect(self, digests: Collection[str] | None = None) -> int:
        """Delete doomed files and their rows, all or those named; return how many."""
        if digests is None:
            with self._database.session() as session:
                digests = session.scalars(select(BlobRow.digest).where(BlobRow.state == "doomed")).all()
        remaining, count = iter(sorted(digests)), 0
        while batch := list(islice(remaining, _BATCH)):
            with self._database.session() as session:
                _lazily(session)
                query = select(BlobRow.digest).where(BlobRow.digest.in_(batch), BlobRow.state == "doomed").order_by(BlobRow.digest)
                doomed = list(session.scalars(query.with_for_update()))
                for digest in doomed:
                    self._forget(digest)
                    self._blobs.delete(digest)
                self._between("files deleted")
                session.execute(delete(BlobRow).where(BlobRow.digest.in_(doomed)).execution_options(synchronize_session=False))
            self._between("rows deleted")
            count += len(doomed)
        return count

    def recover(self) -> int:
        """Settle what a killed process left, and return how many files and rows that were. Nobody else may be at work.

        Raises
        ------
        StoreUnavailableError
            When the database or the store does not answer.
        """
        self._doom(BlobRow.state == "pending")
        settled = self.collect() + self._blobs.clear_unfinished()
        if settled:
            logger.info("settled %d files that were being kept or deleted when the server ended", settled)
        return settled

    def collect_garbage(self) -> int:
        """Delete kept files that nothing needs, and those that were announced a day ago and never came; return how many."""
        self._doom((BlobRow.state == "kept") & _UNREFERENCED)
        self._doom((BlobRow.state == "pending") & (BlobRow.changed_at < func.now() - _STALE))
        return self.collect()

    def compare(self) -> Comparison:
        """Compare files with rows: delete files that no row knows, name rows whose files are gone. Reads the whole list of files."""
        orphans, lost = 0, []
        for start in (f"{number:02x}" for number in range(256)):  # in 256 parts, so that no list is long
            there = set(self._blobs.digests(start))
            with self._database.session() as session:
                found = select(BlobRow.digest, BlobRow.state).where(BlobRow.digest.between(start, f"{start}g"))
                rows = {row.digest: row.state for row in session.execute(found)}
                if unknown := sorted(there - rows.keys()):
                    values = [{"digest": digest, "bytes": 0, "state": "doomed"} for digest in unknown]
                    session.execute(insert(BlobRow).on_conflict_do_nothing(), values)
            orphans += self.collect(unknown) if unknown else 0
            missing = [digest for digest, state in rows.items() if state == "kept" and digest not in there]
            lost += [digest for digest in missing if self._is_lost(digest)]
        if lost:
            logger.error("%d files are gone from the media store, such as %s; restore a backup", len(lost), lost[0])
        return Comparison(orphans, lost)

    def _is_lost(self, digest: str) -> bool:
        """Look again: it may have come or gone since the list of files was made."""
        with self._database.session() as session:
            state = session.scalar(select(BlobRow.state).where(BlobRow.digest == digest).with_for_update())
            return state == "kept" and not self._blobs.exists(digest)

    def _claim(self, session: Session, digest: str) -> bool:
        """Turn a row to kept when its file is there, and hold its lock."""
        result = session.connection().execute(_CLAIM, {"digest": digest})
        return result.rowcount == 1 and self._blobs.exists(digest)

    def _abandon(self, digest: str) -> None:
        self._doom((BlobRow.digest == digest) & (BlobRow.state == "pending"))
        self.collect([digest])

    def _doom(self, which: Any) -> None:
        """Doom files that nothing needs; who needs one is asked again once its row is locked."""
        with self._database.session() as session:
            locked = list(session.scalars(select(BlobRow.digest).where(which).order_by(BlobRow.digest).with_for_update()))
            for start in range(0, len(locked), 1000):
                doomed = update(BlobRow).where(BlobRow.digest.in_(locked[start : start + 1000]), _UNREFERENCED)
                session.execute(doomed.values(state="doomed", changed_at=func.now()).execution_options(synchronize_session=False))

    def _collect_later(self, doomed: Collection[str]) -> None:
        try:
            self.collect(doomed)
        except (SightlineError, OSError) as error:
            logger.warning("%d files could not be deleted yet and will be later: %s", len(doomed), error)


def _lazily(session: Session) -> None:
    """Let the commit not wait for the disk: a later one does, and what a power cut may undo here is repaired by `Ledger`."""
    session.execute(text("SET LOCAL synchronous_commit = off"))
