"""An app with the routers of signing in, users, keys, audit and settings over a real database; browsers and programs that use it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

from argon2 import PasswordHasher
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.testclient import TestClient

from sightline.api.accounts import NewUser, Permission, Role
from sightline.server import headers, problems
from sightline.server.config import ServerConfig
from sightline.server.rights import Principal, check_every_route_is_guarded, public, require, require_socket, still_may
from sightline.server.routers import audit, auth, settings, users
from sightline.server.sign_in_limits import SignInLimits
from sightline.store.accounts import Accounts
from sightline.store.audit import AuditTrail
from sightline.store.blobs import open_blobs
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.passwords import Passwords
from sightline.store.retention import Retention
from sightline.store.settings import SettingsStore
from sightline.store.thumbnails import Thumbnails
from sightline.store.uploads import Uploads

PASSWORD = "correct horse battery"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
V1 = "/api/v1"

probe = APIRouter(prefix="/probe")


@probe.get("/media")
def read_media(who: Annotated[Principal, require(Permission.MEDIA_READ)]) -> str:
    return who.name


@probe.post("/media")
def write_media(who: Annotated[Principal, require(Permission.MEDIA_WRITE)]) -> str:
    return who.name


@probe.get("/open", dependencies=[public])
def read_open() -> str:
    return "open"


@probe.websocket("/live")
async def live(socket: WebSocket, who: Annotated[Principal, require_socket(Permission.LIVE)]) -> None:
    await socket.accept()
    await socket.send_text(who.name)
    async for _ in socket.iter_text():
        await socket.send_text("yes" if await still_may(socket, Permission.LIVE) else "no")


def make_app(database: Database, folder: Path, **config: Any) -> FastAPI:
    """Return the app; its services are the real ones, as far as these routes need them."""
    store = SettingsStore(database)
    media = MediaCatalogue(database, open_blobs(None, folder))
    audit_trail = AuditTrail(database, folder / "keys", reads=lambda: store.get().audit_reads)
    app = FastAPI(docs_url=None, redoc_url=None)
    app.state.services = SimpleNamespace(
        config=ServerConfig(data=folder, **config),
        database=database,
        retention=Retention(database, media, Uploads(database, folder / "spool"), Thumbnails(folder / "thumbs"), audit_trail),
        settings=store,
        accounts=Accounts(database, passwords=CHEAP),
        audit=audit_trail,
        single_sign_on=None,
        sign_in_limits=SignInLimits(),
    )
    problems.install(app)
    for router in (auth.router, users.router, audit.router, settings.router, probe):
        app.include_router(router, prefix=V1)
    check_every_route_is_guarded(app)
    headers.install(app, app.state.services.config)
    return app


def add(app: FastAPI, name: str, role: Role) -> int:
    user: int = app.state.services.accounts.add_user(NewUser(name=name, role=role, password=PASSWORD)).id
    return user


def browser(app: FastAPI, *, https: bool = False) -> TestClient:
    """Return a browser that nobody has signed in with."""
    return TestClient(app, base_url=f"{'https' if https else 'http'}://localhost:8765", raise_server_exceptions=False)


def sign_in(app: FastAPI, name: str, *, https: bool = False) -> TestClient:
    """Return a browser in which somebody is signed in, and that sends the CSRF token as the console does."""
    client = browser(app, https=https)
    answer = client.post(f"{V1}/auth/login", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


def program(app: FastAPI, key: str) -> TestClient:
    """Return a client that shows a key."""
    client = browser(app)
    client.headers["Authorization"] = f"Bearer {key}"
    return client
