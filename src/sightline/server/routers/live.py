"""Live pictures over WebSockets: frames up and observations down, or a camera's pictures and observations down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket
from starlette.concurrency import run_in_threadpool

from sightline.api.accounts import Permission
from sightline.core.errors import NotFoundError, QueueFullError, SightlineError, StoreUnavailableError
from sightline.server.live import SocketClosedError, close_socket, first_of, send_within
from sightline.server.live_cameras import Viewer
from sightline.server.live_session import LiveSession
from sightline.server.rights import Principal, require_socket, still_may
from sightline.server.services import Services, Wired

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/live", tags=["live"])

RIGHTS_EVERY_S = 10.0


@router.websocket("")
async def live(socket: WebSocket, services: Wired, who: Annotated[Principal, require_socket(Permission.LIVE)]) -> None:
    """Look at the frames that a client sends."""
    async with _place(socket, services):
        session = LiveSession(socket, services.live)
        await session.greet()
        target = f"live/{session.id}"
        await _write(services, who, "live.open", target, only=list(session.hello.only))
        try:
            await first_of(session.talk(), _watch_rights(socket))
        finally:
            await _write_end(services, who, target, frames=session.looked, dropped=session.dropped)


@router.websocket("/cameras/{source_id}")
async def live_camera(
    socket: WebSocket, source_id: int, services: Wired, who: Annotated[Principal, require_socket(Permission.LIVE)]
) -> None:
    """Show a camera, with what is in its pictures."""
    source = await run_in_threadpool(services.sources.get, source_id)
    if source.kind != "camera":
        raise NotFoundError(f"source {source_id} is a {source.kind}, not a camera")
    address = await run_in_threadpool(services.sources.address, source_id)
    target = f"sources/{source_id}"
    async with _place(socket, services), services.cameras.watch(source_id, address, source.only) as viewer:
        await _write(services, who, "live.open", target, only=list(source.only))
        try:
            await first_of(_show(socket, viewer, services.live.limits.send_s), _until_gone(socket), _watch_rights(socket))
        finally:
            await _write_end(services, who, target, frames=viewer.shown)


@asynccontextmanager
async def _place(socket: WebSocket, services: Services) -> AsyncIterator[None]:
    """Accept a socket, if there is a place for one more, and close it at the end, whatever the end is."""
    settings = await run_in_threadpool(services.settings.get)
    await socket.accept()
    ending = SocketClosedError(1011, "an error of the server; its log holds more")
    try:
        with services.live.place(settings.limits.max_live):
            yield
    except SocketClosedError as closed:
        ending = closed
    except QueueFullError as error:
        ending = SocketClosedError(1013, str(error))
    except StoreUnavailableError:
        ending = SocketClosedError(1013, "the database does not answer; try again later")
    except SightlineError as error:
        logger.warning("live connection ended: %s", error)
    except asyncio.CancelledError:
        ending = SocketClosedError(1012, "the server is about to stop")
        raise
    finally:
        await close_socket(socket, ending)


async def _show(socket: WebSocket, viewer: Viewer, most_s: float) -> None:
    while True:
        for parcel in await viewer.next():
            if parcel.jpeg is not None:
                await send_within(socket.send_bytes(parcel.jpeg), most_s)
                viewer.shown += 1
            await send_within(socket.send_text(parcel.text), most_s)


async def _until_gone(socket: WebSocket) -> None:
    """Pass over what the client says until it goes."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        pass
    raise SocketClosedError(int(message.get("code") or 1005), "")


async def _watch_rights(socket: WebSocket) -> None:
    """End a socket whose owner was signed out, disabled, or lost the right."""
    while True:
        await asyncio.sleep(RIGHTS_EVERY_S)
        try:
            allowed = await still_may(socket, Permission.LIVE)
        except StoreUnavailableError:  # what was allowed stays so until it can be asked again
            continue
        if not allowed:
            raise SocketClosedError(1008, "not allowed any longer; sign in again")


async def _write(services: Services, who: Principal, action: str, target: str, **detail: Any) -> None:
    await run_in_threadpool(services.audit.write, who.name, action, target, **detail)


async def _write_end(services: Services, who: Principal, target: str, **detail: Any) -> None:
    """Write what is over; that the database is away must not hide why it is over."""
    try:
        await _write(services, who, "live.close", target, **detail)
    except StoreUnavailableError:
        logger.error("not in the audit trail, the database does not answer: %s live.close %s %s", who.name, target, detail)
