"""Runs in the peer's environment: MediaPipe's pose, one JSON question a line on stdin, one JSON answer a line on stdout."""

import json
import sys
import time

import cv2
import mediapipe as mp
import numpy as np


def main() -> None:
    pose, frames = None, None
    for line in sys.stdin:
        question = json.loads(line)
        if "open" in question:
            pose = mp.solutions.pose.Pose(static_image_mode=False, model_complexity=1, smooth_landmarks=False)
            frames = np.load(question["open"], mmap_mode="r")
            answer = {}
        elif "pictures" in question:
            still = mp.solutions.pose.Pose(static_image_mode=True, model_complexity=1)
            images = (cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB) for path in question["pictures"])
            answer = _look(still, images)
        else:
            answer = _look(pose, (np.array(frames[i]) for i in range(question["start"], question["stop"])))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _look(pose, images):
    times, points = [], []
    for image in images:
        begin = time.perf_counter()
        found = pose.process(image).pose_landmarks
        times.append(1000 * (time.perf_counter() - begin))
        height, width = image.shape[:2]
        points.append([[p.x * width, p.y * height, p.z * width, p.visibility] for p in found.landmark] if found else None)
    return {"ms": times, "points": points}


main()
