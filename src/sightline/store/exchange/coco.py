"""Records as COCO JSON (https://cocodataset.org/#format-data), written while they are read.

Images are pictures and frames of videos in which something was found; an annotation is a record with a box. Beyond COCO's own fields,
an image has ``sha256``, ``media_id``, ``frame`` and ``time_s``; an annotation has ``score``, and where known ``track_id``, ``label``,
``text``, ``keypoints`` and ``attributes``. `coco_import` reads all of them back.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Any
from uuid import UUID

from sqlalchemy import select

import sightline
from sightline.api.base import now
from sightline.perception.objects.labels import coco_groups, coco_ids, coco_names
from sightline.store.database import Database
from sightline.store.tables import MediaRow

__all__ = ["FIRST_OWN_CATEGORY", "to_coco"]

FIRST_OWN_CATEGORY = 1001
"""COCO's classes keep their ids, 1 to 90; what COCO has not is numbered from here on."""
_SPOOL_BYTES = 8 << 20
_KNOWN_MEDIA = 20_000
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def to_coco(database: Database, batches: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield a COCO JSON file, piece by piece; memory does not grow with the number of records.

    Records without a box are left out. Boxes are ``[x, y, width, height]`` in pixels of the upright picture.

    Parameters
    ----------
    database : Database
        Where the records' media are on record.
    batches : iterable of sequences of rows
        As `RecordStore.batches` gives them: records of one moment follow one another.
    """
    categories, media = _Categories(), _Media(database)
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as images:
        frames = _Frames(images)
        info = {"description": "Sightline records", "version": sightline.__version__, "date_created": now().isoformat(timespec="seconds")}
        yield b'{"info":' + _encode(info).encode() + b',"licenses":[],"annotations":['
        comma = ""
        for batch in batches:
            media.learn(row.media_id for row in batch)
            boxed = (row for row in batch if row.x0 is not None and row.media_id in media)
            lines = [_annotation(row, frames.number(row, media), categories) for row in boxed]
            if lines:
                yield (comma + ",\n".join(map(_encode, lines))).encode()
                comma = ",\n"
        yield b'],"images":['
        images.seek(0)
        while part := images.read(1 << 16):
            yield part
        yield b'],"categories":' + _encode(categories.all()).encode() + b"}\n"


def _annotation(row: Any, image_id: int, categories: _Categories) -> dict[str, Any]:
    width, height = _plain(row.x1 - row.x0), _plain(row.y1 - row.y0)
    found: dict[str, Any] = {
        "id": row.id,
        "image_id": image_id,
        "category_id": categories.number(row.kind, row.label),
        "bbox": [row.x0, row.y0, width, height],
        "area": round(width * height, 2),
        "iscrowd": 0,
        "segmentation": [],
        "score": row.score,
    }
    more = {"track_id": row.track_id, "text": row.text, "label": row.label if row.kind == "hand" else None}
    found.update({name: value for name, value in more.items() if value is not None})
    attributes = dict(row.attributes)
    keypoints = attributes.pop("keypoints", None)
    if keypoints:
        found["keypoints"], found["num_keypoints"] = keypoints, sum(v > 0 for v in keypoints[2::3])
    if attributes:
        found["attributes"] = attributes
    return found


def _plain(value: float) -> float:
    """Return a difference without the noise of its last binary digits."""
    return round(value, 7)


class _Categories:
    """Numbers kinds and labels as they come."""

    def __init__(self) -> None:
        self._coco = dict(zip(coco_names(), zip(coco_ids(), coco_groups(), strict=True), strict=True))
        self._found: dict[tuple[str, str], dict[str, Any]] = {}
        self._own = itertools.count(FIRST_OWN_CATEGORY)

    def number(self, kind: str, label: str | None) -> int:
        """Return the id of a record's category."""
        name = (label or "object") if kind == "object" else kind
        category = self._found.get((kind, name))
        if category is None:
            known = self._coco.get(name) if kind == "object" else None
            number, group = known or (next(self._own), kind)
            category = self._found[kind, name] = {"id": number, "name": name, "supercategory": group}
        found: int = category["id"]
        return found

    def all(self) -> list[dict[str, Any]]:
        """Return all categories, by id."""
        return sorted(self._found.values(), key=lambda each: each["id"])


class _Media:
    """Knows names and sizes of the media of the present batch, and some before."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[UUID, tuple[str, str, int, int, str]] = {}

    def learn(self, media_ids: Iterable[UUID]) -> None:
        """Look up those that are not known."""
        if len(self._known) > _KNOWN_MEDIA:
            self._known.clear()
        new = set(media_ids) - self._known.keys()
        if new:
            facts = select(MediaRow.id, MediaRow.name, MediaRow.kind, MediaRow.width, MediaRow.height, MediaRow.digest)
            with self._database.session() as session:
                self._known |= {row[0]: tuple(row[1:]) for row in session.execute(facts.where(MediaRow.id.in_(new)))}  # type: ignore[misc]

    def __contains__(self, media_id: UUID) -> bool:
        return media_id in self._known

    def image(self, number: int, row: Any) -> dict[str, Any]:
        """Return the image that a record is in."""
        name, kind, width, height, digest = self._known[row.media_id]
        plain = re.sub(r"[/\\]", "_", name)
        return {
            "id": number,
            "file_name": plain if kind == "picture" else f"{PurePosixPath(plain).stem}/{row.frame:06d}.jpg",
            "width": width,
            "height": height,
            "date_captured": row.taken_at.isoformat(),
            "sha256": digest,
            "media_id": str(row.media_id),
            "frame": row.frame,
            "time_s": row.time_s,
        }


class _Frames:
    """Numbers frames, and writes each down once. Records of one frame have one ``taken_at``, and follow one another."""

    def __init__(self, images: IO[bytes]) -> None:
        self._images = images
        self._moment: Any = None
        self._here: dict[tuple[UUID, int], int] = {}
        self._count = 0

    def number(self, row: Any, media: _Media) -> int:
        """Return the id of the image that a record is in."""
        if row.taken_at != self._moment:
            self._moment = row.taken_at
            self._here.clear()
        number = self._here.get((row.media_id, row.frame))
        if number is None:
            self._images.write((",\n" if self._count else "").encode() + _encode(media.image(self._count + 1, row)).encode())
            self._count += 1
            number = self._here[row.media_id, row.frame] = self._count
        return number
