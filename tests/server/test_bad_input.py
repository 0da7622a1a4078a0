"""Whatever is sent: a clear refusal, nothing stored by halves, nothing lost, and the server goes on."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psutil
import pytest
from tests.databases import TestServer
from tests.server.intake.files import PAGE, SVG, picture, video
from tests.server.jobs.waiting import until
from tests.server.served import API, Served, problem, served, status_of
from tests.server.workers.test_hostile_files import PICTURES, VIDEOS, archive, film, jpeg_with_comment, png

from sightline.core.errors import ImageDecodeError, MediaFormatError, MediaLimitError, VideoDecodeError

STATUS = {MediaFormatError: 415, MediaLimitError: 413, ImageDecodeError: 422, VideoDecodeError: 422}


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


# ---------------------------------------------------------------------------------------------------------------- files


def test_hostile_pictures_are_refused(place: Served) -> None:
    kept = len(list(place.client.media()))
    for data, error, reason in PICTURES.values():
        told = problem(place.upload(data, "holiday.jpg"), STATUS[error])
        assert told.startswith("holiday.jpg")
        assert re.search(reason, told)
        if not data:
            continue
        upload = place.begin(len(data))
        problem(place.go_on(upload, 0, data), STATUS[error])
        assert place.http.get(upload).json()["state"] == "refused"
        problem(place.go_on(upload, len(data), b"x"), 409, 413)
    assert len(list(place.client.media())) == kept


def test_hostile_videos_are_refused(place: Served, tmp_path: Path) -> None:
    good = film(tmp_path / "good.mp4")
    for change, errors, _ in VIDEOS.values():
        problem(place.upload(change(good), "film.mp4"), *{STATUS[error] for error in errors})  # type: ignore[index]


def test_a_look_at_a_hostile_picture_is_refused(place: Served) -> None:
    for name in ("a few bytes that say 60,000 x 60,000", "cut PNG", "SVG", "web page", "PDF", "nothing"):
        data, error, _ = PICTURES[name]
        problem(place.http.post("/look", content=data), STATUS[error], 422)


def test_a_picture_that_unpacks_to_hundreds_of_megabytes_costs_little(place: Served) -> None:
    """Black, 10,001 x 10,000 pixels in 300 kB: over the limit. 6,000 x 6,000 are kept."""
    began_s = time.monotonic()
    assert "pixels" in problem(place.upload(png(10_001, 10_000, zlib.compress(bytes(30_004 * 10_000), 6))), 413)
    assert time.monotonic() - began_s < 20
    memory = psutil.Process(place.process.pid).memory_info().rss
    assert place.upload(png(6_000, 6_000, zlib.compress(bytes(18_001 * 6_000), 6))).status_code == 201
    assert psutil.Process(place.process.pid).memory_info().rss < memory + (64 << 20), "pixels belong into the workers"


def zip_behind(data: bytes) -> bytes:
    return data + archive() + b"\n\n"


def page_behind(data: bytes) -> bytes:
    return data + b"\r\n" + PAGE


def gif_with_script() -> bytes:
    """A GIF whose comment extension is a script."""
    plain = picture(format="GIF")
    assert plain.endswith(b";")
    return plain[:-1] + b"!\xfe" + bytes([len(b"alert(document.domain)")]) + b"alert(document.domain)" + b"\0;"


TWO_THINGS: dict[str, tuple[Callable[[], bytes], str]] = {
    "GIF and script": (gif_with_script, "image/gif"),
    "JPEG and page": (lambda: page_behind(picture(format="JPEG")), "image/jpeg"),
    "JPEG and comment": (lambda: jpeg_with_comment(b"javascript:alert(1) // a < b"), "image/jpeg"),
    "PDF and JPEG": (lambda: picture(format="JPEG") + bytes(2000) + b"%PDF-1.7\n1 0 obj", "image/jpeg"),
    "ZIP and PNG": (lambda: zip_behind(picture()), "image/png"),
}


@pytest.mark.parametrize("name", TWO_THINGS)
def test_what_is_let_in_goes_out_as_a_picture_and_nothing_else(place: Served, name: str) -> None:
    """Oddities that cameras write too are kept; no browser takes them for anything but what they are served as."""
    make, kind = TWO_THINGS[name]
    data = make()
    answer = place.http.post("/media?name=x.html&analyse=false", content=data, headers={"Content-Type": "text/html"})
    assert answer.status_code == 201, answer.text
    media_id = answer.json()["media_id"]
    for query in ("", "?save=true"):
        back = place.http.get(f"/media/{media_id}/content{query}")
        assert back.content == data
        assert back.headers["content-type"] == kind
        assert back.headers["x-content-type-options"] == "nosniff"
        assert back.headers["content-security-policy"] == "sandbox"
        assert back.headers["cross-origin-resource-policy"] == "same-origin"
        assert back.headers["content-disposition"].startswith("attachment" if query else "inline")
    small = place.http.get(f"/media/{media_id}/thumbnail")
    assert (small.headers["content-type"], small.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
    assert PAGE not in small.content
    if name == "ZIP and PNG":
        assert zipfile.is_zipfile(io.BytesIO(data)), "the test's file is two things"


def test_what_a_file_is_decides_its_content_not_its_content_type(place: Served) -> None:
    for kind in ("image/svg+xml", "image/png", "text/html", "application/x-nonsense", "*/*", "", "\xff\xfe"):
        headers = {"Content-Type": kind.encode("latin-1")}
        for bad in (SVG, PAGE, b"GIF8", b"\x89PNG\r\n\x1a\n"):
            problem(place.http.post("/media?name=a.png&analyse=false", content=bad, headers=headers), 415, 422)
        answer = place.http.post("/media?name=a.svg&analyse=false", content=picture(), headers=headers)
        assert place.client.medium(answer.json()["media_id"]).content_type == "image/png"


def test_a_form_is_no_picture(place: Served) -> None:
    """What ``curl -F`` sends."""
    problem(place.http.post("/media?name=a.png", files={"file": ("a.png", picture(), "image/png")}), 415)
    problem(place.http.post("/media?name=a.png", data={"file": "x"}), 415)


# ---------------------------------------------------------------------------------------------------------------- names


NAMES: dict[str, str | None] = {
    "../../etc/passwd": "passwd",
    "..\\..\\windows\\system32\\config": "config",
    "C:\\": "C:",
    "C:\\photos\\door.jpg": "door.jpg",
    "/etc/cron.d/job": "job",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..": "unnamed",
    "...": "unnamed",
    "a\0b.png": "ab.png",
    "\0": "unnamed",
    'a"; filename="b.html\r\nSet-Cookie: a=b': 'a"; filename="b.htmlSet-Cookie: a=b',
    "photo\u202egnp.exe": "photognp.exe",
    "\u2066\u200b\ufeffdoor.png": "door.png",
    "d\u043e\u043er.png": "d\u043e\u043er.png",
    "e\u0301.png": "\u00e9.png",
    "z" + "\u0301" * 150 + ".png": "\u017a" + "\u0301" * 6 + ".png",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png": "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "門口.png": "門口.png",
    "x" * 200: "x" * 200,
    "x" * 10_000: None,
    "": None,
    "'; DROP TABLE media; --": "'; DROP TABLE media; --",
    "${jndi:ldap://a}": "a}",
    "<script>alert(1)</script>.png": "script>.png",
    "CON.png": "CON.png",
    "%s%n%d": "%s%n%d",
}
"""Name, and what it is kept as; None: not at all."""


def test_names_are_names_and_never_paths(place: Served) -> None:
    for name, expected in NAMES.items():
        data = picture()
        one_go = place.upload(data, name)
        new = place.http.post("/uploads", json={"name": name, "bytes": len(data), "analyse": False})
        if not 0 < len(name) <= 200:
            problem(one_go, 422)
            problem(new, 422)
            continue
        for answer in (one_go, place.go_on(f"/uploads/{new.json()['id']}", 0, data)):
            assert answer.status_code in (200, 201), (name, answer.text)
            known = place.client.medium(answer.json()["media_id"])
            assert known.name == expected
            assert not set(known.name) & set("/\\\0\r\n\u202e\u200b")
            told = place.http.get(f"/media/{known.id}/content").headers
            assert told["content-disposition"].isascii()
            assert "set-cookie" not in told
            assert known.id in {m.id for m in place.client.media(name=known.name)}


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


# ---------------------------------------------------------------------------------------------------------------- cut off


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_is_cut_off_leaves_nothing(place: Served, share: float) -> None:
    data = picture(400, 300)
    media = len(list(place.client.media()))
    head = place.head("POST", f"{API}/media?name=a.png&analyse=false", Content_Length=len(data))
    place.raw(head + data[: int(len(data) * share)], cut=True)
    chunked = place.head("POST", f"{API}/media?name=a.png&analyse=false", Transfer_Encoding="chunked")
    place.raw(chunked + f"{len(data):x}\r\n".encode() + data[: int(len(data) * share)], cut=True)
    until(lambda: not place.spooled(), 10)
    assert len(list(place.client.media())) == media


def test_more_than_was_said_is_not_taken(place: Served) -> None:
    """A Content-Length that is too small: the picture ends there, what follows is no request."""
    data = picture(400, 300)
    said = place.raw(place.head("POST", f"{API}/media?name=a.png&analyse=false", Content_Length=len(data) - 100) + data)
    assert status_of(said) == 422, said[:300]
    assert b"application/problem+json" in said


def test_a_part_that_is_cut_off_is_gone_on_with_where_the_server_says(place: Served) -> None:
    data = picture(600, 500)
    upload = place.begin(len(data))
    sent = 0
    for end in (len(data) // 3, len(data) // 2):
        head = place.head("PATCH", API + upload, Upload_Offset=sent, Content_Length=len(data) - sent)
        place.raw(head + data[sent:end], cut=True)
        sent = until(lambda: at if (at := int(place.http.head(upload).headers["upload-offset"])) > sent else None, 20)  # noqa: B023
        assert sent <= end
    stale = until(lambda: found if (found := place.go_on(upload, 0, data)).headers.get("upload-offset") == str(sent) else None, 10)
    problem(stale, 409)
    kept = place.go_on(upload, sent, data[sent:])
    assert kept.json()["state"] == "kept", kept.text
    assert place.http.get(f"/media/{kept.json()['media_id']}/content").content == data


def test_whoever_is_slow_holds_nobody_up_and_is_let_go(place: Served) -> None:
    """Connections that say half a head, a third of a part or half a form: others are served; what came of the part is kept."""
    data = picture(800, 600)
    upload = place.begin(len(data))
    third = len(data) // 3
    idle = [place.connect() for _ in range(80)]
    for i, connection in enumerate(idle[1:]):
        half_a_form = place.head("POST", f"{API}/uploads", Content_Length=500, Content_Type="application/json") + b'{"name":'
        connection.sendall(b"GET / HTTP/1.1\r\nHost:" if i % 2 else half_a_form)
    idle[0].sendall(place.head("PATCH", API + upload, Upload_Offset=0, Content_Length=len(data)) + data[:third])
    until(place.spooled, 20)
    assert "in for this upload" in problem(place.go_on(upload, 0, data), 409)
    began_s = time.monotonic()
    for _ in range(10):
        place.works()
    assert time.monotonic() - began_s < 15
    kept = until(lambda: found if (found := place.go_on(upload, third, data[third:])).status_code == 200 else None, 40)
    assert kept.json()["state"] == "kept"
    assert place.http.get(f"/media/{kept.json()['media_id']}/content").content == data
    for connection in idle:
        connection.close()


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
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2024-02-30T00:00:00Z",
    "WyIyMDI0LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgMV0",
    "W10",
    "bnVsbA",
    "WzFlOTk5LCAxZTk5OV0",
    "WyJcdTAwMDAiLCAiXHUwMDAwIl0",
    "====",
]


def questions(schema: dict[str, Any], value: str) -> Iterator[tuple[str, str]]:
    """Give every route with the value in each of its places, one at a time; those of events have no end."""
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            places = told.get("parameters", [])
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


@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:30])
def test_whatever_is_asked_the_answer_is_clear_and_quick(place: Served, value: str) -> None:
    schema = place.http.get("/openapi.json").json()

    def ask(question: tuple[str, str]) -> float:
        began_s = time.monotonic()
        answer = place.http.request(question[0].upper(), place.address + question[1], content=b"" if question[0] != "get" else None)
        assert answer.status_code < 500, (question[0], question[1][:200], answer.text[:300])
        if answer.status_code >= 400 and question[0] != "head":
            problem(answer, answer.status_code)
        return time.monotonic() - began_s

    asked = list(questions(schema, value))
    assert len(asked) > 60
    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(ask, asked)) < 10


# ---------------------------------------------------------------------------------------------------------------- workers


def workers_of(place: Served) -> list[psutil.Process]:
    """Return the worker processes."""
    children = psutil.Process(place.process.pid).children()
    return [p for p in children if "sightline.server.workers.worker" in p.cmdline()]


def killed_over(place: Served, call: Callable[[], Any], times: int = 1) -> Any:
    """Call; all workers are stopped before, and killed when they have the work."""
    place.works()
    with ThreadPoolExecutor(1) as pool:
        held = workers_of(place)
        for worker in held:
            worker.suspend()
        result = pool.submit(call)
        for i in range(times):
            time.sleep(0.5)
            assert not result.done()
            for worker in held:
                worker.kill()
            if i + 1 < times:
                held = until(lambda: [w for w in workers_of(place) if w.status() != psutil.STATUS_ZOMBIE])
                for worker in held:
                    worker.suspend()
        return result.result(60)


def test_a_worker_that_is_killed_costs_a_second_try(place: Served, tmp_path: Path) -> None:
    for data in (picture(), video(tmp_path)):
        answer = killed_over(place, lambda: place.upload(data))  # noqa: B023 - called at once
        assert answer.status_code == 201, answer.text
        assert place.http.get(f"/media/{answer.json()['media_id']}/content").content == data


def test_a_worker_that_is_killed_over_a_look_is_told(place: Served, weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")
    answer = killed_over(place, lambda: place.http.post("/look?only=faces", content=picture()))
    if answer.status_code != 200:
        assert "ended unexpectedly" in problem(answer, 422)
    assert place.http.post("/look?only=faces", content=picture()).status_code == 200


def test_an_analysis_outlives_its_worker(place: Served, weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")
    media_id = place.upload(picture()).json()["media_id"]

    def analyse() -> Any:
        begun = place.http.post("/analyses", json={"media_id": media_id, "options": {"only": ["faces"]}}).json()
        return place.client.wait(begun["job_id"], 60)

    assert killed_over(place, analyse).state == "done"
