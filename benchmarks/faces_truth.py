"""Faces with known boxes, and the ways in which the benchmark makes them harder.

Which sets have boxes (all under ``people/`` of the measuring data):

* ``dlib_faces``: boxes drawn by hand on 9 group photos, every face large enough to draw. Exhaustive.
* ``coco_wholebody``, ``mhp`` (in ``mmpose_samples``): hand-made face boxes of every person. Exhaustive once the heads of people
  whose face was not marked (too small, turned away) are left out: a detection there counts neither way.
* ``face_points`` (300W, 300VW, 300W-LP, AFLW, COFW, WFLW, LaPa in ``mmpose_samples``): the box around the points that go round the
  face, or the set's own box where they do not (AFLW, COFW). Only the named faces are marked: recall, no false positives.
* ``ytfaces``: the box around 68 machine-made points; one marked face a picture: recall, no false positives.
* ``no_people``: pictures of ``detection/coco_train294`` in which nobody marked a person: false positives only.

Left out: PoseTrack18 (its boxes are heads, seen from behind too) and everything that has no face box.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sightline.core.colour import linear_to_srgb, srgb_to_linear
from sightline.core.frame import Image
from sightline.media.sampling import resize

Floats = NDArray[np.float64]
_AROUND = {"300w": True, "300vw": True, "300wlp": True, "aflw": False, "cofw": False, "wflw": True, "lapa": True}


@dataclass(frozen=True, eq=False)
class Marked:
    """A picture, its marked faces, and where a detection counts neither way."""

    name: str
    image: Image
    boxes_xyxy: Floats
    ignore_xyxy: Floats
    exhaustive: bool


def read(path: Path) -> Image:
    """Read one picture of the measuring data (upright JPEG or PNG files, no profiles)."""
    from PIL import Image as Pillow

    with Pillow.open(path) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB")))


def dlib_faces(root: Path) -> Iterator[Marked]:
    """Yield the group photos with boxes drawn by hand."""
    folder = root / "people/dlib_faces"
    for part in ("training.xml", "testing.xml"):
        for image in ElementTree.parse(folder / part).getroot().iter("image"):
            rows = [[int(b.get(k, "0")) for k in ("left", "top", "width", "height")] for b in image.iter("box")]
            name = str(image.get("file"))
            yield _marked(name, read(folder / name), _xyxy(rows), exhaustive=True)


def coco_wholebody(root: Path) -> Iterator[Marked]:
    """Yield the COCO-WholeBody samples."""
    yield from _people(root / "people/mmpose_samples/coco", "test_coco_wholebody.json")


def mhp(root: Path) -> Iterator[Marked]:
    """Yield the MHP samples."""
    yield from _people(root / "people/mmpose_samples/mhp", "test_mhp.json")


def face_points(root: Path) -> Iterator[Marked]:
    """Yield the samples of the face landmark sets."""
    for name, around in _AROUND.items():
        folder = root / "people/mmpose_samples" / name
        for file, rows in _by_picture(next(folder.glob("*.json"))):
            boxes = [_points_box(np.reshape(r["keypoints"], (-1, 3))[:, :2]) if around else _xyxy([r["bbox"]])[0] for r in rows]
            yield _marked(f"{name}/{file}", read(folder / file), np.array(boxes), exhaustive=False)


def ytfaces(root: Path) -> Iterator[Marked]:
    """Yield the YouTube Faces frames that are there."""
    folder = root / "people/ytfaces_68pts"
    with (folder / "test_frames_keypoints.csv").open(newline="", encoding="utf-8") as file:
        for row in list(csv.reader(file))[1:]:
            path = folder / "images" / row[0]
            if path.exists():
                box = _points_box(np.array(row[1:], float).reshape(-1, 2))
                yield _marked(row[0], read(path), box[None], exhaustive=False)


def no_people(root: Path) -> Iterator[Marked]:
    """Yield the COCO pictures in which nobody marked a person."""
    folder = root / "detection/coco_train294"
    table = json.loads((folder / "instances_train2017.json").read_text(encoding="utf-8"))
    person = next(c["id"] for c in table["categories"] if c["name"] == "person")
    with_person = {a["image_id"] for a in table["annotations"] if a["category_id"] == person}
    for image in table["images"]:
        path = folder / "images" / image["file_name"]
        if image["id"] not in with_person and path.exists():
            yield _marked(image["file_name"], read(path), np.zeros((0, 4)), exhaustive=True)


SETS: dict[str, Callable[[Path], Iterator[Marked]]] = {
    "dlib_faces": dlib_faces,
    "coco_wholebody": coco_wholebody,
    "mhp": mhp,
    "face_points": face_points,
    "ytfaces": ytfaces,
    "no_people": no_people,
}


def darkened(item: Marked, factor: float) -> Marked:
    """Return the picture with ``factor`` of its light, and the noise a camera then has (shot and read noise, fixed seed)."""
    noise = np.random.default_rng(zlib.crc32(item.name.encode()))
    light = np.asarray(srgb_to_linear(item.image.astype(np.float32) / 255)) * factor
    spread = np.sqrt(light * 2e-4 + 1e-3**2)
    dim = np.clip(light + noise.normal(0, 1, light.shape) * spread, 0, 1)
    return replace(item, image=np.ascontiguousarray(np.round(np.asarray(linear_to_srgb(dim)) * 255).astype(np.uint8)))


def shrunk(item: Marked, face_px: float) -> Marked:
    """Return the picture scaled so that its marked faces have a median size (root of the area) of ``face_px``.

    A picture without faces is scaled as one with faces of a tenth of its long side.
    """
    wh = item.boxes_xyxy[:, 2:] - item.boxes_xyxy[:, :2]
    size = float(np.median(np.sqrt(wh.prod(axis=1)))) if len(wh) else max(item.image.shape[:2]) / 10
    height, width = item.image.shape[:2]
    target = max(round(width * face_px / size), 1), max(round(height * face_px / size), 1)
    scale = np.array([target[0] / width, target[1] / height] * 2)
    image = np.ascontiguousarray(resize(item.image, target))
    return replace(item, image=image, boxes_xyxy=item.boxes_xyxy * scale, ignore_xyxy=item.ignore_xyxy * scale)


def on_canvas(item: Marked, face_px: float, size_wh: tuple[int, int]) -> Marked:
    """Return the picture scaled as ``shrunk`` does and put on a mid-grey canvas, a fifth of the way in."""
    small = shrunk(item, face_px)
    canvas = np.full((size_wh[1], size_wh[0], 3), 128, np.uint8)
    x, y = size_wh[0] // 5, size_wh[1] // 5
    part = small.image[: size_wh[1] - y, : size_wh[0] - x]
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
    shift = np.array([x, y, x, y])
    return replace(small, image=canvas, boxes_xyxy=small.boxes_xyxy + shift, ignore_xyxy=small.ignore_xyxy + shift)


CHANGES: dict[str, Callable[[Marked], Marked]] = {
    "original": lambda item: item,
    "dark x0.15": lambda item: darkened(item, 0.15),
    "dark x0.02": lambda item: darkened(item, 0.02),
    "20 px": lambda item: shrunk(item, 20),
    "12 px": lambda item: shrunk(item, 12),
    "12 px in 4K": lambda item: on_canvas(item, 12, (3840, 2160)),
}


def _people(folder: Path, annotations: str) -> Iterator[Marked]:
    for file, rows in _by_picture(folder / annotations):
        seen = [r for r in rows if r.get("face_valid", True)]
        heads = [_head_region(r["bbox"]) for r in rows if not r.get("face_valid", True)]
        yield _marked(file, read(folder / file), _xyxy([r["face_box"] for r in seen]), np.array(heads), exhaustive=True)


def _head_region(bbox_xywh: list[float]) -> list[float]:
    x, y, w, h = bbox_xywh
    return [x - 0.1 * w, y - 0.1 * h, x + 1.1 * w, y + 0.5 * h]


def _by_picture(path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    table = json.loads(path.read_text(encoding="utf-8"))
    for image in table["images"]:
        rows = [a for a in table["annotations"] if a["image_id"] == image["id"]]
        if rows and (path.parent / image["file_name"]).exists():
            yield image["file_name"], rows


def _points_box(points_xy: Floats) -> Floats:
    return np.concatenate([points_xy.min(axis=0), points_xy.max(axis=0)])


def _xyxy(rows_xywh: list[list[float]]) -> Floats:
    rows = np.array(rows_xywh, float).reshape(-1, 4)
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)


def _marked(name: str, image: Image, boxes: Floats, ignore: Floats | None = None, *, exhaustive: bool) -> Marked:
    none = np.zeros((0, 4))
    return Marked(name, image, boxes.reshape(-1, 4), none if ignore is None else ignore.reshape(-1, 4), exhaustive)
