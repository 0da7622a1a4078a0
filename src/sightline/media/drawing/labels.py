"""Where labels go: inside the picture, near what they name, not on top of each other."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.core.frame import Image
from sightline.media.drawing.fonts import shortened, text_mask
from sightline.media.drawing.tables import Colour, named_colour

MIN_FONT_PX = 8
_MAX_SHARE = 1 / 6
_SHY_SHARE = 0.15
_MAX_EMS = 20


@dataclass(frozen=True)
class Label:
    """A line of text that belongs to a box.

    Parameters
    ----------
    text : str
        What to write.
    box : tuple of float
        What it names: x0, y0, x1, y1 in pixels.
    colour : tuple of int
        RGB of the ground; the letters are dark or light, whichever is read more easily on it.
    size_px : int
        Height of the font.
    shy : bool
        Left out where it would cover what another shy label names, or what it names itself: a page of text stays readable.
    """

    text: str
    box: tuple[float, float, float, float]
    colour: Colour
    size_px: int
    shy: bool = False


def place(labels: list[Label], size_wh: tuple[int, int]) -> list[tuple[int, int, NDArray[np.uint8]]]:
    """Return left, top and pixels of every label that fits into the picture, in the order given.

    Each is tried above, below, inside and beside its box, then further away; the first place that hides no other label
    is taken, else the one that hides least.
    """
    width, height = size_wh
    taken = np.zeros((len(labels), 4))
    guarded = np.array([label.box for label in labels if label.shy], np.float64).reshape(-1, 4)
    placed: list[tuple[int, int, NDArray[np.uint8]]] = []
    for label in labels:
        patch = _fitting_patch(label, width, height)
        if patch is None:
            continue
        spots = _spots(label.box, patch.shape[1], patch.shape[0], width, height)
        hidden = _overlap(spots, taken[: len(placed)])
        if label.shy:
            hidden = hidden + _overlap(spots, guarded)
        best = int(np.argmin(hidden)) if len(placed) or label.shy else 0
        if label.shy and hidden[best] > _SHY_SHARE * patch.shape[0] * patch.shape[1]:
            continue
        left, top = int(spots[best, 0]), int(spots[best, 1])
        taken[len(placed)] = spots[best]
        placed.append((left, top, patch))
    return placed


def paint(image: Image, placed: list[tuple[int, int, NDArray[np.uint8]]]) -> None:
    """Copy placed labels into the picture, the first one on top."""
    for left, top, patch in reversed(placed):
        image[top : top + patch.shape[0], left : left + patch.shape[1]] = patch


def _fitting_patch(label: Label, width: int, height: int) -> NDArray[np.uint8] | None:
    """Return a label's pixels, the text cut to the box's width or twenty letters; None when it would hide too much."""
    room = min(max(label.box[2] - label.box[0], _MAX_EMS * label.size_px), width) - 2 * _margin(label.size_px)
    text = shortened(label.text, label.size_px, int(room))
    patch = _patch(text, label.size_px, label.colour) if text else None
    if patch is None or patch.shape[0] > height or patch.shape[0] * patch.shape[1] > _MAX_SHARE * width * height:
        return None
    return patch


def _margin(size_px: int) -> int:
    return max(round(size_px * 0.3), 1)


@functools.lru_cache(maxsize=1024)
def _patch(text: str, size_px: int, colour: Colour) -> NDArray[np.uint8]:
    """Return a label's pixels: letters on a ground of one colour."""
    mask = text_mask(text, size_px)
    margin = _margin(size_px)
    cover = np.zeros((mask.shape[0] + margin // 2 * 2, mask.shape[1] + 2 * margin, 1), np.float32)
    cover[margin // 2 : margin // 2 + mask.shape[0], margin : margin + mask.shape[1], 0] = mask / 255
    ground, ink = np.asarray(colour, np.float32), np.asarray(ink_on(colour), np.float32)
    patch = np.round(ground + (ink - ground) * cover).astype(np.uint8)
    patch.setflags(write=False)
    return patch


@functools.cache
def ink_on(colour: Colour) -> Colour:
    """Return the dark or the light ink, whichever has more contrast on a colour (WCAG 2.2, relative luminance).

    Examples
    --------
    >>> ink_on((240, 228, 66)) == named_colour("dark"), ink_on((0, 114, 178)) == named_colour("light")
    (True, True)
    """

    def luminance(rgb: Colour) -> float:
        linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = named_colour("dark"), named_colour("light")
    ground = luminance(colour)
    return dark if (ground + 0.05) / (luminance(dark) + 0.05) >= (luminance(light) + 0.05) / (ground + 0.05) else light


def _spots(box: tuple[float, float, float, float], w: int, h: int, width: int, height: int) -> NDArray[np.float64]:
    """Return places for a label of w x h in order of liking, all inside the picture."""
    x0, y0, x1, y1 = (round(min(max(v, -1e6), 1e6)) for v in box)
    ys = [y0 - h, y1, y0, y1 - h]
    spots = [(x0, y) for y in ys] + [(x1 - w, y) for y in ys] + [(x1, y0), (x0 - w, y0), (x1, y1 - h), (x0 - w, y1 - h)]
    spots += [(x0, y0 - h + sign * step * h) for step in range(1, 9) for sign in (-1, 1)]
    at = np.asarray(spots, np.float64)
    fits = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] + w <= width) & (at[:, 1] + h <= height)
    at = np.concatenate([at[fits], at[~fits]])
    at = np.clip(at, 0, (width - w, height - h))
    return np.concatenate([at, at + np.array([w, h])], axis=1)


def _overlap(spots: NDArray[np.float64], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many pixels of other labels each spot would hide."""
    low = np.maximum(spots[:, None, :2], taken[None, :, :2])
    high = np.minimum(spots[:, None, 2:], taken[None, :, 2:])
    sides = np.maximum(high - low, 0)
    hidden: NDArray[np.float64] = (sides[..., 0] * sides[..., 1]).sum(axis=1)
    return hidden
