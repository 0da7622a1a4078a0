"""Whatever is asked, and however: a clear refusal in time, nothing changed, and the server goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from tests.databases import TestServer
from tests.server.intake.files import picture
from tests.server.served import API, Served, problem, served, status_of


@pytest.fixture(scope="module")
def place(embedded_postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = embedded_postgres.fresh()
    with served(tmp_path_factory.mktemp("bad") / "data", url) as it:
        yield it
    embedded_postgres.drop(url)


@pytest.fixture(autouse=True)
def _stands(place: Served) -> Iterator[None]:
    """After each test: it works, and nothing is left; what was begun and left by the test itself is given up."""
    known = place.known()
    yield
    place.give_up()
    place.works()
    place.check(known)


# ---------------------------------------------------------------------------------------------------------------- addresses


TRAVERSALS = [
    "/../../../../etc/passwd",
    "/assets/../../../../../../etc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/assets/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/..%5c..%5c..%5cetc%5cpasswd",
    "/....//....//etc/passwd",
    "//etc/passwd",
    "/%2fetc/passwd",
    "/C:/windows/win.ini",
    "/file:///etc/passwd",
    "/..%00/etc/passwd",
    "/%00",
    "/%ff%fe",
    "/index.html%00.png",
    "/" + "a" * 5000,
    "/" + "a/" * 3000,
    "/assets/" + "%2e%2e/" * 200,
    "/__init__.py",
    "/../serve.py",
    f"{API}/media/../../../etc/passwd",
    f"{API}/media/..%2f..%2fetc%2fpasswd/content",
    f"{API}/media/%00/content",
    f"{API}/models/..%2f..%2fetc%2fpasswd",
    f"{API}/jobs/..%2f..%2fetc%2fpasswd",
    f"{API}/jobs/%00",
]


def test_no_address_leads_out_of_the_console(place: Served) -> None:
    for path in TRAVERSALS:
        said = place.raw(place.head("GET", path, Connection="close"))
        assert status_of(said) in (200, 400, 404, 422), (path, said[:300])
        assert b"root:" not in said
        assert b"import " not in said
        head = said.partition(b"\r\n\r\n")[0].lower()
        assert b"x-content-type-options: nosniff" in head
        if path.startswith(API):
            assert status_of(said) != 200, path
        elif status_of(said) == 200:
            assert b"content-type: text/html" in head
            assert b"content-security-policy: default-src 'none'" in head


# ---------------------------------------------------------------------------------------------------------------- JSON


JSON_ROUTES = [
    ("POST", "/uploads"),
    ("POST", "/analyses"),
    ("PUT", "/settings"),
    ("POST", "/users"),
    ("POST", "/keys"),
    ("POST", "/sources"),
    ("PATCH", "/sources/1"),
    ("POST", "/sources/1/zones"),
    ("POST", "/auth/login"),
    ("POST", "/auth/token"),
    ("POST", "/auth/password"),
]
BODIES = {
    "more than a mebibyte": b'{"name": "' + b"x" * (1 << 20) + b'"}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"name":' * 100_000 + b"1" + b"}" * 100_000,
    "NaN": b'{"name": NaN, "bytes": NaN, "limits": {"max_duration_s": NaN}, "retention_days": NaN}',
    "Infinity": b'{"name": "a", "bytes": Infinity, "limits": {"max_duration_s": Infinity}, "retention_days": -Infinity}',
    "1e999": b'{"name": "a", "bytes": 1e999, "limits": {"max_duration_s": 1e999}, "polygon_xy": [[1e999, 0], [0, 1], [1, 1]]}',
    "a number of 5,000 digits": b'{"name": "a", "bytes": ' + b"9" * 5000 + b', "limits": {"max_bytes": ' + b"9" * 5000 + b"}}",
    "keys twice": b'{"name": "a", "bytes": 5, "bytes": -1, "role": "viewer", "role": "emperor", "kind": "camera", "kind": "x"}',
    "not JSON": b"{'name': undefined}",
    "cut": b'{"name": "a", "by',
    "nothing": b"",
    "no object": b'"name"',
    "not UTF-8": b'{"name": "\xff\xfe", "bytes": 5}',
    "unknown fields": b'{"__proto__": {"admin": true}, "constructor": 1, "name": "a", "bytes": 1}',
    "other types": b'{"name": ["a"], "bytes": "5; DROP TABLE uploads", "scopes": {"self": 1}, "polygon_xy": "x", "limits": []}',
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_make_no_sense_are_refused(place: Served, name: str) -> None:
    settings = place.client.settings()
    for method, path in JSON_ROUTES:
        answer = place.http.request(method, path, content=BODIES[name], headers={"Content-Type": "application/json"})
        problem(answer, *((413,) if len(BODIES[name]) > 1 << 20 else (400, 422)))
    assert place.client.settings() == settings


def test_a_body_of_another_kind_is_no_json(place: Served) -> None:
    for method, path in JSON_ROUTES:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", "", "\x80/\xff"):
            sent = place.http.request(method, path, content=b'{"name": "a"}', headers={"Content-Type": kind.encode("latin-1")})
            problem(sent, 400, 415, 422)


NUMBERS = [10**30, 2**63, -1, 1e308, 1e999, float("nan")]


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_numbers_that_no_database_holds_are_refused(place: Served, number: float) -> None:
    """Also where whole numbers or seconds are expected and any would fit the type."""
    before = place.client.settings()
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/uploads", {"name": "a", "bytes": number, "analyse": False}),
        ("POST", "/uploads", {"name": "a", "bytes": 5, "source_id": number}),
        ("PUT", "/settings", {"limits": {"max_duration_s": -number if number > 0 else number}}),
        ("PUT", "/settings", {"retention_days": number}),
        ("POST", "/keys", {"name": "a", "scopes": ["self"], "expires_in_days": number}),
        ("POST", "/analyses", {"media_id": str(uuid4()), "options": {"min_score": number}}),
        ("POST", "/analyses", {"media_id": number}),
        ("POST", "/sources", {"name": "a", "kind": "camera", "address": "rtsp://a/b", "segment_s": number}),
        ("POST", "/sources", {"name": "a", "kind": "camera", "address": "rtsp://a/b", "retention_days": number}),
        ("POST", "/sources/1/zones", {"name": "a", "polygon_xy": [[number, 0], [0, 1], [1, 1]]}),
    ]
    for method, path, body in bodies:
        answer = place.http.request(method, path, content=json.dumps(body), headers={"Content-Type": "application/json"})
        problem(answer, 400, 404, 413, 422, 507)
    assert place.client.settings() == before


def test_settings_without_end_are_settings(place: Served) -> None:
    """What is taken can be read again, whatever it is."""
    before = place.client.settings()
    for limits in ('{"max_duration_s": 1e999}', '{"max_duration_s": 1e308}', '{"max_bytes": 1' + "0" * 30 + "}"):
        answer = place.http.put("/settings", content=f'{{"limits": {limits}}}', headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 422), answer.text
        assert place.http.get("/settings").status_code == 200
        place.works()
    place.client.change_settings(before)


COCO = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"images":' * 50_000 + b"[]" + b"}" * 50_000,
    "NaN": b'{"images": [{"id": 1, "file_name": "a", "width": NaN, "height": 1}], "annotations": [], "categories": []}',
    "1e999": b'{"images": [{"id": 1e999, "file_name": "a", "width": 1e999, "height": 1}], "annotations": [], "categories": []}',
    "other types": b'{"images": {"id": []}, "annotations": 7, "categories": null}',
    "a list": b"[]",
    "not JSON": b"\x00\x01",
    "nothing": b"",
    "halves of characters": b'{"images": [{"id": 1, "file_name": "\\ud800"}], "annotations": [], "categories": []}',
    "NUL": b'{"images": [{"id": 1, "file_name": "\\u0000"}], "annotations": [], "categories": []}',
}


@pytest.mark.parametrize("name", COCO)
def test_a_coco_file_that_makes_no_sense_changes_nothing(place: Served, name: str) -> None:
    answer = place.http.post("/records/import", content=COCO[name], headers={"Content-Type": "application/json"})
    if answer.status_code == 200:
        report = answer.json()
        assert (report["records"], report["media"]) == (0, 0)
        assert report["skipped"] or report["left_out"], "what is left out is told"
    else:
        problem(answer, 413, 422)


LONE = ['"\\ud800"', '"a\\udfff.png"', '"\\ud83d\\ud83d"', '"\\u0000"']


@pytest.mark.parametrize("name", LONE)
def test_halves_of_characters_are_no_names(place: Served, name: str) -> None:
    bodies = {
        "/uploads": f'{{"name": {name}, "bytes": 5}}',
        "/sources": f'{{"name": {name}, "kind": "camera", "address": "rtsp://127.0.0.1:9/x"}}',
        "/keys": f'{{"name": {name}, "scopes": ["self"]}}',
        "/users": f'{{"name": {name}, "role": "viewer", "password": "correct horse battery"}}',
        "/auth/login": f'{{"name": "owner", "password": {name}}}',
        "/auth/token": f'{{"token": {name}}}',
    }
    for path, body in bodies.items():
        answer = place.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 401, 422, 429), (path, answer.status_code, answer.text)
        if answer.status_code == 201:
            assert "\\u0000" not in answer.text
            assert not any(0xD800 <= ord(c) < 0xE000 for c in answer.text)
            place.http.delete(f"{path}/{answer.json()['id']}")


# ---------------------------------------------------------------------------------------------------------------- heads


LF = "\r\n"
HEADS = {
    "20,000 headers": (LF.join(f"X-{i}: {'y' * 20}" for i in range(20_000)), (400, 431)),
    "a header of a megabyte": ("X-Long: " + "y" * (1 << 20), (400, 431)),
    "a key of 60 kB": ("Authorization: Bearer " + "y" * 60_000, (401,)),
    "cookies without end": ("Cookie: " + "a=b; " * 10_000, (200, 401)),
    "two lengths": ("Content-Length: 5\r\nContent-Length: 6", (400,)),
    "a length below nothing": ("Content-Length: -1", (400,)),
    "a length of many digits": ("Content-Length: " + "9" * 400, (400, 413)),
    "a length and chunks": ("Content-Length: 5\r\nTransfer-Encoding: chunked", (400, 401, 200, 422, 403)),
    "an unknown coding": ("Transfer-Encoding: gzip, chunked", (400, 501)),
    "a folded line": ("X-A: b\r\n c: d", (400, 401, 200)),
    "a name with a space": ("X A: b", (400,)),
    "a name with a NUL": ("X\0A: b", (400,)),
    "a second host": ("Host: evil.example", (400, 421)),
    "an upgrade to nothing": ("Connection: Upgrade\r\nUpgrade: h2c, nonsense", (200, 400, 401)),
    "bytes beyond ASCII": ("Authorization: Bearer \xff\xfe", (400, 401)),
    "a name and password": ("Authorization: Basic Og==", (401, 200)),
}


def test_heads_that_are_no_heads(place: Served) -> None:
    start = place.head("GET", f"{API}/auth/me").split(b"Authorization")[0]
    for name, (lines, statuses) in HEADS.items():
        said = place.raw(start + lines.encode("latin-1") + b"\r\nConnection: close\r\n\r\n")
        if said:  # else the connection was cut while it still came, which is clear enough
            assert status_of(said) in statuses, (name, said[:300])


def test_nobody_is_reached_under_a_foreign_name(place: Served) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "localhost:1:2", "[::1", "@localhost"):
        said = place.raw(place.head("GET", f"{API}/auth/me", Host=host, Connection="close"))
        assert status_of(said) in (400, 421), (host, said[:200])


def test_an_offset_is_a_whole_number(place: Served) -> None:
    upload = place.begin(100)
    problem(place.http.patch(upload, content=b"x"), 422)
    for offset in ("", "-1", "+0", "1e3", "0x0", "٣", "9" * 30, "0, 0", "NaN"):
        problem(place.http.patch(upload, content=b"x", headers={"Upload-Offset": offset.encode()}), 422)
    problem(place.go_on(upload, 0, bytes(101)), 413)
    assert place.http.head(upload).headers["upload-offset"] == "0"
    place.http.delete(upload)


RANGES = {
    "bytes=0-0": 206,
    "bytes=-1": 206,
    "bytes=0-": 206,
    "bytes=0-99999999999999999": 206,
    "bytes=-99999999999999999": 206,
    "bytes=-0": 416,
    "bytes=999999999-": 416,
    "bytes=5-2": 200,
    "bytes=99999999999999999999-": 200,
    "bytes=--1": 200,
    "bytes=1-2-3": 200,
    "bytes=٣-٤": 200,
    "bytes=": 200,
    "bytes": 200,
    "pages=1-2": 200,
    "bytes=" + "0-0," * 5000 + "0-0": 200,
    "bytes=0-,0-,0-,0-": 200,
}


def test_a_range_is_never_more_than_the_file(place: Served) -> None:
    data = picture()
    path = f"/media/{place.upload(data).json()['media_id']}/content"
    for asked, status in RANGES.items():
        for also in ({}, {"If-Range": '"other"'}, {"If-None-Match": "x," * 5000}):
            answer = place.http.get(path, headers={"Range": asked.encode(), **also})
            assert answer.status_code == (200 if "If-Range" in also else status), (asked[:50], also)
            assert len(answer.content) <= len(data)
            if answer.status_code == 206:
                start, end = answer.headers["content-range"].removeprefix("bytes ").partition("/")[0].split("-")
                assert answer.content == data[int(start) : int(end) + 1]


# ---------------------------------------------------------------------------------------------------------------- questions


NASTY = [
    "' OR '1'='1",
    "'; DROP TABLE media; --",
    "1); DELETE FROM records; --",
    "\\'; SELECT pg_sleep(20); --",
    "%' ESCAPE '",
    "\0",
    "a\0b",
    "\ufffe\uffff",
    "../../etc/passwd",
    "%25%00",
    "{}{{}}%s%(a)s:a $1",
    "\u202e\u200b",
    "x" * 10_000,
    "not-a-uuid",
    "00000000-0000-0000-0000-000000000000",
    "-1",
    "0",
    "2147483648",
    "9223372036854775808",
    "9" * 400,
    "1e999",
    "NaN",
    "Infinity",
]
CURSORS = [
    "====",
    "W10",
    "bnVsbA",
    "WyIyMDI0LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgMV0",
    "WyIyMDI0LTAxLTAxVDAwOjAwOjAwIiwgMV0",
    "WzFlOTk5LCAxZTk5OV0",
    "WyJcdTAwMDAiLCAiXHUwMDAwIl0",
    "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMF0",
]
MOMENTS = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2024-02-30T00:00:00Z", "2024-01-01"]


def questions(schema: dict[str, Any], value: str, named: str = "") -> Iterator[tuple[str, str]]:
    """Give every route with the value in each of its places, or those that are named so; streams of events have no end."""
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            places = [p for p in told.get("parameters", []) if named in p["name"]]
            inside = [p["name"] for p in places if p["in"] == "path"]
            if not inside and method != "get":
                continue
            filled = path
            for name in inside:
                filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
            if inside and filled:
                yield method, filled
            if not inside and method == "get" and "events" not in path and "oidc" not in path:
                yield from ((method, f"{filled}?{p['name']}={quote(value, safe='')}") for p in places if p["in"] == "query")


def ask_all(place: Served, asked: list[tuple[str, str]]) -> None:
    def ask(question: tuple[str, str]) -> float:
        method, path = question
        began_s = time.monotonic()
        answer = place.http.request(method.upper(), place.address + path, content=None if method == "get" else b"")
        assert answer.status_code < 500, (method, path[:200], answer.text[:300])
        if answer.status_code >= 400 and method != "head":
            problem(answer, answer.status_code)
        return time.monotonic() - began_s

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(ask, asked)) < 10


@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:30])
def test_whatever_is_asked_the_answer_is_clear_and_quick(place: Served, value: str) -> None:
    asked = list(questions(place.http.get("/openapi.json").json(), value))
    assert len(asked) > 60
    ask_all(place, asked)


def test_cursors_and_moments_that_are_none(place: Served) -> None:
    schema = place.http.get("/openapi.json").json()
    cursors = [question for value in CURSORS for question in questions(schema, value, "cursor")]
    moments = [question for value in MOMENTS for question in questions(schema, value, "taken_")]
    assert min(len(cursors) / len(CURSORS), len(moments) / len(MOMENTS)) >= 4
    ask_all(place, cursors + moments)
