"""Faces: recall and false positives of every grade, and their speed, beside MediaPipe's full-range detector in the same run.

    python -m benchmarks.faces_recall [--data ../shared/data] [--sets dlib_faces,mhp] [--grades full,thorough] [--json]

Protocol: a marked face is found when a detection overlaps it with an IoU of at least 0.4, one detection a face, best score
first; every other detection is a false positive where marking is exhaustive (``faces_truth``). Each detector runs with its
own default threshold. Ours were set on these same pictures (see the cards), so the table says how well they can be set, not
how they do on others. Times are medians over calls with pictures in memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.faces_truth import CHANGES, SETS, Marked
from benchmarks.peer import ROOT, run_peer
from sightline.core.boxes import iou, overlap
from sightline.core.frame import Image
from sightline.media.sampling import resize
from sightline.perception.faces.detector import FaceDetector

IOU = 0.4
THREADS = 2
PEER = "peer full range"
_PEER_SCRIPT = Path(__file__).parent / "peers" / "mediapipe_faces.py"
_PEER_OPTIONS = {"model_selection": 1, "min_score": 0.5}
_ONLY_FOR = {"12 px in 4K": ("dlib_faces",)}
_SPEED_SIZES_WH = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
_CHUNK = 100

Found = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]


class Count(NamedTuple):
    """What one detector made of one row."""

    hits: int
    false_positives: int


def count(found: Found, item: Marked) -> Count:
    """Match one picture's detections with its marked faces."""
    boxes = np.asarray(found[0], np.float32).reshape(-1, 4)
    overlaps = iou(item.boxes_xyxy, boxes)
    free = np.ones(len(item.boxes_xyxy), bool)
    wrong = 0
    for row in np.argsort(-np.asarray(found[1]), kind="stable"):
        reach = np.where(free, overlaps[:, row], 0)
        if reach.size and reach.max() >= IOU:
            free[reach.argmax()] = False
        elif not (overlap(boxes[row : row + 1], item.ignore_xyxy) > 0.5).any():
            wrong += 1
    return Count(int((~free).sum()), wrong if item.exhaustive else 0)


def ours(detector: FaceDetector) -> Callable[[list[Image]], list[Found]]:
    return lambda images: [(f.boxes_xyxy, f.scores) for f in detector(images)]


def peer(images: list[Image]) -> list[Found]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [_saved(Path(folder, f"{i}.npy"), image) for i, image in enumerate(images)]
        answer = run_peer("mediapipe", _PEER_SCRIPT, {**_PEER_OPTIONS, "images": paths})
    return [(np.array(a["boxes_xyxy"]).reshape(-1, 4), np.array(a["scores"])) for a in answer]


def recall_rows(data: Path, sets: Iterable[str], detectors: dict[str, Callable[[list[Image]], list[Found]]]) -> list[dict[str, Any]]:
    """Return one row a set and change: how many faces, and what each detector found."""
    rows = []
    for name in sets:
        items = list(SETS[name](data))
        for change, apply in CHANGES.items():
            if name not in _ONLY_FOR.get(change, (name,)):
                continue
            totals = {d: Count(0, 0) for d in detectors}
            for start in range(0, len(items), _CHUNK):
                changed = [apply(item) for item in items[start : start + _CHUNK]]
                for detector, find in detectors.items():
                    counts = [count(f, item) for f, item in zip(find([c.image for c in changed]), changed, strict=True)]
                    totals[detector] = Count(*(int(t + s) for t, s in zip(totals[detector], np.sum(counts, axis=0), strict=True)))
            faces = sum(len(item.boxes_xyxy) for item in items)
            exhaustive = all(item.exhaustive for item in items)
            row = {"set": name, "change": change, "pictures": len(items), "faces": faces, "exhaustive": exhaustive}
            rows.append({**row, "found": {d: t._asdict() for d, t in totals.items()}})
            print_recall(rows[-1])
    return rows


def print_recall(row: dict[str, Any]) -> None:
    cells = []
    for detector, found in row["found"].items():
        wrong = str(found["false_positives"]) if row["exhaustive"] else "-"
        cells.append(f"{detector} {found['hits']:4d} fp {wrong:>3s}")
    print(f"{row['set']:15s} {row['change']:12s} faces {row['faces']:4d} | " + " | ".join(cells), flush=True)


def speed_rows(picture: Image, grades: Iterable[str]) -> list[dict[str, Any]]:
    """Return median milliseconds a picture, by size, beside the peer's."""
    pictures = [np.ascontiguousarray(resize(picture, size)) for size in _SPEED_SIZES_WH]
    with tempfile.TemporaryDirectory() as folder:
        paths = [_saved(Path(folder, f"{i}.npy"), image) for i, image in enumerate(pictures)]
        answer = run_peer("mediapipe", _PEER_SCRIPT, {**_PEER_OPTIONS, "images": paths, "repeats": 30})
    rows = []
    for image, peers in zip(pictures, answer, strict=True):
        times = {grade: _median_ms(FaceDetector(grade, threads=THREADS), image) for grade in grades}  # type: ignore[arg-type]
        rows.append({"size_wh": [image.shape[1], image.shape[0]], "ms": {**times, PEER: peers["ms"]}})
        cells = [f"{name} {ms:7.1f} ms" for name, ms in rows[-1]["ms"].items()]
        print(f"{image.shape[1]}x{image.shape[0]:<5d} " + " | ".join(cells), flush=True)
    return rows


def _median_ms(detector: FaceDetector, image: Image) -> float:
    detector([image])
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 1 and len(times) < 30):
        start = time.perf_counter()
        detector([image])
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def _saved(path: Path, image: Image) -> str:
    np.save(path, image)
    return str(path)


def verdict(rows: list[dict[str, Any]], grade: str) -> list[str]:
    """Return the rows in which a grade found fewer faces than the peer, as many with more to find, or more that are none."""
    out = []
    for row in rows:
        mine, theirs = row["found"][grade], row["found"][PEER]
        beaten = mine["hits"] > theirs["hits"] or mine["hits"] == row["faces"]
        if not beaten or mine["false_positives"] > theirs["false_positives"]:
            found, wrong = (f"{mine[k]} against {theirs[k]}" for k in ("hits", "false_positives"))
            out.append(f"{row['set']}, {row['change']}: found {found}, false positives {wrong}")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the measuring data")
    parser.add_argument("--sets", default=",".join(SETS), help=f"of {', '.join(SETS)}")
    parser.add_argument("--grades", default="near,full,thorough")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    options = parser.parse_args()
    if not options.json:
        run(options)
        return
    with contextlib.redirect_stdout(sys.stderr):
        results = run(options)
    print(json.dumps(results))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, tell on the way, and return everything."""
    grades = options.grades.split(",")
    detectors = {grade: ours(FaceDetector(grade, threads=THREADS)) for grade in grades}
    recall = recall_rows(options.data, options.sets.split(","), {**detectors, PEER: peer})
    from skimage.data import astronaut

    speed = speed_rows(astronaut(), grades)
    behind = {grade: verdict(recall, grade) for grade in grades}
    for grade, rows in behind.items():
        print(f"{grade}: {len(recall) - len(rows)} of {len(recall)} rows ahead of the peer", *rows, sep="\n  not: ")
    return {"protocol": __doc__, "iou": IOU, "threads": THREADS, "recall": recall, "speed": speed, "behind": behind}


if __name__ == "__main__":
    main()
