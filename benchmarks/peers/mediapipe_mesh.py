"""Runs in the peer's environment: MediaPipe's face mesh, one JSON question a line on stdin, one JSON answer a line on stdout."""

import json
import sys
import time

import mediapipe as mp
import numpy as np


def main() -> None:
    mesh, frames = None, None
    for line in sys.stdin:
        question = json.loads(line)
        if "open" in question:
            mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=question["open"]["refine"])
            frames = np.load(question["open"]["frames"], mmap_mode="r")
            answer = {}
        else:
            answer = _follow(mesh, frames, question["start"], question["stop"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _follow(mesh, frames, start, stop):
    times, used, points = [], [], []
    for i in range(start, stop):
        image = np.array(frames[i])
        begin, before = time.perf_counter(), time.process_time()
        found = mesh.process(image).multi_face_landmarks
        times.append(1000 * (time.perf_counter() - begin))
        used.append(1000 * (time.process_time() - before))
        height, width = image.shape[:2]
        points.append([[p.x * width, p.y * height, p.z * width] for p in found[0].landmark] if found else None)
    return {"ms": times, "processor_ms": used, "points": points}


main()
