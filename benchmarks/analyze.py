"""``analyze`` on 720p video of one person: faces, bodies and hands; decode, nets, drawing and encode together.

    python -m benchmarks.analyze [--data ../shared/data] [--frames 2000] [--threads 2] [--json]

Sources: the sample picture of scikit-image and, where the measuring data is there, a picture with two hands
(people/azure_face_samples/detection2.jpg), each swaying on a 1280x720 canvas. The peer does the same work with
MediaPipe's solutions (FaceMesh with irises, Pose, Hands, all tracking) and OpenCV (decode, its own drawing functions, MPEG-4),
one frame after the other, on the same processors, in the same run. Memory is the resident set of our process, sampled every 50 frames.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
from skimage.data import astronaut

import sightline
from benchmarks.peer import run_peer
from sightline import Options
from sightline.analysis.progress import Silent
from sightline.core.frame import Frame, Image
from sightline.media import read_image
from sightline.media.sampling import warp
from sightline.media.video_writer import VideoWriter

SIZE_WH = (1280, 720)
PEER_FRAMES = 200
WANTED_FRAMES_PER_S = 25.0
WARM_UP_FRAMES = 250


@dataclass(frozen=True)
class Row:
    """One source."""

    source: str
    frames: int
    frames_per_s: float
    peer_frames_per_s: float
    ratio: float
    rss_after_warm_up_mb: float
    rss_growth_mb: float


class Memory(Silent):
    """Samples the resident set while the run goes on."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.samples: list[tuple[int, int]] = []

    def frames(self, done: int, total: int | None) -> None:
        """Keep one sample every 50 frames."""
        if done % 50 == 0:
            self.samples.append((done, self._process.memory_info().rss))

    def growth(self) -> tuple[float, float]:
        """Return the size after warming up and the growth from there to the end (medians of eight samples), megabytes."""
        warm = [rss for done, rss in self.samples if done >= WARM_UP_FRAMES]
        first, last = np.median(warm[:8]), np.median(warm[-8:])
        return float(first) / 1e6, float(last - first) / 1e6


def film(picture: Image, path: Path, frames: int) -> None:
    """Write a picture that sways, turns and breathes on a canvas."""
    scale0 = 0.95 * SIZE_WH[1] / picture.shape[0]
    middle = np.array(picture.shape[1::-1]) / 2
    with VideoWriter(path, SIZE_WH, Fraction(30)) as writer:
        for index in range(frames):
            phase = 2 * np.pi * index / 150
            angle, scale = np.radians(3) * np.sin(phase), scale0 * (1 + 0.04 * np.sin(2 * phase))
            linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            centre = np.array(SIZE_WH) / 2 + [40 * np.sin(2 * phase), 8 * np.cos(phase)]
            canvas = warp(picture, np.column_stack([linear, centre - linear @ middle]), SIZE_WH, border=40)
            writer.write(Frame(canvas, index, index / 30))


def sources(data: Path) -> dict[str, Image]:
    """Return the pictures that the films are made of."""
    found = {"scikit-image astronaut (no hands in view)": astronaut()}
    hands = data / "people/azure_face_samples/detection2.jpg"
    if hands.exists():
        found["one person, two hands"] = read_image(hands)
    return found


def measure(name: str, picture: Image, frames: int, threads: int) -> Row:
    """Run both on one film."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        film(picture, path, frames)
        memory = Memory()
        began = time.perf_counter()
        options = Options(only=("faces", "bodies", "hands"), threads=threads)
        run = sightline.analyze(path, out=Path(folder) / "out", options=options, progress=memory)
        ours = frames / (time.perf_counter() - began)
        assert run.results[0].complete
        request = {"film": str(path), "frames": min(frames, PEER_FRAMES), "out": str(Path(folder) / "peer.mp4")}
        peer = run_peer("mediapipe", Path(__file__).parent / "peers" / "mediapipe_analyze.py", request)["frames_per_s"]
        size, growth = memory.growth()
        return Row(name, frames, ours, peer, ours / peer, size, growth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])
    rows = [measure(name, picture, given.frames, given.threads) for name, picture in sources(given.data).items()]
    if given.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print(f"{'source':<42} {'frames':>7} {'frames/s':>9} {'peer':>7} {'ratio':>6} {'RSS MB':>8} {'growth MB':>10}")
    for r in rows:
        met = "" if r.frames_per_s >= WANTED_FRAMES_PER_S else f"   below the wanted {WANTED_FRAMES_PER_S:.0f}"
        numbers = (
            f"{r.frames_per_s:>9.1f} {r.peer_frames_per_s:>7.1f} {r.ratio:>6.2f} {r.rss_after_warm_up_mb:>8.0f} {r.rss_growth_mb:>10.1f}"
        )
        print(f"{r.source:<42} {r.frames:>7} {numbers}{met}")


if __name__ == "__main__":
    main()
