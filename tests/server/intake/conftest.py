"""The services and the app, on a database of their own; the runner is not started, so analyses wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.databases import TestServer

from sightline.api.settings import Limits, Settings
from sightline.server.app import create_app
from sightline.server.config import ServerConfig
from sightline.server.services import Services, open_services
from sightline.store.tables import BlobRow, MediaRow, SegmentRow, UploadRow

API = "/api/v1"


@dataclass
class Place:
    """An app, its services, and the header that opens it."""

    app: FastAPI
    services: Services
    headers: dict[str, str]
    data: Path

    @contextmanager
    def settings(self, **limits: Any) -> Iterator[None]:
        """Change limits for a while."""
        before = self.services.settings.get()
        self.services.settings.put(Settings(limits=Limits(**limits)))
        yield
        self.services.settings.put(before)

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Serve on a real socket; gives the port."""
        server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True
        thread.join()

    def spooled(self) -> list[Path]:
        return sorted((self.data / "spool").glob("*"))

    def check(self) -> None:
        """Files and rows agree."""
        with self.services.database.session() as session:
            rows = {row.digest: row.state for row in session.scalars(select(BlobRow))}
            needed = {*session.scalars(select(MediaRow.digest)), *session.scalars(select(SegmentRow.digest))}
        assert set(rows.values()) <= {"kept"}
        assert set(rows) == needed == set(self.services.blobs.digests())


@pytest.fixture(scope="module")
def place(embedded_postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    url = embedded_postgres.fresh()
    data = tmp_path_factory.mktemp("data")
    config = ServerConfig(data=data, database_url=url.render_as_string(hide_password=False), interactive_workers=1, batch_workers=1)
    with open_services(config) as services:
        yield Place(create_app(services), services, {"Authorization": f"Bearer {services.accounts.first_start()}"}, data)
    embedded_postgres.drop(url)


@pytest.fixture
def client(place: Place) -> Iterator[TestClient]:
    with TestClient(place.app, base_url=f"http://localhost{API}", headers=place.headers) as client:
        yield client


@pytest.fixture(autouse=True)
def _tidy(place: Place) -> Iterator[None]:
    """Give up what a test has begun and left."""
    yield
    with place.services.database.session() as session:
        left = list(session.scalars(select(UploadRow.id).where(UploadRow.state == "receiving")))
    for upload_id in left:
        place.services.uploads.delete(upload_id)
