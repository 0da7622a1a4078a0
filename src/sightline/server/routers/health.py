"""Whether the server is well, and figures about it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Security
from fastapi.requests import HTTPConnection
from fastapi.responses import Response

from sightline.api.accounts import Permission
from sightline.api.base import FieldProblem, ProblemDetails
from sightline.api.health import Alive, Readiness
from sightline.server.metrics import CONTENT_TYPE
from sightline.server.problems import PROBLEM_JSON, respond
from sightline.server.readiness import KEPT_S
from sightline.server.rights import Principal, Right, public
from sightline.server.services import Wired, services_of

router = APIRouter(tags=["health"])

_NOT_READY: dict[str, Any] = {
    "description": "Something that is needed does not work",
    "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
}
_NOBODY = Principal("anybody", "anybody", 0, "viewer", frozenset(), "key", whole=False)


class FiguresRight(Right):
    """The right to see settings, or none where the server was started with ``--open-metrics``."""

    def __init__(self) -> None:
        super().__init__(Permission.SETTINGS_READ)

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Return who asks."""
        return _NOBODY if services_of(connection).config.open_metrics else await super().__call__(connection)


_figures = FiguresRight()


@router.get("/livez", dependencies=[public])
async def livez() -> Alive:
    """Say that the server answers; it asks nobody for that."""
    return Alive()


@router.get("/readyz", dependencies=[public], response_model=Readiness, responses={503: _NOT_READY})
async def readyz(services: Wired) -> Readiness | Response:
    """Say whether the server can do its work.

    The database answers, the media store keeps and gives back, and a net finds what is known to be in a picture. An answer is good
    for ten seconds; asking more often does not check more often.
    """
    found = await services.readiness.ask()
    if found.ready:
        return found
    wrong = [FieldProblem(at=check.name, message=check.detail or "") for check in found.checks if not check.ok]
    detail = "; ".join(f"{w.at}: {w.message}" for w in wrong)
    problem = ProblemDetails(type="urn:sightline:problem:not-ready", title="Not ready", status=503, detail=detail, errors=wrong)
    return respond(problem, {"Retry-After": str(round(KEPT_S))})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
def metrics(services: Wired, who: Annotated[Principal, Security(_figures, scopes=[Permission.SETTINGS_READ.value])]) -> Response:
    """Tell the figures in Prometheus' text format."""
    return Response(services.metrics.text(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
