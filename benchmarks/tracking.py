"""Tracking: ids against ground truth beside another tracker's output, and what smoothing costs in lag.

    python -m benchmarks.tracking --data ../shared/data

MOTA and IDF1 at IoU 0.5 on the MOTChallenge sequences TUD-Campus and TUD-Stadtmitte: public Faster-RCNN detections go
in; the peer is the ``tracker_output.txt`` that py-motmetrics ships as its example (another tracker, other detections).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.core.assignment import assign
from sightline.core.boxes import iou, xywh_to_xyxy
from sightline.core.errors import ModelError
from sightline.core.frame import Frame
from sightline.core.observations import Detections
from sightline.media.video_reader import VideoReader
from sightline.media.video_writer import VideoWriter
from sightline.tracking.box_tracker import BoxTracker, BoxTrackerOptions
from sightline.tracking.landmark_tracker import LandmarkTracker
from sightline.tracking.one_euro import OneEuroFilter, OneEuroOptions

SEQUENCES = ("TUD-Campus", "TUD-Stadtmitte")
FRAME_RATE = 25.0
_IOU = 0.5


@dataclass(frozen=True)
class Sequence:
    """Boxes of a MOTChallenge text file: frame numbers, ids, boxes and scores, one row a box."""

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]

    def at(self, frame: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids and boxes of one frame."""
        rows = self.frames == frame
        return self.ids[rows], self.boxes_xyxy[rows]


@dataclass(frozen=True)
class Scores:
    """CLEAR MOT and identity scores of one sequence."""

    mota: float
    idf1: float
    recall: float
    precision: float
    switches: int


def read_mot(path: Path) -> Sequence:
    """Read ``frame, id, x, y, w, h, score, ...`` rows."""
    table = np.loadtxt(path, delimiter=",", ndmin=2)
    return Sequence(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), xywh_to_xyxy(table[:, 2:6]), table[:, 6].astype(np.float32))


def evaluate(truth: Sequence, result: Sequence) -> Scores:
    """Score a tracker's output.

    References
    ----------
    K. Bernardin, R. Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT metrics", 2008;
    E. Ristani et al., "Performance measures and a data set for multi-target, multi-camera tracking", 2016 (IDF1).
    """
    partner: dict[int, int] = {}
    hits = switches = 0
    for frame in np.union1d(truth.frames, result.frames):
        (true_ids, true_boxes), (ids, boxes) = truth.at(frame), result.at(frame)
        overlap = iou(true_boxes, boxes)
        kept = np.array([[partner.get(int(t)) == int(i) for i in ids] for t in true_ids], bool).reshape(overlap.shape) & (overlap >= _IOU)
        cost = np.where(overlap >= _IOU, 1 - overlap, np.inf)
        cost = np.where(kept, -10.0, cost)
        for row, column in zip(*assign(cost, 1.0), strict=True):
            true_id, found = int(true_ids[row]), int(ids[column])
            switches += partner.get(true_id, found) != found
            partner[true_id] = found
            hits += 1
    missed, wrong = len(truth.ids) - hits, len(result.ids) - hits
    shared = _shared_frames(truth, result)
    rows, columns = assign(-shared.astype(np.float64), 0.0)
    identity = int(shared[rows, columns].sum())
    return Scores(
        mota=1 - (missed + wrong + switches) / len(truth.ids),
        idf1=2 * identity / (len(truth.ids) + len(result.ids)),
        recall=hits / len(truth.ids),
        precision=hits / max(len(result.ids), 1),
        switches=int(switches),
    )


def _shared_frames(truth: Sequence, result: Sequence) -> NDArray[np.int64]:
    true_ids, ids = np.unique(truth.ids), np.unique(result.ids)
    shared = np.zeros((len(true_ids), len(ids)), np.int64)
    for frame in np.intersect1d(truth.frames, result.frames):
        (t, true_boxes), (i, boxes) = truth.at(frame), result.at(frame)
        shared[np.ix_(np.searchsorted(true_ids, t), np.searchsorted(ids, i))] += iou(true_boxes, boxes) >= _IOU
    return shared


def track(detections: Sequence, options: BoxTrackerOptions | None = None, frame_rate: float = FRAME_RATE, every: int = 1) -> Sequence:
    """Run ``BoxTracker`` over detections; only rows with an id are kept."""
    tracker = BoxTracker(options)
    rows = []
    for frame in range(int(detections.frames.min()), int(detections.frames.max()) + 1, every):
        here = detections.frames == frame
        found = Detections(
            detections.boxes_xyxy[here], detections.scores[here], labels=np.zeros(here.sum(), np.int64), label_names=("person",)
        )
        found = tracker.update(found, frame / frame_rate)
        rows += [(frame, i, *box, score) for i, box, score in zip(found.ids, found.boxes_xyxy, found.scores, strict=True) if i >= 0]
    table = np.array(rows)
    return Sequence(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:6].astype(np.float32), table[:, 6])


def print_mot(data: Path) -> None:
    print(f"{'sequence':16s}{'tracker':34s}{'MOTA':>7s}{'IDF1':>7s}{'recall':>8s}{'prec.':>7s}{'switches':>9s}{'ms/frame':>9s}")
    for name in SEQUENCES:
        truth, detections = read_mot(data / name / "gt.txt"), read_mot(data / name / "det.txt")
        start = time.perf_counter()
        ours = track(detections)
        took = (time.perf_counter() - start) / (detections.frames.max() - detections.frames.min() + 1)
        table = [("BoxTracker, Faster-RCNN boxes", ours, f"{took * 1e3:9.2f}")]
        table.append(("tracker_output.txt (py-motmetrics)", read_mot(data / name / "tracker_output.txt"), ""))
        for label, result, ms in table:
            s = evaluate(truth, result)
            print(f"{name:16s}{label:34s}{s.mota:7.3f}{s.idf1:7.3f}{s.recall:8.3f}{s.precision:7.3f}{s.switches:9d}{ms}")


def lag_and_jitter(options: OneEuroOptions, noise: float, speed: float, rate: float = 30.0) -> tuple[float, float]:
    """Return what is left of the noise of a still point (a ratio) and the lag behind a moving one (milliseconds).

    Parameters
    ----------
    options : OneEuroOptions
    noise : float
        Standard deviation of the measured place, in sizes.
    speed : float
        Speed of the moving point, sizes per second.
    rate : float
        Frames per second.
    """
    rng = np.random.default_rng(1)
    times = np.arange(int(rate * 6)) / rate
    settled = times > 2
    measured = rng.normal(0, noise, (len(times), 1, 400))
    still, moving = OneEuroFilter(options), OneEuroFilter(options)
    calm = np.concatenate([still(m, t) for m, t in zip(measured, times, strict=True)])
    follow = np.concatenate([moving(m + speed * t, t) for m, t in zip(measured, times, strict=True)])
    behind = (speed * times[:, None] - follow)[settled].mean() / speed
    return float(calm[settled].std() / measured[settled].std()), float(behind * 1e3)


def print_smoothing() -> None:
    print("\nOne-Euro filter, 30 frames/s: jitter left of a still point, lag behind a moving one")
    print(f"{'noise (sizes)':>14s}{'jitter left':>12s}" + "".join(f"{f'lag at {v}/s':>14s}" for v in (0.1, 0.5, 2.0)))
    for noise in (0.001, 0.003, 0.01):
        lags = [lag_and_jitter(OneEuroOptions(), noise, v) for v in (0.1, 0.5, 2.0)]
        print(f"{noise:14.3f}{lags[0][0]:12.2f}" + "".join(f"{lag:11.1f} ms" for _, lag in lags))


def still_face(frames: int = 90, rate: int = 30, noise: float = 3.0) -> list[Frame]:
    """Return a clip of a face that does not move: the sample picture at 1280x720, camera noise, H.264 as cameras send it."""
    from skimage.data import astronaut

    canvas = np.full((720, 1280, 3), 90, np.float32)
    canvas[104:616, 384:896] = astronaut()
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "still.mp4"
        with VideoWriter(path, (1280, 720), rate) as writer:
            for index in range(frames):
                image = np.clip(canvas + rng.normal(0, noise, canvas.shape), 0, 255).astype(np.uint8)
                writer.write(Frame(image, index, index / rate))
        with VideoReader(path) as reader:
            return list(reader)


def print_still_face() -> None:
    """Print how much the mesh of a still face trembles, without and with smoothing, and how far it lags when it moves."""
    from sightline.perception.faces import FaceDetector, FaceMesh

    try:
        detect, mesh = FaceDetector("full"), FaceMesh(irises=False)
    except ModelError as error:
        print(f"\nthe still face is left out: {error}")
        return
    frames = still_face()
    print("\nface mesh of a still face (sample picture on 1280x720, noise 3/255, H.264), 90 frames, the last 60 counted")
    for label, smooth in (("as the net gives it", None), ("smoothed (default)", OneEuroOptions())):
        tracker = LandmarkTracker(detect, mesh, max_count=1, smooth=smooth)
        faces = [tracker.update(frame) for frame in frames]
        points = np.stack([f.mesh_xyz[0, :468, :2] for f in faces[30:]])
        size = float(np.sqrt(np.prod(faces[-1].boxes_xyxy[0, 2:] - faces[-1].boxes_xyxy[0, :2])))
        tremble = np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=2).mean())
        step = np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=2).mean())
        print(f"{label:22s} jitter {tremble:.3f} px rms ({tremble / size:.4f} of the size), {step:.3f} px rms from frame to frame")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    args = parser.parse_args()
    if (args.data / "tracking").is_dir():
        print_mot(args.data / "tracking")
    else:
        print(f"no sequences under {args.data / 'tracking'}: the MOT table is left out")
    print_smoothing()
    print_still_face()


if __name__ == "__main__":
    main()
