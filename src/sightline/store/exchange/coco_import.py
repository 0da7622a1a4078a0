"""Annotations of pictures and videos that are kept, from COCO JSON, as analyses of a model called ``import``."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from uuid import UUID, uuid4

from pydantic import BaseModel, ValidationError
from sqlalchemy import func, select

from sightline.analysis.document import Body, Face, Hand, Object, People, TextLine
from sightline.analysis.records import RecordRow as Row
from sightline.api.base import now
from sightline.api.records import LABELLED_KINDS, RECORD_KINDS, ImportReport, RecordKind
from sightline.core.errors import InvalidInputError, NotFoundError
from sightline.store.analyses import AnalysisStore, Piece
from sightline.store.database import Database
from sightline.store.grams import storable, storable_value
from sightline.store.media import MediaCatalogue
from sightline.store.records import RecordStore, media_facts
from sightline.store.tables import AnalysisRow, MediaRow

__all__ = ["IMPORT_JOB", "CocoImport"]

IMPORT_JOB = "import"
_TOLD = 100
_FARTHEST_PX = 1e6
_MOST_KEYPOINTS = 3 * 478
_PARTS: dict[str, tuple[str, type[BaseModel]]] = {
    "face": ("faces", Face),
    "body": ("bodies", Body),
    "hand": ("hands", Hand),
    "people": ("people", People),
    "text": ("text", TextLine),
    "object": ("objects", Object),
}
"""What the document calls a kind, and its shape there."""


class _BadError(Exception):
    """Something in the file cannot be brought in; says why."""


@dataclass
class _Report:
    """What was brought in and what was not."""

    records: int = 0
    media: int = 0
    left_out: int = 0
    skipped: list[str] = field(default_factory=list)

    def skip(self, what: str) -> None:
        self.left_out += 1
        if len(self.skipped) < _TOLD:
            self.skipped.append(storable(what[:300]))


@dataclass(frozen=True)
class _Place:
    """Where an image is: a frame of a medium."""

    media_id: UUID
    frame: int
    time_s: float


class CocoImport:
    """Brings COCO annotations in.

    An image of the file is a medium of the store by its ``sha256``, else by its ``file_name``, when one alone has that name; it
    must have the same size. Frames of videos are found by ``sha256``, ``frame`` and ``time_s``, as `to_coco` writes them.

    Parameters
    ----------
    database : Database
    media : MediaCatalogue
    analyses : AnalysisStore
    records : RecordStore
    """

    def __init__(self, database: Database, media: MediaCatalogue, analyses: AnalysisStore, records: RecordStore) -> None:
        self._database, self._media, self._analyses, self._records = database, media, analyses, records

    def bring_in(self, content: bytes) -> ImportReport:
        """Bring a file in; of each medium, all of its annotations are kept or none.

        Parameters
        ----------
        content : bytes
            COCO JSON, UTF-8.

        Returns
        -------
        ImportReport
            What was brought in, and what was left out and why.

        Raises
        ------
        InvalidInputError
            When it is not COCO JSON at all; nothing is kept.
        StoreUnavailableError
            When the database does not answer; media that were done before are kept.
        """
        document = _parse(content)
        report = _Report()
        categories = dict(_categories(document, report))
        places = self._places(_by_id(document["images"], "image", report), report)
        rows: dict[UUID, list[Row]] = defaultdict(list)
        for number, annotation in enumerate(document["annotations"]):
            try:
                place, row = _row(annotation, categories, places)
                rows[place.media_id].append(row)
            except _BadError as problem:
                report.skip(f"annotation {_shown(annotation, number)}: {problem}")
        digest = hashlib.sha256(content).hexdigest()
        for media_id, found in rows.items():
            try:
                self._keep(media_id, sorted(found, key=lambda row: (row.time_s, row.frame)), digest)
            except NotFoundError:
                report.skip(f"medium {media_id}: it was deleted meanwhile")
                continue
            report.records += len(found)
            report.media += 1
        return ImportReport(records=report.records, media=report.media, skipped=report.skipped, left_out=report.left_out)

    def _places(self, images: Mapping[Any, dict[str, Any]], report: _Report) -> dict[Any, _Place]:
        """Return where each image is that is kept here."""
        by_digest = self._media_with(MediaRow.digest, {storable(str(each.get("sha256", ""))).lower() for each in images.values()})
        by_name = self._media_with(MediaRow.name, {_file_name(each) for each in images.values() if not each.get("sha256")})
        found = {}
        for number, image in images.items():
            try:
                digest = str(image.get("sha256") or "").lower()
                found[number] = _place(image, by_digest.get(digest, []) if digest else by_name.get(_file_name(image), []))
            except _BadError as problem:
                report.skip(f"image {_file_name(image)[:100] or number}: {problem}")
        return found

    def _media_with(self, column: Any, values: set[str]) -> dict[str, list[MediaRow]]:
        wanted = sorted(value for value in values if value and "\x00" not in value)
        found: dict[str, list[MediaRow]] = defaultdict(list)
        with self._database.session() as session:
            for media in session.scalars(select(MediaRow).where(column == func.any(wanted)).order_by(MediaRow.added_at.desc())):
                found[getattr(media, column.key)].append(media)
        return found

    def _keep(self, media_id: UUID, rows: list[Row], digest: str) -> None:
        """Keep the annotations of one medium as an analysis that is done."""
        counts: dict[str, int] = {}
        for (kind, _), count in Counter((row.kind, row.frame) for row in rows).items():
            name = _PARTS[kind][0]
            counts[name] = max(count, counts.get(name, 0))
        models = [{"name": "import", "sha256": digest, "provider": "COCO JSON"}]
        piece = Piece(0, rows[0].time_s, rows[-1].time_s, list(_frames(rows)), 0.0, counts, models, [])
        with self._media.keeping(piece.packed()) as (session, blob):
            media = session.get(MediaRow, media_id)
            if media is None:
                raise NotFoundError(f"there is no picture or video {media_id}")
            analysis = AnalysisRow(id=uuid4(), media_id=media_id, job_id=IMPORT_JOB, state="done", counts={}, models=[], problems=[])
            analysis.options = {"only": [name for name, _ in _PARTS.values() if name in counts]}
            analysis.created_at = analysis.finished_at = now()
            session.add(analysis)
            session.flush()
            self._analyses.keep_piece(session, analysis.id, piece, blob)
            self._records.replace_segment(session, analysis.id, media_facts(media), 0, rows)
            self._records.settle(session, media_id)


# ---------------------------------------------------------------- reading


def _parse(content: bytes) -> dict[str, list[Any]]:
    problem = "expected COCO JSON: an object with the lists images, annotations and categories"
    try:
        found = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{problem}; it is not JSON ({type(error).__name__})") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), list) for name in ("images", "annotations", "categories")):
        raise InvalidInputError(problem)
    return found


def _file_name(image: dict[str, Any]) -> str:
    return storable(str(image.get("file_name") or ""))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _by_id(rows: Iterable[Any], what: str, report: _Report) -> dict[Any, dict[str, Any]]:
    """Return rows by their id; those without one, and the second of an id, are left out."""
    found: dict[Any, dict[str, Any]] = {}
    for number, row in enumerate(rows):
        key = row.get("id") if isinstance(row, dict) else None
        if not isinstance(key, int | str) or isinstance(key, bool) or key in found:
            report.skip(f"{what} at {number}: it has no id of its own")
        else:
            found[key] = row
    return found


def _categories(document: Mapping[str, list[Any]], report: _Report) -> Iterator[tuple[Any, tuple[RecordKind, str | None]]]:
    for key, row in _by_id(document["categories"], "category", report).items():
        name = row.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= 200:
            report.skip(f"category {key}: it has no name")
        elif name in RECORD_KINDS and row.get("supercategory") != "object":
            yield key, (name, None)  # type: ignore[misc]
        else:
            yield key, ("object", storable(name))


def _place(image: Mapping[str, Any], media: list[MediaRow]) -> _Place:
    if not media:
        raise _BadError("no picture or video that is kept here is it")
    same = [each for each in media if str(each.id) == image.get("media_id")] or media
    if len(same) > 1 and not image.get("sha256"):
        raise _BadError(f"{len(same)} files have this name; add sha256")
    medium = same[0]
    for name, length in (("width", medium.width), ("height", medium.height)):
        if name in image and image[name] != length:
            raise _BadError(f"its {name} is {str(image[name])[:20]}, that of the file kept here is {length}")
    if medium.kind == "picture":
        return _Place(medium.id, 0, 0.0)
    frame, time_s = image.get("frame"), _number(image.get("time_s"), "time_s", 0.0, 1e7)
    if not isinstance(frame, int) or isinstance(frame, bool) or not 0 <= frame < 1 << 31:
        raise _BadError("it is of a video, and frame is not a number from 0 on")
    return _Place(medium.id, frame, time_s)


def _row(annotation: Any, categories: Mapping[Any, tuple[RecordKind, str | None]], places: Mapping[Any, _Place]) -> tuple[_Place, Row]:
    if not isinstance(annotation, dict):
        raise _BadError("it is not an object")
    image, category = annotation.get("image_id"), annotation.get("category_id")
    place = places.get(image) if isinstance(image, int | str) else None
    known = categories.get(category) if isinstance(category, int | str) else None
    if place is None or known is None:
        raise _BadError("its image is not here" if place is None else "there is no such category")
    kind, label = known
    if kind in LABELLED_KINDS and label is None:
        label = _text(annotation.get("label"), "label", 200)
    score = _number(annotation.get("score", 1.0), "score", 0.0, 1.0)
    track = annotation.get("track_id")
    if track is not None and (not isinstance(track, int) or isinstance(track, bool) or not 0 <= track < 1 << 31):
        raise _BadError("track_id is not a number from 0 on")
    text = _text(annotation.get("text"), "text", 10_000) if kind == "text" else None
    return place, Row(kind, label, text, place.frame, place.time_s, track, score, _box(annotation.get("bbox")), _attributes(annotation))


def _box(bbox: Any) -> tuple[float, float, float, float]:
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise _BadError("bbox is not [x, y, width, height]")
    x, y, width, height = (_number(value, "bbox", -_FARTHEST_PX, _FARTHEST_PX) for value in bbox)
    if width <= 0 or height <= 0:
        raise _BadError("bbox has no size")
    return x, y, x + width, y + height


def _attributes(annotation: Mapping[str, Any]) -> dict[str, Any]:
    given = annotation.get("attributes") or {}
    if not isinstance(given, dict) or len(json.dumps(given)) > 10_000:
        raise _BadError("attributes is not an object of at most 10,000 characters")
    found: dict[str, Any] = storable_value(given)
    points = annotation.get("keypoints")
    if points is None or annotation.get("num_keypoints") == 0:
        return found
    if not isinstance(points, list) or len(points) % 3 or not 3 <= len(points) <= _MOST_KEYPOINTS:
        raise _BadError("keypoints is not [x, y, v, …]")
    return {**found, "keypoints": [_number(value, "keypoints", -_FARTHEST_PX, _FARTHEST_PX, whole=True) for value in points]}


def _number(value: Any, name: str, lowest: float, highest: float, *, whole: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest or not math.isfinite(value):
        raise _BadError(f"{name} is not a number from {lowest:g} to {highest:g}")
    return value if whole else float(value)


def _text(value: Any, name: str, longest: int) -> str | None:
    if value is not None and (not isinstance(value, str) or not 1 <= len(value) <= longest):
        raise _BadError(f"{name} is not a text of at most {longest} characters")
    return None if value is None else storable(value)


def _shown(annotation: Any, number: int) -> str:
    key = annotation.get("id") if isinstance(annotation, dict) else None
    return str(key)[:50] if isinstance(key, int | str) else f"at {number}"


# ---------------------------------------------------------------- the document


def _frames(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield frames of a document: what fits its schema, which asks more of hands, bodies and people than COCO tells."""
    frames: dict[tuple[int, float], dict[str, Any]] = {}
    for row in rows:
        frame = frames.setdefault((row.frame, row.time_s), {"index": row.frame, "time_s": row.time_s})
        name, part = _PARTS[row.kind]
        try:
            thing: dict[str, Any] = part.model_validate(_thing(row, part)).model_dump(mode="json", exclude_unset=True)
        except ValidationError:
            continue
        if name == "people":
            frame[name] = thing
        else:
            frame.setdefault(name, []).append(thing)
    yield from frames.values()


def _thing(row: Row, part: type[BaseModel]) -> dict[str, Any]:
    """Return a row as the document has it."""
    assert row.box_xyxy is not None
    x0, y0, x1, y1 = row.box_xyxy
    found = {name: value for name, value in row.attributes.items() if name in part.model_fields}
    found |= {"box_xyxy": row.box_xyxy}
    if row.kind != "people":
        found["score"] = row.score
    if row.track_id and row.kind != "people":
        found["id"] = row.track_id
    if row.kind == "object":
        found["label"] = row.label
    elif row.kind == "hand" and row.label:
        found["gesture"] = row.label
    elif row.kind == "text":
        found |= {"text": row.text or "", "quad_xy": ((x0, y0), (x1, y0), (x1, y1), (x0, y1))}
    return found
