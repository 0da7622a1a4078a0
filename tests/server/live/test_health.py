"""Whether the server is well, figures and models, asked of a whole server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.server.live.conftest import House, opened_house

from sightline.analysis.document import FrameFindings, Object
from sightline.api.health import Readiness
from sightline.api.jobs import Job
from sightline.api.models import ModelDetail, ModelState
from sightline.core.errors import QueueFullError
from sightline.runtime import weights as weights_module
from sightline.runtime.cards import card_names, load_card
from sightline.server.readiness import ReadinessChecks, draw_stop_sign, known_picture, what_is_wrong
from sightline.server.workers import Workers
from sightline.store.blobs import open_blobs
from sightline.store.database import Database


def test_alive(house: House) -> None:
    answer = house.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_means_that_a_net_found_what_is_there(house: House, weights: Callable[..., None]) -> None:
    weights("nanodet")
    found = Readiness.model_validate(house.get("/readyz").json())
    assert found.ready, found
    assert [(check.name, check.ok, check.detail) for check in found.checks] == [
        ("database", True, None),
        ("media_store", True, None),
        ("inference", True, None),
    ]
    looked = house.services.workers.statistics().tasks["look"].count
    assert looked >= 1
    for _ in range(20):
        assert house.get("/readyz").status_code == 200
    assert house.services.workers.statistics().tasks["look"].count == looked
    assert list(house.services.blobs.digests()) == []


class Queue:
    """Stands for workers that answer as they are told."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), 0

    async def run(self, task: str, **given: Any) -> Any:
        self.asked += 1
        await asyncio.sleep(0.01)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"findings": answer}


def seen(*objects: Object) -> dict[str, Any]:
    return FrameFindings(index=0, time_s=0.0, objects=list(objects)).model_dump()


SIGN = Object(box_xyxy=(55.0, 31.0, 200.0, 178.0), score=0.7, label="stop sign")


def ask(checks: ReadinessChecks, times: int = 1) -> Readiness:
    async def all_at_once() -> list[Readiness]:
        return await asyncio.gather(*(checks.ask() for _ in range(times)))

    return asyncio.run(all_at_once())[-1]


def failing(found: Readiness) -> list[str]:
    assert found.ready == all(check.ok for check in found.checks)
    return [check.name for check in found.checks if not check.ok]


def test_who_asks_at_the_same_time_gets_the_same_answer(database: Database, tmp_path: Path) -> None:
    workers: Any = Queue(seen(SIGN))
    assert ask(ReadinessChecks(database, open_blobs(None, tmp_path), workers), 50).ready
    assert workers.asked == 1


def test_what_fails_is_named_and_nothing_else_is_told(database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blobs, good = open_blobs(None, tmp_path), Queue(seen(SIGN))
    wrong: Any = Queue(seen())
    with Database("postgresql://nobody:s3cret@127.0.0.1:9/nothing") as gone:
        found = ask(ReadinessChecks(gone, blobs, good))  # type: ignore[arg-type]
    assert failing(found) == ["database"]
    assert "127.0.0.1" not in found.model_dump_json()
    assert "s3cret" not in caplog.text
    assert "not ready, database" in caplog.text
    assert failing(ask(ReadinessChecks(database, blobs, wrong))) == ["inference"]
    assert "found: nothing" in caplog.text

    class Forgetful:
        def put_bytes(self, data: bytes, digest: str) -> None:
            raise OSError(28, "No space left on device")

    assert failing(ask(ReadinessChecks(database, Forgetful(), good))) == ["media_store"]  # type: ignore[arg-type]


def test_a_busy_server_stays_ready_for_a_while(database: Database, tmp_path: Path) -> None:
    workers: Any = Queue(seen(SIGN), QueueFullError("512 tasks are waiting already"))
    checks = ReadinessChecks(database, open_blobs(None, tmp_path), workers, kept_s=0.2)

    async def over_time() -> list[list[str]]:
        found = []
        for wait_s in (0.0, 0.3, 1.5):
            await asyncio.sleep(wait_s)
            found.append(failing(await checks.ask()))
        return found

    assert asyncio.run(over_time()) == [[], [], ["inference"]]


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ((SIGN,), None),
        ((), "found: nothing"),
        ((SIGN, SIGN), "found: stop sign"),
        ((SIGN.model_copy(update={"label": "person"}),), "found: person"),
        ((SIGN.model_copy(update={"score": 0.4}),), "inexactly"),
        ((SIGN.model_copy(update={"box_xyxy": (0.0, 0.0, 250.0, 250.0)}),), "overlap 0.3"),
    ],
)
def test_what_is_wrong(objects: tuple[Object, ...], says: str | None) -> None:
    told = what_is_wrong(FrameFindings(index=0, time_s=0.0, objects=list(objects)))
    assert told is None if says is None else says in (told or "")


def test_the_net_would_not_find_a_sign_where_there_is_none(weights: Callable[..., None], workers: Workers) -> None:
    """What makes the check worth something: without the sign in the picture it fails."""
    weights("nanodet")
    from sightline.media.images import encode_image

    blank = draw_stop_sign()
    blank[20:190] = (150, 190, 225)
    for data, right in ((known_picture(), True), (encode_image(np.ascontiguousarray(blank), "PNG"), False)):
        found = workers.run_sync("look", data=data, options={"only": ["objects"]})
        assert (what_is_wrong(FrameFindings.model_validate(found["findings"])) is None) is right


def test_not_ready_is_a_problem(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ReadinessChecks(house.services.database, house.services.blobs, Queue(seen()))  # type: ignore[arg-type]
    monkeypatch.setattr(house.services.readiness, "ask", bad.ask)
    answer = house.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "10"
    assert [error["at"] for error in answer.json()["errors"]] == ["inference"]


# ---------------------------------------------------------------------- figures


def test_figures_need_the_right_to_see_settings(house: House) -> None:
    assert house.get("/metrics").status_code == 401
    assert house.get("/metrics", "viewer").status_code == 403
    answer = house.get("/metrics", "operator")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "sightline_database_up 1.0" in answer.text
    again = house.get("/metrics", "operator").text
    assert 'sightline_http_request_seconds_count{method="GET",route="/metrics",status="200"}' in again
    assert "sightline_live_sockets" in again


def test_the_guide_names_all_figures_and_no_others(house: House) -> None:
    table = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8").split("| figure |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(sightline_\w+)`", table))
    told = set(re.findall(r"^# TYPE (sightline_\w+) ", house.get("/metrics", "operator").text, re.MULTILINE))
    assert {name for name in told ^ named if "gpu" not in name} == set()


def test_open_figures(embedded_postgres: Any, tmp_path: Path) -> None:
    with opened_house(embedded_postgres, tmp_path, open_metrics=True) as house:
        assert house.get("/metrics").status_code == 200
        assert house.get("/api/v1/models").status_code == 401


# ---------------------------------------------------------------------- models


def test_models_are_listed(house: House) -> None:
    found = [ModelState.model_validate(item) for item in house.get("/api/v1/models", "viewer").json()]
    assert sorted(model.name for model in found) == sorted(card_names())
    assert [model.default for model in found] == sorted((model.default for model in found), reverse=True)
    for model in found:
        card = load_card(model.name)
        assert model.state == weights_module.state(model.name)
        assert model.bytes == (card.weights.bytes if model.state == "ready" else None)
        assert model.licence_weights == card.licences.weights
    assert house.get("/api/v1/models").status_code == 401


def test_listing_hashes_nothing_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.get("/api/v1/models", "viewer")

    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was hashed again")

    monkeypatch.setattr(weights_module, "sha256_of", refuse)
    assert house.get("/api/v1/models", "viewer").status_code == 200


def test_one_model_with_its_card(house: House) -> None:
    found = ModelDetail.model_validate(house.get("/api/v1/models/face_mesh", "viewer").json())
    assert found.card == load_card("face_mesh").model_dump(mode="json")
    assert house.get("/api/v1/models/nonesuch", "viewer").status_code == 404


def test_a_model_is_fetched_by_a_job(house: House, weights: Callable[..., None]) -> None:
    weights("iris")
    path = "/api/v1/models/iris/fetch"
    assert house.get(path, "operator", "POST").status_code == 403
    assert house.get("/api/v1/models/nonesuch/fetch", "admin", "POST").status_code == 404
    house.services.runner.start()
    answer = house.get(path, "admin", "POST")
    assert answer.status_code == 202
    job = Job.model_validate(answer.json())
    assert (job.kind, job.title, job.created_by) == ("fetch", "iris", "key:admin/test")
    assert house.services.runner.wait(job.id, 30).state == "done"
    entry = house.services.audit.page(action="model.fetch").items[0]
    assert (entry.target, entry.detail) == ("models/iris", {"job": job.id})
