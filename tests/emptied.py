"""A database for all tests of a module, emptied before each: a fresh one takes half a second."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from tests.databases import TestServer

from sightline.store.database import Database


def opened(server: TestServer) -> Iterator[Database]:
    """Give a migrated database and drop it at the end."""
    url = server.fresh()
    with Database(url, pool_size=4) as database:
        yield database
    server.drop(url)


def empty(database: Database) -> Database:
    """Delete accounts, settings and the audit trail (as a superuser, who can)."""
    with database.session() as session:
        session.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for table in ("audit", "users", "settings"):
            session.execute(text(f"DELETE FROM {table}"))
        session.execute(text("ALTER TABLE audit ENABLE TRIGGER ALL"))
    return database
