"""A server with one real worker process, and clients that speak to it over real sockets."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from PIL import Image
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import ClientConnection, connect

from sightline.api.accounts import NewKey, NewUser, Permission, Role
from sightline.server.config import ServerConfig
from sightline.server.live import SOCKET_OPTIONS, LiveHub, LiveLimits, SocketClosedError, close_socket
from sightline.server.live_session import LiveSession
from sightline.server.services import Services, open_services
from sightline.server.workers import Workers


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """Run an app in a thread of this process, on a port of its own; little fits into its sockets, so that who does not read is felt."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, **SOCKET_OPTIONS))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()


def encoded(image: np.ndarray, kind: str = "JPEG") -> bytes:
    data = io.BytesIO()
    Image.fromarray(image).save(data, kind, quality=85)
    return data.getvalue()


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """One face, 512 x 512."""
    data = pytest.importorskip("skimage.data")
    return encoded(data.astronaut())


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(1, 1, threads=1) as pool:
        yield pool


def frame(jpeg: bytes, sent_ms: float = 0.0) -> bytes:
    return struct.pack("<d", sent_ms) + jpeg


@dataclass
class BareServer:
    """A server of live sessions and nothing else."""

    hub: LiveHub
    open: Callable[..., ClientConnection]
    endings: list[SocketClosedError]


@pytest.fixture
def live_server(workers: Workers) -> Iterator[Callable[..., BareServer]]:
    """Return a function that starts a server of bare live sessions."""
    with ExitStack() as stack:
        enter = stack.enter_context

        def start(limits: LiveLimits | None = None, pool: Any = None) -> BareServer:
            hub, endings = LiveHub(pool or workers, 1, limits), []

            async def talk(connection: WebSocket) -> None:
                await connection.accept()
                ending = SocketClosedError(1011, "")
                try:
                    session = LiveSession(connection, hub)
                    await session.greet()
                    await session.talk()
                except SocketClosedError as closed:
                    ending = closed
                finally:
                    endings.append(ending)
                    await close_socket(connection, ending)

            port = enter(serving(Starlette(routes=[WebSocketRoute("/", talk)])))

            def open_socket(**options: Any) -> ClientConnection:
                if "receive_bytes" in options:
                    options["sock"] = socket.create_connection(("127.0.0.1", port))
                    options["sock"].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.pop("receive_bytes"))
                how = {"max_size": 1 << 24, "close_timeout": 0.5, "compression": None, **options}
                return enter(connect(f"ws://127.0.0.1:{port}/", **how))

            return BareServer(hub, open_socket, endings)

        yield start


@dataclass
class House:
    """A whole server: its services, its port, a key for each role."""

    services: Services
    port: int
    keys: dict[str, str]

    def socket(self, path: str, key: str | None = "operator", **headers: str) -> ClientConnection:
        """Open a socket as whoever holds the key of a role."""
        shown = {"Authorization": f"Bearer {self.keys[key]}", **headers} if key else headers
        return connect(f"ws://127.0.0.1:{self.port}{path}", additional_headers=shown, compression=None, close_timeout=0.5, proxy=None)

    def get(self, path: str, key: str | None = None, method: str = "GET") -> httpx.Response:
        """Ask for something as whoever holds the key of a role."""
        headers = {"Authorization": f"Bearer {self.keys[key]}"} if key else {}
        return httpx.request(method, f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=60, trust_env=False)


@contextmanager
def opened_house(postgres: Any, folder: Path, **options: Any) -> Iterator[House]:
    """Run a whole server on a database of its own."""
    from sightline.server.app import create_app

    url = postgres.fresh()
    config = ServerConfig(
        data=folder,
        database_url=url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False),
        interactive_workers=1,
        batch_workers=1,
        **options,
    )
    with open_services(config) as services:
        keys = {}
        roles: tuple[Role, ...] = ("viewer", "operator", "admin")
        for role in roles:
            user = services.accounts.add_user(NewUser(name=role, role=role, password=SecretStr("correct horse battery")))
            keys[role] = services.accounts.add_key(user.id, NewKey(name="test", scopes=list(Permission))).secret
        with serving(create_app(services)) as port:
            yield House(services, port, keys)
    postgres.drop(url)


@pytest.fixture(scope="module")
def house(embedded_postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A whole server for the tests of a file; its threads end with them."""
    with opened_house(embedded_postgres, tmp_path_factory.mktemp("house")) as made:
        yield made
