"""Objects: COCO AP of each net, the score threshold by the cards' rule, and milliseconds a picture.

    python -m benchmarks.objects --data ../shared/data
    python -m benchmarks.objects --nets nanodet --thresholds

AP as pycocotools computes it (bbox, 100 detections) on coco_train294: 294 pictures that the nets were trained on, so this
checks the port, not the nets. The time of the plain conversion of NanoDet beside this one is in ``benchmarks.importers``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from pathlib import Path
from typing import Any

import numpy as np

from sightline.core.boxes import iou, xyxy_to_xywh
from sightline.core.errors import ModelError
from sightline.core.frame import Image
from sightline.core.observations import Detections
from sightline.media.images import read_image
from sightline.perception.objects import ObjectDetector, ObjectNet, coco_ids
from sightline.runtime.session import default_threads

_LEAST = 0.02
_PERSON, _CAR = 0, 2


def load(folder: Path) -> tuple[Any, list[tuple[int, Image]]]:
    """Return the COCO object and (picture number, picture) of coco_train294."""
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "instances_train2017.json"))
    return truth, [(row["id"], read_image(folder / "images" / row["file_name"])) for row in truth.dataset["images"]]


def average_precision(truth: Any, found: dict[int, Detections]) -> dict[str, float]:
    """Return AP, AP50 and the AP50 of persons and cars."""
    from pycocotools.cocoeval import COCOeval

    rows = []
    for number, detections in found.items():
        boxes = xyxy_to_xywh(detections.boxes_xyxy)
        rows += [
            {"image_id": number, "category_id": coco_ids()[label], "bbox": [float(v) for v in box], "score": float(score)}
            for box, label, score in zip(boxes, detections.labels, detections.scores, strict=True)
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        scored = COCOeval(truth, truth.loadRes(rows), "bbox")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    at_50 = scored.eval["precision"][0, :, :, 0, 2]
    person, car = (float(at_50[:, k][at_50[:, k] > -1].mean()) for k in (_PERSON, _CAR))
    return {"AP": float(scored.stats[0]), "AP50": float(scored.stats[1]), "person AP50": person, "car AP50": car}


def best_threshold(truth: Any, found: dict[int, Detections]) -> list[tuple[float, float, float, float]]:
    """Return (score, precision, recall, F1) of all classes pooled, at IoU 0.5, for scores 0.1..0.7; crowds left out."""
    hits, total = [], 0
    for number, detections in found.items():
        rows = [a for a in truth.imgToAnns[number] if not a.get("iscrowd")]
        boxes = np.array([a["bbox"] for a in rows], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([coco_ids().index(a["category_id"]) for a in rows], np.int64)
        total += len(rows)
        fits = iou(detections.boxes_xyxy, boxes) * (detections.labels[:, None] == labels[None])
        taken = np.zeros(len(rows), bool)
        for row, score in enumerate(detections.scores):
            best = int(np.where(taken, 0, fits[row]).argmax()) if len(rows) else -1
            hit = best >= 0 and not taken[best] and fits[row, best] >= 0.5
            if hit:
                taken[best] = True
            hits.append((float(score), hit))
    table = []
    for least in np.arange(0.1, 0.701, 0.05):
        kept = [hit for score, hit in hits if score >= least]
        precision, recall = sum(kept) / max(len(kept), 1), sum(kept) / total
        table.append((float(least), precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)))
    return table


def detectors(names: list[str], data: Path, threads: int) -> dict[str, ObjectDetector]:
    """Return the nets that are on this machine; says which are not."""
    ready = {}
    copy = data / "weights" / "yolox_nano.onnx"
    for name in names:
        try:
            ready[name] = ObjectDetector(name, threads=threads)  # type: ignore[arg-type]
        except ModelError as error:
            if name == "yolox_nano" and copy.is_file():
                ready[name] = ObjectDetector(ObjectNet(copy, "yolox"), threads=threads)
            else:
                print(f"{name} is left out: {error}")
    return ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--nets", nargs="+", default=["nanodet", "yolox_nano", "centernet"])
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--thresholds", action="store_true", help="print precision, recall and F1 for each score")
    args = parser.parse_args()
    folder = args.data / "detection" / "coco_train294"
    if not folder.is_dir():
        print(f"no pictures under {folder}")
        return
    truth, pictures = load(folder)
    print(f"{len(pictures)} pictures, {args.threads} threads; ms a picture, all included, at the card's threshold")
    print(f"{'net':12s}{'AP':>7s}{'AP50':>7s}{'person':>8s}{'car':>7s}{'ms':>7s}")
    for name, detect in detectors(args.nets, args.data, args.threads).items():
        found = {number: detect([image], min_score=_LEAST, several_labels=True)[0] for number, image in pictures}
        start = time.perf_counter()
        for _, image in pictures[:100]:
            detect([image])
        took = (time.perf_counter() - start) / 100 * 1e3
        ap = average_precision(truth, found)
        print(f"{name:12s}" + "".join(f"{v:{w}.3f}" for v, w in zip(ap.values(), (7, 7, 8, 7), strict=True)) + f"{took:7.1f}")
        if args.thresholds:
            for least, precision, recall, f1 in best_threshold(truth, found):
                print(f"    score >= {least:.2f}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")


if __name__ == "__main__":
    main()
