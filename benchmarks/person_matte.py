"""Person mattes: agreement with masks before and after refinement, beside MediaPipe's selfie segmentation.

    python -m benchmarks.person_matte --data ../shared/data [--threads 2] [--json]

Data: people/human_seg. Its masks were made with another product (remove.bg), so the figures say how far we agree with it; they
are no matting reference. IoU at a half; boundary F: precision and recall of the outline within 2 pixels; band: mean absolute
difference within 8 pixels of the outline. The second table times the guided filter alone on 1280x720.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.peer import processors, run_peer
from sightline.media.images import read_image
from sightline.perception.people import PersonMatte, guided_filter

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One way to make mattes."""

    matte: str
    pictures: int
    iou_mean: float
    iou_median: float
    below_08: int
    boundary_f: float
    band: float
    ms: float


def agreement(matte: Mask, truth: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return IoU, boundary F and difference in the band."""
    inside = matte > 127
    iou = float((inside & truth).sum() / max((inside | truth).sum(), 1))
    ours, theirs = _outline(inside), _outline(truth)
    precision = float((ours & _grown(theirs, 2)).sum() / max(ours.sum(), 1))
    recall = float((theirs & _grown(ours, 2)).sum() / max(theirs.sum(), 1))
    band = _grown(theirs, 8)
    away = float(np.abs(matte[band] / 255.0 - truth[band]).mean()) if band.any() else 0.0
    return iou, 2 * precision * recall / max(precision + recall, 1e-9), away


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0)


def _grown(inside: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(inside.astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8)) > 0)


def row(name: str, mattes: list[Mask], truths: list[NDArray[np.bool_]], times: list[float]) -> Row:
    """Return one line of the table."""
    found = np.array([agreement(m, t) for m, t in zip(mattes, truths, strict=True)])
    iou = found[:, 0]
    return Row(
        name, len(found), float(iou.mean()), float(np.median(iou)), int((iou < 0.8).sum()), *found[:, 1:].mean(axis=0).tolist(),
        float(np.median(times)),
    )  # fmt: skip


def timed(matte: Callable[[Any], list[Mask]], images: list[Any]) -> tuple[list[Mask], list[float]]:
    """Return the mattes and the time of each in ms."""
    mattes, times = [], []
    for image in images:
        begin = time.perf_counter()
        mattes += matte([image])
        times.append(1000 * (time.perf_counter() - begin))
    return mattes, times


def compare(data: Path, threads: int) -> list[Row]:
    """Return the lines of the table: the peer's two nets, ours before and after refinement."""
    folder = data / "people" / "human_seg"
    paths = [p for p in sorted((folder / "images").iterdir()) if (folder / "masks" / f"{p.stem}.png").exists()]
    images = [read_image(p) for p in paths]
    truths = [read_image(folder / "masks" / f"{p.stem}.png")[:, :, 0] > 0 for p in paths]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for model, name in enumerate(("peer, square", "peer, landscape")):
            masks = Path(scratch, f"{model}.npz")
            request = {"pictures": [str(p) for p in paths], "model": model, "masks": str(masks)}
            answer = run_peer("mediapipe", Path(__file__).parent / "peers" / "mediapipe_matte.py", request)
            with np.load(masks) as found:
                rows.append(row(name, [found[p.stem] for p in paths], truths, answer["ms"]))
    for name, refine in (("ours, before refinement", False), ("ours, refined", True)):
        mattes, times = timed(PersonMatte(refine=refine, threads=threads), images)
        rows.append(row(name, mattes, truths, times))
    return rows


def filter_ms(radius: int) -> float:
    """Return the median time of the guided filter on 1280x720, ms."""
    from skimage.data import astronaut

    image = np.ascontiguousarray(np.pad(astronaut(), ((104, 104), (384, 384), (0, 0)), mode="edge"))
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[150:, 450:850] = 255
    times = []
    for _ in range(25):
        begin = time.perf_counter()
        guided_filter(image, mask, radius=radius, epsilon=1e-4)
        times.append(1000 * (time.perf_counter() - begin))
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None, help="folder of measuring data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with processors(options.threads):
        there = options.data is not None and (options.data / "people" / "human_seg").is_dir()
        rows = compare(options.data, options.threads) if there else []
        filters = {radius: filter_ms(radius) for radius in (5, 15, 45)}
    if options.json:
        print(json.dumps({"mattes": [asdict(r) for r in rows], "guided_filter_720p_ms": filters}))
        return
    if rows:
        print("| matte | pictures | IoU mean | median | below 0.8 | boundary F | band | ms |\n|---|---|---|---|---|---|---|---|")
    for r in rows:
        agree = f"{r.iou_mean:.3f} | {r.iou_median:.3f} | {r.below_08} | {r.boundary_f:.3f} | {r.band:.3f}"
        print(f"| {r.matte} | {r.pictures} | {agree} | {r.ms:.1f} |")
    print("\nGuided filter, 1280x720: " + ", ".join(f"radius {radius} px {ms:.1f} ms" for radius, ms in filters.items()))


if __name__ == "__main__":
    main()
