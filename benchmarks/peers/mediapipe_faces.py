"""Runs in the peer's environment: MediaPipe's face detection on pictures saved as .npy (see ``peer.run_peer``)."""

import json
import sys
import time
from pathlib import Path

import mediapipe as mp
import numpy as np


def main(asked: str, answered: str) -> None:
    request = json.loads(Path(asked).read_text(encoding="utf-8"))
    options = {"model_selection": request["model_selection"], "min_detection_confidence": request["min_score"]}
    results = []
    for path in request["images"]:
        image = np.load(path)
        # A new detector for each picture: its graph holds time stamps, and nothing of one picture may reach the next.
        with mp.solutions.face_detection.FaceDetection(**options) as detector:
            found = detector.process(image).detections or []
            times = []
            for _ in range(request.get("repeats", 0)):
                start = time.perf_counter()
                detector.process(image)
                times.append(time.perf_counter() - start)
        results.append({**_plain(found, image.shape), "ms": 1000 * float(np.median(times)) if times else None})
    Path(answered).write_text(json.dumps(results), encoding="utf-8")


def _plain(found, shape):
    height, width = shape[:2]
    boxes, scores = [], []
    for face in found:
        box = face.location_data.relative_bounding_box
        x0, y0 = box.xmin * width, box.ymin * height
        boxes.append([x0, y0, x0 + box.width * width, y0 + box.height * height])
        scores.append(float(face.score[0]))
    return {"boxes_xyxy": boxes, "scores": scores}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
