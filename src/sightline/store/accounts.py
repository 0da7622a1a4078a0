"""Users, how they sign in, and their API keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sightline.api.accounts import CreatedKey, Key, NewKey, NewUser, Role, User, UserChange
from sightline.api.base import now
from sightline.core.errors import ConflictError, InvalidInputError, NotFoundError, RightsError, SignInNeededError
from sightline.store.access import KEY_MARK, OWNER_MARK, Access, Entry, Kind, SessionTimes, hash_of, new_secret
from sightline.store.database import Database
from sightline.store.passwords import Passwords
from sightline.store.principals import Principal
from sightline.store.tables import ApiKeyRow, SessionRow, UserRow

OWNER = "owner"
MAX_KEYS = 100
REFUSED = "the name or the password is not right"
_USERS_LOCK = 0x51677501
_PREFIX_LENGTH = 10


class Accounts:
    """Users, sessions and keys. Secrets are given out once; only hashes of them are kept.

    Parameters
    ----------
    database : Database
    clock : callable
        Gives the time.
    times : SessionTimes
        How long sessions last.
    passwords : Passwords, optional
        Makes and checks hashes.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = now,
        times: SessionTimes | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self._passwords = passwords or Passwords()
        self.access = Access(database, clock, times or SessionTimes())

    def now(self) -> datetime:
        """Return the time that sessions and keys are measured by."""
        return self._clock()

    # Signing in

    def first_start(self) -> str | None:
        """Make the owner when there is nobody yet.

        Returns
        -------
        str or None
            The token that signs the owner in, told this once; None when there are users already.
        """
        with self._database.session() as session:
            _lock_users(session)
            if session.scalar(select(func.count()).select_from(UserRow)):
                return None
            return self._new_owner_token(session)

    def renew_owner_token(self) -> str:
        """Return a new token for the owner, who is an administrator and may sign in afterwards; the one before ends.

        For whoever has the shell of the machine and has lost everything else.
        """
        with self._database.session() as session:
            _lock_users(session)
            token = self._new_owner_token(session)
        self.access.forget()
        return token

    def sign_in(self, name: str, password: str, *, replaces: str | None = None) -> Entry:
        """Begin a session for a name and password.

        Parameters
        ----------
        name, password : str
        replaces : str, optional
            The token of the session that the browser had; it ends.

        Raises
        ------
        SignInNeededError
            When they do not fit; it does not say whether there is such a user, and takes as long.
        """
        with self._database.session() as session:
            known = session.scalar(select(UserRow.password_hash).where(UserRow.name == _storable(name)))
        if not self._passwords.fits(password, known) or known is None:
            raise SignInNeededError(REFUSED)
        with self._database.session() as session:
            user = session.scalar(
                select(UserRow).where(UserRow.name == name, UserRow.password_hash == known, ~UserRow.disabled).with_for_update()
            )
            if user is None:
                raise SignInNeededError(REFUSED)
            if self._passwords.is_old(known):
                user.password_hash = self._passwords.hash(password)
            entry = self.access.begin(session, user, replaces)
        self.access.forget()
        return entry

    def sign_in_with_token(self, token: str, *, replaces: str | None = None) -> Entry:
        """Begin a session for the owner token.

        Raises
        ------
        SignInNeededError
            When it is not the owner token (any longer).
        """
        with self._database.session() as session:
            user = session.scalar(
                select(UserRow)
                .join(ApiKeyRow, ApiKeyRow.user_id == UserRow.id)
                .where(ApiKeyRow.secret_hash == hash_of(token), ApiKeyRow.purpose == "owner", ApiKeyRow.revoked_at.is_(None))
                .where(~UserRow.disabled)
                .with_for_update(of=UserRow)
            )
            if user is None:
                raise SignInNeededError("the token is not the owner's, or not any longer; `sightline users token` makes a new one")
            entry = self.access.begin(session, user, replaces)
        self.access.forget()
        return entry

    def sign_in_from_outside(
        self, subject: str, name: str, role: Role | None, *, newcomer: Role | None, link: bool, replaces: str | None = None
    ) -> Entry:
        """Begin a session for somebody whom a single sign-on vouches for.

        Parameters
        ----------
        subject : str
            Issuer and subject; never changes.
        name : str
            What a new user is called.
        role : str, optional
            What the sign-on says the role is; None: it says nothing, and the role stays.
        newcomer : str, optional
            Role of somebody new; None: they are refused.
        link : bool
            Whether a user of that name who never came this way is taken for the same person.

        Raises
        ------
        RightsError
            When nobody here is known as that, or the user is disabled.
        """
        with self._database.session() as session:
            _lock_users(session)
            user = session.scalar(select(UserRow).where(UserRow.oidc_subject == subject))
            namesake = session.scalar(select(UserRow).where(UserRow.name == name))
            if user is None and namesake is not None and link and namesake.oidc_subject is None:
                user = namesake
                user.oidc_subject = subject
            if user is None:
                user = self._newcomer(session, subject, name, newcomer, taken=namesake is not None)
            if user.disabled:
                raise RightsError("this user is disabled")
            if role is not None and role != user.role:
                self._set_role(session, user, role)
            entry = self.access.begin(session, user, replaces)
        self.access.forget()
        return entry

    def principal_of(self, kind: Kind, token: str) -> Principal | None:
        """Return who holds a token (``session`` or ``key``), None when nobody does."""
        return self.access.principal_of(kind, token)

    def sign_out(self, token: str) -> None:
        """End the session of a token."""
        self.access.end(token)

    def change_password(self, user_id: int, old: str, new: str) -> Entry:
        """Change one's own password: all sessions end, and a new one begins.

        Raises
        ------
        RightsError
            When the old one is not right.
        """
        with self._database.session() as session:
            known = session.scalar(select(UserRow.password_hash).where(UserRow.id == user_id))
        if not self._passwords.fits(old, known):
            raise RightsError("the old password is not right")
        fresh = self._passwords.hash(new)
        with self._database.session() as session:
            user = session.scalar(
                select(UserRow).where(UserRow.id == user_id, UserRow.password_hash == known, ~UserRow.disabled).with_for_update()
            )
            if user is None:
                raise RightsError("the old password is not right")
            user.password_hash = fresh
            session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))
            entry = self.access.begin(session, user)
        self.access.forget()
        return entry

    # Users

    def users(self) -> list[User]:
        """Return all users, by name."""
        with self._database.session() as session:
            return [_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]

    def user_named(self, name: str) -> User:
        """Return the user of a name.

        Raises
        ------
        NotFoundError
            When there is none.
        """
        with self._database.session() as session:
            row = session.scalar(select(UserRow).where(UserRow.name == _storable(name)))
            if row is None:
                raise NotFoundError(f"there is no user {name!r}")
            return _user(row)

    def add_user(self, new: NewUser) -> User:
        """Add a user.

        Raises
        ------
        ConflictError
            When the name is taken.
        """
        hashed = self._passwords.hash(new.password.get_secret_value())
        try:
            with self._database.session() as session:
                row = UserRow(name=new.name, role=new.role, password_hash=hashed, created_at=self._clock(), disabled=False)
                session.add(row)
                session.flush()
                return _user(row)
        except IntegrityError:
            raise ConflictError(f"there is a user {new.name!r} already") from None

    def change_user(self, user_id: int, change: UserChange) -> User:
        """Change a user's role or password, or let them in no longer; a new password and a disabling end all their sessions.

        Raises
        ------
        NotFoundError
            When there is no such user.
        ConflictError
            When no administrator would be left.
        """
        hashed = None if change.password is None else self._passwords.hash(change.password.get_secret_value())
        with self._database.session() as session:
            user = _locked_user(session, user_id)
            if change.role is not None:
                self._set_role(session, user, change.role)
            if change.disabled:
                _keep_an_admin(session, user)
            if change.disabled is not None:
                user.disabled = change.disabled
            if hashed is not None:
                user.password_hash = hashed
            session.flush()
            if change.disabled or hashed is not None:
                session.execute(delete(SessionRow).where(SessionRow.user_id == user_id))
            changed = _user(user)
        self.access.forget()
        return changed

    def delete_user(self, user_id: int) -> User:
        """Delete a user with their sessions and keys; what they did stays in the audit trail.

        Raises
        ------
        NotFoundError
            When there is no such user.
        ConflictError
            When no administrator would be left.
        """
        with self._database.session() as session:
            user = _locked_user(session, user_id)
            _keep_an_admin(session, user)
            session.delete(user)
            gone = _user(user)
        self.access.forget()
        return gone

    # Keys

    def keys(self, user_id: int | None = None) -> list[Key]:
        """Return the keys of one user or of all, newest first; the owner token is not among them."""
        query = select(ApiKeyRow, UserRow.name).join(UserRow, UserRow.id == ApiKeyRow.user_id).where(ApiKeyRow.purpose == "key")
        if user_id is not None:
            query = query.where(ApiKeyRow.user_id == user_id)
        with self._database.session() as session:
            return [Key(**_key(row, name)) for row, name in session.execute(query.order_by(ApiKeyRow.id.desc()))]

    def add_key(self, user_id: int, new: NewKey) -> CreatedKey:
        """Make a key; its secret is told this once.

        Raises
        ------
        NotFoundError
            When there is no such user.
        ConflictError
            When the user has a hundred keys that work.
        InvalidInputError
            When its name holds characters that cannot be printed.
        """
        if not new.name.isprintable():
            raise InvalidInputError("the name of a key holds characters that cannot be printed")
        secret, made_at = new_secret(KEY_MARK), self._clock()
        with self._database.session() as session:
            user = _locked_user(session, user_id)
            working = (ApiKeyRow.user_id == user_id, ApiKeyRow.purpose == "key", ApiKeyRow.revoked_at.is_(None))
            count = session.scalar(select(func.count()).select_from(ApiKeyRow).where(*working, ApiKeyRow.expires_at > made_at)) or 0
            if count >= MAX_KEYS:
                raise ConflictError(f"{user.name} has {count} keys already; revoke those that are not needed")
            row = ApiKeyRow(
                name=new.name,
                prefix=secret[:_PREFIX_LENGTH],
                secret_hash=hash_of(secret),
                user_id=user_id,
                scopes=sorted(set(new.scopes)),
                purpose="key",
                created_at=made_at,
                expires_at=made_at + timedelta(days=new.expires_in_days),
            )
            session.add(row)
            session.flush()
            return CreatedKey(**_key(row, user.name), secret=secret)

    def revoke_key(self, key_id: int, user_id: int | None = None) -> Key:
        """Revoke a key, of one user or of anybody; it works no longer from now on.

        Raises
        ------
        NotFoundError
            When there is no such key that is not revoked.
        """
        with self._database.session() as session:
            query = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.purpose == "key", ApiKeyRow.revoked_at.is_(None))
            if user_id is not None:
                query = query.where(ApiKeyRow.user_id == user_id)
            row = session.scalar(query.values(revoked_at=self._clock()).returning(ApiKeyRow))
            if row is None:
                raise NotFoundError(f"there is no key {key_id}")
            name = session.scalar(select(UserRow.name).where(UserRow.id == row.user_id)) or ""
            revoked = Key(**_key(row, name))
        self.access.forget()
        return revoked

    # Inside

    def _new_owner_token(self, session: Session) -> str:
        user = session.scalar(select(UserRow).where(UserRow.name == OWNER))
        if user is None:
            user = UserRow(name=OWNER, created_at=self._clock())
            session.add(user)
        user.role, user.disabled = "admin", False
        session.flush()
        is_owners = (ApiKeyRow.purpose == "owner", ApiKeyRow.revoked_at.is_(None))
        session.execute(update(ApiKeyRow).where(*is_owners).values(revoked_at=self._clock()))
        token = new_secret(OWNER_MARK)
        session.add(
            ApiKeyRow(
                name="owner token",
                prefix=token[:_PREFIX_LENGTH],
                secret_hash=hash_of(token),
                user_id=user.id,
                scopes=[],
                purpose="owner",
                created_at=self._clock(),
            )
        )
        return token

    def _newcomer(self, session: Session, subject: str, name: str, role: Role | None, *, taken: bool) -> UserRow:
        if role is None:
            raise RightsError("nobody here is known as that; an administrator can add you")
        if taken:
            raise RightsError(f"there is a user {name!r} already who signs in another way; ask an administrator")
        user = UserRow(name=name, role=role, oidc_subject=subject, created_at=self._clock(), disabled=False)
        session.add(user)
        session.flush()
        return user

    def _set_role(self, session: Session, user: UserRow, role: Role) -> None:
        if role != "admin":
            _keep_an_admin(session, user)
        user.role = role


def _lock_users(session: Session) -> None:
    """Let one at a time change who there is, so that two administrators cannot remove each other at once."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _USERS_LOCK})


def _locked_user(session: Session, user_id: int) -> UserRow:
    _lock_users(session)
    user = session.scalar(select(UserRow).where(UserRow.id == user_id).with_for_update()) if abs(user_id) < 2**31 else None
    if user is None:
        raise NotFoundError(f"there is no user {user_id}")
    return user


def _keep_an_admin(session: Session, but: UserRow) -> None:
    """Refuse to go on when nobody but this one is an administrator who may sign in."""
    others = select(func.count()).select_from(UserRow).where(UserRow.role == "admin", ~UserRow.disabled, UserRow.id != but.id)
    if but.role == "admin" and not but.disabled and not session.scalar(others):
        raise ConflictError(f"{but.name} is the last administrator; make somebody else one first")


def _storable(name: str) -> str:
    """Return a name that PostgreSQL can look for: one it could not hold is nobody's."""
    return name if name.isprintable() and name.isascii() else ""


def _user(row: UserRow) -> User:
    return User.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "role": row.role,
            "disabled": row.disabled,
            "created_at": row.created_at,
            "last_seen_at": row.last_seen_at,
        }
    )


def _key(row: ApiKeyRow, user: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "user": user,
        "scopes": row.scopes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked": row.revoked_at is not None,
    }
