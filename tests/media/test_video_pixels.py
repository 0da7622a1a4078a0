"""Colours of video frames: matrix, range and depth, against the formulas of ITU-R BT.601, BT.709 and BT.2020."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.core.frame import Frame
from sightline.media.video_pixels import Orientation, PixelReader, PixelWriter, orient, square_size
from sightline.media.video_reader import VideoReader
from sightline.media.video_writer import Encoding, VideoWriter

WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
CODES = {"601": 6, "709": 1, "2020": 9}
COLOURS = np.array(
    [
        [0, 0, 0],
        [255, 255, 255],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 0],
        [0, 255, 255],
        [255, 0, 255],
        [40, 120, 200],
        [230, 170, 130],
    ]
)


def to_ycc(rgb: np.ndarray, matrix: str, full: bool, bits: int = 8) -> np.ndarray:
    kr, kb = WEIGHTS[matrix]
    r, g, b = rgb / 255
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if full:
        return np.clip(np.rint(np.array([255 * y, 128 + 255 * cb, 128 + 255 * cr])), 0, 255)
    return np.rint(np.array([16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr]) * 2 ** (bits - 8))


def flat_frame(ycc: np.ndarray, fmt: str = "yuv420p", code: int = 2, full: bool = False, size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    frame = av.VideoFrame(*size, fmt)
    for plane, value in zip(frame.planes, ycc, strict=True):
        raw = int(value).to_bytes(2, "little") if "10" in fmt else bytes([int(value)])
        plane.update(raw * (plane.buffer_size // len(raw)))
    frame.colorspace, frame.color_range = code, 2 if full else 1
    return frame


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["601", "709", "2020"])
@pytest.mark.parametrize("rgb", COLOURS, ids=str)
def test_declared_matrix_and_range(rgb: np.ndarray, matrix: str, full: bool) -> None:
    frame = flat_frame(to_ycc(rgb, matrix, full), code=CODES[matrix], full=full)
    image = PixelReader((64, 48)).read(frame)
    assert np.abs(image.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), "601"), ((720, 576), "601"), ((1280, 720), "709"), ((720, 1280), "709")])
def test_undeclared_matrix_goes_by_size(size: tuple[int, int], matrix: str) -> None:
    rgb = np.array([200, 60, 30])
    image = PixelReader(size).read(flat_frame(to_ycc(rgb, matrix, False), size=size))
    assert np.abs(image.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("transfer", [1, 16, 18])  # BT.709, PQ, HLG
def test_ten_bits_and_hdr(transfer: int) -> None:
    rgb = np.array([180, 90, 40])
    frame = flat_frame(to_ycc(rgb, "2020", False, bits=10), "yuv420p10le", 9)
    frame.color_trc, frame.color_primaries = transfer, 9
    image = PixelReader((64, 48)).read(frame)
    assert np.abs(image.astype(int) - rgb).max() <= 3  # the code values, no tone mapping


def test_full_range_mjpeg_and_rgb_codecs(tmp_path: Path) -> None:
    for codec, fmt, suffix in (
        ("mjpeg", "yuvj420p", ".avi"),
        ("ffv1", "bgr0", ".mkv"),
        ("libx264rgb", "rgb24", ".mp4"),
        ("ffv1", "gray", ".mkv"),
    ):
        path = tmp_path / f"{codec}-{fmt}{suffix}"
        rgb = np.array([120, 120, 120]) if fmt == "gray" else np.array([220, 80, 30])
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=25, width=64, height=48, pix_fmt=fmt)
            stream.options = {"qscale": "2", "crf": "1"} if codec != "ffv1" else {}
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), rgb, np.uint8), "rgb24")
            frame = frame.reformat(format=fmt, dst_colorspace=5, src_color_range=2, dst_color_range=2)
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        with VideoReader(path) as reader:
            assert np.abs(next(reader).image.astype(int) - rgb).max() <= 4, (codec, fmt)


@pytest.mark.parametrize("size", [(64, 48), (65, 49), (1280, 720)])
def test_written_colours_come_back(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "c.mp4", size, 25, encoding=Encoding(quality=4)) as writer:
        for index, rgb in enumerate(COLOURS):
            writer.write(Frame(np.full((size[1], size[0], 3), rgb, np.uint8), index, index / 25))
    with VideoReader(tmp_path / "c.mp4") as reader:
        for frame, rgb in zip(reader, COLOURS, strict=True):
            assert np.abs(frame.image.astype(int) - rgb).max() <= 5
    with av.open(str(tmp_path / "c.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
        assert frame.format.name == "yuv420p"


def test_encoder_input_follows_bt709() -> None:
    for rgb in COLOURS:
        frame = PixelWriter((64, 48)).frame(np.full((48, 64, 3), rgb, np.uint8))
        got = [bytes(plane)[0] for plane in frame.planes]
        assert np.abs(np.array(got, int) - to_ycc(rgb, "709", False)).max() <= 1


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
def test_orient_is_transpose_then_flips(transpose: bool, flip_x: bool, flip_y: bool) -> None:
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    expected = image.swapaxes(0, 1) if transpose else image
    expected = expected[:, ::-1] if flip_x else expected
    expected = expected[::-1] if flip_y else expected
    orientation = Orientation(transpose, flip_x, flip_y)
    got = orient(image, orientation)
    np.testing.assert_array_equal(got, expected)
    assert got.flags.c_contiguous
    unmirrored = image[:, ::-1] if orientation.mirrored else image
    np.testing.assert_array_equal(got, np.rot90(unmirrored, -orientation.rotation_deg // 90))


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((1, 1), None, (1, 1)),
        ((720, 480), Fraction(8, 9), (720, 540)),
        ((1440, 1080), Fraction(4, 3), (1920, 1080)),
        ((10, 10), Fraction(0), (10, 10)),
    ],
)
def test_square_size(size: tuple[int, int], aspect: Fraction | None, expected: tuple[int, int]) -> None:
    assert square_size(*size, aspect) == expected
