"""Letting go: what has been kept as long as it should be, and what nobody needs."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sightline.api.base import now
from sightline.core.errors import NotFoundError, SightlineError
from sightline.store.audit import AuditTrail
from sightline.store.blobs.ledger import Comparison
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.tables import BlobRow, MediaRow
from sightline.store.thumbnails import Thumbnails
from sightline.store.uploads import Uploads

__all__ = ["Retention", "Swept", "keep_for"]

logger = logging.getLogger(__name__)

ACTOR = "server"
_BATCH = 200
_HOUR_S, _DAY_S = 3600.0, 86400.0
_YOUNG_S = 3600.0


@dataclass(frozen=True)
class Swept:
    """What one sweep deleted.

    Parameters
    ----------
    media : int
        Pictures and videos that had been kept long enough.
    uploads : int
        Uploads that nobody went on with, and what was left of others.
    files : int
        Files and small pictures that nothing needed.
    """

    media: int
    uploads: int
    files: int


class Retention:
    """Deletes what has expired.

    Parameters
    ----------
    database : Database
    media : MediaCatalogue
    uploads : Uploads
    thumbnails : Thumbnails
    audit : AuditTrail
        Gets an entry ``media.expire`` for each picture and video.
    """

    def __init__(self, database: Database, media: MediaCatalogue, uploads: Uploads, thumbnails: Thumbnails, audit: AuditTrail) -> None:
        self._database, self._media, self._uploads = database, media, uploads
        self._thumbnails, self._audit = thumbnails, audit

    def keep_uploads_for(self, days: int | None) -> int:
        """Keep what was uploaded for so many days since it came, None for ever, also what is there already; return how many that are."""
        with self._database.session() as session:
            return keep_for(session, None, days)

    def sweep(self) -> Swept:
        """Delete what has expired and what nobody needs.

        Raises
        ------
        StoreUnavailableError
            When the database or the store goes away; the rest is for the next sweep.
        """
        media = 0
        while expired := self._expired():
            media += sum(self._expire(media_id) for media_id in expired)
        swept = Swept(media, self._uploads.expire(), self._media.ledger.collect_garbage() + self._delete_stray_thumbnails())
        if swept != Swept(0, 0, 0):
            logger.info("deleted %d expired pictures and videos, %d uploads, %d unneeded files", swept.media, swept.uploads, swept.files)
        return swept

    def compare(self) -> Comparison:
        """Compare all files with the rows; see `Ledger.compare`."""
        return self._media.ledger.compare()

    def run_forever(self, stop: threading.Event) -> None:
        """Sweep every hour, compare files with rows every day, until told to stop."""
        compared_s = float("-inf")
        while not stop.is_set():
            try:
                self.sweep()
                if time.monotonic() - compared_s > _DAY_S:
                    self.compare()
                    compared_s = time.monotonic()
            except (SightlineError, OSError) as error:
                logger.warning("what has expired could not all be deleted, and will be in an hour: %s", error)
            except Exception:
                logger.exception("what has expired could not all be deleted, and is tried again in an hour")
            stop.wait(_HOUR_S)

    def _expired(self) -> list[UUID]:
        query = select(MediaRow.id).where(MediaRow.expires_at < now()).order_by(MediaRow.expires_at).limit(_BATCH)
        with self._database.session() as session:
            return list(session.scalars(query))

    def _expire(self, media_id: UUID) -> bool:
        with suppress(NotFoundError):
            item = self._media.get(media_id)
            if item.expires_at is None or item.expires_at > now():
                return False  # it is kept longer now
            self._audit.write(ACTOR, "media.expire", f"media/{media_id}", name=item.name, expired=item.expires_at.isoformat())
            self._media.delete(media_id)
            return True
        return False

    def _delete_stray_thumbnails(self) -> int:
        count, files = 0, self._thumbnails.files()
        while batch := list(islice(files, 1000)):
            with self._database.session() as session:
                digests = {digest for _, digest in batch if digest is not None}
                kept = set(session.scalars(select(BlobRow.digest).where(BlobRow.digest.in_(digests), BlobRow.state == "kept")))
            for path, digest in batch:
                with suppress(FileNotFoundError):
                    if digest not in kept and path.stat().st_mtime < time.time() - _YOUNG_S:
                        path.unlink()
                        count += 1
        return count


def keep_for(session: Session, source_id: int | None, days: int | None) -> int:
    """In the transaction that changes how long things are kept: let it count for what is there already.

    Parameters
    ----------
    session : Session
    source_id : int, optional
        What came from this source; None for what was uploaded.
    days : int, optional
        Since it was added; None for ever.

    Returns
    -------
    int
        How many pictures and videos that are.
    """
    until = None if days is None else MediaRow.added_at + func.make_interval(0, 0, 0, days)
    whose = MediaRow.source_id.is_(None) if source_id is None else MediaRow.source_id == source_id
    changed = update(MediaRow).where(whose).values(expires_at=until).execution_options(synchronize_session=False)
    return session.execute(changed).rowcount  # type: ignore[attr-defined, no-any-return]
