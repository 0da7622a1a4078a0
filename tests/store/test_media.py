from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from sightline.api.base import now
from sightline.api.media import Media, MediaFilter
from sightline.core.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from sightline.store.blobs import BlobStore, digest_of, open_blobs
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.names import clean_name
from sightline.store.tables import AnalysisRow, BlobRow, MediaRow, SegmentRow, SourceRow

FACTS = {"kind": "picture", "format": "PNG", "content_type": "image/png", "size_wh": (4, 3)}
Add = Callable[..., Media]


@pytest.fixture
def media(database: Database, tmp_path: Path) -> MediaCatalogue:
    return MediaCatalogue(database, open_blobs(None, tmp_path))


@pytest.fixture
def add(media: MediaCatalogue, tmp_path: Path) -> Add:
    def add(data: bytes = b"", **values: Any) -> Media:
        path = tmp_path / f"{uuid4()}.part"
        path.write_bytes(data or os.urandom(10))
        facts = FACTS | values.pop("facts", {})
        return media.add(path, facts, **({"name": "a.png", "added_by": "mira"} | values))

    return add


def analysed(database: Database, media: MediaCatalogue, item: Media, counts: dict[str, int], *, state: str = "done") -> AnalysisRow:
    with media.keeping(os.urandom(20)) as (session, digest):
        row = AnalysisRow(media_id=item.id, job_id="j", state=state, options={}, counts=counts, created_at=now())
        session.add(row)
        session.flush()
        session.add(SegmentRow(analysis_id=row.id, number=0, start_s=0, end_s=0, frames=1, digest=digest, took_s=0))
    return row


def states(database: Database) -> dict[str, str]:
    with database.session() as session:
        return {row.digest: row.state for row in session.scalars(select(BlobRow))}


def test_what_was_added_can_be_asked_for(media: MediaCatalogue, add: Add, tmp_path: Path) -> None:
    facts = {
        "kind": "video",
        "format": "h264",
        "content_type": "video/mp4",
        "size_wh": (64, 48),
        "duration_s": 2.5,
        "frame_rate": "30000/1001",
    }
    item = add(b"abc", facts=facts | {"taken_at": "2024-05-01T10:00:00+02:00"}, name="door.mp4")
    assert item == media.get(item.id)
    assert item.sha256 == digest_of(b"abc")
    assert (item.kind, item.bytes, item.size_wh, item.duration_s, item.frame_rate) == ("video", 3, (64, 48), 2.5, "30000/1001")
    assert item.taken_at == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert media.read(item.sha256) == b"abc"
    assert b"".join(media.range(item.sha256, 1, 3)) == b"bc"
    with media.local_path(item.sha256) as path:
        assert path.read_bytes() == b"abc"
    assert media.row(item.id).digest == item.sha256
    assert list(tmp_path.glob("*.part")) == []


def test_the_same_bytes_are_stored_once_and_stay_while_anybody_has_them(media: MediaCatalogue, add: Add, database: Database) -> None:
    one, other = add(b"same"), add(b"same", name="b.png")
    assert one.id != other.id
    media.delete(one.id)
    assert media.read(other.sha256) == b"same"
    media.delete(other.id)
    assert states(database) == {}
    with pytest.raises(NotFoundError):
        media.read(other.sha256)
    for ask in (media.get, media.row, media.delete):
        with pytest.raises(NotFoundError, match=str(one.id)):
            ask(one.id)


def test_deleting_takes_analyses_and_documents_along(media: MediaCatalogue, add: Add, database: Database, tmp_path: Path) -> None:
    item, other = add(), add()
    for each in (item, item, other):
        analysed(database, media, each, {"faces": 1})
    media.delete(item.id)
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM analyses")) == session.scalar(text("SELECT count(*) FROM segments")) == 1
    assert len(states(database)) == 2 == sum(p.is_file() for p in (tmp_path / "media").rglob("*"))


def test_an_origin_is_brought_in_once(media: MediaCatalogue, add: Add, database: Database) -> None:
    first = add(b"1", origin="folder/1/a.png")
    assert add(b"1", origin="folder/1/a.png").id == add(b"2", origin="folder/1/a.png").id == first.id
    assert add(b"1", origin="folder/1/b.png").id != first.id
    assert states(database) == {digest_of(b"1"): "kept"}


def test_an_unknown_source_keeps_nothing(media: MediaCatalogue, add: Add, database: Database, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no source 7"):
        add(b"1", source_id=7)
    assert states(database) == {}
    assert list((tmp_path / "media").rglob("?" * 64)) == []
    assert len(list(tmp_path.glob("*.part"))) == 1


def test_the_source_says_how_long_things_are_kept(add: Add, database: Database) -> None:
    with database.session() as session:
        sources = [SourceRow(name="a", kind="folder", address="/a", only=["faces"], retention_days=days) for days in (30, None)]
        session.add_all(sources)
    item = add(source_id=sources[0].id)
    assert item.expires_at is not None
    assert abs(item.expires_at - item.added_at - timedelta(days=30)) < timedelta(seconds=5)
    assert add(source_id=sources[1].id).expires_at is None
    assert add(expires_at=item.expires_at).expires_at == item.expires_at


def test_a_failed_block_keeps_no_document_and_neither_does_an_idle_one(media: MediaCatalogue, database: Database, tmp_path: Path) -> None:
    def fail() -> None:
        with media.keeping(b"1"):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    with media.keeping(b"2"):
        pass
    assert states(database) == {}
    assert [p for p in (tmp_path / "media").rglob("*") if p.is_file()] == []


def test_a_document_that_is_replaced_goes(media: MediaCatalogue, add: Add, database: Database) -> None:
    row = analysed(database, media, add(), {})
    with media.keeping(b"new") as (session, digest):
        segment = session.scalars(select(SegmentRow).where(SegmentRow.analysis_id == row.id)).one()
        old, segment.digest = segment.digest, digest
        media.release(session, [old, digest])
    assert states(database)[digest] == "kept"
    assert old not in states(database)


def test_garbage_is_collected_and_what_is_lost_is_named(media: MediaCatalogue, add: Add, database: Database, tmp_path: Path) -> None:
    item = add()
    blobs = open_blobs(None, tmp_path)
    blobs.put_bytes(b"orphan", digest_of(b"orphan"))
    with database.session() as session:
        session.add(BlobRow(digest=digest_of(b"unneeded"), bytes=8, state="kept"))
        session.add(BlobRow(digest=digest_of(b"stale"), bytes=5, state="pending", changed_at=now() - timedelta(days=2)))
        session.add(BlobRow(digest=digest_of(b"on its way"), bytes=5, state="pending"))
    assert media.ledger.collect_garbage() == 2
    assert states(database) == {item.sha256: "kept", digest_of(b"on its way"): "pending"}
    assert media.ledger.compare().orphans == 1
    assert list(blobs.digests()) == [item.sha256]
    blobs.delete(item.sha256)
    assert media.ledger.compare().lost == [item.sha256]


def test_a_file_that_cannot_be_deleted_now_is_deleted_later(
    media: MediaCatalogue, add: Add, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = add()

    def refuse(self: object, digest: str) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr("sightline.store.blobs.local.LocalBlobs.delete", refuse)
        media.delete(item.id)
    assert states(database) == {item.sha256: "doomed"}
    assert media.recover() == 1
    assert states(database) == {}


# ---------------------------------------------------------------------------------------------------------------- side by side


def test_the_same_bytes_come_and_go_at_once(database: Database, blobs: BlobStore, tmp_path: Path) -> None:
    """Eight threads add and delete one content in turn; whoever has added it can read it until he deletes it."""
    media = MediaCatalogue(database, blobs)
    data, failures = b"the same for all", []

    def come_and_go(number: int) -> None:
        for turn in range(6):
            path = tmp_path / f"{number}-{turn}.part"
            path.write_bytes(data)
            item = media.add(path, FACTS, name=path.name, added_by="mira")
            if not blobs.exists(item.sha256):
                failures.append(f"{path.name}: kept, and not there")
            media.delete(item.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert failures == []
    assert states(database) == {}
    assert list(blobs.digests()) == []


@pytest.mark.parametrize("step", ["announced", "put"])
def test_bytes_that_are_deleted_just_after_they_came_again_are_put_again(database: Database, tmp_path: Path, step: str) -> None:
    """The moment between a file that is there already and the transaction that needs it, held open."""
    blobs = open_blobs(None, tmp_path)
    reached, go_on = threading.Event(), threading.Event()

    def between(at: str) -> None:
        if at == step and not reached.is_set():
            reached.set()
            assert go_on.wait(10)

    plain, held = MediaCatalogue(database, blobs), MediaCatalogue(database, blobs, between=between)
    paths = [tmp_path / f"{n}.part" for n in range(2)]
    for path in paths:
        path.write_bytes(b"same")
    first = plain.add(paths[0], FACTS, name="1", added_by="mira")
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(held.add, paths[1], FACTS, name="2", added_by="mira")
        assert reached.wait(10)
        plain.delete(first.id)
        go_on.set()
        item = second.result()
    assert media_ids(database) == {item.id}
    assert blobs.read(item.sha256) == b"same"
    assert states(database) == {item.sha256: "kept"}


def media_ids(database: Database) -> set[Any]:
    with database.session() as session:
        return set(session.scalars(select(MediaRow.id)))


# ---------------------------------------------------------------------------------------------------------------- lists


def test_pages_follow_each_other_newest_first(media: MediaCatalogue, add: Add) -> None:
    added = [add(name=f"{n}.png").name for n in range(7)]
    seen, cursor = [], None
    for _ in range(4):
        page = media.page(MediaFilter(), cursor=cursor, limit=2)
        seen += [item.name for item in page.items]
        cursor = page.next_cursor
    assert seen == added[::-1]
    assert cursor is None
    with pytest.raises(InvalidInputError, match="cursor"):
        media.page(MediaFilter(), cursor="nonsense")


def test_conditions_of_a_list(media: MediaCatalogue, add: Add, database: Database) -> None:
    with database.session() as session:
        source = SourceRow(name="a", kind="folder", address="/a", only=["faces"])
        session.add(source)
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    add(name="door.png", taken_at=noon)
    add(name="film.mp4", facts={"kind": "video"}, taken_at=noon + timedelta(hours=1))
    add(name="yard.png", source_id=source.id, taken_at=noon + timedelta(hours=2))

    def names(**conditions: Any) -> set[str]:
        return {item.name for item in media.page(MediaFilter(**conditions)).items}

    assert names(kind="video") == {"film.mp4"}
    assert names(source_id=source.id) == {"yard.png"}
    assert names(taken_from=noon + timedelta(hours=1)) == {"film.mp4", "yard.png"}
    assert names(taken_from=noon, taken_before=noon + timedelta(hours=1)) == {"door.png"}
    assert names(kind="video", source_id=source.id) == set()


def test_the_newest_finished_analysis_counts(media: MediaCatalogue, add: Add, database: Database) -> None:
    found, lost, never = add(name="found"), add(name="lost"), add(name="never")
    analysed(database, media, lost, {"faces": 3})
    analysed(database, media, lost, {"faces": 0, "objects": 1})
    analysed(database, media, found, {"objects": 1})
    newest = analysed(database, media, found, {"faces": 2})
    analysed(database, media, found, {}, state="failed")
    analysed(database, media, never, {"faces": 9}, state="running")
    assert [item.name for item in media.page(MediaFilter(found="face")).items] == ["found"]
    assert [item.name for item in media.page(MediaFilter(found="object")).items] == ["lost"]
    assert (media.get(found.id).analysis_id, media.get(found.id).counts) == (newest.id, {"faces": 2})
    assert (media.get(never.id).analysis_id, media.get(never.id).counts) == (None, {})


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("DOOR", {"Front door.png", "door.png"}),
        ("t d", {"Front door.png"}),
        ("出口", {"大厅出口.jpg"}),
        ("口", {"大厅出口.jpg"}),
        ("100%", set()),
    ],
)
def test_names_are_found_by_any_part(media: MediaCatalogue, add: Add, phrase: str, expected: set[str]) -> None:
    for name in ("Front door.png", "door.png", "大厅出口.jpg", "100.png"):
        add(name=name)
    assert {item.name for item in media.page(MediaFilter(name=phrase)).items} == expected


def test_pairs_of_letters_alone_do_not_make_a_match_and_pages_are_filled(media: MediaCatalogue, add: Add) -> None:
    for n in range(6):
        add(name="abcab" if n % 2 else "bcabab")  # both have the pairs of "abca": ab, bc, ca
    first = media.page(MediaFilter(name="abca"), limit=2)
    assert [item.name for item in first.items] == ["abcab", "abcab"]
    rest = media.page(MediaFilter(name="abca"), limit=2, cursor=first.next_cursor)
    assert ([item.name for item in rest.items], rest.next_cursor) == (["abcab"], None)


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("door.jpg", "door.jpg"),
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/olute.png", "olute.png"),
        ("folder/", "folder"),
        ("a\x00b\nc\r\x1b[31m.png", "abc[31m.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("\u2066a\u2069\u200eb\ufeff.png", "ab.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
        ("\u092e\u0930\u094d\u200d\u0940.png", "\u092e\u0930\u094d\u200d\u0940.png"),
        ("\U0001f469\u200d\U0001f4bb.png", "\U0001f469\u200d\U0001f4bb.png"),
        ("\ud800.png", ".png"),
        ("a\u2028b", "ab"),
        ("x" + "\u0328" * 500, "x" + "\u0328" * 6),
        ("", "unnamed"),
        (".", "unnamed"),
        ("...", "unnamed"),
        ("\x00\u202e", "unnamed"),
        ("x" * 10_000 + ".png", "x" * 196 + ".png"),
        ("x" * 10_000, "x" * 200),
        ("x." + "y" * 300, "x." + "y" * 198),
        ("<script>.png", "<script>.png"),
        ("';DROP TABLE media;--.png", "';DROP TABLE media;--.png"),
    ],
)
def test_names_are_made_safe_to_show(given: str, kept: str) -> None:
    assert clean_name(given) == kept
    assert clean_name(kept) == kept


def test_a_hostile_name_is_kept_as_text_and_nowhere_a_path(add: Add, tmp_path: Path) -> None:
    item = add(name="../../\x00evil\u202e.png")
    assert item.name == "evil.png"
    assert not [p for p in tmp_path.parent.rglob("*evil*") if p.is_file()]
