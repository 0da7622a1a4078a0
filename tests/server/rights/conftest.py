from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.databases import TestServer
from tests.emptied import empty, opened
from tests.server.rights.app import add, make_app

from sightline.store.database import Database


@pytest.fixture(scope="package")
def one_database(embedded_postgres: TestServer) -> Iterator[Database]:
    yield from opened(embedded_postgres)


@pytest.fixture
def database(one_database: Database) -> Database:
    return empty(one_database)


@pytest.fixture
def app(database: Database, tmp_path: Path) -> FastAPI:
    made = make_app(database, tmp_path)
    add(made, "boss", "admin")
    add(made, "mira", "operator")
    add(made, "vera", "viewer")
    return made
