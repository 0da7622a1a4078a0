"""Files that were made to harm: each is refused with its reason, in time, and the process lives on."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sightline.api.settings import Limits
from sightline.core.errors import ImageDecodeError, MediaError, MediaFormatError, MediaLimitError, VideoDecodeError
from sightline.core.frame import Frame
from sightline.media.images import encode_image
from sightline.media.video_writer import VideoWriter
from sightline.server.workers import Workers

SCRIPT = b"alert(document.domain)"
NOISE = np.random.default_rng(4).integers(0, 256, (120, 160, 3), np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("Evil.class", b"\xca\xfe\xba\xbe")
    return out.getvalue()


def jpeg_with_comment(text: bytes) -> bytes:
    plain = encode_image(NOISE, "JPEG")
    return plain[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + plain[2:]


def gif_script() -> bytes:
    """A GIF 10,799 wide whose first bytes open a comment that ends at an assignment."""
    return b"GIF89a/*" + struct.pack("<H", 1) + b"\0\0\0" + b"," + bytes(9) + b"\0\2\0;" + b"*/=1;" + SCRIPT


def jpeg_script() -> bytes:
    plain = encode_image(NOISE, "JPEG")
    body = b"\0" * (0x2F2A - 2)
    return b"\xff\xd8\xff\xe0/*" + body + b"\xff\xfe" + struct.pack(">H", 60) + (b"*/=" + SCRIPT).ljust(58) + plain[2:]


PICTURES: dict[str, tuple[bytes, type[MediaError], str]] = {
    "a few bytes that say 60,000 x 60,000": (png(60_000, 60_000, zlib.compress(bytes(1000))), MediaLimitError, "60,000 x 60,000"),
    "a GIF of 65,535 x 65,535": (b"GIF89a\xff\xff\xff\xff\0\0\0;", MediaLimitError, "more than the limit"),
    "a header with too few pixels": (png(4000, 4000, zlib.compress(bytes(1000))), ImageDecodeError, "."),
    "cut": (encode_image(NOISE, "JPEG")[:-500], ImageDecodeError, "truncated"),
    "cut PNG": (encode_image(NOISE, "PNG")[:-500], ImageDecodeError, "truncated"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', MediaFormatError, "is SVG"),
    "SVG after a declaration": (b'\xef\xbb\xbf<?xml version="1.0"?><!-- -->\n<svg onload="alert(1)"/>', MediaFormatError, "markup"),
    "web page": (b"<!DOCTYPE html><script>alert(1)</script>", MediaFormatError, "markup"),
    "text": (b"hello", MediaFormatError, "neither"),
    "nothing": (b"", MediaFormatError, "empty"),
    "PDF": (b"%PDF-1.7\n", MediaFormatError, "is PDF"),
    "archive": (archive(), MediaFormatError, "ZIP"),
    "JPEG and PDF": (jpeg_with_comment(b"%PDF-1.4 1 0 obj"), MediaFormatError, "a PDF at once"),
    "JPEG and page": (jpeg_with_comment(b"<html><ScRipt >alert(1)</script>"), MediaFormatError, "a web page at once"),
    "JPEG and PHP": (jpeg_with_comment(b"<?php system($_GET[0]); ?>"), MediaFormatError, "a web page at once"),
    "JPEG and script": (jpeg_script(), MediaFormatError, "a script at once"),
    "GIF and script": (gif_script(), MediaFormatError, "a script at once"),
    "GIF assigned": (b"GIF89a=1;alert(1)//" + bytes(40), MediaFormatError, "a script at once"),
    "JPEG and archive": (encode_image(NOISE, "JPEG") + archive(), MediaFormatError, "a ZIP archive at once"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_hostile_pictures_are_refused_with_the_reason(workers: Workers, tmp_path: Path, name: str) -> None:
    data, error, reason = PICTURES[name]
    path = tmp_path / "0f3a"
    path.write_bytes(data)
    pid = workers.statistics().processes[0].pid
    began = time.monotonic()
    with pytest.raises(error, match=reason) as caught:
        workers.run_sync("inspect", path=path, limits=Limits(), name="holiday.jpg")
    assert str(caught.value).startswith("holiday.jpg: ")
    assert time.monotonic() - began < 5
    after = workers.statistics().processes[0].pid
    assert pid in (None, after), "the process died over it"


@pytest.mark.parametrize(
    "data", [encode_image(NOISE, "JPEG") + b"\0\0trailer of a telephone" * 50, jpeg_with_comment(b"a < b; x > y <br>")]
)
def test_harmless_oddities_are_taken(workers: Workers, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "0f3a").write_bytes(data)
    assert workers.run_sync("inspect", path=tmp_path / "0f3a")["format"] == "JPEG"


def film(path: Path, frames: int = 20) -> bytes:
    with VideoWriter(path, (64, 48), Fraction(10)) as writer:
        for i in range(frames):
            writer.write(Frame(NOISE[i : i + 48, i : i + 64].copy(), i, i / 10))
    return path.read_bytes()


def lying_boxes(data: bytes) -> bytes:
    """Let every duration in the boxes mvhd, tkhd and mdhd (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2) say 100 hours."""
    changed = bytearray(data)
    scales = {}
    for box, duration_at in ((b"mvhd", 16), (b"mdhd", 16), (b"tkhd", 20)):
        at = data.index(box) + 4
        assert data[at] == 0, "a version 0 box"
        if box != b"tkhd":
            scales[box] = struct.unpack_from(">I", data, at + 12)[0]
        struct.pack_into(">I", changed, at + duration_at, 360_000 * scales.get(box, scales[b"mvhd"]) & 0xFFFFFFFF)
    return bytes(changed)


def hundred_hours(data: bytes) -> bytes:
    """Let the time-to-sample box (8.6.1.2) say that the 20 frames lie 5 hours apart, and the other boxes agree."""
    changed = bytearray(lying_boxes(data))
    scale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    struct.pack_into(">II", changed, data.index(b"mdhd") + 16, 1, 360_000)
    struct.pack_into(">I", changed, data.index(b"elst") + 12, 360_000 * scale)
    at = data.index(b"stts") + 8
    assert struct.unpack_from(">II", data, at) == (1, 20)
    struct.pack_into(">I", changed, at + 8, 18_000)
    return bytes(changed)


def test_a_header_that_lies_is_seen_through(workers: Workers, tmp_path: Path) -> None:
    data = lying_boxes(film(tmp_path / "good.mp4"))
    (tmp_path / "0f3a").write_bytes(data)
    assert workers.run_sync("inspect", path=tmp_path / "0f3a")["duration_s"] == pytest.approx(2.0, abs=0.11)


def test_a_matroska_header_of_hundred_hours_is_refused(workers: Workers, tmp_path: Path) -> None:
    data = bytearray(film(tmp_path / "good.mkv"))
    at = data.index(b"\x44\x89\x88")  # Duration, 8 bytes of float, in milliseconds (RFC 9559, 5.1.2.10)
    struct.pack_into(">d", data, at + 3, 360_000_000.0)
    (tmp_path / "0f3a").write_bytes(data)
    with pytest.raises(MediaLimitError, match=" s long, more than the limit"):
        workers.run_sync("inspect", path=tmp_path / "0f3a")


VIDEOS: dict[str, tuple[Callable[[bytes], bytes], tuple[type[MediaError], ...], str]] = {
    "100 hours by the header": (hundred_hours, (MediaLimitError,), "360000 s long, more than the limit"),
    "no index": (lambda data: data[: data.index(b"moov") - 4], (VideoDecodeError, MediaFormatError), "."),
    "only a head": (lambda data: data[:40], (VideoDecodeError, MediaFormatError), "."),
    "a page too": (lambda data: data[:32] + struct.pack(">I", 40) + b"free<html><script>alert(1)</script>".ljust(36) + data[32:],
                   (MediaFormatError,), "a web page at once"),
    "an archive too": (lambda data: data + archive(), (MediaFormatError,), "a ZIP archive at once"),
    "a frame of 60,000 x 60,000": (
        lambda data: b"YUV4MPEG2 W60000 H60000 F25:1\nFRAME\n" + bytes(5000), (MediaLimitError, VideoDecodeError, MediaFormatError), "."),
    "a playlist": (lambda data: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", (MediaFormatError,), "neither"),
    "noise behind a good start": (
        lambda data: data[:48] + np.random.default_rng(1).bytes(5000), (VideoDecodeError, MediaFormatError, MediaLimitError), "."),
}  # fmt: skip


@pytest.mark.parametrize("name", VIDEOS)
def test_hostile_videos_are_refused_with_the_reason(workers: Workers, tmp_path: Path, name: str) -> None:
    change, errors, reason = VIDEOS[name]
    good = tmp_path / "good.mp4"
    data = film(good)
    assert workers.run_sync("inspect", path=good)["duration_s"] == pytest.approx(2.0, abs=0.11)
    bad = tmp_path / "0f3a"
    bad.write_bytes(change(data))
    pid = workers.statistics().processes[0].pid
    began = time.monotonic()
    with pytest.raises(errors, match=reason) as caught:
        workers.run_sync("inspect", path=bad, limits=Limits(), name="film.mp4")
    assert str(caught.value).startswith("film.mp4: ")
    assert str(tmp_path) not in str(caught.value)
    assert time.monotonic() - began < 10
    assert workers.statistics().processes[0].pid == pid


def test_random_damage_never_takes_the_process_down(workers: Workers, tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    whole = {
        "mp4": film(tmp_path / "a.mp4", 6),
        **{f: encode_image(NOISE, f) for f in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "AVIF", "HEIF")},
    }
    said: list[str] = []
    workers.run_sync("inspect", path=tmp_path / "a.mp4")
    pid = workers.statistics().processes[0].pid
    for kind, data in whole.items():
        for i in range(12):
            broken = bytearray(data)
            for at in random.integers(8, len(broken), 1 + i):
                broken[at] = random.integers(256)
            path = tmp_path / f"{kind}{i}"
            path.write_bytes(broken)
            try:
                workers.run_sync("inspect", path=path, timeout_s=20.0)
            except MediaError as error:
                said.append(str(error))
    assert workers.statistics().processes[0].pid == pid
    assert len(said) > 20
    assert str(tmp_path) not in "".join(said)
