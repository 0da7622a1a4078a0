"""Files to send: good ones and bad ones, made here."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from uuid import uuid4

import numpy as np

from sightline.core.frame import Frame


def picture(width: int = 40, height: int = 30, *, format: str = "PNG") -> bytes:  # noqa: A002
    """Return a picture unlike any other."""
    from sightline.media.images import encode_image

    seed = uuid4().int % 2**32
    return encode_image(np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8), format)  # type: ignore[arg-type]


def video(folder: Path, frames: int = 12) -> bytes:
    """Return a short MP4."""
    from sightline.media.video_writer import VideoWriter

    path = folder / f"{uuid4().hex}.mp4"
    with VideoWriter(path, (64, 48), 12) as writer:
        for i in range(frames):
            writer.write(Frame(np.full((48, 64, 3), 20 * i, np.uint8), i, i / 12))
    return path.read_bytes()


def bomb(side: int = 50_000) -> bytes:
    """Return a small PNG that would be gigabytes of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = io.BytesIO()
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    for _ in range(200):
        rows.write(packer.compress(row))
    rows.write(packer.flush())
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows.getvalue()) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PAGE = b"<!doctype html><script>alert(1)</script>"
