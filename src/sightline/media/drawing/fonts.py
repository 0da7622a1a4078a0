"""Fonts and the little pictures of text that labels are made of.

Latin text uses the font that Pillow carries. Characters it lacks are taken from a Chinese, Japanese and Korean font of
the system, then from a general one; what no font has is shown as an empty box, and that is logged once with what to
install. ``SIGHTLINE_FONT`` names a font file to look in before the system's.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_log = logging.getLogger(__name__)
_lock = threading.RLock()

_CJK_FILES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/YuGothM.ttc",
    "C:/Windows/Fonts/simsun.ttc",
)
_GENERAL_FILES = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/segoeui.ttf",
)
_SIMPLIFIED_FACE = {"NotoSansCJK-Regular.ttc": 2}
_TOFU = "\U0010ffff"

Font = ImageFont.FreeTypeFont


@functools.cache
def cjk_font_path() -> Path | None:
    """Return the font file used for Chinese, Japanese and Korean labels, None when the system has none.

    ``SIGHTLINE_FONT`` comes first, then well-known places, then what fontconfig's ``fc-match`` answers. A file only
    counts when it has a shape for U+5B57.
    """
    for name in (os.environ.get("SIGHTLINE_FONT"), *_CJK_FILES):
        if name and Path(name).is_file() and _has_character(name, "字"):
            return Path(name)
    found = _ask_fontconfig()
    return Path(found) if found and _has_character(found, "字") else None


def _ask_fontconfig() -> str | None:
    tool = shutil.which("fc-match")
    if tool is None:
        return None
    try:
        command = [tool, "--format", "%{file}", ":lang=zh-cn"]
        answer = subprocess.run(command, capture_output=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    name = os.fsdecode(answer).strip()
    return name if Path(name).is_file() else None


def _has_character(file: str, character: str) -> bool:
    try:
        return _covers(_load(file, 20), character)
    except OSError as error:
        _log.debug("%s cannot be used as a font: %s", file, error)
        return False


@functools.lru_cache(maxsize=64)
def _load(file: str | None, size_px: int) -> Font:
    if file is None:
        font = ImageFont.load_default(size_px)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise OSError("this Pillow is built without FreeType and cannot draw text")
        return font
    index = _SIMPLIFIED_FACE.get(Path(file).name, 0)
    return ImageFont.truetype(file, size_px, index=index)


@functools.cache
def _chain() -> tuple[str | None, ...]:
    cjk = cjk_font_path()
    general = next((f for f in _GENERAL_FILES if Path(f).is_file()), None)
    return (None, *([str(cjk)] if cjk else []), *([general] if general else []))


@functools.lru_cache(maxsize=4096)
def _covers(font: Font, character: str) -> bool:
    """Whether a font has a shape of its own for a character (a font cannot be asked; its picture can)."""
    if character.isspace():
        return True
    shape = font.getmask(character)
    return (shape.size, bytes(shape)) != _tofu_of(font)


@functools.lru_cache(maxsize=64)
def _tofu_of(font: Font) -> tuple[tuple[int, int], bytes]:
    shape = font.getmask(_TOFU)
    return shape.size, bytes(shape)


@functools.lru_cache(maxsize=8192)
def _file_for(character: str) -> str | None:
    for file in _chain():
        if _covers(_load(file, 20), character):
            return file
    _warn_once("CJK" if cjk_font_path() is None else "other")
    return None


@functools.cache
def _warn_once(what: str) -> None:
    advice = "install one (Debian: apt-get install fonts-noto-cjk)" if what == "CJK" else "set SIGHTLINE_FONT to a font that has them"
    _log.warning("no font here has some characters of the labels, they are drawn as boxes; %s", advice)


def _runs(text: str) -> list[tuple[str | None, str]]:
    """Split text into stretches that one font can draw."""
    runs: list[tuple[str | None, str]] = []
    for character in text:
        file = runs[-1][0] if runs and character.isspace() else _file_for(character)
        if runs and runs[-1][0] == file:
            runs[-1] = (file, runs[-1][1] + character)
        else:
            runs.append((file, character))
    return runs


def printable(text: str) -> str:
    """Return one line of text that fonts can be asked to draw: no control characters, no lone surrogates."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in clean)


@functools.lru_cache(maxsize=1024)
def text_mask(text: str, size_px: int) -> NDArray[np.uint8]:
    """Return the coverage of a line of text.

    Parameters
    ----------
    text : str
        One line.
    size_px : int
        Height of the font, pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        0 outside the letters, 255 inside; the height depends on ``size_px`` alone, so that labels line up. Read-only.

    Examples
    --------
    >>> mask = text_mask("face 97%", 16)
    >>> mask.shape[0], bool(mask.max() > 200)
    (21, True)
    """
    with _lock:
        runs = [(_load(file, size_px), part) for file, part in _runs(printable(text))]
        widths = [font.getlength(part) for font, part in runs]
        height = round(size_px * 1.3)
        canvas = Image.new("L", (max(int(np.ceil(sum(widths))) + 1, 1), height))
        pen = ImageDraw.Draw(canvas)
        at = 0.0
        for (font, part), width in zip(runs, widths, strict=True):
            pen.text((at, round(size_px * 0.95)), part, fill=255, font=font, anchor="ls")
            at += width
    mask = np.array(canvas)
    mask.setflags(write=False)
    return mask


def shortened(text: str, size_px: int, width_px: int) -> str:
    """Return the text, cut and ended by an ellipsis when it is wider than ``width_px``; empty when nothing fits."""
    if text_mask(text, size_px).shape[1] <= width_px:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_mask(text[:middle] + "…", size_px).shape[1] <= width_px:
            low = middle
        else:
            high = middle - 1
    return text[:low] + "…" if low else ""
