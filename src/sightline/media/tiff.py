"""TIFF directories: leave only what the pixels need, or add notes to a written file (TIFF 6.0, part 1, 2 and part 2)."""

from __future__ import annotations

import struct

from PIL import Image, TiffImagePlugin

from sightline.media import exif
from sightline.media.exif import Entry, ExifTree, Ifd

_SINGLE = frozenset({256, 257, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 512, 513, 514, 515, 531})
_SEVERAL = frozenset({258, 273, 279, 318, 319, 320, 324, 325, 332, 333, 334, 336, 338, 339, 340, 341, 347, 519, 520, 521, 529, 530, 532})
_ICC = 34675
_UNITS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
_MAX_PAGES = 10_000


class LimitedTiff(TiffImagePlugin.TiffImageFile):
    """Pillow's TIFF reader without Pillow's own size warning: the header has been checked against ours by then."""

    def load_prepare(self) -> None:
        """Make the pixel memory before the base class would warn about its size."""
        if self._im is None:
            self.im = Image.core.new(self.mode, self._tile_size)  # type: ignore[attr-defined]
        super().load_prepare()


def clean(data: bytes, tree: ExifTree) -> bytes:
    """Return the file with its first directory cut down to the tags that the pixels need, and no other page.

    Notes that are damaged can then not disturb the decoder, and the orientation is left to the caller.

    Raises
    ------
    IndexError
        When the tags that say where the pixels are lie outside the file.
    """
    main: Ifd = {t: tree.main[t] for t in _SEVERAL if t in tree.main}
    for tag in _SINGLE & tree.main.keys():
        entry = tree.main[tag]
        main[tag] = Entry(entry.type, 1, entry.data[: exif.SIZES[entry.type]])
    if not ({256, 257} <= main.keys() and {273, 324, 513} & main.keys()):
        raise IndexError("the directory is not in the file")
    return _with_directory(data, tree.order, main)


def profile(tree: ExifTree) -> bytes | None:
    """Return the embedded colour profile."""
    entry = tree.main.get(_ICC)
    return entry.data if entry else None


def count_pages(data: bytes, order: str) -> int:
    """Return how many directories are chained, at least 1."""
    at, pages = struct.unpack_from(order + "I", data, 4)[0], 0
    while 8 <= at <= len(data) - 2 and pages < _MAX_PAGES:
        pages += 1
        following = at + 2 + 12 * struct.unpack_from(order + "H", data, at)[0]
        at = struct.unpack_from(order + "I", data, following)[0] if following + 4 <= len(data) else 0
    return max(pages, 1)


def with_notes(data: bytes, block: bytes) -> bytes:
    """Return a one-page TIFF with the tags of an Exif block added; tags that describe the pixels stay."""
    tree, notes = exif.parse(data), exif.parse(block)
    if tree is None or notes is None:
        return data
    swap = tree.order != notes.order
    main, detail, gps = ({t: _swapped(e) if swap else e for t, e in ifd.items()} for ifd in (notes.main, notes.exif, notes.gps))
    return _with_directory(data, tree.order, {**main, **tree.main}, detail, gps)


def _swapped(entry: Entry) -> Entry:
    unit = _UNITS.get(entry.type, 1)
    parts = (entry.data[i : i + unit][::-1] for i in range(0, len(entry.data), unit))
    return Entry(entry.type, entry.count, b"".join(parts))


def _with_directory(data: bytes, order: str, main: Ifd, detail: Ifd | None = None, gps: Ifd | None = None) -> bytes:
    at = len(data) + len(data) % 2
    directories = exif.directories(ExifTree(order, main, detail or {}, gps or {}), at)
    return b"".join((data[:4], struct.pack(order + "I", at), data[8:], bytes(len(data) % 2), directories))
