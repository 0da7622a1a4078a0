"""Clips with a face that moves, and with none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from skimage.data import astronaut

from sightline.core.frame import Frame
from sightline.media.video_writer import VideoWriter

RATE = 5


def face_clip(path: Path, seconds: float, *, rate: int = RATE) -> Path:
    """Write a portrait over which the camera pans to and fro."""
    portrait = np.ascontiguousarray(astronaut()[:320, 60:440])
    with VideoWriter(path, (320, 320), Fraction(rate)) as writer:
        for index in range(round(seconds * rate)):
            x = abs(index % 60 - 30)
            writer.write(Frame(np.ascontiguousarray(portrait[:, x : x + 320]), index, index / rate))
    return path


def grey_clip(path: Path, seconds: float, *, rate: int = RATE) -> Path:
    """Write a clip in which there is nothing."""
    with VideoWriter(path, (64, 48), Fraction(rate)) as writer:
        for index in range(round(seconds * rate)):
            writer.write(Frame(np.full((48, 64, 3), index % 200, np.uint8), index, index / rate))
    return path
