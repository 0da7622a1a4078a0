from __future__ import annotations

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from tests.databases import TestServer

from sightline.core.errors import InvalidInputError, StoreUnavailableError
from sightline.store.database import Database, open_database
from sightline.store.tables import Base


@pytest.mark.parametrize("server", ["embedded", "debian"])
def test_migrations_go_up_and_down(server: str, request: pytest.FixtureRequest) -> None:
    postgres: TestServer = request.getfixturevalue(f"{server}_postgres")
    with Database(postgres.empty(), pool_size=1) as database:
        assert database.revision() is None
        for revision in ("0001", "0002", "0001", "head", "base", "head"):
            database.migrate(revision)
            tables = set(inspect(database.engine).get_table_names())
            assert ("records" in tables) == (revision != "base")
            assert ("audit" in tables) == (revision in ("0002", "head"))


def test_the_migrations_make_the_tables_that_the_code_declares(any_database: Database) -> None:
    with any_database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_an_upgrade_keeps_the_data(embedded_postgres: TestServer) -> None:
    with Database(embedded_postgres.empty(), pool_size=1) as database:
        database.migrate("0001")
        with database.session() as session:
            session.execute(
                text("INSERT INTO sources (name, kind, address, \"only\") VALUES ('door', 'camera', 'rtsp://a/b', '{objects}')")
            )
        database.migrate()
        with database.session() as session:
            assert session.execute(text("SELECT name, retention_days FROM sources")).all() == [("door", None)]
            assert session.scalar(text("SELECT count(*) FROM users")) == 0


def test_vectors_are_there_or_said_to_be_missing(any_database: Database) -> None:
    with any_database.session() as session:
        available = session.scalar(text("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"))
    assert any_database.has_vectors() == bool(available)


def test_a_server_without_pgvector_gets_one_clear_sentence(
    debian_postgres: TestServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_database(tmp_path, debian_postgres.empty().render_as_string(hide_password=False)) as database:
        warned = [r.getMessage() for r in caplog.records if "pgvector" in r.getMessage()]
        assert len(warned) == (0 if database.has_vectors() else 1)
        assert database.revision() == "0002"


@pytest.mark.parametrize("url", ["mysql://a/b", "nonsense", "postgresql://host", "sqlite:///x.db"])
def test_only_postgresql_will_do(url: str) -> None:
    with pytest.raises(InvalidInputError, match="postgresql"):
        Database(url)


def test_a_database_that_is_not_there_is_one_clear_error() -> None:
    with Database("postgresql://nobody@127.0.0.1:1/none") as database, pytest.raises(StoreUnavailableError, match="does not answer"):
        database.migrate()


def test_a_failed_block_keeps_nothing(database: Database) -> None:
    def half() -> None:
        with database.session() as session:
            session.execute(text("INSERT INTO settings (id, value) VALUES (1, '{}')"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half()
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM settings")) == 0


def test_the_audit_table_refuses_changes(database: Database) -> None:
    insert = "INSERT INTO audit (number, at, actor, action, detail, hash) VALUES (1, now(), 'a', 'b', '{}', '\\x00')"
    with database.session() as session:
        session.execute(text(insert))
    for change in ("UPDATE audit SET actor = 'c'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(Exception, match="append-only"), database.session() as session:
            session.execute(text(change))


def test_the_embedded_server_comes_back_with_its_data(tmp_path: Path) -> None:
    for count in (0, 1):
        with open_database(tmp_path, None) as database, database.session() as session:
            assert database.is_embedded
            assert session.scalar(text("SELECT count(*) FROM settings")) == count
            session.execute(text("INSERT INTO settings (id, value) VALUES (:id, '{}')"), {"id": count})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root's PostgreSQL runs as another user")
def test_the_folders_above_the_embedded_server_stay_closed(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with open_database(private / "data", None) as database:
        assert database.revision() == "0002"
        assert private.stat().st_mode & 0o777 == 0o711
