from __future__ import annotations

import os
import re

import numpy as np
import pytest

from sightline.core import errors
from sightline.core.frame import Frame, check_image


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), "photo.jpg", None],
)
def test_only_rgb_images_are_images(bad: object) -> None:
    with pytest.raises(errors.InvalidInputError, match="expected an RGB image"):
        check_image(bad)


def test_a_frame_knows_its_size() -> None:
    assert Frame(np.zeros((2, 5, 3), np.uint8), 0, 0.0).size_wh == (5, 2)
    with pytest.raises(errors.InvalidInputError):
        Frame(np.zeros((2, 5), np.uint8), 0, 0.0)


def tree(base: type[BaseException]) -> list[type[BaseException]]:
    return [base, *(d for c in base.__subclasses__() for d in tree(c))]


def test_the_drawing_at_the_top_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for error in tree(errors.SightlineError):
        if error.__module__ == "sightline.core.errors":
            assert error.__name__ in drawn
            standard = [b.__name__ for b in error.__mro__[1:] if b.__module__ == "builtins" and b not in (Exception, BaseException, object)]
            concrete = not error.__subclasses__()
            line = re.split(rf"\b{error.__name__}\b", drawn, maxsplit=1)[1].split("\n", 1)[0]
            assert not concrete or any(name in line for name in standard)


@pytest.mark.parametrize("error", [e for e in tree(errors.MediaError) if e.__module__ == "sightline.core.errors"])
def test_media_errors_read_well_and_carry_the_source(error: type[errors.MediaError]) -> None:
    raised = error("dir/cat.jpg", "is broken")
    assert str(raised) == "dir/cat.jpg: is broken"
    assert raised.source == "dir/cat.jpg"


@pytest.mark.parametrize("error", [e for e in tree(errors.ModelError) if e.__module__ == "sightline.core.errors"])
def test_model_errors_read_well_and_carry_the_name(error: type[errors.ModelError]) -> None:
    assert str(error("net", "is gone")) == "model 'net': is gone"
    assert error("net", "is gone").model == "net"


def test_a_missing_extra_says_how_to_get_it() -> None:
    assert "pip install 'sightline[server]'" in str(errors.MissingExtraError("server", "The server"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo of you.jpg", "photo of you.jpg"),
        ("图片.jpg", "图片.jpg"),
        ("🙂.png", "🙂.png"),
        (os.fsdecode(b"\xff\xfe.jpg"), "\\xff\\xfe.jpg"),
        ("half \ud800", "half \\ud800"),
        ("two\nlines\x1b[31m", "two\\nlines\\x1b[31m"),
    ],
)
def test_odd_names_are_shown_on_one_line(name: str, shown: str) -> None:
    assert errors.display_name(name) == shown
