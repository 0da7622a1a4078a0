from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import WebSocketDenialResponse
from tests.server.rights.app import PASSWORD, V1, add, browser, program, sign_in

from sightline.api.accounts import ROLE_PERMISSIONS, Permission, UserChange
from sightline.server.rights import Principal, check_every_route_is_guarded, guards, public, require

LIVE = f"ws://localhost:8765{V1}/probe/live"


def key(app: FastAPI, name: str, *scopes: Permission) -> str:
    client = sign_in(app, name)
    answer = client.post(f"{V1}/keys", json={"name": "door", "scopes": list(scopes)})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret


def test_each_role_may_do_what_its_table_says(app: FastAPI) -> None:
    assert browser(app).get(f"{V1}/probe/open").status_code == 200
    nobody = browser(app).get(f"{V1}/probe/media")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    viewer, operator = sign_in(app, "vera"), sign_in(app, "mira")
    assert (viewer.get(f"{V1}/probe/media").status_code, viewer.post(f"{V1}/probe/media").status_code) == (200, 403)
    assert (operator.get(f"{V1}/probe/media").json(), operator.post(f"{V1}/probe/media").json()) == ("mira", "mira")
    refused = viewer.post(f"{V1}/probe/media").json()
    assert "media:write" in refused["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": b"\xff\xfe"}, 403),
        ({"Origin": "http://localhost:8765"}, 200),
        ({"Origin": "http://localhost:8766"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:8765.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[broken"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_changes_by_session_must_come_from_our_own_page(app: FastAPI, headers: dict[str, str], status: int) -> None:
    client = sign_in(app, "mira")
    assert client.post(f"{V1}/probe/media", headers=headers).status_code == status
    assert client.get(f"{V1}/probe/media", headers=headers).status_code == 200  # reading changes nothing


def test_another_sessions_csrf_token_will_not_do(app: FastAPI) -> None:
    mira, vera = sign_in(app, "mira"), sign_in(app, "vera")
    assert mira.post(f"{V1}/probe/media", headers={"X-CSRF-Token": vera.headers["X-CSRF-Token"]}).status_code == 403


@pytest.mark.parametrize("path", ["login", "token"])
def test_another_site_cannot_sign_somebody_in(app: FastAPI, path: str) -> None:
    body = {"login": {"name": "mira", "password": PASSWORD}, "token": {"token": "slo_x"}}[path]
    assert browser(app).post(f"{V1}/auth/{path}", json=body, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_key_needs_no_csrf_token_and_stays_within_its_scopes(app: FastAPI) -> None:
    script = program(app, key(app, "mira", Permission.MEDIA_READ))
    assert script.get(f"{V1}/probe/media").json() == "key:mira/door"
    assert script.post(f"{V1}/probe/media").status_code == 403
    writer = program(app, key(app, "mira", Permission.MEDIA_WRITE))
    assert writer.post(f"{V1}/probe/media", headers={"Origin": "https://other.example"}).status_code == 200
    assert writer.get(f"{V1}/auth/me").json()["permissions"] == ["media:write", "self"]


def test_a_key_cannot_make_itself_another(app: FastAPI) -> None:
    script = program(app, key(app, "boss", *(p for p in Permission)))
    assert script.get(f"{V1}/users").status_code == 200
    for answer in (
        script.get(f"{V1}/keys"),
        script.post(f"{V1}/keys", json={"name": "more", "scopes": ["media:read"]}),
        script.delete(f"{V1}/keys/1"),
        script.post(f"{V1}/auth/password", json={"old": PASSWORD, "new": "a wholly new password"}),
    ):
        assert answer.status_code == 403


def test_a_key_is_made_with_no_more_than_ones_own_rights(app: FastAPI) -> None:
    answer = sign_in(app, "vera").post(f"{V1}/keys", json={"name": "more", "scopes": ["media:read", "media:write"]})
    assert (answer.status_code, "media:write" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer nonsense", "bearer slk_x", "Bearer \xff"])
def test_a_wrong_key_is_not_made_up_for_by_a_session(app: FastAPI, header: str) -> None:
    client = sign_in(app, "mira")
    assert client.get(f"{V1}/probe/media", headers={"Authorization": header.encode("latin-1")}).status_code == 401
    assert client.get(f"{V1}/probe/media", headers={"Authorization": "Basic bWlyYTp4"}).status_code == 200  # a proxy's own


def test_a_disabled_users_sessions_and_keys_die_at_once(app: FastAPI) -> None:
    client, script = sign_in(app, "mira"), program(app, key(app, "mira", Permission.MEDIA_READ))
    assert (client.get(f"{V1}/probe/media").status_code, script.get(f"{V1}/probe/media").status_code) == (200, 200)
    user = app.state.services.accounts.user_named("mira").id
    assert sign_in(app, "boss").patch(f"{V1}/users/{user}", json={"disabled": True}).json()["disabled"]
    assert (client.get(f"{V1}/probe/media").status_code, script.get(f"{V1}/probe/media").status_code) == (401, 401)


def test_two_roles_work_at_once_and_each_sees_their_own_keys(app: FastAPI) -> None:
    boss, mira = sign_in(app, "boss"), sign_in(app, "mira")
    for client in (boss, mira):
        assert client.post(f"{V1}/keys", json={"name": "door", "scopes": ["media:read"]}).status_code == 201
    assert [k["user"] for k in mira.get(f"{V1}/keys").json()["items"]] == ["mira"]
    both = boss.get(f"{V1}/keys").json()["items"]
    assert [k["user"] for k in both] == ["mira", "boss"]
    assert mira.delete(f"{V1}/keys/{both[1]['id']}").status_code == 404
    assert boss.delete(f"{V1}/keys/{both[0]['id']}").status_code == 204
    assert mira.get(f"{V1}/users").status_code == 403


def test_users_are_managed(app: FastAPI) -> None:
    boss = sign_in(app, "boss")
    made = boss.post(f"{V1}/users", json={"name": "tom", "role": "viewer", "password": PASSWORD})
    assert made.status_code == 201
    assert boss.post(f"{V1}/users", json={"name": "tom", "role": "viewer", "password": PASSWORD}).status_code == 409
    path = f"{V1}/users/{made.json()['id']}"
    assert boss.patch(path, json={"role": "custodian"}).json()["role"] == "custodian"
    assert boss.patch(path, json={"role": "emperor"}).status_code == 422
    assert boss.delete(path).status_code == 204
    assert boss.delete(path).status_code == 404
    assert [u["name"] for u in boss.get(f"{V1}/users").json()["items"]] == ["boss", "mira", "vera"]
    last = f"{V1}/users/{app.state.services.accounts.user_named('boss').id}"
    assert [boss.patch(last, json=c).status_code for c in ({"role": "viewer"}, {"disabled": True})] == [409, 409]
    assert boss.delete(last).status_code == 409
    for odd in ("0", "-1", str(1 << 40), "1e3", "%00"):
        assert boss.delete(f"{V1}/users/{odd}").status_code == 422


def test_settings_and_info(app: FastAPI) -> None:
    boss, mira = sign_in(app, "boss"), sign_in(app, "mira")
    wanted = {**boss.get(f"{V1}/settings").json(), "retention_days": 7}
    assert mira.put(f"{V1}/settings", json=wanted).status_code == 403
    assert boss.put(f"{V1}/settings", json={**wanted, "retention_days": 0}).status_code == 422
    assert boss.put(f"{V1}/settings", json=wanted).json()["retention_days"] == 7
    assert mira.get(f"{V1}/settings").json() == wanted
    assert boss.get(f"{V1}/audit?action=settings.change").json()["items"][0]["detail"] == {"retention_days": 7}
    info = mira.get(f"{V1}/info").json()
    assert (info["media_store"], info["problems"]) == ("local folder", [])
    (app.state.services.config.data / "keys" / "audit.head").unlink()
    assert "keys/audit.head is missing" in mira.get(f"{V1}/info").json()["problems"][0]


class TestSockets:
    origin = "http://localhost:8765"

    def refused(self, client: object, **headers: str) -> int:
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(LIVE, headers=headers):  # type: ignore[attr-defined]
            pass
        assert denied.value.headers["content-type"] == "application/problem+json"
        return denied.value.status_code

    def test_a_session_opens_a_socket_from_our_own_page_alone(self, app: FastAPI) -> None:
        client = sign_in(app, "mira")
        with client.websocket_connect(LIVE, headers={"Origin": self.origin}) as socket:
            assert socket.receive_text() == "mira"
        assert self.refused(client, Origin="https://evil.example") == 403
        assert self.refused(client) == 403
        assert self.refused(browser(app), Origin=self.origin) == 401
        assert self.refused(sign_in(app, "vera"), Origin=self.origin) == 403

    def test_a_key_opens_a_socket(self, app: FastAPI) -> None:
        with program(app, key(app, "mira", Permission.LIVE)).websocket_connect(LIVE) as socket:
            assert socket.receive_text() == "key:mira/door"
        assert self.refused(program(app, key(app, "mira", Permission.MEDIA_READ))) == 403

    def test_a_socket_that_is_open_can_ask_whether_it_still_may(self, app: FastAPI) -> None:
        client = sign_in(app, "mira")
        with client.websocket_connect(LIVE, headers={"Origin": self.origin}) as socket:
            socket.receive_text()
            socket.send_text("?")
            assert socket.receive_text() == "yes"
            accounts = app.state.services.accounts
            accounts.change_user(accounts.user_named("mira").id, UserChange(disabled=True))
            socket.send_text("?")
            assert socket.receive_text() == "no"


class TestDenyByDefault:
    @pytest.mark.parametrize(
        "add_route",
        [
            lambda app: app.get("/forgotten")(lambda: 1),
            lambda app: app.get("/both", dependencies=[public])(_both),
            lambda app: app.websocket("/forgotten")(_socket),
            lambda app: app.add_route("/forgotten", lambda request: None),
            lambda app: app.get("/other", dependencies=[Depends(lambda: 1)])(lambda: 1),
        ],
    )
    def test_an_app_with_a_route_that_names_no_right_does_not_start(self, add_route: Callable[[FastAPI], object]) -> None:
        app = FastAPI(docs_url=None, redoc_url=None)
        app.get("/open", dependencies=[public])(lambda: 1)
        app.get("/guarded")(_guarded)
        check_every_route_is_guarded(app)
        assert [marks for _, marks in guards(app)] == [[None], [Permission.MEDIA_READ]]
        add_route(app)
        with pytest.raises(RuntimeError, match=r"/(forgotten|both|other)"):
            check_every_route_is_guarded(app)


def _guarded(who: Annotated[Principal, require(Permission.MEDIA_READ)]) -> None: ...
def _both(who: Annotated[Principal, require(Permission.MEDIA_READ)]) -> None: ...
async def _socket() -> None: ...


def test_a_role_taken_away_counts_at_once(app: FastAPI) -> None:
    user = add(app, "tom", "operator")
    client = sign_in(app, "tom")
    assert client.post(f"{V1}/probe/media").status_code == 200
    app.state.services.accounts.change_user(user, UserChange(role="viewer"))
    assert client.post(f"{V1}/probe/media").status_code == 403
    assert set(client.get(f"{V1}/auth/me").json()["permissions"]) == {p.value for p in ROLE_PERMISSIONS["viewer"]}


def test_a_session_looked_up_a_moment_ago_costs_no_query(app: FastAPI) -> None:
    from sqlalchemy import event

    client, queries = sign_in(app, "mira"), []
    client.get(f"{V1}/probe/media")
    event.listen(app.state.services.database.engine, "before_cursor_execute", lambda *about: queries.append(about[2]))
    for _ in range(5):
        assert client.get(f"{V1}/probe/media").status_code == 200
    assert queries == []
