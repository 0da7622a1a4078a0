from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, select, text
from tests.server.intake.conftest import API, Place
from tests.server.intake.files import PAGE, SVG, bomb, picture, video

from sightline.core.errors import NotFoundError, QueueFullError, StoreUnavailableError, WorkerCrashedError
from sightline.store.tables import AnalysisRow, MediaRow, UploadRow


def begin(client: TestClient, data: bytes, **values: Any) -> str:
    answer = client.post("/uploads", json={"name": "door.png", "bytes": len(data), "analyse": False, **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def send(client: TestClient, upload: str, offset: int, data: bytes) -> httpx.Response:
    return client.patch(f"/uploads/{upload}", content=data, headers={"Upload-Offset": str(offset)})


def whole(client: TestClient, data: bytes, **query: Any) -> httpx.Response:
    return client.post("/media", params={"name": "door.png", "analyse": False, **query}, content=data)


# ---------------------------------------------------------------------------------------------------------------- what goes well


def test_a_file_comes_in_parts_and_is_kept(client: TestClient, place: Place) -> None:
    data = picture()
    upload = begin(client, data, taken_at="2024-05-01T10:00:00Z")
    for offset in range(0, len(data), 1000):
        state = client.head(f"/uploads/{upload}")
        assert (state.headers["upload-offset"], state.headers["upload-length"]) == (str(offset), str(len(data)))
        answer = send(client, upload, offset, data[offset : offset + 1000])
        assert answer.status_code == 200
        assert answer.json()["received"] == min(offset + 1000, len(data))
    kept = answer.json()
    assert kept["state"] == "kept"
    assert kept == client.get(f"/uploads/{upload}").json()
    medium = client.get(f"/media/{kept['media_id']}").json()
    assert medium["sha256"] == hashlib.sha256(data).hexdigest()
    assert (medium["name"], medium["kind"], medium["format"], medium["size_wh"]) == ("door.png", "picture", "PNG", [40, 30])
    assert medium["taken_at"] == "2024-05-01T10:00:00Z"
    assert client.get(f"/media/{kept['media_id']}/content").content == data
    assert place.spooled() == []
    place.check()


def test_a_file_comes_in_one_go_and_its_analysis_begins(client: TestClient, place: Place) -> None:
    answer = whole(client, picture(), analyse=True)
    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["state"], upload["received"]) == ("kept", upload["bytes"])
    assert upload == client.get(f"/uploads/{upload['id']}").json()
    assert str(place.services.analyses.get(upload["analysis_id"]).media_id) == upload["media_id"]
    assert place.services.jobs.get(upload["job_id"]).kind == "picture"
    assert place.spooled() == []


def test_a_video_is_known_by_its_content(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/media?name=film.jpg&analyse=false", content=video(tmp_path), headers={"Content-Type": "image/jpeg"})
    medium = client.get(f"/media/{answer.json()['media_id']}").json()
    assert (medium["kind"], medium["content_type"], medium["size_wh"], medium["duration_s"]) == ("video", "video/mp4", [64, 48], 1.0)


def test_the_last_bytes_may_be_sent_again_with_nothing(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server could not look at a complete file, an empty part at its end makes it look again."""
    data = picture()
    upload = begin(client, data)

    async def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(place.services.workers, "run", away)
        answer = send(client, upload, 0, data)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
    assert client.get(f"/uploads/{upload}").json()["state"] == "checking"
    assert send(client, upload, len(data), b"").json()["state"] == "kept"


def test_adding_is_audited(client: TestClient, place: Place) -> None:
    upload = whole(client, picture(), name="audited.png").json()
    entry = place.services.audit.page(action="media.add", limit=1).items[0]
    assert (entry.target, entry.actor, entry.detail["name"]) == (f"media/{upload['media_id']}", "key:owner/owner token", "audited.png")
    assert whole(client, SVG).status_code == 415
    assert place.services.audit.page(action="media.refuse", limit=1).items[0].detail["name"] == "door.png"


def test_retention_of_the_settings_counts_for_uploads(client: TestClient, place: Place) -> None:
    settings = place.services.settings.get()
    place.services.settings.put(settings.model_copy(update={"retention_days": 7}))
    medium = client.get(f"/media/{whole(client, picture()).json()['media_id']}").json()
    place.services.settings.put(settings)
    assert medium["expires_at"][:10] > medium["added_at"][:10]
    assert client.get(f"/media/{whole(client, picture()).json()['media_id']}").json()["expires_at"] is None


# ---------------------------------------------------------------------------------------------------------------- offsets


def test_a_wrong_offset_is_answered_with_the_right_one(client: TestClient) -> None:
    data = picture()
    upload = begin(client, data)
    assert send(client, upload, 0, data[:100]).json()["received"] == 100
    for offset in (0, 99, 101, 10**12):
        answer = send(client, upload, offset, data[100:200])
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, "100")
        assert answer.headers["content-type"] == "application/problem+json"
    for offset in ("", "-1", "1.5", "x", "9" * 30):
        answer = client.patch(f"/uploads/{upload}", content=b"a", headers={"Upload-Offset": offset})
        assert answer.status_code == 422
    assert client.patch(f"/uploads/{upload}", content=b"a").status_code == 422
    assert send(client, upload, 100, data[100:]).json()["state"] == "kept"
    assert send(client, upload, len(data), b"").status_code == 409


def test_more_bytes_than_announced_are_refused_and_the_rest_stays(client: TestClient, place: Place) -> None:
    data = picture()
    upload = begin(client, data)
    send(client, upload, 0, data[:50])
    assert send(client, upload, 50, data[50:] + b"x").status_code == 413

    def pieces() -> Any:  # without a Content-Length
        yield data[50:]
        yield b"x" * 300_000

    assert client.patch(f"/uploads/{upload}", content=pieces(), headers={"Upload-Offset": "50"}).status_code == 413
    assert client.get(f"/uploads/{upload}").json()["received"] == 50
    assert send(client, upload, 50, data[50:]).json()["state"] == "kept"


def test_only_one_request_at_a_time_sends_bytes(place: Place) -> None:
    data = os.urandom(100_000)

    async def both() -> tuple[httpx.Response, httpx.Response, int]:
        transport = httpx.ASGITransport(place.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://localhost{API}", headers=place.headers) as client:
            upload = (await client.post("/uploads", json={"name": "a", "bytes": 10**6, "analyse": False})).json()["id"]
            begun, go_on = asyncio.Event(), asyncio.Event()

            async def slow() -> Any:
                yield data
                begun.set()
                await go_on.wait()
                yield data

            first = asyncio.create_task(client.patch(f"/uploads/{upload}", content=slow(), headers={"Upload-Offset": "0"}))
            await begun.wait()
            second = await client.patch(f"/uploads/{upload}", content=data, headers={"Upload-Offset": "0"})
            deleting = await client.delete(f"/uploads/{upload}")
            go_on.set()
            return await first, second, deleting.status_code

    first, second, deleting = asyncio.run(both())
    assert first.json()["received"] == 200_000
    assert second.status_code == deleting == 409
    assert second.headers["upload-offset"] == "0"


def test_bytes_that_were_never_made_safe_are_written_again(client: TestClient, place: Place) -> None:
    """A server that was killed leaves more bytes in the file than it has promised."""
    data = picture()
    upload = begin(client, data)
    send(client, upload, 0, data[:100])
    with place.services.uploads.path(upload).open("ab") as file:  # type: ignore[arg-type]
        file.write(b"rubbish" * 1000)
    place.services.uploads.forget(upload)  # type: ignore[arg-type]
    assert send(client, upload, 100, data[100:]).json()["state"] == "kept"
    place.check()


def test_giving_up_deletes_the_bytes(client: TestClient, place: Place) -> None:
    upload = begin(client, b"x" * 100)
    send(client, upload, 0, b"x" * 50)
    assert len(place.spooled()) == 1
    assert client.delete(f"/uploads/{upload}").status_code == 204
    assert place.spooled() == []
    assert [client.request(m, f"/uploads/{upload}").status_code for m in ("GET", "HEAD", "DELETE")] == [404] * 3
    assert send(client, upload, 0, b"x").status_code == 404


def test_uploads_are_their_owners(client: TestClient, place: Place) -> None:
    upload = begin(client, b"x" * 100)
    with pytest.raises(NotFoundError):
        place.services.uploads.get(upload, "mira")  # type: ignore[arg-type]
    assert str(place.services.uploads.get(upload, "owner").id) == upload  # type: ignore[arg-type]
    assert client.get(f"/uploads/{upload}", headers={"Authorization": ""}).status_code == 401


# ---------------------------------------------------------------------------------------------------------------- bad files


def _polyglot() -> bytes:
    return picture() + b"PK\x05\x06" + bytes(18)


BAD: dict[str, tuple[bytes, int]] = {
    "a text": (b"only text", 415),
    "an SVG with a script": (SVG, 415),
    "a web page": (PAGE, 415),
    "a polyglot": (_polyglot(), 415),
    "a page in a picture's clothes": (b"GIF89a" + PAGE, 415),
    "a bomb": (bomb(), 413),
    "a cut picture": (picture(400, 300)[:-5000], 422),
    "zeros": (bytes(100_000), 415),
    "a PDF": (b"%PDF-1.7\n", 415),
    "a cut film": (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(2000), 422),
}


@pytest.mark.parametrize("what", list(BAD))
def test_bad_files_are_refused_with_a_reason_and_leave_nothing(client: TestClient, place: Place, what: str) -> None:
    data, status = BAD[what]
    before = place.services.media.page(_all()).items
    answers = [client.post("/media?name=a.png", content=data, headers={"Content-Type": "image/png"})]
    upload = begin(client, data)
    answers.append(send(client, upload, 0, data))
    for answer in answers:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert str(place.data) not in answer.text, "paths of the server are nobody's business"
    refused = client.get(f"/uploads/{upload}").json()
    assert (refused["state"], refused["media_id"]) == ("refused", None)
    assert refused["detail"] == answers[1].json()["detail"]
    assert send(client, upload, len(data), b"").status_code == 409
    assert place.spooled() == []
    assert place.services.media.page(_all()).items == before
    place.check()


def test_an_empty_file_is_refused(client: TestClient, place: Place) -> None:
    assert client.post("/uploads", json={"name": "a", "bytes": 0}).status_code == 422
    assert whole(client, b"").status_code == 415

    def nothing() -> Any:
        yield b""

    assert client.post("/media?name=a", content=nothing()).status_code == 415
    assert place.spooled() == []


def test_what_is_too_large_is_refused_before_a_byte_is_read(place: Place) -> None:
    """On a real socket: the answer comes though the body never does."""
    with place.settings(max_bytes=10_000), place.listening() as port:
        for length in (b"10001", b"99999999999999"):
            answer = _raw(port, place, b"POST", b"/media?name=a", b"Content-Length: " + length, b"")
            assert answer.startswith(b"HTTP/1.1 413"), answer
        assert b"413" in _raw(
            port, place, b"POST", b"/media?name=a", b"Transfer-Encoding: chunked", b"2ee0\r\n" + bytes(12_000) + b"\r\n0\r\n\r\n"
        )
        body = b'{"name": "a", "bytes": 10001}'
        answer = _raw(port, place, b"POST", b"/uploads", b"Content-Type: application/json\r\nContent-Length: %d" % len(body), body)
        assert answer.startswith(b"HTTP/1.1 413"), answer
    assert place.spooled() == []


def test_more_than_the_disk_has_room_for_is_refused_at_once(client: TestClient, place: Place) -> None:
    with place.settings(max_bytes=1 << 60):
        answer = client.post("/uploads", json={"name": "a", "bytes": 1 << 59})
    assert answer.status_code == 507
    assert "disk" in answer.json()["title"].lower()


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "a\x00b\u202egnp.exe", "e\u0301.png", "..\\..\\boot.ini", "x" * 200, "%2e%2e%2f.png", "\u200b"]
)
def test_names_are_only_text(client: TestClient, place: Place, name: str) -> None:
    answer = whole(client, picture(), name=name)
    assert answer.status_code == 201
    upload = begin(client, b"x" * 9, name=name)
    kept = client.get(f"/media/{answer.json()['media_id']}").json()["name"]
    assert kept == client.get(f"/uploads/{upload}").json()["name"] == answer.json()["name"]
    assert not set("/\\\x00\u202e\u200b") & set(kept)
    assert kept
    client.delete(f"/uploads/{upload}")
    disposition = client.get(f"/media/{answer.json()['media_id']}/content").headers["content-disposition"]
    assert disposition.isascii()
    place.check()


def test_huge_json_is_refused(client: TestClient) -> None:
    answer = client.post("/uploads", json={"name": "a", "bytes": 9, "more": "x" * (2 << 20)})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    deep = b"[" * 100_000
    assert client.post("/uploads", content=deep, headers={"Content-Type": "application/json"}).status_code in (400, 422)


def test_lone_surrogates_and_endless_names(client: TestClient) -> None:
    answer = client.post("/uploads", content=b'{"name": "a\\ud800b.png", "bytes": 9}', headers={"Content-Type": "application/json"})
    assert answer.status_code in (201, 422)
    assert client.post("/uploads", json={"name": "x" * 10_000, "bytes": 9}).status_code == 422
    assert whole(client, picture(), name="x" * 10_000).status_code == 422
    assert whole(client, picture(), name="").status_code == 422
    assert whole(client, picture(), source_id=99).status_code == 422
    assert client.post("/uploads", json={"name": "a", "bytes": 9, "source_id": 99}).status_code == 422


# ---------------------------------------------------------------------------------------------------------------- lost connections


def _raw(port: int, place: Place, method: bytes, path: bytes, header: bytes, body: bytes, *, answer: bool = True) -> bytes:
    key = place.headers["Authorization"].encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = b"%s /api/v1%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: %s\r\n%s\r\n\r\n"
        connection.sendall(head % (method, path, key, header) + body)
        received = b""
        if not answer:
            time.sleep(0.3)  # let the server read what was sent
        else:
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
    return received


def test_what_came_before_the_connection_was_lost_is_kept(client: TestClient, place: Place) -> None:
    data = picture(300, 200)
    upload = begin(client, data)
    with place.listening() as port:
        header = b"Upload-Offset: 0\r\nContent-Length: %d" % len(data)
        _raw(port, place, b"PATCH", f"/uploads/{upload}".encode(), header, data[:50_000], answer=False)
        deadline = time.monotonic() + 5
        while client.get(f"/uploads/{upload}").json()["received"] < 50_000 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client.get(f"/uploads/{upload}").json()["received"] == 50_000
        while send(client, upload, 50_000, b"").status_code == 409:
            time.sleep(0.02)
    assert send(client, upload, 50_000, data[50_000:]).json()["state"] == "kept"
    place.check()


def test_a_file_in_one_go_whose_connection_is_lost_leaves_nothing(client: TestClient, place: Place) -> None:
    before = len(place.services.media.page(_all(), limit=200).items)
    with place.listening() as port:
        _raw(port, place, b"POST", b"/media?name=a", b"Content-Length: 900000", picture(500, 300), answer=False)
    deadline = time.monotonic() + 5
    while place.spooled() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert place.spooled() == []
    assert len(place.services.media.page(_all(), limit=200).items) == before


# ---------------------------------------------------------------------------------------------------------------- full disks and queues


@pytest.fixture
def small_disk(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the spool folder be a file system of one mebibyte."""
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], check=False).returncode:
        pytest.skip("only root can mount a small file system")
    monkeypatch.setattr(place.services.uploads, "_spool", tmp_path)
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_full_disk_is_said_and_nothing_is_stored_by_halves(client: TestClient, place: Place, small_disk: Path) -> None:
    data = picture(300, 300)
    upload = begin(client, data)
    assert send(client, upload, 0, data[:1000]).status_code == 200
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    (small_disk / "other").write_bytes(bytes(free))
    for answer in (send(client, upload, 1000, data[1000:]), whole(client, data), whole(client, picture(500, 400))):
        assert answer.status_code == 507, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert {path.name for path in small_disk.iterdir()} == {"other", f"{upload}.part"}
    assert client.get(f"/uploads/{upload}").json()["received"] == 1000
    (small_disk / "other").unlink()
    assert send(client, upload, 1000, data[1000:]).json()["state"] == "kept"
    place.check()


def test_a_disk_that_fills_while_the_file_is_kept(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    data = picture()
    upload = begin(client, data)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(place.services.blobs, "put", full)
        assert [send(client, upload, 0, data).status_code, whole(client, picture()).status_code] == [507, 507]
    assert client.get(f"/uploads/{upload}").json()["state"] == "checking"
    place.check()
    assert place.services.intake.catch_up() == 1
    assert client.get(f"/uploads/{upload}").json()["state"] == "kept"
    place.check()


def test_a_full_queue_keeps_the_file_for_later(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise QueueFullError("1000 pictures are waiting", 3.0)

    with monkeypatch.context() as patch:
        patch.setattr(place.services.runner, "analyse", full)
        upload = whole(client, picture(), analyse=True).json()
        assert (upload["state"], upload["analysis_id"]) == ("kept", None)
        assert "1000 pictures are waiting" in upload["detail"]
        with pytest.raises(QueueFullError):
            place.services.intake.catch_up()
        answer = client.post("/media?name=a", content=picture())
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert whole(client, picture()).status_code == 201, "what needs no analysis comes in"
    assert place.services.intake.catch_up() == 1
    later = client.get(f"/uploads/{upload['id']}").json()
    assert later["analysis_id"]
    assert later["detail"] is None
    assert client.post("/media?name=a", content=picture()).status_code == 201


def test_a_worker_that_dies_gets_a_second_try_and_then_the_file_is_refused(
    client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, deaths = place.services.workers.run, [2]

    async def dying(task: str, **arguments: Any) -> Any:
        if deaths[0]:
            deaths[0] -= 1
            raise WorkerCrashedError(task, "its process ended")
        return await run(task, **arguments)

    monkeypatch.setattr(place.services.workers, "run", dying)
    assert whole(client, picture()).status_code == 422
    deaths[0] = 1
    assert whole(client, picture()).status_code == 201


def test_busy_workers_are_waited_for(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run, refusals = place.services.workers.run, [2]

    async def busy(task: str, **arguments: Any) -> Any:
        if refusals[0]:
            refusals[0] -= 1
            raise QueueFullError("512 tasks are waiting")
        return await run(task, **arguments)

    monkeypatch.setattr(place.services.workers, "run", busy)
    assert whole(client, picture()).status_code == 201


def test_many_at_once_are_all_accounted_for(place: Place) -> None:
    data = [picture() for _ in range(40)]

    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(place.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://localhost{API}", headers=place.headers, timeout=60) as client:
            return await asyncio.gather(*(client.post("/media?name=a&analyse=true", content=each) for each in data))

    answers = asyncio.run(all_of_them())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["media_id"] for answer in answers}) == 40
    assert all(answer.json()["job_id"] for answer in answers)
    place.check()


# ---------------------------------------------------------------------------------------------------------------- after a restart


def test_what_was_complete_is_kept_after_a_restart(client: TestClient, place: Place) -> None:
    """Rows as a killed server leaves them: complete and not looked at; kept and its analysis not begun, or begun and not noted."""
    data = [picture(), SVG]
    uploads = [begin(client, each, analyse=True) for each in data]
    for upload, each in zip(uploads, data, strict=True):
        with place.services.uploads.part(upload, 0) as part:  # type: ignore[arg-type]
            part.write(each)
        place.services.uploads.forget(upload)  # type: ignore[arg-type]
    unseen = [whole(client, picture(), analyse=True).json() for _ in range(2)]
    with place.services.database.session() as session:
        session.execute(
            text("UPDATE uploads SET analysis_id = NULL, job_id = NULL WHERE id = ANY(:ids)"), {"ids": [u["id"] for u in unseen]}
        )
        session.execute(text("DELETE FROM analyses WHERE id = :id"), {"id": unseen[1]["analysis_id"]})
    lost = begin(client, data[0])
    with place.services.uploads.part(lost, 0) as part:  # type: ignore[arg-type]
        part.write(data[0])
    place.services.uploads.path(lost).unlink()  # type: ignore[arg-type]

    assert place.services.intake.catch_up() == 5
    first, second, third = (client.get(f"/uploads/{upload}").json() for upload in (*uploads, lost))
    assert (first["state"], bool(first["analysis_id"])) == ("kept", True)
    assert (second["state"], "SVG" in second["detail"]) == ("refused", True)
    assert (third["state"], "send it again" in third["detail"]) == ("refused", True)
    noted, begun = (client.get(f"/uploads/{each['id']}").json() for each in unseen)
    assert noted["analysis_id"] == unseen[0]["analysis_id"], "the analysis that was begun is found, not begun twice"
    assert begun["analysis_id"] not in (None, unseen[1]["analysis_id"])
    assert place.services.intake.catch_up() == 0
    assert place.spooled() == []
    place.check()


def test_strays_of_a_killed_server_are_cleared(client: TestClient, place: Place) -> None:
    upload = begin(client, b"x" * 100)
    send(client, upload, 0, b"x" * 10)
    for name in (f"{uuid4()}.part", "rubbish.part"):
        (place.data / "spool" / name).write_bytes(b"x")
    assert place.services.uploads.clear_strays() == 2
    assert [p.name for p in place.spooled()] == [f"{upload}.part"]
    client.delete(f"/uploads/{upload}")


# ---------------------------------------------------------------------------------------------------------------- cost


def test_a_small_picture_costs_few_transactions(client: TestClient, place: Place) -> None:
    """Beyond what the analysis and the audit trail need: one that does not wait for the disk, one that does."""
    whole(client, picture())
    statements: list[str] = []
    engine = place.services.database.engine
    listener = lambda _connection, _cursor, statement, *_: statements.append(statement)  # noqa: E731
    commits: list[int] = []
    event.listen(engine, "before_cursor_execute", listener)
    event.listen(engine, "commit", lambda _: commits.append(1))
    try:
        whole(client, picture())
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    own = [s for s in statements if "audit" not in s]
    assert len(own) <= 10, "\n".join(own)
    assert len(commits) <= 3


def _all() -> Any:
    from sightline.api.media import MediaFilter

    return MediaFilter()


def test_no_row_of_an_upload_is_left_open(place: Place) -> None:
    """At the end of this module everything was kept, refused, given up or is waiting for more bytes."""
    with place.services.database.session() as session:
        assert set(session.scalars(select(UploadRow.state))) <= {"kept", "refused", "receiving"}
        media = session.scalar(select(MediaRow.id).limit(1))
        assert media is not None
        assert session.scalar(select(AnalysisRow.id).limit(1)) is not None
    assert sys.modules.get("torch") is None
