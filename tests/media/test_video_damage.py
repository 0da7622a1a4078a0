"""Damaged videos: what can be read is given, and each loss is reported with its time."""

import io
from pathlib import Path

import numpy as np
import pytest
from tests.data import shared_data
from tests.media.clips import make_clip, numbers

from sightline.core.errors import MediaFormatError, VideoDecodeError
from sightline.media.video_decode import DamageLog
from sightline.media.video_reader import VideoReader
from sightline.media.video_source import missing_bytes

COUNT = 120
PERIOD_S = 1001 / 30000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damage")
    for suffix in (".mp4", ".mkv", ".ts", ".avi"):
        make_clip(folder / f"clip{suffix}", COUNT, texture=50)
    return folder


def assert_prefix(found: list[int]) -> None:
    """Frames from 0 on without a hole, but for the last few: what they are predicted from is stored before those in between."""
    assert found == sorted(set(found))
    whole = max(0, len(found) - 4)
    assert found[:whole] == list(range(whole))


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_cut_at_every_tenth_keeps_all_before_the_cut(folder: Path, tmp_path: Path, suffix: str, tenth: int) -> None:
    data = (folder / f"clip{suffix}").read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: len(data) * tenth // 10])
    with VideoReader(cut) as reader:
        frames = list(reader)
        problems = reader.problems
    found = numbers(frames)
    if problems and problems[-1].message.startswith("a damaged frame") and problems[-1].end_s == frames[-1].time_s:
        found.pop()  # the piece of a frame at the cut was mended, and said so
    assert_prefix(found)
    assert 0 < len(found) < COUNT
    assert len(found) > COUNT * tenth / 10 - 30, "frames before the cut were lost"
    if suffix != ".ts":  # a transport stream has no header that says how long it should be
        assert any("cut" in p.message for p in problems)
        last = problems[-1]
        assert frames[-1].time_s - PERIOD_S <= last.end_s <= frames[-1].time_s + 6 * PERIOD_S
        with pytest.raises(VideoDecodeError, match="cut") as caught:
            list(VideoReader(cut, strict=True))
        assert caught.value.time_s == pytest.approx(frames[-1].time_s)


def test_a_cut_loses_no_whole_frame_when_decoding_with_threads(folder: Path, tmp_path: Path) -> None:
    data = (folder / "clip.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    for share in (0.33, 0.5, 0.71):
        cut.write_bytes(data[: int(len(data) * share)])
        with VideoReader(cut, threads=1) as one, VideoReader(cut, threads=4) as four:
            assert numbers(one) == numbers(four)


def test_strict_gives_every_frame_first(folder: Path, tmp_path: Path) -> None:
    data = (folder / "clip.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    lenient = numbers(VideoReader(cut))
    with VideoReader(cut, strict=True) as reader:
        assert numbers(next(reader) for _ in lenient) == lenient
        with pytest.raises(VideoDecodeError):
            next(reader)
        assert next(reader, None) is None


@pytest.mark.parametrize("kind", ["zeros", "noise", "few"])
@pytest.mark.parametrize("threads", [1, 4])
def test_damage_in_the_middle_reports_its_time(folder: Path, tmp_path: Path, kind: str, threads: int) -> None:
    data = bytearray((folder / "clip.mp4").read_bytes())
    noise = np.random.default_rng(0)
    if kind == "few":
        for start in range(len(data) // 2, len(data) // 2 + 20_000, 2000):
            data[start : start + 20] = noise.bytes(20)
    else:
        data[len(data) // 2 : len(data) // 2 + 8000] = bytes(8000) if kind == "zeros" else noise.bytes(8000)
    path = tmp_path / "bad.mp4"
    path.write_bytes(data)
    with VideoReader(path, threads=threads) as reader:
        found = [(n, f.time_s) for f in reader for n in numbers([f])]
        problems = reader.problems
    assert problems or (threads > 1 and kind == "few"), "damage went unnoticed"
    middle = COUNT / 2 * PERIOD_S
    for problem in problems:
        assert abs(problem.time_s - middle) < 1.0, str(problem)
        assert problem.packets >= 1
    assert len(found) > COUNT - 30
    right = [(n, t) for n, t in found if n == round(t / PERIOD_S)]
    assert len(right) >= COUNT - 30  # and the frames after the damage carry their true times
    assert found[-1][0] == COUNT - 1


def test_damage_in_the_middle_of_a_real_clip(tmp_path: Path) -> None:
    data = bytearray(shared_data("video/people-walking.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20000] = bytes(20000)
    path = tmp_path / "bad.mp4"
    path.write_bytes(data)
    counts = {}
    for threads in (1, 2):
        with VideoReader(path, threads=threads) as reader:
            counts[threads] = sum(1 for _ in reader)
            assert 4.4 < reader.problems[0].time_s < 5.2
    assert counts[1] == counts[2] >= 310


def test_index_cut_off_and_garbage_after_a_header(folder: Path, tmp_path: Path) -> None:
    make_clip(tmp_path / "late.mp4", 30, index_first=False)
    data = (tmp_path / "late.mp4").read_bytes()
    (tmp_path / "late.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(VideoDecodeError, match="damaged or incomplete MP4"):
        VideoReader(tmp_path / "late.mp4")
    whole = (folder / "clip.mp4").read_bytes()
    header = whole.index(b"mdat") + 4
    (tmp_path / "none.mp4").write_bytes(whole[:header])
    with pytest.raises(VideoDecodeError, match="no frame could be read") as caught:
        VideoReader(tmp_path / "none.mp4")
    assert caught.value.time_s is None


@pytest.mark.parametrize("seed", range(6))
def test_noise_never_gets_past_the_known_errors(folder: Path, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for suffix in (".mp4", ".mkv", ".ts", ".avi"):
        data = bytearray((folder / f"clip{suffix}").read_bytes())
        for at in rng.integers(0, len(data), 60):
            data[at] = rng.integers(0, 256)
        path = tmp_path / f"noisy{suffix}"
        path.write_bytes(data)
        try:
            with VideoReader(path) as reader:
                times = [frame.time_s for frame in reader]
        except (VideoDecodeError, MediaFormatError):
            continue
        assert times == sorted(times)
        assert len(set(times)) == len(times)


def test_a_cut_pipe_keeps_its_frames(folder: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._data = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            part = self._data.read(min(len(buffer), 1000))
            buffer[: len(part)] = part
            return len(part)

    data = (folder / "clip.mp4").read_bytes()
    with VideoReader(Pipe(data[: len(data) // 2])) as reader:
        found = numbers(reader)
        assert_prefix(found)
        assert len(found) > 30
        assert reader.problems


def test_whole_files_miss_nothing(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            assert missing_bytes(file, path.stat().st_size) == 0


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"", 0),
        (b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x01\x00mdat", 256 - 8),
        (b"\x00\x00\x00\x00mdat1234", 0),
        (b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x10\x00", 4096 - 16),
        (b"RIFF\x10\x00\x00\x00AVI LIST", 8),
        (b"RIFF\xff\xff\xff\xffAVI ", 0),
        (b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff", 0),
        (b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x84ab", 2),
        (b"any other bytes, long enough to be read", 0),
    ],
)
def test_missing_bytes_by_the_headers(data: bytes, missing: int) -> None:
    assert missing_bytes(io.BytesIO(data), len(data)) == missing


def test_damage_log_merges_neighbours_only() -> None:
    log = DamageLog()
    for time_s in (1.0, 1.2, 1.2, 5.0):
        log.add(time_s, "damaged data")
    log.add(5.1, "incomplete data")
    assert [(e.time_s, e.end_s, e.packets) for e in log.entries] == [(1.0, 1.2, 2), (5.0, 5.0, 1), (5.1, 5.1, 1)]
