from __future__ import annotations

import io
import json
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from tests.databases import TestServer
from tests.emptied import empty, opened

from sightline.api.audit import AuditVerdict
from sightline.core.errors import InvalidInputError, StoreUnavailableError
from sightline.store.accounts import Accounts
from sightline.store.audit import AuditTrail
from sightline.store.audit_chain import START, Mark, chained
from sightline.store.audit_head import Head
from sightline.store.audit_verify import HEAD_LOST
from sightline.store.database import Database
from sightline.store.passwords import Passwords

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def one_database(embedded_postgres: TestServer) -> Iterator[Database]:
    yield from opened(embedded_postgres)


@pytest.fixture
def database(one_database: Database) -> Database:
    return empty(one_database)


@pytest.fixture
def trail(database: Database, tmp_path: Path) -> AuditTrail:
    return AuditTrail(database, tmp_path / "keys")


def fill(trail: AuditTrail, count: int = 10) -> None:
    for number in range(1, count + 1):
        trail.write("mira", "media.read", f"media/{number}", width=number)


def tamper(database: Database, *statements: str, **values: Any) -> None:
    """Change rows as whoever owns the database can: the trigger is switched off first."""
    with database.session() as session:
        session.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_is_append_only"))
        for statement in statements:
            session.execute(text(statement), values)
        session.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_is_append_only"))


def verdict(database: Database, tmp_path: Path) -> AuditVerdict:
    return AuditTrail(database, tmp_path / "keys").verify()


def test_what_was_written_is_intact(database: Database, trail: AuditTrail, tmp_path: Path) -> None:
    assert trail.verify() == AuditVerdict(intact=True, entries=0, problems=[])
    fill(trail)
    assert trail.verify() == AuditVerdict(intact=True, entries=10, problems=[])
    fill(AuditTrail(database, tmp_path / "keys"), 2)  # after a restart
    assert trail.verify().entries == 12
    assert verdict(database, tmp_path).intact
    assert trail.doubts() == []


def test_an_entry_says_what_was_said(trail: AuditTrail) -> None:
    before = datetime.now(UTC)
    trail.write("key:mira/door", "media.delete", "media/7", why="retention", bytes=12, gone=True)
    (entry,) = trail.page().items
    assert (entry.number, entry.actor, entry.action, entry.target) == (1, "key:mira/door", "media.delete", "media/7")
    assert entry.detail == {"why": "retention", "bytes": 12, "gone": True}
    assert before <= entry.at <= datetime.now(UTC)
    assert len(entry.hash) == 64


def test_the_hash_is_what_the_documentation_says() -> None:
    """The recipe of docs/audit.md, step by step."""
    import hashlib
    import hmac

    at = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    row = {"number": 1, "at": at, "actor": "mira", "action": "login", "target": None, "detail": {"b": "é", "a": 1}}
    plain = '[1,"2026-03-01T12:00:00.000005+00:00","mira","login",null,{"a":1,"b":"é"}]'
    assert chained(KEY, bytes(32), row) == hmac.new(KEY, bytes(32) + plain.encode("utf-8"), hashlib.sha256).digest()


CHANGES = {
    "changed detail": (["UPDATE audit SET detail = '{\"width\": 99}' WHERE number = 4"], "entry 4 is not as it was written"),
    "changed time": (["UPDATE audit SET at = at + interval '1 microsecond' WHERE number = 4"], "entry 4 is not as"),
    "changed actor": (["UPDATE audit SET actor = 'tom' WHERE number = 4"], "entry 4 is not as"),
    "changed action": (["UPDATE audit SET action = 'media.list' WHERE number = 4"], "entry 4 is not as"),
    "changed target": (["UPDATE audit SET target = NULL WHERE number = 4"], "entry 4 is not as"),
    "changed hash": (["UPDATE audit SET hash = decode(repeat('ab', 32), 'hex') WHERE number = 4"], "entry 4 is not as"),
    "short hash": (["UPDATE audit SET hash = '' WHERE number = 10"], "entry 10 is not as"),
    "deleted first": (["DELETE FROM audit WHERE number = 1"], "entry 1 is missing"),
    "deleted middle": (["DELETE FROM audit WHERE number IN (4, 5)"], "entries 4 to 5 are missing"),
    "truncated tail": (["DELETE FROM audit WHERE number > 8"], "entries 9 to 10 are missing at the end"),
    "emptied": (["TRUNCATE audit"], "entries 1 to 10 are missing at the end"),
    "swapped numbers": (
        [
            "UPDATE audit SET number = 100 WHERE number = 4",
            "UPDATE audit SET number = 4 WHERE number = 5",
            "UPDATE audit SET number = 5 WHERE number = 100",
        ],
        "entry 4 is not as it was written, or not in its place",
    ),
    "swapped contents": (
        ["UPDATE audit a SET detail = b.detail, target = b.target, at = b.at FROM audit b WHERE (a.number, b.number) IN ((4, 5), (5, 4))"],
        "entry 5 is not as",
    ),
    "deleted and closed up": (
        ["DELETE FROM audit WHERE number = 4", *(f"UPDATE audit SET number = {n - 1} WHERE number = {n}" for n in range(5, 11))],
        "entry 4 is not as",
    ),
    "doubled": (
        ["INSERT INTO audit SELECT 11, at, actor, action, target, detail, hash FROM audit WHERE number = 10"],
        "entry 11 is not as",
    ),
    "before the first": (
        ["INSERT INTO audit SELECT 0, at, actor, action, target, detail, hash FROM audit WHERE number = 1"],
        "entry 0 has no place",
    ),
    "last replaced": (["UPDATE audit SET actor = 'tom' WHERE number = 10"], "entry 10 is not as"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_damage_is_found(database: Database, trail: AuditTrail, tmp_path: Path, change: str) -> None:
    fill(trail)
    statements, problem = CHANGES[change]
    tamper(database, *statements)
    found = verdict(database, tmp_path)
    assert not found.intact
    assert any(problem in p for p in found.problems), found.problems
    # What comes later does not cover it up.
    fill(AuditTrail(database, tmp_path / "keys"), 5)
    assert not verdict(database, tmp_path).intact


def test_one_changed_entry_is_one_problem(database: Database, trail: AuditTrail) -> None:
    fill(trail)
    tamper(database, "UPDATE audit SET actor = 'tom' WHERE number = 4")
    assert trail.verify().problems == ["entry 4 is not as it was written, or not in its place"]


def rehash(database: Database, key: bytes, first: int) -> None:
    with database.session() as session:
        rows = [dict(r) for r in session.execute(text("SELECT * FROM audit ORDER BY number")).mappings()]
    before = bytes(32)
    for row in rows:
        row["hash"] = chained(key, before, row) if row["number"] >= first else bytes(row["hash"])
        before = row["hash"]
        tamper(database, "UPDATE audit SET hash = :hash WHERE number = :number", hash=row["hash"], number=row["number"])


def test_a_chain_made_anew_with_another_key_is_found(database: Database, trail: AuditTrail) -> None:
    fill(trail)
    tamper(database, "UPDATE audit SET actor = 'tom' WHERE number = 4")
    rehash(database, KEY, 4)
    assert len([p for p in trail.verify().problems if "not as it was written" in p]) == 7


def test_a_head_put_back_needs_the_key_and_a_server_that_does_not_run(database: Database, trail: AuditTrail, tmp_path: Path) -> None:
    head = tmp_path / "keys" / "audit.head"
    fill(trail, 8)
    old = head.read_bytes()
    fill(trail, 2)
    tamper(database, "DELETE FROM audit WHERE number > 8")
    forged = head.read_bytes().replace(b"09 ", b"07 ").replace(b"10 ", b"08 ")
    assert len(forged) == 320
    head.write_bytes(forged)
    assert verdict(database, tmp_path).problems == [HEAD_LOST]
    head.write_bytes(old)
    assert trail.verify().problems == ["entries 9 to 10 are missing at the end"]  # the process that wrote them knows
    assert verdict(database, tmp_path).intact  # a limit that docs/audit.md names


def test_a_lost_or_forged_head_is_found_and_stays_found(
    database: Database, trail: AuditTrail, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(trail)
    head = tmp_path / "keys" / "audit.head"
    Head(head, KEY).write(Mark(10, bytes(32)))  # with another key
    assert trail.verify().problems == [HEAD_LOST]
    head.unlink()
    assert trail.verify().problems == trail.doubts() == [HEAD_LOST]
    fill(trail, 1)
    assert "sightline audit verify" in caplog.text
    assert verdict(database, tmp_path).problems == [HEAD_LOST]


def test_resealing_is_told_in_the_trail(database: Database, trail: AuditTrail, tmp_path: Path) -> None:
    fill(trail)
    tamper(database, "DELETE FROM audit WHERE number > 8")
    assert not trail.verify().intact
    trail.reseal("shell", "restored a backup of Monday")
    assert verdict(database, tmp_path) == AuditVerdict(intact=True, entries=9, problems=[])
    (entry,) = trail.page(action="audit.resealed").items
    assert (entry.actor, entry.detail) == ("shell", {"reason": "restored a backup of Monday", "head_was": 10})


def test_a_crash_between_entry_and_head_is_no_damage(database: Database, trail: AuditTrail, tmp_path: Path) -> None:
    fill(trail, 8)
    head = tmp_path / "keys" / "audit.head"
    old = head.read_bytes()
    fill(trail, 2)
    head.write_bytes(old)  # as if the machine had stopped after the transaction
    after = AuditTrail(database, tmp_path / "keys")
    assert after.verify().intact
    fill(after, 1)
    assert Head(head, (tmp_path / "keys" / "audit.key").read_bytes()).read().number == 11  # type: ignore[union-attr]
    assert after.verify().intact


@pytest.mark.parametrize("cut", [0, 1, 80, 159])
def test_a_torn_line_of_the_head_does_not_count(tmp_path: Path, cut: int) -> None:
    head = Head(tmp_path / "audit.head", KEY)
    head.write(START)
    marks = [Mark(n, bytes([n]) * 32) for n in range(1, 6)]
    last = START
    for mark in marks:
        assert head.advance(last, mark, lambda number: None)
        assert head.read() == mark
        last = mark
    content = (tmp_path / "audit.head").read_bytes()
    lines = [content[:160], content[160:]]
    assert sorted(int(line[:19]) for line in lines) == [4, 5]
    newest = 0 if int(lines[0][:19]) == 5 else 1
    lines[newest] = lines[newest][:cut] + b"\0" * (160 - cut)
    (tmp_path / "audit.head").write_bytes(b"".join(lines))
    assert Head(tmp_path / "audit.head", KEY).read() == marks[3]


def test_a_process_killed_while_it_writes_leaves_an_intact_trail(database: Database, trail: AuditTrail, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from sightline.store.database import Database; from sightline.store.audit import AuditTrail\n"
        "trail = AuditTrail(Database(sys.argv[1]), Path(sys.argv[2]))\n"
        "for n in range(100000):\n    trail.write('mira', 'media.read', f'media/{n}'); print(n, flush=True)"
    )
    url = database.url.render_as_string(hide_password=False)
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", code, url, str(tmp_path / "keys")], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(40)]
            process.kill()
        found = verdict(database, tmp_path)
        assert (found.intact, found.problems) == (True, [])
        assert found.entries > told[-1]


def test_many_at_once_are_numbered_without_gaps_by_two_processes_worth_of_trails(
    database: Database, trail: AuditTrail, tmp_path: Path
) -> None:
    trails = [trail, AuditTrail(database, tmp_path / "keys")]

    def work(mine: AuditTrail, name: str) -> None:
        for number in range(25):
            mine.write(name, "media.read", n=number)

    threads = [threading.Thread(target=work, args=(trails[i % 2], f"user{i}")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trail.verify() == AuditVerdict(intact=True, entries=200, problems=[])
    with database.session() as session:
        order = session.execute(text("SELECT actor, array_agg((detail->>'n')::int ORDER BY number) FROM audit GROUP BY actor")).all()
    assert len(order) == 8
    assert all(numbers == list(range(25)) for _, numbers in order)
    assert Head(tmp_path / "keys" / "audit.head", (tmp_path / "keys" / "audit.key").read_bytes()).read().number == 200  # type: ignore[union-attr]


def test_entries_of_one_moment_share_a_transaction(database: Database, trail: AuditTrail) -> None:
    start = threading.Barrier(16)

    def work() -> None:
        start.wait()
        trail.write("mira", "media.read")

    with database.session() as blocker:  # nobody can add entries until all of them wait
        blocker.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        while len(trail._queue) < 15:
            pass
    for thread in threads:
        thread.join()
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM audit")) == 16
        assert session.scalar(text("SELECT count(DISTINCT xmin::text) FROM audit")) == 2


def test_when_the_database_is_away_nothing_is_said_to_be_written(embedded_postgres: TestServer, tmp_path: Path) -> None:
    url = embedded_postgres.fresh()
    with Database(url, pool_size=2) as database:
        trail = AuditTrail(database, tmp_path / "keys")
        trail.write("mira", "login")
        embedded_postgres.drop(url)
        with pytest.raises(StoreUnavailableError):
            trail.write("mira", "media.delete", "media/1")
    with Database(url, pool_size=2) as database, pytest.raises(StoreUnavailableError):
        AuditTrail(database, tmp_path / "keys").write("mira", "login")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text()
    | st.binary(max_size=4)
    | st.uuids()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(detail=plain, actor=st.text(), target=st.none() | st.text())
def test_whatever_is_written_comes_back_as_it_was_hashed(trail: AuditTrail, detail: object, actor: str, target: str | None) -> None:
    trail.write(actor, "test", target, detail=detail)
    found = trail.verify()
    assert found.intact, found.problems


def test_odd_values_are_shown_plainly(trail: AuditTrail) -> None:
    trail.write(
        "a\x00b\u202e",
        "upload",
        "x\ud800\n.png",
        id=UUID(int=7),
        path=Path("/a"),
        none=None,
        big=1e300,
        nan=float("nan"),
        zero=-0.0,
        s={"b", "a"},
    )
    (entry,) = trail.page().items
    assert (entry.actor, entry.target) == ("a\\x00b\\u202e", "x\\ud800\\n.png")
    assert entry.detail == {
        "id": "00000000-0000-0000-0000-000000000007",
        "path": "/a",
        "none": None,
        "big": int(1e300),
        "nan": "nan",
        "zero": 0,
        "s": ["a", "b"],
    }


def test_the_key_is_the_owners_alone(trail: AuditTrail, tmp_path: Path) -> None:
    fill(trail, 1)
    for name in ("audit.key", "audit.head"):
        assert stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) == 0o600
    key = (tmp_path / "keys" / "audit.key").read_bytes()
    assert len(key) == 32
    assert key not in (tmp_path / "keys" / "audit.head").read_bytes()


def test_a_lost_key_is_said_aloud(database: Database, trail: AuditTrail, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(trail, 3)
    (tmp_path / "keys" / "audit.key").unlink()
    with caplog.at_level(logging.ERROR):
        after = AuditTrail(database, tmp_path / "keys")
    assert "can no longer be verified" in caplog.text
    after.write("mira", "login")
    assert not after.verify().intact


def test_mere_reading_is_left_out_when_nobody_wants_it(database: Database, tmp_path: Path) -> None:
    wanted = True
    trail = AuditTrail(database, tmp_path / "keys", reads=lambda: wanted)
    trail.write("mira", "media.read", "media/1")
    wanted = False
    trail.write("mira", "media.read", "media/2")
    trail.write("mira", "media.delete", "media/2")
    assert [(e.action, e.target) for e in trail.page().items] == [("media.delete", "media/2"), ("media.read", "media/1")]
    assert trail.verify().intact


def test_pages_and_filters(trail: AuditTrail) -> None:
    for number in range(7):
        trail.write(("mira", "tom")[number % 2], ("media.read", "media.add", "login", "media%read")[number % 4])

    def numbers(**how: Any) -> list[int]:
        return [e.number for e in trail.page(**how).items]

    first = trail.page(limit=3)
    second = trail.page(limit=3, cursor=first.next_cursor)
    third = trail.page(limit=3, cursor=second.next_cursor)
    assert [[e.number for e in page.items] for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert third.next_cursor is None
    assert numbers(actor="tom") == [6, 4, 2]
    assert numbers(action="media.read") == [5, 1]
    assert numbers(action="media.") == [6, 5, 2, 1]
    assert numbers(actor="tom", action="login") == numbers(actor="' OR 1=1 --") == numbers(action="%.") == numbers(actor="a\x00") == []
    with pytest.raises(InvalidInputError):
        trail.page(cursor="nonsense")


def test_verification_tells_how_far_it_is(trail: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.store.audit_verify._CHUNK", 4)
    fill(trail)
    told: list[tuple[int, int]] = []
    trail.verify(lambda done, total: told.append((done, total)))
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_no_more_than_a_hundred_problems_are_listed(database: Database, trail: AuditTrail) -> None:
    fill(trail, 130)
    tamper(database, "UPDATE audit SET actor = 'tom'")
    found = trail.verify()
    assert (found.intact, found.entries, len(found.problems)) == (False, 130, 100)


@pytest.fixture
def shell(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    from sightline.cli.main import main

    monkeypatch.setenv("SIGHTLINE_DATABASE_URL", database.url.render_as_string(hide_password=False))

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sightline", *arguments, "--data", str(tmp_path)])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        return int(str(ended.value.code or 0)), *capsys.readouterr()

    return run


def test_the_command_verifies(shell: Callable[..., tuple[int, str, str]], database: Database, trail: AuditTrail, tmp_path: Path) -> None:
    fill(trail)
    code, out, _ = shell("audit", "verify", "--json")
    assert (code, json.loads(out)) == (0, {"intact": True, "entries": 10, "problems": []})
    tamper(database, "DELETE FROM audit WHERE number > 8")
    code, out, _ = shell("audit", "verify", "--json")
    assert (code, json.loads(out)["problems"]) == (2, ["entries 9 to 10 are missing at the end"])
    code, out, told = shell("audit", "verify")
    assert (code, out, "entries 9 to 10 are missing" in told) == (2, "", True)
    assert shell("audit", "reseal", "--reason", "test")[0] == 0
    assert shell("audit", "verify")[0] == 0
    (tmp_path / "keys" / "audit.key").unlink()
    code, _, told = shell("audit", "verify")
    assert (code, "restore it from a backup" in told) == (2, True)
    assert not (tmp_path / "keys" / "audit.key").exists()


def test_the_command_makes_users(shell: Callable[..., tuple[int, str, str]], database: Database, trail: AuditTrail) -> None:
    accounts = Accounts(database, passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    assert shell("users", "add", "mira", "--role", "operator", stdin="correct horse battery\n")[:2] == (0, "")
    assert accounts.sign_in("mira", "correct horse battery").principal.role == "operator"
    assert shell("users", "passwd", "mira", stdin="a wholly new password\n")[0] == 0
    assert accounts.sign_in("mira", "a wholly new password")
    code, _, told = shell("users", "add", "tom", stdin="short\n")
    assert (code, "at least 12" in told, "short\n" in told) == (2, True, False)
    assert shell("users", "add", "Mira!", stdin="correct horse battery\n")[0] == 2
    assert shell("users", "disable", "mira")[0] == 0
    assert [(u["name"], u["disabled"]) for u in json.loads(shell("users", "list", "--json")[1])] == [("mira", True)]
    assert "disabled" in shell("users", "list")[1]
    token = shell("users", "token")[1].strip()
    assert accounts.sign_in_with_token(token).principal.user == "owner"
    assert [(e.actor, e.action) for e in trail.page().items] == [("shell", f"user.{a}") for a in ("token", "change", "change", "add")]
    assert trail.verify().intact


def test_commands_need_a_data_folder(tmp_path: Path, shell: Callable[..., tuple[int, str, str]]) -> None:
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    code, _, told = shell("users", "list")
    assert (code, "sightline serve makes it" in told) == (2, True)
