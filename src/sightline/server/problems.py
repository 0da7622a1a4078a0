"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import errno
import logging
import math
from http import HTTPStatus
from uuid import uuid4

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketState

from sightline.api.base import FieldProblem, ProblemDetails
from sightline.core import errors

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.SignInNeededError, 401, "Sign in first"),
    (errors.TooManyTriesError, 429, "Too many tries"),
    (errors.RightsError, 403, "Not allowed"),
    (errors.NotFoundError, 404, "Not there"),
    (errors.UnknownModelError, 404, "No such model"),
    (errors.ConflictError, 409, "Does not fit the present state"),
    (errors.MediaLimitError, 413, "More than the limits allow"),
    (errors.MediaFormatError, 415, "Not a picture or video that can be read"),
    (errors.InvalidInputError, 422, "The request cannot be understood"),
    (errors.MediaWriteError, 507, "It cannot be stored"),
    (errors.CameraError, 502, "The camera does not answer"),
    (errors.MediaError, 422, "The file cannot be read"),
    (errors.WorkerError, 422, "The file could not be worked on"),
    (errors.QueueFullError, 429, "Too much is waiting"),
    (errors.StoreUnavailableError, 503, "The store does not answer"),
    (errors.ModelError, 503, "A model is not ready"),
    (errors.DeviceError, 503, "The device is not there"),
    (errors.MissingExtraError, 501, "An optional part is not installed"),
)
"""Status and title by class of error; the first that fits counts. `install` adds what HTTP itself knows."""


def problem_of(error: Exception) -> tuple[ProblemDetails, dict[str, str]]:
    """Return the problem that an error is told as, and headers that go with it.

    Examples
    --------
    >>> problem, headers = problem_of(errors.QueueFullError("100 videos are waiting", retry_after_s=2.5))
    >>> problem.status, problem.type, headers
    (429, 'urn:sightline:problem:queue-full', {'Retry-After': '3'})
    """
    headers: dict[str, str] = {}
    if isinstance(error, errors.QueueFullError | errors.TooManyTriesError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    elif isinstance(error, errors.StoreUnavailableError):
        headers["Retry-After"] = "2"
    elif isinstance(error, errors.SignInNeededError):
        headers["WWW-Authenticate"] = "Bearer"
    for kind, status, title in STATUS:
        if isinstance(error, kind):
            return ProblemDetails(type=_type(error), title=title, status=status, detail=str(error)), headers
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        detail = "The disk is full; nothing was stored by halves. Make room and send it again."
        return ProblemDetails(type="urn:sightline:problem:disk-full", title="The disk is full", status=507, detail=detail), headers
    return ProblemDetails(title="Something went wrong", status=500, detail="An error of the server; its log holds more."), headers


def _type(error: Exception) -> str:
    name = type(error).__name__.removesuffix("Error")
    return "urn:sightline:problem:" + "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


def respond(problem: ProblemDetails, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as the answer."""
    return JSONResponse(problem.model_dump(mode="json"), problem.status, headers=headers, media_type=PROBLEM_JSON)


def install(app: FastAPI) -> None:
    """Let every error of an app be told as a problem."""
    app.add_exception_handler(errors.SightlineError, _told)
    app.add_exception_handler(OSError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _told)


async def _told(request: Request | WebSocket, error: Exception) -> JSONResponse:
    problem, headers = problem_of(error)
    problem.instance = f"urn:uuid:{uuid4()}"
    if problem.status >= 500:
        method = request.scope.get("method", "WebSocket")
        logger.error("%s %s -> %d (%s): %s", method, request.url.path, problem.status, problem.instance, error, exc_info=error)
    answer = respond(problem, headers)
    if isinstance(request, WebSocket) and request.application_state is WebSocketState.CONNECTING:
        await request.send_denial_response(answer)
    return answer


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [FieldProblem(at=".".join(str(part) for part in e["loc"]), message=str(e["msg"])) for e in error.errors()]
    title = "The request cannot be understood"
    detail = "; ".join(f"{f.at}: {f.message}" for f in found[:5])
    return respond(ProblemDetails(type="urn:sightline:problem:invalid-input", title=title, status=422, detail=detail, errors=found[:50]))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = {404: "There is no such address.", 405: f"{request.method} is not possible here."}.get(error.status_code, str(error.detail))
    title = HTTPStatus(error.status_code).phrase
    return respond(ProblemDetails(title=title, status=error.status_code, detail=detail), dict(error.headers or {}))
