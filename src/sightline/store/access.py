"""From a token to whoever holds it: sessions of browsers and keys of programs, looked up with a short memory."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from sightline.store.database import Database
from sightline.store.principals import Principal, by_key, by_session
from sightline.store.tables import ApiKeyRow, SessionRow, UserRow

KEY_MARK, OWNER_MARK = "slk_", "slo_"
Kind = Literal["session", "key"]
_NOTED_EVERY = timedelta(minutes=1)
_REMEMBERED = 4096


@dataclass(frozen=True)
class SessionTimes:
    """How long things last.

    Parameters
    ----------
    idle : timedelta
        A session that is not used for so long has ended.
    longest : timedelta
        However much it is used, it ends after so long.
    remembered : timedelta
        So long the database is not asked again who a token belongs to. Changes made in this process count at once.
    """

    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=7)
    remembered: timedelta = timedelta(seconds=5)


@dataclass(frozen=True)
class Entry:
    """A session that has just begun.

    Parameters
    ----------
    token : str
        For the cookie; only its hash is kept here.
    principal : Principal
    expires_at : datetime
    """

    token: str
    principal: Principal
    expires_at: datetime


def new_secret(mark: str = "") -> str:
    """Return 256 random bits as text, after a mark that says what they are for."""
    return mark + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """Return what is kept of a token. It is 256 random bits, so that one pass of SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Access:
    """Looks up whoever holds a token.

    Parameters
    ----------
    database : Database
    clock : callable
        Gives the time.
    times : SessionTimes
    """

    def __init__(self, database: Database, clock: Callable[[], datetime], times: SessionTimes) -> None:
        self._database, self._clock, self._times = database, clock, times
        self._lock = threading.Lock()
        self._known: dict[tuple[Kind, bytes], tuple[datetime, Principal]] = {}
        self._changes = 0

    def remembered(self, kind: Kind, token: str) -> Principal | None:
        """Return who holds a token if that was looked up a moment ago; never asks the database."""
        key = (kind, hash_of(token))
        with self._lock:
            until, principal = self._known.get(key, (None, None))
            if until is not None and until <= self._clock():
                del self._known[key]
                return None
            return principal

    def principal_of(self, kind: Kind, token: str) -> Principal | None:
        """Return who holds a token, None when nobody does (any longer).

        Raises
        ------
        StoreUnavailableError
            When the database does not answer.
        """
        found = self.remembered(kind, token)
        if found is not None:
            return found
        key, changes = (kind, hash_of(token)), self._changes
        with self._database.session() as session:
            known = (self._of_session if kind == "session" else self._of_key)(session, key[1])
        if known is None:
            return None
        principal, ends = known
        until = self._clock() + self._times.remembered
        with self._lock:
            # Whoever was locked out while the database answered must not be remembered as they were.
            if changes == self._changes:
                while len(self._known) >= _REMEMBERED:
                    self._known.pop(next(iter(self._known)))
                self._known[key] = (until if ends is None else min(until, ends), principal)
        return principal

    def forget(self) -> None:
        """Ask the database anew about everybody; call it after each change of users, sessions or keys."""
        with self._lock:
            self._changes += 1
            self._known.clear()

    def begin(self, session: Session, user: UserRow, replaces: str | None = None) -> Entry:
        """Begin a session of a user in an open transaction; the one it replaces ends."""
        now = self._clock()
        token, csrf_token = new_secret(), new_secret()
        user.last_seen_at = now  # users before sessions, everywhere, so that two never wait for each other
        session.flush()
        over = or_(SessionRow.expires_at <= now, SessionRow.seen_at <= now - self._times.idle)
        if replaces is not None:
            over = or_(over, SessionRow.token_hash == hash_of(replaces))
        ended = select(SessionRow.token_hash).where(over).with_for_update(skip_locked=True)
        session.execute(delete(SessionRow).where(SessionRow.token_hash.in_(ended)))
        expires_at = now + self._times.longest
        row = SessionRow(token_hash=hash_of(token), user_id=user.id, csrf_token=csrf_token, created_at=now, seen_at=now)
        row.expires_at = expires_at
        session.add(row)
        session.flush()
        return Entry(token, by_session(user.name, user.id, user.role, csrf_token), expires_at)  # type: ignore[arg-type]

    def end(self, token: str) -> None:
        """End the session of a token."""
        with self._database.session() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_hash == hash_of(token)))
        self.forget()

    def _of_session(self, session: Session, digest: bytes) -> tuple[Principal, datetime | None] | None:
        now = self._clock()
        idle_since = now - self._times.idle
        row = session.execute(
            select(UserRow.name, UserRow.id, UserRow.role, SessionRow.csrf_token, SessionRow.seen_at, SessionRow.expires_at)
            .join(SessionRow, SessionRow.user_id == UserRow.id)
            .where(SessionRow.token_hash == digest, SessionRow.expires_at > now, SessionRow.seen_at > idle_since, ~UserRow.disabled)
        ).first()
        if row is None:
            return None
        if now - row.seen_at >= _NOTED_EVERY:
            session.execute(update(UserRow).where(UserRow.id == row.id).values(last_seen_at=now))
            session.execute(update(SessionRow).where(SessionRow.token_hash == digest).values(seen_at=now))
        return by_session(row.name, row.id, row.role, row.csrf_token), row.expires_at

    def _of_key(self, session: Session, digest: bytes) -> tuple[Principal, datetime | None] | None:
        now = self._clock()
        key = ApiKeyRow
        row = session.execute(
            select(UserRow.name, UserRow.id, UserRow.role, key.name.label("key"), key.scopes, key.purpose, key.expires_at, key.last_used_at)
            .join(key, key.user_id == UserRow.id)
            .where(key.secret_hash == digest, key.revoked_at.is_(None), func.coalesce(key.expires_at > now, True), ~UserRow.disabled)
        ).first()
        if row is None:
            return None
        if row.last_used_at is None or now - row.last_used_at >= _NOTED_EVERY:
            session.execute(update(key).where(key.secret_hash == digest).values(last_used_at=now))
        return by_key(row.name, row.id, row.role, row.key, None if row.purpose == "owner" else row.scopes), row.expires_at
