"""Two hands: speed while tracking and distance to the peer's points, beside MediaPipe's own solution.

    python -m benchmarks.hands --data ../shared/data [--threads 2] [--json]

Both follow two hands through the same 1280x720 frames: pairs of photos of people/hagrid_mini side by side, each photo shifting,
turning and zooming slowly by itself, and a clip in which hands reach for bottles. (scikit-image's sample picture shows no
hand.) Frames are given to the two in blocks, in turns, in one run, and both may use as many processors as ours has threads.
Peer: ``Hands(max_num_hands=2, static_image_mode=False)``; it runs its nets on one thread each and does not let it be chosen.
Times hold everything from the frame to the points; of the pairs the first block, in which hands are looked for, is left
out, and so are frames in which either side has not both hands.

The distance is the mean over the 21 points and the hands that both have, over the size of the hand: the diagonal of the
box around the peer's landmarks (and, for comparison, the palm: wrist to the knuckle of the middle finger). Hands are
matched to the nearest; those farther apart than half a hand are counted, not compared. ``sides`` is how often both say
the same of left and right: the peer's label is for mirrored pictures, so it is swapped here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.face_mesh import CANVAS_WH
from benchmarks.peer import PeerProcess, processors
from sightline.core.frame import Frame
from sightline.core.geometry import rect_to_affine
from sightline.core.observations import Hands
from sightline.media.images import read_image
from sightline.media.sampling import resize, warp
from sightline.media.video_reader import VideoReader
from sightline.perception.hands import HandPose, PalmDetector
from sightline.tracking import LandmarkTracker

BLOCK, BLOCKS, PAIRS = 15, 6, 6
WANTED_RATIO, WANTED_PERCENT = 2.5, 1.5
CLIP, CLIP_START = "bottle-detection.mp4", 480
Variant = Literal["full", "lite"]
Clips = list[tuple[str, Path]]


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over frames of time, means of processor time and of distance."""

    what: str
    variant: str
    clips: int
    frames_timed: int
    ours_ms: float
    peer_ms: float
    ratio: float
    ours_processor_ms: float
    peer_processor_ms: float
    distance_of_diagonal_percent: float
    distance_of_palm_percent: float
    hands_compared: int
    only_ours: int
    only_peer: int
    same_side_percent: float


@dataclass
class Followed:
    """What one of the two did with a clip, an entry a frame: points (n, 21, 2) and who is a left hand (n,)."""

    ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    points: list[NDArray[np.float64]] = field(default_factory=list)
    left: list[NDArray[np.bool_]] = field(default_factory=list)


def photo_pairs(data: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield clips of two photos that move side by side; photos in which not exactly one hand is found are passed over."""
    palms, pose = PalmDetector(), HandPose()
    folder = data / "people" / "hagrid_mini"
    photos = []
    for paths in zip(*(sorted((folder / kind).iterdir()) for kind in ("four", "rock", "none", "call")), strict=True):
        for image in map(read_image, paths):
            [hands] = pose([image], palms([image]))
            if (hands.scores > 0.5).sum() == 1:
                photos.append(image)
    for left, right in zip(photos[::2], photos[1::2], strict=False):
        yield np.stack([np.concatenate([_moved(left, i), _moved(right, i + 40)], axis=1) for i in range(BLOCK * BLOCKS)])


def _moved(picture: NDArray[np.uint8], i: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    half_wh = (CANVAS_WH[0] // 2, CANVAS_WH[1])
    phase = 2 * np.pi * i / 90
    zoom = max(height / half_wh[1], width / half_wh[0]) * (1 + 0.08 * np.sin(2 * phase))
    centre = (width / 2 + 0.03 * width * np.sin(phase), height / 2 + 0.02 * height * np.sin(3 * phase))
    size = (half_wh[0] * zoom, half_wh[1] * zoom)
    return warp(picture, rect_to_affine(centre, size, 0.1 * np.sin(phase), half_wh), half_wh)


def video_frames(path: Path) -> NDArray[np.uint8]:
    with VideoReader(path) as video:
        frames = islice(video, CLIP_START, CLIP_START + BLOCK * BLOCKS)
        return np.stack([resize(frame.image, CANVAS_WH) for frame in frames])


def follow(clip: Path, variant: Variant, threads: int) -> tuple[Followed, Followed]:
    """Follow the hands with both, block by block in turns."""
    frames = np.load(clip, mmap_mode="r")
    peer = PeerProcess("mediapipe", Path(__file__).parent / "peers" / "mediapipe_hands.py")
    peer.ask(open={"complexity": 1 if variant == "full" else 0, "frames": str(clip)})
    palms, pose = PalmDetector(threads=threads), HandPose(variant, threads=threads)
    tracker: LandmarkTracker[Hands] = LandmarkTracker(palms, pose, max_count=2, redetect_s=0, smooth=None)
    mine, theirs = Followed(), Followed()
    for start in range(0, len(frames), BLOCK):
        stop = min(start + BLOCK, len(frames))
        answer = peer.ask(start=start, stop=stop)
        theirs.ms += answer["ms"]
        theirs.processor_ms += answer["processor_ms"]
        theirs.points += [np.array(points, np.float64).reshape(-1, 21, 2) for points in answer["points"]]
        theirs.left += [np.array([label == "Right" for label in labels], bool) for labels in answer["labels"]]
        for i in range(start, stop):
            _step(tracker, Frame(np.array(frames[i]), i, i / 30), mine)
    peer.close()
    return mine, theirs


def _step(tracker: LandmarkTracker[Hands], frame: Frame, mine: Followed) -> None:
    begin, used = time.perf_counter(), time.process_time()
    hands = tracker.update(frame)
    mine.ms.append(1000 * (time.perf_counter() - begin))
    mine.processor_ms.append(1000 * (time.process_time() - used))
    found = len(hands) and hands.points_xyz is not None and hands.left_scores is not None
    mine.points.append(np.asarray(hands.points_xyz)[..., :2].astype(np.float64) if found else np.zeros((0, 21, 2)))
    mine.left.append(np.asarray(hands.left_scores) > 0.5 if found else np.zeros(0, bool))


@dataclass
class Agreement:
    """Distances of hands that both have, as parts of the diagonal and of the palm; and the rest."""

    of_diagonal: list[float] = field(default_factory=list)
    of_palm: list[float] = field(default_factory=list)
    same_side: list[bool] = field(default_factory=list)
    only_ours: int = 0
    only_peer: int = 0

    def add(self, mine: Followed, theirs: Followed, i: int) -> None:
        """Count one frame."""
        ours, peer = mine.points[i], theirs.points[i]
        free = set(range(len(ours)))
        for row, hand in enumerate(peer):
            diagonal = float(np.linalg.norm(np.ptp(hand, axis=0)))
            apart = {k: float(np.linalg.norm(ours[k] - hand, axis=1).mean()) for k in free}
            best = min(apart, key=apart.__getitem__, default=None)
            if best is None or apart[best] > diagonal / 2:
                self.only_peer += 1
                continue
            free.remove(best)
            self.of_diagonal.append(apart[best] / diagonal)
            self.of_palm.append(apart[best] / float(np.linalg.norm(hand[9] - hand[0])))
            self.same_side.append(bool(mine.left[i][best] == theirs.left[i][row]))
        self.only_ours += len(free)


def measure(what: str, clips: Clips, variant: Variant, threads: int, least_hands: int) -> Row:
    """Return one line of the table."""
    times: list[tuple[float, float, float, float]] = []
    agreement = Agreement()
    for _, clip in clips:
        mine, theirs = follow(clip, variant, threads)
        for i in range(len(mine.ms)):
            agreement.add(mine, theirs, i)
            if i >= BLOCK and min(len(mine.points[i]), len(theirs.points[i])) >= least_hands:
                times.append((mine.ms[i], theirs.ms[i], mine.processor_ms[i], theirs.processor_ms[i]))
    ours, peer = np.median([t[:2] for t in times], axis=0).tolist()
    used = np.mean([t[2:] for t in times], axis=0).tolist()
    away = [100 * float(np.mean(a)) for a in (agreement.of_diagonal, agreement.of_palm)]
    sides = 100 * float(np.mean(agreement.same_side))
    compared = len(agreement.of_palm)
    lost = (agreement.only_ours, agreement.only_peer)
    return Row(what, variant, len(clips), len(times), ours, peer, peer / ours, *used, *away, compared, *lost, sides)


def saved_clips(data: Path, folder: Path) -> tuple[Clips, Clips]:
    """Write the frames of the photo pairs and of the clip, return names and paths."""
    pairs = []
    for i, frames in enumerate(islice(photo_pairs(data), PAIRS)):
        pairs.append((f"pair {i}", folder / f"pair{i}.npy"))
        np.save(pairs[-1][1], frames)
    video = data / "video" / CLIP
    if not video.exists():
        return pairs, []
    np.save(folder / "clip.npy", video_frames(video))
    return pairs, [(CLIP, folder / "clip.npy")]


def show(rows: list[Row], threads: int) -> None:
    print(f"Two hands while tracking, {threads} threads, {CANVAS_WH[0]}x{CANVAS_WH[1]}\n")
    heads = "", "clips, frames timed", "ours, ms", "peer, ms", "frames/s ratio", "processor ms, ours / peer", "off, % of diagonal"
    print("| " + " | ".join((*heads, "of palm", "hands compared", "only ours / peer", "sides agree")) + " |")
    print("|---" * 11 + "|")
    for r in rows:
        times = f"{r.ours_ms:.1f}", f"{r.peer_ms:.1f}", f"{r.ratio:.2f}", f"{r.ours_processor_ms:.1f} / {r.peer_processor_ms:.1f}"
        away = f"{r.distance_of_diagonal_percent:.2f}", f"{r.distance_of_palm_percent:.2f}"
        counts = str(r.hands_compared), f"{r.only_ours} / {r.only_peer}", f"{r.same_side_percent:.0f} %"
        print("| " + " | ".join((f"{r.what}, {r.variant}", f"{r.clips}, {r.frames_timed}", *times, *away, *counts)) + " |")
    print(f"\nWanted: ratio >= {WANTED_RATIO} for two hands, full; off <= {WANTED_PERCENT} % of the diagonal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of measuring data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, processors(options.threads):
        pairs, video = saved_clips(options.data, Path(folder))
        rows = [measure("two hands in photos", pairs, v, options.threads, 2) for v in ("full", "lite")]
        if video:
            rows.append(measure(f"one or two hands, {CLIP}", video, "full", options.threads, 1))
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        show(rows, options.threads)


if __name__ == "__main__":
    main()
