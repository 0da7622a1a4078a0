from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.databases import TestServer
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
