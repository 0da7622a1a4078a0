"""Live sockets of a whole server: rights, origin, places, audit."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.server.live.conftest import House, frame
from tests.server.live.test_cameras import MjpegCamera
from tests.server.live.test_session import closing, greeted
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sightline.api.accounts import NewKey, Permission
from sightline.api.live import LiveAnswer, LiveReady, LiveStatus
from sightline.api.records import NewSource
from sightline.api.settings import Limits, Settings
from sightline.core.errors import StoreUnavailableError
from sightline.server.routers import live as live_router

LIVE = "/api/v1/live"


@pytest.fixture(autouse=True)
def _nets(weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    end_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_s, "it did not come about"
        time.sleep(0.02)


def entries(house: House, action: str) -> list[Any]:
    return house.services.audit.page(action=action).items


def test_from_open_to_close_with_two_entries_in_the_audit_trail(house: House, portrait: bytes) -> None:
    opened, closed = len(entries(house, "live.open")), len(entries(house, "live.close"))
    with house.socket(LIVE) as socket:
        greeted(socket)
        for number in range(3):
            socket.send(frame(portrait, float(number)))
            assert len(LiveAnswer.model_validate_json(socket.recv(timeout=60)).findings.faces or []) == 1
        assert house.services.live.counts.sockets == 1
    until(lambda: len(entries(house, "live.close")) == closed + 1)
    first, last = entries(house, "live.open")[0], entries(house, "live.close")[0]
    assert len(entries(house, "live.open")) == opened + 1
    assert first.actor == last.actor == "key:operator/test"
    assert first.target == last.target
    assert first.detail == {"only": ["faces"]}
    assert last.detail == {"frames": 3, "dropped": 0}
    until(lambda: house.services.live.counts.sockets == 0)


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("viewer", 403)])
@pytest.mark.parametrize("path", [LIVE, f"{LIVE}/cameras/1"])
def test_who_has_not_the_right(house: House, key: str | None, status: int, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        house.socket(path, key)
    assert caught.value.response.status_code == status
    assert caught.value.response.headers["Content-Type"] == "application/problem+json"


def test_a_browser_must_come_from_our_own_page(house: House, portrait: bytes) -> None:
    token = house.services.accounts.sign_in("operator", "correct horse battery").token
    cookie = {"Cookie": f"sightline_session={token}"}
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": f"http://127.0.0.1:{house.port + 1}"}, {"Origin": "null"}):
        with pytest.raises(InvalidStatus) as caught:
            connect(f"ws://127.0.0.1:{house.port}{LIVE}", additional_headers={**cookie, **origin}, proxy=None)
        assert caught.value.response.status_code == 403
    ours = {**cookie, "Origin": f"http://127.0.0.1:{house.port}"}
    with connect(f"ws://127.0.0.1:{house.port}{LIVE}", additional_headers=ours, proxy=None) as socket:
        greeted(socket)
        socket.send(frame(portrait))
        assert LiveAnswer.model_validate_json(socket.recv(timeout=60)).index == 0


@pytest.fixture
def one_place(house: House) -> Iterator[None]:
    before = house.services.settings.get()
    house.services.settings.put(Settings(limits=Limits(max_live=1)))
    yield
    house.services.settings.put(before)


def test_no_place_left(house: House, one_place: None) -> None:
    until(lambda: house.services.live.counts.sockets == 0)
    with house.socket(LIVE) as first:
        greeted(first)
        with house.socket(LIVE) as second:
            assert closing(second) == (1013, "1 live connections are open already; try again later")
    until(lambda: house.services.live.counts.sockets == 0)
    with house.socket(LIVE) as third:
        greeted(third)


def test_a_revoked_key_ends_the_socket(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_router, "RIGHTS_EVERY_S", 0.1)
    operator = house.services.accounts.user_named("operator")
    key = house.services.accounts.add_key(operator.id, NewKey(name="short", scopes=[Permission.LIVE]))
    house.keys["short"] = key.secret
    with house.socket(LIVE, "short") as socket:
        greeted(socket)
        house.services.accounts.revoke_key(key.id)
        assert closing(socket)[0] == 1008


@pytest.fixture
def camera(portrait: bytes) -> Iterator[MjpegCamera]:
    made = MjpegCamera(portrait)
    made.plug_in()
    yield made
    made.pull_out()


def test_a_camera_is_shown(house: House, camera: MjpegCamera) -> None:
    source = house.services.sources.add(NewSource(name="door", kind="camera", address=camera.address, only=["faces"]))
    closed = len(entries(house, "live.close"))
    with house.socket(f"{LIVE}/cameras/{source.id}") as socket:
        assert LiveStatus.model_validate_json(socket.recv(timeout=30)).state in ("connecting", "live")
        texts, shown = [], 0
        while shown < 3:
            message = socket.recv(timeout=60)
            if isinstance(message, str):
                texts.append(message)
                continue
            shown += 1
            assert Image.open(io.BytesIO(message)).size == (512, 512)
            answer = LiveAnswer.model_validate_json(socket.recv(timeout=30))
            assert answer.size_wh == (512, 512)
            assert len(answer.findings.faces or []) == 1
        assert any('"ready"' in text and LiveReady.model_validate_json(text).width == 512 for text in texts)
        assert "s3cret" not in "".join(texts)
    until(lambda: len(entries(house, "live.close")) == closed + 1)
    last = entries(house, "live.close")[0]
    assert last.target == f"sources/{source.id}"
    assert last.detail["frames"] >= 3
    until(lambda: len(house.services.cameras) == 0)


def test_a_camera_that_nobody_knows(house: House) -> None:
    with pytest.raises(InvalidStatus) as caught:
        house.socket(f"{LIVE}/cameras/999999")
    assert caught.value.response.status_code == 404
    with pytest.raises(InvalidStatus) as caught:
        house.socket(f"{LIVE}/cameras/door")
    assert caught.value.response.status_code == 403


def test_a_folder_is_no_camera(house: House, tmp_path: Path) -> None:
    source = house.services.sources.add(NewSource(name="folder", kind="folder", address=str(tmp_path)), watch=[tmp_path])
    with pytest.raises(InvalidStatus) as caught:
        house.socket(f"{LIVE}/cameras/{source.id}")
    assert caught.value.response.status_code == 404


def test_the_example_of_the_guide(
    house: House, portrait: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "live.md").read_text("utf-8")
    example = re.findall(r"```text\n(import json.*?)```", guide, re.DOTALL)[0]
    (tmp_path / "photo.jpg").write_bytes(portrait)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTLINE_KEY", house.keys["operator"])
    exec(compile(example.replace("127.0.0.1:8765", f"127.0.0.1:{house.port}"), "live.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith('{"type":"ready"')
    assert len(said) == 11
    assert said[-1].endswith(" 1")


def test_without_the_database_nothing_is_opened_and_what_is_open_goes_on(
    house: House, portrait: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live_router, "RIGHTS_EVERY_S", 0.05)
    until(lambda: house.services.live.counts.sockets == 0)

    def away(*given: Any, **detail: Any) -> None:
        raise StoreUnavailableError("the database does not answer: connection refused")

    with house.socket(LIVE) as first:
        greeted(first)
        first.send(frame(portrait))
        assert LiveAnswer.model_validate_json(first.recv(timeout=60)).index == 0
        with monkeypatch.context() as patch:
            patch.setattr(house.services.audit, "write", away)
            patch.setattr(live_router, "still_may", away)
            with house.socket(LIVE) as second:
                greeted(second)
                assert closing(second) == (1013, "the database does not answer; try again later")
            time.sleep(0.3)
            first.send(frame(portrait))
            assert LiveAnswer.model_validate_json(first.recv(timeout=60)).index == 1
            first.close()
            until(lambda: "not in the audit trail" in caplog.text)
