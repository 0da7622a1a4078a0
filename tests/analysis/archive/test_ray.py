"""Archives on a real Ray cluster: a head node with two processors that the whole module shares."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from skimage.data import astronaut

from sightline.analysis.archive.places import place
from sightline.core.frame import Frame
from sightline.media.video_writer import VideoWriter

from .conftest import Head

RUN = """
import json, sys
from sightline import Options
from sightline.analysis.archive import ArchiveOptions, analyze_archive

options = Options(only=("faces",), thorough_every_s=0.0, threads=1)
source, out, ray = sys.argv[1:]
division = ArchiveOptions(segment_s=1.0, files_per_task=3)
tell = lambda row: print(json.dumps(row), flush=True)
run = analyze_archive(source, out=out, ray=ray, options=options, archive=division, on_file=tell)
print(json.dumps({"listed": run.listed, "before": run.before, "looked_at": run.looked_at, "failed": run.failed, "missing": run.missing}))
"""
FRAMES = 180


@pytest.fixture(autouse=True)
def _nets(weights) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh", "iris")


@pytest.fixture
def archive(pictures: Path, tmp_path: Path) -> Path:
    """Sixty pictures and six seconds of a swaying face."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for n in range(60):
        shutil.copy(pictures / "face0.png" if n % 3 else pictures / "none1.png", folder / f"{n:02d}.png")
    shutil.copy(pictures / "broken.jpg", folder)
    picture = astronaut()[:360]
    with VideoWriter(folder / "film.mp4", (512, 360), Fraction(30)) as writer:
        for n in range(FRAMES):
            writer.write(Frame(np.roll(picture, round(25 * np.sin(n / 20)), axis=1), n, n / 30))
    return folder


class Killer(threading.Thread):
    """Kills one worker while files are looked at, and one while pieces of the film are."""

    def __init__(self, head: Head, out: Path) -> None:
        super().__init__(daemon=True)
        self._head, self._out, self.killed = head, out, []  # type: ignore[var-annotated]
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.01) and len(self.killed) < 2:
            parts = len(list(self._out.glob("files/*.parquet")))
            pieces = len(list(self._out.glob("work/*/*.json.gz")))
            under_way = len(list(self._out.glob("work/attempts/*")))
            ready = parts >= 3 if not self.killed else pieces >= 1
            if ready and under_way and (workers := self._workers()):
                workers[0].send_signal(signal.SIGKILL)
                self.killed.append((parts, pieces))

    def _workers(self) -> list[psutil.Process]:
        children = psutil.Process(self._head.process.pid).children(recursive=True)
        busy = [c for c in children if "MapWorker" in " ".join(_cmdline(c))]
        return sorted(busy, key=lambda c: -sum(c.cpu_times()[:2]))


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_two_workers_killed_on_the_way_cost_nothing(ray_head: Head, archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killer = Killer(ray_head, out)
    killer.start()
    command = [sys.executable, "-c", RUN, str(archive), str(out), ray_head.address]
    done = subprocess.run(command, env=ray_head.env, capture_output=True, text=True, timeout=200, check=False)
    killer.stop.set()
    assert done.returncode == 0, done.stderr
    [(parts, _), (_, pieces)] = killer.killed
    assert parts < 20, "the first worker was killed when all was done"
    assert pieces < 6, "the second worker was killed when all was done"
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines[-1] == {"listed": 62, "before": 0, "looked_at": 62, "failed": 1, "missing": []}

    files = ds.dataset(out / "files").to_table().to_pylist()
    names = Counter(Path(row["path"]).name for row in files)
    assert names == Counter([*(f"{n:02d}.png" for n in range(60)), "broken.jpg", "film.mp4"])
    assert {Path(row["path"]).name for row in files if not row["complete"]} == {"broken.jpg"}
    found = ds.dataset(out / "records").to_table().to_pylist()
    assert Counter(Path(r["path"]).name for r in found if r["path"].endswith("png")) == Counter(f"{n:02d}.png" for n in range(60) if n % 3)
    film = sorted((r["frame"], r["track_id"], r["time_s"]) for r in found if r["path"].endswith("film.mp4"))
    assert [(frame, track) for frame, track, _ in film] == [(n, 1) for n in range(FRAMES)]
    assert [t for _, _, t in film] == pytest.approx([n / 30 for n in range(FRAMES)], abs=1e-5)
    assert sum(row["records"] for row in files) == len(found) == 40 + FRAMES
    assert not (out / "work").exists()


def cli(head: Head, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightline", "analyze", *arguments]
    return subprocess.run(command, env={**head.env, **env}, capture_output=True, text=True, timeout=120, check=False)


def test_from_bucket_to_bucket_and_on_from_where_it_stopped(ray_head: Head, pictures: Path, s3) -> None:
    address, out = s3.fresh("in"), s3.fresh("found")
    bucket = address.removeprefix("s3://").partition("/")[0]
    for n in range(5):
        s3.client.upload_file(str(pictures / "face0.png"), bucket, f"in/{n}.png")
    how = ["--out", out, "--only", "faces", "--json", "--threads", "1"]
    keys = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}

    first = cli(ray_head, address, "--ray", "local", *how, **keys)  # starts Ray for itself
    assert first.returncode == 0, first.stderr
    rows = [json.loads(line) for line in first.stdout.splitlines()]  # nothing but JSON on stdout
    assert sorted(row["path"] for row in rows) == [f"s3://{bucket}/in/{n}.png" for n in range(5)]
    assert [row["records"] for row in rows] == [1] * 5

    how += ["--ray", ray_head.address]
    again = cli(ray_head, address, *how, **keys)
    assert (again.returncode, again.stdout) == (0, ""), again.stderr

    s3.client.upload_file(str(pictures / "none1.png"), bucket, "in/0.png")  # another picture now
    s3.client.upload_file(str(pictures / "broken.jpg"), bucket, "in/new.jpg")
    results = place(out)
    results.delete(f"files/{results.names('files')[0]}")  # as if a worker had been killed before it came to that
    third = cli(ray_head, address, *how, **keys)
    assert third.returncode == 2
    assert "in/new.jpg" in third.stderr
    assert sorted(Path(json.loads(line)["path"]).name for line in third.stdout.splitlines()) == ["0.png", "new.jpg"]
    assert of(results, "files") == Counter([*(f"{n}.png" for n in range(5)), "new.jpg"])
    assert of(results, "records") == Counter(f"{n}.png" for n in range(1, 5))

    other = cli(ray_head, address, *how, "--tiled", **keys)
    assert other.returncode == 2
    assert "tiled was False, now True" in other.stderr


def of(results: Any, folder: str) -> Counter[str]:
    tables = [pq.read_table(io.BytesIO(results.read(f"{folder}/{name}"))) for name in results.names(folder)]
    return Counter(Path(path).name for table in tables for path in table["path"].to_pylist())


@pytest.mark.parametrize(
    ("how", "said"), [(["--device", "cuda"], "no machine of the cluster has a GPU"), (["--threads", "64"], "64 processors")]
)
def test_what_no_machine_has_is_not_waited_for(how: list[str], said: str, ray_head: Head, pictures: Path, tmp_path: Path) -> None:
    done = cli(ray_head, "--ray", ray_head.address, str(pictures / "deep"), "--out", str(tmp_path / "out"), *how)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_nobody_at_the_address_is_told_at_once(ray_head: Head, pictures: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    done = cli(ray_head, "--ray", "127.0.0.1:9", str(pictures), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "--ray 127.0.0.1:9: no Ray cluster answers there" in done.stderr
    assert time.monotonic() - began < 30


def test_without_ray_the_error_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None; from sightline.cli.main import main; main()"
    command = [sys.executable, "-c", code, "analyze", "--ray", "local", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'sightline[cluster]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_object_stores_need_ray(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sightline", "analyze", "s3://bucket/archive", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "need --ray" in done.stderr
