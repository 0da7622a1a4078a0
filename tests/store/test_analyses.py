from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from sightline.analysis.document import Document
from sightline.api.analyses import AnalysisOptions
from sightline.api.media import Media
from sightline.core.errors import ConflictError, InvalidInputError, NotFoundError
from sightline.store.analyses import AnalysisStore, Piece
from sightline.store.blobs import open_blobs
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.tables import MediaRow

OPTIONS = AnalysisOptions(only=["objects"])
FACTS = {"kind": "video", "format": "h264", "content_type": "video/mp4", "size_wh": (64, 48), "duration_s": 25.0, "frame_rate": "5"}
MODEL = {"name": "light", "sha256": "0" * 64, "provider": "none"}


class Kept:
    """A store with one video."""

    def __init__(self, database: Database, folder: Path, name: str = "door.mp4") -> None:
        self.database = database
        self.catalogue = MediaCatalogue(database, open_blobs(None, folder))
        self.store = AnalysisStore(database, self.catalogue)
        (folder / "spool").write_bytes(b"video")
        self.media: Media = self.catalogue.add(folder / "spool", FACTS, name=name, added_by="mira")

    def begin(self) -> UUID:
        return self.store.begin(self.media.id, OPTIONS, "mira").analysis.id

    def keep(self, analysis_id: UUID, number: int, times_s: list[float], **facts: Any) -> int:
        border = {"ended": False, "next_index": 7}
        found = [
            {"index": round(t * 5), "time_s": t, "objects": [{"label": "Tür", "score": 0.5, "box_xyxy": [1, 2, 3, 4]}]} for t in times_s
        ]
        values: dict[str, Any] = {"took_s": 0.5, "counts": {"objects": 1}, "models": [MODEL], "problems": [], "border": border} | facts
        piece = Piece(number=number, start_s=number * 10.0, end_s=number * 10.0 + 10, frames=found, **values)
        with self.catalogue.keeping(piece.packed()) as (session, digest):
            return self.store.keep_piece(session, analysis_id, piece, digest)


@pytest.fixture
def kept(database: Database, tmp_path: Path) -> Kept:
    return Kept(database, tmp_path)


def document_of(kept: Kept, analysis_id: UUID) -> Document:
    return Document.model_validate_json(b"".join(kept.store.document(analysis_id)))


def test_pieces_become_one_document(kept: Kept) -> None:
    analysis_id = kept.begin()
    empty = document_of(kept, analysis_id)
    assert (empty.frames, empty.complete, empty.only, empty.source.path) == ([], False, ["objects"], "door.mp4")
    assert kept.keep(analysis_id, 0, [0.0, 9.8]) == 1
    assert kept.keep(analysis_id, 1, []) == 2  # nothing in it: no comma too many
    assert kept.keep(analysis_id, 2, [20.0, 24.8], counts={"objects": 3}, problems=[{"kind": "E", "message": "m", "time_s": 20.0}]) == 3
    found = document_of(kept, analysis_id)
    assert [f.time_s for f in found.frames] == [0.0, 9.8, 20.0, 24.8]
    assert found.frames[0].objects is not None
    assert found.frames[0].objects[0].label == "Tür"
    assert (found.source.size_wh, found.source.frame_rate, len(found.models), len(found.problems)) == ((64, 48), "5", 1, 1)
    assert found.timings is not None
    assert (found.timings.total_s, found.timings.frames) == (1.5, 4)
    analysis = kept.store.get(analysis_id)
    assert (analysis.counts, analysis.frames, analysis.took_s) == ({"objects": 3}, 4, 1.5)


def test_a_piece_that_comes_again_takes_the_place_of_the_first(kept: Kept) -> None:
    analysis_id = kept.begin()
    kept.keep(analysis_id, 0, [0.0, 1.0], problems=[{"kind": "E", "message": "m", "time_s": None}])
    assert kept.keep(analysis_id, 0, [0.0], problems=[{"kind": "E", "message": "m", "time_s": None}]) == 1
    assert [f.time_s for f in document_of(kept, analysis_id).frames] == [0.0]
    assert (kept.store.get(analysis_id).frames, len(kept.store.get(analysis_id).problems)) == (1, 1)
    assert kept.store.border(analysis_id, 0) == {"ended": False, "next_index": 7}
    assert kept.store.border(analysis_id, 1) is None


def test_a_stretch_is_read_from_the_pieces_that_hold_it(kept: Kept) -> None:
    analysis_id = kept.begin()
    for number in range(3):
        kept.keep(analysis_id, number, [number * 10 + t for t in (0.0, 5.0, 9.8)])
    times = lambda a, b: [f.time_s for f in kept.store.frames(analysis_id, a, b).frames]  # noqa: E731
    assert times(0, 30) == [0.0, 5.0, 9.8, 10.0, 15.0, 19.8, 20.0, 25.0, 29.8]
    assert times(9.8, 15.0) == [9.8, 10.0]
    assert times(9.9, 10.0) == []
    for a, b in ((1, 1), (2, 1), (0, 601)):
        with pytest.raises(InvalidInputError, match="at most 600 s"):
            kept.store.frames(analysis_id, a, b)
    with pytest.raises(NotFoundError):
        kept.store.frames(uuid4(), 0, 1)


def test_what_check_refuses_is_not_begun(kept: Kept) -> None:
    def refuse(media: MediaRow) -> None:
        raise ConflictError(media.name)

    with pytest.raises(ConflictError, match=r"door\.mp4"):
        kept.store.begin(kept.media.id, OPTIONS, "mira", refuse)
    with pytest.raises(NotFoundError):
        kept.store.begin(uuid4(), OPTIONS, "mira")
    assert kept.store.page().items == []
    with kept.database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM jobs")) == 0


def test_lists_and_deleting(kept: Kept) -> None:
    ids = [kept.begin() for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = kept.store.page(media_id=kept.media.id, cursor=cursor, limit=2)
        seen += [a.id for a in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == ids[::-1]
    assert kept.store.page(media_id=uuid4()).items == []
    kept.keep(ids[0], 0, [0.0])
    kept.keep(ids[1], 0, [0.0])  # the same frames are one file
    kept.store.delete(ids[0])
    assert len(document_of(kept, ids[1]).frames) == 1
    kept.store.delete(ids[1])
    with kept.database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM blobs")) == 1  # the video
        assert session.scalar(text("SELECT count(*) FROM jobs")) == 3
    for call in (kept.store.get, kept.store.delete, kept.store.document):
        with pytest.raises(NotFoundError):
            call(ids[0])


def test_the_same_frames_give_the_same_bytes() -> None:
    piece = Piece(0, 0.0, 1.0, [{"index": 0, "time_s": 0.5, "text": [{"text": "出口"}]}], 0.1, {}, [], [])
    assert piece.packed() == piece.packed()
    assert json.loads(gzip.decompress(piece.packed())) == piece.frames
    with pytest.raises(ValueError, match="Out of range"):
        Piece(0, 0.0, 1.0, [{"time_s": float("nan")}], 0.1, {}, [], []).packed()
