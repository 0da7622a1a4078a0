"""Bringing pictures and videos in: in parts that can be gone on with, or in one go."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Annotated, Any
from uuid import UUID

import anyio
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from sightline.api.accounts import Permission
from sightline.api.base import Name, ProblemDetails, Timestamp
from sightline.api.media import NewUpload, Upload
from sightline.core.errors import ConflictError, InvalidInputError, MediaFormatError, MediaLimitError
from sightline.server.intake import Arrived
from sightline.server.problems import problem_of, respond
from sightline.server.rights import Principal, require
from sightline.server.services import Services, Wired
from sightline.store.uploads import Part, Sink

router = APIRouter(tags=["uploads"])

Writer = Annotated[Principal, require(Permission.MEDIA_WRITE)]

_BUFFER = 1 << 18
_BYTES: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
_OFFSET = {"Upload-Offset": {"description": "Bytes that are safely on disk; go on from here.", "schema": {"type": "integer"}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    413: {"model": ProblemDetails, "description": "More bytes, pixels or seconds than allowed, or than announced"},
    415: {"model": ProblemDetails, "description": "Neither a picture nor a video, whatever name and Content-Type say"},
    422: {"model": ProblemDetails, "description": "Damaged, or the request cannot be understood"},
    429: {"model": ProblemDetails, "description": "Too much is waiting; come again after Retry-After"},
    507: {"model": ProblemDetails, "description": "The disk is full; nothing was stored by halves"},
}


@router.post("/uploads", status_code=201, responses={code: _REFUSALS[code] for code in (413, 429, 507)})
def begin_upload(new: NewUpload, services: Wired, who: Writer) -> Upload:
    """Begin an upload in parts: PATCH its bytes to it afterwards."""
    services.intake.check(new)
    return services.uploads.create(new, who.user)


@router.get("/uploads/{upload_id}")
def upload(upload_id: UUID, services: Wired, who: Writer) -> Upload:
    """Return an upload of your own: how much of it is safe, and what became of it."""
    return services.uploads.get(upload_id, who.user)


@router.head("/uploads/{upload_id}", responses={200: {"description": "Where to go on", "headers": _OFFSET}})
def upload_offset(upload_id: UUID, services: Wired, who: Writer) -> Response:
    """Tell where to go on with an upload."""
    found = services.uploads.get(upload_id, who.user)
    return Response(headers={"Upload-Offset": str(found.received), "Upload-Length": str(found.bytes), "Cache-Control": "no-store"})


@router.patch(
    "/uploads/{upload_id}",
    openapi_extra={
        **_BYTES,
        "parameters": [
            {
                "name": "Upload-Offset",
                "in": "header",
                "required": True,
                "description": "Where these bytes begin: `received` of the upload.",
                "schema": {"type": "integer", "minimum": 0},
            }
        ],
    },
    responses={
        **_REFUSALS,
        409: {"model": ProblemDetails, "description": "It goes on elsewhere, or bytes are coming in already", "headers": _OFFSET},
    },
)
async def continue_upload(upload_id: UUID, request: Request, services: Wired, who: Writer) -> Any:
    """Send the next bytes of an upload, any number of them. What came is kept, also when the connection is lost.

    With the last ones the file is looked at and kept, or refused with the reason, which the upload tells as well.
    """
    offset = _whole_number(request.headers.get("upload-offset"))
    if offset is None:
        raise InvalidInputError("expected the header Upload-Offset: where these bytes begin, a whole number")
    uploads = services.uploads
    found = await run_in_threadpool(uploads.get, upload_id, who.user)
    try:
        with uploads.alone(upload_id):
            _check_length(request, found, offset)
            found = await _take(request, services, found, offset)
            if found.state != "checking":
                return found
            new, digest = await run_in_threadpool(_complete, services, upload_id)
            return await services.intake.settle(Arrived(upload_id, new, who.user, digest, who.name))
    except ConflictError as error:
        now_at = await run_in_threadpool(uploads.get, upload_id, who.user)
        problem, headers = problem_of(error)
        return respond(problem, {**headers, "Upload-Offset": str(now_at.received)})


@router.delete("/uploads/{upload_id}", status_code=204)
def give_up_upload(upload_id: UUID, services: Wired, who: Writer) -> None:
    """Give an upload up: its bytes are deleted. What was kept of it stays."""
    services.uploads.delete(upload_id, who.user)


@router.post("/media", status_code=201, openapi_extra=_BYTES, responses=_REFUSALS)
async def upload_in_one_go(
    request: Request,
    services: Wired,
    who: Writer,
    name: Annotated[Name, Query(examples=["door.jpg"])],
    analyse: bool = True,
    source_id: int | None = None,
    taken_at: Timestamp | None = None,
) -> Upload:
    """Send a whole file as the body. Larger ones are better sent in parts (`/uploads`), which survive a lost connection."""
    declared = _whole_number(request.headers.get("content-length"))
    if declared == 0:
        raise MediaFormatError(name, "is empty; expected a picture or a video")
    new = NewUpload(name=name, bytes=declared or 1, source_id=source_id, analyse=analyse, taken_at=taken_at)
    await run_in_threadpool(services.intake.check, new)
    syncing: asyncio.Future[None] | None = None
    upload_id, sink = services.uploads.whole(name, declared or services.intake.max_bytes)
    try:
        gone = await _pour(request, sink)
        if gone or sink.at == 0 or (declared is not None and sink.at != declared):
            raise MediaFormatError(name, f"only {sink.at:,} bytes of it came; send it again" if sink.at else "is empty")
        new = new.model_copy(update={"bytes": sink.at})
        syncing = asyncio.ensure_future(run_in_threadpool(sink.sync))  # while a worker looks at it
        return await services.intake.settle(Arrived(upload_id, new, who.user, sink.digesting.hexdigest(), who.name, is_announced=False))
    finally:
        if syncing is not None:
            await asyncio.gather(syncing, return_exceptions=True)  # what failed fails again when the file is put
        sink.close()
        sink.path.unlink(missing_ok=True)


async def _take(request: Request, services: Services, found: Upload, offset: int) -> Upload:
    """Take the bytes of one request; they are made safe whatever happens to it."""
    with ExitStack() as stack:
        part: Part = await run_in_threadpool(stack.enter_context, services.uploads.part(found.id, offset))
        try:
            await _pour(request, part)
        finally:
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(stack.close)
    return part.upload


async def _pour(request: Request, sink: Sink) -> bool:
    """Write a body as it comes; return whether the client went away before its end."""
    buffer, gone = bytearray(), False
    try:
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= _BUFFER:
                await run_in_threadpool(sink.write, bytes(buffer))
                buffer.clear()
    except ClientDisconnect:
        gone = True
    if buffer:
        await run_in_threadpool(sink.write, bytes(buffer))
    return gone


def _complete(services: Services, upload_id: UUID) -> tuple[NewUpload, str]:
    return services.uploads.announced(upload_id)[0], services.uploads.digest(upload_id)


def _check_length(request: Request, found: Upload, offset: int) -> None:
    """Refuse more bytes than were announced before they come."""
    declared = _whole_number(request.headers.get("content-length"))
    if declared is not None and offset == found.received and offset + declared > found.bytes:
        raise MediaLimitError(found.name, f"{offset + declared:,} bytes would be more than the {found.bytes:,} that were announced")


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None
