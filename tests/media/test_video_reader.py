"""VideoReader: frames, times, seeking, orientation, pixel shape, limits, inputs."""

import gc
import io
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from tests.data import shared_data
from tests.media.clips import NTSC, SIZE_WH, make_clip, number_of, numbered, numbers

from sightline.core.errors import (
    InvalidInputError,
    MediaFormatError,
    MediaLimitError,
    MediaNotFoundError,
    VideoDecodeError,
)
from sightline.media.video_reader import VideoLimits, VideoReader


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", 60, sound_s=2.0)


def test_every_frame_comes_once_in_order_with_its_time(clip: Path) -> None:
    with VideoReader(clip) as reader:
        frames = list(reader)
    assert numbers(frames) == list(range(60))
    assert [f.index for f in frames] == list(range(60))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(60) * 1001 / 30000, atol=1e-4)
    image = frames[0].image
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable


def test_facts(clip: Path) -> None:
    with VideoReader(clip) as reader:
        assert reader.size_wh == SIZE_WH
        assert reader.rate == NTSC
        assert reader.duration_s == pytest.approx(2.002, abs=0.01)
        assert reader.frame_count == 60
        assert reader.has_audio
        assert reader.rotation_deg == 0
        assert not reader.mirrored
        assert reader.codec == "h264"
        assert reader.device == "cpu"
        assert reader.problems == ()
        assert reader.repaired_times == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mov"])
def test_seek_is_exact_forward_and_backward_in_every_container(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / f"clip{suffix}", 60)
    with VideoReader(path) as reader:
        for wanted in (37, 5, 59, 0, 12, 11, 13, 58):
            reader.seek(wanted * 1001 / 30000 - 1e-3 if wanted else 0.0)
            frame = next(reader)
            assert number_of(frame.image) == wanted
            assert frame.index == wanted
            assert frame.time_s == pytest.approx(wanted * 1001 / 30000, abs=2e-3)
            if wanted < 59:
                assert number_of(next(reader).image) == wanted + 1
        reader.seek(2.0)
        assert next(reader, None) is None
        reader.seek(0.0)
        assert numbers(reader) == list(range(60))
        assert reader.problems == ()


def test_start_s_and_bad_times(clip: Path) -> None:
    with VideoReader(clip, start_s=1.0) as reader:
        assert number_of(next(reader).image) == 30
        with pytest.raises(InvalidInputError):
            reader.seek(-1.0)
        with pytest.raises(InvalidInputError):
            reader.seek(float("nan"))
    with pytest.raises(InvalidInputError):
        VideoReader(clip, start_s=-1.0)
    with pytest.raises(InvalidInputError):
        VideoReader(clip, threads=-1)
    with pytest.raises(InvalidInputError):
        VideoReader(clip, hardware="gpu")  # type: ignore[arg-type]


def test_variable_frame_rate_keeps_true_times_and_seeks_by_them(tmp_path: Path) -> None:
    times = np.cumsum([0.0, 0.04, 0.1, 0.02, 0.5, 0.033, 0.25, 0.04, 1.0, 0.04, 0.3, 0.02]).tolist()
    path = make_clip(tmp_path / "vfr.mp4", len(times), times_s=times, rate=25)
    with VideoReader(path) as reader:
        frames = list(reader)
        np.testing.assert_allclose([f.time_s for f in frames], times, atol=1e-4)
        for index, time_s in enumerate(times):
            reader.seek(time_s - 0.005 if index else 0.0)
            assert number_of(next(reader).image) == index


@pytest.mark.parametrize(
    ("degrees", "mirror"), [(0, False), (90, False), (-90, False), (180, False), (0, True), (90, True), (-90, True), (180, True)]
)
def test_pictures_are_upright(tmp_path: Path, degrees: int, mirror: bool) -> None:
    path = make_clip(tmp_path / "turned.mp4", 5, rotation=(degrees, mirror))
    with VideoReader(path) as reader:
        image = next(reader).image
        assert reader.size_wh == (image.shape[1], image.shape[0])
        rotation, mirrored = reader.rotation_deg, reader.mirrored
    # libavutil/display.h: the angle turns counterclockwise; av_display_matrix_flip then mirrors the turned picture
    expected = np.rot90(numbered(0), degrees // 90)
    expected = expected[:, ::-1] if mirror else expected
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 4
    assert mirrored == mirror
    assert rotation == (degrees if mirror else -degrees) % 360  # ours mirrors first, then turns
    assert image.flags.c_contiguous


def test_phone_matrix_is_read_by_the_standard(tmp_path: Path) -> None:
    """A phone held upright writes the matrix 0 1 0 / -1 0 0 (ISO/IEC 14496-12): the picture must be turned clockwise."""
    path = make_clip(tmp_path / "phone.mp4", 3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 32 + 4  # version+flags, then times, id, duration, reserved, layer, group, volume (version 0)
    identity = b"".join(v.to_bytes(4, "big", signed=True) for v in (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30))
    assert data[at : at + 36] == identity
    data[at : at + 36] = b"".join(v.to_bytes(4, "big", signed=True) for v in (0, 65536, 0, -65536, 0, 0, 96 << 16, 0, 1 << 30))
    path.write_bytes(data)
    with VideoReader(path) as reader:
        image = next(reader).image
        assert reader.rotation_deg == 90
    assert np.abs(image.astype(int) - np.rot90(numbered(0), -1)).mean() < 4


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (213, 96)), (Fraction(1, 2), (160, 192)), (Fraction(100), SIZE_WH)])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    path = make_clip(tmp_path / "wide.mp4", 3, aspect=aspect)
    with VideoReader(path) as reader:
        image = next(reader).image
        assert reader.size_wh == size
    assert image.shape == (size[1], size[0], 3)
    assert abs(int(image[size[1] // 2, 4, 0]) - 200) < 12  # the red edge is where it was


def test_odd_width_is_contiguous(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "wide.mp4", 2, aspect=Fraction(4, 3))
    with VideoReader(path) as reader:
        image = next(reader).image
    assert image.shape[1] == 213
    assert image.flags.c_contiguous


def test_animated_gif(tmp_path: Path) -> None:
    from PIL import Image as PilImage

    frames = [PilImage.fromarray(np.full((40, 60, 3), (i * 60, 0, 255 - i * 60), np.uint8)) for i in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[100, 200, 300, 400])
    with VideoReader(tmp_path / "a.gif") as reader:
        got = list(reader)
    np.testing.assert_allclose([f.time_s for f in got], [0.0, 0.1, 0.3, 0.6], atol=1e-6)
    assert [int(f.image[0, 0, 0]) for f in got] == pytest.approx([0, 60, 120, 180], abs=3)


# ---------------------------------------------------------------------- inputs


def test_standard_input(clip: Path) -> None:
    script = (
        "import sys\nfrom sightline.media.video_reader import VideoReader\nfrom tests.media.clips import numbers\n"
        "with VideoReader('-') as r:\n    r.seek(0.5)\n    print(r.seekable, *numbers(r))"
    )
    with clip.open("rb") as file:
        out = subprocess.run([sys.executable, "-c", script], stdin=file, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    seekable, *found = out.stdout.decode().split()
    assert seekable == "True"  # a file as standard input can seek
    assert [int(n) for n in found] == list(range(15, 60))
    assert out.stderr == b""


@pytest.mark.parametrize(("suffix", "index_first"), [(".mp4", True), (".mp4", False), (".ts", True), (".mkv", True)])
def test_pipes(tmp_path: Path, suffix: str, index_first: bool) -> None:
    path = make_clip(tmp_path / f"clip{suffix}", 40, index_first=index_first)
    seekable = not index_first  # copied to a temporary file
    read_end, write_end = os.pipe()

    def feed() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(path.read_bytes())

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(read_end, "rb") as stream, VideoReader(stream) as reader:
        assert reader.seekable is seekable
        assert numbers([next(reader), next(reader)]) == [0, 1]
        reader.seek(1.0)
        if not seekable:
            with pytest.raises(InvalidInputError, match="cannot go back"):
                reader.seek(0.0)
        assert numbers(reader) == list(range(30, 40))
    thread.join()


def test_file_object_stays_open_for_its_owner(clip: Path) -> None:
    stream = io.BytesIO(clip.read_bytes())
    with VideoReader(stream) as reader:
        assert numbers(reader) == list(range(60))
    assert not stream.closed


@pytest.mark.parametrize("name", ["with space.mp4", "视频 🎬.mp4", "a:b?c#d%20.mp4", os.fsdecode(b"caf\xe9.mp4"), "-", "concat:x.mp4"])
def test_odd_names(tmp_path: Path, clip: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(clip.read_bytes())
    with VideoReader(path) as reader:
        assert number_of(next(reader).image) == 0
    with VideoReader(os.fsencode(path)) as reader:
        assert number_of(next(reader).image) == 0


# ---------------------------------------------------------------------- refusals


def test_missing_folder_empty_and_text(tmp_path: Path) -> None:
    with pytest.raises(MediaNotFoundError, match=r"nothing\.mp4"):
        VideoReader(tmp_path / "nothing.mp4")
    with pytest.raises(MediaFormatError, match="folder"):
        VideoReader(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaFormatError, match="empty"):
        VideoReader(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("This is no video at all.\n" * 100)
    with pytest.raises(MediaFormatError, match="not a video"):
        VideoReader(tmp_path / "text.mp4")
    with pytest.raises(MediaFormatError, match="empty"):
        VideoReader(io.BytesIO())


def test_playlists_and_pictures_open_nothing(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{clip}\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    for name in ("list.m3u8", "list.ffconcat"):
        with pytest.raises(MediaFormatError):
            VideoReader(tmp_path / name)
        (tmp_path / "video.mp4").write_bytes((tmp_path / name).read_bytes())
        with pytest.raises(MediaFormatError):
            VideoReader(tmp_path / "video.mp4")


def test_sound_only_says_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(VideoDecodeError, match=r"no picture stream in it \(it holds: audio") as caught:
        VideoReader(tmp_path / "sound.m4a")
    assert caught.value.time_s is None


def test_limits(clip: Path) -> None:
    with pytest.raises(MediaLimitError, match="bytes"):
        VideoReader(clip, limits=VideoLimits(max_bytes=1000))
    with pytest.raises(MediaLimitError, match="160x96"):
        VideoReader(clip, limits=VideoLimits(max_pixels=160 * 96 - 1))
    with pytest.raises(MediaLimitError, match="limit of 1 s"):
        VideoReader(clip, limits=VideoLimits(max_duration_s=1.0))
    VideoReader(clip, limits=VideoLimits(max_pixels=160 * 96, max_duration_s=3.0)).close()


def test_limits_of_a_pipe_and_of_a_header_that_lies(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.ts", 60)
    read_end, write_end = os.pipe()
    thread = threading.Thread(target=lambda: _feed_until_closed(write_end, path.read_bytes() * 20))
    thread.start()
    with (
        os.fdopen(read_end, "rb") as stream,
        pytest.raises(MediaLimitError, match="150000 bytes"),
        VideoReader(stream, limits=VideoLimits(max_bytes=150_000)) as reader,
    ):
        list(reader)
    thread.join()
    with VideoReader(path) as reader:
        reader._limits = VideoLimits(max_duration_s=1.0)
        with pytest.raises(MediaLimitError, match="longer"):
            list(reader)


def _feed_until_closed(fd: int, data: bytes) -> None:
    try:
        with os.fdopen(fd, "wb") as pipe:
            pipe.write(data)
    except BrokenPipeError:
        pass


# ---------------------------------------------------------------------- resources


def test_memory_is_flat_over_2000_frames_and_files_are_closed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", 500)
    process = psutil.Process()
    gc.collect()
    open_before, threads_before = process.num_fds(), threading.active_count()
    sizes = []
    for _ in range(4):
        with VideoReader(path) as reader:
            assert sum(1 for _ in reader) == 500
        gc.collect()
        sizes.append(process.memory_info().rss)
    assert sizes[3] - sizes[0] < 4 * 2**20, sizes
    assert process.num_fds() == open_before
    assert threading.active_count() == threads_before


def test_hardware_auto_reads_the_same_frames(clip: Path) -> None:
    with VideoReader(clip, hardware="auto") as reader:
        assert reader.device in ("cpu", "cuda", "videotoolbox", "d3d11va", "vaapi", "qsv")
        assert numbers(reader) == list(range(60))


def test_nothing_on_stderr_and_import_is_lazy(clip: Path) -> None:
    script = (
        "import sys, sightline.media.video_reader as v, sightline.media.video_writer, sightline.media.camera, sightline.media.overlap\n"
        "assert 'av' not in sys.modules and 'cv2' not in sys.modules\n"
        f"print(sum(1 for _ in v.VideoReader({str(clip)!r})))"
    )
    out = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, check=True)
    assert out.stdout == b"60\n" or out.stdout == b"60\r\n"
    assert out.stderr == b""


@pytest.mark.parametrize(
    ("name", "count", "size"),
    [
        ("people-walking.mp4", 314, (1280, 720)),
        ("cars.mp4", 268, (1280, 720)),
        ("openpose_people.avi", 205, (1280, 720)),
        ("car-detection.mp4", 377, (768, 432)),
    ],
)
def test_real_clips(name: str, count: int, size: tuple[int, int]) -> None:
    path = shared_data(f"video/{name}")
    with VideoReader(path) as reader:
        times = [frame.time_s for frame in reader]
        assert len(times) == count
        assert reader.size_wh == size
        assert reader.problems == ()
        assert np.all(np.diff(times) > 0)
        assert times[-1] == pytest.approx((count - 1) / float(reader.rate), rel=0.01)
        reader.seek(times[100])
        assert next(reader).time_s == pytest.approx(times[100], abs=1e-6)
