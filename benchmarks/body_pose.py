"""Body pose: speed while tracking and distance to the peer's points; joints found on sports pictures, beside MediaPipe's pose.

    python -m benchmarks.body_pose [--data ../shared/data] [--threads 2] [--json]

Tracking: both follow one person through the same 1280x720 frames (the sample picture of scikit-image moving on a canvas, and
clips of the measuring data), given in blocks, in turns, in one run, on as many processors as ours has threads. Peer:
``Pose(model_complexity=1, static_image_mode=False, smooth_landmarks=False)``; it runs its nets on one thread each and does
not let it be chosen. Its time and ours hold everything from the frame to the points. The distance is the mean over the
landmarks (those the peer calls visible, and all 33) and frames, over the diagonal of the box around the peer's landmarks.
Frames in which the two follow different people (mean distance above a fifth) or one has nobody are counted, not compared.

Joints: people/lspet, PCK@0.2 of the torso (right hip to left shoulder), the 12 joints of the limbs that are marked visible,
pictures in which that torso is marked; whoever finds nobody misses all joints of the picture.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peer import PeerProcess, processors
from sightline.core.observations import Bodies
from sightline.media.images import read_image
from sightline.media.sampling import resize
from sightline.perception.bodies import BodyPose, MultiPose, PersonDetector, skeleton

CANVAS_WH = (1280, 720)
BLOCK, BLOCKS = 15, 6
WANTED_RATIO, WANTED_PERCENT = 2.0, 1.5
CLIPS = (("people-walking.mp4", 0), ("dance.mp4", 100), ("one-by-one-person-detection.mp4", 225), ("openpose_people.avi", 0))
_PEER_SCRIPT = Path(__file__).parent / "peers" / "mediapipe_pose.py"
_LSP = {
    "rank": "right_ankle", "rkne": "right_knee", "rhip": "right_hip", "lhip": "left_hip", "lkne": "left_knee", "lank": "left_ankle",
    "rwri": "right_wrist", "relb": "right_elbow", "rsho": "right_shoulder", "lsho": "left_shoulder", "lelb": "left_elbow",
    "lwri": "left_wrist",
}  # fmt: skip


@dataclass(frozen=True)
class TrackingRow:
    """One clip."""

    clip: str
    frames: int
    ours_ms: float
    peer_ms: float
    ratio: float
    visible_percent: float
    all_percent: float
    other_person: int
    one_has_nobody: int


@dataclass(frozen=True)
class JointsRow:
    """One way of finding joints on pictures."""

    finder: str
    pck: float
    joints: int
    pictures: int
    nobody: int
    ms: float


def clips(data: Path | None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and frames of the sample picture moving on a canvas, then of the measuring data's clips."""
    from skimage.data import astronaut

    count, picture = BLOCK * BLOCKS, astronaut()
    frames = np.full((count, CANVAS_WH[1], CANVAS_WH[0], 3), 90, np.uint8)
    for i, frame in enumerate(frames):
        x, y = 384 + round(20 * np.sin(i / 8)), 104 + round(10 * np.cos(i / 6))
        frame[y : y + 512, x : x + 512] = picture
    yield "sample picture", frames
    for name, start in CLIPS if data is not None else ():
        path = Path(data or "") / "video" / name
        if path.exists():
            yield name, _read_clip(path, start, count)


def _read_clip(path: Path, start: int, count: int) -> NDArray[np.uint8]:
    import cv2

    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, start)
    frames = []
    while len(frames) < count:
        ok, frame = video.read()
        if not ok:
            break
        frames.append(resize(np.ascontiguousarray(frame[:, :, ::-1]), CANVAS_WH))
    return np.array(frames, np.uint8)


class Follower:
    """Ours, following the person that the peer follows."""

    def __init__(self, threads: int) -> None:
        self._detector, self._pose = PersonDetector(threads=threads), BodyPose(threads=threads)
        self._body: Bodies | None = None

    def start_like(self, image: NDArray[np.uint8], peer: NDArray[np.float64]) -> None:
        """Look for people, and take the one whose hips are nearest to the peer's."""
        found = self._detector([image], min_score=0.3)[0]
        if found.axis_points_xy is not None and len(found):
            hips = peer[23:25, :2].mean(axis=0)
            nearest = int(np.argmin(np.linalg.norm(found.axis_points_xy[:, 0] - hips, axis=1)))
            self._body = self._pose([image], [found[[nearest]]])[0]

    def step(self, image: NDArray[np.uint8], peer: list[Any] | None) -> tuple[float | None, Any]:
        """Return the time in ms (None when it had to look for people) and the points (None: nobody)."""
        elapsed = None
        if self._body is None:
            if peer is not None:
                self.start_like(image, np.array(peer))
        else:
            begin = time.perf_counter()
            self._body = self._pose([image], [self._body])[0]
            elapsed = 1000 * (time.perf_counter() - begin)
        if self._body is not None and self._body.scores[0] < 0.5:
            self._body = None
        return elapsed, None if self._body is None else self._body.points_xyz[0]

    def forget(self) -> None:
        """Look anew in the next frame."""
        self._body = None


def track(name: str, path: Path, peer: PeerProcess, threads: int) -> TrackingRow:
    """Return one line of the table."""
    frames, follower = np.load(path, mmap_mode="r"), Follower(threads)
    peer.ask(open={"frames": str(path)})
    ours_ms: list[float] = []
    peer_ms: list[float] = []
    away: list[tuple[float, float]] = []
    others = nobody = 0
    for start in range(0, len(frames) - BLOCK + 1, BLOCK):
        answer = peer.ask(start=start, stop=start + BLOCK)
        peer_ms += answer["ms"] if start else answer["ms"][5:]
        for i in range(BLOCK):
            elapsed, points = follower.step(np.array(frames[start + i]), answer["points"][i])
            if elapsed is not None and start + i > 5:
                ours_ms.append(elapsed)
            if points is None or answer["points"][i] is None:
                nobody += 1
                continue
            visible, every = _distances(points, np.array(answer["points"][i]))
            if every > 0.2:
                others += 1
                follower.forget()
            else:
                away.append((visible, every))
    a, b = float(np.median(ours_ms)), float(np.median(peer_ms))
    shown, whole = (100 * np.mean(away, axis=0)).tolist()
    return TrackingRow(name, len(frames), a, b, b / a, shown, whole, others, nobody)


def _distances(ours: NDArray[np.float32], peer: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean distance of the visible and of all points, over the diagonal of the peer's box."""
    away = np.linalg.norm(ours[:, :2] - peer[:, :2], axis=1) / np.linalg.norm(np.ptp(peer[:, :2], axis=0))
    visible = peer[:, 3] >= 0.5
    return float(away[visible].mean() if visible.any() else away.mean()), float(away.mean())


def joints(data: Path, peer: PeerProcess, threads: int) -> list[JointsRow]:
    """Return PCK@0.2 of the peer and of three ways of ours."""
    folder = data / "people" / "lspet"
    with (folder / "joints.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if (folder / "images" / r["image"]).exists()]
    rows = [r for r in rows if r["rhip_vis"] == "1" and r["lsho_vis"] == "1"]
    paths = [folder / "images" / r["image"] for r in rows]
    images = [read_image(path) for path in paths]
    answer = peer.ask(pictures=[str(p) for p in paths])
    detector, pose, many = PersonDetector(threads=threads), BodyPose(threads=threads), MultiPose(threads=threads)
    finders: dict[str, Callable[[Any], Bodies]] = {
        "PersonDetector, then BodyPose": lambda image: pose([image], [detector([image])[0][:1]])[0],
        "MultiPose": lambda image: many([image])[0][:1],
        "MultiPose, then BodyPose": lambda image: pose([image], [many([image])[0][:1]])[0],
    }
    found = [None if p is None else np.array(p)[_places("blazepose33"), :2] for p in answer["points"]]
    table = [_joints_row("peer", rows, found, answer["ms"])]
    for name, finder in finders.items():
        found, times = [], []
        for image in images:
            begin = time.perf_counter()
            body = finder(image)
            times.append(1000 * (time.perf_counter() - begin))
            found.append(body.points_xyz[0, _places(body.skeleton), :2] if len(body) and body.points_xyz is not None else None)
        table.append(_joints_row(name, rows, found, times))
    return table


def _places(name: Any) -> list[int]:
    return [skeleton(name).index(joint) for joint in _LSP.values()]


def _joints_row(name: str, rows: list[dict[str, str]], found: list[Any], times: list[float]) -> JointsRow:
    right = total = nobody = 0
    for row, points in zip(rows, found, strict=True):
        truth = np.array([[float(row[f"{j}_x"]), float(row[f"{j}_y"])] for j in _LSP]) - 0.5  # MATLAB pixels to continuous
        marked = np.array([row[f"{j}_vis"] == "1" for j in _LSP])
        torso = float(np.linalg.norm(truth[list(_LSP).index("rhip")] - truth[list(_LSP).index("lsho")]))
        total += int(marked.sum())
        if points is None:
            nobody += 1
            continue
        right += int((np.linalg.norm(points - truth, axis=1)[marked] <= 0.2 * torso).sum())
    return JointsRow(name, right / total, total, len(rows), nobody, float(np.median(times)))


def show(tracking: list[TrackingRow], found: list[JointsRow], threads: int) -> None:
    print(f"Body pose while tracking, {threads} threads, {CANVAS_WH[0]}x{CANVAS_WH[1]}\n")
    print("| clip | frames | ours, ms | peer, ms | frames/s ratio | distance, % of body: visible | all | other person | one has nobody |")
    print("|---|---|---|---|---|---|---|---|---|")
    for t in tracking:
        speed, away = f"{t.ours_ms:.2f} | {t.peer_ms:.2f} | {t.ratio:.2f}", f"{t.visible_percent:.2f} | {t.all_percent:.2f}"
        print(f"| {t.clip} | {t.frames} | {speed} | {away} | {t.other_person} | {t.one_has_nobody} |")
    ratio, away = np.median([t.ratio for t in tracking]), np.mean([t.visible_percent for t in tracking])
    print(f"\nMedian ratio {ratio:.2f} (wanted >= {WANTED_RATIO}), mean distance {away:.2f} % (wanted <= {WANTED_PERCENT}).")
    if found:
        print(f"\nJoints on people/lspet, {found[0].pictures} pictures, {found[0].joints} joints\n")
        print("| finder | PCK@0.2 | pictures with nobody | ms a picture |\n|---|---|---|---|")
        for j in found:
            print(f"| {j.finder} | {j.pck:.3f} | {j.nobody} | {j.ms:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None, help="folder of measuring data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tracking: list[TrackingRow] = []
    found: list[JointsRow] = []
    with tempfile.TemporaryDirectory() as folder, processors(options.threads):
        peer = PeerProcess("mediapipe", _PEER_SCRIPT)
        for name, frames in clips(options.data):
            path = Path(folder, "clip.npy")
            np.save(path, frames)
            tracking.append(track(name, path, peer, options.threads))
        if options.data is not None and (options.data / "people" / "lspet").is_dir():
            found = joints(options.data, peer, options.threads)
        peer.close()
    if options.json:
        print(json.dumps({"tracking": [asdict(t) for t in tracking], "joints": [asdict(j) for j in found]}))
    else:
        show(tracking, found, options.threads)


if __name__ == "__main__":
    main()
