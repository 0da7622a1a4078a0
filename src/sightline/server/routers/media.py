"""Pictures and videos that are kept."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from sightline.api.accounts import Permission
from sightline.api.base import Cursor, Page, ProblemDetails
from sightline.api.media import Media, MediaFilter
from sightline.api.settings import Limits
from sightline.core.errors import NotFoundError
from sightline.server.contents import respond_with
from sightline.server.rights import Principal, require
from sightline.server.services import Services, Wired
from sightline.store.tables import MediaRow
from sightline.store.thumbnails import SIZES

router = APIRouter(prefix="/media", tags=["media"])

Reader = Annotated[Principal, require(Permission.MEDIA_READ)]
Writer = Annotated[Principal, require(Permission.MEDIA_WRITE)]

_FILE = {"schema": {"type": "string", "format": "binary"}}
_JPEG = "image/jpeg"


class MediaQuery(MediaFilter):
    """Which pictures and videos, and which page of them."""

    cursor: Cursor | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("")
def list_media(services: Wired, who: Reader, query: Annotated[MediaQuery, Query()]) -> Page[Media]:
    """List pictures and videos, those added last first."""
    which = MediaFilter.model_validate(query.model_dump(include=set(MediaFilter.model_fields)))
    services.reads.note(who.name, "media.read", "media", **which.model_dump(mode="json", exclude_none=True))
    return services.media.page(which, cursor=query.cursor, limit=query.limit)


@router.get("/{media_id}")
def medium(media_id: UUID, services: Wired, who: Reader) -> Media:
    """Return what is known of a picture or video."""
    found = services.media.get(media_id)
    services.reads.note(who.name, "media.read", f"media/{media_id}", name=found.name)
    return found


@router.delete("/{media_id}", status_code=204)
def delete_medium(media_id: UUID, services: Wired, who: Writer) -> None:
    """Delete a picture or video with its analyses, records and files."""
    found = services.media.get(media_id)
    services.audit.write(who.name, "media.delete", f"media/{media_id}", name=found.name, sha256=found.sha256)
    services.media.delete(media_id)


@router.get(
    "/{media_id}/content",
    response_class=Response,
    responses={
        200: {"description": "The file as it came", "content": {"image/*": _FILE, "video/*": _FILE}},
        206: {"description": "The part that `Range` asks for", "content": {"image/*": _FILE, "video/*": _FILE}},
        304: {"description": "It is what If-None-Match names"},
        416: {"description": "There are no such bytes"},
    },
)
def content(media_id: UUID, request: Request, services: Wired, who: Reader, save: bool = False) -> Response:
    """Send the file as it came, or a part of it (`Range`). With `save`, browsers save it instead of showing it."""
    row = _kept(services, media_id)
    services.reads.note(who.name, "media.read", f"media/{media_id}", name=row.name)
    return respond_with(
        request,
        row.digest,
        row.bytes,
        row.content_type,
        row.name,
        lambda start, end: services.media.range(row.digest, start, end),
        save=save,
    )


router.head("/{media_id}/content", response_class=Response, include_in_schema=False)(content)


@router.get(
    "/{media_id}/thumbnail",
    response_class=Response,
    responses={
        200: {"description": "A small JPEG; of a video, its first frame", "content": {_JPEG: _FILE}},
        304: {"description": "It is what If-None-Match names"},
        422: {"model": ProblemDetails, "description": "The file is damaged, or the request cannot be understood"},
    },
)
async def thumbnail(
    media_id: UUID,
    request: Request,
    services: Wired,
    who: Reader,
    size: Annotated[int, Query(ge=16, le=SIZES[-1], description=f"Longest side, pixels; the next larger of {SIZES} is made.")] = 256,
) -> Response:
    """Send a small JPEG of a picture, or of a video's first frame."""
    row = await run_in_threadpool(_kept, services, media_id)
    await run_in_threadpool(services.reads.note, who.name, "media.read", f"media/{media_id}", name=row.name)
    made = services.thumbnails.size_for(size)
    data = await run_in_threadpool(services.thumbnails.get, row.digest, made)
    if data is None:
        data = await _make_thumbnail(services, row, made)
    return respond_with(
        request, f"{row.digest}-{made}", len(data), _JPEG, f"{row.name}.{made}.jpg", lambda start, end: iter([data[start:end]])
    )


def _kept(services: Services, media_id: UUID) -> MediaRow:
    """Return a medium whose file is kept; that of a camera which keeps records alone is not."""
    row = services.media.row(media_id)
    if not row.bytes:
        raise NotFoundError(f"{row.name} was not kept; only what was found in it is")
    return row


async def _make_thumbnail(services: Services, row: MediaRow, size: int) -> bytes:
    limits = await run_in_threadpool(services.settings.get)
    path = await run_in_threadpool(services.blobs.path, row.digest)
    data: bytes = await services.workers.run(
        "thumbnail", lane="interactive", path=path, size_px=size, limits=_at_least(limits.limits, row), name=row.name
    )
    await run_in_threadpool(_cache, services, row, size, data)
    return data


def _cache(services: Services, row: MediaRow, size: int, data: bytes) -> None:
    services.thumbnails.put(row.digest, size, data)
    if not services.media.is_kept(row.digest):
        services.thumbnails.forget(row.digest)  # it was deleted while we looked at it


def _at_least(limits: Limits, row: MediaRow) -> Limits:
    """Return limits that let through what was let in, though they may be lower now."""
    return limits.model_copy(
        update={
            "max_bytes": max(limits.max_bytes, row.bytes),
            "max_pixels": max(limits.max_pixels, row.width * row.height),
            "max_duration_s": max(limits.max_duration_s, row.duration_s or 0.0),
        }
    )
