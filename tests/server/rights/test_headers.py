from __future__ import annotations

import socket
from typing import Any

import pytest
from fastapi import FastAPI
from tests.server.rights.app import V1, browser, sign_in

from sightline.server.config import ServerConfig
from sightline.server.headers import Hosts, SecurityHeaders, console_policy


def policy(text: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in text.split(";"))}


def test_answers_of_the_api_carry_every_header(app: FastAPI) -> None:
    for answer in (browser(app).get(f"{V1}/auth/me"), sign_in(app, "mira").get(f"{V1}/auth/me"), browser(app).get(f"{V1}/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "camera=(self)" in answer.headers["permissions-policy"]
        assert policy(answer.headers["content-security-policy"])["default-src"] == ["'none'"]
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers


def test_the_consoles_policy_is_strict() -> None:
    rules = policy(console_policy("abc"))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == rules["object-src"] == ["'none'"]
    assert rules["script-src"] == rules["connect-src"] == rules["form-action"] == ["'self'"]
    assert rules["style-src"] == ["'self'", "'nonce-abc'"]
    assert rules["img-src"] == rules["media-src"] == ["'self'", "blob:", "data:"]
    assert "unsafe" not in console_policy("abc")


def test_an_answers_own_headers_stay_and_https_is_remembered() -> None:
    app = FastAPI(docs_url=None, redoc_url=None)

    @app.get("/api/picture")
    def picture() -> Any:
        from fastapi.responses import Response

        return Response(b"", headers={"Cache-Control": "private, max-age=60", "Content-Security-Policy": "default-src 'self'"})

    app.add_middleware(SecurityHeaders, config=ServerConfig(https=True))
    answer = browser(app).get("/api/picture")
    assert answer.headers.get_list("cache-control") == ["private, max-age=60"]
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("host", "allowed", "header", "may"),
    [
        ("127.0.0.1", (), "localhost:8765", True),
        ("127.0.0.1", (), "LOCALHOST", True),
        ("127.0.0.1", (), "127.0.0.1:8765", True),
        ("127.0.0.1", (), "[::1]:8765", True),
        ("127.0.0.1", (), "rebound.example:8765", False),
        ("127.0.0.1", (), "127.0.0.1.rebound.example", False),
        ("127.0.0.1", (), "192.168.0.7", False),
        ("127.0.0.1", (), "", False),
        ("127.0.0.1", (), "localhost@evil.example", False),
        ("127.0.0.1", ("cams.home",), "cams.home:443", True),
        ("127.0.0.1", ("cams.home",), "evil.cams.home", False),
        ("192.168.0.7", (), "192.168.0.7:8765", True),
        ("192.168.0.7", (), "192.168.0.8:8765", False),
        ("0.0.0.0", (), "192.168.0.7:8765", True),
        ("0.0.0.0", (), "[fe80::1]:8765", True),
        ("0.0.0.0", (), socket.gethostname(), True),
        ("0.0.0.0", (), "rebound.example", False),
        ("::", (), "10.0.0.1", True),
    ],
)
def test_the_server_answers_under_its_own_names_alone(host: str, allowed: tuple[str, ...], header: str, may: bool) -> None:
    assert Hosts(ServerConfig(host=host, allowed_hosts=allowed)).allow(header) is may


def test_a_foreign_name_is_refused_before_anything_else(app: FastAPI) -> None:
    answer = sign_in(app, "mira").get(f"{V1}/auth/me", headers={"Host": "rebound.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")
    assert answer.headers["x-content-type-options"] == "nosniff"
