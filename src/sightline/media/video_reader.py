"""Reading video files: upright RGB frames with their true times, exact seeking, and a report of what was damaged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Any, Literal, Self

from sightline.core.errors import InvalidInputError, MediaLimitError, VideoDecodeError
from sightline.core.frame import Frame
from sightline.media.video_decode import Damage, FrameDecoder
from sightline.media.video_pixels import PixelReader, orient, read_orientation, square_size
from sightline.media.video_source import VideoInput, VideoLimits
from sightline.media.video_times import Timeline

__all__ = ["Damage", "VideoLimits", "VideoReader"]

_SEEK_BACK_S = (0.0, 1.0, 8.0, math.inf)
_TIME_EPS_S = 1e-6
_DEFAULT_RATE = Fraction(25)


class VideoReader:
    """Iterates the frames of a video: ``for frame in VideoReader(path)``.

    Pictures are upright (the display matrix is applied, mirroring included) and have square pixels (the narrower side is
    stretched). Colours: see `sightline.media.video_pixels`. Times: the stream's own presentation times, measured from the
    stream's start, so a variable frame rate comes through; broken timestamps are mended as `Timeline` describes. Animated GIF
    and APNG are read too.

    Damage does not end the reading: every frame that can be decoded is given, each loss is listed in `problems` with its time,
    and a file that was cut off gives all that is before the cut. With ``strict=True`` the iteration ends with
    `VideoDecodeError` when there was any loss, after the last frame.

    Parameters
    ----------
    source : str, bytes, PathLike or binary file object
        A path, ``"-"`` for standard input, or a file object. A pipe need not seek (an MP4 with its index at the end is copied
        to a temporary file first).
    limits : VideoLimits
        Bytes, pixels and seconds.
    hardware : {"off", "auto"}
        ``"auto"`` tries the machine's hardware decoders; `device` tells which one is used.
    start_s : float
        Where to start, in seconds.
    threads : int
        Decoder threads, 0 for one a core. One is enough when frames are read ahead (`prefetch`) and gives the exact report of
        damage. More are faster on large pictures; no frame is lost by it, but a frame that the decoder mended by guessing
        may then go unreported.
    strict : bool
        Whether a loss raises at the end.

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError, MediaLimitError
        Missing, unreadable, not a video, or larger than the limits.
    VideoDecodeError
        No picture stream, or not one frame could be read.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> from sightline.core.frame import Frame
    >>> from sightline.media.video_writer import VideoWriter
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "clip.mp4"
    >>> with VideoWriter(path, (64, 48), 25) as writer:
    ...     for i in range(5):
    ...         writer.write(Frame(np.full((48, 64, 3), 40 * i, np.uint8), i, i / 25))
    >>> with VideoReader(path) as reader:
    ...     [round(frame.time_s, 2) for frame in reader]
    [0.0, 0.04, 0.08, 0.12, 0.16]
    """

    def __init__(
        self,
        source: VideoInput,
        *,
        limits: VideoLimits | None = None,
        hardware: Literal["off", "auto"] = "off",
        start_s: float = 0.0,
        threads: int = 1,
        strict: bool = False,
    ) -> None:
        if hardware not in ("off", "auto"):
            raise InvalidInputError(f"hardware must be 'off' or 'auto', got {hardware!r}")
        if not 0.0 <= start_s < math.inf:
            raise InvalidInputError(f"start_s must be a time in seconds from 0 on, got {start_s!r}")
        if threads < 0:
            raise InvalidInputError(f"threads must be 0 (one a core) or more, got {threads!r}")
        self._limits = limits or VideoLimits()
        self._strict = strict
        self._decoder = FrameDecoder(source, self._limits, hardware, threads)
        try:
            self._start(start_s)
        except BaseException:
            self._decoder.close()
            raise

    def _start(self, start_s: float) -> None:
        self._rate = _usable_rate(self._decoder.stream)
        self._timeline = Timeline(self._rate)
        self._raw = self._decoder.frames()
        self._index, self._finished = 0, False
        self._last_time_s: float | None = None
        first = next(self._raw, None)
        if first is None:
            losses = "; ".join(str(p) for p in self.problems)
            raise VideoDecodeError(self.name, f"no frame could be read{f' ({losses})' if losses else ''}")
        context = self._decoder.stream.codec_context
        self._codec = str(context.codec.canonical_name if hasattr(context.codec, "canonical_name") else context.codec.name)
        self._orientation = read_orientation(first)
        aspect = context.sample_aspect_ratio or self._decoder.stream.sample_aspect_ratio
        self._pixels = PixelReader(square_size(first.width, first.height, aspect))
        self._pending: tuple[Any, float] | None = (first, self._timed(first))
        if start_s > 0:
            self.seek(start_s)

    # ------------------------------------------------------------------ facts

    @property
    def name(self) -> object:
        """The path or stream name, for messages."""
        return self._decoder.source.name

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of every frame: upright, square pixels."""
        width, height = self._pixels.size_wh
        return (height, width) if self._orientation.transpose else (width, height)

    @property
    def rate(self) -> Fraction:
        """Average frames a second; 25 when the file does not say."""
        return self._rate

    @property
    def duration_s(self) -> float | None:
        """Length in seconds by the header, None when it does not say."""
        return self._decoder.duration_s

    @property
    def frame_count(self) -> int | None:
        """How many frames the header promises, or duration times rate; an estimate, None when neither is known."""
        if self._decoder.stream.frames:
            return int(self._decoder.stream.frames)
        return None if self.duration_s is None else max(1, round(self.duration_s * self._rate))

    @property
    def has_audio(self) -> bool:
        """True when there is a sound stream."""
        return len(self._decoder.source.container.streams.audio) > 0

    @property
    def rotation_deg(self) -> int:
        """Clockwise turn that was applied to make the pictures upright: 0, 90, 180 or 270."""
        return self._orientation.rotation_deg

    @property
    def mirrored(self) -> bool:
        """True when the stored pictures were mirrored, which was undone."""
        return self._orientation.mirrored

    @property
    def creation_time(self) -> str | None:
        """When it was taken, as the container's notes say (ISO 8601, as it was written), None when they do not."""
        written = self._decoder.source.container.metadata.get("creation_time")
        return str(written) if written else None

    @property
    def codec(self) -> str:
        """Name of the picture codec, for instance ``"h264"``."""
        return self._codec

    @property
    def device(self) -> str:
        """Where pictures are decoded: ``"cpu"`` or a hardware decoder's name."""
        return self._decoder.device

    @property
    def seekable(self) -> bool:
        """True when `seek` can go back."""
        return self._decoder.source.seekable

    @property
    def problems(self) -> tuple[Damage, ...]:
        """Losses met so far, with their times; complete once the iteration has ended."""
        return tuple(self._decoder.problems.entries)

    @property
    def repaired_times(self) -> int:
        """How many frames had a missing, doubled or backward timestamp."""
        return self._timeline.repaired

    # ------------------------------------------------------------------ frames

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        """Return the next frame.

        Raises
        ------
        StopIteration
            After the last one.
        VideoDecodeError
            After the last one, once, when ``strict`` and something was lost; ``time_s`` is the last frame's time.
        MediaLimitError
            The frames go on beyond ``limits.max_duration_s``.
        """
        raw, time_s = self._pending or self._next_raw()
        self._pending = None
        if time_s > self._limits.max_duration_s:
            raise MediaLimitError(self.name, f"longer than the limit of {self._limits.max_duration_s:.0f} s")
        image = orient(self._pixels.read(raw), self._orientation)
        frame = Frame(image, self._index, time_s)
        self._index += 1
        self._last_time_s = time_s
        return frame

    def _next_raw(self) -> tuple[Any, float]:
        raw = next(self._raw, None)
        if raw is not None:
            return raw, self._timed(raw)
        if self._strict and self.problems and not self._finished:
            self._finished = True
            raise VideoDecodeError(self.name, "; ".join(str(p) for p in self.problems), self._last_time_s)
        raise StopIteration

    def _timed(self, raw: Any) -> float:
        return self._timeline.next(self._decoder.time_s(raw))

    def seek(self, time_s: float) -> None:
        """Go to the first frame at or after ``time_s``; the next frame read is that one.

        The key frame before is looked up and frames are decoded up to the time asked for, so the result is exact. A pipe can
        only go forward. Afterwards `Frame.index` counts on from ``round(time * rate)``, which is the true index when the rate
        is constant.

        Parameters
        ----------
        time_s : float
            Seconds from the start of the video. Beyond its end, the iteration is over.

        Raises
        ------
        InvalidInputError
            Negative, or backward in a pipe.
        """
        if not 0.0 <= time_s < math.inf:
            raise InvalidInputError(f"expected a time in seconds from 0 on, got {time_s!r}")
        if self.seekable:
            self._seek_before(time_s)
        elif time_s < (self._pending[1] if self._pending else (self._last_time_s or 0.0)):
            raise InvalidInputError(f"{self.name}: a pipe cannot go back to {time_s} s")
        else:
            self._pending = self._pending or self._peek()
        skipped = 0
        while self._pending is not None and self._pending[1] < time_s - _TIME_EPS_S:
            self._pending = self._peek()
            skipped += 1
        if not self.seekable:
            self._index += skipped
        elif self._pending is not None:
            self._index = round(self._pending[1] * self._rate)

    def _seek_before(self, time_s: float) -> None:
        """Go to a frame that is not after ``time_s`` (containers may land too late: look further back, at last from the start)."""
        for back in _SEEK_BACK_S:
            from_start = time_s - back <= 0.0 or self._timeline.repaired > 0
            self._decoder.seek(None if from_start else time_s - back, quiet_until_s=time_s)
            self._timeline.restart()
            self._raw = self._decoder.frames()
            self._pending = self._peek()
            if from_start or (self._pending is not None and self._pending[1] <= time_s + _TIME_EPS_S):
                return

    def _peek(self) -> tuple[Any, float] | None:
        raw = next(self._raw, None)
        return None if raw is None else (raw, self._timed(raw))

    # ------------------------------------------------------------------ lifetime

    def close(self) -> None:
        """Close the file; no more frames can be read."""
        self._pending = None
        self._raw = iter(())
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _usable_rate(stream: Any) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and Fraction(1, 3600) <= rate <= 1000:
            return Fraction(rate)
    return _DEFAULT_RATE
