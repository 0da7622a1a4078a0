"""Whatever is sent: a clear refusal, nothing stored by halves, nothing lost, and the server goes on."""

from __future__ import annotations

import io
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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
