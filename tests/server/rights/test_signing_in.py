from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.server.rights.app import PASSWORD, V1, add, browser, make_app, program, sign_in

from sightline.store.database import Database


def test_signing_in_tells_who_one_is_and_out_ends_it(app: FastAPI) -> None:
    client = browser(app)
    assert client.get(f"{V1}/auth/options").json() == {"password": True, "oidc_name": None}
    assert client.get(f"{V1}/auth/me").status_code == 401
    answer = client.post(f"{V1}/auth/login", json={"name": "mira", "password": PASSWORD})
    assert (answer.json()["name"], answer.json()["role"], answer.json()["oidc"]) == ("mira", "operator", False)
    assert "media:write" in answer.json()["permissions"]
    assert client.get(f"{V1}/auth/me").json() == answer.json()
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    token = client.cookies["sightline_session"]
    assert client.post(f"{V1}/auth/logout").status_code == 204
    assert "sightline_session" not in client.cookies
    assert browser(app).get(f"{V1}/auth/me", headers={"Cookie": f"sightline_session={token}"}).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app: FastAPI, database: Database, tmp_path: Path) -> None:
    said = browser(app).post(f"{V1}/auth/login", json={"name": "mira", "password": PASSWORD}).headers["set-cookie"]
    assert said.startswith("sightline_session=")
    assert all(part in said for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=604"))
    assert "Secure" not in said
    assert "Domain" not in said
    behind = make_app(database, tmp_path / "https", https=True)
    answer = browser(behind, https=True).post(f"{V1}/auth/login", json={"name": "mira", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-sightline_session=")
    assert all(part in answer.headers["set-cookie"] for part in ("HttpOnly", "SameSite=strict", "Path=/", "Secure"))
    assert sign_in(behind, "mira", https=True).get(f"{V1}/auth/me").status_code == 200


def test_whatever_is_wrong_the_answer_is_the_same(app: FastAPI) -> None:
    app.state.services.accounts.change_user(app.state.services.accounts.user_named("vera").id, _disabled())
    wrong = [("mira", "wrong password"), ("nobody", PASSWORD), ("vera", PASSWORD)]
    told = []
    for name, password in wrong:
        answer = browser(app).post(f"{V1}/auth/login", json={"name": name, "password": password})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        told.append({k: v for k, v in answer.json().items() if k != "instance"})
    assert told[0] == told[1] == told[2]


def _disabled() -> object:
    from sightline.api.accounts import UserChange

    return UserChange(disabled=True)


@pytest.mark.parametrize("name", ["mira' OR 1=1 --", "mira\x00", "mi\u202era", "", "x" * 65, "mirа", None, {"$ne": 1}])
def test_odd_names_are_refused_before_anything_is_asked(app: FastAPI, name: object) -> None:
    answer = browser(app).post(f"{V1}/auth/login", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 422
    assert PASSWORD not in answer.text


def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(app: FastAPI) -> None:
    """Session fixation: what the browser had before, from whomever, is worth nothing afterwards."""
    attacker = sign_in(app, "vera")
    planted = attacker.cookies["sightline_session"]
    victim = browser(app)
    cookie = {"Cookie": f"sightline_session={planted}"}
    answer = victim.post(f"{V1}/auth/login", json={"name": "mira", "password": PASSWORD}, headers=cookie)
    assert planted not in answer.headers["set-cookie"]
    assert browser(app).get(f"{V1}/auth/me", headers=cookie).status_code == 401
    assert browser(app).get(f"{V1}/auth/me", headers={"Cookie": "sightline_session=chosen-by-somebody"}).status_code == 401


def test_the_owner_token_signs_in_and_is_a_key(app: FastAPI) -> None:
    token = app.state.services.accounts.renew_owner_token()
    client = browser(app)
    answer = client.post(f"{V1}/auth/token", json={"token": token})
    assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (200, "owner", "admin")
    assert client.get(f"{V1}/users").status_code == 200
    script = program(app, token)
    assert script.get(f"{V1}/auth/me").json()["csrf_token"] is None
    assert script.post(f"{V1}/users", json={"name": "tom", "role": "viewer", "password": PASSWORD}).status_code == 201
    assert browser(app).post(f"{V1}/auth/token", json={"token": token + "x"}).status_code == 401


def test_failed_sign_ins_must_wait_and_others_need_not(app: FastAPI) -> None:
    answers = [browser(app).post(f"{V1}/auth/login", json={"name": "mira", "password": "wrong"}) for _ in range(7)]
    assert [a.status_code for a in answers] == [401] * 5 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert answers[-1].json()["type"] == "urn:sightline:problem:too-many-tries"
    assert browser(app).post(f"{V1}/auth/login", json={"name": "mira", "password": PASSWORD}).status_code == 429
    assert browser(app).post(f"{V1}/auth/login", json={"name": "vera", "password": PASSWORD}).status_code == 200


def test_guessing_owner_tokens_must_wait(app: FastAPI) -> None:
    answers = [browser(app).post(f"{V1}/auth/token", json={"token": f"slo_{n}"}).status_code for n in range(22)]
    assert answers == [401] * 20 + [429] * 2


def test_one_changes_ones_password_and_every_other_session_ends(app: FastAPI) -> None:
    here, there = sign_in(app, "mira"), sign_in(app, "mira")
    assert here.post(f"{V1}/auth/password", json={"old": "wrong", "new": "a wholly new password"}).status_code == 403
    answer = here.post(f"{V1}/auth/password", json={"old": PASSWORD, "new": "a wholly new password"})
    assert answer.status_code == 200
    assert (here.get(f"{V1}/auth/me").status_code, there.get(f"{V1}/auth/me").status_code) == (200, 401)
    assert answer.json()["csrf_token"] != here.headers["X-CSRF-Token"]


def test_everything_about_signing_in_is_in_the_trail_and_no_secret_is(app: FastAPI) -> None:
    client = sign_in(app, "mira")
    client.post(f"{V1}/auth/password", json={"old": PASSWORD, "new": "a wholly new password"})
    browser(app).post(f"{V1}/auth/login", json={"name": "mira", "password": "wrong guess"})
    boss = sign_in(app, "boss")
    boss.patch(f"{V1}/users/{add(app, 'tom', 'viewer')}", json={"password": "another new password", "role": "operator"})
    key = boss.post(f"{V1}/keys", json={"name": "door", "scopes": ["media:read"]}).json()
    boss.delete(f"{V1}/keys/{key['id']}")
    trail = boss.get(f"{V1}/audit")
    done = [(e["actor"], e["action"]) for e in reversed(trail.json()["items"])]
    assert done == [
        ("mira", "login"),
        ("mira", "user.password"),
        ("mira", "login.failed"),
        ("boss", "login"),
        ("boss", "user.change"),
        ("boss", "key.add"),
        ("boss", "key.revoke"),
    ]
    for secret in (PASSWORD, "a wholly new password", "wrong guess", "another new password", key["secret"]):
        assert secret not in trail.text
    assert boss.get(f"{V1}/audit/verify").json() == {"intact": True, "entries": 7, "problems": []}
