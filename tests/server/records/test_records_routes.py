"""Records and sources over HTTP: the real app on a database of its own."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from tests.databases import TestServer
from tests.store.record_rows import NOON, add_media, keep, random_row

from sightline.api.accounts import NewUser
from sightline.api.records import Record
from sightline.api.settings import Limits, Settings
from sightline.server.app import create_app
from sightline.server.config import ServerConfig
from sightline.server.routers import records as routes
from sightline.server.services import Services, open_services

RECORDS, SOURCES = "/api/v1/records", "/api/v1/sources"
CAMERA = {"name": "Front door", "kind": "camera", "address": "rtsp://admin:secret@cam.local/1?token=zqxv"}
CORNERS = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


@pytest.fixture(scope="module")
def services(embedded_postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    url = embedded_postgres.fresh()
    data = tmp_path_factory.mktemp("data")
    watch = data / "watched"
    watch.mkdir()
    shown = url.render_as_string(hide_password=False)
    with open_services(ServerConfig(data=data, database_url=shown, watch=(watch,), interactive_workers=1, batch_workers=1)) as opened:
        yield opened
    embedded_postgres.drop(url)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    token = services.accounts.first_start()
    with TestClient(create_app(services), base_url="http://localhost:8765", headers={"Authorization": f"Bearer {token}"}) as found:
        yield found


@pytest.fixture(scope="module")
def filled(services: Services, client: TestClient) -> dict[str, Any]:
    """A camera with a zone, and a film of 250 records."""
    source = client.post(SOURCES, json=CAMERA).json()
    zone = client.post(f"{SOURCES}/{source['id']}/zones", json={"name": "all", "polygon_xy": CORNERS}).json()
    rows = [random_row(random.Random(i), i / 10) for i in range(250)]
    media, analysis_id = keep(services.database, rows, source_id=source["id"], kind="video", name="film.mp4")
    return {"source_id": source["id"], "zone_id": zone["id"], "media_id": str(media.media_id), "analysis_id": str(analysis_id)}


def audited(client: TestClient, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/audit", params={"action": action}).json()["items"]
    return found


def problem(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


# ---------------------------------------------------------------- records


def test_pages_hold_every_record_once(client: TestClient, filled: dict[str, Any]) -> None:
    for order in ("newest", "oldest"):
        found: list[Record] = []
        cursor: str | None = None
        while True:
            answer = client.get(RECORDS, params={"limit": 99, "order": order, **({"cursor": cursor} if cursor else {})}).json()
            found += [Record.model_validate(item) for item in answer["items"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                break
        assert len({record.id for record in found}) == 250
        times = [record.taken_at for record in found]
        assert times == sorted(times, reverse=order == "newest")


def test_conditions_are_taken_from_the_address(client: TestClient, filled: dict[str, Any]) -> None:
    def ask(**params: Any) -> list[dict[str, Any]]:
        answer = client.get(RECORDS, params={"limit": 1000, **params})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    whole = ask()
    assert {r["kind"] for r in ask(kinds=["face", "text"])} == {"face", "text"}
    assert {r["label"] for r in ask(labels="car")} == {"car"}
    assert len(ask(zone_id=filled["zone_id"])) == len(ask(source_id=filled["source_id"])) == len(ask(media_id=filled["media_id"])) == 250
    half = {"taken_from": NOON.isoformat(), "taken_before": (NOON + timedelta(seconds=5)).isoformat()}
    assert len(ask(**half)) == 50
    assert all(r["score"] >= 0.5 for r in ask(min_score=0.5))
    assert len(ask(min_score=0.5)) == sum(r["score"] >= 0.5 for r in whole)
    assert {r["text"] for r in ask(text="出口")} == {"出口 A"}
    assert {r["track_id"] for r in ask(track_id=2, analysis_id=filled["analysis_id"])} == {2}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"zone_id": 999}, 404),
        ({"track_id": 1}, 422),
        ({"cursor": "nonsense"}, 422),
        ({"kinds": "age"}, 422),
        ({"unknown": 1}, 422),
        ({"limit": 1001}, 422),
        ({"min_score": 2}, 422),
        ({"taken_from": "2026-03-01T12:00:00"}, 422),
        ({"taken_from": "9999-12-31T23:59:59Z"}, 422),
        ({"taken_from": "0001-01-01T00:00:00Z"}, 422),
        ({"taken_from": "2026-03-02T00:00:00Z", "taken_before": "2026-03-01T00:00:00Z"}, 422),
    ],
)
@pytest.mark.parametrize(("route", "more"), [("", {}), ("/timeline", {}), ("/export", {}), ("/export", {"format": "coco"})])
def test_a_question_that_makes_no_sense_is_a_problem(
    client: TestClient, filled: dict[str, Any], route: str, more: dict[str, Any], params: dict[str, Any], status: int
) -> None:
    if route and params.keys() & {"cursor", "limit"}:
        status = 422  # only pages have them
    problem(client.get(RECORDS + route, params={**params, **more}), status)


@pytest.mark.parametrize(
    "params",
    [
        {"labels": "a\x00b"},
        {"text": "\x00"},
        {"source_id": 1 << 70},
        {"track_id": 1 << 70, "media_id": "00000000-0000-0000-0000-000000000000"},
        {"zone_id": 1 << 31},
    ],
)
def test_odd_values_are_no_errors_of_the_server(client: TestClient, filled: dict[str, Any], params: dict[str, Any]) -> None:
    for route in ("", "/timeline"):
        assert client.get(RECORDS + route, params=params).status_code in (200, 404, 422), params


def test_timelines_and_labels_count(client: TestClient, filled: dict[str, Any]) -> None:
    for bucket_s in (1, 60, 300, 3600):
        found = client.get(f"{RECORDS}/timeline", params={"bucket_s": bucket_s}).json()
        assert sum(sum(bucket["counts"].values()) for bucket in found["buckets"]) == 250
    labels = client.get(f"{RECORDS}/labels").json()
    assert sum(each["count"] for each in labels) == 250
    assert {"object", "hand"} == {each["kind"] for each in labels if each["label"]}
    assert "bucket_s" in problem(client.get(f"{RECORDS}/timeline", params={"bucket_s": 0}), 422)


def test_files_hold_what_was_asked_for(client: TestClient, filled: dict[str, Any]) -> None:
    parquet = client.get(f"{RECORDS}/export", params={"kinds": "face"})
    assert parquet.headers["content-disposition"] == 'attachment; filename="records.parquet"'
    table = pq.read_table(io.BytesIO(parquet.content))
    coco = client.get(f"{RECORDS}/export", params={"kinds": "face", "format": "coco"})
    assert coco.headers["content-type"] == "application/json"
    assert table.num_rows == len(coco.json()["annotations"]) > 0
    assert {"format": "coco", "kinds": ["face"]} in [entry["detail"] for entry in audited(client, "records.export")]


def test_looking_at_records_is_noted(client: TestClient, filled: dict[str, Any]) -> None:
    client.get(RECORDS, params={"labels": "unicorn"})
    assert {"labels": ["unicorn"]} in [entry["detail"] for entry in audited(client, "records.read")]


def test_annotations_come_in(client: TestClient, services: Services, filled: dict[str, Any]) -> None:
    with services.database.session() as session:
        media = add_media(session, name="door.jpg", taken_at=NOON - timedelta(days=400))
    document = {
        "images": [{"id": 1, "file_name": "door.jpg", "width": 100, "height": 50}, {"id": 2, "file_name": "none.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 1, "name": "dog"}],
    }
    report = client.post(f"{RECORDS}/import", json=document).json()
    assert (report["records"], report["media"], report["left_out"]) == (1, 1, 1)
    assert "none.jpg" in report["skipped"][0]
    found = client.get(RECORDS, params={"labels": "dog"}).json()["items"]
    assert [(r["media_id"], r["box_xyxy"]) for r in found] == [(str(media.media_id), [1.0, 2.0, 4.0, 6.0])]
    assert audited(client, "records.import")[0]["detail"] == {"records": 1, "media": 1, "left_out": 1}
    services.media.delete(media.media_id)


def test_a_file_that_is_too_long_or_no_coco_is_refused(client: TestClient, services: Services) -> None:
    assert "COCO JSON" in problem(client.post(f"{RECORDS}/import", content=b"{"), 422)
    services.settings.put(Settings(limits=Limits(max_import_bytes=2000)))
    try:
        assert "2,000 bytes" in problem(client.post(f"{RECORDS}/import", content=b" " * 2001), 413)
        assert "COCO JSON" in problem(client.post(f"{RECORDS}/import", content=b" " * 2000), 422)
    finally:
        services.settings.put(Settings())
    assert list(services.config.spool.iterdir()) == []


def test_files_come_in_one_at_a_time(client: TestClient) -> None:
    assert isinstance(routes._one_at_a_time, type(threading.Lock()))
    with routes._one_at_a_time:
        answer = client.post(f"{RECORDS}/import", content=b"{}")
    assert "another file" in problem(answer, 429)
    assert int(answer.headers["retry-after"]) >= 1
    problem(client.post(f"{RECORDS}/import", content=b"{}"), 422)


# ---------------------------------------------------------------- sources


def test_a_camera_is_added_changed_and_deleted_and_its_secrets_are_never_told(client: TestClient, services: Services) -> None:
    answers = [client.post(SOURCES, json=CAMERA)]
    assert answers[0].status_code == 201
    made = answers[0].json()
    assert made["address"] == "rtsp://***@cam.local/1?token=***"
    path = f"{SOURCES}/{made['id']}"
    answers += [client.get(path), client.get(SOURCES), client.patch(path, json={"name": "Back door", "address": "rtsp://u:secret@cam/2"})]
    assert answers[-1].json()["name"] == "Back door"
    zone = client.post(f"{path}/zones", json={"name": "B", "polygon_xy": CORNERS})
    assert zone.status_code == 201
    assert client.get(path).json()["zones"] == [zone.json()]
    problem(client.post(f"{path}/zones", json={"name": "B", "polygon_xy": CORNERS}), 409)
    assert client.delete(f"{path}/zones/{zone.json()['id']}").status_code == 204
    problem(client.delete(f"{path}/zones/{zone.json()['id']}"), 404)
    assert client.delete(path).status_code == 204
    problem(client.get(path), 404)
    noted = json.dumps(client.get("/api/v1/audit", params={"limit": 50}).json())
    assert all(action in noted for action in ("source.add", "source.change", "source.delete", "zone.add", "zone.delete"))
    assert not any(secret in answer.text + noted for answer in answers for secret in ("secret", "admin", "zqxv"))


@pytest.mark.parametrize(
    "new",
    [
        {**CAMERA, "address": "file:///etc/passwd"},
        {**CAMERA, "kind": "folder", "address": "/etc"},
        {**CAMERA, "kind": "folder", "address": "../.."},
        {**CAMERA, "segment_s": 1},
        {**CAMERA, "only": []},
        {**CAMERA, "name": ""},
    ],
)
def test_what_is_no_source_is_refused(client: TestClient, new: dict[str, Any]) -> None:
    detail = problem(client.post(SOURCES, json=new), 422)
    assert "secret" not in detail


def test_a_folder_is_watched_until_it_is_deleted(client: TestClient, services: Services) -> None:
    folder = services.config.watch[0] / "inbox"
    folder.mkdir()
    made = client.post(SOURCES, json={"name": "Inbox", "kind": "folder", "address": str(folder)}).json()
    path = f"{SOURCES}/{made['id']}"
    problem(client.post(f"{path}/stop"), 404)
    with services.runner:
        job = client.post(f"{path}/start").json()
        assert (job["kind"], job["source_id"]) == ("folder", made["id"])
        assert client.post(f"{path}/start").json()["id"] == job["id"], "it is watched once"
        watched = client.get(path).json()
        assert (watched["running"], watched["job_id"]) == (True, job["id"])
        assert client.post(f"{path}/stop").json()["state"] == "cancelled"
        assert client.get(path).json()["running"] is False
        client.post(f"{path}/start")
        assert client.delete(path).status_code == 204
        problem(client.get(f"/api/v1/jobs/{job['id']}"), 404)


def test_viewers_may_ask_and_change_nothing(services: Services, client: TestClient, filled: dict[str, Any]) -> None:
    services.accounts.add_user(NewUser(name="vera", role="viewer", password="correct horse battery"))
    viewer = TestClient(client.app, base_url="http://localhost:8765")
    token = viewer.post("/api/v1/auth/login", json={"name": "vera", "password": "correct horse battery"}).json()["csrf_token"]
    viewer.headers["X-CSRF-Token"] = token
    assert viewer.get(RECORDS).status_code == viewer.get(SOURCES).status_code == 200
    for answer in (
        viewer.post(f"{RECORDS}/import", content=b"{}"),
        viewer.post(SOURCES, json=CAMERA),
        viewer.patch(f"{SOURCES}/{filled['source_id']}", json={"name": "x"}),
        viewer.delete(f"{SOURCES}/{filled['source_id']}"),
        viewer.post(f"{SOURCES}/{filled['source_id']}/start"),
        viewer.post(f"{SOURCES}/{filled['source_id']}/zones", json={"name": "x", "polygon_xy": CORNERS}),
    ):
        problem(answer, 403)
