"""Inputs for the analysis: the sample picture and short clips made from it."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from skimage.data import astronaut

from sightline.core.frame import Frame
from sightline.media.images import write_image
from sightline.media.video_writer import VideoWriter

ROOT = Path(__file__).parents[2]


def sample_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sample", ROOT / "scripts/make_sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "portrait.png"
    write_image(path, astronaut())
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of the swaying sample, 640 x 360."""
    path = tmp_path_factory.mktemp("sample") / "clip.mp4"
    sample = sample_module()
    with VideoWriter(path, (640, 360), Fraction(30)) as writer:
        for index in range(15):
            image = np.ascontiguousarray(sample.sample_frame(index, astronaut())[::2, ::2])
            writer.write(Frame(image, index, index / 30))
    return path
