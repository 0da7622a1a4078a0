"""Reading the whole audit trail to see whether it is what was written."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from sqlalchemy import func, select

from sightline.api.audit import AuditVerdict
from sightline.store.audit_chain import START, Mark, chained
from sightline.store.database import Database
from sightline.store.tables import AuditRow

HEAD_LOST = "keys/audit.head is missing or damaged: nothing says how many entries there were"
MOST_PROBLEMS = 100
_CHUNK = 2000


def verified(database: Database, key: bytes, head: Mark | None, progress: Callable[[int, int], None]) -> AuditVerdict:
    """Return whether the trail is whole.

    Parameters
    ----------
    database : Database
    key : bytes
        Of the trail.
    head : Mark, optional
        How far it reached, as read before the entries are; None: nobody knows.
    progress : callable
        Is given how many entries were read, and how many there are.
    """
    columns = (AuditRow.number, AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.target, AuditRow.detail, AuditRow.hash)
    walk = _Walk(key, head)
    with database.session() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        total = session.scalar(select(func.count()).select_from(AuditRow)) or 0
        rows = session.execute(select(*columns).order_by(AuditRow.number), execution_options={"yield_per": _CHUNK})
        for chunk in rows.mappings().partitions():
            for row in chunk:
                walk.step(dict(row))
            progress(walk.entries, total)
    problems = walk.problems + walk.at_the_end()
    return AuditVerdict(intact=not problems, entries=walk.entries, problems=problems[:MOST_PROBLEMS])


class _Walk:
    """Goes along the chain and notes what is wrong."""

    def __init__(self, key: bytes, head: Mark | None) -> None:
        self._key, self._head = key, head
        self._before: Mark = START
        self.entries = 0
        self.problems: list[str] = []

    def step(self, row: dict[str, object]) -> None:
        """Look at the next entry."""
        self.entries += 1
        number, digest = int(str(row["number"])), row["hash"]
        assert isinstance(digest, bytes)
        if number > self._before.number + 1:
            self._note(f"{_entries(self._before.number + 1, number - 1)} missing")
        elif number <= self._before.number:
            self._note(f"entry {number} has no place in the trail: numbers begin at 1")
        elif not hmac.compare_digest(digest, chained(self._key, self._before.hash, row)):
            self._note(f"entry {number} is not as it was written, or not in its place")
        if self._head is not None and number == self._head.number and digest != self._head.hash:
            self._note(f"entry {number} is another one than that which keys/audit.head names")
        self._before = Mark(number, digest)

    def at_the_end(self) -> list[str]:
        """Return what is wrong once all entries were seen."""
        if self._head is None:
            return [HEAD_LOST]
        if self._head.number > self._before.number:
            return [f"{_entries(self._before.number + 1, self._head.number)} missing at the end"]
        return []

    def _note(self, problem: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
