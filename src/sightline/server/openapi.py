"""The OpenAPI description: what FastAPI makes of the routes, with our error bodies in place of its own."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from sightline.api.live import LiveAnswer, LiveHello, LiveProblem, LiveReady, LiveStatus
from sightline.server.problems import PROBLEM_JSON

TAGS = {
    "auth": "Signing in and out.",
    "users": "Users and API keys.",
    "uploads": "Bringing pictures and videos in.",
    "media": "Pictures and videos that are kept.",
    "analyses": "Looking at them.",
    "records": "Every observation, for questions.",
    "sources": "Watched folders, cameras and their zones.",
    "jobs": "Long work.",
    "models": "The nets and their cards.",
    "audit": "What was done, by whom.",
    "settings": "Limits and retention.",
    "health": "Whether the server is well.",
}


def describe(app: FastAPI) -> None:
    """Let an app describe itself with `schema`."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(schema(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def schema(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of an app."""
    found = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    for path in found["paths"].values():
        for operation in path.values():
            needs = [right for entry in operation.get("security", []) for right in entry.get("key", [])]
            operation["security"] = [{"session": needs}, {"key": needs}] if needs else []
            answers = operation["responses"]
            answers.pop("422", None)
            for status, answer in answers.items():
                if status == "default" or int(status) >= 400:
                    answer["content"] = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    schemas = found["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for name, definition in _live_messages().items():
        schemas.setdefault(name, definition)
    found["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": "sightline_session"},
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, or the owner token."},
    }
    return found


def _live_messages() -> dict[str, Any]:
    """Return the schemas of what goes over the live sockets, which OpenAPI itself has no place for."""
    down = [(message, "serialization") for message in (LiveReady, LiveAnswer, LiveProblem, LiveStatus)]
    _, made = models_json_schema([(LiveHello, "validation"), *down], ref_template="#/components/schemas/{model}")  # type: ignore[list-item]
    found: dict[str, Any] = made["$defs"]
    return found
