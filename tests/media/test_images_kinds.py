"""Pictures and videos are told apart by content."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.data import shared_data

from sightline.core.errors import MediaFormatError, MediaNotFoundError
from sightline.media.images import SUFFIXES, encode_image
from sightline.media.kinds import kind_of, picture_format


@pytest.mark.parametrize("fmt", dict.fromkeys(SUFFIXES.values()))
def test_every_picture_format(tmp_path, fmt):
    path = tmp_path / "named.mp4"
    path.write_bytes(encode_image(np.zeros((16, 16, 3), np.uint8), fmt))
    assert kind_of(path) == "picture"
    assert picture_format(path.read_bytes()[:64]) == fmt


def test_big_endian_tiff_and_animations(tmp_path):
    out = io.BytesIO()
    Pillow.new("RGB", (8, 8)).save(out, "GIF", save_all=True, append_images=[Pillow.new("RGB", (8, 8), (9, 9, 9))])
    (tmp_path / "a").write_bytes(out.getvalue())
    (tmp_path / "b").write_bytes(b"MM\0*\0\0\0\x08" + bytes(20))
    assert kind_of(tmp_path / "a") == kind_of(tmp_path / "b") == "picture"


TS = (b"\x47" + bytes(187)) * 5
M2TS = (bytes(4) + b"\x47" + bytes(187)) * 5
VIDEOS = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
    "quicktime": b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ",
    "old quicktime": b"\0\0\0\x08wide\0\0\0\x08mdat",
    "fragment": b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix",
    "matroska": b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f",
    "avi": b"RIFF\x10\0\0\0AVI LIST",
    "ts": TS,
    "m2ts": M2TS,
    "ps": b"\0\0\x01\xba\x44\0",
    "flv": b"FLV\x01\x05",
    "h264": b"\0\0\0\x01\x67\x64\0\x1f",
    "h265": b"\0\0\0\x01\x40\x01\x0c",
    "theora": b"OggS\0\x02" + bytes(22) + b"\x80theora",
    "wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
}
NEITHER = {
    "empty": b"",
    "text": b"hello world, this is text and nothing else",
    "bitmap-like text": b"BMW drivers like pictures of their cars a lot",
    "one G": b"G" + b"x" * 600,
    "zeros": bytes(4096),
    "wav": b"RIFF\x10\0\0\0WAVEfmt ",
    "vorbis": b"OggS\0\x02" + bytes(22) + b"\x01vorbis",
    "m4a": b"\0\0\0\x20ftypM4A \0\0\x02\0M4A mp42isom",
    "mp3": b"ID3\x04",
    "zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", VIDEOS)
def test_videos(tmp_path, name):
    path = tmp_path / "named.jpg"
    path.write_bytes(VIDEOS[name])
    assert kind_of(path) == "video"


@pytest.mark.parametrize("name", NEITHER)
def test_neither(tmp_path, name):
    path = tmp_path / "named.png"
    path.write_bytes(NEITHER[name])
    assert kind_of(path) is None


def test_missing_and_folder(tmp_path):
    with pytest.raises(MediaNotFoundError):
        kind_of(tmp_path / "gone")
    with pytest.raises(MediaFormatError):
        kind_of(tmp_path)


def test_real_files():
    folder = shared_data("video")
    videos = [p for p in folder.rglob("*") if p.suffix.lower() in (".mp4", ".avi", ".mkv", ".webm", ".mov", ".ogv", ".mpg", ".ts")]
    assert videos
    for path in videos:
        assert kind_of(path) == "video", path.name
