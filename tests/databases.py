"""Databases for tests: the embedded server and, where Debian's is installed, one of the user's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from sightline.store.database import Database, create_database
from sightline.store.embedded import EmbeddedServer

TEMPLATE = "sightline_template"


class TestServer:
    """A PostgreSQL server that gives fresh, migrated databases in a few milliseconds."""

    __test__ = False

    def __init__(self, url: URL) -> None:
        self._admin = url.set(database="postgres")
        self._do("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()")
        create_database(url.set(database=TEMPLATE))
        with Database(url.set(database=TEMPLATE), pool_size=1) as template:
            template.migrate()

    def empty(self) -> URL:
        """Return the address of a database without tables."""
        return self._new("template1")

    def fresh(self) -> URL:
        """Return the address of a database with all tables, empty."""
        return self._new(TEMPLATE)

    def _new(self, template: str) -> URL:
        url = self._admin.set(database=f"test_{uuid4().hex[:12]}")
        create_database(url, template=template)
        return url

    def drop(self, url: URL) -> None:
        """Delete a database, whoever is connected to it."""
        self._do(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')

    def _do(self, *statements: str) -> None:
        engine = create_engine(self._admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


@contextmanager
def folder_of_its_own(prefix: str = "sl-data-") -> Iterator[Path]:
    """Make a folder outside pytest's, which other test runs of the same user close while PostgreSQL passes through it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_server() -> Iterator[URL]:
    """Run the embedded PostgreSQL in a folder of its own (its socket's path must be short)."""
    folder = Path(tempfile.mkdtemp(prefix="sl-pg-"))
    server = EmbeddedServer(folder)
    try:
        yield server.url
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def debian_binaries() -> Path | None:
    """Return the folder of an installed PostgreSQL's programs, the newest, None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def debian_server() -> Iterator[URL]:
    """Run Debian's PostgreSQL in a folder of its own, as the user ``postgres`` where the tests run as root."""
    binaries = debian_binaries()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="sl-deb-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*as_user, str(binaries / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder)

    run("initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield make_url(f"postgresql+psycopg://postgres@/postgres?host={folder}")
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
