"""Looking at pictures and videos, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from sightline.analysis.document import Document, Kind
from sightline.api.accounts import Permission
from sightline.api.analyses import Analysis, Frames, Look, NewAnalysis
from sightline.api.base import Cursor, Page, ProblemDetails
from sightline.core.errors import ConflictError, MediaLimitError
from sightline.server.rights import Principal, require
from sightline.server.services import Services, Wired
from sightline.store.tables import MediaRow

router = APIRouter(tags=["analyses"])

Reader = Annotated[Principal, require(Permission.RECORDS_READ)]
Analyst = Annotated[Principal, require(Permission.ANALYSE)]

MAX_LOOK_BYTES = 64 << 20
_FILE = {"schema": {"type": "string", "format": "binary"}}
_FULL: dict[int | str, dict[str, Any]] = {
    429: {"model": ProblemDetails, "description": "Too much is waiting; come again after Retry-After"}
}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {"image/*": _FILE}}}


@router.post("/analyses", status_code=201, responses={**_FULL, 409: {"model": ProblemDetails, "description": "The video was not kept"}})
def analyse(new: NewAnalysis, services: Wired, who: Analyst) -> Analysis:
    """Begin to look at a picture or video that is kept. `job_id` is the job to follow."""
    begun = services.runner.analyse(new.media_id, new.options, who.user)
    services.audit.write(who.name, "analysis.begin", f"media/{new.media_id}", analysis=str(begun.id), only=list(new.options.only))
    return begun


@router.get("/analyses")
def list_analyses(
    services: Wired,
    who: Reader,
    media_id: UUID | None = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[Analysis]:
    """List analyses, newest first."""
    services.reads.note(who.name, "analysis.read", "analyses" if media_id is None else f"media/{media_id}")
    return services.analyses.page(media_id=media_id, cursor=cursor, limit=limit)


@router.get("/analyses/{analysis_id}")
def analysis(analysis_id: UUID, services: Wired, who: Reader) -> Analysis:
    """Return an analysis: its state, counts, nets and problems."""
    found = services.analyses.get(analysis_id)
    services.reads.note(who.name, "analysis.read", f"media/{found.media_id}", analysis=str(analysis_id))
    return found


@router.delete("/analyses/{analysis_id}", status_code=204)
def delete_analysis(analysis_id: UUID, services: Wired, who: Annotated[Principal, require(Permission.RECORDS_WRITE)]) -> None:
    """Delete an analysis with its records and documents; one that is under way ends."""
    found = services.analyses.get(analysis_id)
    services.audit.write(who.name, "analysis.delete", f"media/{found.media_id}", analysis=str(analysis_id))
    services.analyses.delete(analysis_id)


@router.get(
    "/analyses/{analysis_id}/document",
    response_class=StreamingResponse,
    responses={200: {"model": Document, "description": "The analysis document, as it is so far when the job is not done"}},
)
def document(analysis_id: UUID, services: Wired, who: Reader, save: bool = False) -> StreamingResponse:
    """Send the whole document, as `sightline analyze` writes it. With `save`, browsers save it instead of showing it."""
    media = _medium(services, analysis_id)
    services.reads.note(who.name, "analysis.read", f"media/{media.id}", analysis=str(analysis_id), what="document")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(media.name, safe='')}.json"} if save else {}
    return StreamingResponse(services.analyses.document(analysis_id), media_type="application/json", headers=headers)


@router.get("/analyses/{analysis_id}/frames")
def frames(
    analysis_id: UUID,
    services: Wired,
    who: Reader,
    from_s: Annotated[float, Query(ge=0, description="First second.")] = 0.0,
    before_s: Annotated[float, Query(gt=0, description="End, not included; at most 600 s later.")] = 10.0,
) -> Frames:
    """Return what was found in a stretch of a video (of a picture: at 0 s)."""
    found = services.analyses.frames(analysis_id, from_s, before_s)
    services.reads.note(who.name, "analysis.read", f"analyses/{analysis_id}", from_s=from_s, before_s=before_s)
    return found


@router.get(
    "/analyses/{analysis_id}/annotated",
    response_class=Response,
    responses={
        200: {"description": "The picture with everything that is found drawn on it", "content": {"image/jpeg": _FILE, "image/png": _FILE}},
        409: {"model": ProblemDetails, "description": "It is a video"},
        **_FULL,
    },
)
async def annotated(
    analysis_id: UUID,
    services: Wired,
    who: Annotated[Principal, require(Permission.MEDIA_READ)],
    format: Literal["jpeg", "png"] = "jpeg",  # noqa: A002
) -> Response:
    """Send the picture with everything that is found drawn on it. It is looked at once more for that."""
    media = await run_in_threadpool(_medium, services, analysis_id)
    if media.kind != "picture":
        raise ConflictError(f"{media.name} is a video: its overlay is drawn by whoever plays it; ask for frames")
    found = await run_in_threadpool(services.analyses.get, analysis_id)
    await run_in_threadpool(services.reads.note, who.name, "media.read", f"media/{media.id}", name=media.name, what="annotated")
    with services.media.local_path(media.digest) as path:
        limits = services.settings.get().limits
        drawn = await services.workers.run(
            "annotate", path=path, options=found.options, limits=limits, name=media.name, format=format.upper()
        )
    return Response(drawn, media_type=f"image/{format}", headers={"Cache-Control": "private, no-cache"})


@router.post(
    "/look",
    openapi_extra=_BODY,
    responses={
        **_FULL,
        413: {"model": ProblemDetails, "description": "More bytes or pixels than allowed"},
        415: {"model": ProblemDetails, "description": "No picture that can be read"},
    },
)
async def look(request: Request, services: Wired, who: Analyst, only: Annotated[list[Kind] | None, Query()] = None) -> Look:
    """Look at a picture that is sent and not kept."""
    limits = (await run_in_threadpool(services.settings.get)).limits
    data = await _body(request, min(limits.max_bytes, MAX_LOOK_BYTES))
    await run_in_threadpool(services.audit.write, who.name, "analysis.look", None, bytes=len(data), only=only)
    options = {} if not only else {"only": list(dict.fromkeys(only))}
    found = await services.workers.run("look", data=data, options=options, limits=limits, name="the picture")
    return Look(**{name: found[name] for name in ("size_wh", "findings", "models", "took_ms")})


async def _body(request: Request, most: int) -> bytes:
    """Return a body that is not longer than allowed."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise MediaLimitError("the picture", f"has more than the {most:,} bytes that are allowed")
    return bytes(data)


def _medium(services: Services, analysis_id: UUID) -> MediaRow:
    return services.media.row(services.analyses.get(analysis_id).media_id)
