"""What a video's packets say of it without decoding one: how many frames, when each is shown, and whether it can be entered anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import VideoDecodeError
from sightline.media.video_source import VideoInput, VideoLimits, open_source
from sightline.media.video_times import Timeline

__all__ = ["VideoSurvey", "survey_video"]

_EPS_S = 1e-6
_MAX_FAILURES = 8


@dataclass(frozen=True, eq=False)
class VideoSurvey:
    """What the packets of a video say.

    Parameters
    ----------
    times_s : ndarray of float64
        When each frame is shown, seconds from the first, ascending; empty when the video is not regular.
    frame_count : int
        Packets that hold a frame. Damaged ones count too, so fewer frames may come out.
    end_s : float
        Time of the last frame; with no usable times, what count and rate make of it.
    regular : bool
        Every packet has a time of its own and time never leaps back: the same frames come with the same times wherever reading
        starts. Otherwise times depend on all that came before, and a reader must begin at the start.
    """

    times_s: NDArray[np.float64]
    frame_count: int
    end_s: float
    regular: bool

    def index_at(self, time_s: float) -> int:
        """Return how many frames are shown before a time: the true index of the frame that is shown then.

        Examples
        --------
        >>> VideoSurvey(np.array([0.0, 0.5, 0.6]), 3, 0.6, regular=True).index_at(0.6)
        2
        """
        return int(np.searchsorted(self.times_s, time_s - _EPS_S))


def survey_video(source: VideoInput, *, limits: VideoLimits | None = None) -> VideoSurvey:
    """Read a video's packets once, from first to last, decoding none.

    Parameters
    ----------
    source : str, bytes, PathLike or seekable binary file object
        The video.
    limits : VideoLimits
        Bytes.

    Returns
    -------
    VideoSurvey

    Raises
    ------
    MediaNotFoundError, MediaPermissionError, MediaFormatError, MediaLimitError
        Missing, unreadable, not a video, or larger than the limits.
    VideoDecodeError
        There is no picture stream.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sightline.core.frame import Frame
    >>> from sightline.media.video_writer import VideoWriter
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "clip.mp4"
    >>> with VideoWriter(path, (64, 48), 25) as writer:
    ...     for i in range(5):
    ...         writer.write(Frame(np.full((48, 64, 3), 40 * i, np.uint8), i, i / 25))
    >>> survey_video(path).times_s.round(2).tolist()
    [0.0, 0.04, 0.08, 0.12, 0.16]
    """
    from av.stream import Disposition

    opened = open_source(source, limits or VideoLimits())
    try:
        streams = [s for s in opened.container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise VideoDecodeError(opened.name, "there is no picture stream in it")
        in_order_only = opened.container.format.name == "avi"  # AVI has no presentation times: packets come one a frame period
        stream = streams[0]
        packets = [(p.pts, p.dts) for p in _packets(opened.container, stream) if p.size and not p.is_discard]
        decoded = [dts for _, dts in packets]
        stamps = decoded if in_order_only else [pts for pts, _ in packets]
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        start = None if in_order_only else stream.start_time
        return _survey(stamps, decoded, float(stream.time_base), start, rate, opened.seekable)
    finally:
        opened.close()


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yield what can be read; damage ends or thins it out, as it does for the decoder."""
    import av

    failures = 0
    while failures < _MAX_FAILURES:
        try:
            for packet in container.demux(stream):
                failures = 0
                yield packet
        except av.error.InvalidDataError:
            failures += 1
            continue
        except (av.error.FFmpegError, OSError, IndexError):
            return
        return


def _survey(
    stamps: list[int | None], decoded: list[int | None], tick_s: float, start: int | None, rate: float, seekable: bool
) -> VideoSurvey:
    known = [s for s in stamps if s is not None]
    irregular = VideoSurvey(np.zeros(0), len(stamps), max(0, len(stamps) - 1) / rate, regular=False)
    if not seekable or not known or len(known) < len(stamps):
        return irregular
    ordered = np.sort(np.array(known, np.int64))
    # With B-frames presentation times go back and forth in the file; the times of decoding must not.
    clock = np.array([s for s in decoded if s is not None] or known, np.int64)
    first = int(ordered[0]) if start is None else min(int(ordered[0]), start)
    times_s = np.asarray((ordered - first) * tick_s, np.float64)
    leaps_back_s = float((np.maximum.accumulate(clock) - clock).max() * tick_s)
    longest_gap_s = float(np.diff(times_s).max(initial=0.0))
    if not (np.diff(ordered) > 0).all() or leaps_back_s > Timeline.BACK_S or longest_gap_s > Timeline.AHEAD_S:
        return irregular
    return VideoSurvey(times_s, len(stamps), float(times_s[-1]), regular=True)
