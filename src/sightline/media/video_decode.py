"""Decoding that survives damage: every frame that can be read is given, every loss is noted with its time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sightline.core.errors import MediaLimitError, VideoDecodeError
from sightline.media.video_source import VideoInput, VideoLimits, VideoSource, codec_pixel_limit, open_source

logger = logging.getLogger(__name__)

HARDWARE = ("cuda", "videotoolbox", "d3d11va", "vaapi", "qsv")
"""Hardware decoders, in the order they are tried."""

_MERGE_S = 1.0
_MAX_DEMUX_FAILURES = 8
_CUT_PACKET_FORMATS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"})


@dataclass(frozen=True)
class Damage:
    """A loss in a video.

    Parameters
    ----------
    time_s, end_s : float
        Where it is, in seconds from the start of the video.
    packets : int
        Pieces lost or only partly read; 0 when the count cannot be known (the end of the file is missing).
    message : str
        What happened.

    Examples
    --------
    >>> str(Damage(4.6, 4.771, 2, "damaged data"))
    'damaged data from 4.600 s to 4.771 s (2 packets)'
    """

    time_s: float
    end_s: float
    packets: int
    message: str

    def __str__(self) -> str:
        where = f"at {self.time_s:.3f} s" if self.end_s - self.time_s < 1e-3 else f"from {self.time_s:.3f} s to {self.end_s:.3f} s"
        count = f" ({self.packets} packet{'s' if self.packets > 1 else ''})" if self.packets else ""
        return f"{self.message} {where}{count}"


class DamageLog:
    """Collects losses; those of one kind within a second of each other become one entry.

    Examples
    --------
    >>> log = DamageLog()
    >>> log.add(1.0, "damaged data")
    >>> log.add(1.5, "damaged data")
    >>> [str(entry) for entry in log.entries]
    ['damaged data from 1.000 s to 1.500 s (2 packets)']
    """

    def __init__(self) -> None:
        self.entries: list[Damage] = []
        self._seen: set[tuple[float, str]] = set()

    def add(self, time_s: float, message: str, packets: int = 1) -> None:
        """Note a loss; one that is known already (read again after a seek) is not counted twice."""
        if (time_s, message) in self._seen:
            return
        self._seen.add((time_s, message))
        for index, entry in enumerate(self.entries[-2:], start=max(0, len(self.entries) - 2)):
            if entry.message == message and entry.time_s - _MERGE_S <= time_s <= entry.end_s + _MERGE_S:
                start, end = min(entry.time_s, time_s), max(entry.end_s, time_s)
                self.entries[index] = replace(entry, time_s=start, end_s=end, packets=entry.packets + packets)
                return
        self.entries.append(Damage(time_s, time_s, packets, message))


class _Again(Exception):  # noqa: N818 - a signal inside this module
    """Damage was met while several frames were in the making; decode this stretch again one by one."""


class FrameDecoder:
    """Decodes the picture stream of a container, in presentation order.

    With several threads, frames are in the making at the same time. When damage shows up there, good ones would be lost with
    the bad one, so a source that can seek is opened again and decoded one frame at a time from there on.

    Parameters
    ----------
    source : path, ``"-"`` or binary file object
        The video.
    limits : VideoLimits
        Size limits.
    hardware : {"off", "auto"}
        Whether to try a hardware decoder.
    threads : int
        Decoder threads, 0 for one a core.

    Attributes
    ----------
    problems : DamageLog
        Losses so far.
    device : str
        ``"cpu"`` or the hardware decoder in use.
    """

    def __init__(self, source: VideoInput, limits: VideoLimits, hardware: str, threads: int) -> None:
        self._input, self._limits, self._threads = source, limits, threads
        self.problems = DamageLog()
        self.device = "cpu"
        self._careful = threads == 1
        self._last_pts: int | None = None
        self._pts_ok = True
        self._origin_pts: int | None = None
        self._quiet_until: int | None = None
        self.source = (self._open_hardware() if hardware == "auto" else None) or open_source(source, limits)
        self._take_stream()
        self._check_header()

    def close(self) -> None:
        """Close the container."""
        self.source.close()

    def time_s(self, frame: Any) -> float | None:
        """Return the time of a decoded frame in seconds from the start of the stream, None when it has none."""
        pts = self._stamp(frame)
        if pts is None:
            return None
        if self._origin_pts is None:
            start = None if self._decode_order_only else self.stream.start_time
            self._origin_pts = pts if start is None else min(pts, start)
        return self._seconds(pts)

    @property
    def _decode_order_only(self) -> bool:
        """AVI has no presentation times, and those that FFmpeg makes up are wrong with B-frames; packets come one a frame period."""
        return bool(self.source.container.format.name == "avi")

    def _stamp(self, frame: Any) -> int | None:
        if not self._decode_order_only:
            return None if frame.pts is None else int(frame.pts)
        if frame.dts is None:  # the last frames, when there are no more packets
            return None if self._last_pts is None else self._last_pts + 1
        return int(frame.dts)

    def _seconds(self, pts: int) -> float:
        return float((pts - (self._origin_pts or 0)) * self.stream.time_base)

    def _pts(self, time_s: float) -> int:
        """Return the timestamp of a time in seconds."""
        ticks: int = round(time_s / self.stream.time_base)
        return (self._origin_pts or 0) + ticks

    def frames(self) -> Iterator[Any]:
        """Yield decoded frames (``av.VideoFrame``) up to the end of the file."""
        steps = self._decoded()
        while True:
            try:
                frame = next(steps)
            except StopIteration:
                break
            except _Again:
                steps = self._decoded_carefully()
                continue
            pts = self._stamp(frame)
            self._pts_ok &= pts is not None and (self._last_pts is None or pts > self._last_pts)
            if frame.is_corrupt and not self._is_lead_in(pts):
                self._note(pts, "a damaged frame was mended by guessing")
            yield frame
            self._last_pts = pts
        if self.source.missing_bytes:
            self._note(self._last_pts, f"the file is cut: {self.source.missing_bytes} bytes of its end are missing", packets=0)

    def seek(self, time_s: float | None, quiet_until_s: float) -> None:
        """Go to the last key frame at or before a time, or to the very start with None; `frames` must then be called anew.

        Guessed frames before ``quiet_until_s`` are no loss: after a seek the frames that lead in may lack what they refer to.
        """
        self._last_pts, self._pts_ok, self._quiet_until = None, True, self._pts(quiet_until_s)
        self._jump(None if time_s is None else self._pts(time_s))

    def _jump(self, pts: int | None) -> None:
        import av

        if pts is not None:
            try:
                self.source.container.seek(pts, stream=self.stream, backward=True)
            except av.error.FFmpegError as error:
                logger.debug("seek failed, reading from the start: %s", error)
            else:
                return
        self._reopen()

    def _open_hardware(self) -> VideoSource | None:
        import av
        from av.codec.hwaccel import HWAccel, hwdevices_available

        if not isinstance(self._input, str | bytes) and not hasattr(self._input, "__fspath__"):
            return None  # a stream could not be opened a second time when the device refuses
        for name in HARDWARE:
            if name not in hwdevices_available() or self._input == "-":
                continue
            try:
                source = open_source(self._input, self._limits, HWAccel(name, allow_software_fallback=True))
            except (av.error.FFmpegError, RuntimeError, NotImplementedError) as error:
                logger.debug("hardware decoder %s is not usable: %s", name, error)
                continue
            streams = source.container.streams.video
            if streams and streams[0].codec_context is not None and streams[0].codec_context.is_hwaccel:
                self.device = name
                return source
            source.close()
        return None

    def _take_stream(self) -> None:
        from av.stream import Disposition

        container = self.source.container
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
            self.close()
            raise VideoDecodeError(self.source.name, f"there is no picture stream in it (it holds: {kinds})")
        self.stream = streams[0]
        if self.stream.codec_context is None:
            self.close()
            raise VideoDecodeError(self.source.name, "its picture codec is not known; no frame could be read")
        self.stream.codec_context.options = {"max_pixels": codec_pixel_limit(self._limits)}
        self.stream.codec_context.thread_count = 1 if self._careful else self._threads
        self.stream.thread_type = "AUTO"

    def _check_header(self) -> None:
        context = self.stream.codec_context
        try:
            if context.width * context.height > self._limits.max_pixels:
                size = f"{context.width}x{context.height}"
                raise MediaLimitError(self.source.name, f"frames of {size}, more than the limit of {self._limits.max_pixels} pixels")
            duration = self.duration_s
            if duration is not None and duration > self._limits.max_duration_s:
                raise MediaLimitError(
                    self.source.name, f"{duration:.0f} s long, more than the limit of {self._limits.max_duration_s:.0f} s"
                )
        except MediaLimitError:
            self.close()
            raise

    @property
    def duration_s(self) -> float | None:
        """Length by the header in seconds, None when it does not say."""
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        duration = self.source.container.duration
        return duration / 1e6 if duration else None

    def _is_lead_in(self, pts: int | None) -> bool:
        return self._quiet_until is not None and pts is not None and pts < self._quiet_until

    def _note(self, pts: int | None, message: str, packets: int = 1) -> None:
        pts = self._last_pts if pts is None else pts
        self.problems.add(0.0 if pts is None else max(0.0, self._seconds(pts)), message, packets)
        logger.debug("%s: %s", self.source.name, message)

    def _decoded(self) -> Iterator[Any]:
        for packet in self._packets():
            yield from self._decode(packet)

    def _packets(self) -> Iterator[Any]:
        import av

        failures = 0
        while True:
            try:
                for packet in self.source.container.demux(self.stream):
                    failures = 0
                    yield packet
                return
            except av.error.InvalidDataError as error:
                failures += 1
                self._note(None, f"damaged container ({error.strerror})")
                if failures < _MAX_DEMUX_FAILURES:
                    continue
            except (av.error.FFmpegError, OSError, IndexError) as error:  # IndexError: PyAV, when damage makes a new stream appear
                self._note(None, f"reading stopped ({getattr(error, 'strerror', None) or error})", packets=0)
            yield av.Packet()  # drains the decoder
            return

    def _decode(self, packet: Any) -> list[Any]:
        import av

        if packet.is_corrupt and self.source.container.format.name in _CUT_PACKET_FORMATS:
            self._note(packet.pts, "incomplete data")
            return []
        try:
            return list(self.stream.decode(packet if packet.size else None))
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            if not self._careful and self.source.reopen is not None and self._pts_ok:
                raise _Again from error
            if not self._is_lead_in(packet.pts):
                self._note(packet.pts, "damaged data")
            return []

    def _reopen(self) -> None:
        reopen = self.source.reopen
        if reopen is None:
            raise VideoDecodeError(
                self.source.name, "a pipe cannot go back", None if self._last_pts is None else self._seconds(self._last_pts)
            )
        self.source.container.close()
        owned = self.source._owned
        self.source = reopen(None)
        self.source._owned.extend(item for item in owned if item not in self.source._owned)
        self.device = "cpu"
        self._take_stream()

    def _decoded_carefully(self) -> Iterator[Any]:
        """Open again with one frame at a time, and go on after the last frame that was given."""
        last = self._last_pts
        self._careful = True
        self._reopen()
        steps = self._decoded()
        if last is not None:
            self._jump(last)
            first = next(steps, None)
            stamp = None if first is None else self._stamp(first)
            if stamp is None or stamp > last:  # landed too late: from the start
                self._reopen()
                steps = self._decoded()
        for frame in steps:
            stamp = self._stamp(frame)
            if last is None or stamp is None or stamp > last:
                yield frame
