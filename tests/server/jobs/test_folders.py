from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from tests.server.jobs.bench import Bench
from tests.server.jobs.clips import grey_clip
from tests.server.jobs.waiting import until

from sightline.api.jobs import Job
from sightline.api.records import NewSource, SourceChange
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.media.images import write_image
from sightline.server.jobs.folders import allowed, scan
from sightline.store.tables import AnalysisRow, JobRow, MediaRow, SourceFileRow

Make = Callable[..., Bench]


def picture(path: Path, value: int = 90) -> Path:
    write_image(path, np.full((20, 30, 3), value, np.uint8))
    return path


def media_of(b: Bench) -> dict[str, MediaRow]:
    with b.database.session() as session:
        return {(row.origin or "").split(":")[2]: row for row in session.scalars(select(MediaRow))}


def all_done(b: Bench, count: int) -> bool:
    with b.database.session() as session:
        states = session.scalars(select(AnalysisRow.state)).all()
    return len(states) == count and set(states) == {"done"}


def watched(b: Bench, folder: Path) -> Job:
    source = b.sources.add(NewSource(name="Inbox", kind="folder", address=str(folder), only=["faces"]), watch=b.config.watch)
    return b.runner.start_source(source.id, "mira")


def test_what_comes_into_a_folder_is_looked_at_once(make: Make, tmp_path: Path) -> None:
    inbox, secret = tmp_path / "inbox", tmp_path / "secret"
    for folder in (inbox / "deep" / "er", inbox / ".hidden", secret):
        folder.mkdir(parents=True)
    picture(inbox / "deep" / "er" / "a.png")
    picture(inbox / ".hidden" / "b.png")
    picture(secret / "c.png")
    (inbox / "file-link.png").symlink_to(secret / "c.png")
    (inbox / "folder-link").symlink_to(secret)
    (inbox / "notes.txt").write_text("no picture")
    (inbox / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    os.mkfifo(inbox / "pipe.mp4")
    grey_clip(inbox / "clip.mp4", 2.0)
    b = make(watch=(tmp_path,))
    job = watched(b, inbox)
    assert (job.kind, job.title, job.unit, job.total, job.created_by) == ("folder", "Inbox", "files", None, "mira")
    until(lambda: all_done(b, 2) and (b.jobs.get(job.id).detail or "").startswith("watching; 1 left out"))
    assert set(media_of(b)) == {"deep/er/a.png", "clip.mp4"}
    assert "broken.jpg" in (b.jobs.get(job.id).detail or "")
    assert str(tmp_path) not in (b.jobs.get(job.id).detail or "")
    found = media_of(b)["deep/er/a.png"]
    assert (found.name, found.source_id, found.added_by) == ("a.png", job.source_id, "mira")
    with b.database.session() as session:
        assert session.scalars(select(AnalysisRow.options)).first() is not None
        assert {tuple(o["only"]) for o in session.scalars(select(AnalysisRow.options))} == {("faces",)}
    assert b.jobs.get(job.id).done == 2
    b.media.delete(found.id)
    assert b.runner.start_source(job.source_id or 0, "ben").id == job.id  # it is watched already
    b = make(watch=(tmp_path,))  # after a restart it is watched again, and what was dealt with is left alone
    until(lambda: b.jobs.get(job.id).state == "running")
    picture(inbox / "late.png", 50)
    until(lambda: "late.png" in media_of(b) and all_done(b, 2))
    assert set(media_of(b)) == {"clip.mp4", "late.png"}
    assert b.jobs.get(job.id).attempts == 1
    assert list(b.config.spool.glob("folder-*")) == []


def test_a_file_that_grows_is_left_until_it_stops(make: Make, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    whole = picture(tmp_path / "whole.png").read_bytes()
    b = make(watch=(tmp_path,))
    job = watched(b, inbox)
    until(lambda: b.jobs.get(job.id).detail == "watching")
    with (inbox / "slow.png").open("wb") as file:
        for at in range(0, len(whole), len(whole) // 3 + 1):
            file.write(whole[at : at + len(whole) // 3 + 1])
            file.flush()
            time.sleep(1.2)
            assert media_of(b) == {}
    until(lambda: all_done(b, 1))
    with b.database.session() as session:
        assert session.scalars(select(SourceFileRow.detail)).all() == [None]
    shutil.copyfile(picture(tmp_path / "other.png", 7), inbox / "slow.png")  # written anew, it is another file
    until(lambda: all_done(b, 2))


def test_pause_stop_and_start_again(make: Make, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    b = make(watch=(tmp_path,))
    job = watched(b, inbox)
    source_id = job.source_id or 0
    until(lambda: b.jobs.get(job.id).state == "running")
    assert b.sources.get(source_id).running
    assert b.runner.act(job.id, "pause", "mira").state == "paused"
    assert not b.sources.get(source_id).running
    picture(inbox / "a.png")
    time.sleep(3.2)
    assert media_of(b) == {}
    inbox.rename(tmp_path / "away")
    b.sources.change(source_id, SourceChange(only=["hands"]))
    assert b.runner.act(job.id, "resume", "mira").state in ("queued", "running")
    until(lambda: "cannot be read at present" in (b.jobs.get(job.id).detail or ""))
    (tmp_path / "away").rename(inbox)  # a drive that comes back
    until(lambda: all_done(b, 1))
    with b.database.session() as session:
        assert session.scalars(select(AnalysisRow.options)).one()["only"] == ["hands"]
    stopped = b.runner.stop_source(source_id, "mira")
    assert (stopped.state, stopped.actions) == ("cancelled", ["retry"])
    again = b.runner.start_source(source_id, "mira")
    assert (again.id, again.attempts) == (job.id, 3)
    until(lambda: b.jobs.get(job.id).state == "running")
    b.sources.delete(source_id)  # ends it
    until(lambda: b.runner._workflows._active == 0)
    with b.database.session() as session:
        assert session.scalars(select(JobRow.kind)).all() == ["picture"]
    with pytest.raises(NotFoundError):
        b.runner.start_source(source_id, "mira")


def test_only_folders_that_are_allowed(make: Make, tmp_path: Path) -> None:
    (tmp_path / "open" / "in").mkdir(parents=True)
    (tmp_path / "closed").mkdir()
    (tmp_path / "open" / "way").symlink_to(tmp_path / "closed")
    assert allowed(tmp_path / "open" / "in", (tmp_path / "open",)) == tmp_path / "open" / "in"
    for wrong in ("closed", "open/way", "open/../closed"):
        with pytest.raises(InvalidInputError, match="none of the folders that may be watched"):
            allowed(tmp_path / wrong, (tmp_path / "open",))
    b = make(watch=(tmp_path,))
    job = watched(b, tmp_path / "closed")
    until(lambda: b.jobs.get(job.id).state == "running")
    b = make(watch=(tmp_path / "open",))  # not allowed any more
    until(lambda: b.jobs.get(job.id).state == "failed")
    assert "--watch" in (b.jobs.get(job.id).detail or "")


def test_a_scan_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        list(scan(tmp_path / "nothing"))
    (tmp_path / b"caf\xe9.png".decode("utf-8", "surrogateescape")).write_bytes(b"x")
    assert [f.name for f in scan(tmp_path)] == ["caf\\xe9.png"]
