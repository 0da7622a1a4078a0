"""One database: its address, its connections, its migrations."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from sightline.core.errors import InvalidInputError, StoreUnavailableError
from sightline.store.embedded import EmbeddedServer

logger = logging.getLogger(__name__)

URL_VARIABLE = "SIGHTLINE_DATABASE_URL"
NO_VECTORS = (
    "this PostgreSQL has no pgvector, so galleries of people cannot be kept in it; everything else works. "
    "Install the package postgresql-NN-pgvector of its version, or leave SIGHTLINE_DATABASE_URL unset for the embedded database."
)


class Database:
    """Connections to one PostgreSQL database whose tables are up to date.

    Parameters
    ----------
    url : str or URL
        ``postgresql://user:password@host/name``.
    pool_size : int
        Connections that are kept open.
    embedded : EmbeddedServer, optional
        Is stopped by `close`.

    Raises
    ------
    InvalidInputError
        When it is not the address of a PostgreSQL database.
    """

    def __init__(self, url: str | URL, *, pool_size: int = 10, embedded: EmbeddedServer | None = None) -> None:
        self.url = _psycopg_url(url)
        self._embedded = embedded
        self.engine: Engine = create_engine(
            self.url, pool_size=pool_size, max_overflow=10, pool_timeout=10, pool_pre_ping=True, connect_args={"connect_timeout": 5}
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @property
    def is_embedded(self) -> bool:
        """True when the server runs under our own data folder."""
        return self._embedded is not None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session in one transaction: committed at the end of the block, rolled back by an exception.

        Raises
        ------
        StoreUnavailableError
            When the database cannot be reached or went away; nothing of the block was kept.
        InvalidInputError
            When a value cannot be in any database: a number out of range, a text with a NUL in it.
        """
        try:
            with self._sessions.begin() as session:
                yield session
        except DataError as error:
            raise InvalidInputError(f"a value cannot be kept or looked for: {_first_line(error)}") from error
        except OperationalError as error:
            raise StoreUnavailableError(f"the database does not answer: {_first_line(error)}") from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise StoreUnavailableError(f"the database went away: {_first_line(error)}") from error

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to a revision, up or down.

        Raises
        ------
        StoreUnavailableError
            When the database cannot be reached.
        """
        with self.session() as session:
            config = Config()
            config.set_main_option("script_location", str(resources.files("sightline.store") / "migrations"))
            config.attributes["connection"] = session.connection()
            current = MigrationContext.configure(session.connection()).get_current_revision()
            down = revision == "base" or (current is not None and revision != "head" and revision < current)
            (command.downgrade if down else command.upgrade)(config, revision)

    def revision(self) -> str | None:
        """Return the revision that the tables are at, None when there are none."""
        with self.session() as session:
            return MigrationContext.configure(session.connection()).get_current_revision()

    def has_vectors(self) -> bool:
        """Return whether pgvector is there."""
        with self.session() as session:
            return session.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")) is not None

    def close(self) -> None:
        """Close the connections, and the embedded server."""
        self.engine.dispose()
        if self._embedded is not None:
            self._embedded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_database(data: Path, url: str | None = None) -> Database:
    """Return the database to use, with its tables up to date.

    Parameters
    ----------
    data : Path
        Data folder; the embedded server lives in its ``pg`` folder.
    url : str, optional
        Address of a PostgreSQL of the user's own; by default that of ``SIGHTLINE_DATABASE_URL``, else the embedded server.

    Raises
    ------
    InvalidInputError
        When the address is not PostgreSQL's.
    StoreUnavailableError
        When it cannot be reached or started.
    MissingExtraError
        When the embedded server is not installed.
    """
    url = url or os.environ.get(URL_VARIABLE) or None
    if url is not None:
        database = Database(url)
    else:
        server = EmbeddedServer(data / "pg")
        try:
            create_database(server.url)
        except BaseException:
            server.close()
            raise
        database = Database(server.url, embedded=server)
    try:
        database.migrate()
        if not database.has_vectors():
            logger.warning(NO_VECTORS)
    except BaseException:
        database.close()
        raise
    return database


def create_database(url: URL, *, template: str = "template1") -> None:
    """Make the database that an address names, unless it is there."""
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            if connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": url.database}) is None:
                quote = engine.dialect.identifier_preparer.quote_identifier
                connection.execute(text(f"CREATE DATABASE {quote(str(url.database))} TEMPLATE {quote(template)}"))
    except OperationalError as error:
        raise StoreUnavailableError(f"the database does not answer: {_first_line(error)}") from error
    finally:
        engine.dispose()


def _psycopg_url(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidInputError(f"expected an address such as postgresql://user:password@host/name in {URL_VARIABLE}") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres") or not parsed.database:
        raise InvalidInputError(
            f"expected the address of a PostgreSQL database, such as postgresql://user:password@host/name, got {parsed.drivername}://…"
        )
    return parsed.set(drivername="postgresql+psycopg")


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
