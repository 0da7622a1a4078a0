"""Every route of the real app, walked without rights and with those of each role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from tests.databases import TestServer
from tests.emptied import opened
from tests.server.rights.app import CHEAP, PASSWORD

from sightline.api.accounts import ROLE_PERMISSIONS, NewKey, NewUser, Permission, Role
from sightline.server.app import create_app
from sightline.server.config import ServerConfig
from sightline.server.metrics import Metrics
from sightline.server.rights import guards
from sightline.store.accounts import Accounts

V1 = "/api/v1"
OPEN = {
    f"POST {V1}/auth/login",
    f"POST {V1}/auth/token",
    f"GET {V1}/auth/options",
    f"GET {V1}/auth/oidc/start",
    f"GET {V1}/auth/oidc/callback",
    "GET /livez",
    "GET /readyz",
}
"""All that is open to all, but the console's files and the OpenAPI description. A further one is a decision: add it here."""
ROUTES = sorted(
    (f"{method} {route.partition(' ')[2]}", mark)
    for route, marks in guards(create_app(None))
    for method in route.partition(" ")[0].split(",")
    for mark in marks
    if route != "GET /{path:path}"
)


@pytest.fixture(scope="module")
def app(embedded_postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The real app. Nothing behind the rights is there: a route that is reached in spite of them fails with 500, not with 401 or 403."""
    folder: Path = tmp_path_factory.mktemp("data")
    for database in opened(embedded_postgres):
        accounts = Accounts(database, passwords=CHEAP)
        for role in ROLE_PERMISSIONS:
            accounts.add_user(NewUser(name=role, role=role, password=PASSWORD))
        services = SimpleNamespace(config=ServerConfig(data=folder), accounts=accounts, metrics=Metrics(), single_sign_on=None)
        yield create_app(services)  # type: ignore[arg-type]


def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost:8765", raise_server_exceptions=False)


def ask(browser: TestClient, route: str) -> int:
    method, path = route.split(" ", 1)
    path = re.sub(r"\{(\w*_)?id(:\w+)?\}|\{[^}]*\}", "1", path)
    if method != "WS":
        answer = browser.request(method, path)
        if answer.status_code in (401, 403) and method != "HEAD":
            assert answer.headers["content-type"] == "application/problem+json"
            assert set(answer.json()) >= {"type", "title", "status", "detail"}
        return answer.status_code
    with pytest.raises(WebSocketDenialResponse) as denied, browser.websocket_connect(f"ws://localhost:8765{path}"):
        pass
    return denied.value.status_code


def test_there_are_routes_and_those_that_are_open_are_on_record() -> None:
    assert len(ROUTES) > 40
    assert {route for route, mark in ROUTES if mark is None} - {"GET /metrics"} == OPEN


@pytest.mark.parametrize("route", [route for route, mark in ROUTES if mark is not None])
def test_without_rights_nothing_opens(app: FastAPI, route: str) -> None:
    nobody = client(app)
    assert ask(nobody, route) == 401
    for headers in ({"Cookie": "sightline_session=made-up"}, {"Authorization": "Bearer slk_made-up"}, {"Authorization": "Bearer "}):
        nobody.headers = headers  # type: ignore[assignment]
        nobody.headers["Host"] = "localhost:8765"
        assert ask(nobody, route) == 401


@pytest.mark.parametrize("role", ["viewer", "operator", "custodian"])
def test_a_role_gets_nowhere_that_its_table_does_not_say(app: FastAPI, role: Role) -> None:
    accounts: Accounts = app.state.services.accounts
    user = accounts.user_named(role).id
    key = accounts.add_key(user, NewKey(name="all", scopes=list(Permission))).secret
    by_key, by_session = client(app), client(app)
    by_key.headers["Authorization"] = f"Bearer {key}"
    entry = accounts.sign_in(role, PASSWORD)
    by_session.headers.update({"Cookie": f"sightline_session={entry.token}", "X-CSRF-Token": entry.principal.csrf_token or ""})
    by_session.headers["Origin"] = "http://localhost:8765"
    refused = [route for route, mark in ROUTES if mark is not None and mark not in ROLE_PERMISSIONS[role]]
    assert refused
    for route in refused:
        assert (route, ask(by_key, route), ask(by_session, route)) == (route, 403, 403)


def test_a_session_without_the_csrf_token_changes_nothing(app: FastAPI) -> None:
    entry = app.state.services.accounts.sign_in("admin", PASSWORD)
    browser = client(app)
    browser.headers["Cookie"] = f"sightline_session={entry.token}"
    changes = [route for route, mark in ROUTES if mark is not None and route.split()[0] not in ("GET", "HEAD", "WS")]
    assert len(changes) > 15
    for route in changes:
        assert (route, ask(browser, route)) == (route, 403)


def test_every_right_is_needed_somewhere() -> None:
    unused = set(Permission) - {mark for _, mark in ROUTES if mark is not None}
    assert unused <= {Permission.PEOPLE_READ, Permission.PEOPLE_WRITE}  # for what is kept of people


def test_the_description_names_the_right_of_each_route() -> None:
    described = create_app(None).openapi()["paths"]
    marks = dict(ROUTES)
    for path, operations in described.items():
        for method, operation in operations.items():
            mark = marks[f"{method.upper()} {path}"]
            assert operation["security"] == ([] if mark is None else [{"session": [mark]}, {"key": [mark]}]), path
