"""The routes of jobs and analyses over a real database, real workers and, for events, a real socket."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from skimage.data import data_dir
from tests.databases import TestServer
from tests.server.jobs.clips import face_clip
from tests.server.jobs.waiting import until

from sightline.analysis.document import Document
from sightline.api.accounts import NewKey, NewUser, Permission
from sightline.api.analyses import Analysis, AnalysisOptions, Look
from sightline.api.audit import AuditEntry
from sightline.api.jobs import Job
from sightline.api.media import Media
from sightline.media.images import read_image
from sightline.server import problems
from sightline.server.config import ServerConfig
from sightline.server.rights import check_every_route_is_guarded
from sightline.server.routers import analyses, jobs
from sightline.server.services import Services, open_services

PORTRAIT = Path(data_dir) / "astronaut.png"
FACES = {"only": ["faces"], "landmarks": False}


@dataclass
class Place:
    services: Services
    client: httpx.Client
    picture: Media
    video: Media


def kept(services: Services, path: Path) -> Media:
    copy = services.config.spool / uuid4().hex
    shutil.copyfile(path, copy)
    return services.media.add(copy, services.workers.run_sync("inspect", path=copy), name=path.name, added_by="mira")


@pytest.fixture(scope="module")
def place(embedded_postgres: TestServer, tmp_path_factory: pytest.TempPathFactory, weights: Callable[..., None]) -> Iterator[Place]:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")
    url, folder = embedded_postgres.fresh(), tmp_path_factory.mktemp("server")
    config = ServerConfig(
        data=folder / "data", database_url=url.render_as_string(hide_password=False), interactive_workers=1, batch_workers=1
    )
    with open_services(config) as services:
        app = FastAPI(docs_url=None, redoc_url=None)
        app.state.services = services
        problems.install(app)
        app.include_router(analyses.router, prefix="/api/v1")
        app.include_router(jobs.router, prefix="/api/v1")
        check_every_route_is_guarded(app)
        services.runner.start()
        services.runner.events._heartbeat_s = 0.3
        token = services.accounts.first_start()
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        address, headers = f"http://localhost:{port}/api/v1", {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
            yield Place(services, client, kept(services, PORTRAIT), kept(services, face_clip(folder / "pan.mp4", 12.0)))
        server.should_exit = True
        server.force_exit = True
        thread.join()
    embedded_postgres.drop(url)


def begin(place: Place, media: Media) -> Analysis:
    answer = place.client.post("/analyses", json={"media_id": str(media.id), "options": FACES})
    assert answer.status_code == 201, answer.text
    return Analysis.model_validate_json(answer.content)


def audited(place: Place) -> list[AuditEntry]:
    return place.services.audit.page(limit=200).items


def test_a_picture_from_wish_to_document(place: Place) -> None:
    analysis = begin(place, place.picture)
    place.services.runner.wait(analysis.job_id, 150)
    found = Analysis.model_validate_json(place.client.get(f"/analyses/{analysis.id}").content)
    assert (found.state, found.counts) == ("done", {"faces": 1})
    listed = place.client.get("/analyses", params={"media_id": str(place.picture.id)}).json()
    assert [a["id"] for a in listed["items"]] == [str(analysis.id)]
    answer = place.client.get(f"/analyses/{analysis.id}/document", params={"save": True})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''astronaut.png.json"
    document = Document.model_validate_json(answer.content)
    frames = place.client.get(f"/analyses/{analysis.id}/frames").json()["frames"]
    assert frames == [f.model_dump(mode="json") for f in document.frames]
    for kind, head in (("jpeg", b"\xff\xd8\xff"), ("png", b"\x89PNG")):
        drawn = place.client.get(f"/analyses/{analysis.id}/annotated", params={"format": kind})
        assert drawn.headers["content-type"] == f"image/{kind}"
        assert drawn.content.startswith(head)
        image = read_image(drawn.content)
        assert image.shape == (512, 512, 3)
        assert (image != read_image(PORTRAIT)).any(axis=2).mean() > 0.005
    (entry,) = [e for e in audited(place) if e.action == "analysis.begin"]
    assert (entry.target, entry.detail["analysis"]) == (f"media/{place.picture.id}", str(analysis.id))
    assert place.client.delete(f"/analyses/{analysis.id}").status_code == 204
    assert place.client.get(f"/analyses/{analysis.id}").status_code == 404
    assert "analysis.delete" in {e.action for e in audited(place)}


def test_a_look_keeps_nothing(place: Place) -> None:
    before = place.client.get("/jobs").json()
    answer = place.client.post("/look", params={"only": ["faces"]}, content=PORTRAIT.read_bytes())
    look = Look.model_validate_json(answer.content)
    assert look.size_wh == (512, 512)
    assert look.findings.faces is not None
    assert len(look.findings.faces) == 1
    assert look.findings.objects is None
    assert place.client.get("/jobs").json() == before
    assert place.client.post("/look", content=b"no picture").status_code == 415
    assert place.client.post("/look", content=b"").status_code == 422
    assert place.client.post("/look", params={"only": ["auras"]}, content=b"x").status_code == 422


def test_what_is_wrong(place: Place) -> None:
    nobody = uuid4()
    assert place.client.post("/analyses", json={"media_id": str(nobody)}).status_code == 404
    for path in (
        f"/analyses/{nobody}",
        f"/analyses/{nobody}/document",
        f"/analyses/{nobody}/frames",
        f"/analyses/{nobody}/annotated",
        "/jobs/x",
    ):
        assert place.client.get(path).status_code == 404, path
    assert place.client.get("/jobs/x/events").status_code == 404
    assert place.client.post("/jobs/x/pause").status_code == 404
    assert place.client.post("/jobs/x/explode").status_code == 422
    assert place.client.get("/jobs", params={"cursor": "nonsense"}).status_code == 422
    assert httpx.get(f"{place.client.base_url}jobs", trust_env=False).status_code == 401
    analysis = begin(place, place.video)
    assert place.client.get(f"/analyses/{analysis.id}/annotated").status_code == 409
    assert place.client.get(f"/analyses/{analysis.id}/frames", params={"from_s": 5, "before_s": 5}).status_code == 422
    place.services.runner.wait(analysis.job_id, 150)
    answer = place.client.post(f"/jobs/{analysis.job_id}/pause")
    assert answer.status_code == 409
    assert "is done" in answer.json()["detail"]


def test_jobs_are_listed_and_acted_on(place: Place) -> None:
    analysis = begin(place, place.video)
    answer = place.client.post(f"/jobs/{analysis.job_id}/cancel")
    assert answer.status_code == 200
    job = Job.model_validate_json(answer.content)
    assert (job.state, job.actions) == ("cancelled", ["retry"])
    assert Job.model_validate_json(place.client.get(f"/jobs/{job.id}").content) == job
    assert [j["id"] for j in place.client.get("/jobs", params={"state": "cancelled"}).json()["items"]] == [job.id]
    assert job.id in [j["id"] for j in place.client.get("/jobs", params={"kind": "video"}).json()["items"]]
    seen, cursor = [], None
    while True:
        page = place.client.get("/jobs", params={"limit": 1, **({"cursor": cursor} if cursor else {})}).json()
        seen += [j["id"] for j in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [j["id"] for j in place.client.get("/jobs", params={"limit": 200}).json()["items"]]
    (entry,) = [e for e in audited(place) if e.action == "job.cancel"]
    assert entry.target == f"jobs/{job.id}"


def events(lines: Iterator[str]) -> Iterator[Any]:
    """Yield each event's data; None for a heartbeat."""
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line[6:])
        elif line.startswith(": still"):
            yield None


def test_events_tell_of_every_change(place: Place) -> None:
    got: dict[str, list[dict[str, Any]]] = {}
    ready = threading.Barrier(3)

    def listen(name: str, path: str, job_id: str | None) -> None:
        with place.client.stream("GET", path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            next(lines)
            ready.wait(30)
            for event in events(lines):
                if event is None:
                    got.setdefault(f"{name} heartbeats", []).append({})
                elif job_id in (None, event["id"]):
                    got.setdefault(name, []).append(event)
                    if event["kind"] == "video" and event["state"] == "done":
                        return

    place.services.runner.wait(begin(place, place.picture).job_id, 150)
    time.sleep(5.2)  # what was before is not told
    media = place.services.media.get(place.video.id)
    paused = place.services.analyses.begin(media.id, AnalysisOptions.model_validate(FACES), "mira").analysis
    threads = [
        threading.Thread(target=listen, args=("all", "/jobs/events", None)),
        threading.Thread(target=listen, args=("one", f"/jobs/{paused.job_id}/events", paused.job_id)),
    ]
    for thread in threads:
        thread.start()
    ready.wait(30)
    place.services.runner._begin("video", paused.job_id, 1)
    for thread in threads:
        thread.join(150)
    for name in ("all", "one"):
        mine = [e for e in got[name] if e["id"] == paused.job_id]
        states = [e["state"] for e in mine]
        assert states[-1] == "done"
        assert "running" in states
        assert [e["done"] for e in mine] == sorted(e["done"] for e in mine)
        assert Job.model_validate(mine[-1]).total == 1
    assert got["one"][0]["state"] == "queued"  # first how it is now
    assert any("heartbeats" in name for name in got)


def test_a_stream_ends_when_the_right_does(place: Place) -> None:
    user = place.services.accounts.add_user(NewUser(name="ines", role="viewer", password=SecretStr("correct horse battery")))
    key = place.services.accounts.add_key(user.id, NewKey(name="watcher", scopes=[Permission.JOBS_READ]))
    headers = {"Authorization": f"Bearer {key.secret}"}
    assert place.client.post("/jobs/x/cancel", headers=headers).status_code == 403
    with place.client.stream("GET", "/jobs/events", headers=headers) as answer:
        lines = answer.iter_lines()
        while not next(lines).startswith(": still here"):
            pass
        place.services.accounts.revoke_key(key.id)
        list(lines)  # it ends


def test_listeners_leave_nothing_behind(place: Place) -> None:
    hubs = place.services.runner.events._hubs
    until(lambda: all(not hub.listeners and hub.poller is None for hub in list(hubs.values())))
