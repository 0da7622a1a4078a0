"""Every observation: questions, counts over time, files out and in."""

from __future__ import annotations

import tempfile
import threading
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from sightline.api.accounts import Permission
from sightline.api.base import Cursor, Page
from sightline.api.records import ImportReport, LabelCount, Record, RecordFilter, Timeline
from sightline.core.errors import MediaLimitError, QueueFullError
from sightline.server.rights import Principal, require
from sightline.server.services import Services, Wired
from sightline.store.exchange.coco import to_coco
from sightline.store.exchange.coco_import import CocoImport
from sightline.store.exchange.parquet import to_parquet

router = APIRouter(prefix="/records", tags=["records"])

Reader = Annotated[Principal, require(Permission.RECORDS_READ)]
Writer = Annotated[Principal, require(Permission.RECORDS_WRITE)]

PARQUET, JSON = "application/vnd.apache.parquet", "application/json"
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, sent as it is made", "content": {PARQUET: _FILE, JSON: {"schema": {"type": "object"}}}}
}
_COCO_EXAMPLE = {
    "images": [{"id": 1, "file_name": "door.jpg", "width": 1280, "height": 720}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10.0, 20.0, 300.0, 400.0], "score": 1.0}],
    "categories": [{"id": 1, "name": "person", "supercategory": "person"}],
}
_COCO = {
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": {"type": "object", "required": ["images", "annotations", "categories"]}, "example": _COCO_EXAMPLE}},
    }
}
_SPOOLED_BYTES = 1 << 20
_one_at_a_time = threading.Lock()


class RecordQuery(RecordFilter):
    """Which records, and which page of them."""

    cursor: Cursor | None = None
    limit: int = Field(default=100, ge=1, le=1000)
    order: Literal["newest", "oldest"] = Field(default="newest", description="By taken_at; in one medium or analysis by time_s.")


class TimelineQuery(RecordFilter):
    """Which records, and how finely they are counted."""

    bucket_s: int = Field(
        default=3600, ge=1, le=366 * 86_400, description="Seconds; any multiple of 300 is answered at once.", examples=[300]
    )


class ExportQuery(RecordFilter):
    """Which records, and as what."""

    format: Literal["parquet", "coco"] = "parquet"


@router.get("")
def list_records(services: Wired, who: Reader, query: Annotated[RecordQuery, Query()]) -> Page[Record]:
    """List the records that fit all conditions, page by page.

    Of each medium the newest finished analysis counts, unless `analysis_id` names one.
    """
    wanted = _filter(query)
    _note(services, who, wanted)
    return services.records.query(wanted, query.cursor, query.limit, newest_first=query.order == "newest")


@router.get("/timeline")
def timeline(services: Wired, who: Reader, query: Annotated[TimelineQuery, Query()]) -> Timeline:
    """Count records in stretches of time. Stretches begin at multiples of `bucket_s` from 1970 on (UTC); empty ones are left out."""
    wanted = _filter(query)
    _note(services, who, wanted)
    return services.records.timeline(wanted, query.bucket_s)


@router.get("/labels")
def labels(services: Wired, who: Reader) -> list[LabelCount]:
    """List every kind and label that there is, with the number of its records, the most first."""
    return services.records.labels()


@router.get("/export", response_class=StreamingResponse, responses=_EXPORTED)
def export(services: Wired, who: Reader, query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    """Send records as a file: Parquet, or COCO JSON (those with a box). Records that are added meanwhile are left out."""
    wanted = _filter(query)
    batches = services.records.batches(wanted)
    parts = to_parquet(batches) if query.format == "parquet" else to_coco(services.database, batches)
    services.audit.write(who.name, "records.export", "records", format=query.format, **_told(wanted))
    name, kind = ("records.parquet", PARQUET) if query.format == "parquet" else ("records.coco.json", JSON)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse((part for part in parts if part), media_type=kind, headers=headers)


@router.post("/import", openapi_extra=_COCO)
async def import_coco(request: Request, services: Wired, who: Writer) -> ImportReport:
    """Bring in COCO JSON: annotations of pictures and videos that are kept here, found by `sha256` or else by `file_name`.

    They become an analysis of a model called `import`, which counts from then on in place of the one before.
    """
    most = (await run_in_threadpool(services.settings.get)).limits.max_import_bytes
    with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, dir=str(services.config.spool)) as file:
        received = 0
        async for part in request.stream():
            received += len(part)
            if received > most:
                raise MediaLimitError(
                    "the COCO file", f"it is longer than {most:,} bytes; send it in parts, or raise the limit in the settings"
                )
            await run_in_threadpool(file.write, part)
        return await run_in_threadpool(_bring_in, services, who, file)


def _bring_in(services: Services, who: Principal, file: IO[bytes]) -> ImportReport:
    """Bring one file in at a time: reading one takes many times its length in memory."""
    if not _one_at_a_time.acquire(blocking=False):
        raise QueueFullError("another file is being brought in", retry_after_s=5.0)
    try:
        file.seek(0)
        report = CocoImport(services.database, services.media, services.analyses, services.records).bring_in(file.read())
    finally:
        _one_at_a_time.release()
    services.audit.write(who.name, "records.import", "records", records=report.records, media=report.media, left_out=report.left_out)
    return report


def _filter(query: RecordFilter) -> RecordFilter:
    return RecordFilter.model_validate(query.model_dump(include=set(RecordFilter.model_fields)))


def _told(wanted: RecordFilter) -> dict[str, object]:
    """Return the conditions that are set, for the audit trail."""
    return wanted.model_dump(mode="json", exclude_defaults=True)


def _note(services: Services, who: Principal, wanted: RecordFilter) -> None:
    services.reads.note(who.name, "records.read", "records", **_told(wanted))
