from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from tests.server.rights.app import V1, browser
from tests.server.rights.provider import CLIENT, SECRET, Provider, provider

from sightline.api.accounts import UserChange
from sightline.core.errors import InvalidInputError
from sightline.server.oidc import SignOnConfig, SingleSignOn, from_environment

START, CALLBACK = f"{V1}/auth/oidc/start", f"{V1}/auth/oidc/callback"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def idp(running: Provider) -> Provider:
    running.__init__(running.issuer)  # type: ignore[misc]
    return running


def use(app: FastAPI, idp: Provider, **config: Any) -> FastAPI:
    app.state.services.single_sign_on = SingleSignOn(SignOnConfig(idp.issuer, CLIENT, SECRET, **config))
    return app


def to_provider_and_back(client: TestClient) -> str:
    """Follow the browser's way; return the address with which the provider sends it back."""
    begun = client.get(START, follow_redirects=False)
    assert begun.status_code == 303, begun.text
    sent_back = httpx.get(begun.headers["location"]).headers["location"]
    assert sent_back.startswith(f"http://localhost:8765{CALLBACK}?")
    return sent_back


def sign_in(app: FastAPI) -> tuple[TestClient, str]:
    client = browser(app)
    done = client.get(to_provider_and_back(client), follow_redirects=False)
    assert done.status_code == 303
    return client, done.headers["location"]


def problem(where: str) -> str:
    assert where.startswith("/?sign_in_problem="), where
    return parse_qs(urlsplit(where).query)["sign_in_problem"][0]


def test_somebody_new_signs_in_as_a_viewer(app: FastAPI, idp: Provider) -> None:
    idp.person = {"sub": "9", "preferred_username": "Tom Müller"}
    client, where = sign_in(use(app, idp, name="Clinic"))
    assert where == "/"
    me = client.get(f"{V1}/auth/me").json()
    assert (me["name"], me["role"], me["oidc"]) == ("tom-muller", "viewer", True)
    assert browser(app).get(f"{V1}/auth/options").json()["oidc_name"] == "Clinic"
    assert "sightline_sign_on" not in client.cookies
    assert [(e.actor, e.detail["how"]) for e in app.state.services.audit.page(action="login").items] == [("tom-muller", "single sign-on")]
    assert sign_in(app)[0].get(f"{V1}/auth/me").json()["name"] == "tom-muller"


def test_the_role_comes_from_a_claim_also_of_userinfo(app: FastAPI, idp: Provider) -> None:
    use(app, idp, role_claim="groups", roles=(("bosses", "admin"), ("staff", "operator")))
    idp.person = {"sub": "9", "preferred_username": "tom", "groups": ["cooks", "staff"]}
    assert sign_in(app)[0].get(f"{V1}/auth/me").json()["role"] == "operator"
    del idp.person["groups"]
    idp.userinfo = {"sub": "9", "groups": ["bosses"]}
    assert sign_in(app)[0].get(f"{V1}/auth/me").json()["role"] == "admin"
    idp.userinfo = {"sub": "another", "groups": ["bosses"]}  # somebody else's
    assert sign_in(app)[0].get(f"{V1}/auth/me").json()["role"] == "viewer"
    use(app, idp, role_claim="groups", roles=(("bosses", "admin"),), default_role=None)
    assert "no role" in problem(sign_in(app)[1])


def test_strangers_namesakes_and_disabled_users_are_refused(app: FastAPI, idp: Provider) -> None:
    assert "already" in problem(sign_in(use(app, idp))[1])  # mira has a password here
    client, where = sign_in(use(app, idp, new_users=False, link_names=True))
    assert (where, client.get(f"{V1}/auth/me").json()["name"]) == ("/", "mira")
    idp.person = {"sub": "9", "preferred_username": "tom"}
    assert "nobody here" in problem(sign_in(app)[1])
    accounts = app.state.services.accounts
    accounts.change_user(accounts.user_named("mira").id, UserChange(disabled=True))
    idp.person = {"sub": "7", "preferred_username": "mira"}
    assert "disabled" in problem(sign_in(app)[1])
    assert client.get(f"{V1}/auth/me").status_code == 401
    assert len(app.state.services.audit.page(action="login.failed").items) == 3


def test_a_code_from_another_browser_signs_nobody_in(app: FastAPI, idp: Provider) -> None:
    attacker, victim = browser(use(app, idp, link_names=True)), browser(app)
    stolen = to_provider_and_back(attacker)
    assert "not begun in this browser" in problem(victim.get(stolen, follow_redirects=False).headers["location"])
    victim.get(START, follow_redirects=False)
    assert "not begun in this browser" in problem(victim.get(stolen, follow_redirects=False).headers["location"])
    assert victim.get(f"{V1}/auth/me").status_code == 401


def test_a_code_counts_once(app: FastAPI, idp: Provider) -> None:
    client = browser(use(app, idp, link_names=True))
    back = to_provider_and_back(client)
    cookie = client.cookies["sightline_sign_on"]
    assert client.get(back, follow_redirects=False).headers["location"] == "/"
    again = browser(app).get(back, headers={"Cookie": f"sightline_sign_on={cookie}"}, follow_redirects=False)
    assert "did not vouch" in problem(again.headers["location"])


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another"]},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3600},
        {"nonce": None},
        {"iat": int(time.time()) + 3600},
    ],
)
def test_a_token_that_is_not_meant_for_us_now_is_refused(app: FastAPI, idp: Provider, claims: dict[str, Any]) -> None:
    idp.change_claims = claims
    client, where = sign_in(use(app, idp, link_names=True))
    assert "did not vouch" in problem(where)
    assert client.get(f"{V1}/auth/me").status_code == 401


def test_a_token_signed_by_somebody_else_is_refused(app: FastAPI, idp: Provider) -> None:
    idp.sign_with = RSAKey.generate_key(2048, {"kid": "1"})
    assert "did not vouch" in problem(sign_in(use(app, idp, link_names=True))[1])


def test_a_provider_with_new_keys_is_asked_for_them(app: FastAPI, idp: Provider) -> None:
    use(app, idp, link_names=True)
    assert sign_in(app)[1] == "/"
    assert sign_in(app)[1] == "/"
    assert idp.asked.count("/keys") == 1
    idp.key = RSAKey.generate_key(2048, {"kid": "1"})
    assert sign_in(app)[1] == "/"
    assert idp.asked.count("/keys") == 2


def test_a_provider_that_refuses_or_is_away_leaves_the_password(app: FastAPI, idp: Provider) -> None:
    client = browser(use(app, idp))
    state = parse_qs(urlsplit(to_provider_and_back(client)).query)["state"][0]
    refused = client.get(f"{CALLBACK}?error=access_denied&state={state}", follow_redirects=False)
    assert "access_denied" in problem(refused.headers["location"])
    app.state.services.single_sign_on = SingleSignOn(SignOnConfig("http://127.0.0.1:1", CLIENT, SECRET))
    assert "does not answer" in problem(client.get(START, follow_redirects=False).headers["location"])
    app.state.services.single_sign_on = None
    assert client.get(START).status_code == 404


def test_the_environment_sets_it_up() -> None:
    base = {"SIGHTLINE_OIDC_ISSUER": "https://idp.example/", "SIGHTLINE_OIDC_CLIENT_ID": "a", "SIGHTLINE_OIDC_CLIENT_SECRET": "b"}
    assert from_environment(base) == SignOnConfig("https://idp.example", "a", "b")
    more = {"ROLE_CLAIM": "groups", "ROLES": "it staff=admin, cooks=viewer", "DEFAULT_ROLE": "none", "NEW_USERS": "no", "LINK_NAMES": "yes"}
    found = from_environment({**base, **{f"SIGHTLINE_OIDC_{k}": v for k, v in more.items()}})
    assert found is not None
    assert (found.roles, found.default_role, found.new_users, found.link_names) == (
        (("it staff", "admin"), ("cooks", "viewer")),
        None,
        False,
        True,
    )
    odd = {"ROLES": "staff=emperor", "DEFAULT_ROLE": "king", "ISSUER": "http://idp.example", "CLIENT_SECRET": "", "NEW_USERS": "maybe"}
    for name, value in odd.items():
        with pytest.raises(InvalidInputError, match="SIGHTLINE_OIDC_"):
            from_environment({**base, f"SIGHTLINE_OIDC_{name}": value})
