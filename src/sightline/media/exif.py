"""Exif blocks: read the few facts that matter, write back only what may leave the house.

An Exif block is a small TIFF file (Exif 2.32, 4.5; TIFF 6.0, 2). Pillow's own class is not used because it warns about
damaged blocks through Python's warnings and re-writes maker notes into nonsense; this reader gives None for whatever
does not parse.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ORIENTATION, EXIF_IFD, GPS_IFD, SUB_IFDS, NEW_SUBFILE_TYPE, DNG_VERSION = 0x0112, 0x8769, 0x8825, 0x014A, 0x00FE, 0xC612
MAKER_NOTE, COLOUR_SPACE, PIXEL_WIDTH, PIXEL_HEIGHT, INTEROP_IFD = 0x927C, 0xA001, 0xA002, 0xA003, 0xA005
MAX_ENTRIES = 4096

KEPT_IN_MAIN = frozenset(
    {
        0x010E,  # ImageDescription
        0x010F,  # Make
        0x0110,  # Model
        0x011A,  # XResolution
        0x011B,  # YResolution
        0x0128,  # ResolutionUnit
        0x0131,  # Software
        0x0132,  # DateTime
        0x013B,  # Artist
        0x013C,  # HostComputer
        0x4746,  # Rating
        0x8298,  # Copyright
        0x9C9B,  # XPTitle
        0x9C9C,  # XPComment
        0x9C9D,  # XPAuthor
        0x9C9E,  # XPKeywords
        0x9C9F,  # XPSubject
    }
)
DROPPED_FROM_EXIF = frozenset({MAKER_NOTE, INTEROP_IFD, COLOUR_SPACE, PIXEL_WIDTH, PIXEL_HEIGHT})


@dataclass(frozen=True)
class Entry:
    """One tag's value: its TIFF type, how many, and the raw bytes in the block's byte order."""

    type: int
    count: int
    data: bytes


Ifd = dict[int, Entry]


@dataclass
class ExifTree:
    """The directories of one Exif block.

    Parameters
    ----------
    order : {"<", ">"}
        Byte order, as ``struct`` spells it.
    main, exif, gps : dict of int to Entry
        The 0th, Exif and GPS directories.
    has_thumbnail : bool
        Whether a 1st directory follows, which holds a small copy of the picture as it was taken.
    """

    order: str
    main: Ifd
    exif: Ifd = field(default_factory=dict)
    gps: Ifd = field(default_factory=dict)
    has_thumbnail: bool = False

    def integer(self, tag: int) -> int | None:
        """Return the first value of a whole-number tag of the main directory, None when it is not there."""
        entry = self.main.get(tag)
        if entry is None or entry.count < 1 or entry.type not in (1, 3, 4, 13):
            return None
        size = SIZES[entry.type]
        return int.from_bytes(entry.data[:size], "little" if self.order == "<" else "big")


def parse(block: bytes | None) -> ExifTree | None:
    """Return the directories of an Exif block (with or without ``Exif`` in front), None when it is not one.

    Entries that point outside the block are left out; a damaged directory gives what could be read.

    Examples
    --------
    >>> parse(b"no such thing") is None
    True
    >>> parse(build(ExifTree("<", {ORIENTATION: Entry(3, 1, bytes([6, 0]))}))).integer(ORIENTATION)
    6
    """
    if not block:
        return None
    if block[:6] == b"Exif\0\0":
        block = block[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return None
    start: int = struct.unpack_from(order + "I", block, 4)[0]
    main, following = _directory(block, order, start)
    tree = ExifTree(order, main, has_thumbnail=bool(_directory(block, order, following)[0]) if following else False)
    for tag, target in ((EXIF_IFD, tree.exif), (GPS_IFD, tree.gps)):
        pointer = tree.integer(tag)
        if pointer:
            target.update(_directory(block, order, pointer)[0])
    return tree


def _directory(block: bytes, order: str, start: int) -> tuple[Ifd, int]:
    if start < 8 or start + 2 > len(block):
        return {}, 0
    count = struct.unpack_from(order + "H", block, start)[0]
    entries: Ifd = {}
    for i in range(min(count, MAX_ENTRIES)):
        at = start + 2 + 12 * i
        if at + 12 > len(block):
            return entries, 0
        tag, kind, length = struct.unpack_from(order + "HHI", block, at)
        size = SIZES.get(kind, 0) * length
        value_at = at + 8 if size <= 4 else struct.unpack_from(order + "I", block, at + 8)[0]
        if size and value_at + size <= len(block):
            entries[tag] = Entry(kind, length, block[value_at : value_at + size])
    after = start + 2 + 12 * count
    following = struct.unpack_from(order + "I", block, after)[0] if after + 4 <= len(block) else 0
    return entries, following


def build(tree: ExifTree) -> bytes:
    """Return the block (without ``Exif`` in front) that holds a tree's directories; never a thumbnail."""
    head = b"II*\0" if tree.order == "<" else b"MM\0*"
    return head + struct.pack(tree.order + "I", 8) + directories(tree, 8)


def directories(tree: ExifTree, start: int) -> bytes:
    """Return the directories of a tree, to stand at the offset ``start`` of a file or block."""
    main = {t: e for t, e in tree.main.items() if t not in (EXIF_IFD, GPS_IFD)}
    children = [(tag, ifd) for tag, ifd in ((EXIF_IFD, tree.exif), (GPS_IFD, tree.gps)) if ifd]
    for tag, _ in children:
        main[tag] = Entry(4, 1, bytes(4))
    at = start + _length(main)
    body = b""
    for tag, ifd in children:
        main[tag] = Entry(4, 1, struct.pack(tree.order + "I", at + len(body)))
        body += _encode(ifd, tree.order, at + len(body))
    return _encode(main, tree.order, start) + body


def _length(ifd: Ifd) -> int:
    return 6 + 12 * len(ifd) + sum(len(e.data) + len(e.data) % 2 for e in ifd.values() if len(e.data) > 4)


def _encode(ifd: Ifd, order: str, start: int) -> bytes:
    table = struct.pack(order + "H", len(ifd))
    values = b""
    values_at = start + 6 + 12 * len(ifd)
    for tag in sorted(ifd):
        entry = ifd[tag]
        table += struct.pack(order + "HHI", tag, entry.type, entry.count)
        if len(entry.data) <= 4:
            table += entry.data.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", values_at + len(values))
            values += entry.data + bytes(len(entry.data) % 2)
    return table + bytes(4) + values


def for_writing(block: bytes | None, size_wh: tuple[int, int], *, keep_gps: bool) -> bytes | None:
    """Return the block to put in a written picture, None when there is nothing to keep.

    Kept are who, when, with what and how it was taken, and the place only when ``keep_gps``. The orientation becomes 1
    and the colour space sRGB, which is what the pixels are; width and height are the written ones. Left out are the
    thumbnail and the maker's note (both can hold the picture as it was before), Interop, XMP, IPTC and everything in the
    main directory that describes how the old file was stored.
    """
    tree = parse(block)
    if tree is None:
        return None
    main = {t: e for t, e in tree.main.items() if t in KEPT_IN_MAIN}
    exif = {t: e for t, e in tree.exif.items() if t not in DROPPED_FROM_EXIF}
    gps = tree.gps if keep_gps else {}
    if not (main or exif or gps):
        return None

    def short(value: int) -> Entry:
        return Entry(3, 1, struct.pack(tree.order + "H", value))

    def long(value: int) -> Entry:
        return Entry(4, 1, struct.pack(tree.order + "I", value))

    main[ORIENTATION] = short(1)
    exif |= {COLOUR_SPACE: short(1), PIXEL_WIDTH: long(size_wh[0]), PIXEL_HEIGHT: long(size_wh[1])}
    return build(ExifTree(tree.order, main, exif, gps))
