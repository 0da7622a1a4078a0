"""Who asks, and whether they may: each route names the one right that it needs, or that it is open to all."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import fastapi.routing
from fastapi import Depends, FastAPI, Security, params
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from sightline.api.accounts import Permission
from sightline.core.errors import RightsError, SignInNeededError
from sightline.server.config import ServerConfig
from sightline.store.access import Kind
from sightline.store.principals import Principal

if TYPE_CHECKING:
    from sightline.server.services import Services

__all__ = ["Principal", "Right", "check_every_route_is_guarded", "public", "require", "require_socket", "same_origin", "still_may"]

COOKIE = "sightline_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(https: bool) -> str:
    """Return what the session's cookie is called; by https browsers let nobody but this very host set it (``__Host-``)."""
    return f"__Host-{COOKIE}" if https else COOKIE


class Right(SecurityBase):
    """Lets through whoever has a right, for FastAPI to call before a route."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        self.model = HTTPBearer()
        self.scheme_name = "key"

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Return who asks.

        Raises
        ------
        SignInNeededError
            When nobody is signed in, or not any longer.
        RightsError
            When they have not the right, or another site makes their browser ask.
        """
        who = await principal_of(connection)
        if not who.may(self.permission):
            raise RightsError(f"{who.name} has not the right {self.permission.value}; the role is {who.role}")
        if who.via == "session":
            _check_forgery(connection, who)
        return who


def require(permission: Permission) -> Any:
    """Return the marker of a route that needs a right.

    Examples
    --------
    ::

        @router.get("/media")
        def media(services: Wired, who: Annotated[Principal, require(Permission.MEDIA_READ)]) -> Page[Media]: ...
    """
    return Security(Right(permission), scopes=[permission.value])


require_socket = require
"""The same for WebSocket routes. Browsers send cookies on sockets across sites, so a session must come with our own ``Origin``."""


def _open_to_all() -> None:
    """Mark a route that needs no right."""


public: params.Depends = Depends(_open_to_all)
"""Marker of a route that is open to all: ``@router.get("/livez", dependencies=[public])``."""


async def principal_of(connection: HTTPConnection) -> Principal:
    """Return who asks, by ``Authorization: Bearer`` or else by the session's cookie.

    Raises
    ------
    SignInNeededError
        When nobody is signed in, or not any longer.
    """
    kind, token = credentials(connection)
    accounts = _services_of(connection).accounts
    who = accounts.access.remembered(kind, token) or await run_in_threadpool(accounts.principal_of, kind, token)
    if who is None:
        raise SignInNeededError("the session has ended; sign in again" if kind == "session" else "the key is unknown, expired or revoked")
    return who


async def still_may(connection: HTTPConnection, permission: Permission) -> bool:
    """Return whether whoever opened a connection may still do so; a long stream asks every few seconds."""
    try:
        return (await principal_of(connection)).may(permission)
    except SignInNeededError:
        return False


def credentials(connection: HTTPConnection) -> tuple[Kind, str]:
    """Return what a request shows, a key before a session.

    Raises
    ------
    SignInNeededError
        When it shows nothing.
    """
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "key", key.strip()
    token = session_token(connection)
    if token is None:
        raise SignInNeededError("sign in, or send an API key as Authorization: Bearer …")
    return "session", token


def session_token(connection: HTTPConnection) -> str | None:
    """Return the token in the session's cookie."""
    return connection.cookies.get(cookie_name(_services_of(connection).config.https)) or None


def same_origin(connection: HTTPConnection) -> None:
    """Refuse what a page of another site makes a browser do.

    Raises
    ------
    RightsError
        When ``Sec-Fetch-Site`` or ``Origin`` name another site. Programs send neither.
    """
    site = connection.headers.get("sec-fetch-site", "same-origin")
    origin = connection.headers.get("origin")
    if site not in ("same-origin", "none") or (origin is not None and not _is_ours(origin, connection)):
        raise RightsError("another site asked for this; open Sightline's own page")


def _services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


def _is_ours(origin: str, connection: HTTPConnection) -> bool:
    config: ServerConfig = _services_of(connection).config
    try:
        parts = urlsplit(origin)
        names = {parts.netloc.lower(), (parts.hostname or "").lower()}
    except ValueError:
        return False
    host = connection.headers.get("host", "").lower()
    return parts.scheme in ("http", "https") and (parts.netloc.lower() == host != "" or not names.isdisjoint(config.allowed_hosts))


def _check_forgery(connection: HTTPConnection, who: Principal) -> None:
    if connection.scope["type"] == "websocket":
        if "origin" not in connection.headers:
            raise RightsError("a socket by session must come from Sightline's own page; programs use an API key")
        same_origin(connection)
    elif connection.scope["method"] not in _SAFE:
        same_origin(connection)
        shown = connection.headers.get("x-csrf-token", "")
        if not hmac.compare_digest(shown.encode(), (who.csrf_token or "").encode()):
            raise RightsError("the header X-CSRF-Token is missing or wrong; GET /api/v1/auth/me tells it")


def check_every_route_is_guarded(app: FastAPI) -> None:
    """Refuse an app in which a route names no right and is not said to be open.

    Raises
    ------
    RuntimeError
        With the routes that name neither or both.
    """
    wrong = [path for path, marks in guards(app) if len(marks) != 1]
    if wrong:
        raise RuntimeError(f"these routes name neither a right nor that they are public, or both: {', '.join(wrong)}")


def guards(app: FastAPI) -> Iterator[tuple[str, list[Permission | None]]]:
    """Yield each route (methods and path) with the rights that it names; None stands for one that is open to all.

    The address of the OpenAPI description is left out: it tells nothing about what is kept.
    """
    for route in _routes(app):
        if getattr(route, "path", None) == app.openapi_url:
            continue
        methods = ",".join(sorted(getattr(route, "methods", None) or {"WS"}))
        dependant = getattr(route, "dependant", None)
        yield f"{methods} {getattr(route, 'path', route)}", list(_marks(dependant)) if dependant else []


def _routes(app: FastAPI) -> Iterator[BaseRoute | Any]:
    each = getattr(fastapi.routing, "iter_route_contexts", None)  # newer FastAPI keeps included routers as they are
    return each(app.routes) if each else iter(app.routes)


def _marks(dependant: Dependant) -> Iterator[Permission | None]:
    for part in dependant.dependencies:
        if isinstance(part.call, Right):
            yield part.call.permission
        elif part.call is _open_to_all:
            yield None
        yield from _marks(part)
