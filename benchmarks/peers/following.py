"""Runs in the peer's environment: what MediaPipe's scripts share that stay open and follow something through frames."""

import json
import sys
import time

import numpy as np


def serve(opened, read, still=None):
    """Answer one JSON question a line on stdin with one JSON answer a line on stdout, until stdin ends.

    ``open`` makes the solution and maps the frames, ``start`` and ``stop`` follow through some of them, ``pictures`` looks at
    pictures with a solution of their own.

    Parameters
    ----------
    opened : callable
        Makes the solution from what ``open`` holds.
    read : callable
        Returns the answer's columns of one picture, from a result, width and height.
    still : callable
        Returns the solution for pictures and the pictures, from their paths.
    """
    solution, frames = None, None
    for line in sys.stdin:
        question = json.loads(line)
        if "open" in question:
            solution = opened(question["open"])
            frames = np.load(question["open"]["frames"], mmap_mode="r")
            answer = {}
        elif "pictures" in question:
            answer = _look(*still(question["pictures"]), read)
        else:
            answer = _look(solution, (np.array(frames[i]) for i in range(question["start"], question["stop"])), read)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _look(solution, images, read):
    columns = {"ms": [], "processor_ms": []}
    for image in images:
        begin, before = time.perf_counter(), time.process_time()
        result = solution.process(image)
        columns["ms"].append(1000 * (time.perf_counter() - begin))
        columns["processor_ms"].append(1000 * (time.process_time() - before))
        height, width = image.shape[:2]
        for name, value in read(result, width, height).items():
            columns.setdefault(name, []).append(value)
    return columns
