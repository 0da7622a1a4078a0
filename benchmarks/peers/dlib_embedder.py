"""Runs in the environment of the peer ``dlib``: 128 numbers for each picture of an npz, with dlib's own net.

Request: ``{"dat": path, "feeds": npz path of (150, 150, 3) uint8 pictures, "to": npz path}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dlib
import numpy as np


def main():
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    net = dlib.face_recognition_model_v1(request["dat"])
    with np.load(request["feeds"]) as feeds:
        results = {f"{label}/embedding": np.array(net.compute_face_descriptor(feeds[label]), np.float64) for label in feeds.files}
    np.savez(request["to"], **results)
    Path(sys.argv[2]).write_text(json.dumps(sorted(results)), encoding="utf-8")


if __name__ == "__main__":
    main()
