"""Headers that keep browsers on the safe side, and the names under which the server may be reached."""

from __future__ import annotations

import ipaddress
import socket

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightline.api.base import ProblemDetails
from sightline.server.config import ServerConfig
from sightline.server.problems import respond

API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
FEATURES = "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), display-capture=()"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": FEATURES,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
A_YEAR = "max-age=31536000"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


def console_policy(nonce: str) -> str:
    """Return the Content-Security-Policy of the console's page.

    Parameters
    ----------
    nonce : str
        Fresh for each answer; the page gives it to the styles that it makes.

    Examples
    --------
    >>> "script-src 'self';" in console_policy("abc")
    True
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' blob: data:; media-src 'self' blob: data:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
        "manifest-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


class Hosts:
    """The names under which the server may be reached.

    Another name in the ``Host`` header means that a page of a foreign site has pointed its own name at this machine (DNS
    rebinding) and would be taken for ours.

    Parameters
    ----------
    config : ServerConfig
        Loopback names, its ``host`` and its ``allowed_hosts`` may be used; where it listens on all addresses, any address
        written as a number and this machine's name as well.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._names = {*_LOOPBACK, config.host.lower(), *(name.lower() for name in config.allowed_hosts)}
        self._numbers = config.host in _EVERYWHERE
        if self._numbers:
            name = socket.gethostname().lower()
            self._names |= {name, f"{name.split('.')[0]}.local"}

    def allow(self, header: str) -> bool:
        """Return whether a ``Host`` header names this server.

        Examples
        --------
        >>> hosts = Hosts(ServerConfig(host="127.0.0.1"))
        >>> hosts.allow("localhost:8765"), hosts.allow("[::1]:8765"), hosts.allow("rebound.example:8765")
        (True, True, False)
        """
        header = header.lower()
        name = header[1:].partition("]")[0] if header.startswith("[") and "]" in header else header.rpartition(":")[0] or header
        if header in self._names or name in self._names:
            return True
        return self._numbers and _is_number(name)


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class SecurityHeaders:
    """Adds the headers to every answer and refuses foreign names; an answer's own headers stay.

    Parameters
    ----------
    app : ASGI app
    config : ServerConfig
    """

    def __init__(self, app: ASGIApp, config: ServerConfig) -> None:
        self._app, self._hosts = app, Hosts(config)
        self._always = {**ALWAYS, **({"Strict-Transport-Security": A_YEAR} if config.https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._add(MutableHeaders(scope=message), scope["path"])
            await send(message)

        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and self._hosts.allow(hosts[0]):
            await self._app(scope, receive, with_headers)
        else:
            await self._refuse(scope, receive, with_headers)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        for name, value in self._always.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", API_POLICY)
        if path.startswith("/api/"):
            headers.setdefault("Cache-Control", "no-store")

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = "The server is not known by this name; its administrator can allow it with --allow-host NAME."
        problem = ProblemDetails(type="urn:sightline:problem:foreign-host", title="Not under this name", status=421, detail=detail)
        await respond(problem)(scope, receive, send)


def install(app: FastAPI, config: ServerConfig | None) -> None:
    """Let an app send the headers with every answer; one that only describes itself needs none."""
    if config is not None:
        app.add_middleware(SecurityHeaders, config=config)
