"""A limit on the bodies that are read into memory."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightline.api.base import ProblemDetails
from sightline.server.problems import respond

MAX_BODY_BYTES = 1 << 20
STREAMED = ("/api/v1/uploads/", "/api/v1/media", "/api/v1/look", "/api/v1/records/import")
"""Routes that stream their body and count for themselves."""


class BodyLimit:
    """Answers 413 to a body of more than a mebibyte, before or while it is read, except where files are sent.

    Parameters
    ----------
    app : ASGI app
    max_bytes : int
        Longest body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app, self._max = app, max_bytes
        self._detail = f"The body is longer than {max_bytes:,} bytes; files are sent to /api/v1/media or /api/v1/uploads."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or scope["path"].startswith(STREAMED):
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._max:
            await self._refuse(scope, receive, send)
            return
        await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def count() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max:
                raise HTTPException(413, self._detail)  # the only error that FastAPI lets through while it reads a body
            return message

        await self._app(scope, count, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(ProblemDetails(title=HTTPStatus(413).phrase, status=413, detail=self._detail))(scope, receive, send)
