"""Read text in pictures: where lines are, how they are turned, what is written, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import bounding_boxes, clip_boxes
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.geometry import rect_to_affine
from sightline.core.observations import TextLines
from sightline.media.sampling import resize, warp
from sightline.perception.text.boxes import Rects, corners, lines_of_map, scaled
from sightline.perception.text.reading_order import reading_order
from sightline.perception.text.recognition import batch_width, characters, line_tensor, read_classes
from sightline.runtime.cards import load_card
from sightline.runtime.session import Device
from sightline.runtime.weights import model_path, open_model

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_DETECTOR: Final = "text_detector"
_TURNS: Final = "text_rotation"
_RECOGNISER: Final = "text_recognizer"

_SHORT_SIDE_PX: Final = 736
_LONG_SIDE_PX: Final = 2000
_STEP_PX: Final = 32
_STRIP: Final = 8.0
_TALL: Final = 1.5
_TURN_WIDTH_PX: Final = 192
_LINES_AT_ONCE: Final = 6
_SURE: Final = 0.8


class TextReader:
    """Reads lines of Latin and Chinese text.

    Three nets of PP-OCR, which the ``rapidocr`` package carries: one finds lines of any direction, one tells lines that
    stand on their heads, one reads. Pages that lie on their side or on their head are read as they are: upright text of
    such a page decides for the lines that are too short to tell. Nothing is ever downloaded here.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        Where the nets run.
    threads : int, optional
        Threads of one call.

    Raises
    ------
    ModelNotFetchedError
        When the nets are not on this machine.
    DeviceError
        When the device asked for is not there.

    References
    ----------
    Y. Du et al., "PP-OCR: A practical ultra lightweight OCR system", 2020; PaddleOCR and RapidOCR (Apache-2.0).

    Examples
    --------
    >>> from skimage.data import page
    >>> [lines] = TextReader()([np.repeat(page()[..., None], 3, axis=2)])
    >>> lines.texts[0]
    'Region-based segmentation'
    """

    def __init__(self, device: Device = "auto", threads: int | None = None) -> None:
        self._min_score = load_card(_RECOGNISER).threshold("min_score")
        self._min_single = load_card(_RECOGNISER).threshold("min_score_single")
        self._min_turn_score = load_card(_TURNS).threshold("min_score")
        # Pages come in all shapes: an arena would keep the largest block of each, so memory would grow from page to page.
        self._detector, self._turns, self._recogniser = (
            open_model(name, device=device, threads=threads, memory_arena=False) for name in (_DETECTOR, _TURNS, _RECOGNISER)
        )
        self._alphabet = characters(model_path(_RECOGNISER))

    def provider(self) -> str:
        """Return which engine and device runs the nets."""
        return self._recogniser.provider()

    def __call__(self, images: Sequence[Image], *, min_score: float | None = None) -> list[TextLines]:
        """Read a batch of pictures.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        min_score : float, optional
            Leave out lines whose characters are less sure than this on average, 0..1. By default the card's, which asks more
            of a line of one character: round things are easily read as 0, e or 8.

        Returns
        -------
        list of TextLines
            One a picture, in reading order, with ``rotation_deg``.

        Raises
        ------
        InvalidInputError
            When an image is not RGB or ``min_score`` is out of range.
        """
        least = (self._min_score, self._min_single) if min_score is None else (min_score, min_score)
        if not 0 <= least[0] <= 1:
            raise InvalidInputError(f"min_score must lie in 0..1, got {min_score}")
        return [self._read(check_image(image), *least) for image in images]

    def _read(self, image: Image, min_score: float, min_single: float) -> TextLines:
        rects = self._find(image)
        if not len(rects.scores):
            return TextLines.empty(quads_xy=np.zeros((0, 4, 2)), texts=np.zeros(0, object), rotation_deg=np.zeros(0))
        crops = [_crop(image, rects, row) for row in range(len(rects.scores))]
        turns, crops = self._turn(crops)
        texts, scores, turns = self._recognise_both_ways(crops, turns)
        letters = np.array([len(text.strip()) for text in texts])
        keep = np.flatnonzero((letters > 0) & (scores >= np.where(letters == 1, min_single, min_score)))
        quads = np.stack([np.roll(quad, -turn, axis=0) for quad, turn in zip(corners(rects), turns, strict=True)])[keep]
        along = quads[:, 1] - quads[:, 0]
        lines = TextLines(
            clip_boxes(bounding_boxes(quads), (image.shape[1], image.shape[0])),
            scores[keep],
            quads_xy=quads,
            texts=np.array(texts, dtype=object)[keep],
            rotation_deg=np.degrees(np.arctan2(along[:, 1], along[:, 0])).astype(np.float32),
        )
        return lines[_page_order(quads, _main_turn(turns[keep], np.linalg.norm(along, axis=1)))]

    def _find(self, image: Image) -> Rects:
        """Return the lines, in the picture's pixels."""
        padded, shift_y = _with_margin(image)
        height, width = padded.shape[:2]
        scale = min(_LONG_SIDE_PX / max(height, width), max(1.0, _SHORT_SIDE_PX / min(height, width)))
        size_wh = tuple(max(round(side * scale / _STEP_PX), 1) * _STEP_PX for side in (width, height))
        # One scale for both axes, so that rectangles stay rectangles; what is left over is filled with the last rows.
        scale = min(size_wh[0] / width, size_wh[1] / height)
        inner = resize(padded, (max(round(width * scale), 1), max(round(height * scale), 1)))
        canvas = np.pad(inner, ((0, size_wh[1] - inner.shape[0]), (0, size_wh[0] - inner.shape[1]), (0, 0)), mode="edge")
        tensor = canvas[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        tensor *= np.float32(2 / 255)
        tensor -= 1
        (text_map,) = self._detector.run(tensor)
        rects = scaled(lines_of_map(text_map[0, 0]), 1 / scale)
        rects = rects._replace(centres_xy=rects.centres_xy - np.array([0, shift_y], np.float32))
        middle = rects.centres_xy
        here = ((middle >= 0) & (middle < (image.shape[1], image.shape[0]))).all(axis=1) & (rects.sizes_wh > 3).all(axis=1)
        return Rects(*(column[here] for column in rects))

    def _turn(self, crops: list[Image]) -> tuple[Ints, list[Image]]:
        """Return the quarter turns (clockwise) of each line's direction of reading, and the crops turned upright."""
        shapes = np.array([crop.shape[:2] for crop in crops], np.float64)
        tall, wide = shapes[:, 0] >= _TALL * shapes[:, 1], shapes[:, 1] >= _TALL * shapes[:, 0]
        weight = shapes.max(axis=1)
        tall |= ~wide & (weight[tall].sum() > weight[wide].sum())
        crops = [np.ascontiguousarray(np.rot90(crop)) if t else crop for crop, t in zip(crops, tall, strict=True)]
        heads = np.concatenate(
            [
                self._turns.run(line_tensor(crops[i : i + _LINES_AT_ONCE], _TURN_WIDTH_PX))[0][:, 1]
                for i in range(0, len(crops), _LINES_AT_ONCE)
            ]
        )
        sure_down, sure_up = heads > self._min_turn_score, heads < 1 - self._min_turn_score
        page_down = weight[sure_down].sum() > weight[sure_up].sum()
        down = sure_down | (~sure_up & page_down)
        crops = [np.ascontiguousarray(crop[::-1, ::-1]) if d else crop for crop, d in zip(crops, down, strict=True)]
        return tall.astype(np.int64) + 2 * down, crops

    def _recognise_both_ways(self, crops: list[Image], turns: Ints) -> tuple[list[str], Floats, Ints]:
        """Read all lines; what stands on its head on this page, or makes little sense, is read the other way too."""
        texts, scores = self._recognise(crops)
        main = _main_turn(turns, np.array([crop.shape[1] for crop in crops]))
        odd = np.flatnonzero((turns == (main + 2) % 4) | (scores < _SURE))
        if not len(odd):
            return texts, scores, turns
        other_texts, other_scores = self._recognise([np.ascontiguousarray(crops[row][::-1, ::-1]) for row in odd])
        better = other_scores > scores[odd]
        for row, text in zip(odd[better], np.array(other_texts, dtype=object)[better], strict=True):
            texts[row] = text
        scores[odd[better]] = other_scores[better]
        return texts, scores, np.where(np.isin(np.arange(len(turns)), odd[better]), (turns + 2) % 4, turns)

    def _recognise(self, crops: list[Image]) -> tuple[list[str], Floats]:
        order = np.argsort([crop.shape[1] / crop.shape[0] for crop in crops], kind="stable")
        texts, scores = [""] * len(crops), np.zeros(len(crops), np.float32)
        for start in range(0, len(order), _LINES_AT_ONCE):
            rows = order[start : start + _LINES_AT_ONCE]
            batch = [crops[row] for row in rows]
            (probabilities,) = self._recogniser.run(line_tensor(batch, batch_width(batch)))
            for row, (text, score) in zip(rows, read_classes(probabilities, self._alphabet), strict=True):
                texts[row], scores[row] = text, score
        return texts, scores


def _with_margin(image: Image) -> tuple[Image, int]:
    """Return the picture, a thin strip with room above and below (the net finds no text that fills it), and how much."""
    height, width = image.shape[:2]
    if height > 30 and width <= _STRIP * height:
        return image, 0
    room = max((max(int(width / _STRIP), 30) * 2 - height) // 2, 8)
    colour = np.median(image, axis=(0, 1)).astype(np.uint8)
    padded = np.empty((height + 2 * room, width, 3), np.uint8)
    padded[:] = colour
    padded[room : room + height] = image
    return padded, room


def _crop(image: Image, rects: Rects, row: int) -> Image:
    width, height = (max(int(side), 1) for side in rects.sizes_wh[row])
    matrix = rect_to_affine(rects.centres_xy[row], rects.sizes_wh[row], float(rects.angles_rad[row]), (width, height))
    return warp(image, matrix, (width, height), border=None)


def _main_turn(turns: Ints, lengths: NDArray[np.floating | np.integer]) -> int:
    """Return the quarter turns of most of the text."""
    return int(np.bincount(turns, weights=lengths, minlength=4).argmax())


def _page_order(quads: Floats, turn: int) -> Ints:
    """Return the reading order of a page that is turned clockwise by quarter turns."""
    x, y = quads[..., 0], quads[..., 1]
    upright = {0: (x, y), 1: (y, -x), 2: (-x, -y), 3: (-y, x)}[turn]
    return reading_order(bounding_boxes(np.stack(upright, axis=-1)))
