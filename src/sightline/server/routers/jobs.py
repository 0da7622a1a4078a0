"""Long work: how far it is, what can be done with it, and its changes as they happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from sightline.api.accounts import Permission
from sightline.api.base import Cursor, Page, ProblemDetails
from sightline.api.jobs import Job, JobAction, JobKind, JobState
from sightline.server.rights import Principal, require, still_may
from sightline.server.services import Services, Wired

router = APIRouter(prefix="/jobs", tags=["jobs"])

Reader = Annotated[Principal, require(Permission.JOBS_READ)]

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events without an end: each `job` event holds a whole Job; a comment every 15 s in between.",
        "content": {
            "text/event-stream": {"schema": {"type": "string"}, "example": 'event: job\ndata: {"id": "video-…", "state": "running"}\n\n'}
        },
    }
}


@router.get("")
def list_jobs(
    services: Wired,
    who: Reader,
    state: JobState | None = None,
    kind: JobKind | None = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[Job]:
    """List jobs, newest first."""
    return services.jobs.page(state=state, kind=kind, cursor=cursor, limit=limit)


@router.get("/events", responses=_EVENTS, response_class=StreamingResponse)
async def all_events(request: Request, services: Wired, who: Reader) -> StreamingResponse:
    """Tell of all jobs as they change."""
    return _stream(request, services, None)


@router.get("/{job_id}")
def job(job_id: str, services: Wired, who: Reader) -> Job:
    """Return a job."""
    return services.jobs.get(job_id)


@router.get("/{job_id}/events", responses=_EVENTS, response_class=StreamingResponse)
async def events_of_one(job_id: str, request: Request, services: Wired, who: Reader) -> StreamingResponse:
    """Tell of one job: how it is now, then as it changes."""
    return _stream(request, services, await run_in_threadpool(services.jobs.get, job_id))


@router.post(
    "/{job_id}/{action}",
    responses={
        409: {"model": ProblemDetails, "description": "It cannot be done with the job as it is now; `actions` of the job says what can"},
        429: {"model": ProblemDetails, "description": "The queue that it would go back into is full"},
    },
)
def act(job_id: str, action: JobAction, services: Wired, who: Annotated[Principal, require(Permission.JOBS_CONTROL)]) -> Job:
    """Pause, resume, cancel or retry a job. What a cancelled video gave so far stays, and a retry goes on from there."""
    done = services.runner.act(job_id, action, who.name)
    services.audit.write(who.name, f"job.{action}", f"jobs/{job_id}", kind=done.kind, title=done.title)
    return done


def _stream(request: Request, services: Services, first: Job | None) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, services, first), media_type="text/event-stream", headers=headers)


async def _events(request: Request, services: Services, first: Job | None) -> AsyncIterator[str]:
    yield ": this stream goes on until you close it\n\n"
    if first is not None:
        yield _event(first)
    async for changed in services.runner.events.listen(None if first is None else first.id):
        if changed is not None:
            yield _event(changed)
        elif await still_may(request, Permission.JOBS_READ):
            yield ": still here\n\n"
        else:
            return


def _event(job: Job) -> str:
    return f"event: job\ndata: {job.model_dump_json()}\n\n"
