from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError
from sqlalchemy import text
from tests.databases import TestServer
from tests.emptied import empty, opened

from sightline.api.accounts import ROLE_PERMISSIONS, NewKey, NewUser, Permission, UserChange
from sightline.core.errors import ConflictError, InvalidInputError, NotFoundError, QueueFullError, RightsError, SignInNeededError
from sightline.store.access import Entry, SessionTimes
from sightline.store.accounts import Accounts
from sightline.store.database import Database
from sightline.store.passwords import Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(scope="module")
def one_database(embedded_postgres: TestServer) -> Iterator[Database]:
    yield from opened(embedded_postgres)


@pytest.fixture
def database(one_database: Database) -> Database:
    return empty(one_database)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock=clock, passwords=Passwords(CHEAP))


def add(accounts: Accounts, name: str = "mira", role: Any = "operator") -> int:
    return accounts.add_user(NewUser(name=name, role=role, password=PASSWORD)).id


def alive(accounts: Accounts, entry: Entry) -> bool:
    return accounts.principal_of("session", entry.token) is not None


def everything_stored(database: Database) -> str:
    with database.session() as session:
        return "\n".join(str(session.execute(text(f"SELECT * FROM {name}")).all()) for name in ("users", "sessions", "api_keys"))


def test_the_first_start_makes_an_owner_once(accounts: Accounts) -> None:
    token = accounts.first_start()
    assert token is not None
    assert accounts.first_start() is None
    assert [(u.name, u.role) for u in accounts.users()] == [("owner", "admin")]
    by_session = accounts.principal_of("session", accounts.sign_in_with_token(token).token)
    by_key = accounts.principal_of("key", token)
    for who in (by_session, by_key):
        assert who is not None
        assert (who.user, who.whole, who.permissions) == ("owner", True, frozenset(Permission))
    assert accounts.keys() == []  # the owner token is not among the keys


def test_two_first_starts_at_once_make_one_owner(accounts: Accounts) -> None:
    tokens: list[str | None] = []
    threads = [threading.Thread(target=lambda: tokens.append(accounts.first_start())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([t for t in tokens if t]) == 1
    assert len(tokens) == 4


def test_a_new_owner_token_ends_the_one_before_and_opens_a_locked_door(accounts: Accounts) -> None:
    old = accounts.first_start() or ""
    add(accounts, "boss", "admin")
    accounts.change_user(accounts.user_named("owner").id, UserChange(role="viewer", disabled=True))
    with pytest.raises(SignInNeededError):
        accounts.sign_in_with_token(old)
    new = accounts.renew_owner_token()
    assert accounts.sign_in_with_token(new).principal.role == "admin"
    assert accounts.principal_of("key", old) is None
    with pytest.raises(SignInNeededError):
        accounts.sign_in_with_token(old)


def test_signing_in_and_out(accounts: Accounts) -> None:
    add(accounts)
    entry = accounts.sign_in("mira", PASSWORD)
    who = accounts.principal_of("session", entry.token)
    assert who == entry.principal
    assert (entry.principal.name, entry.principal.via, entry.principal.permissions) == ("mira", "session", ROLE_PERMISSIONS["operator"])
    accounts.sign_out(entry.token)
    assert not alive(accounts, entry)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("mira", "correct horse batterz"),
        ("mira", ""),
        ("nobody", PASSWORD),
        ("mira' OR '1'='1", PASSWORD),
        ("mira'; DROP TABLE users; --", PASSWORD),
        ("mira\x00", PASSWORD),
        ("ｍｉｒａ", PASSWORD),
        ("mirа", PASSWORD),  # the last letter is Cyrillic
        ("MIRA", PASSWORD),
        ("%", PASSWORD),
    ],
)
def test_whatever_is_wrong_is_refused_with_the_same_words(accounts: Accounts, name: str, password: str) -> None:
    add(accounts)
    with pytest.raises(SignInNeededError, match=r"^the name or the password is not right$"):
        accounts.sign_in(name, password)
    assert accounts.sign_in("mira", PASSWORD).principal.user == "mira"


def test_an_unknown_name_costs_the_same_work(accounts: Accounts) -> None:
    class Counting(PasswordHasher):
        verified = 0

        def verify(self, *args: Any) -> Any:
            self.verified += 1
            return super().verify(*args)

    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    passwords = Passwords(hasher)
    known = passwords.hash(PASSWORD)
    for hashed, fits in ((known, True), (None, False), (passwords.hash("x"), False)):
        before = hasher.verified
        assert passwords.fits(PASSWORD, hashed) is fits
        assert hasher.verified == before + 1
    assert passwords.fits("nobody has this password", None) is False


def test_passwords_are_hashed_by_argon2id_and_again_when_the_parameters_change(database: Database, accounts: Accounts) -> None:
    add(accounts)
    stored = "SELECT password_hash FROM users WHERE name = 'mira'"
    with database.session() as session:
        assert "$argon2id$v=19$m=8,t=1,p=1$" in session.scalar(text(stored))
    later = Accounts(database, passwords=Passwords())
    later.sign_in("mira", PASSWORD)
    with database.session() as session:
        assert "$argon2id$v=19$m=65536,t=3,p=4$" in session.scalar(text(stored))
    assert later.sign_in("mira", PASSWORD).principal.user == "mira"


def test_the_same_characters_typed_otherwise_are_the_same_password() -> None:
    passwords = Passwords(CHEAP)
    assert passwords.fits("cafe\u0301 au lait, ﬁn", passwords.hash("café au lait, fin"))
    with pytest.raises(InvalidInputError):
        passwords.hash("\ud800 is not a character")


def test_only_two_passwords_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.store.passwords._PATIENCE_S", 0.01)
    passwords = Passwords(CHEAP)
    for _ in range(2):
        passwords._turns.acquire()
    with pytest.raises(QueueFullError, match="too many people"):
        passwords.hash(PASSWORD)
    passwords._turns.release()
    assert passwords.fits(PASSWORD, passwords.hash(PASSWORD))


def test_no_secret_is_stored(database: Database, accounts: Accounts) -> None:
    token = accounts.first_start() or ""
    user = add(accounts)
    entry = accounts.sign_in("mira", PASSWORD)
    key = accounts.add_key(user, NewKey(name="door", scopes=[Permission.MEDIA_READ]))
    stored = everything_stored(database)
    for secret in (token, entry.token, key.secret, PASSWORD):
        assert secret not in stored
    assert key.prefix in stored


def test_tokens_are_256_bits_and_never_the_same(accounts: Accounts) -> None:
    user = add(accounts)
    secrets = {accounts.add_key(user, NewKey(name="k", scopes=[Permission.MEDIA_READ])).secret for _ in range(20)}
    assert len(secrets) == 20
    assert all(s.startswith("slk_") and len(s) == 4 + 43 for s in secrets)


def test_signing_in_again_ends_the_session_that_the_browser_had(accounts: Accounts) -> None:
    add(accounts)
    first = accounts.sign_in("mira", PASSWORD)
    assert alive(accounts, first)
    second = accounts.sign_in("mira", PASSWORD, replaces=first.token)
    assert first.token != second.token
    assert first.principal.csrf_token != second.principal.csrf_token
    assert (alive(accounts, first), alive(accounts, second)) == (False, True)


def test_sessions_end_when_idle_and_after_their_longest_time(accounts: Accounts, clock: Clock) -> None:
    add(accounts)
    used, idle = accounts.sign_in("mira", PASSWORD), accounts.sign_in("mira", PASSWORD)
    for _ in range(20):  # 6.7 days, 8 hours at a time
        clock.time += timedelta(hours=8)
        assert alive(accounts, used)
    assert not alive(accounts, idle)
    clock.time += timedelta(hours=8)
    assert not alive(accounts, used)


def test_sessions_that_ended_are_cleared_away(database: Database, accounts: Accounts, clock: Clock) -> None:
    add(accounts)
    accounts.sign_in("mira", PASSWORD)
    clock.time += timedelta(days=30)
    accounts.sign_in("mira", PASSWORD)
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM sessions")) == 1


@pytest.mark.parametrize(
    ("change", "ends"),
    [(UserChange(disabled=True), True), (UserChange(password="a wholly new password"), True), (UserChange(role="viewer"), False)],
)
def test_a_change_of_a_user_counts_at_once(accounts: Accounts, change: UserChange, ends: bool) -> None:
    user = add(accounts)
    entry = accounts.sign_in("mira", PASSWORD)
    assert alive(accounts, entry)
    accounts.change_user(user, change)
    who = accounts.principal_of("session", entry.token)
    assert (who is None) == ends
    if who is not None:
        assert who.permissions == ROLE_PERMISSIONS["viewer"]


def test_a_disabled_user_stays_out_by_any_way(accounts: Accounts) -> None:
    user = add(accounts)
    key = accounts.add_key(user, NewKey(name="door", scopes=[Permission.MEDIA_READ])).secret
    assert accounts.principal_of("key", key) is not None
    accounts.change_user(user, UserChange(disabled=True))
    assert accounts.principal_of("key", key) is None
    with pytest.raises(SignInNeededError, match="not right"):
        accounts.sign_in("mira", PASSWORD)
    accounts.change_user(user, UserChange(disabled=False))
    assert accounts.sign_in("mira", PASSWORD).principal.user == "mira"


def test_a_user_who_is_locked_out_while_being_looked_up_is_not_remembered(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    user = add(accounts)
    entry = accounts.sign_in("mira", PASSWORD)
    look_up = accounts.access._of_session

    def meanwhile(*args: Any) -> Any:
        found = look_up(*args)
        threading.Thread(target=accounts.change_user, args=(user, UserChange(role="viewer"))).run()
        return found

    monkeypatch.setattr(accounts.access, "_of_session", meanwhile)
    assert accounts.principal_of("session", entry.token).role == "operator"  # type: ignore[union-attr]
    monkeypatch.setattr(accounts.access, "_of_session", look_up)
    assert accounts.principal_of("session", entry.token).role == "viewer"  # type: ignore[union-attr]


def test_a_change_by_another_process_counts_after_five_seconds(database: Database, accounts: Accounts, clock: Clock) -> None:
    user = add(accounts)
    entry = accounts.sign_in("mira", PASSWORD)
    assert alive(accounts, entry)
    Accounts(database, passwords=Passwords(CHEAP)).change_user(user, UserChange(disabled=True))
    assert accounts.access.remembered("session", entry.token) is not None
    clock.time += SessionTimes().remembered
    assert not alive(accounts, entry)


def test_the_memory_of_who_is_who_is_bounded(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.store.access._REMEMBERED", 5)
    add(accounts)
    entries = [accounts.sign_in("mira", PASSWORD) for _ in range(9)]
    assert all(alive(accounts, entry) for entry in entries)
    assert len(accounts.access._known) == 5


def test_one_changes_ones_own_password(accounts: Accounts) -> None:
    user = add(accounts)
    others = accounts.sign_in("mira", PASSWORD)
    with pytest.raises(RightsError, match="old password"):
        accounts.change_password(user, "wrong", "a wholly new password")
    assert alive(accounts, others)
    fresh = accounts.change_password(user, PASSWORD, "a wholly new password")
    assert (alive(accounts, others), alive(accounts, fresh)) == (False, True)
    with pytest.raises(SignInNeededError):
        accounts.sign_in("mira", PASSWORD)
    assert accounts.sign_in("mira", "a wholly new password")


@pytest.mark.parametrize(
    "remove",
    [
        lambda accounts, user: accounts.change_user(user, UserChange(role="custodian")),
        lambda accounts, user: accounts.change_user(user, UserChange(disabled=True)),
        lambda accounts, user: accounts.delete_user(user),
    ],
)
def test_the_last_administrator_stays(accounts: Accounts, remove: Callable[[Accounts, int], object]) -> None:
    boss, other = add(accounts, "boss", "admin"), add(accounts, "other", "admin")
    accounts.change_user(other, UserChange(disabled=True))
    with pytest.raises(ConflictError, match="boss is the last administrator"):
        remove(accounts, boss)
    accounts.change_user(other, UserChange(disabled=False))
    remove(accounts, boss)
    assert [u.name for u in accounts.users() if u.role == "admin" and not u.disabled] == ["other"]


def test_two_administrators_cannot_remove_each_other_at_once(accounts: Accounts) -> None:
    ids = [add(accounts, name, "admin") for name in ("a", "b")]
    start, refused = threading.Barrier(2), []

    def remove(user: int) -> None:
        start.wait()
        try:
            accounts.delete_user(user)
        except ConflictError:
            refused.append(user)

    threads = [threading.Thread(target=remove, args=(user,)) for user in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [u.id for u in accounts.users()] == refused
    assert len(refused) == 1


def test_names_are_taken_once_and_are_plain(accounts: Accounts) -> None:
    add(accounts)
    with pytest.raises(ConflictError, match="mira"):
        add(accounts)
    for name in ("", "Mira", "mi ra", "mira\n", "mira\u202e", "mіra", "-mira", "a" * 65, "mira/key", "key:mira", "'; --"):
        with pytest.raises(ValidationError):
            NewUser(name=name, role="viewer", password=PASSWORD)
    with pytest.raises(ValidationError):
        NewUser(name="tom", role="viewer", password="too short")


def test_what_is_not_there_is_not_found(accounts: Accounts) -> None:
    for missing in (1, 2**31, 2**70):
        with pytest.raises(NotFoundError):
            accounts.change_user(missing, UserChange(disabled=True))
        with pytest.raises(NotFoundError):
            accounts.delete_user(missing)
    with pytest.raises(NotFoundError):
        accounts.user_named("nobody")
    with pytest.raises(NotFoundError):
        accounts.revoke_key(1)


def test_a_key_can_do_what_its_scopes_and_its_users_role_allow_when_it_is_used(accounts: Accounts) -> None:
    user = add(accounts, role="admin")
    add(accounts, "boss", "admin")
    made = accounts.add_key(user, NewKey(name="door", scopes=[Permission.MEDIA_READ, Permission.USERS_MANAGE]))

    def rights() -> set[Permission]:
        who = accounts.principal_of("key", made.secret)
        assert who is not None
        assert (who.name, who.user, who.via, who.whole, who.csrf_token) == ("key:mira/door", "mira", "key", False, None)
        return set(who.permissions)

    assert rights() == {Permission.MEDIA_READ, Permission.USERS_MANAGE, Permission.SELF}
    accounts.change_user(user, UserChange(role="viewer"))
    assert rights() == {Permission.MEDIA_READ, Permission.SELF}


def test_keys_expire_are_revoked_and_go_with_their_user(accounts: Accounts, clock: Clock) -> None:
    user, other = add(accounts), add(accounts, "tom")
    new = NewKey(name="door", scopes=[Permission.MEDIA_READ], expires_in_days=1)
    expiring, revoked, gone = (accounts.add_key(owner, new) for owner in (user, user, other))
    assert all(accounts.principal_of("key", k.secret) for k in (expiring, revoked, gone))
    with pytest.raises(NotFoundError):
        accounts.revoke_key(revoked.id, other)  # not theirs
    assert accounts.revoke_key(revoked.id, user).revoked
    accounts.delete_user(other)
    assert [accounts.principal_of("key", k.secret) is None for k in (expiring, revoked, gone)] == [False, True, True]
    clock.time += timedelta(days=1, seconds=-1)
    assert accounts.principal_of("key", expiring.secret) is not None
    clock.time += timedelta(seconds=1)
    assert accounts.principal_of("key", expiring.secret) is None
    assert [(k.id, k.revoked) for k in accounts.keys(user)] == [(revoked.id, True), (expiring.id, False)]
    with pytest.raises(NotFoundError):
        accounts.revoke_key(revoked.id, user)


def test_a_key_is_no_session_and_a_session_is_no_key(accounts: Accounts) -> None:
    user = add(accounts)
    key, entry = accounts.add_key(user, NewKey(name="door", scopes=[Permission.MEDIA_READ])), accounts.sign_in("mira", PASSWORD)
    assert accounts.principal_of("session", key.secret) is None
    assert accounts.principal_of("key", entry.token) is None
    for token in ("", "slk_", "x" * 10_000, "\ud800", "ключ"):
        assert accounts.principal_of("key", token) is None
        assert accounts.principal_of("session", token) is None
    with pytest.raises(SignInNeededError):
        accounts.sign_in_with_token(key.secret)


def test_names_of_keys_can_be_printed_and_their_number_is_bounded(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    user = add(accounts)
    for name in ("a\x00b", "a\u202eb", "a\nb"):
        with pytest.raises(InvalidInputError):
            accounts.add_key(user, NewKey(name=name, scopes=[Permission.MEDIA_READ]))
    assert accounts.add_key(user, NewKey(name="门铃 'x'; --", scopes=[Permission.MEDIA_READ])).name == "门铃 'x'; --"
    monkeypatch.setattr("sightline.store.accounts.MAX_KEYS", 1)
    with pytest.raises(ConflictError, match="1 keys"):
        accounts.add_key(user, NewKey(name="one more", scopes=[Permission.MEDIA_READ]))


def test_last_use_is_noted_at_most_once_a_minute(accounts: Accounts, clock: Clock) -> None:
    user = add(accounts)
    key = accounts.add_key(user, NewKey(name="door", scopes=[Permission.MEDIA_READ]))
    begun = clock.time
    for seconds, noted in ((0, 0), (30, 0), (61, 61)):
        clock.time = begun + timedelta(seconds=seconds)
        assert accounts.principal_of("key", key.secret)
        assert accounts.keys()[0].last_used_at == begun + timedelta(seconds=noted)


class TestFromOutside:
    def sign_in(self, accounts: Accounts, name: str = "mira", **how: Any) -> Entry:
        return accounts.sign_in_from_outside("https://idp|7", name, how.pop("role", None), **{"newcomer": "viewer", "link": False, **how})

    def test_a_newcomer_becomes_a_user_and_stays_the_same_whatever_the_name_is_later(self, accounts: Accounts) -> None:
        first, second = self.sign_in(accounts), self.sign_in(accounts, "mira.new")
        assert first.principal.user_id == second.principal.user_id
        assert (second.principal.user, second.principal.role) == ("mira", "viewer")

    def test_newcomers_can_be_refused(self, accounts: Accounts) -> None:
        with pytest.raises(RightsError, match="nobody here is known"):
            self.sign_in(accounts, newcomer=None)
        assert accounts.users() == []

    def test_a_namesake_is_not_taken_over(self, accounts: Accounts) -> None:
        add(accounts, role="admin")
        with pytest.raises(RightsError, match="already"):
            self.sign_in(accounts)
        assert [u.role for u in accounts.users()] == ["admin"]

    def test_a_namesake_is_linked_when_that_is_wanted_and_only_once(self, accounts: Accounts) -> None:
        user = add(accounts)
        assert self.sign_in(accounts, link=True, newcomer=None).principal.user_id == user
        with pytest.raises(RightsError):
            accounts.sign_in_from_outside("https://idp|8", "mira", None, newcomer="viewer", link=True)

    def test_the_role_follows_the_sign_on_but_for_the_last_administrator(self, accounts: Accounts) -> None:
        assert self.sign_in(accounts, role="admin", newcomer="admin").principal.role == "admin"
        with pytest.raises(ConflictError, match="last administrator"):
            self.sign_in(accounts, role="viewer")
        add(accounts, "boss", "admin")
        assert self.sign_in(accounts, role="operator").principal.role == "operator"
        assert self.sign_in(accounts, role=None).principal.role == "operator"

    def test_a_disabled_user_is_refused(self, accounts: Accounts) -> None:
        user = self.sign_in(accounts).principal.user_id
        accounts.change_user(user, UserChange(disabled=True))
        with pytest.raises(RightsError, match="disabled"):
            self.sign_in(accounts)

    def test_there_is_no_password_to_guess(self, accounts: Accounts) -> None:
        self.sign_in(accounts)
        with pytest.raises(SignInNeededError):
            accounts.sign_in("mira", "nobody has this password")


def test_roles_only_grow() -> None:
    roles = list(ROLE_PERMISSIONS.values())
    assert all(less < more for less, more in itertools.pairwise(roles))
