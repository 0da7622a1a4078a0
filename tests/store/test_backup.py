from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from tests.databases import TestServer

from sightline.api.accounts import NewUser
from sightline.api.base import now
from sightline.core.errors import ConflictError, InvalidInputError
from sightline.store.accounts import Accounts
from sightline.store.audit import AuditTrail
from sightline.store.backup import backup, check, restore
from sightline.store.blobs import open_blobs
from sightline.store.database import Database
from sightline.store.keys import read_key
from sightline.store.media import MediaCatalogue
from sightline.store.tables import AnalysisRow, Base, JobRow, RecordRow, SourceRow

FACTS = {"kind": "picture", "format": "PNG", "content_type": "image/png", "size_wh": (4, 3), "duration_s": None, "frame_rate": None}


def fill(database: Database, folder: Path) -> bytes:
    """Keep one of everything and return the bytes of its picture."""
    media = MediaCatalogue(database, open_blobs(None, folder))
    content = b"not really a picture, kept all the same"
    spool = folder / "a.part"
    spool.write_bytes(content)
    kept = media.add(spool, FACTS, name="tür \t\\ 门.png", added_by="owner")
    Accounts(database).add_user(NewUser(name="mira", role="viewer", password="correct horse battery"))
    AuditTrail(database, folder / "keys").write("owner", "media.add", f"media/{kept.id}", note="ü\\N\t")
    read_key(folder / "keys" / "sources.key")
    with database.session() as session:
        session.execute(insert(SourceRow).values(name="door", kind="camera", address="sealed", only=["faces", "text"]))
        analysis = AnalysisRow(media_id=kept.id, job_id="job-1", state="running", options={"only": ["faces"]})
        session.add(analysis)
        session.flush()
        session.add(JobRow(id="job-1", kind="picture", title="t", state="running", unit="pictures", created_by="owner", media_id=kept.id))
        session.add_all(
            RecordRow(
                media_id=kept.id,
                analysis_id=analysis.id,
                segment=0,
                is_current=True,
                kind="text",
                text="a\tb\n\\.",
                frame=n,
                time_s=0.1,
                taken_at=now(),
                score=0.5,
                attributes={"n": n},
            )
            for n in range(3)
        )
    return content


def snapshot(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.session() as session:
        return {t.name: sorted((tuple(map(str, r)) for r in session.execute(select(t))), key=str) for t in Base.metadata.sorted_tables}


@pytest.mark.parametrize(("origin", "target"), [("embedded", "embedded"), ("embedded", "debian"), ("debian", "embedded")])
def test_what_is_restored_is_what_was_kept(origin: str, target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    servers: dict[str, TestServer] = {name: request.getfixturevalue(f"{name}_postgres") for name in {origin, target}}
    here, there, archive = tmp_path / "here", tmp_path / "there", tmp_path / "backup.tar"
    here.mkdir()
    there.mkdir()
    with Database(servers[origin].fresh(), pool_size=2) as database:
        content = fill(database, here)
        backup(database, open_blobs(None, here), here / "keys", archive)
        before = snapshot(database)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with Database(servers[target].empty(), pool_size=2) as database:
        restore(archive, database, open_blobs(None, there), there / "keys")
        after = snapshot(database)
        assert after.keys() == before.keys()
        assert {n: r for n, r in after.items() if n != "jobs"} == {n: r for n, r in before.items() if n != "jobs"}
        with database.session() as session:
            assert session.execute(select(JobRow.state, JobRow.detail)).one()[0] == "failed"
            digest = session.scalar(text("SELECT digest FROM media"))
            before_new = session.scalar(select(func.max(SourceRow.id)))
            new = session.scalar(insert(SourceRow).values(name="n", kind="folder", address="x", only=["text"]).returning(SourceRow.id))
            assert new > before_new
        with open_blobs(None, there).open(digest) as stream:
            assert stream.read() == content
        assert (there / "keys" / "sources.key").read_bytes() == (here / "keys" / "sources.key").read_bytes()
        assert AuditTrail(database, there / "keys").verify().intact


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Path:
    folder = tmp_path / "full"
    folder.mkdir()
    fill(database, folder)
    path = tmp_path / "backup.tar"
    backup(database, open_blobs(None, folder), folder / "keys", path)
    return path


def is_refused(path: Path) -> bool:
    try:
        check(path)
    except InvalidInputError:
        return True
    return False


def test_an_archive_that_was_cut_off_or_changed_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    check(archive)
    with tarfile.open(archive) as opened:
        offsets = {m.name: m.offset_data for m in opened.getmembers()}
    damages = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no backup", "tail": whole[: offsets["manifest.json"] - 600]}
    for name, offset in offsets.items():
        if name != "manifest.json" and whole[offset : offset + 1]:
            damages[name] = whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :]
    for name, damaged in damages.items():
        path = tmp_path / "damaged.tar"
        path.write_bytes(damaged)
        assert is_refused(path), f"the damage {name} was not noticed"


def test_nothing_is_overwritten(archive: Path, database: Database, embedded_postgres: TestServer, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="already"):
        restore(archive, database, open_blobs(None, tmp_path), tmp_path / "new-keys")
    read_key(tmp_path / "keys" / "audit.key")
    with Database(embedded_postgres.empty(), pool_size=2) as empty:
        with pytest.raises(ConflictError, match="holds keys"):
            restore(archive, empty, open_blobs(None, tmp_path), tmp_path / "keys")
        assert empty.revision() is None


def test_a_restore_that_fails_half_way_leaves_no_rows(archive: Path, embedded_postgres: TestServer, tmp_path: Path) -> None:
    with Database(embedded_postgres.empty(), pool_size=2) as empty:
        with pytest.raises(OSError, match="/proc"):
            restore(archive, empty, open_blobs(None, tmp_path), Path("/proc/none/keys"))
        assert all(rows == [] for rows in snapshot(empty).values())


def test_an_archive_of_a_newer_version_is_refused(archive: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.tar"
    with tarfile.open(archive) as old, tarfile.open(newer, "w") as new:
        for member in old.getmembers():
            content = old.extractfile(member).read()
            if member.name == "manifest.json":
                content = content.replace(b'"format": 1', b'"format": 2')
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    with pytest.raises(InvalidInputError, match="newer"):
        check(newer)
