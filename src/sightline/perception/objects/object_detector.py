"""Find objects of 80 everyday classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import clip_boxes, letterbox, nms, tiles
from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.geometry import invert_affine, map_boxes
from sightline.core.observations import Detections
from sightline.media.sampling import fit, resize
from sightline.perception.objects.decoders import Candidates, decode_finished, decode_nanodet, decode_yolox
from sightline.perception.objects.labels import coco_names
from sightline.runtime.cards import load_card
from sightline.runtime.session import Device, Session, open_session
from sightline.runtime.weights import model_path, record

Family = Literal["nanodet", "yolox", "centernet"]
ModelName = Literal["nanodet", "yolox_nano", "centernet"]

_MAX_CANDIDATES: Final = 1000
_OVERLAP: Final = 0.25
_TILE_SCALE: Final = 2
_SQUARE_ASPECT: Final = 2.0
_BORDER: Final = 0.03
_SAME_THING_IOU: Final = 0.9
_GREY: Final = 114


@dataclass(frozen=True)
class ObjectNet:
    """How to speak to a net that is not one of Sightline's own.

    Parameters
    ----------
    path : Path
        An ``.onnx`` file.
    family : {"nanodet", "yolox", "centernet"}
        What goes in and comes out. ``"yolox"``: float32 BGR 0..255, N C H W, the picture at the top left on grey (114),
        raw grid values out (YOLOX's own ONNX export without ``--decode_in_inference``). ``"nanodet"``: uint8 RGB,
        N H W C, the picture in the middle of grey; ``"centernet"``: the same, the picture stretched; both as
        Sightline's importer makes them.
    input_wh : tuple of int
        Width and height of the input, pixels.
    label_names : tuple of str
        Names of the classes in the net's order; empty: the 80 of COCO.
    min_score, nms_iou : float
        Defaults of the detector, 0..1.

    Raises
    ------
    InvalidInputError
        When a number is out of range.
    """

    path: Path
    family: Family = "yolox"
    input_wh: tuple[int, int] = (416, 416)
    label_names: tuple[str, ...] = ()
    min_score: float = 0.3
    nms_iou: float = 0.5

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if self.family not in _DECODERS:
            raise InvalidInputError(f"family must be one of {sorted(_DECODERS)}, got {self.family!r}")
        if min(self.input_wh) < 32 or not 0 < self.min_score <= 1 or not 0 <= self.nms_iou <= 1:
            raise InvalidInputError(f"expected sides of at least 32 px, min_score in (0, 1] and nms_iou in 0..1, got {self}")


_DECODERS: Final[dict[Family, Callable[[tuple[NDArray[np.float32], ...], tuple[int, int], float], Candidates]]] = {
    "nanodet": decode_nanodet,
    "yolox": decode_yolox,
    "centernet": decode_finished,
}
_OWN: Final[dict[str, tuple[Family, tuple[int, int]]]] = {
    "nanodet": ("nanodet", (416, 416)),
    "yolox_nano": ("yolox", (416, 416)),
    "centernet": ("centernet", (512, 512)),
}


class ObjectDetector:
    """Finds people, vehicles, animals, furniture, food and other things: the 80 classes of COCO.

    Parameters
    ----------
    model : {"nanodet", "yolox_nano", "centernet"} or ObjectNet
        ``"nanodet"``: the default, installs from package indexes. ``"yolox_nano"``: better and faster, from its upstream
        address only. ``"centernet"``: better at cars; its upstream states no licence. Or a net of your own.
    device : {"auto", "cpu", "cuda"}
        Where the net runs.
    threads : int, optional
        Threads of one call.

    Raises
    ------
    ModelNotFetchedError
        When the weights are not on this machine.
    InvalidInputError
        When there is no such model.
    DeviceError
        When the device asked for is not there.

    References
    ----------
    NanoDet (github.com/RangiLyu/nanodet); Z. Ge et al., "YOLOX", 2021; X. Zhou et al., "Objects as points", 2019.

    Examples
    --------
    >>> from skimage.data import chelsea
    >>> [found] = ObjectDetector()([chelsea()])
    >>> found.names()
    ['cat']
    """

    def __init__(self, model: ModelName | ObjectNet = "nanodet", *, device: Device = "auto", threads: int | None = None) -> None:
        self.net = model if isinstance(model, ObjectNet) else _own_net(model)
        self.label_names = self.net.label_names or coco_names()
        self._session: Session = open_session(self.net.path, device=device, threads=threads)
        if isinstance(model, str):
            record(model, self._session.provider())

    def provider(self) -> str:
        """Return which engine and device runs the net."""
        return self._session.provider()

    def __call__(
        self,
        images: Sequence[Image],
        *,
        min_score: float | None = None,
        tile: bool | int = False,
        max_count: int = 100,
        several_labels: bool = False,
    ) -> list[Detections]:
        """Find objects in a batch of pictures.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB; sizes may differ.
        min_score : float, optional
            Least score, 0..1; by default the card's, the lowest at which 0.6 of what is found is right (see the card).
        tile : bool or int
            Look at overlapping square tiles as well, so that small things in a large or wide picture are found: the side
            of a tile in pixels, or True for twice the net's input side. Time grows with the number of tiles.
        max_count : int
            Keep at most this many a picture, the best.
        several_labels : bool
            Report a thing under every label that reaches ``min_score`` (as COCO AP is measured) instead of under the
            likeliest alone. Boxes that overlap by more than 0.9 are one thing.

        Returns
        -------
        list of Detections
            One a picture, best first.

        Raises
        ------
        InvalidInputError
            When an image is not RGB or an option is out of range.
        """
        least = self.net.min_score if min_score is None else min_score
        side = max(self.net.input_wh) * _TILE_SCALE if tile is True else int(tile)
        if not 0 < least <= 1 or max_count < 1 or (side and side < 32):
            raise InvalidInputError(
                f"expected min_score in (0, 1], max_count >= 1 and tiles of at least 32 px, got {least}, {max_count} and {tile}"
            )
        found = [self._detect(check_image(image), least, side) for image in images]
        return [(f if several_labels else f[nms(f.boxes_xyxy, f.scores, _SAME_THING_IOU)])[:max_count] for f in found]

    def _detect(self, image: Image, min_score: float, tile_px: int) -> Detections:
        size_wh = (image.shape[1], image.shape[0])
        parts = [self._look(image, view, min_score) for view in views(size_wh, tile_px)]
        boxes = np.concatenate([p.boxes_xyxy for p in parts])
        scores, labels = np.concatenate([p.scores for p in parts]), np.concatenate([p.labels for p in parts])
        kept = nms(boxes, scores, self.net.nms_iou, labels)
        return Detections(boxes[kept], scores[kept], labels=labels[kept], label_names=self.label_names)

    def _look(self, image: Image, view_xyxy: NDArray[np.int64], min_score: float) -> Candidates:
        """Return what one part of the picture holds, in the picture's pixels; what an inner border cuts is left out."""
        x0, y0, x1, y1 = view_xyxy.tolist()
        pixels, matrix = self._prepare(image[y0:y1, x0:x1])
        found = _DECODERS[self.net.family](self._session.run(pixels), self.net.input_wh, min_score)
        best = np.argsort(-found.scores, kind="stable")[:_MAX_CANDIDATES]
        boxes = map_boxes(found.boxes_xyxy[best], invert_affine(matrix))
        size_wh = (image.shape[1], image.shape[0])
        inner = np.array([x0 > 0, y0 > 0, x1 < size_wh[0], y1 < size_wh[1]])
        edges = np.array([0, 0, x1 - x0, y1 - y0])
        # A cut thing's box ends somewhere near the cut; one that is whole there is found by the neighbour too.
        cut = ((np.abs(boxes - edges) < _BORDER * max(x1 - x0, y1 - y0)) & inner).any(axis=1)
        boxes = clip_boxes(boxes + np.array([x0, y0, x0, y0], np.float32), size_wh)
        keep = ~cut & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Candidates(boxes[keep], found.scores[best][keep], found.labels[best][keep])

    def _prepare(self, image: Image) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
        """Return the net's input and the map from the picture to it."""
        net, shape_hw = self.net, (image.shape[0], image.shape[1])
        if net.family == "centernet":
            matrix = np.diag([net.input_wh[0] / shape_hw[1], net.input_wh[1] / shape_hw[0], 0.0])[:2]
            return resize(np.ascontiguousarray(image), net.input_wh)[None], matrix
        matrix = letterbox(shape_hw, net.input_wh, centred=net.family == "nanodet")
        placed = fit(np.ascontiguousarray(image), matrix, net.input_wh, border=_GREY)
        if net.family == "nanodet":
            return placed[None], matrix
        return np.ascontiguousarray(placed[..., ::-1].transpose(2, 0, 1), np.float32)[None], matrix


def views(size_wh: tuple[int, int], tile_px: int) -> NDArray[np.int64]:
    """Return the parts of a picture to look at, (x0, y0, x1, y1).

    Without tiles (0), the whole picture. With tiles, the tiles, which overlap by a quarter, and for what is larger than
    them the whole picture, or, when it is longer than twice its height (or the other way round), squares as high as it is.

    Examples
    --------
    >>> views((1000, 400), 0).tolist()
    [[0, 0, 1000, 400]]
    >>> len(views((1000, 400), 200))
    24
    """
    whole = np.array([[0, 0, *size_wh]], np.int64)
    short, long = min(size_wh), max(size_wh)
    if not tile_px or (tile_px >= short and long <= _SQUARE_ASPECT * short):
        return whole
    square = _squares(size_wh, short) if long > _SQUARE_ASPECT * short else whole
    return square if tile_px >= short else np.concatenate([square, _squares(size_wh, tile_px)])


def _squares(size_wh: tuple[int, int], side: int) -> NDArray[np.int64]:
    return tiles(size_wh, (side, side), round(side * _OVERLAP))


def _own_net(name: str) -> ObjectNet:
    if name not in _OWN:
        raise InvalidInputError(f"model must be one of {sorted(_OWN)} or an ObjectNet, got {name!r}")
    family, input_wh = _OWN[name]
    card = load_card(name)
    thresholds = card.threshold("min_score"), card.threshold("nms_iou")
    return ObjectNet(model_path(name), family, input_wh, coco_names(), *thresholds)
