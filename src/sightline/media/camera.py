"""Live pictures: a camera of this machine, or an RTSP or HTTP address."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from sightline.core.errors import CameraError, InvalidInputError
from sightline.core.frame import Frame
from sightline.media.video_pixels import PixelReader, orient, read_orientation, square_size
from sightline.media.video_source import VideoLimits, codec_pixel_limit
from sightline.media.video_times import Timeline

logger = logging.getLogger(__name__)

SCHEMES = ("rtsp", "rtsps", "http", "https")
_WALL_CLOCK_FORMATS = frozenset({"mpjpeg", "mjpeg"})  # no time of their own: the time of arrival is taken
_PROTOCOLS = {"rtsp": "rtp,udp,tcp,rtsp,tls,http,https,srtp", "http": "http,https,tcp,tls,crypto,data"}
_DEMUXERS = "rtsp,sdp,hls,mpegts,mpjpeg,mjpeg,mov,mp4,matroska,webm,flv,h264,hevc"
_DAMAGE_RUN = 50  # undecodable packets in a row after which the connection is made anew


@dataclass(frozen=True)
class Reconnect:
    """What happens when the connection is lost.

    Parameters
    ----------
    attempts : int
        Tries in a row before `CameraError`; 0 gives up at once. A frame that arrives starts the count anew.
    first_wait_s, max_wait_s : float
        Pause before the second try; it doubles from try to try up to the maximum. The first try comes at once.

    Examples
    --------
    >>> [Reconnect(first_wait_s=1.0, max_wait_s=5.0).wait_s(attempt) for attempt in range(5)]
    [0.0, 1.0, 2.0, 4.0, 5.0]
    """

    attempts: int = 10
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0

    def wait_s(self, attempt: int) -> float:
        """Return the pause before a try, counted from 0."""
        return 0.0 if attempt == 0 else min(self.max_wait_s, self.first_wait_s * 2.0 ** (attempt - 1))


@dataclass(frozen=True)
class CameraStats:
    """Counts since the camera was opened.

    Parameters
    ----------
    received : int
        Frames decoded.
    dropped : int
        Frames that a newer one replaced before they were read (``latest=True``).
    damaged : int
        Packets that could not be decoded.
    reconnects : int
        Connections made after the first.

    Examples
    --------
    >>> CameraStats(received=10, dropped=4).dropped
    4
    """

    received: int = 0
    dropped: int = 0
    damaged: int = 0
    reconnects: int = 0


def redact(address: str) -> str:
    """Return an address without what may be secret: user, password, and the values of its query.

    Examples
    --------
    >>> redact("rtsp://admin:pa@ss@cam.local:554/live?token=abc&ch=1")
    'rtsp://***@cam.local:554/live?token=***&ch=***'
    """
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    query = re.sub(r"(^|&)([^=&]*)(=[^&]*)?", lambda m: f"{m[1]}{m[2]}=***" if m[3] else f"{m[1]}***" if m[2] else m[1], parts.query)
    return urlunsplit((parts.scheme, netloc, parts.path, query, "***" if parts.fragment else ""))


class Camera:
    """Reads a camera in a thread of its own: ``for frame in Camera("rtsp://...")``.

    With ``latest=True`` only the newest frame is kept, so whoever is slow sees the present, not the past; frames that were
    passed over are counted in `stats`. With ``latest=False`` no decoded frame is passed over: reading waits for the reader
    (the network or driver may still lose some). A lost connection is made again as `Reconnect` says; after the last try,
    reading raises `CameraError`. Use ``with``, or call `close`: a camera that is merely forgotten goes on receiving.

    ``Frame.time_s`` is the stream's own clock, measured from the first frame; over a reconnection the time that passed is
    added. MJPEG over HTTP has no clock: the time of arrival is taken. ``Frame.index`` counts decoded frames. A stream whose
    picture size changes is scaled to the size it had first.

    Parameters
    ----------
    source : int or str
        Device number (V4L2 on Linux, AVFoundation on macOS, DirectShow on Windows), or an address of scheme rtsp, rtsps, http
        (MJPEG, HLS, MPEG-TS, ...) or https. User and password may be part of it; messages and logs never show them.
    latest : bool
        Keep the newest frame only.
    reconnect : Reconnect
        Tries and pauses.
    timeout_s : float
        How long opening, and waiting for the next data, may take before the connection counts as lost.
    limits : VideoLimits
        ``max_pixels`` bounds a frame; the others are for files.

    Raises
    ------
    InvalidInputError
        Not a device number or an address of those schemes.
    CameraError
        It cannot be opened (the first connection is tried once, at once, so that a typing error shows up).

    Examples
    --------
    >>> with Camera("rtsp://user:password@camera.local/live") as camera:  # doctest: +SKIP
    ...     frame = camera.read(timeout_s=5.0)
    """

    def __init__(
        self,
        source: int | str,
        *,
        latest: bool = True,
        reconnect: Reconnect | None = None,
        timeout_s: float = 10.0,
        limits: VideoLimits | None = None,
    ) -> None:
        self._target = _Target.parse(source, timeout_s, limits or VideoLimits())
        self.name = self._target.name
        self._latest, self._reconnect, self._timeout_s = latest, reconnect or Reconnect(), timeout_s
        self._condition = threading.Condition()
        self._slot: Frame | None = None
        self._error: CameraError | None = None
        self._stop = threading.Event()
        self._received = self._dropped = self._damaged = self._reconnects = 0
        self._pixels: PixelReader | None = None
        self._start_s = time.monotonic()
        self._timeline: Timeline | None = None
        first = self._target.connect()
        self._thread = threading.Thread(target=self._run, args=(first,), name="sightline-camera", daemon=True)
        self._thread.start()

    @property
    def stats(self) -> CameraStats:
        """Counts so far."""
        with self._condition:
            return CameraStats(self._received, self._dropped, self._damaged, self._reconnects)

    def read(self, timeout_s: float | None = None) -> Frame:
        """Wait for a frame that was not read yet.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait; None waits until there is one or the camera is lost.

        Returns
        -------
        Frame
            With ``latest``, the newest one.

        Raises
        ------
        CameraError
            Lost for good, closed, or nothing within ``timeout_s`` (the camera stays open then, and may be read again).
        """
        with self._condition:
            ready = self._condition.wait_for(lambda: self._slot or self._error or self._stop.is_set(), timeout_s)
            if self._slot is not None:
                frame, self._slot = self._slot, None
                self._condition.notify_all()
                return frame
            if self._error is not None:
                raise self._error
            if not ready:
                raise CameraError(self.name, f"no frame within {timeout_s} s")
            raise CameraError(self.name, "the camera is closed")

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until the camera is closed; raises `CameraError` when it is lost for good."""
        while True:
            try:
                frame = self.read()
            except CameraError:
                if self._stop.is_set():
                    return
                raise
            yield frame

    def close(self) -> None:
        """Stop the thread and the connection; waits for it at most ``timeout_s``."""
        self._stop.set()
        with self._condition:
            self._slot = None
            self._condition.notify_all()
        self._thread.join(self._timeout_s + 1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ------------------------------------------------------------------ the reading thread

    def _run(self, container: Any) -> None:
        try:
            while container is not None:
                reason = self._receive(container)
                container.close()
                container = None if self._stop.is_set() else self._connect_again(reason)
        except Exception as error:
            logger.exception("%s: the reading thread failed", self.name)
            self._give_up(f"reading failed: {type(error).__name__}")

    def _receive(self, container: Any) -> str:
        """Read until the connection is lost or the camera is closed; return why."""
        import av

        stream = container.streams.video[0]
        stream.thread_type = "SLICE"  # frame threads would hold several frames back
        clock = _Clock(stream, container.format.name in _WALL_CLOCK_FORMATS, time.monotonic() - self._start_s)
        damaged_run = 0
        try:
            for packet in container.demux(stream):
                if self._stop.is_set():
                    return "closed"
                try:
                    frames = stream.decode(packet)
                except av.error.EOFError:
                    break
                except av.error.FFmpegError:
                    damaged_run += 1
                    with self._condition:
                        self._damaged += 1
                    if damaged_run >= _DAMAGE_RUN:
                        return "nothing that arrives can be decoded"
                    continue
                for frame in frames:
                    damaged_run = 0
                    self._deliver(frame, clock, stream)
        except (av.error.FFmpegError, OSError) as error:
            return _reason(error)
        return "the stream ended"

    def _deliver(self, raw: Any, clock: _Clock, stream: Any) -> None:
        orientation = read_orientation(raw)
        if self._pixels is None or self._timeline is None:
            self._pixels = PixelReader(square_size(raw.width, raw.height, stream.codec_context.sample_aspect_ratio))
            self._timeline = Timeline(clock.rate)
            self._start_s = time.monotonic()
            clock.offset_s = 0.0
        time_s = self._timeline.next(clock.time_s(raw))
        frame = Frame(orient(self._pixels.read(raw), orientation), self._received, time_s)
        with self._condition:
            self._received += 1
            if not self._latest:
                self._condition.wait_for(lambda: self._slot is None or self._stop.is_set())
            if self._slot is not None:
                self._dropped += 1
            self._slot = None if self._stop.is_set() else frame
            self._condition.notify_all()

    def _connect_again(self, reason: str) -> Any:
        """Try until connected; None when closed meanwhile or out of tries."""
        for attempt in range(self._reconnect.attempts):
            wait_s = self._reconnect.wait_s(attempt)
            logger.warning(
                "%s: connection lost (%s); try %d of %d in %.1f s", self.name, reason, attempt + 1, self._reconnect.attempts, wait_s
            )
            if self._stop.wait(wait_s):
                return None
            try:
                container = self._target.connect()
            except CameraError as error:
                reason = error.reason if isinstance(error, _ConnectError) else str(error)
                continue
            with self._condition:
                self._reconnects += 1
            return container
        self._give_up(f"lost for good after {self._reconnect.attempts} tries to connect again; the last reason: {reason}")
        return None

    def _give_up(self, message: str) -> None:
        with self._condition:
            self._error = CameraError(self.name, message)
            self._condition.notify_all()


class _Clock:
    """Times of one connection's frames, from the first frame of the camera."""

    def __init__(self, stream: Any, wall_clock: bool, offset_s: float) -> None:
        rate = stream.average_rate or stream.guessed_rate
        self.rate = Fraction(rate) if rate and 1 <= rate <= 240 else Fraction(25)
        self.offset_s = offset_s
        self._wall_clock = wall_clock
        self._first: float | None = None

    def time_s(self, frame: Any) -> float | None:
        if self._wall_clock:
            now = time.monotonic()
        elif frame.pts is None:
            return None
        else:
            now = float(frame.pts * frame.time_base)
        if self._first is None:
            self._first = now
        return self.offset_s + now - self._first


class _ConnectError(CameraError):
    """A try to connect that failed; carries the bare reason."""

    def __init__(self, source: object, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(source, message)


@dataclass(frozen=True, repr=False)
class _Target:
    """What is connected to; its secrets stay in here."""

    url: str
    name: str
    format: str | None
    options: dict[str, str]
    timeout_s: float
    max_pixels: int

    @classmethod
    def parse(cls, source: int | str, timeout_s: float, limits: VideoLimits) -> _Target:
        if not timeout_s > 0:
            raise InvalidInputError(f"timeout_s must be above 0, got {timeout_s!r}")
        if isinstance(source, int) and not isinstance(source, bool) and source >= 0:
            url, kind = _device(source)
            return cls(url, f"camera {source}", kind, {}, timeout_s, limits.max_pixels)
        scheme = source.partition(":")[0].lower() if isinstance(source, str) and "://" in source else ""
        if scheme not in SCHEMES:
            given = f"a {scheme!r} address" if scheme else f"{type(source).__name__}"
            raise InvalidInputError(f"expected a device number or an address that starts with {', '.join(SCHEMES)}, got {given}")
        assert isinstance(source, str)
        options = {"format_whitelist": _DEMUXERS, "protocol_whitelist": _PROTOCOLS[scheme[:4]], "max_pixels": codec_pixel_limit(limits)}
        options |= {"max_reload": "3"}
        if scheme.startswith("rtsp"):
            options |= {"rtsp_transport": "tcp", "timeout": str(int(timeout_s * 1e6))}
        return cls(source, redact(source), None, options, timeout_s, limits.max_pixels)

    def connect(self) -> Any:
        """Open the stream.

        Raises
        ------
        CameraError
            It cannot be opened or has no picture; the message has no secrets.
        """
        import av

        try:
            container = av.open(self.url, "r", format=self.format, options=self.options, timeout=(self.timeout_s, self.timeout_s))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = _reason(error)
            raise _ConnectError(self.name, reason, f"cannot be opened: {reason}") from None  # the cause would show the address
        streams = container.streams.video
        context = streams[0].codec_context if streams else None
        if context is None:
            reason = "there is no picture stream in it"
        elif not 0 < context.width * context.height <= self.max_pixels:
            reason = f"its frames have more than {self.max_pixels} pixels, or their size cannot be told"
        else:
            context.options = {"max_pixels": codec_pixel_limit(VideoLimits(max_pixels=self.max_pixels))}
            return container
        container.close()
        raise _ConnectError(self.name, reason, reason)


def _device(index: int) -> tuple[str, str]:
    if sys.platform == "darwin":
        return f"{index}:none", "avfoundation"
    if sys.platform == "win32":
        import av

        names = [device.name for device in av.enumerate_input_devices("dshow")]
        if index >= len(names):
            raise CameraError(f"camera {index}", f"there are {len(names)} cameras, counted from 0")
        return f"video={names[index]}", "dshow"
    return f"/dev/video{index}", "v4l2"


def _reason(error: BaseException) -> str:
    """Return why, in words, without the address that FFmpeg's own message holds."""
    if type(error).__name__ == "ExitError":
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)
