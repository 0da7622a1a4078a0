"""Writing H.264 video with true frame times and the sound of the source, whole or not at all."""

from __future__ import annotations

import logging
import os
import secrets
import weakref
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sightline.core.errors import InvalidInputError, MediaNotFoundError, MediaWriteError
from sightline.core.frame import Frame, check_image
from sightline.media.video_audio import AudioTrack
from sightline.media.video_pixels import PixelWriter
from sightline.media.video_source import VideoLimits

logger = logging.getLogger(__name__)

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
ENCODERS = {"h264": ("libx264", "libopenh264"), "mpeg4": ("mpeg4",)}
"""Encoders of each codec, the first one the installed PyAV has is taken. Its own wheels have libx264 (GPL-2.0-or-later)."""

_MIN_TICKS, _MAX_TICKS = 30_000, 60_000  # clock ticks a second; MPEG-4 part 2 has room for 65535
_CLOCK_SLACK_S = 2e-3  # container clocks round frame times, by up to a millisecond
_MAX_SIDE = 16_384


@dataclass(frozen=True)
class Encoding:
    """How pictures are encoded.

    Parameters
    ----------
    codec : {"h264", "mpeg4"}
        H.264 by libx264, or libopenh264 where PyAV was built without it; MPEG-4 part 2 needs neither.
    quality : int
        0 (best) to 51, libx264's ``crf``; 23 is good. Other encoders get the bit rate or quantiser that comes near it.
    preset : str
        libx264's speed preset, ``"ultrafast"`` to ``"veryslow"``; not used by the others.
    threads : int
        Encoder threads, 0 for one a core.

    Examples
    --------
    >>> Encoding(quality=18).codec
    'h264'
    """

    codec: Literal["h264", "mpeg4"] = "h264"
    quality: int = 23
    preset: str = "veryfast"
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuse what no encoder takes."""
        if self.codec not in ENCODERS:
            raise InvalidInputError(f"codec must be one of {', '.join(ENCODERS)}, got {self.codec!r}")
        if not 0 <= self.quality <= 51:
            raise InvalidInputError(f"quality must be from 0 (best) to 51, got {self.quality!r}")
        if self.threads < 0:
            raise InvalidInputError(f"threads must be 0 (one a core) or more, got {self.threads!r}")


class VideoWriter:
    """Writes frames to an MP4, MOV or MKV file: ``with VideoWriter(path, size_wh, rate) as writer: writer.write(frame)``.

    The file appears under its name only when `close` has finished: until then it is a hidden ``.part`` file in the same
    folder, removed when the ``with`` block is left by any exception (Ctrl-C too), by `abort`, or when the writer is forgotten.

    Each frame is shown at its own ``time_s``, measured from the first frame written; a time that is not later than the one
    before is moved one tick on. Pictures are ``yuv420p``, BT.709, limited range, tagged so; an odd width or height gains one
    column or row, a copy of the last. MP4 and MOV have their index in front ("faststart").

    Sound: with ``audio_from`` the source's best sound stream is carried along, shifted as the pictures are. Packets are copied
    untouched where the container takes the codec (`COPY_CODECS`), else encoded again as AAC. When the last frame written is the
    source's last one, all the sound is kept; otherwise it stops with the pictures. A source without sound gives a silent video.

    Parameters
    ----------
    path : str or PathLike
        ``.mp4``, ``.m4v``, ``.mov`` or ``.mkv``; an existing file is replaced at the end. The folder must exist.
    size_wh : tuple of int
        Width and height of the frames.
    rate : Fraction or int
        Average frames a second: the length of the last frame, and the fineness of the clock.
    encoding : Encoding
        Codec, quality, speed.
    audio_from : path, optional
        A video (or sound) file whose time zero is that of the frames' ``time_s``.

    Raises
    ------
    InvalidInputError
        Size, rate or file ending that cannot be written.
    MediaNotFoundError
        The folder does not exist.
    MediaWriteError
        The file cannot be made, or no encoder is installed.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grey.mp4"
    >>> with VideoWriter(path, (64, 48), Fraction(30000, 1001)) as writer:
    ...     writer.write(Frame(np.full((48, 64, 3), 128, np.uint8), 0, 0.0))
    >>> path.exists()
    True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size_wh: tuple[int, int],
        rate: Fraction | int,
        *,
        encoding: Encoding | None = None,
        audio_from: str | bytes | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.size_wh, self.rate = _checked_size(size_wh), _checked_rate(rate)
        self._format = CONTAINERS.get(self.path.suffix.lower())
        if self._format is None:
            raise InvalidInputError(f"{self.path.name}: expected a name that ends with {', '.join(CONTAINERS)}")
        if not self.path.parent.is_dir():
            raise MediaNotFoundError(self.path.parent, "no such folder; make it before writing a video there")
        self._part = self.path.with_name(f".{self.path.name[:80]}.{secrets.token_hex(4)}.part")
        self._cleanup = weakref.finalize(self, _remove, self._part)
        self._tick = _clock_tick(self.rate)
        self._pixels = PixelWriter(self.size_wh)
        self._audio: AudioTrack | None = None
        self._first_s: float | None = None
        self._last_pts, self._last_s, self.frames_written = -1, 0.0, 0
        self._container: Any = None
        self._open(encoding or Encoding(), audio_from)

    @property
    def encoder(self) -> str:
        """Name of the picture encoder in use, for instance ``"libx264"``."""
        return str(self._stream.codec_context.codec.name)

    @property
    def audio_copied(self) -> bool | None:
        """True when sound packets are copied, False when they are encoded again, None when there is no sound."""
        return None if self._audio is None else self._audio.copied

    def _open(self, encoding: Encoding, audio_from: str | bytes | os.PathLike[str] | None) -> None:
        import av

        try:
            options = {"movflags": "+faststart"} if self._format in ("mp4", "mov") else {}
            self._container = av.open(f"file:{self._part}", "w", format=self._format, container_options=options)
            self._part.touch()  # fails now, with the reason, when the folder may not be written to
            self._stream = _add_video(self._container, self._pixels.padded_wh, self.rate, self._tick, encoding)
            if audio_from is not None:
                self._audio = AudioTrack.open(audio_from, self._container, VideoLimits())
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            if isinstance(error, MediaNotFoundError | MediaWriteError) or hasattr(error, "source"):
                raise
            raise MediaWriteError(self.path, f"cannot be written: {getattr(error, 'strerror', None) or error}") from error
        except BaseException:
            self.abort()
            raise

    def write(self, frame: Frame) -> None:
        """Encode one frame at its ``time_s``.

        Parameters
        ----------
        frame : Frame
            Of the writer's size. Its image may be changed again once this returns.

        Raises
        ------
        InvalidInputError
            Another size than the writer's.
        MediaWriteError
            The disk is full, or the writer is closed.
        """
        if self._container is None:
            raise MediaWriteError(self.path, "the writer is closed")
        image = check_image(frame.image)
        if frame.size_wh != self.size_wh:
            raise InvalidInputError(f"expected a frame of {self.size_wh[0]}x{self.size_wh[1]}, got {frame.size_wh[0]}x{frame.size_wh[1]}")
        if self._first_s is None:
            self._first_s = frame.time_s
            if self._audio is not None:
                self._audio.start(frame.time_s)
        pts = max(self._last_pts + 1, round(Fraction(frame.time_s - self._first_s) / self._tick))
        picture = self._pixels.frame(image)
        picture.pts, picture.time_base = pts, self._tick
        picture.duration = round(1 / self.rate / self._tick)
        self._last_pts, self._last_s = pts, float(pts * self._tick)
        self._mux(picture)
        self.frames_written += 1

    def _mux(self, picture: Any) -> None:
        import av

        try:
            for packet in self._stream.encode(picture):
                self._container.mux(packet)
            if self._audio is not None and picture is not None:
                self._audio.feed(self._last_s)
        except (av.error.FFmpegError, OSError) as error:
            raise MediaWriteError(self.path, f"writing stopped: {getattr(error, 'strerror', None) or error}") from error

    def close(self) -> None:
        """Finish the file and give it its name; does nothing when already closed.

        Raises
        ------
        MediaWriteError
            No frame was written, or the file could not be finished; nothing is left of it then.
        """
        import av

        if self._container is None:
            return
        try:
            if not self.frames_written:
                raise MediaWriteError(self.path, "no frame was written, so there is no video to keep")
            self._mux(None)
            self._finish_audio()
            self._container.close()
            self._container = None
            os.replace(self._part, self.path)  # noqa: PTH105 - atomic
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            if isinstance(error, MediaWriteError):
                raise
            raise MediaWriteError(self.path, f"could not be finished: {getattr(error, 'strerror', None) or error}") from error
        except BaseException:
            self.abort()
            raise
        self._cleanup.detach()

    def _finish_audio(self) -> None:
        if self._audio is None:
            return
        assert self._first_s is not None
        end_s = self._last_s + float(1 / self.rate)
        self._audio.finish(None if self._audio.is_last_picture(self._first_s + self._last_s + _CLOCK_SLACK_S) else end_s)
        self._audio.close()

    def abort(self) -> None:
        """Throw the file away; does nothing when already closed."""
        import av

        container, self._container = self._container, None
        if self._audio is not None:
            self._audio.close()
        if container is not None:
            try:
                container.close()
            except (av.error.FFmpegError, OSError, ValueError) as error:
                logger.debug("closing an unfinished video: %s", error)
        self._cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def _add_video(container: Any, size_wh: tuple[int, int], rate: Fraction, tick: Fraction, encoding: Encoding) -> Any:
    from av.video.reformatter import ColorPrimaries, ColorTrc

    name = _installed_encoder(encoding.codec)
    options: dict[str, str] = {}
    if name == "libx264":
        options = {"crf": str(encoding.quality), "preset": encoding.preset}
    stream = container.add_stream(name, rate=rate, width=size_wh[0], height=size_wh[1], options=options)
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = tick
    context.colorspace, context.color_range = 1, 1  # AVCOL_SPC_BT709, AVCOL_RANGE_MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    context.thread_count = encoding.threads
    if name == "libopenh264":  # about libx264's size at crf 23 is 0.1 bit a pixel; 6 steps halve it
        context.bit_rate = int(0.1 * 2 ** ((23 - encoding.quality) / 6) * size_wh[0] * size_wh[1] * rate)
    elif name == "mpeg4":
        context.qmin = context.qmax = max(2, round(encoding.quality * 31 / 51))
    return stream


def _clock_tick(rate: Fraction) -> Fraction:
    """Return a step of 1/30000 s or finer in which a constant rate is exact, when its numerator is small enough."""
    if rate.numerator > _MAX_TICKS:
        return Fraction(1, _MAX_TICKS)
    return Fraction(1, rate.numerator * -(-_MIN_TICKS // rate.numerator))


def _installed_encoder(codec: str) -> str:
    import av

    for name in ENCODERS[codec]:
        try:
            av.codec.Codec(name, "w")
        except (av.codec.codec.UnknownCodecError, ValueError):
            continue
        return name
    raise MediaWriteError(
        codec,
        f"PyAV has no encoder for it ({', '.join(ENCODERS[codec])}); pip install --force-reinstall av, or use Encoding(codec='mpeg4')",
    )


def _checked_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    width, height = size_wh
    if not (2 <= width <= _MAX_SIDE and 2 <= height <= _MAX_SIDE):
        raise InvalidInputError(f"expected a width and height from 2 to {_MAX_SIDE} pixels, got {width}x{height}")
    return int(width), int(height)


def _checked_rate(rate: Fraction | int) -> Fraction:
    if isinstance(rate, bool) or not isinstance(rate, Fraction | int) or not Fraction(1, 3600) <= rate <= 1000:
        raise InvalidInputError(f"expected a rate as a Fraction or int, frames a second from 1/3600 to 1000, got {rate!r}")
    return Fraction(rate)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
