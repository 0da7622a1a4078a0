"""Written pictures: whole or absent, upright, with the notes that may leave the house and no others."""

import io
import os
import struct
import threading

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from skimage import data as samples

from sightline.core.errors import InvalidInputError, MediaFormatError, MediaWriteError
from sightline.media import exif as exif_blocks
from sightline.media.images import SUFFIXES, encode_image, image_info, read_image, thumbnail, write_image
from sightline.media.metadata import ImageMetadata, read_metadata

EXIF_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")


def entry(kind, count, data):
    return exif_blocks.Entry(kind, count, data)


def camera_exif(order="<", thumbnail_jpeg=b""):
    """What a telephone writes: maker, orientation 6, lens, maker's note, place, and a small copy of the picture."""

    def pack(fmt, *values):
        return struct.pack(order + fmt, *values)

    main = {
        0x010F: entry(2, 5, b"Make\0"),
        0x0110: entry(2, 6, b"Model\0"),
        0x0112: entry(3, 1, pack("H", 6)),
        0x011A: entry(5, 1, pack("II", 300, 1)),
        0x02BC: entry(1, 12, b"<x:xmpmeta/>"),
        0x8649: entry(7, 6, b"8BIM.."),
    }
    exif = {
        0x9003: entry(2, 20, b"2024:05:06 07:08:09\0"),
        0x920A: entry(5, 1, pack("II", 26, 1)),
        0x927C: entry(7, 9, b"MAKERNOTE"),
        0xA001: entry(3, 1, pack("H", 65535)),
        0xA002: entry(4, 1, pack("I", 9999)),
    }
    gps = {
        1: entry(2, 2, b"N\0"),
        2: entry(5, 3, pack("6I", 48, 1, 51, 1, 30, 1)),
        3: entry(2, 2, b"E\0"),
        4: entry(5, 3, pack("6I", 2, 1, 17, 1, 40, 1)),
    }
    block = exif_blocks.build(exif_blocks.ExifTree(order, main, exif, gps))
    if not thumbnail_jpeg:
        return block
    count = struct.unpack_from(order + "H", block, 8)[0]
    at = 10 + 12 * count
    ifd1 = pack("H", 2) + pack("HHII", 0x0201, 4, 1, len(block) + 30) + pack("HHII", 0x0202, 4, 1, len(thumbnail_jpeg)) + bytes(4)
    return block[:at] + pack("I", len(block)) + block[at + 4 :] + ifd1 + thumbnail_jpeg


def names(folder):
    return [path.name for path in folder.iterdir()]


def photo(fmt, **notes):
    out = io.BytesIO()
    picture = Pillow.fromarray(samples.astronaut()[:64, :96])
    if fmt == "HEIF":
        pillow_heif.from_pillow(picture).save(out, **notes)
    else:
        picture.save(out, fmt, **notes)
    return out.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_can_be_written_and_read_back(tmp_path, suffix):
    image = samples.astronaut()[:100, :120]
    path = tmp_path / f"a{suffix.upper()}"
    write_image(path, image, quality=95)
    assert image_info(path).format == SUFFIXES[suffix]
    got = read_image(path)
    assert got.shape == image.shape
    error = np.abs(got.astype(int) - image).mean()
    assert error == 0 if suffix in (".png", ".tif", ".tiff", ".bmp") else error < (12 if suffix == ".gif" else 3)


@pytest.mark.parametrize("fmt", EXIF_FORMATS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("keep_gps", [False, True])
def test_exif_is_kept_without_what_must_not_leave(fmt, order, keep_gps):
    thumb = photo("JPEG")
    metadata = ImageMetadata(camera_exif(order, thumb))
    assert metadata.orientation == 6
    assert metadata.has_gps
    assert metadata.has_thumbnail
    data = encode_image(samples.astronaut()[:64, :96], fmt, metadata=metadata, keep_gps=keep_gps)
    assert read_image(data).shape == (64, 96, 3), "an orientation left in would turn it"
    written = read_metadata(data)
    tree = exif_blocks.parse(written.exif)
    assert tree.main[0x010F].data == b"Make\0"
    assert tree.exif[0x9003].data == b"2024:05:06 07:08:09\0"
    assert written.orientation == 1
    assert written.has_gps is keep_gps
    assert written.has_thumbnail is False
    assert thumb[-200:] not in data
    for secret in (b"MAKERNOTE", b"xmpmeta", b"8BIM"):
        assert secret not in data
    assert int.from_bytes(tree.exif[0xA002].data, "little" if tree.order == "<" else "big") == 96
    assert tree.exif[0xA001].data == struct.pack(tree.order + "H", 1), "the pixels are sRGB"


@pytest.mark.parametrize("fmt", EXIF_FORMATS)
def test_pillow_reads_the_written_exif(fmt):
    pillow_heif.register_heif_opener() if fmt == "HEIF" else None
    data = encode_image(samples.astronaut()[:64, :96], fmt, metadata=ImageMetadata(camera_exif()), keep_gps=True)
    with Pillow.open(io.BytesIO(data)) as picture:
        exif = picture.getexif()
        assert exif[0x0110] == "Model"
        assert exif.get(0x0112, 1) == 1
        assert exif.get_ifd(0x8825)[2] == (48.0, 51.0, 30.0)
        assert exif.get_ifd(0x8769)[0x920A] == 26


@pytest.mark.parametrize("fmt", EXIF_FORMATS)
def test_metadata_travels_from_file_to_file(tmp_path, fmt):
    source = photo(fmt, exif=b"Exif\0\0" + camera_exif() if fmt != "PNG" else camera_exif())
    metadata = read_metadata(source)
    assert metadata.has_gps
    target = tmp_path / "out.jpg"
    write_image(target, read_image(source), metadata=metadata)
    written = read_metadata(target)
    assert not written.has_gps
    assert exif_blocks.parse(written.exif).main[0x0110].data == b"Model\0"
    assert image_info(target).has_exif
    assert not image_info(target).has_gps


def test_xmp_with_a_place_is_not_copied(tmp_path):
    source = photo("JPEG", xmp=b"<x:xmpmeta exif:GPSLatitude='48,51.5N'/>", exif=camera_exif())
    target = tmp_path / "out.jpg"
    write_image(target, read_image(source), metadata=read_metadata(source))
    assert b"GPSLatitude" in source
    assert b"GPSLatitude" not in target.read_bytes()


def test_without_metadata_nothing_is_written():
    for fmt in EXIF_FORMATS:
        assert read_metadata(encode_image(samples.astronaut()[:32, :32], fmt)).has_gps is False
        assert b"Exif" not in encode_image(samples.astronaut()[:32, :32], fmt) or fmt == "HEIF"


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=200, deadline=None)
def test_noise_for_an_exif_block(noise, with_head):
    block = (b"II*\0\x08\0\0\0" if with_head else b"") + noise
    metadata = ImageMetadata(block)
    assert 1 <= metadata.orientation <= 8
    written = metadata.exif_for((3, 2))
    assert written is None or exif_blocks.parse(written).integer(0x0112) == 1


@given(
    st.dictionaries(st.integers(1, 0x8000), st.binary(min_size=1, max_size=40), max_size=12),
    st.dictionaries(st.integers(1, 0xFFFF), st.binary(min_size=1, max_size=40), max_size=12),
    st.sampled_from("<>"),
)
@settings(max_examples=100, deadline=None)
def test_exif_round_trip(main, gps, order):
    def ifd(values):
        return {tag: entry(7, len(data), data) for tag, data in values.items()}

    tree = exif_blocks.parse(exif_blocks.build(exif_blocks.ExifTree(order, ifd(main), {}, ifd(gps))))
    assert {t: e.data for t, e in tree.main.items() if t != exif_blocks.GPS_IFD} == main
    assert {t: e.data for t, e in tree.gps.items()} == gps


def test_an_existing_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.png"
    write_image(path, np.zeros((300, 300, 3), np.uint8))
    images = [np.full((300, 300, 3), v, np.uint8) for v in (10, 200)]
    stop = threading.Event()
    broken = []

    def read_all_the_time():
        while not stop.is_set():
            got = read_image(path)
            if len(np.unique(got)) != 1:
                broken.append(got)

    reader = threading.Thread(target=read_all_the_time)
    reader.start()
    for i in range(40):
        write_image(path, images[i % 2])
    stop.set()
    reader.join()
    assert broken == []
    assert names(tmp_path) == ["a.png"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, np.zeros((4, 4, 3), np.uint8))

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(MediaWriteError, match="No space left") as caught:
        write_image(path, np.full((4, 4, 3), 9, np.uint8))
    assert isinstance(caught.value, OSError)
    assert names(tmp_path) == ["a.png"]
    assert read_image(path).max() == 0


def test_an_interrupt_leaves_no_rest(tmp_path, monkeypatch):
    def interrupted(self, data):
        self.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert names(tmp_path) == []


def test_written_file_has_ordinary_rights(tmp_path):
    (tmp_path / "plain").touch()
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_where_it_cannot_be_written(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(MediaWriteError, match="cannot be written"):
        write_image(tmp_path / "no folder" / "a.png", image)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(MediaWriteError, match="is a folder"):
        write_image(tmp_path / "folder.png", image)
    for name in ("a.xyz", "a"):
        with pytest.raises(MediaFormatError, match=r"use one of \.jpg"):
            write_image(tmp_path / name, image)


@pytest.mark.parametrize("name", ["with space.jpg", "图片.jpg", "😺.jpg", os.fsdecode(b"caf\xe9.jpg"), "a.b.c.jpg", "x" * 200 + ".jpg"])
def test_odd_names(tmp_path, name):
    write_image(tmp_path / name, samples.astronaut()[:20, :30])
    assert read_image(tmp_path / name).shape == (20, 30, 3)


def test_bad_arguments():
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(InvalidInputError, match="format"):
        encode_image(image, "JPG")
    for quality in (0, 101):
        with pytest.raises(InvalidInputError, match="quality"):
            encode_image(image, "JPEG", quality=quality)
    with pytest.raises(InvalidInputError):
        encode_image(np.zeros((4, 4), np.uint8), "PNG")
    with pytest.raises(InvalidInputError, match="70000"):
        encode_image(np.zeros((1, 70_000, 3), np.uint8), "JPEG")


def test_lower_quality_is_smaller():
    for fmt in ("JPEG", "WEBP", "AVIF", "HEIF"):
        sizes = [len(encode_image(samples.astronaut(), fmt, quality=q)) for q in (20, 60, 95)]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[2] / 2


def test_views_are_written_right():
    image = samples.astronaut()[::2, ::-1]
    np.testing.assert_array_equal(read_image(encode_image(image, "PNG")), image)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 60))
@settings(max_examples=80, deadline=None)
def test_thumbnail_fits_and_keeps_its_shape(width, height, side):
    small = thumbnail(np.zeros((height, width, 3), np.uint8), side)
    assert max(small.shape[:2]) == min(side, max(width, height))
    assert min(small.shape[:2]) == max(round(min(width, height) * min(side / max(width, height), 1)), 1)


def test_thumbnail_never_returns_the_picture_itself():
    image = samples.astronaut()[:20, :20]
    small = thumbnail(image, 50)
    np.testing.assert_array_equal(small, image)
    assert not np.shares_memory(small, image)
    with pytest.raises(InvalidInputError):
        thumbnail(image, 0)
