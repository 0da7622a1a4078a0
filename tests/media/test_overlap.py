"""prefetch and BackgroundWriter: order, bounds, errors, and no thread left behind."""

import gc
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.media.clips import make_clip, numbers

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Frame
from sightline.media.overlap import BackgroundWriter, prefetch
from sightline.media.video_reader import VideoReader
from sightline.media.video_writer import VideoWriter


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name in ("sightline-prefetch", "sightline-writer")]


def wait_until(condition: object, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def test_order_and_end() -> None:
    with prefetch(range(1000), depth=3) as items:
        assert list(items) == list(range(1000))
        assert next(items, None) is None
    assert threads() == []
    assert list(prefetch([])) == []


def test_reads_ahead_no_further_than_depth() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for i in itertools.count():
            taken.append(i)
            yield i

    with prefetch(source(), depth=3) as items:
        assert next(items) == 0
        assert wait_until(lambda: len(taken) >= 4)
        time.sleep(0.05)
        assert len(taken) <= 5  # one out, three waiting, one in hand
    assert threads() == []


def test_errors_come_at_their_place() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("broken")

    items = prefetch(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(KeyError, match="broken"):
        next(items)
    assert next(items, None) is None
    assert threads() == []


def test_forgotten_prefetch_ends_its_thread() -> None:
    items = prefetch(itertools.count(), depth=2)
    assert next(items) == 0
    del items
    gc.collect()
    assert wait_until(lambda: threads() == [])


def test_depth_is_checked() -> None:
    with pytest.raises(InvalidInputError):
        prefetch([], depth=0)
    with pytest.raises(InvalidInputError):
        BackgroundWriter(Sink(), depth=0)


class Sink:
    def __init__(self, fail_at: int = -1, delay_s: float = 0.0) -> None:
        self.frames: list[int] = []
        self.state, self._fail_at, self._delay_s = "open", fail_at, delay_s

    def write(self, frame: Frame) -> None:
        time.sleep(self._delay_s)
        if frame.index == self._fail_at:
            raise OSError("disk full")
        self.frames.append(frame.index)

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"


def frame(index: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), index, index / 25)


def test_background_writer_writes_all_in_order() -> None:
    sink = Sink()
    with BackgroundWriter(sink, depth=2) as writer:
        for i in range(200):
            writer.write(frame(i))
    assert sink.frames == list(range(200))
    assert sink.state == "closed"
    assert threads() == []
    writer.close()
    with pytest.raises(InvalidInputError, match="closed"):
        writer.write(frame(0))


def test_background_writer_passes_errors_on_and_aborts() -> None:
    sink = Sink(fail_at=3)
    with pytest.raises(OSError, match="disk full"), BackgroundWriter(sink) as writer:  # noqa: PT012
        for i in itertools.count():
            writer.write(frame(i))
    assert sink.frames == [0, 1, 2]
    assert sink.state == "aborted"
    sink = Sink(fail_at=0, delay_s=0.05)
    writer = BackgroundWriter(sink)
    writer.write(frame(0))
    with pytest.raises(OSError, match="disk full"):
        writer.close()
    assert sink.state == "aborted"
    assert threads() == []


def test_background_writer_aborts_on_an_exception_of_the_caller() -> None:
    sink = Sink(delay_s=0.01)
    with pytest.raises(KeyboardInterrupt), BackgroundWriter(sink) as writer:  # noqa: PT012
        for i in range(5):
            writer.write(frame(i))
        raise KeyboardInterrupt
    assert sink.state == "aborted"
    assert len(sink.frames) < 5
    assert threads() == []


def test_whole_chain(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 60, sound_s=2.0)
    with (
        VideoReader(source) as reader,
        prefetch(reader) as frames,
        BackgroundWriter(VideoWriter(tmp_path / "out.mp4", reader.size_wh, reader.rate, audio_from=source)) as writer,
    ):
        for item in frames:
            writer.write(item)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert numbers(reader) == list(range(60))
    assert threads() == []


def test_the_caller_goes_on_while_the_writer_works() -> None:
    release = threading.Event()

    class Slow(Sink):
        def write(self, frame: Frame) -> None:
            assert release.wait(10.0)
            super().write(frame)

    sink = Slow()
    with BackgroundWriter(sink, depth=3) as writer:
        for i in range(3):
            writer.write(frame(i))
        assert sink.frames == []
        release.set()
    assert sink.frames == [0, 1, 2]
