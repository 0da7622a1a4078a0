"""Every kind of bad picture is one clear error, raised before anything large is allocated."""

import io
import os
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from skimage import data as samples

from sightline.core.errors import (
    ImageDecodeError,
    InvalidInputError,
    MediaError,
    MediaFormatError,
    MediaLimitError,
    MediaNotFoundError,
    MediaPermissionError,
)
from sightline.media.images import image_info, read_image
from sightline.media.limits import ImageLimits
from sightline.media.metadata import read_metadata

ALL = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")


def astronaut(fmt):
    out = io.BytesIO()
    picture = Pillow.fromarray(samples.astronaut()[::2, ::2])
    if fmt == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(picture).save(out)
    else:
        picture.save(out, fmt)
    return out.getvalue()


@pytest.mark.parametrize("fmt", ALL)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_picture_is_an_error_that_says_so(fmt, share):
    data = astronaut(fmt)
    with pytest.raises(ImageDecodeError) as caught:
        read_image(data[: int(len(data) * share)])
    if fmt in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        assert "truncated" in str(caught.value)


def test_progressive_jpeg_cut_after_its_first_scans():
    out = io.BytesIO()
    Pillow.fromarray(samples.astronaut()).save(out, "JPEG", progressive=True)
    with pytest.raises(ImageDecodeError, match="truncated"):
        read_image(out.getvalue()[: len(out.getvalue()) * 2 // 3])


def test_jpeg_cut_then_closed_or_filled_up():
    """Half a download padded with zeros, or closed by an end marker, is still half a picture."""
    data = astronaut("JPEG")
    half = data[: len(data) // 2]
    for tail in (b"\xff\xd9", bytes(len(data) // 2), bytes(len(data) // 2) + b"\xff\xd9"):
        with pytest.raises(ImageDecodeError):
            read_image(half + tail)


def test_png_with_a_flipped_bit():
    data = bytearray(astronaut("PNG"))
    data[len(data) // 2] ^= 4
    with pytest.raises(ImageDecodeError, match="checksum"):
        read_image(bytes(data))


def huge_png(width, height):
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + body
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + bytes(64)


def huge(fmt, width, height):
    """A file whose header claims that size and that holds next to nothing."""
    if fmt == "PNG":
        return huge_png(width, height)
    if fmt == "JPEG":
        data = bytearray(astronaut("JPEG"))
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height, width)
        return bytes(data)
    if fmt == "GIF":
        return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)
    if fmt == "BMP":
        return b"BM" + struct.pack("<IIIIiiHHIIiiII", 100, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    if fmt == "WEBP":
        body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, height)]
    entries.append((279, 4, 100))
    table = b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_huge_header_is_refused_at_once(fmt):
    data = huge(fmt, 40_000, 40_000)
    tracemalloc.start()
    started = time.perf_counter()
    for function in (read_image, image_info):
        with pytest.raises(MediaLimitError, match=r"40,000 x 40,000 .*max_pixels"):
            function(data)
    assert time.perf_counter() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_pixel_limit_is_inclusive():
    data = astronaut("PNG")
    assert read_image(data, limits=ImageLimits(max_pixels=256 * 256)).shape == (256, 256, 3)
    with pytest.raises(MediaLimitError):
        read_image(data, limits=ImageLimits(max_pixels=256 * 256 - 1))


@pytest.mark.parametrize("how", ["path", "bytes", "stream"])
def test_byte_limit(tmp_path, how):
    data = astronaut("PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    source = {"path": path, "bytes": data, "stream": io.BytesIO(data)}[how]
    with pytest.raises(MediaLimitError, match="max_bytes"):
        read_image(source, limits=ImageLimits(max_bytes=len(data) - 1))
    assert read_image(data, limits=ImageLimits(max_bytes=len(data))).size


def test_a_huge_file_is_measured_not_read(tmp_path):
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    started = time.perf_counter()
    with pytest.raises(MediaLimitError, match="3,221,225,472 bytes"):
        read_image(path)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("limits", [{"max_bytes": 0}, {"max_pixels": -1}])
def test_senseless_limits(limits):
    with pytest.raises(InvalidInputError):
        ImageLimits(**limits)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageDecodeError, match=r"empty\.jpg: the file is empty"):
        read_image(path)


def test_text_named_jpg(tmp_path):
    path = tmp_path / "letter.jpg"
    path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(MediaFormatError, match="is not a picture") as caught:
        read_image(path)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("head", "name"), [(b"\xff\x0a" + bytes(40), "JPEG XL"), (b"8BPS" + bytes(40), "Photoshop"), (b"%PDF-1.7", "PDF")])
def test_known_but_unsupported_kinds_are_named(head, name):
    with pytest.raises(MediaFormatError, match=name):
        read_image(head)


def test_camera_raw_is_refused_rather_than_its_preview_shown():
    out = io.BytesIO()
    ifd = {254: 1, 330: (8,)}
    Pillow.new("RGB", (16, 12)).save(out, "TIFF", tiffinfo=ifd)
    with pytest.raises(MediaFormatError, match="camera raw"):
        read_image(out.getvalue())


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(MediaNotFoundError, match="no such file") as caught:
        read_image(tmp_path / "nothing.png")
    assert isinstance(caught.value, FileNotFoundError)
    assert str(caught.value).startswith(str(tmp_path))
    with pytest.raises(MediaFormatError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(MediaNotFoundError):
        read_image("a\0b.png")


def test_file_that_may_not_be_read(tmp_path, monkeypatch):
    """Tests may run as root, which may read anything: the system's refusal is put in by hand."""
    path = tmp_path / "secret.png"
    path.write_bytes(astronaut("PNG"))

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    for function in (read_image, image_info, read_metadata):
        with pytest.raises(MediaPermissionError, match="permission denied") as caught:
            function(path)
        assert isinstance(caught.value, PermissionError)


def test_odd_name_in_a_message_is_printable(tmp_path):
    path = tmp_path / os.fsdecode(b"bro\xffken \xf0\x9f\x98\xba.png")
    path.write_bytes(b"no picture")
    with pytest.raises(MediaFormatError) as caught:
        read_image(path)
    str(caught.value).encode("utf-8")
    assert "bro\\xffken 😺.png" in str(caught.value)


@pytest.mark.parametrize("source", [None, 3, io.StringIO("text")])
def test_not_a_source(source):
    with pytest.raises(InvalidInputError):
        read_image(source)


@pytest.mark.parametrize("fmt", ALL)
def test_damaged_bytes_give_a_picture_or_a_clear_error(fmt):
    """Random damage anywhere never escapes as another library's error."""
    rng = np.random.default_rng(3)
    whole, lines = astronaut(fmt), []
    for _ in range(25):
        data = bytearray(whole[: int(rng.integers(len(whole) // 8, len(whole) + 1))])
        for at in rng.integers(0, min(len(data), 600), 6):
            data[at] = rng.integers(256)
        try:
            assert read_image(bytes(data), limits=ImageLimits(max_pixels=4_000_000)).shape[2] == 3
        except MediaError as error:
            lines.append(str(error))
    assert not any("\n" in line for line in lines)


@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"II*\0", b"MM\0*", b""]),
    st.binary(max_size=200),
)
@settings(max_examples=150, deadline=None)
def test_noise_behind_a_magic_number(magic, noise):
    with pytest.raises(MediaError):
        read_image(magic + noise, limits=ImageLimits(max_pixels=1_000_000))
