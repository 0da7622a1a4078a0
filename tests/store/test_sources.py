from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from tests.store.record_rows import NOON, add_media

from sightline.api.records import NewSource, NewZone, SourceChange
from sightline.core.errors import ConflictError, InvalidInputError, NotFoundError
from sightline.store.database import Database
from sightline.store.sources import SourceStore
from sightline.store.tables import JobRow, MediaRow

KEY = bytes(range(32))
SECRET = "rtsp://admin:pa%40ss@cam.local:554/live?token=abc"
HIDDEN = "rtsp://***@cam.local:554/live?token=***"
CORNERS = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)]


def camera(address: str = SECRET, name: str = "Front door") -> NewSource:
    return NewSource(name=name, kind="camera", address=address)


@pytest.fixture
def store(database: Database) -> SourceStore:
    return SourceStore(database, KEY)


def test_a_source_comes_back_with_its_secrets_hidden(any_database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = SourceStore(any_database, KEY)
    new = NewSource(
        name="Front\x00 door", kind="camera", address=SECRET, only=["faces", "text"], retention_days=3, keep_video=False, segment_s=30
    )
    made = store.add(new)
    assert (made.name, made.kind, made.address, made.only) == ("Front door", "camera", HIDDEN, ["faces", "text"])
    assert (made.retention_days, made.keep_video, made.segment_s, made.running, made.job_id, made.zones) == (
        3,
        False,
        30.0,
        False,
        None,
        [],
    )
    assert store.get(made.id) == made
    assert store.all() == [made]
    assert store.address(made.id) == SECRET
    with any_database.session() as session:
        row = str(session.execute(text("SELECT * FROM sources")).one())
    assert not any(secret in row + caplog.text for secret in ("admin", "pa%40ss", "abc", "cam.local"))


def test_the_same_address_is_sealed_differently_each_time(store: SourceStore, database: Database) -> None:
    store.add(camera())
    store.add(camera())
    with database.session() as session:
        assert len(set(session.scalars(text("SELECT address FROM sources")))) == 2


def test_without_the_key_the_address_is_lost_and_the_rest_is_not(store: SourceStore, database: Database) -> None:
    made = store.add(camera())
    other = SourceStore(database, bytes(32))
    assert other.get(made.id).address == "***"
    with pytest.raises(ConflictError, match="another key"):
        other.address(made.id)
    other.change(made.id, SourceChange(address="http://cam.local/b"))
    assert other.address(made.id) == "http://cam.local/b"


def test_a_short_key_is_refused(database: Database) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        SourceStore(database, b"short")


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "cam.local/stream",
        "rtsp://",
        "rtsp:///stream",
        "ftp://cam/stream",
        "javascript:alert(1)",
        "concat:rtsp://a|/etc/passwd",
        "rtsp://cam:99999/",
        "rtsp://cam local/",
        "rtsp://cam/\nHost: x",
        "http://[::1",
        "http://169.254.169.254/latest/meta-data",
        "0",
        "/dev/video0",
    ],
)
def test_only_addresses_of_cameras_will_do(store: SourceStore, address: str) -> None:
    with pytest.raises(InvalidInputError):
        store.add(camera(address))
    assert store.all() == []


@pytest.mark.parametrize("address", ["rtsp://cam/1", "RTSPS://cam:322/1", "http://10.0.0.5:8080/video.mjpg", "https://[fe80::1]/hls.m3u8"])
def test_addresses_of_cameras_are_taken_as_they_are(store: SourceStore, address: str) -> None:
    assert store.address(store.add(camera(address)).id) == address


def test_only_folders_that_may_be_watched_are_taken(store: SourceStore, tmp_path: Path) -> None:
    allowed, elsewhere = tmp_path / "in", tmp_path / "in-not"
    (allowed / "a b").mkdir(parents=True)
    elsewhere.mkdir()
    (allowed / "file.jpg").touch()
    (allowed / "link").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(allowed / "a b")

    def add(folder: object, watch: tuple[Path, ...] = (allowed,)) -> str:
        made = store.add(NewSource(name="x", kind="folder", address=str(folder)), watch=watch)
        assert made.address == store.address(made.id)
        return made.address

    assert add(allowed) == str(allowed.resolve())
    assert add(elsewhere / "back") == str((allowed / "a b").resolve()), "where it leads counts"
    for bad in (elsewhere, allowed / "link", allowed / ".." / "in-not", allowed / "none", allowed / "file.jpg", "/", "in", "~", "a\x00b"):
        with pytest.raises(InvalidInputError, match="not a folder inside"):
            add(bad)
    with pytest.raises(InvalidInputError, match="--watch"):
        add(allowed, ())


def test_a_relative_folder_is_refused_wherever_the_server_runs(store: SourceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match="whole path"):
        store.add(NewSource(name="x", kind="folder", address=os.curdir), watch=(tmp_path,))


def test_only_the_fields_that_are_given_change(store: SourceStore) -> None:
    made = store.add(NewSource(name="a", kind="camera", address=SECRET, retention_days=7))
    assert store.change(made.id, SourceChange()) == made
    assert store.change(made.id, SourceChange(name="b")) == made.model_copy(update={"name": "b"})
    assert store.change(made.id, SourceChange(retention_days=None)).retention_days is None
    assert store.change(made.id, SourceChange(only=["hands"], keep_video=False)).only == ["hands"]
    assert store.change(made.id, SourceChange(address="rtsp://u:p@new/1")).address == "rtsp://***@new/1"
    assert store.address(made.id) == "rtsp://u:p@new/1"


def test_changes_that_make_no_sense_are_refused(store: SourceStore, tmp_path: Path) -> None:
    made = store.add(camera())
    for change in ({"name": None}, {"only": None}, {"keep_video": None}, {"address": None}, {"address": HIDDEN}, {"address": "/etc"}):
        with pytest.raises(InvalidInputError):
            store.change(made.id, SourceChange.model_validate(change))
    assert store.get(made.id) == made
    folder = store.add(NewSource(name="f", kind="folder", address=str(tmp_path)), watch=(tmp_path,))
    with pytest.raises(InvalidInputError, match="cannot be changed"):
        store.change(folder.id, SourceChange(address="rtsp://cam/1"))


def test_what_came_from_a_source_stays_when_it_is_deleted(any_database: Database) -> None:
    store = SourceStore(any_database, KEY)
    made = store.add(camera())
    store.add_zone(made.id, NewZone(name="A", polygon_xy=CORNERS))
    with any_database.session() as session:
        media = add_media(session, source_id=made.id)
        session.add(JobRow(id="j", kind="camera", title="", state="running", unit="", created_by="", source_id=made.id))
    store.delete(made.id)
    with any_database.session() as session:
        assert session.get_one(MediaRow, media.media_id).source_id is None
        assert session.scalar(text("SELECT count(*) FROM zones")) == 0
        assert session.scalar(text("SELECT count(*) FROM jobs")) == 0
    with pytest.raises(NotFoundError):
        store.get(made.id)


@pytest.mark.parametrize("source_id", [-1, 0, 12345, 1 << 40])
def test_a_source_that_is_not_there_is_said_not_to_be(store: SourceStore, source_id: int) -> None:
    for act in (
        lambda: store.get(source_id),
        lambda: store.address(source_id),
        lambda: store.change(source_id, SourceChange(name="x")),
        lambda: store.delete(source_id),
        lambda: store.add_zone(source_id, NewZone(name="A", polygon_xy=CORNERS)),
        lambda: store.delete_zone(source_id, 1),
    ):
        with pytest.raises(NotFoundError):
            act()


def test_a_source_tells_of_the_job_that_watches_it(store: SourceStore, database: Database) -> None:
    made = store.add(camera())
    for days, (state, expected) in enumerate(
        [("done", (None, False)), ("queued", ("1", True)), ("paused", ("2", False)), ("running", ("3", True)), ("failed", ("3", True))]
    ):
        with database.session() as session:
            facts = {"kind": "camera", "title": "", "unit": "", "created_by": "", "created_at": NOON + timedelta(days=days)}
            session.add(JobRow(id=str(days), state=state, source_id=made.id, **facts))
        found = store.get(made.id)
        assert (found.job_id, found.running) == expected
        with database.session() as session:
            session.execute(text("UPDATE jobs SET state = 'cancelled' WHERE id < :id"), {"id": str(days)}) if state != "failed" else None


def test_zones_are_added_and_deleted(store: SourceStore) -> None:
    door, yard = store.add(camera(name="b")), store.add(camera(name="A"))
    zone = store.add_zone(door.id, NewZone(name="B", polygon_xy=CORNERS))
    other = store.add_zone(yard.id, NewZone(name="B", polygon_xy=CORNERS))
    assert [(s.name, s.zones) for s in store.all()] == [("A", [other]), ("b", [zone])]
    with pytest.raises(ConflictError, match="already"):
        store.add_zone(door.id, NewZone(name="B", polygon_xy=CORNERS))
    with pytest.raises(NotFoundError):
        store.delete_zone(yard.id, zone.id)
    store.delete_zone(door.id, zone.id)
    assert store.get(door.id).zones == []
    assert store.get(yard.id).zones == [other]


def test_zones_have_a_limit(store: SourceStore) -> None:
    made = store.add(camera())
    for n in range(100):
        store.add_zone(made.id, NewZone(name=str(n), polygon_xy=CORNERS))
    with pytest.raises(ConflictError, match="100 zones"):
        store.add_zone(made.id, NewZone(name="one more", polygon_xy=CORNERS))


@pytest.mark.parametrize("corners", [[(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)], [(0.5, 0.5)] * 3])
def test_a_zone_without_room_is_refused(store: SourceStore, corners: list[tuple[float, float]]) -> None:
    made = store.add(camera())
    with pytest.raises(InvalidInputError, match="enclose nothing"):
        store.add_zone(made.id, NewZone(name="A", polygon_xy=corners))


@pytest.mark.parametrize(
    "corners", [[(0.1, 0.1), (0.5, 0.5)], [(0.0, 0.0), (2.0, 0.0), (0.0, 1.0)], [(float("nan"), 0.0), (1.0, 0.0), (1.0, 1.0)]]
)
def test_a_zone_outside_the_picture_is_no_zone(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(ValidationError):
        NewZone(name="A", polygon_xy=corners)
