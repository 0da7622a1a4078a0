"""Analyses: what was looked for, what came of it, and the documents, piece by piece.

Each finished segment has a document of its own, a compressed list of frames that lies with the media files. Together
they are one `sightline.analysis.document.Document`, which is made as it is sent and never held in memory.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

import sightline
from sightline.analysis.document import SCHEMA_VERSION, FrameFindings
from sightline.analysis.findings import KINDS
from sightline.api.analyses import Analysis, AnalysisOptions, Frames
from sightline.api.base import Page, now
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.store.database import Database
from sightline.store.jobs import NewJob, add_job, new_job_id
from sightline.store.media import MediaCatalogue
from sightline.store.paging import decode_cursor, encode_cursor
from sightline.store.records import RecordStore
from sightline.store.tables import AnalysisRow, MediaRow, SegmentRow

LONGEST_STRETCH_S = 600.0
_COMPRESSION = 5
_PROBLEMS = 1000


@dataclass(frozen=True)
class Started:
    """An analysis just put on record, and what its work needs to know.

    Attributes
    ----------
    analysis : Analysis
        As the API tells of it.
    media : MediaRow
        What is looked at.
    """

    analysis: Analysis
    media: MediaRow


@dataclass(frozen=True)
class Piece:
    """A finished stretch of an analysis.

    Parameters
    ----------
    number : int
        From 0; a picture is piece 0.
    start_s, end_s : float
        Borders.
    frames : sequence of dict
        As ``document.FrameFindings``, with ids and indices of the whole video.
    took_s : float
        Time of computing, seconds.
    counts : dict
        Most found in one frame, by kind.
    models, problems : sequence of dict
        As in the document.
    border : dict, optional
        What the next piece needs of this one: ``carry`` and ``ended``.
    """

    number: int
    start_s: float
    end_s: float
    frames: Sequence[dict[str, Any]]
    took_s: float
    counts: dict[str, int]
    models: Sequence[dict[str, Any]]
    problems: Sequence[dict[str, Any]]
    border: dict[str, Any] | None = None

    def packed(self) -> bytes:
        """Return the frames as compressed JSON; the same frames give the same bytes."""
        text = json.dumps(self.frames, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return gzip.compress(text.encode(), _COMPRESSION, mtime=0)


class AnalysisStore:
    """Analyses and their documents.

    Parameters
    ----------
    database : Database
        Where rows are kept.
    media : MediaCatalogue
        Where documents lie.
    """

    def __init__(self, database: Database, media: MediaCatalogue) -> None:
        self._database, self._media, self._records = database, media, RecordStore(database)

    # ------------------------------------------------------------------ rows

    def begin(
        self, media_id: UUID, options: AnalysisOptions, created_by: str, check: Callable[[MediaRow], None] = lambda media: None
    ) -> Started:
        """Put an analysis and its job on record, queued.

        Parameters
        ----------
        media_id : UUID
            What to look at.
        options : AnalysisOptions
            What to look for.
        created_by : str
            Who wishes it.
        check : callable
            Is given the medium; what it raises keeps the analysis from being begun.

        Raises
        ------
        NotFoundError
            When there is no such picture or video.
        """
        with self._database.session() as session:
            media = session.get(MediaRow, media_id, with_for_update={"key_share": True})
            if media is None:
                raise NotFoundError(f"there is no picture or video {media_id}")
            check(media)
            others = select(AnalysisRow.id).where(AnalysisRow.media_id == media_id)
            kind: Any = media.kind
            row: dict[str, Any] = {
                "id": uuid4(),
                "media_id": media_id,
                "job_id": new_job_id(kind),
                "state": "queued",
                "options": options.model_dump(mode="json"),
                "created_at": now(),
            }
            first = ~others.exists()  # its records count from the first one on, as `RecordStore` would decide later
            session.execute(insert(AnalysisRow.__table__).values(**row, is_current=first))  # type: ignore[arg-type]
            unit, total = ("segments", None) if kind == "video" else ("pictures", 1)
            new = NewJob(
                kind, media.name, unit, created_by, total, media_id, row["id"]
            )  # a job of a source ends with it, this one does not
            add_job(session, new, row["job_id"])
        analysis = Analysis(**{**row, "options": options}, counts={}, frames=0)
        return Started(analysis, media)

    def get(self, analysis_id: UUID) -> Analysis:
        """Return an analysis.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            return _analysis(_existing(session, analysis_id))

    def page(self, *, media_id: UUID | None = None, cursor: str | None = None, limit: int = 50) -> Page[Analysis]:
        """Return analyses, newest first.

        Raises
        ------
        InvalidInputError
            When the cursor is not one of this list.
        """
        query = select(AnalysisRow).order_by(AnalysisRow.created_at.desc(), AnalysisRow.id.desc()).limit(limit + 1)
        if media_id is not None:
            query = query.where(AnalysisRow.media_id == media_id)
        if cursor is not None:
            query = query.where(tuple_(AnalysisRow.created_at, AnalysisRow.id) < tuple_(*decode_cursor(cursor, datetime, UUID)))
        with self._database.session() as session:
            items = [_analysis(row) for row in session.scalars(query)]
        last = items[:limit][-1] if items else None
        return Page[Analysis](
            items=items[:limit], next_cursor=encode_cursor(last.created_at, last.id) if last is not None and len(items) > limit else None
        )

    def delete(self, analysis_id: UUID) -> None:
        """Delete an analysis with its job, records and documents.

        Raises
        ------
        NotFoundError
            When there is none of that id.
        """
        with self._database.session() as session:
            media_id = _existing(session, analysis_id).media_id
            session.execute(select(MediaRow.id).where(MediaRow.id == media_id).with_for_update(key_share=True))
            session.execute(select(AnalysisRow.id).where(AnalysisRow.id == analysis_id).with_for_update())  # no piece can come from here on
            digests = set(session.scalars(select(SegmentRow.digest).where(SegmentRow.analysis_id == analysis_id)))
            session.execute(delete(AnalysisRow).where(AnalysisRow.id == analysis_id).execution_options(synchronize_session=False))
            self._records.settle(session, media_id)
            self._media.release(session, digests)

    # ------------------------------------------------------------------ pieces

    def keep_piece(self, session: Session, analysis_id: UUID, piece: Piece, digest: str) -> int:
        """Put a finished piece into a transaction, in place of an earlier try at it; return how many are finished now."""
        facts = {
            "start_s": piece.start_s,
            "end_s": piece.end_s,
            "frames": len(piece.frames),
            "digest": digest,
            "border": piece.border,
            "took_s": piece.took_s,
        }
        put = insert(SegmentRow).values(analysis_id=analysis_id, number=piece.number, **facts)
        session.execute(put.on_conflict_do_update(index_elements=["analysis_id", "number"], set_=facts))
        row = session.get_one(AnalysisRow, analysis_id)
        row.counts = {k: max(row.counts.get(k, 0), piece.counts.get(k, 0)) for k in KINDS if k in row.counts or k in piece.counts}
        row.models = [*row.models, *(m for m in piece.models if m not in row.models)]
        row.problems = [*row.problems, *(p for p in piece.problems if p not in row.problems)][:_PROBLEMS]
        if piece.border is None:  # a picture has no other pieces
            row.frames, row.took_s = len(piece.frames), piece.took_s
            return 1
        sums = select(func.count(), func.sum(SegmentRow.frames), func.sum(SegmentRow.took_s)).where(SegmentRow.analysis_id == analysis_id)
        count, row.frames, row.took_s = session.execute(sums).one()
        return int(count)

    def take_back_failure(self, analysis_id: UUID) -> None:
        """Forget why the last attempt failed: the last of the problems."""
        with self._database.session() as session:
            row = session.get(AnalysisRow, analysis_id)
            if row is not None:
                row.problems = row.problems[:-1]

    def border(self, analysis_id: UUID, number: int) -> dict[str, Any] | None:
        """Return what a finished piece left for the next one, None when it is not finished."""
        query = select(SegmentRow.border).where(SegmentRow.analysis_id == analysis_id, SegmentRow.number == number)
        with self._database.session() as session:
            row = session.execute(query).one_or_none()
        return None if row is None else row[0] or {}

    # ------------------------------------------------------------------ documents

    def document(self, analysis_id: UUID) -> Iterator[bytes]:
        """Return the whole document, in parts as they are read.

        Yields
        ------
        bytes
            UTF-8 JSON; joined, one ``sightline.analysis.document.Document``.

        Raises
        ------
        NotFoundError
            When there is no such analysis; raised at once, not when the first part is asked for.
        """
        with self._database.session() as session:
            row = _existing(session, analysis_id)
            media = session.get_one(MediaRow, row.media_id)
            pieces = list(
                session.scalars(select(SegmentRow.digest).where(SegmentRow.analysis_id == analysis_id).order_by(SegmentRow.number))
            )
        return self._document(_head(row, media), pieces, _tail(row))

    def _document(self, head: dict[str, Any], digests: Iterable[str], tail: dict[str, Any]) -> Iterator[bytes]:
        yield _dumps(head)[:-1] + b',"frames":['
        comma = b""
        for digest in digests:
            frames = gzip.decompress(self._media.read(digest))[1:-1]
            if frames:
                yield comma + frames
                comma = b","
        yield b"]," + _dumps(tail)[1:]

    def frames(self, analysis_id: UUID, from_s: float, before_s: float) -> Frames:
        """Return what was found in the frames with ``from_s <= time < before_s``.

        Raises
        ------
        NotFoundError
            When there is no such analysis.
        InvalidInputError
            When the stretch is empty, or longer than ten minutes.
        """
        if not from_s < before_s <= from_s + LONGEST_STRETCH_S:
            raise InvalidInputError(f"expected from_s < before_s, at most {LONGEST_STRETCH_S:.0f} s apart, got {from_s} and {before_s}")
        query = (
            select(SegmentRow.digest)
            .where(SegmentRow.analysis_id == analysis_id, SegmentRow.start_s < before_s, SegmentRow.end_s >= from_s)
            .order_by(SegmentRow.number)
        )
        with self._database.session() as session:
            _existing(session, analysis_id)
            digests = list(session.scalars(query))
        found = (frame for digest in digests for frame in json.loads(gzip.decompress(self._media.read(digest))))
        inside = [FrameFindings.model_validate(frame) for frame in found if from_s <= frame["time_s"] < before_s]
        return Frames(analysis_id=analysis_id, from_s=from_s, before_s=before_s, frames=inside)


def _existing(session: Session, analysis_id: UUID) -> AnalysisRow:
    row = session.get(AnalysisRow, analysis_id)
    if row is None:
        raise NotFoundError(f"there is no analysis {analysis_id}")
    return row


def _analysis(row: AnalysisRow) -> Analysis:
    names = "id media_id state job_id counts frames models problems created_at finished_at"
    facts = {name: getattr(row, name) for name in names.split()}
    options = AnalysisOptions.model_validate(row.options)
    return Analysis(options=options, took_s=round(row.took_s, 4) if row.frames or row.finished_at else None, **facts)


def _head(row: AnalysisRow, media: MediaRow) -> dict[str, Any]:
    source = {
        "path": media.name,
        "kind": media.kind,
        "bytes": media.bytes,
        "format": media.format,
        "size_wh": [media.width, media.height],
        "frame_rate": media.frame_rate,
        "duration_s": media.duration_s,
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "sightline_version": sightline.__version__,
        "source": source,
        "only": row.options["only"],
        "models": row.models,
    }


def _tail(row: AnalysisRow) -> dict[str, Any]:
    rate = round(row.frames / row.took_s, 2) if row.took_s else 0.0
    timings = {"total_s": round(row.took_s, 4), "frames": row.frames, "frames_per_s": rate, "mean_ms": {}}
    return {"problems": row.problems, "outputs": {}, "timings": timings, "complete": row.state == "done" and not row.problems}


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
