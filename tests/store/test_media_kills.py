"""Whatever step a process is killed after, files and rows agree once the next one has recovered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.object_store import CREDENTIALS

from sightline.api.media import MediaFilter
from sightline.store.blobs import BlobStore, open_blobs
from sightline.store.blobs.ledger import Comparison
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.tables import BlobRow, MediaRow, SegmentRow

ROOT = Path(__file__).parents[2]


class Killable:
    """A process that does what it is told and dies when it is told."""

    def __init__(self, database: Database, media_url: str, data: Path) -> None:
        url = database.url.render_as_string(hide_password=False)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.killed", url, media_url, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **CREDENTIALS},
        )

    def __call__(self, do: str, die_after: int | None, **values: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, "die_after": die_after, **values}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert answer["killed"] or answer["status"] == 0, answer
        return answer

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()


class Place:
    """A catalogue, what it lies in, and a process that works on it."""

    def __init__(self, database: Database, media_url: str, data: Path) -> None:
        self.database, self.data = database, data
        self.blobs: BlobStore = open_blobs(media_url or None, data)
        self.media = MediaCatalogue(database, self.blobs)
        self.process = Killable(database, media_url, data)

    def spool(self, size: int) -> Path:
        path = self.data / "a.part"
        path.write_bytes(os.urandom(size))
        return path

    def names(self) -> list[str]:
        return [item.name for item in self.media.page(MediaFilter(), limit=1000).items]

    def check(self) -> None:
        """Files, rows and what needs them agree, and nothing is half there."""
        with self.database.session() as session:
            rows = {row.digest: row.state for row in session.scalars(select(BlobRow))}
            needed = {*session.scalars(select(MediaRow.digest)), *session.scalars(select(SegmentRow.digest))}
        assert set(rows.values()) <= {"kept"}
        assert set(rows) == needed == set(self.blobs.digests())
        assert self.media.recover() == 0
        assert self.media.ledger.collect_garbage() == 0


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Place]:
    place = Place(database, "" if request.param == "local" else request.getfixturevalue("s3").fresh(), tmp_path)
    yield place
    place.process.close()


def test_killed_while_adding(place: Place) -> None:
    size = 6 << 20  # two parts in an object store
    steps = place.process("add", None, path=str(place.spool(size)))["steps"]
    assert steps[0] == "announced"
    assert steps[-1] == "spool file deleted"
    place.check()
    seen_pending = False
    for die_after, step in enumerate(steps):
        before = len(place.names())
        path = place.spool(size)
        answer = place.process("add", die_after, path=str(path))
        assert answer["killed"], "the process must not survive"
        assert answer["steps"][-1] == step
        seen_pending |= list(place.blobs.digests()) != [] and len(place.names()) == before
        place.media.recover()
        place.check()
        committed = die_after >= steps.index("kept")
        assert len(place.names()) - before == committed, f"killed after {step!r}"
        assert path.exists() == (die_after < len(steps) - 1), "bytes stay in the spool until they are kept"
    assert place.media.ledger.compare() == Comparison(0, [])
    assert seen_pending, "some kill must have left something to settle, or this test shows nothing"


def test_killed_while_deleting(place: Place) -> None:
    def kept() -> str:
        return str(place.media.add(place.spool(1000), {**FACTS}, name="a.jpg", added_by="mira").id)

    first = kept()
    place.process("document", None, media_id=first, text="[1]")
    steps = place.process("delete", None, media_id=first)["steps"]
    assert steps == ["about to commit", "files deleted", "rows deleted", "deleted"]
    place.check()
    for die_after, step in enumerate(steps):
        media_id = kept()
        place.process("document", None, media_id=media_id, text=f"[{die_after}]")
        assert place.process("delete", die_after, media_id=media_id)["killed"]
        place.media.recover()
        place.check()
        assert place.names() == (["a.jpg"] if die_after == 0 else []), f"killed after {step!r}"
        if die_after == 0:
            place.process("delete", None, media_id=media_id)


def test_killed_while_keeping_a_document(place: Place) -> None:
    media_id = str(place.media.add(place.spool(1000), {**FACTS}, name="a.jpg", added_by="mira").id)
    steps = place.process("document", None, media_id=media_id, text="[]")["steps"]
    for die_after, step in enumerate(steps):
        files = len(list(place.blobs.digests()))
        assert place.process("document", die_after, media_id=media_id, text=f"[{die_after}]")["killed"]
        place.media.recover()
        place.check()
        assert len(list(place.blobs.digests())) - files == (die_after >= steps.index("kept")), f"killed after {step!r}"


FACTS = {"kind": "picture", "format": "JPEG", "content_type": "image/jpeg", "size_wh": [4, 3], "taken_at": None}
