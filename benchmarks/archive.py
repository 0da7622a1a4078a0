"""Archives: pictures and video frames a second on one processor, from the file to the committed Parquet part.

    python -m benchmarks.archive [--data ../shared/data] [--pictures 100] [--seconds 8] [--json]

What `sightline analyze --ray` runs in each of its workers, without Ray: one worker, one thread, nets opened before the clock
starts. Pictures: the first of detection/coco_train294 (about 640x480). Video: video/people-walking.mp4 (1280x720, 30 frames/s, a
street with some twenty people). Rates are items over the processor time of the process, which other work on the machine
changes little; wall time is given beside it. docs/archives.md reckons with these rates.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from sightline.analysis import Options
from sightline.analysis.archive.places import ArchiveFile, list_files
from sightline.analysis.archive.worker import ArchiveWorker, WorkerSetup
from sightline.analysis.document import Kind

KINDS: tuple[tuple[Kind, ...], ...] = (
    ("objects",),
    ("faces",),
    ("faces", "objects"),
    ("faces", "bodies", "hands", "people", "text", "objects"),
)


@dataclass(frozen=True)
class Row:
    """One choice of kinds."""

    kinds: str
    pictures_per_s: float
    pictures_wall_s: float
    frames_per_s: float
    frames_wall_s: float
    rss_mb: float


def timed(worker: ArchiveWorker, task: dict[str, object]) -> tuple[float, float]:
    """Do a task; return processor and wall seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    done = json.loads(worker({"task": json.dumps(task)})["done"])
    assert "fatal" not in done, done
    return time.process_time() - processor, time.perf_counter() - wall


def measure(kinds: tuple[Kind, ...], pictures: list[ArchiveFile], video: ArchiveFile, seconds: float) -> Row:
    """Look at the pictures, then at one piece of the video."""
    with tempfile.TemporaryDirectory() as out:
        worker = ArchiveWorker(WorkerSetup(out, Options(only=kinds, threads=1), 300.0))
        timed(worker, {"do": "files", "files": [asdict(p) for p in pictures[:3]]})  # opens the nets
        processor_s, wall_s = timed(worker, {"do": "files", "files": [asdict(p) for p in pictures]})
        whole = timed(worker, {"do": "piece", "file": asdict(video), "piece": [0, 0.0, seconds]})
        frames = round(seconds * 30000 / 1001)
        rss = psutil.Process().memory_info().rss / 1e6
        return Row(",".join(kinds), len(pictures) / processor_s, wall_s, frames / whole[0], whole[1], rss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    listed = [f for f in list_files((str(given.data / "detection/coco_train294/images"),), "out") if isinstance(f, ArchiveFile)]
    [video] = [f for f in list_files((str(given.data / "video/people-walking.mp4"),), "out") if isinstance(f, ArchiveFile)]
    rows = [measure(kinds, listed[: given.pictures], video, given.seconds) for kinds in KINDS]
    if given.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print(f"One thread, {given.pictures} pictures, {round(given.seconds * 30000 / 1001)} frames\n")
    print("| looked for | pictures/s a core | wall, s | 720p frames/s a core | wall, s | resident, MB |\n|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.kinds} | {row.pictures_per_s:.2f} | {row.pictures_wall_s:.1f} | {row.frames_per_s:.1f} "
            f"| {row.frames_wall_s:.1f} | {row.rss_mb:.0f} |"
        )


if __name__ == "__main__":
    main()
