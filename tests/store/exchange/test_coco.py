from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.store.record_rows import NOON, add_media, fill, keep, random_row

from sightline.analysis.document import Document
from sightline.analysis.records import RecordRow as Row
from sightline.api.records import ImportReport, Record, RecordFilter
from sightline.core.errors import InvalidInputError
from sightline.store.analyses import AnalysisStore
from sightline.store.blobs import open_blobs
from sightline.store.database import Database
from sightline.store.exchange.coco import FIRST_OWN_CATEGORY, to_coco
from sightline.store.exchange.coco_import import CocoImport
from sightline.store.media import MediaCatalogue
from sightline.store.records import MediaFacts, RecordStore
from sightline.store.tables import AnalysisRow, MediaRow, RecordRow

Bring = Callable[[Any], ImportReport]
BOX = (10.0, 20.0, 30.5, 40.25)


@pytest.fixture
def bring(database: Database, tmp_path: Path) -> Bring:
    """Bring a document, or bytes, in."""
    media = MediaCatalogue(database, open_blobs(None, tmp_path))
    importer = CocoImport(database, media, AnalysisStore(database, media), RecordStore(database))
    return lambda document: importer.bring_in(document if isinstance(document, bytes) else json.dumps(document).encode())


def exported(database: Database, wanted: RecordFilter | None = None, size: int = 7) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"".join(to_coco(database, RecordStore(database).batches(wanted or RecordFilter(), size))))
    return found


def records(database: Database) -> list[Record]:
    return RecordStore(database).query(RecordFilter(), limit=1000, newest_first=False).items


def coco(*annotations: dict[str, Any], images: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a document with one image and two categories."""
    categories = [{"id": 1, "name": "person", "supercategory": "person"}, {"id": 9, "name": "face", "supercategory": "face"}]
    whole = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], **each} for each in annotations]
    return {"images": images or [{"id": 1, "file_name": "door.jpg"}], "annotations": whole, "categories": categories}


def picture(database: Database, name: str = "door.jpg") -> MediaFacts:
    with database.session() as session:
        return add_media(session, name=name)


# ---------------------------------------------------------------- out


def test_a_file_says_what_the_records_say(any_database: Database) -> None:
    rows = [
        Row("object", "car", None, 0, 0.0, 4, 0.5, BOX, {}),
        Row("object", "unicorn", None, 0, 0.0, None, 0.25, BOX, {}),
        Row("text", None, "出口", 0, 0.0, None, 1.0, BOX, {"rotation_deg": 3.0}),
        Row("hand", "thumb_up", None, 0, 0.0, None, 1.0, BOX, {"side": "left"}),
        Row("object", "person", None, 0, 0.0, None, 1.0, BOX, {"keypoints": [1, 2, 2, 3, 4, 0]}),
        Row("people", None, None, 0, 0.0, None, 1.0, None, {"coverage": 0.0}),
    ]
    media, _ = keep(any_database, rows, name="../a/door.jpg")
    found = exported(any_database, size=2)
    assert [(i["id"], i["file_name"], i["width"], i["height"], i["frame"]) for i in found["images"]] == [(1, ".._a_door.jpg", 100, 50, 0)]
    assert found["images"][0]["media_id"] == str(media.media_id)
    car, unicorn, text, hand, person = found["annotations"]
    assert {k: car[k] for k in ("image_id", "bbox", "area", "iscrowd", "score", "track_id")} == {
        "image_id": 1, "bbox": [10.0, 20.0, 20.5, 20.25], "area": 415.12, "iscrowd": 0, "score": 0.5, "track_id": 4
    }  # fmt: skip
    assert (text["text"], text["attributes"], hand["label"], hand["attributes"]) == (
        "出口",
        {"rotation_deg": 3.0},
        "thumb_up",
        {"side": "left"},
    )
    assert (person["keypoints"], person["num_keypoints"], "attributes" in person) == ([1, 2, 2, 3, 4, 0], 1, False)
    names = {c["id"]: (c["name"], c["supercategory"]) for c in found["categories"]}
    assert (names[3], names[1]) == (("car", "vehicle"), ("person", "person"))
    assert [car["category_id"], person["category_id"]] == [3, 1], "COCO's classes keep COCO's numbers"
    assert names[unicorn["category_id"]] == ("unicorn", "object")
    assert names[text["category_id"]] == ("text", "text")
    assert min(unicorn["category_id"], text["category_id"], hand["category_id"]) == FIRST_OWN_CATEGORY


def test_pycocotools_reads_the_file(database: Database, tmp_path: Path) -> None:
    coco_api = pytest.importorskip("pycocotools.coco")
    fill(database, random.Random(4), media=10)
    path = tmp_path / "records.json"
    path.write_text(json.dumps(exported(database)), "utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        api = coco_api.COCO(str(path))
    true = [r for r in records(database) if r.box_xyxy is not None]
    assert len(api.getAnnIds()) == len(true)
    assert len(api.getImgIds()) == len({(r.media_id, r.frame) for r in true})
    assert len(api.getAnnIds(catIds=api.getCatIds(catNms=["person"]))) == sum(r.label == "person" for r in true)
    for annotation in api.loadAnns(api.getAnnIds()):
        image = api.loadImgs([annotation["image_id"]])[0]
        record = next(r for r in true if r.id == annotation["id"])
        assert (image["media_id"], image["frame"]) == (str(record.media_id), record.frame)


def test_nothing_found_is_a_valid_file(database: Database) -> None:
    found = exported(database)
    assert (found["images"], found["annotations"], found["categories"]) == ([], [], [])


def test_frames_of_videos_of_one_moment_are_told_apart(database: Database) -> None:
    rows = [Row("face", None, None, i // 2, (i // 2) / 10, None, 0.5, BOX, {}) for i in range(8)]
    for name in ("a.mp4", "b.mp4"):
        keep(database, rows, name=name, kind="video")
    found = exported(database, size=3)
    assert sorted(i["file_name"] for i in found["images"]) == sorted(f"{n}/{k:06d}.jpg" for n in "ab" for k in range(4))
    assert {i["id"] for i in found["images"]} == set(range(1, 9))
    images = {i["id"]: i for i in found["images"]}
    assert all(sum(a["image_id"] == number for a in found["annotations"]) == 2 for number in images)


# ---------------------------------------------------------------- out and in


def test_what_goes_out_comes_in_again_as_it_was(database: Database, bring: Bring) -> None:
    rng = random.Random(6)
    fill(database, rng, media=15)
    keep(database, [random_row(rng) for _ in range(20)])
    keep(
        database,
        [
            Row(
                "body",
                None,
                None,
                0,
                0.0,
                3,
                0.123,
                (1.123456, 2.7, 33.333332, 49.9),
                {"skeleton": "coco17", "keypoints": [1, 2.5, 2] * 17},
            )
        ],
    )
    before = [r.model_dump(exclude={"id", "analysis_id"}) for r in records(database)]
    report = bring(exported(database))
    assert report == ImportReport(records=len(before), media=17, skipped=[], left_out=0)
    after = [r.model_dump(exclude={"id", "analysis_id"}) for r in records(database)]

    def key(record: dict[str, Any]) -> str:
        return repr(sorted(record.items()))

    assert sorted(map(key, after)) == sorted(map(key, before)), "and nothing counts twice"
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(RecordRow)) == 2 * len(before)


def test_an_import_is_an_analysis_with_a_document(database: Database, bring: Bring, tmp_path: Path) -> None:
    facts = picture(database)
    report = bring(coco({"track_id": 2, "attributes": {"box_xyxy": 1, "mine": "x"}}, {"category_id": 9, "score": 0.5}))
    assert (report.records, report.media, report.left_out) == (2, 1, 0)
    media = MediaCatalogue(database, open_blobs(None, tmp_path))
    analyses = AnalysisStore(database, media)
    analysis = analyses.page(media_id=facts.media_id).items[0]
    assert (analysis.state, analysis.counts, analysis.frames) == ("done", {"faces": 1, "objects": 1}, 1)
    assert [model.name for model in analysis.models] == ["import"]
    document = Document.model_validate_json(b"".join(analyses.document(analysis.id)))
    assert document.frames[0].objects is not None
    assert (document.frames[0].objects[0].box_xyxy, document.frames[0].objects[0].id) == ((1.0, 2.0, 4.0, 6.0), 2)
    assert media.get(facts.media_id).analysis_id == analysis.id


# ---------------------------------------------------------------- in


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"9" * 10_000),
        b'{"images":[],"annotations":{}}',
        b'{"images":[],"annotations":[NaN],"categories":[]}',
    ],
)
def test_what_is_no_coco_is_refused(bring: Bring, content: bytes) -> None:
    with pytest.raises(InvalidInputError, match="COCO JSON"):
        bring(content)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"bbox": None}, "bbox"),
        ({"bbox": [1, 2, 0, 4]}, "no size"),
        ({"bbox": [1, 2, -3, 4]}, "no size"),
        ({"bbox": [1, 2, "3", 4]}, "bbox is not a number"),
        ({"bbox": [1e300, 2, 3, 4]}, "bbox is not a number"),
        ({"bbox": [True, 2, 3, 4]}, "bbox is not a number"),
        ({"image_id": 2}, "image is not here"),
        ({"image_id": [1]}, "image is not here"),
        ({"category_id": 77}, "no such category"),
        ({"score": 1.5}, "score"),
        ({"score": None}, "score"),
        ({"track_id": "1"}, "track_id"),
        ({"track_id": 1 << 40}, "track_id"),
        ({"attributes": [1]}, "attributes"),
        ({"attributes": {"a": "x" * 20_000}}, "attributes"),
        ({"keypoints": [1, 2]}, "keypoints"),
        ({"keypoints": [1, 2, "v"]}, "keypoints"),
    ],
)
def test_a_bad_annotation_is_left_out_and_the_rest_comes_in(
    database: Database, bring: Bring, annotation: dict[str, Any], reason: str
) -> None:
    picture(database)
    report = bring(coco({"id": 5, **annotation}, {"id": 6}))
    assert (report.records, report.media, report.left_out) == (1, 1, 1)
    assert report.skipped[0].startswith("annotation 5: ")
    assert reason in report.skipped[0]
    assert len(records(database)) == 1


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"id": 1, "file_name": "other.jpg"}, "kept here"),
        ({"id": 1, "file_name": "twice.jpg"}, "2 files have this name"),
        ({"id": 1, "file_name": "door.jpg", "width": 99}, "width"),
        ({"id": 1, "file_name": "door.jpg", "sha256": "0" * 64}, "kept here"),
        ({"id": 1, "file_name": "film.mp4"}, "time_s"),
        ({"id": 1, "file_name": "film.mp4", "time_s": 1.0, "frame": "1"}, "frame"),
        ({"id": 1, "file_name": "\x00"}, "kept here"),
        ({"id": 1}, "kept here"),
        ({"file_name": "door.jpg"}, "no id"),
        (7, "no id"),
    ],
)
def test_an_image_that_cannot_be_found_is_said_not_to_be(database: Database, bring: Bring, image: Any, reason: str) -> None:
    for name in ("door.jpg", "twice.jpg", "twice.jpg"):
        picture(database, name)
    with database.session() as session:
        add_media(session, name="film.mp4", kind="video")
    report = bring(coco({}, images=[image]))
    assert (report.records, report.media) == (0, 0)
    assert reason in report.skipped[0]
    assert report.left_out == 2


def test_a_picture_is_found_by_its_bytes_whatever_it_is_called(database: Database, bring: Bring) -> None:
    facts = picture(database, "here.jpg")
    with database.session() as session:
        digest = session.scalars(select(MediaRow.digest).where(MediaRow.id == facts.media_id)).one()
    assert bring(coco({}, images=[{"id": 1, "file_name": "there.png", "sha256": digest.upper()}])).records == 1
    assert records(database)[0].media_id == facts.media_id


def test_text_that_databases_refuse_is_cleaned(database: Database, bring: Bring) -> None:
    picture(database)
    document = coco({"category_id": 2, "text": "a\x00\ud800b", "attributes": {"k\x00": "v\x00"}})
    document["categories"].append({"id": 2, "name": "text"})
    assert bring(document).records == 1
    assert (records(database)[0].text, records(database)[0].attributes) == ("ab", {"k": "v"})


def test_the_first_hundred_reasons_are_told(database: Database, bring: Bring) -> None:
    picture(database)
    report = bring(coco(*({"bbox": None} for _ in range(150))))
    assert (len(report.skipped), report.left_out) == (100, 150)


def test_an_import_takes_the_place_of_the_analysis_before(database: Database, bring: Bring) -> None:
    _, analysis_id = keep(database, [Row("face", None, None, 0, 0.0, None, 0.5, BOX, {})])
    with database.session() as session:
        session.execute(update(AnalysisRow).where(AnalysisRow.id == analysis_id).values(state="done", created_at=NOON - timedelta(days=1)))
    bring(coco({}))
    assert [(r.kind, r.label) for r in records(database)] == [("object", "person")]
