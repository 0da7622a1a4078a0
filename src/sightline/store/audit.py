"""The audit trail: what was done, by whom, in a chain that shows every later change.

Entry *n* carries HMAC-SHA256(key, hash of entry *n* - 1, canonical JSON of entry *n*). The key lies outside the database
(``keys/audit.key``), and so does the head (`sightline.store.audit_head`): whoever can change the database alone can change
nothing, remove nothing and add nothing without being found out.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import select
from sqlalchemy.orm import Session

from sightline.api.audit import AuditEntry, AuditVerdict
from sightline.api.base import Page, now
from sightline.core.errors import StoreUnavailableError, display_name
from sightline.store.audit_chain import START, Mark, chained
from sightline.store.audit_head import Head
from sightline.store.audit_verify import HEAD_LOST, verified
from sightline.store.database import Database
from sightline.store.keys import read_key
from sightline.store.paging import decode_cursor, encode_cursor
from sightline.store.tables import AuditRow

logger = logging.getLogger(__name__)

KEY, HEAD = "audit.key", "audit.head"
_LOCK_AND_LAST = "SELECT pg_advisory_xact_lock(1365734658); SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
_INSERT = (
    "INSERT INTO audit (number, at, actor, action, target, detail, hash)"
    " VALUES (%(number)s, %(at)s, %(actor)s, %(action)s, %(target)s, %(detail)s, %(hash)s)"
)
_AT_ONCE = 200


@dataclass
class _Waiting:
    """An entry on its way, and what became of it."""

    values: dict[str, Any]
    turn: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    error: BaseException | None = None


class AuditTrail:
    """Adds entries and checks them.

    Parameters
    ----------
    database : Database
    keys : Path
        Folder of the key and the head; both are made at the first start.
    reads : callable
        Whether entries of mere reading (actions that end in ``.read``) are wanted.
    """

    def __init__(self, database: Database, keys: Path, *, reads: Callable[[], bool] = lambda: True) -> None:
        self._database, self._reads = database, reads
        fresh = not (keys / KEY).exists()
        self._key = read_key(keys / KEY)
        self._head = Head(keys / HEAD, self._key)
        self._queue: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._busy = False
        if fresh:
            self._head.write(START)
            with database.session() as session:
                if session.scalar(select(AuditRow.number).limit(1)) is not None:
                    logger.error(
                        "the database holds an audit trail, but its key %s was not there: the trail can no longer be verified", KEY
                    )

    def write(self, actor: str, action: str, target: str | None = None, **detail: Any) -> None:
        """Add an entry; when this returns it is in the database.

        Several threads that write at once share one transaction.

        Parameters
        ----------
        actor : str
            `Principal.name`, or what did it by itself (``server``).
        action : str
            Such as ``media.read``.
        target : str, optional
            Such as ``media/6a0c…``.
        **detail
            What else should be known; plain values. Never a secret.

        Raises
        ------
        StoreUnavailableError
            When the database does not answer; what was to be noted must then not be done.
        """
        if action.endswith(".read") and not self._reads():
            return
        shown = None if target is None else display_name(target)
        values = {"actor": display_name(actor), "action": action, "target": shown, "detail": _plain(detail)}
        entry = _Waiting(values)
        with self._lock:
            self._queue.append(entry)
            first, self._busy = not self._busy, True
        if not first:
            entry.turn.wait()  # until somebody has written it, or it is its turn to write for all that wait
        while not entry.done:
            self._write_some()
        if entry.error is not None:
            raise entry.error

    def page(self, *, cursor: str | None = None, limit: int = 100, actor: str | None = None, action: str | None = None) -> Page[AuditEntry]:
        """Return entries, newest first.

        Parameters
        ----------
        actor, action : str, optional
            Only theirs; an action that ends in a dot stands for all that begin so (``media.``).

        Raises
        ------
        InvalidInputError
            When the cursor is not of this list.
        """
        query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(AuditRow.number < decode_cursor(cursor, int)[0])
        if actor is not None:
            query = query.where(AuditRow.actor == display_name(actor))
        if action is not None:
            action = display_name(action)
            query = query.where(AuditRow.action.startswith(action, autoescape=True) if action.endswith(".") else AuditRow.action == action)
        with self._database.session() as session:
            rows = session.scalars(query).all()
        return Page(
            items=[_entry(row) for row in rows[:limit]], next_cursor=encode_cursor(rows[limit - 1].number) if rows[limit:] else None
        )

    def verify(self, progress: Callable[[int, int], None] = lambda done, total: None) -> AuditVerdict:
        """Read the whole trail and say whether it is what was written: nothing changed, missing, added or reordered.

        Entries may be added meanwhile.

        Parameters
        ----------
        progress : callable
            Is given how many entries were read, and how many there are.
        """
        head = self._head.read()  # before the entries: they can only be more
        return verified(self._database, self._key, head, progress)

    def doubts(self) -> list[str]:
        """Return what a glance at the head finds wrong; `verify` reads everything."""
        head = self._head.read()
        if head is None:
            return [HEAD_LOST]
        with self._database.session() as session:
            found = session.scalar(select(AuditRow.hash).where(AuditRow.number == head.number))
        return [] if head == START or found == head.hash else [f"the audit trail has not entry {head.number} as it was written"]

    def reseal(self, actor: str, reason: str) -> None:
        """Let the head follow the entries that are there now, and add an entry that says so.

        After a restored backup, or when ``keys/audit.head`` was lost. It mends nothing: entries that are not as they were
        written stay wrong.
        """
        known = self._head.read()
        with self._database.session() as session, closing(session.connection().connection.cursor()) as cursor:
            self._head.write(_locked_end(cursor))
        self.write(actor, "audit.resealed", reason=reason, head_was=None if known is None else known.number)

    def _write_some(self) -> None:
        """Write what waits in one transaction, then let the next one write."""
        with self._lock:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _AT_ONCE))]
        error: BaseException | None = None
        try:
            with self._database.session() as session:
                before, last = self._add(session, batch)
            self._note(before, last)
        except BaseException as raised:  # noqa: BLE001 - each of those who wait raises it
            error = raised
        for waiting in batch:
            waiting.error, waiting.done = error, True
        with self._lock:
            self._busy = bool(self._queue)
            if self._queue:
                self._queue[0].turn.set()
        for waiting in batch:
            waiting.turn.set()

    def _add(self, session: Session, batch: list[_Waiting]) -> tuple[Mark, Mark]:
        """Add entries to the end that the trail has once nobody else can add any; straight through the driver, for speed."""
        try:
            with closing(session.connection().connection.cursor()) as cursor:
                before = last = _locked_end(cursor)
                rows = []
                for waiting in batch:
                    row = {"number": last.number + 1, "at": now(), **waiting.values}
                    last = Mark(row["number"], chained(self._key, last.hash, row))
                    rows.append({**row, "detail": Jsonb(row["detail"]), "hash": last.hash})
                cursor.executemany(_INSERT, rows)
        except psycopg.OperationalError as error:
            raise StoreUnavailableError(f"the database does not answer: {error}") from error
        return before, last

    def _note(self, before: Mark, last: Mark) -> None:
        def hash_of(number: int) -> bytes | None:
            with self._database.session() as session:
                return session.scalar(select(AuditRow.hash).where(AuditRow.number == number))

        try:
            whole = self._head.advance(before, last, hash_of)
        except OSError:
            logger.exception("keys/%s cannot be written; the entries themselves are in the database", HEAD)
            return
        if not whole:
            logger.error("the audit trail does not go on from where it was (entry %d); look with: sightline audit verify", last.number)


def _locked_end(cursor: Any) -> Mark:
    """Return the last entry, once nobody else can add any until the transaction ends, whichever process they are."""
    cursor.execute(_LOCK_AND_LAST)  # two statements in one message; the second sees what was there once the lock was given
    cursor.nextset()
    row = cursor.fetchone()
    return START if row is None else Mark(row[0], row[1])


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        number=row.number, at=row.at, actor=row.actor, action=row.action, target=row.target, detail=row.detail, hash=row.hash.hex()
    )


def _plain(value: Any) -> Any:
    """Return what PostgreSQL gives back exactly as it was put in, so that its hash stays the same."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        whole = math.isfinite(value) and value == int(value)
        return int(value) if whole else value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {display_name(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    return display_name(str(value))
