from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import update
from tests.server.intake.conftest import Place
from tests.server.intake.files import picture, video

from sightline.api.base import now
from sightline.core.errors import StoreUnavailableError
from sightline.server.contents import content_disposition, parse_range
from sightline.server.reads import ReadLog
from sightline.store.tables import MediaRow


def kept(client: TestClient, data: bytes, name: str = "door.png") -> str:
    answer = client.post("/media", params={"name": name, "analyse": False}, content=data)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["media_id"])


def thumbs(place: Place) -> list[Path]:
    return [path for path in (place.data / "thumbs").rglob("*") if path.is_file()]


def test_lists_are_filtered_and_paged(client: TestClient) -> None:
    mark = uuid4().hex[:8]
    ids = [kept(client, picture(), f"{mark}-{n}.png") for n in range(5)]
    first = client.get("/media", params={"name": mark.upper(), "limit": 3}).json()
    rest = client.get("/media", params={"name": mark, "limit": 3, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert client.get("/media", params={"name": mark, "kind": "video"}).json()["items"] == []
    assert client.get("/media", params={"name": mark, "found": "face"}).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=nonsense", "kind=sound", "found=faces", "taken_from=today", "unknown=1"],
)
def test_wrong_questions_are_answered_with_422(client: TestClient, query: str) -> None:
    answer = client.get(f"/media?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_is_404(client: TestClient) -> None:
    missing = uuid4()
    for path in ("", "/content", "/thumbnail"):
        assert client.get(f"/media/{missing}{path}").status_code == 404
    assert client.delete(f"/media/{missing}").status_code == 404
    assert client.get("/media/..%2f..%2fetc%2fpasswd").status_code in (404, 422)


def test_without_a_right_nothing_is_told(client: TestClient) -> None:
    media_id = kept(client, picture())
    content = f"/media/{media_id}/content"
    for method, path in (("GET", "/media"), ("GET", content), ("HEAD", content), ("POST", "/media?name=a")):
        assert client.request(method, path, headers={"Authorization": ""}).status_code == 401
    assert client.delete(f"/media/{media_id}", headers={"Authorization": "Bearer wrong"}).status_code == 401


# ---------------------------------------------------------------------------------------------------------------- content


def test_content_is_sent_as_it_came_with_headers_that_let_it_do_nothing(client: TestClient) -> None:
    data = picture()
    media_id = kept(client, data, '出口 "1".png')
    answer = client.get(f"/media/{media_id}/content")
    digest = client.get(f"/media/{media_id}").json()["sha256"]
    assert answer.content == data
    expected = {
        "content-type": "image/png",
        "content-length": str(len(data)),
        "etag": f'"{digest}"',
        "cache-control": "private, max-age=31536000, immutable",
        "accept-ranges": "bytes",
        "content-security-policy": "sandbox",
        "x-content-type-options": "nosniff",
        "content-disposition": "inline; filename=\"__ _1_.png\"; filename*=UTF-8''%E5%87%BA%E5%8F%A3%20%221%22.png",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert client.get(f"/media/{media_id}/content?save=true").headers["content-disposition"].startswith("attachment;")
    head = client.head(f"/media/{media_id}/content")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(data)))


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=0-99999999", 206, slice(0, None)),
        ("bytes=-99999999", 206, slice(0, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-4", 200, slice(0, None)),
        ("bytes=0-1,5-6", 200, slice(0, None)),
        ("lines=0-1", 200, slice(0, None)),
        ("bytes=", 200, slice(0, None)),
        ("bytes=-", 200, slice(0, None)),
        ("bytes=a-b", 200, slice(0, None)),
        ("bytes=" + "9" * 40 + "-", 200, slice(0, None)),
    ],
)
def test_parts_of_a_file(client: TestClient, place: Place, asked: str, status: int, part: slice | None) -> None:
    data = picture(20, 10)
    media_id = kept(client, data)
    answer = client.get(f"/media/{media_id}/content", headers={"Range": asked})
    assert answer.status_code == status
    if part is None:
        assert answer.headers["content-range"] == f"bytes */{len(data)}"
        return
    assert answer.content == data[part]
    assert int(answer.headers["content-length"]) == len(data[part])
    if status == 206:
        start, end, _ = part.indices(len(data))
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"


def test_what_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    media_id = kept(client, picture())
    tag = client.get(f"/media/{media_id}/content").headers["etag"]
    for seen in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(f"/media/{media_id}/content", headers={"If-None-Match": seen})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/media/{media_id}/content", headers={"If-None-Match": '"other"'}).status_code == 200
    ranged = {"Range": "bytes=0-1"}
    assert client.get(f"/media/{media_id}/content", headers=ranged | {"If-Range": tag}).status_code == 206
    assert client.get(f"/media/{media_id}/content", headers=ranged | {"If-Range": '"other"'}).status_code == 200


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "", "video/mp4; x=y", "image/png\r\nX: y"])
def test_only_pictures_and_videos_are_called_so(client: TestClient, place: Place, kind: str) -> None:
    media_id = kept(client, picture())
    with place.services.database.session() as session:
        session.execute(update(MediaRow).where(MediaRow.id == UUID(media_id)).values(content_type=kind))
    assert client.get(f"/media/{media_id}/content").headers["content-type"] == "application/octet-stream"


def test_ranges_and_names_of_any_shape() -> None:
    assert parse_range(None, 10) is None
    assert parse_range("bytes=0-", 0) == "none"
    assert content_disposition("a\\b;c=\u202e\r\n.png", "attachment").count("\n") == 0
    assert content_disposition("x" * 200, "inline").isascii()


# ---------------------------------------------------------------------------------------------------------------- thumbnails


def test_thumbnails_are_made_once_and_go_with_the_picture(client: TestClient, place: Place) -> None:
    data = picture(800, 400)
    media_id, same = kept(client, data), kept(client, data, "same.png")
    answer = client.get(f"/media/{media_id}/thumbnail?size=200")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert Image.open(io.BytesIO(answer.content)).size == (256, 128)
    done = place.services.workers.statistics().tasks["thumbnail"]
    assert client.get(f"/media/{media_id}/thumbnail?size=256").content == answer.content
    assert place.services.workers.statistics().tasks["thumbnail"] == done
    assert client.get(f"/media/{media_id}/thumbnail", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert len(thumbs(place)) == 1
    client.delete(f"/media/{same}")
    assert len(thumbs(place)) == 1, "another picture has the same bytes"
    client.delete(f"/media/{media_id}")
    assert thumbs(place) == []
    place.check()


def test_thumbnails_of_videos(client: TestClient, tmp_path: Path) -> None:
    media_id = kept(client, video(tmp_path), "film.mp4")
    answer = client.get(f"/media/{media_id}/thumbnail")
    assert Image.open(io.BytesIO(answer.content)).size == (64, 48)
    for size in (0, 15, 1025, 10**9):
        assert client.get(f"/media/{media_id}/thumbnail?size={size}").status_code == 422
    client.delete(f"/media/{media_id}")


def test_lower_limits_do_not_hide_what_was_let_in(client: TestClient, place: Place) -> None:
    media_id = kept(client, picture(300, 200))
    with place.settings(max_pixels=100, max_bytes=1024):
        assert client.get(f"/media/{media_id}/thumbnail").status_code == 200
    client.delete(f"/media/{media_id}")


def test_a_thumbnail_of_what_is_deleted_meanwhile_is_not_left(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    media_id = kept(client, picture())
    run = place.services.workers.run

    async def deleting(task: str, **arguments: Any) -> Any:
        made = await run(task, **arguments)
        place.services.media.delete(UUID(media_id))
        return made

    with monkeypatch.context() as patch:
        patch.setattr(place.services.workers, "run", deleting)
        client.get(f"/media/{media_id}/thumbnail")
    assert thumbs(place) == []


# ---------------------------------------------------------------------------------------------------------------- audit


def test_looking_and_deleting_is_audited_first(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    media_id = kept(client, picture(), "secret.png")

    def entries(action: str) -> list[str | None]:
        found = place.services.audit.page(action=action, limit=200).items
        return [entry.target for entry in found if entry.target == f"media/{media_id}"]

    for _ in range(3):
        client.get(f"/media/{media_id}")
        client.get(f"/media/{media_id}/thumbnail")
        for start in range(0, 100, 10):
            client.get(f"/media/{media_id}/content", headers={"Range": f"bytes={start}-{start + 9}"})
    assert len(entries("media.read")) == 1, "one look, however many requests"

    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(place.services.audit, "write", away)
        assert client.delete(f"/media/{media_id}").status_code == 503
        assert client.get("/media", params={"name": media_id}).status_code == 503
    assert client.get(f"/media/{media_id}").status_code == 200, "what cannot be noted is not done"
    assert client.delete(f"/media/{media_id}").status_code == 204
    assert len(entries("media.delete")) == 1


def test_a_look_later_and_that_of_another_are_noted_again(place: Place) -> None:
    reads = ReadLog(place.services.audit, again_s=0.05)
    target = f"media/{uuid4()}"

    def count() -> int:
        return sum(entry.target == target for entry in place.services.audit.page(action="media.read", limit=200).items)

    for actor in ("a", "a", "b", "b"):
        reads.note(actor, "media.read", target)
    assert count() == 2
    import time

    time.sleep(0.06)
    reads.note("a", "media.read", target)
    reads.note("a", "media.read", target, name="other")
    assert count() == 4


# ---------------------------------------------------------------------------------------------------------------- retention


def test_what_has_expired_is_deleted_with_all_that_is_its(client: TestClient, place: Place) -> None:
    old, young = kept(client, picture(), "old.png"), kept(client, picture(), "young.png")
    client.get(f"/media/{old}/thumbnail")
    with place.services.database.session() as session:
        session.execute(update(MediaRow).where(MediaRow.id == UUID(old)).values(expires_at=now() - timedelta(seconds=1)))
    swept = place.services.retention.sweep()
    assert swept.media == 1
    assert [client.get(f"/media/{each}").status_code for each in (old, young)] == [404, 200]
    assert thumbs(place) == []
    entry = place.services.audit.page(action="media.expire", limit=1).items[0]
    assert (entry.target, entry.actor) == (f"media/{old}", "server")
    place.check()


def test_many_requests_for_one_thumbnail_agree(client: TestClient) -> None:
    media_id = kept(client, picture(500, 500))
    with ThreadPoolExecutor(8) as pool:
        answers: list[httpx.Response] = list(pool.map(lambda _: client.get(f"/media/{media_id}/thumbnail?size=1024"), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
