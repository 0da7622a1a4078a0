"""Face mesh: speed while tracking, and distance to the peer's points, beside MediaPipe's own solution.

    python -m benchmarks.face_mesh [--data ../shared/data] [--threads 2] [--json]

Both follow one face on a 1280x720 canvas that shifts, turns and zooms slowly: the sample picture of scikit-image, and the
portraits of people/azure_face_samples where the measuring data is there. (In its clips the peer finds no face.) Frames,
run and processors are the same: blocks of frames are given to the two in turns, and both may use as many processors as
ours has threads. The peer runs its nets on one thread each and does not let it be chosen. Distances are means over points
and frames, over the distance between the outer corners of the eyes, and over the longer side of the box around the face.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peer import PeerProcess, processors
from sightline.core.geometry import rect_to_affine
from sightline.core.observations import Faces
from sightline.media.sampling import warp
from sightline.perception.faces.mesh import FaceMesh

CANVAS_WH = (1280, 720)
BLOCK, BLOCKS = 15, 6
_EYES = (33, 263)
_PEER_SCRIPT = Path(__file__).parent / "peers" / "mediapipe_mesh.py"


@dataclass(frozen=True)
class Setting:
    """What is compared with what."""

    name: str
    ours: dict[str, bool]
    peer_refine: bool
    wanted_ratio: float | None


SETTINGS = (
    Setting("mesh, 468 points", {"irises": False}, peer_refine=False, wanted_ratio=2.0),
    Setting("mesh and irises, 478 points", {"irises": True}, peer_refine=True, wanted_ratio=1.0),
    Setting("attention mesh, 478 points", {"refine": True}, peer_refine=True, wanted_ratio=None),
)


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over frames of time that passes, means of processor time, means of distance."""

    setting: str
    clips: int
    frames: int
    ours_ms: float
    peer_ms: float
    ratio: float
    wanted_ratio: float | None
    ours_processor_ms: float
    peer_processor_ms: float
    distance_of_eyes_percent: float
    distance_of_box_percent: float
    not_compared: int


def moving_frames(picture: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return a clip: the picture fills the canvas's height, and the camera shifts, turns and zooms slowly."""
    height, width = picture.shape[:2]
    frames = np.empty((count, CANVAS_WH[1], CANVAS_WH[0], 3), np.uint8)
    for i in range(count):
        phase = 2 * np.pi * i / 90
        zoom = (1 + 0.08 * np.sin(2 * phase)) * height / CANVAS_WH[1]
        centre = (width / 2 + 0.03 * height * np.sin(phase), height / 2 + 0.02 * height * np.sin(3 * phase))
        size = (CANVAS_WH[0] * zoom, CANVAS_WH[1] * zoom)
        frames[i] = warp(picture, rect_to_affine(centre, size, 0.12 * np.sin(phase), CANVAS_WH), CANVAS_WH)
    return frames


def pictures(data: Path | None) -> Iterator[NDArray[np.uint8]]:
    """Yield the sample picture, then the portraits of the measuring data."""
    from skimage.data import astronaut

    from sightline.media.images import read_image

    yield np.ascontiguousarray(astronaut()[:400, :400])
    folder = None if data is None else data / "people" / "azure_face_samples"
    for path in sorted(folder.glob("Family*.jpg")) if folder is not None and folder.is_dir() else []:
        yield read_image(path)


@dataclass
class Followed:
    """What one of the two did with a clip: a row a frame; mesh None where the face was lost."""

    ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    meshes: list[Any] = field(default_factory=list)


def follow(clip: Path, setting: Setting, ours: FaceMesh, peer: PeerProcess) -> tuple[Followed, Followed]:
    """Follow the face with both, block by block in turns."""
    frames = np.load(clip, mmap_mode="r")
    peer.ask(open={"refine": setting.peer_refine, "frames": str(clip)})
    mine, theirs = Followed(), Followed()
    faces = Faces.empty()
    for block in range(BLOCKS):
        start, stop = block * BLOCK, (block + 1) * BLOCK
        answer = peer.ask(start=start, stop=stop)
        theirs.ms += answer["ms"]
        theirs.processor_ms += answer["processor_ms"]
        theirs.meshes += answer["points"]
        if not len(faces) and answer["points"][0] is not None:
            # Ours starts from the peer's first mesh, so that both follow the same face.
            first = np.array([answer["points"][0]], np.float32)
            faces = Faces(np.zeros((1, 4)), np.ones(1), mesh_xyz=first[:, :468])
        for i in range(start, stop):
            faces = _step(ours, np.array(frames[i]), faces, mine)
    return mine, theirs


def _step(ours: FaceMesh, image: NDArray[np.uint8], faces: Faces, mine: Followed) -> Faces:
    begin, used = time.perf_counter(), time.process_time()
    faces = ours([image], [faces])[0]
    mine.ms.append(1000 * (time.perf_counter() - begin))
    mine.processor_ms.append(1000 * (time.process_time() - used))
    if len(faces) and faces.mesh_scores is not None:
        faces = faces[faces.mesh_scores > 0.5]
    mine.meshes.append(None if faces.mesh_xyz is None or not len(faces) else faces.mesh_xyz[0])
    return faces


def distances(ours: list[Any], theirs: list[Any]) -> list[tuple[float, float]]:
    """Return the mean distance of the points of each frame, over the outer eye corners' distance and over the box's longer side."""
    found = []
    for a, b in zip(ours, theirs, strict=True):
        if a is None or b is None:
            continue
        peer = np.array(b)[:, :2]
        count = min(len(a), len(peer))
        away = float(np.linalg.norm(a[:count, :2] - peer[:count], axis=1).mean())
        eyes = float(np.linalg.norm(peer[_EYES[0]] - peer[_EYES[1]]))
        found.append((away / eyes, away / float(np.ptp(peer[:468], axis=0).max())))
    return found


def measure(setting: Setting, clips: list[Path], threads: int) -> Row:
    """Return one line of the table."""
    ours, peer = FaceMesh(**setting.ours, threads=threads), PeerProcess("mediapipe", _PEER_SCRIPT)
    ours_all, peer_all = Followed(), Followed()
    away: list[tuple[float, float]] = []
    frames = 0
    for clip in clips:
        mine, theirs = follow(clip, setting, ours, peer)
        away += distances(mine.meshes, theirs.meshes)
        frames += len(mine.meshes)
        lost = any(mesh is None for mesh in (*mine.meshes[BLOCK:], *theirs.meshes[BLOCK:]))
        kept = () if lost else range(BLOCK, len(mine.ms))
        for total, one in ((ours_all, mine), (peer_all, theirs)):
            total.ms += [one.ms[i] for i in kept]
            total.processor_ms += [one.processor_ms[i] for i in kept]
    peer.close()
    eyes, box = (float(v) for v in 100 * np.mean(away, axis=0))
    a, b = float(np.median(ours_all.ms)), float(np.median(peer_all.ms))
    used = float(np.mean(ours_all.processor_ms)), float(np.mean(peer_all.processor_ms))
    return Row(setting.name, len(clips), frames, a, b, b / a, setting.wanted_ratio, *used, eyes, box, frames - len(away))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None, help="folder of measuring data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, processors(options.threads):
        clips = []
        for i, picture in enumerate(pictures(options.data)):
            clips.append(Path(folder, f"{i}.npy"))
            np.save(clips[-1], moving_frames(picture, BLOCK * BLOCKS))
        rows = [measure(setting, clips, options.threads) for setting in SETTINGS]
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print(f"Face mesh while tracking, {options.threads} threads, {CANVAS_WH[0]}x{CANVAS_WH[1]}\n")
    print(
        "| | clips x frames | ours, ms | peer, ms | frames/s ratio | wanted | processor ms, ours / peer | off, % of eyes | of box | lost |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for r in rows:
        wanted = "" if r.wanted_ratio is None else f">= {r.wanted_ratio:.1f}"
        times = (f"{r.ours_ms:.2f}", f"{r.peer_ms:.2f}", f"{r.ratio:.2f}", wanted, f"{r.ours_processor_ms:.2f} / {r.peer_processor_ms:.2f}")
        away = (f"{r.distance_of_eyes_percent:.2f}", f"{r.distance_of_box_percent:.2f}", str(r.not_compared))
        print("| " + " | ".join((r.setting, f"{r.clips} x {r.frames // r.clips}", *times, *away)) + " |")


if __name__ == "__main__":
    main()
