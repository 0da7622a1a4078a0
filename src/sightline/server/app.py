"""The app: routers, errors, limits, console, in one list."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

import sightline
from sightline.api.base import ProblemDetails
from sightline.server import console, headers, metrics, problems
from sightline.server.body_limit import BodyLimit
from sightline.server.openapi import describe
from sightline.server.rights import check_every_route_is_guarded
from sightline.server.routers import analyses, audit, auth, health, jobs, live, media, models, records, settings, sources, uploads, users
from sightline.server.services import Services

PREFIX = "/api/v1"
ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    users.router,
    uploads.router,
    media.router,
    analyses.router,
    records.router,
    sources.router,
    jobs.router,
    live.router,
    models.router,
    audit.router,
    settings.router,
)
"""All that is under /api/v1. A suite adds its router here."""


def create_app(services: Services | None) -> FastAPI:
    """Return the app.

    Parameters
    ----------
    services : Services, optional
        What the routes work on; None makes an app that can only describe itself (OpenAPI).

    Raises
    ------
    RuntimeError
        When a route names neither the right that it needs nor that it is open to all.
    """
    app = FastAPI(
        title="Sightline",
        version=sightline.__version__,
        description="Open visual intelligence on your own machine.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": ProblemDetails, "description": "An error, as RFC 9457 problem details"}},
    )
    app.state.services = services
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    describe(app)
    check_every_route_is_guarded(app)
    console.mount(app)
    app.add_middleware(BodyLimit)
    headers.install(app, services.config if services else None)
    metrics.install(app)
    return app
