"""Limits on bodies: how much is read into memory, and how long the next bytes are waited for."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightline.api.base import ProblemDetails
from sightline.server.problems import respond

MAX_BODY_BYTES = 1 << 20
IDLE_S = 15.0
STREAMED = ("/api/v1/uploads/", "/api/v1/media", "/api/v1/look", "/api/v1/records/import")
"""Routes that stream their body and count for themselves."""


class BodyLimit:
    """Answers 413 to a body of more than a mebibyte, before or while it is read, except where files are sent.

    Whoever sends nothing for a while in the middle of any body counts as gone: a connection that was lost without a word must not
    hold an upload for ever.

    Parameters
    ----------
    app : ASGI app
    max_bytes : int
        Longest body.
    idle_s : float
        Longest wait for the next bytes of a body, seconds.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, idle_s: float = IDLE_S) -> None:
        self._app, self._max, self._idle_s = app, max_bytes, idle_s
        self._detail = f"The body is longer than {max_bytes:,} bytes; files are sent to /api/v1/media or /api/v1/uploads."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        receive = self._in_time(receive)
        if scope["path"].startswith(STREAMED):
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._max:
            await self._refuse(scope, receive, send)
            return
        await self._counted(scope, receive, send)

    def _in_time(self, receive: Receive) -> Receive:
        is_whole = False

        async def next_part() -> Message:
            nonlocal is_whole
            if is_whole:
                return await receive()  # tells when the connection ends, which may take as long as it likes
            try:
                async with asyncio.timeout(self._idle_s):
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}
            is_whole = not message.get("more_body", False)
            return message

        return next_part

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
