"""A camera's recorder: a process of its own that receives, cuts into pieces and writes them to a folder.

What comes over the network is decoded here and not in the server, so that a hostile or broken stream costs this process alone.
The order comes as one line of JSON on standard input (addresses hold passwords, and arguments can be read by others); what
is going on is told as lines of JSON on standard output. It stops when standard input ends, so it never outlives the server.

Each piece has the moment of its first frame for a name, and gets it when it is complete.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from sightline.core.errors import CameraError, MediaWriteError
from sightline.core.frame import Frame
from sightline.media.camera import Camera, Reconnect
from sightline.media.video_source import VideoLimits
from sightline.media.video_writer import Encoding, VideoWriter

SUFFIX = ".mp4"
_NAME = "%Y%m%dT%H%M%S.%fZ"
_GAP_S = 2.0  # a longer pause ends a piece, so that times in a piece are times on the clock
_TELL_S = 1.0
_BUFFER_BYTES, _BUFFER_FRAMES = 192 << 20, 250
_ENCODING = Encoding(quality=25, preset="ultrafast", threads=1)
_RATE = Fraction(25)
_TRY_AGAIN_S = (0.5, 30.0)


@dataclass(frozen=True)
class Order:
    """What is to be recorded.

    Parameters
    ----------
    address : str
        Of the camera.
    folder : str
        Where the pieces go.
    segment_s : float
        Length of a piece, seconds.
    max_pixels : int
        Of a frame.
    memory_bytes : int
        What the process may take.
    timeout_s : float
        After how long without data the connection counts as lost.
    """

    address: str
    folder: str
    segment_s: float
    max_pixels: int
    memory_bytes: int = 2 << 30
    timeout_s: float = 10.0


@dataclass(frozen=True)
class Told:
    """What is going on.

    Parameters
    ----------
    connected : bool
        Whether pictures are coming.
    frames_per_s : float
        Frames received, over the last second or so.
    size_wh : tuple of int or None
        Of the pictures.
    dropped, reconnects : int
        Frames that were passed over, connections made again.
    detail : str or None
        What is wrong.
    """

    connected: bool
    frames_per_s: float = 0.0
    size_wh: tuple[int, int] | None = None
    dropped: int = 0
    reconnects: int = 0
    detail: str | None = None


def name_of(moment: datetime) -> str:
    """Return the name of a piece that begins at a moment.

    Examples
    --------
    >>> name_of(datetime(2026, 1, 2, 3, 4, 5, 60, UTC))
    '20260102T030405.000060Z.mp4'
    """
    return moment.astimezone(UTC).strftime(_NAME) + SUFFIX


def moment_of(name: str) -> datetime | None:
    """Return when the piece of a name began, None when it is no piece.

    Examples
    --------
    >>> moment_of("20260102T030405.000060Z.mp4").isoformat()
    '2026-01-02T03:04:05.000060+00:00'
    """
    with suppress(ValueError):
        return datetime.strptime(name, _NAME + SUFFIX).replace(tzinfo=UTC)
    return None


class _Buffer:
    """Frames between receiving and writing, each with the moment it came; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._frames: deque[tuple[datetime, Frame]] = deque()
        self._changed = threading.Condition()
        self.received = self.dropped = 0
        self.error: CameraError | None = None

    def fill(self, camera: Camera) -> None:
        """Receive until the camera is closed or lost; a thread's whole life."""
        try:
            for frame in camera:
                most = max(2, min(_BUFFER_FRAMES, _BUFFER_BYTES // frame.image.nbytes))
                with self._changed:
                    self.received += 1
                    self._frames.append((datetime.now(UTC), frame))
                    while len(self._frames) > most:
                        self._frames.popleft()
                        self.dropped += 1
                    self._changed.notify()
        except CameraError as error:
            with self._changed:
                self.error = error
                self._changed.notify()

    def take(self, timeout_s: float) -> tuple[datetime, Frame] | None:
        """Return the next frame, None when none came in time.

        Raises
        ------
        CameraError
            When the camera is lost for good.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self.error, timeout_s)
            if self._frames:
                return self._frames.popleft()
            if self.error is not None:
                raise self.error
            return None


class Pieces:
    """Writes frames into pieces.

    Parameters
    ----------
    folder : Path
        Where they go.
    segment_s : float
        Length of a piece, seconds.
    """

    def __init__(self, folder: Path, segment_s: float) -> None:
        self._folder, self._segment_s = folder, segment_s
        self._writer: VideoWriter | None = None
        self._first_s = self._last_s = 0.0

    def add(self, moment: datetime, frame: Frame) -> None:
        """Write a frame, into a new piece when it is time for one.

        Raises
        ------
        MediaWriteError
            When the disk is full; the piece that was being written is thrown away.
        """
        gap_s = frame.time_s - self._last_s
        if self._writer is not None and (frame.time_s - self._first_s >= self._segment_s or not 0 <= gap_s <= _GAP_S):
            self.finish()
        if self._writer is None:
            self._writer = VideoWriter(self._folder / name_of(moment), frame.size_wh, _RATE, encoding=_ENCODING)
            self._first_s = frame.time_s
        self._last_s = frame.time_s
        try:
            self._writer.write(frame)
        except MediaWriteError:
            self._writer.abort()
            self._writer = None
            raise

    def finish(self) -> None:
        """Let the piece that is being written be complete."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def record(order: Order, stop: threading.Event, tell: Callable[[Told], None]) -> None:
    """Record until told to stop, however often the camera is lost.

    Parameters
    ----------
    order : Order
        What is to be recorded.
    stop : threading.Event
        Ends it.
    tell : callable
        Is told about once a second what is going on.
    """
    pieces = Pieces(Path(order.folder), order.segment_s)
    wait_s = _TRY_AGAIN_S[0]
    while not stop.is_set():
        try:
            limits = VideoLimits(max_pixels=order.max_pixels)
            with Camera(order.address, latest=False, reconnect=Reconnect(), timeout_s=order.timeout_s, limits=limits) as camera:
                wait_s = _TRY_AGAIN_S[0]
                _receive(camera, pieces, stop, tell)
        except (CameraError, MediaWriteError) as error:
            tell(Told(False, detail=str(error)))
        with suppress(MediaWriteError):
            pieces.finish()
        stop.wait(wait_s)
        wait_s = min(2 * wait_s, _TRY_AGAIN_S[1])


def _receive(camera: Camera, pieces: Pieces, stop: threading.Event, tell: Callable[[Told], None]) -> None:
    buffer = _Buffer()
    threading.Thread(target=buffer.fill, args=(camera,), name="recorder-receive", daemon=True).start()
    told_s, told_count, last_s, size_wh = time.monotonic(), 0, time.monotonic(), None
    while not stop.is_set():
        taken = buffer.take(0.25)
        now_s = time.monotonic()
        if taken is not None:
            pieces.add(*taken)
            last_s, size_wh = now_s, taken[1].size_wh
        elif now_s - last_s > _GAP_S:
            pieces.finish()  # what came before the pause can be looked at now
        if now_s - told_s >= _TELL_S:
            rate = (buffer.received - told_count) / (now_s - told_s)
            late = now_s - last_s > _GAP_S
            detail = f"no picture for {now_s - last_s:.0f} s" if late else None
            tell(Told(not late and size_wh is not None, round(rate, 1), size_wh, buffer.dropped, camera.stats.reconnects, detail))
            told_s, told_count = now_s, buffer.received


def _limit_memory(bytes_: int) -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (bytes_, bytes_))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read the order, record, stop when standard input ends."""
    logging.getLogger("sightline").addHandler(logging.NullHandler())
    order = Order(**json.loads(sys.stdin.readline()))
    _limit_memory(order.memory_bytes)
    stop = threading.Event()

    def wait_for_end() -> None:
        with suppress(OSError):
            sys.stdin.read()
        stop.set()

    def tell(told: Told) -> None:
        with suppress(OSError):
            _say(asdict(told))

    threading.Thread(target=wait_for_end, daemon=True).start()
    record(order, stop, tell)


def _say(news: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
