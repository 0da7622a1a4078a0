"""A server as its user runs it, and what must be true of it whatever was sent."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import select
from sqlalchemy.engine import URL
from tests.console.conftest import start
from tests.server.intake.files import picture
from tests.server.jobs.waiting import until

from sightline.client import Client
from sightline.store.database import Database
from sightline.store.tables import BlobRow, MediaRow, SegmentRow, UploadRow

API = "/api/v1"
BELONGS = {"media", "spool", "thumbs", "keys", "server.log", "server.lock"}


@dataclass
class Served:
    """A server, its data folder (alone in its parent), and its database."""

    process: subprocess.Popen[str]
    address: str
    token: str
    data: Path
    database: Database

    def __post_init__(self) -> None:
        """Let requests be sent."""
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.http = httpx2.Client(base_url=self.address + API, headers=self.headers, timeout=60)
        self.client = Client(self.address, self.token)

    def upload(self, data: bytes, name: str = "door.png", **query: object) -> httpx2.Response:
        """Send a file in one go."""
        return self.http.post("/media", params={"name": name, "analyse": False, **query}, content=data)

    def begin(self, size: int, name: str = "door.png") -> str:
        """Begin an upload in parts; return its address."""
        answer = self.http.post("/uploads", json={"name": name, "bytes": size, "analyse": False})
        assert answer.status_code == 201, answer.text
        return f"/uploads/{answer.json()['id']}"

    def go_on(self, upload: str, offset: int, data: bytes) -> httpx2.Response:
        """Send the next part."""
        return self.http.patch(upload, content=data, headers={"Upload-Offset": str(offset)})

    def log(self) -> str:
        """Return what the server wrote down."""
        return (self.data / "server.log").read_text("utf-8")

    def spooled(self) -> list[str]:
        return sorted(path.name for path in (self.data / "spool").iterdir())

    def works(self) -> None:
        """The next ordinary upload is kept and comes back."""
        data = picture()
        answer = self.upload(data)
        assert answer.status_code == 201, answer.text
        assert self.http.get(f"/media/{answer.json()['media_id']}/content").content == data

    def known(self) -> int:
        """Return how much has been written down."""
        return len(self.log())

    def give_up(self) -> None:
        """Give up uploads in parts that nobody goes on with."""
        with self.database.session() as session:
            left = list(session.scalars(select(UploadRow.id).where(UploadRow.state == "receiving")))
        for upload_id in left:
            until(lambda: self.http.delete(f"/uploads/{upload_id}").status_code in (204, 404), 30)  # noqa: B023 - called at once

    def check(self, known: int = 0) -> None:
        """It lives, nothing is half there, nothing is where it does not belong, and nothing took it by surprise."""
        assert self.process.poll() is None, "the server ended"
        until(lambda: not self.spooled(), 20)
        with self.database.session() as session:
            rows = {row.digest: row.state for row in session.scalars(select(BlobRow))}
            needed = {*session.scalars(select(MediaRow.digest)), *session.scalars(select(SegmentRow.digest))}
        assert set(rows.values()) <= {"kept"}
        assert set(rows) == needed == {path.name for path in (self.data / "media").glob("[0-9a-f][0-9a-f]/*")}
        assert not list((self.data / "media" / "unfinished").iterdir())
        assert {path.name for path in self.data.iterdir()} <= BELONGS
        assert [path.name for path in self.data.parent.iterdir()] == [self.data.name]
        surprises = [line for line in self.log()[known:].splitlines() if "-> 500" in line or "Exception in ASGI" in line]
        assert not surprises, surprises[:5]

    def raw(self, data: bytes, *, wait_s: float = 30.0, cut: bool = False) -> bytes:
        """Send bytes over a connection of their own; return the answer, or cut the connection off instead."""
        with self.connect() as connection:
            connection.settimeout(wait_s)
            with suppress(ConnectionError):  # whoever is refused may be cut off while still speaking
                connection.sendall(data)
            return b"" if cut else _all(connection)

    def connect(self) -> socket.socket:
        """Return a connection."""
        where = urlsplit(self.address)
        return socket.create_connection((where.hostname, where.port), timeout=30)

    def head(self, method: str, path: str, **headers: object) -> bytes:
        """Return the head of a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = {"Host": urlsplit(self.address).netloc, **self.headers, **named}
        return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]).encode()


def _all(connection: socket.socket) -> bytes:
    """Read one answer, or what there is of it until the connection ends."""
    said = b""
    with suppress(ConnectionError):
        while more := connection.recv(1 << 16):
            said += more
            head, gap, body = said.partition(b"\r\n\r\n")
            sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if gap and sizes and len(body) >= int(sizes[0]):
                break
    return said


def status_of(said: bytes) -> int:
    """Return the status of an answer."""
    return int(said.split(b" ", 2)[1])


@contextmanager
def served(data: Path, url: URL) -> Iterator[Served]:
    """Run a server on a database."""
    with patch.dict(os.environ, {"SIGHTLINE_DATABASE_URL": url.render_as_string(hide_password=False)}):
        process, address, token = start(data)
    assert token is not None
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
    readers = [threading.Thread(target=pipe.read, daemon=True) for pipe in pipes]  # so that it never waits for one
    for reader in readers:
        reader.start()
    try:
        with Database(url, pool_size=2) as database:
            it = Served(process, address, token, data, database)
            yield it
            it.http.close()
            it.client.close()
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        for reader, pipe in zip(readers, pipes, strict=True):
            reader.join(10)
            pipe.close()


def problem(answer: httpx2.Response, *statuses: int) -> str:
    """An answer is a problem of one of these statuses; return what it says."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["detail"]
    assert "Traceback" not in answer.text
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return str(told["detail"])
