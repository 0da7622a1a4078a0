"""Workers that decode for real and find one thing a frame without nets; the name of a file says what goes wrong with it.

``crash-10.mp4``: the process ends whenever it looks at what begins at 10 s; ``once-10.mp4``: only the first time;
``gate-10.mp4``: there it waits until the file that the environment variable ``SIGHTLINE_HOME`` names, with ``.gate`` added, is there.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sightline.core.errors import ModelNotFetchedError
from sightline.media.video_reader import VideoReader
from sightline.server.workers.tasks import Tasks

MODEL = {"name": "light", "sha256": "0" * 64, "provider": "none"}


def gate() -> Path:
    return Path(os.environ["SIGHTLINE_HOME"] + ".gate")


def all_tasks(threads: int) -> Mapping[str, Callable[..., Any]]:
    own = Tasks(threads)
    return {"inspect": own.inspect, "plan": own.plan, "look": look, "segment": segment}


def _harm(name: str, start_s: float) -> None:
    found = re.match(r"(crash|once|gate|missing)-(\d+)", name)
    if found is None or float(found[2]) != start_s:
        return
    if found[1] == "missing":
        raise ModelNotFetchedError("light", "the weights are not on this machine; get them: sightline models fetch light")
    if found[1] == "gate":
        gate().with_suffix(".waiting").touch()
        while not gate().exists():
            time.sleep(0.02)
        return
    mark = gate().with_suffix(".crashed")
    if found[1] == "crash" or not mark.exists():
        mark.touch()
        os._exit(1)


def _found(index: int, time_s: float) -> dict[str, Any]:
    return {"index": index, "time_s": time_s, "objects": [{"id": 1, "label": "cup", "score": 0.5, "box_xyxy": [1.0, 2.0, 9.0, 8.0]}]}


def look(path: str, options: Any, limits: Any = None, name: str = "") -> dict[str, Any]:
    _harm(name, 0)
    found = _found(0, 0.0)
    found["objects"][0].pop("id")
    return {"size_wh": (4, 4), "findings": found, "counts": {"objects": 1}, "models": [MODEL], "took_ms": 2.5, "steps_ms": {}}


def segment(path: str, start_s: float, end_s: float, run_in_s: float, options: Any, limits: Any = None, name: str = "") -> dict[str, Any]:
    _harm(name, start_s)
    with VideoReader(path) as reader:
        times = [(f.index, round(f.time_s, 6)) for f in reader]
    frames = [_found(i, t) for i, t in times if start_s <= t < end_s]
    return {
        "start_s": start_s,
        "end_s": end_s,
        "frames": frames,
        "run_in": [_found(i, t) for i, t in times if start_s - run_in_s <= t < start_s],
        "tail": [f for f in frames if f["time_s"] >= end_s - run_in_s],
        "frame_count": len(frames),
        "counts": {"objects": 1} if frames else {},
        "problems": [],
        "models": [MODEL],
        "steps_ms": {},
        "took_s": 0.25,
        "ended": times[-1][1] < end_s,
        "next_ids": {"objects": 2},
        "next_index": frames[-1]["index"] + 1 if frames else 0,
    }
