from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sightline.server.workers import WorkerLimits, Workers

ROUGH = "tests.server.workers.rough_tasks"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def rough(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workers]]:
    """Return a function that makes workers which can also do harm."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made: list[Workers] = []

    def make(interactive: int = 1, batch: int = 1, **options: Any) -> Workers:
        limits = options.pop("limits", None) or WorkerLimits(timeout_s=20.0)
        made.append(Workers(interactive, batch, limits=limits, threads=1, tasks=ROUGH, **options))
        return made[-1]

    yield make
    for workers in made:
        workers.close(grace_s=0.5)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Workers as the server has them."""
    with Workers(limits=WorkerLimits(timeout_s=60.0)) as pool:
        yield pool
