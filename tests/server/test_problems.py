from __future__ import annotations

import errno
import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from sightline.api.base import ProblemDetails
from sightline.core import errors
from sightline.server import problems
from sightline.server.body_limit import BodyLimit


class Wish(BaseModel):
    count: int


def client_that_raises(error: Exception) -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def raising() -> None:
        raise error

    @app.post("/wish")
    def wish(body: Wish) -> int:
        return body.count

    app.add_middleware(BodyLimit, max_bytes=100)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.NotFoundError("there is no medium x"), 404, "not-found"),
        (errors.SignInNeededError("sign in"), 401, "sign-in-needed"),
        (errors.RightsError("no"), 403, "rights"),
        (errors.ConflictError("paused already"), 409, "conflict"),
        (errors.MediaLimitError("a.png", "too large"), 413, "media-limit"),
        (errors.MediaFormatError("a.svg", "no picture"), 415, "media-format"),
        (errors.ImageDecodeError("a.png", "cut off"), 422, "image-decode"),
        (errors.InvalidInputError("bad cursor"), 422, "invalid-input"),
        (errors.WorkerCrashedError("inspect", "ended"), 422, "worker-crashed"),
        (errors.QueueFullError("full", 3.2), 429, "queue-full"),
        (errors.StoreUnavailableError("away"), 503, "store-unavailable"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk-full"),
    ],
)
def test_each_error_is_a_problem_of_its_own(error: Exception, status: int, kind: str) -> None:
    answer = client_that_raises(error).get("/")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = ProblemDetails.model_validate(answer.json())
    assert problem.status == status
    assert problem.type == f"urn:sightline:problem:{kind}"
    assert problem.detail


def test_every_error_of_the_tree_has_a_status() -> None:
    def leaves(kind: type[Exception]) -> list[type[Exception]]:
        below = [leaf for sub in kind.__subclasses__() for leaf in leaves(sub)]
        return [kind, *below]

    told = {errors.SightlineError, errors.ServiceError, errors.ApiError, errors.ClusterError}  # nothing raises these on the server
    for kind in set(leaves(errors.SightlineError)) - told:
        assert any(issubclass(kind, known) for known, _, _ in problems.STATUS), kind


def test_an_unforeseen_error_tells_nothing_but_its_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client_that_raises(ZeroDivisionError("secret 42")).get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["instance"] in caplog.text
    assert "secret 42" in caplog.text


def test_retry_after_is_whole_seconds_and_at_least_one() -> None:
    assert client_that_raises(errors.QueueFullError("full", 0.1)).get("/").headers["retry-after"] == "1"
    assert client_that_raises(errors.StoreUnavailableError("away")).get("/").headers["retry-after"] == "2"


def test_a_wrong_body_is_told_field_by_field() -> None:
    answer = client_that_raises(ValueError()).post("/wish", json={"count": "many"})
    assert answer.status_code == 422
    assert ProblemDetails.model_validate(answer.json()).errors[0].at == "body.count"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/none", 404), ("DELETE", "/wish", 405)])
def test_what_http_itself_refuses_is_a_problem_too(method: str, path: str, status: int) -> None:
    answer = client_that_raises(ValueError()).request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_body_that_is_too_long_is_refused_declared_or_not() -> None:
    client = client_that_raises(ValueError())
    declared = client.post("/wish", content=b"x" * 101, headers={"content-type": "application/json"})
    streamed = client.post("/wish", content=iter([b"x" * 60, b"x" * 60]), headers={"content-type": "application/json"})
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert client.post("/wish", json={"count": 7}).json() == 7
