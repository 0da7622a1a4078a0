from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from sightline.api.base import now
from sightline.api.media import MediaFilter, NewUpload
from sightline.core.errors import StoreUnavailableError
from sightline.store.audit import AuditTrail
from sightline.store.blobs import open_blobs
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.retention import Retention, Swept, keep_for
from sightline.store.tables import MediaRow, SourceRow, UploadRow
from sightline.store.thumbnails import Thumbnails
from sightline.store.uploads import Uploads

FACTS = {"kind": "picture", "format": "PNG", "content_type": "image/png", "size_wh": (4, 3)}


@dataclass
class Place:
    database: Database
    media: MediaCatalogue
    uploads: Uploads
    thumbnails: Thumbnails
    audit: AuditTrail
    retention: Retention
    data: Path

    def add(self, name: str = "a.png", **values: Any) -> Any:
        path = self.data / f"{uuid4()}.part"
        path.write_bytes(os.urandom(20))
        return self.media.add(path, FACTS, name=name, added_by="mira", **values)

    def names(self) -> set[str]:
        return {item.name for item in self.media.page(MediaFilter(), limit=1000).items}


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    thumbnails = Thumbnails(tmp_path / "thumbs")
    media = MediaCatalogue(database, open_blobs(None, tmp_path), forget=thumbnails.forget)
    uploads, audit = Uploads(database, tmp_path / "spool"), AuditTrail(database, tmp_path / "keys")
    return Place(database, media, uploads, thumbnails, audit, Retention(database, media, uploads, thumbnails, audit), tmp_path)


def test_only_what_has_expired_goes_in_batches(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.store.retention._BATCH", 3)
    for n in range(7):
        place.add(f"old {n}", expires_at=now() - timedelta(days=n + 1))
    place.add("soon", expires_at=now() + timedelta(hours=1))
    place.add("for ever")
    assert place.retention.sweep() == Swept(7, 0, 0)
    assert place.names() == {"soon", "for ever"}
    assert len(place.audit.page(action="media.expire").items) == 7
    assert place.retention.sweep() == Swept(0, 0, 0)


def test_a_changed_retention_counts_for_what_is_there(place: Place) -> None:
    with place.database.session() as session:
        source = SourceRow(name="a", kind="folder", address="/a", only=["faces"], retention_days=30)
        session.add(source)
    uploaded, watched = place.add("uploaded"), place.add("watched", source_id=source.id)

    def expiry(item: Any) -> timedelta | None:
        found = place.media.get(item.id)
        return None if found.expires_at is None else found.expires_at - found.added_at

    assert place.retention.keep_uploads_for(7) == 1
    assert (expiry(uploaded), round(expiry(watched) / timedelta(days=1))) == (timedelta(days=7), 30)  # type: ignore[operator]
    with place.database.session() as session:
        assert keep_for(session, source.id, 1) == 1
    assert (expiry(uploaded), expiry(watched)) == (timedelta(days=7), timedelta(days=1))
    with place.database.session() as session:
        keep_for(session, source.id, None)
    place.retention.keep_uploads_for(None)
    assert (expiry(uploaded), expiry(watched)) == (None, None)


def test_changing_a_source_changes_what_came_from_it(place: Place) -> None:
    from sightline.api.records import NewSource, SourceChange
    from sightline.store.sources import SourceStore

    sources = SourceStore(place.database, bytes(32))
    source = sources.add(NewSource(name="a", kind="camera", address="rtsp://a/b", retention_days=30))
    item = place.add(source_id=source.id)
    sources.change(source.id, SourceChange(retention_days=1))
    assert place.media.get(item.id).expires_at == item.added_at + timedelta(days=1)
    sources.change(source.id, SourceChange(name="b"))
    assert place.media.get(item.id).expires_at == item.added_at + timedelta(days=1)
    sources.change(source.id, SourceChange(retention_days=None))
    assert place.media.get(item.id).expires_at is None


def test_uploads_that_nobody_goes_on_with_are_thrown_away(place: Place) -> None:
    new = NewUpload(name="a", bytes=100)
    old, young, busy = (place.uploads.create(new, "mira").id for _ in range(3))
    for upload in (old, young, busy):
        with place.uploads.part(upload, 0) as part:
            part.write(b"x" * 10)
    with place.database.session() as session:
        session.execute(update(UploadRow).where(UploadRow.id.in_([old, busy])).values(expires_at=now() - timedelta(seconds=1)))
    stray = place.uploads.path(uuid4())
    stray.write_bytes(b"x")
    os.utime(stray, (1e9, 1e9))
    place.uploads.path(uuid4()).write_bytes(b"just coming in one go")
    with place.uploads.alone(busy):
        assert place.retention.sweep() == Swept(0, 2, 0)
    with place.database.session() as session:
        assert set(session.scalars(select(UploadRow.id))) == {young, busy}
    assert len(list((place.data / "spool").iterdir())) == 3
    assert not stray.exists()
    assert not place.uploads.path(old).exists()


def test_bytes_that_come_for_an_upload_prolong_it(place: Place) -> None:
    upload = place.uploads.create(NewUpload(name="a", bytes=100), "mira").id
    with place.database.session() as session:
        session.execute(update(UploadRow).values(expires_at=now()))
    with place.uploads.part(upload, 0) as part:
        part.write(b"x")
    assert place.uploads.get(upload).expires_at > now() + timedelta(hours=23)


def test_stray_thumbnails_are_deleted(place: Place) -> None:
    item = place.add()
    place.thumbnails.put(item.sha256, 128, b"kept")
    place.thumbnails.put("f" * 64, 128, b"stray")
    (place.data / "thumbs" / "ff" / "half").write_bytes(b"")
    assert place.retention.sweep().files == 0, "young ones may be about to be needed"
    for path, _ in place.thumbnails.files():
        os.utime(path, (1e9, 1e9))
    assert place.retention.sweep().files == 2
    assert place.thumbnails.get(item.sha256, 128) == b"kept"
    assert place.thumbnails.get("f" * 64, 128) is None


def test_it_goes_on_after_errors(place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    sweeps: list[int] = []
    errors = [StoreUnavailableError("away"), ValueError("a mistake of ours")]

    def sweep() -> Swept:
        sweeps.append(1)
        if errors:
            raise errors.pop(0)
        return Swept(0, 0, 0)

    monkeypatch.setattr(place.retention, "sweep", sweep)
    monkeypatch.setattr("sightline.store.retention._HOUR_S", 0.01)
    stop = threading.Event()
    thread = threading.Thread(target=place.retention.run_forever, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 20
    while len(sweeps) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert len(sweeps) >= 4
    assert [r.levelname for r in caplog.records if "expired" in r.message] == ["WARNING", "ERROR"]


def test_what_is_kept_longer_now_is_not_deleted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    item = place.add(expires_at=now() - timedelta(days=1))
    found = place.retention._expired()
    assert found == [item.id]
    with place.database.session() as session:
        session.execute(update(MediaRow).values(expires_at=None))
    assert place.retention._expire(item.id) is False
    assert place.names() == {"a.png"}
