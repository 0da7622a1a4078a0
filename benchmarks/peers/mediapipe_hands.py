"""Runs in the peer's environment: MediaPipe's hands, one JSON question a line on stdin, one JSON answer a line on stdout."""

import json
import sys
import time

import mediapipe as mp
import numpy as np


def main() -> None:
    hands, frames = None, None
    for line in sys.stdin:
        question = json.loads(line)
        if "open" in question:
            hands = mp.solutions.hands.Hands(static_image_mode=False, max_num_hands=2, model_complexity=question["open"]["complexity"])
            frames = np.load(question["open"]["frames"], mmap_mode="r")
            answer = {}
        else:
            answer = _follow(hands, frames, question["start"], question["stop"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _follow(hands, frames, start, stop):
    times, used, points, labels = [], [], [], []
    for i in range(start, stop):
        image = np.array(frames[i])
        begin, before = time.perf_counter(), time.process_time()
        result = hands.process(image)
        times.append(1000 * (time.perf_counter() - begin))
        used.append(1000 * (time.process_time() - before))
        height, width = image.shape[:2]
        found = result.multi_hand_landmarks or []
        points.append([[[p.x * width, p.y * height] for p in hand.landmark] for hand in found])
        labels.append([h.classification[0].label for h in result.multi_handedness or []])
    return {"ms": times, "processor_ms": used, "points": points, "labels": labels}


main()
