"""The client."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from uuid import UUID

import httpx2
from pydantic import TypeAdapter

from sightline.analysis.document import Document
from sightline.api.accounts import Me
from sightline.api.analyses import Analysis, AnalysisOptions, Frames, Look, NewAnalysis
from sightline.api.audit import AuditEntry, AuditVerdict
from sightline.api.base import Page, ProblemDetails, Timestamp
from sightline.api.jobs import Job, JobAction
from sightline.api.media import Media, MediaKind, NewUpload, Upload
from sightline.api.models import ModelDetail, ModelState
from sightline.api.records import ImportReport, MediaSource, NewSource, NewZone, Record, RecordFilter, Timeline, Zone
from sightline.api.settings import ServerInfo, Settings
from sightline.core.errors import ApiError, InvalidInputError

Value = TypeVar("Value")
Sent = Callable[[int, int], None]
"""Is given bytes that are safely there, and all bytes."""

KEY_VARIABLE = "SIGHTLINE_KEY"
PART_BYTES = 8 << 20
_OVER = ("done", "failed", "cancelled")
_TRIES = 10  # 26 s in all: longer than a server holds an upload for a connection that was lost without a word


class Client:
    """Speaks to one server.

    Parameters
    ----------
    url : str
        Such as ``http://127.0.0.1:8765``.
    key : str, optional
        An API key or the owner token; by default that of the environment variable ``SIGHTLINE_KEY``.
    timeout_s : float
        Longest wait for an answer, seconds.

    Raises
    ------
    ApiError
        By every method, when the server answers with a problem or cannot be reached; ``status`` and ``problem`` say which.

    Examples
    --------
    >>> Client("http://127.0.0.1:9", key="slk_none").me()
    Traceback (most recent call last):
    ...
    sightline.core.errors.ApiError: http://127.0.0.1:9 cannot be reached: [Errno 111] Connection refused
    """

    def __init__(self, url: str, key: str | None = None, *, timeout_s: float = 60.0) -> None:
        key = key or os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._url = url.rstrip("/")
        self._http = httpx2.Client(base_url=f"{self._url}/api/v1/", headers=headers, timeout=timeout_s)

    # ------------------------------------------------------------------ pictures and videos

    def add(
        self, path: str | os.PathLike[str], *, analyse: bool = True, taken_at: Timestamp | None = None, sent: Sent | None = None
    ) -> Upload:
        """Bring a picture or video in, in parts, going on by itself after a lost connection.

        Parameters
        ----------
        path : path
        analyse : bool
            Look at it at once; ``Upload.job_id`` is the job.
        taken_at : datetime, optional
            When it was taken, with a time zone.
        sent : callable, optional
            Is told how far it is.

        Raises
        ------
        InvalidInputError
            When there is no such file, or it is empty.
        """
        file = Path(path)
        if not file.is_file() or not file.stat().st_size:
            raise InvalidInputError(f"{file}: there is no such file, or it is empty")
        new = NewUpload(name=file.name, bytes=file.stat().st_size, analyse=analyse, taken_at=taken_at)
        upload = self._post("uploads", Upload, new)
        with file.open("rb") as stream:
            while upload.received < upload.bytes:
                stream.seek(upload.received)
                upload = self._send(upload, stream.read(PART_BYTES))
                if sent is not None:
                    sent(upload.received, upload.bytes)
        return upload

    def _send(self, upload: Upload, part: bytes) -> Upload:
        """Send one part; after a lost connection ask how much came."""
        for tried in range(_TRIES):
            time.sleep(min(0.1 * 2**tried, 5.0) if tried else 0.0)
            try:
                now = self.upload(upload.id) if tried else upload
                if now.received != upload.received:
                    return now
                headers = {"Upload-Offset": str(upload.received), "Content-Type": "application/offset+octet-stream"}
                return self._read(Upload, "PATCH", f"uploads/{upload.id}", content=part, headers=headers)
            except ApiError as error:
                may_pass = error.status is None or error.status >= 500 or error.status == 409
                if not may_pass or tried == _TRIES - 1:
                    raise
        raise AssertionError("the last try either returns or raises")

    def upload(self, upload_id: UUID) -> Upload:
        """Return an upload."""
        return self._get(f"uploads/{upload_id}", Upload)

    def media(self, *, kind: MediaKind | None = None, source_id: int | None = None, name: str | None = None) -> Iterator[Media]:
        """Give pictures and videos, newest first, page by page."""
        return self._pages("media", Media, {"kind": kind, "source_id": source_id, "name": name})

    def medium(self, media_id: UUID) -> Media:
        """Return one picture or video."""
        return self._get(f"media/{media_id}", Media)

    def download(self, media_id: UUID, target: str | os.PathLike[str]) -> None:
        """Write the bytes of a picture or video, as they came, to a file."""
        self._stream(f"media/{media_id}/content", target, {})

    def delete(self, media_id: UUID) -> None:
        """Delete a picture or video and all that is known of it."""
        self._request("DELETE", f"media/{media_id}")

    # ------------------------------------------------------------------ analyses

    def analyse(self, media_id: UUID, options: AnalysisOptions | None = None) -> Analysis:
        """Have something looked at again."""
        return self._post("analyses", Analysis, NewAnalysis(media_id=media_id, options=options or AnalysisOptions()))

    def analysis(self, analysis_id: UUID) -> Analysis:
        """Return an analysis."""
        return self._get(f"analyses/{analysis_id}", Analysis)

    def document(self, analysis_id: UUID) -> Document:
        """Return all that an analysis found."""
        return self._get(f"analyses/{analysis_id}/document", Document)

    def frames(self, analysis_id: UUID, from_s: float, before_s: float) -> Frames:
        """Return what was found in a stretch of a video."""
        return self._get(f"analyses/{analysis_id}/frames", Frames, {"from_s": from_s, "before_s": before_s})

    def look(self, picture: bytes, only: tuple[str, ...] = ()) -> Look:
        """Return what is in a picture; nothing is kept."""
        return self._read(
            Look, "POST", "look", content=picture, params={"only": list(only)}, headers={"Content-Type": "application/octet-stream"}
        )

    # ------------------------------------------------------------------ records

    def records(self, wanted: RecordFilter | None = None, *, newest_first: bool = True) -> Iterator[Record]:
        """Give records that fit a filter, page by page."""
        order = "newest" if newest_first else "oldest"
        return self._pages("records", Record, {**_query(wanted), "order": order, "limit": 500})

    def timeline(self, wanted: RecordFilter | None = None, *, bucket_s: int = 3600) -> Timeline:
        """Return counts over time."""
        return self._get("records/timeline", Timeline, {**_query(wanted), "bucket_s": bucket_s})

    def export(self, target: str | os.PathLike[str], form: Literal["parquet", "coco"], wanted: RecordFilter | None = None) -> None:
        """Write records to a file."""
        self._stream("records/export", target, {**_query(wanted), "format": form})

    def import_coco(self, path: str | os.PathLike[str]) -> ImportReport:
        """Bring COCO annotations of pictures that are kept in."""
        content = Path(path).read_bytes()
        return self._read(ImportReport, "POST", "records/import", content=content, headers={"Content-Type": "application/json"})

    # ------------------------------------------------------------------ sources, jobs, models

    def sources(self) -> list[MediaSource]:
        """Return watched folders and cameras."""
        return self._get("sources", list[MediaSource])

    def add_source(self, source: NewSource) -> MediaSource:
        """Add a watched folder or a camera."""
        return self._post("sources", MediaSource, source)

    def start_source(self, source_id: int) -> Job:
        """Start watching."""
        return self._read(Job, "POST", f"sources/{source_id}/start")

    def stop_source(self, source_id: int) -> Job:
        """Stop watching."""
        return self._read(Job, "POST", f"sources/{source_id}/stop")

    def add_zone(self, source_id: int, zone: NewZone) -> Zone:
        """Add a zone to a camera."""
        return self._post(f"sources/{source_id}/zones", Zone, zone)

    def jobs(self, *, state: str | None = None) -> Iterator[Job]:
        """Give jobs, newest first."""
        return self._pages("jobs", Job, {"state": state})

    def job(self, job_id: str) -> Job:
        """Return a job."""
        return self._get(f"jobs/{job_id}", Job)

    def act(self, job_id: str, action: JobAction) -> Job:
        """Pause, resume, cancel or retry a job."""
        return self._read(Job, "POST", f"jobs/{job_id}/{action}")

    def wait(self, job_id: str | None, timeout_s: float = 3600.0, *, told: Callable[[Job], None] | None = None) -> Job:
        """Return a job once it is over.

        Raises
        ------
        TimeoutError
            When it is not over in time; it goes on.
        InvalidInputError
            When there is no job.
        """
        if job_id is None:
            raise InvalidInputError("there is no job to wait for")
        end = time.monotonic() + timeout_s
        pause_s = 0.02
        while True:
            job = self.job(job_id)
            if told is not None:
                told(job)
            if job.state in _OVER:
                return job
            if time.monotonic() > end:
                raise TimeoutError(f"job {job_id} is {job.state} after {timeout_s} s")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 1.0)

    def models(self) -> list[ModelState]:
        """Return the models and whether they are there."""
        return self._get("models", list[ModelState])

    def model(self, name: str) -> ModelDetail:
        """Return a model's card."""
        return self._get(f"models/{name}", ModelDetail)

    def fetch_model(self, name: str) -> Job:
        """Have a model fetched."""
        return self._read(Job, "POST", f"models/{name}/fetch")

    # ------------------------------------------------------------------ the server

    def me(self) -> Me:
        """Return who this client is."""
        return self._get("auth/me", Me)

    def info(self) -> ServerInfo:
        """Return what runs where."""
        return self._get("info", ServerInfo)

    def settings(self) -> Settings:
        """Return limits and retention."""
        return self._get("settings", Settings)

    def change_settings(self, settings: Settings) -> Settings:
        """Change limits and retention."""
        return self._read(Settings, "PUT", "settings", json=settings.model_dump(mode="json"))

    def audit(self) -> Iterator[AuditEntry]:
        """Give the audit trail, newest first."""
        return self._pages("audit", AuditEntry, {})

    def verify_audit(self) -> AuditVerdict:
        """Return whether the audit trail is whole."""
        return self._get("audit/verify", AuditVerdict)

    # ------------------------------------------------------------------ speaking

    def _request(self, method: str, path: str, **how: Any) -> httpx2.Response:
        how["params"] = {k: v for k, v in (how.get("params") or {}).items() if v is not None}
        try:
            answer = self._http.request(method, path, **how)
        except httpx2.TransportError as error:
            raise ApiError(f"{self._url} cannot be reached: {error}") from error
        _check(answer)
        return answer

    def _read(self, kind: type[Value], method: str, path: str, **how: Any) -> Value:
        return TypeAdapter(kind).validate_json(self._request(method, path, **how).content)

    def _get(self, path: str, kind: type[Value], params: dict[str, Any] | None = None) -> Value:
        return self._read(kind, "GET", path, params=params)

    def _post(self, path: str, kind: type[Value], body: Any) -> Value:
        return self._read(kind, "POST", path, json=body.model_dump(mode="json"))

    def _pages(self, path: str, kind: type[Value], params: dict[str, Any]) -> Iterator[Value]:
        cursor: str | None = None
        while True:
            page = self._get(path, Page[kind], {**params, "cursor": cursor})  # type: ignore[valid-type]
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def _stream(self, path: str, target: str | os.PathLike[str], params: dict[str, Any]) -> None:
        params = {k: v for k, v in params.items() if v is not None}
        try:
            with self._http.stream("GET", path, params=params) as answer:
                if answer.is_error:
                    answer.read()
                _check(answer)
                with Path(target).open("wb") as file:
                    for block in answer.iter_bytes():
                        file.write(block)
        except httpx2.TransportError as error:
            raise ApiError(f"{self._url} cannot be reached: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _check(answer: httpx2.Response) -> None:
    if not answer.is_error:
        return
    try:
        problem = ProblemDetails.model_validate_json(answer.content)
    except ValueError:
        raise ApiError(f"the server answered {answer.status_code}", status=answer.status_code) from None
    raise ApiError(f"{problem.title}: {problem.detail}", status=answer.status_code, problem=problem.model_dump())


def _query(wanted: RecordFilter | None) -> dict[str, Any]:
    return {} if wanted is None else wanted.model_dump(mode="json", exclude_defaults=True)
