from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from tests.databases import TestServer
from tests.emptied import empty, opened

from sightline.api.settings import Limits, Settings
from sightline.core.errors import InvalidInputError
from sightline.store.database import Database
from sightline.store.settings import SettingsStore


@pytest.fixture(scope="module")
def one_database(embedded_postgres: TestServer) -> Iterator[Database]:
    yield from opened(embedded_postgres)


@pytest.fixture
def database(one_database: Database) -> Database:
    return empty(one_database)


def test_settings_are_the_defaults_until_somebody_sets_them(database: Database) -> None:
    store = SettingsStore(database)
    assert store.get() == Settings()
    wanted = Settings(limits=Limits(max_pixels=1000), retention_days=7, audit_reads=False)
    assert store.put(wanted) == store.get() == SettingsStore(database).get() == wanted
    store.put(Settings())
    assert SettingsStore(database).get() == Settings()
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM settings")) == 1


def test_settings_are_remembered_for_five_seconds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = SettingsStore(database), SettingsStore(database)
    assert store.get().retention_days is None
    other.put(Settings(retention_days=7))
    assert store.get().retention_days is None
    later = time.monotonic() + 5.0
    monkeypatch.setattr("sightline.store.settings.time.monotonic", lambda: later)
    assert store.get().retention_days == 7


@pytest.mark.parametrize("value", ['{"retention_days": -1}', '{"unheard_of": 1}', '{"limits": {"max_bytes": "many"}}', "[]"])
def test_settings_that_do_not_fit_are_an_error_not_a_default(database: Database, value: str) -> None:
    with database.session() as session:
        session.execute(text("INSERT INTO settings (id, value) VALUES (1, CAST(:value AS jsonb))"), {"value": value})
    with pytest.raises(InvalidInputError, match="do not fit this version"):
        SettingsStore(database).get()
