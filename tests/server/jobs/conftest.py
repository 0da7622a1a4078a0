from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.databases import TestServer
from tests.server.jobs import light_tasks
from tests.server.jobs.bench import Bench, opened


@pytest.fixture
def bench(embedded_postgres: TestServer, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Return a function that opens everything on a database and data folder of the test's own; a second call opens them again."""
    url = embedded_postgres.fresh()
    with ExitStack() as stack:

        def make(**options: Any) -> Bench:
            stack.close()
            return stack.enter_context(opened(url, tmp_path / "data", **options))

        make.url = url  # type: ignore[attr-defined]
        make.close = stack.close  # type: ignore[attr-defined]
        yield make
    embedded_postgres.drop(url)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that lets workers through which wait."""
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path / "home"))
    yield light_tasks.gate()
    light_tasks.gate().touch()


@pytest.fixture
def make(bench: Callable[..., Bench], gate: Path) -> Callable[..., Bench]:
    """As ``bench``, with workers that need no nets."""
    return lambda **options: bench(tasks="tests.server.jobs.light_tasks", **options)
