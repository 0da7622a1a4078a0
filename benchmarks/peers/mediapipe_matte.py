"""Runs in the peer's environment: MediaPipe's selfie segmentation on the pictures of a request (two JSON files, as run_peer gives)."""

import json
import sys
import time
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    net = mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=request["model"])
    masks, times = {}, []
    for path in request["pictures"]:
        image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        begin = time.perf_counter()
        mask = net.process(image).segmentation_mask
        times.append(1000 * (time.perf_counter() - begin))
        masks[Path(path).stem] = np.clip(255 * mask, 0, 255).astype(np.uint8)
    np.savez_compressed(request["masks"], **masks)
    Path(sys.argv[2]).write_text(json.dumps({"ms": times}), encoding="utf-8")


main()
