"""VideoWriter: times, sound, sizes, and never a half-written file."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from tests.data import shared_data
from tests.media.clips import NTSC, SIZE_WH, make_clip, numbered, numbers, sound_packets

from sightline.core.errors import InvalidInputError, MediaNotFoundError, MediaWriteError
from sightline.core.frame import Frame
from sightline.media.video_reader import VideoReader
from sightline.media.video_writer import Encoding, VideoWriter


def rewrite(source: Path, target: Path, *, start_s: float = 0.0, stop: int | None = None, audio: bool = True) -> bool | None:
    with (
        VideoReader(source, start_s=start_s) as reader,
        VideoWriter(target, reader.size_wh, reader.rate, audio_from=source if audio else None) as writer,
    ):
        for count, frame in enumerate(reader):
            if count == stop:
                break
            writer.write(frame)
        return writer.audio_copied


def loudness(path: Path) -> tuple[np.ndarray, int]:
    """Decode the sound, samples before time zero left out."""
    with av.open(str(path)) as container:
        parts, rate = [], 0
        for frame in container.decode(audio=0):
            rate = frame.sample_rate
            samples = frame.to_ndarray().astype(np.float64)
            samples = samples.mean(axis=0) if frame.format.is_planar else samples.reshape(-1)
            parts.append(samples[max(0, -round(float(frame.time) * rate)) :])
    return np.concatenate(parts), rate


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".m4v"])
def test_frames_and_times_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with VideoWriter(path, SIZE_WH, NTSC) as writer:
        for i in range(40):
            writer.write(Frame(numbered(i), i, i * 1001 / 30000))
        assert writer.frames_written == 40
        assert writer.encoder == "libx264"
        assert not path.exists()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with VideoReader(path) as reader:
        frames = list(reader)
        assert reader.rate == pytest.approx(NTSC, rel=1e-3)
        assert reader.duration_s == pytest.approx(40 * 1001 / 30000, abs=2e-3)
    assert numbers(frames) == list(range(40))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(40) * 1001 / 30000, atol=1e-3 if suffix == ".mkv" else 1e-6)


def test_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    times = np.cumsum([0.0, 0.04, 0.1, 0.02, 0.5, 0.033, 0.25, 0.04, 1.0, 0.04])
    with VideoWriter(tmp_path / "v.mp4", SIZE_WH, 25) as writer:
        for i, time_s in enumerate(times):
            writer.write(Frame(numbered(i), i, time_s + 7.0))  # the first frame becomes zero
    with VideoReader(tmp_path / "v.mp4") as reader:
        frames = list(reader)
    assert numbers(frames) == list(range(10))
    np.testing.assert_allclose([f.time_s for f in frames], times, atol=1e-4)


def test_times_that_do_not_advance_are_moved_on(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", SIZE_WH, 25) as writer:
        for i, time_s in enumerate([0.0, 0.04, 0.04, 0.02, 0.16]):
            writer.write(Frame(numbered(i), i, time_s))
    with VideoReader(tmp_path / "v.mp4") as reader:
        frames = list(reader)
    assert numbers(frames) == list(range(5))
    np.testing.assert_allclose([f.time_s for f in frames], [0.0, 0.04, 0.04, 0.04, 0.16], atol=1e-3)


def test_strange_average_rates(tmp_path: Path) -> None:
    for rate in (Fraction(188416, 6283), Fraction(1, 2), Fraction(24000, 1001), 60, Fraction(1000), Fraction(119999, 997)):
        for codec in ("h264", "mpeg4"):
            path = tmp_path / "r.mp4"
            with VideoWriter(path, SIZE_WH, rate, encoding=Encoding(codec=codec)) as writer:
                for i in range(6):
                    writer.write(Frame(numbered(i), i, float(i / rate)))
            with VideoReader(path) as reader:
                frames = list(reader)
            assert numbers(frames) == list(range(6))
            np.testing.assert_allclose([f.time_s for f in frames], [float(i / rate) for i in range(6)], atol=2e-4)


@pytest.mark.parametrize("size", [(161, 97), (160, 97), (161, 96), (2, 2), (3, 3)])
def test_odd_sizes_are_padded_with_a_copy_of_the_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    image[:, -1], image[-1] = (220, 220, 220), (30, 30, 30)
    with VideoWriter(tmp_path / "o.mp4", size, 25, encoding=Encoding(quality=2)) as writer:
        writer.write(Frame(image, 0, 0.0))
    with VideoReader(tmp_path / "o.mp4") as reader:
        got = next(reader).image
    assert got.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    expected = np.pad(image, ((0, size[1] % 2), (0, size[0] % 2), (0, 0)), mode="edge")
    assert np.abs(got.astype(int) - expected).max() <= 8


def test_quality_and_mpeg4(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [Frame(rng.integers(0, 256, (96, 160, 3), np.uint8), i, i / 25) for i in range(5)]
    for codec in ("h264", "mpeg4"):
        sizes = []
        for quality in (10, 40):
            with VideoWriter(tmp_path / "q.mp4", SIZE_WH, 25, encoding=Encoding(codec=codec, quality=quality)) as writer:
                for frame in frames:
                    writer.write(frame)
            sizes.append((tmp_path / "q.mp4").stat().st_size)
        assert sizes[0] > 2 * sizes[1], (codec, sizes)
    with VideoReader(tmp_path / "q.mp4") as reader:
        assert reader.codec == "mpeg4"


def test_index_is_in_front(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "f.mp4", SIZE_WH, 25) as writer:
        writer.write(Frame(numbered(0), 0, 0.0))
    data = (tmp_path / "f.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


# ---------------------------------------------------------------------- sound


@pytest.mark.parametrize("source_suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_is_copied_packet_for_packet(tmp_path: Path, source_suffix: str, suffix: str) -> None:
    source = make_clip(tmp_path / f"in{source_suffix}", 60, sound_s=2.5)  # sound goes on after the pictures
    assert rewrite(source, tmp_path / f"out{suffix}") is True
    before, after = sound_packets(source), sound_packets(tmp_path / f"out{suffix}")
    assert [data for _, data in after] == [data for _, data in before]
    offset = after[0][0] - before[0][0]
    np.testing.assert_allclose([t for t, _ in after], [t + offset for t, _ in before], atol=2e-3)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        first = next(container.decode(video=0))
        assert abs(offset - float(first.time)) < 2e-3  # in step with the pictures


def test_sound_in_the_same_place_after_a_trim(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    make_clip(source, 120, sound_s=4.0)
    assert rewrite(source, tmp_path / "out.mp4", start_s=2.0, stop=30) is True
    with VideoReader(tmp_path / "out.mp4") as reader:
        frames = list(reader)
    assert numbers(frames) == list(range(60, 90))
    assert frames[0].time_s == 0.0
    before = {data: t for t, data in sound_packets(source)}
    after = sound_packets(tmp_path / "out.mp4")
    first_picture_s = 60 * 1001 / 30000
    shifts = [before[data] - t for t, data in after if list(before).count(data) == 1]
    assert shifts
    assert np.abs(np.array(shifts) - first_picture_s).max() < 1e-3
    assert after[-1][0] < 30 * 1001 / 30000 <= after[-1][0] + 2 * 1024 / 48000  # ends with the pictures, within a packet


@pytest.mark.parametrize("start_s", [0.0, 2.0])
def test_sound_that_does_not_fit_is_encoded_again_and_in_step(tmp_path: Path, start_s: float) -> None:
    source = make_clip(tmp_path / "in.mkv", 120, sound_s=4.0, sound_codec="pcm_s16le")
    assert rewrite(source, tmp_path / "out.mp4", start_s=start_s) is False
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    wave, rate = loudness(tmp_path / "out.mp4")
    origin = start_s if not start_s else 60 * 1001 / 30000
    n = round(0.5 * rate)
    t = np.arange(n) / rate + 0.2
    got = wave[round(0.2 * rate) :][:n]
    phase = 2 * np.pi * 440 * (t + origin)
    found = np.arctan2(2 * np.mean(got * np.cos(phase)), 2 * np.mean(got * np.sin(phase)))
    assert abs(found) / (2 * np.pi * 440) < 1.2e-3  # seconds out of step
    assert np.hypot(np.mean(got * np.cos(phase)), np.mean(got * np.sin(phase))) * 2 == pytest.approx(0.3, rel=0.1)
    assert len(wave) / rate == pytest.approx(4.0 - origin, abs=0.05)


def test_sound_that_starts_late_stays_late(tmp_path: Path) -> None:
    source = tmp_path / "late.mkv"
    inner = make_clip(tmp_path / "in.mkv", 60, sound_s=1.0, sound_codec="pcm_s16le")
    with av.open(str(inner)) as read, av.open(str(source), "w") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in read.streams}
        for packet in read.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts += 700
                    packet.dts += 700
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    rewrite(source, tmp_path / "out.mp4")
    wave, rate = loudness(tmp_path / "out.mp4")
    assert np.abs(wave[: int(0.65 * rate)]).max() < 0.02
    assert np.abs(wave[int(0.75 * rate) : int(1.6 * rate)]).max() > 0.25


def test_no_sound_in_the_source(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 10)
    assert rewrite(source, tmp_path / "out.mp4") is None
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert not reader.has_audio


def test_sound_of_a_cut_file_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", 120, sound_s=4.0, texture=50)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    rewrite(source, tmp_path / "out.mp4")
    before, after = sound_packets(source), sound_packets(tmp_path / "out.mp4")
    assert [data for _, data in after] == [data for _, data in before][: len(after)]
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.duration_s > 1.0


def test_real_trailer_keeps_its_sound(tmp_path: Path) -> None:
    clips = sorted(p for p in shared_data("video/big_buck_bunny").iterdir() if p.suffix in (".mp4", ".mov", ".mkv", ".webm", ".ogv"))
    if not clips:
        pytest.skip("no film in video/big_buck_bunny")
    with VideoReader(clips[0]) as reader:
        if not reader.has_audio:
            pytest.skip(f"{clips[0].name} has no sound")
    copied = rewrite(clips[0], tmp_path / "out.mp4", stop=120)
    after = sound_packets(tmp_path / "out.mp4")
    if copied:
        before = [data for _, data in sound_packets(clips[0])]
        assert [data for _, data in after] == before[: len(after)]
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert after[-1][0] == pytest.approx(reader.duration_s, abs=0.1)


# ---------------------------------------------------------------------- nothing half-written


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    for kind in (RuntimeError, KeyboardInterrupt, SystemExit):
        with pytest.raises(kind), VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25) as writer:  # noqa: PT012
            for i in range(30):
                writer.write(Frame(numbered(i), i, i / 25))
            raise kind
        assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_the_old_file(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "x.mp4", 5)
    old = path.read_bytes()
    with pytest.raises(RuntimeError), VideoWriter(path, SIZE_WH, 25) as writer:  # noqa: PT012
        writer.write(Frame(numbered(0), 0, 0.0))
        raise RuntimeError
    assert path.read_bytes() == old
    with VideoWriter(path, SIZE_WH, 25) as writer:
        writer.write(Frame(numbered(7), 0, 0.0))
    with VideoReader(path) as reader:
        assert numbers(reader) == [7]
    assert list(tmp_path.iterdir()) == [path]


def test_a_forgotten_writer_leaves_nothing(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25)
    writer.write(Frame(numbered(0), 0, 0.0))
    assert len(list(tmp_path.iterdir())) == 1
    del writer
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
        import itertools, pathlib
        from sightline.core.frame import Frame
        from sightline.media.overlap import BackgroundWriter
        from sightline.media.video_writer import VideoWriter
        from tests.media.clips import numbered
        with BackgroundWriter(VideoWriter(pathlib.Path({str(tmp_path)!r}) / "x.mp4", (160, 96), 25)) as writer:
            for i in itertools.count():
                writer.write(Frame(numbered(i), i, i / 25))
                if i == 20:
                    print("ready", flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(list(tmp_path.iterdir())) == 1
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode not in (0, None)
    assert list(tmp_path.iterdir()) == []


def test_no_frame_no_file(tmp_path: Path) -> None:
    with pytest.raises(MediaWriteError, match="no frame"), VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_closed_twice_and_written_after(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25)
    writer.write(Frame(numbered(0), 0, 0.0))
    writer.close()
    writer.close()
    writer.abort()
    with pytest.raises(MediaWriteError, match="closed"):
        writer.write(Frame(numbered(1), 1, 0.04))
    assert (tmp_path / "x.mp4").exists()


def test_refusals_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="ends with"):
        VideoWriter(tmp_path / "x.gif", SIZE_WH, 25)
    with pytest.raises(MediaNotFoundError, match="no such folder"):
        VideoWriter(tmp_path / "no" / "x.mp4", SIZE_WH, 25)
    for size in ((0, 10), (1, 10), (10, 20_000)):
        with pytest.raises(InvalidInputError, match="pixels"):
            VideoWriter(tmp_path / "x.mp4", size, 25)
    for rate in (0, -1, 29.97, True, Fraction(2000)):
        with pytest.raises(InvalidInputError, match="rate"):
            VideoWriter(tmp_path / "x.mp4", SIZE_WH, rate)  # type: ignore[arg-type]
    for options in ({"codec": "h265"}, {"quality": 60}, {"threads": -1}):
        with pytest.raises(InvalidInputError):
            Encoding(**options)  # type: ignore[arg-type]
    with pytest.raises(MediaNotFoundError):
        VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25, audio_from=tmp_path / "no.mp4")
    with pytest.raises(MediaWriteError):
        VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25, encoding=Encoding(preset="no such preset")).write(Frame(numbered(0), 0, 0.0))
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    with VideoWriter(tmp_path / "x.mp4", SIZE_WH, 25) as writer:
        with pytest.raises(InvalidInputError, match="160x96, got 10x10"):
            writer.write(Frame(np.zeros((10, 10, 3), np.uint8), 0, 0.0))
        writer.write(Frame(numbered(0), 0, 0.0))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a small file system or file size limit")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
        import pathlib, resource, signal
        import numpy as np
        from sightline.core.errors import MediaWriteError
        from sightline.core.frame import Frame
        from sightline.media.video_writer import VideoWriter
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        rng = np.random.default_rng(0)
        try:
            with VideoWriter(pathlib.Path({str(tmp_path)!r}) / "x.mp4", (160, 96), 25) as writer:
                for i in range(300):
                    writer.write(Frame(rng.integers(0, 256, (96, 160, 3), np.uint8), i, i / 25))
        except MediaWriteError as error:
            print(error)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=True, timeout=60)
    assert b"x.mp4" in out.stdout
    assert b"large" in out.stdout
    assert list(tmp_path.iterdir()) == []


def test_odd_names(tmp_path: Path) -> None:
    for name in ("a b.mp4", "视频 🎬.mp4", "100%d.mp4", "a:b.mp4", "concat:x.mp4", os.fsdecode(b"caf\xe9.mp4")):
        with VideoWriter(tmp_path / name, SIZE_WH, 25) as writer:
            writer.write(Frame(numbered(3), 0, 0.0))
        with VideoReader(tmp_path / name) as reader:
            assert numbers(reader) == [3]
    assert len(list(tmp_path.iterdir())) == 6


def test_memory_is_flat_over_2000_frames(tmp_path: Path) -> None:
    frames = [numbered(i) for i in range(50)]
    process, sizes = psutil.Process(), []
    with VideoWriter(tmp_path / "long.mp4", SIZE_WH, 25) as writer:
        for i in range(2500):
            writer.write(Frame(frames[i % 50], i, i / 25))
            if i in (500, 2499):
                sizes.append(process.memory_info().rss)
    assert sizes[1] - sizes[0] < 6 * 2**20, sizes
