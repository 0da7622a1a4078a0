"""Everything that jobs need, opened as the server does, for tests and for processes that tests kill."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy.engine import URL

from sightline.api.analyses import AnalysisOptions
from sightline.api.media import Media
from sightline.server.config import ServerConfig
from sightline.server.jobs.runner import Runner
from sightline.server.workers import WorkerLimits, Workers
from sightline.store.analyses import AnalysisStore
from sightline.store.blobs import open_blobs
from sightline.store.database import Database
from sightline.store.jobs import JobStore
from sightline.store.media import MediaCatalogue
from sightline.store.records import RecordStore
from sightline.store.settings import SettingsStore
from sightline.store.sources import SourceStore

ROOT = Path(__file__).parents[3]
QUICK = AnalysisOptions(only=["faces"], landmarks=False)


def python_path() -> str:
    """Return the value of PYTHONPATH with which processes find the tests."""
    known = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    return os.pathsep.join(dict.fromkeys([str(ROOT), *known]))


@dataclass(frozen=True)
class Bench:
    """What a test works with."""

    config: ServerConfig
    database: Database
    settings: SettingsStore
    media: MediaCatalogue
    records: RecordStore
    sources: SourceStore
    analyses: AnalysisStore
    jobs: JobStore
    workers: Workers
    runner: Runner

    def bring_in(self, path: Path, **facts: Any) -> Media:
        """Keep a copy of a file."""
        copy = self.config.spool / uuid4().hex
        shutil.copyfile(path, copy)
        known = self.workers.run_sync("inspect", path=copy)
        return self.media.add(copy, {**known, **facts}, name=path.name, added_by="mira")


@contextmanager
def opened(
    url: URL | str,
    data: Path,
    *,
    tasks: str = "sightline.server.workers.tasks",
    start: bool = True,
    watch: tuple[Path, ...] = (),
    segment_s: float = 10.0,
) -> Iterator[Bench]:
    """Open everything, in order; with ``start``, the runner works."""
    os.environ["PYTHONPATH"] = python_path()
    config = ServerConfig(data=data, watch=watch, interactive_workers=1, batch_workers=1)
    config.spool.mkdir(parents=True, exist_ok=True)
    with Database(url, pool_size=4) as database, Workers(1, 1, limits=WorkerLimits(timeout_s=60.0), threads=1, tasks=tasks) as workers:
        settings, media = SettingsStore(database), MediaCatalogue(database, open_blobs(None, data))
        media.recover()
        records, sources = RecordStore(database), SourceStore(database, b"k" * 32)
        analyses, jobs = AnalysisStore(database, media), JobStore(database)
        runner = Runner(config, database, settings, media, records, sources, analyses, jobs, workers, segment_s=segment_s)
        if start:
            runner.start()
        try:
            yield Bench(config, database, settings, media, records, sources, analyses, jobs, workers, runner)
        finally:
            runner.close()
            workers.close(grace_s=0.2)


def threads_left() -> list[str]:
    """Return the names of threads of jobs that are still there."""
    return [t.name for t in threading.enumerate() if t.name.startswith(("sightline-quick", "sightline-recorder", "dbos"))]
