"""Makes the sample picture and a short video from the picture that scikit-image ships.

Usage: python scripts/make_sample.py FOLDER
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from skimage.data import astronaut

from sightline.core.frame import Frame
from sightline.media.images import write_image
from sightline.media.sampling import warp
from sightline.media.video_writer import VideoWriter

SIZE_WH = (1280, 720)
FRAMES = 120
RATE = Fraction(30)


def sample_frame(index: int, picture: np.ndarray) -> np.ndarray:
    """Return the picture on a 1280 x 720 canvas, slowly swaying, turning and breathing."""
    phase = 2 * np.pi * index / FRAMES
    scale = 1.3 + 0.08 * np.sin(phase)
    angle = np.radians(4) * np.sin(phase)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([SIZE_WH[0] / 2 + 60 * np.sin(2 * phase), SIZE_WH[1] / 2 + 12 * np.cos(phase)])
    middle = np.array(picture.shape[1::-1]) / 2
    return warp(picture, np.column_stack([linear, centre - linear @ middle]), SIZE_WH, border=40)


def main(folder: Path) -> None:
    """Write ``astronaut.png`` and ``astronaut.mp4`` unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = astronaut()
    if not (folder / "astronaut.png").exists():
        write_image(folder / "astronaut.png", picture)
    if not (folder / "astronaut.mp4").exists():
        with VideoWriter(folder / "astronaut.mp4", SIZE_WH, RATE) as writer:
            for index in range(FRAMES):
                writer.write(Frame(sample_frame(index, picture), index, index / float(RATE)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
