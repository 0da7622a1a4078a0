"""Carrying the sound of one video into another: packets are copied untouched where the container takes their codec."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from sightline.media.video_source import VideoInput, VideoLimits, VideoSource, open_source

COPY_CODECS = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_f32le"}),
    "matroska": frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "dts", "pcm_s16le", "pcm_s24le"}),
}
"""Sound codecs that are copied, by container; any other is encoded again as AAC."""

_PREROLL_S = 0.1  # packets this long before time zero are kept: decoders warm up on them, the container hides them
_AAC_BITS = 160_000
_AAC_MAX_HZ = 48_000
_GAP_S = 0.05


class AudioTrack:
    """The best sound stream of a source, fed into an output container beside the pictures.

    Parameters
    ----------
    path : path
        The video that has the sound.
    source : VideoSource
        It, opened.
    output : av.container.OutputContainer
        Where it goes; the stream is added at once, before anything is muxed.
    limits : VideoLimits
        Size limits of the source.

    Attributes
    ----------
    copied : bool
        True when packets are copied, False when they are encoded again.
    """

    def __init__(self, path: VideoInput, source: VideoSource, output: Any, limits: VideoLimits) -> None:
        self._path, self._source, self._output, self._limits = path, source, output, limits
        self._input = source.container.streams.best("audio")
        self._video = next(iter(source.container.streams.video), None)
        self._skip_other_streams()
        name = self._input.codec_context.codec.canonical_name
        self.copied = name in COPY_CODECS.get(output.format.name, frozenset())
        self._stream = output.add_stream_from_template(self._input) if self.copied else self._add_aac(output)
        self._encoder = None if self.copied else _AacEncoder(self._stream, self._input)
        self._origin_s = 0.0
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None

    @classmethod
    def open(cls, path: VideoInput, output: Any, limits: VideoLimits) -> AudioTrack | None:
        """Open the sound of ``path``; None when it has none that can be decoded."""
        source = open_source(path, limits)
        stream = source.container.streams.best("audio")
        if stream is None or stream.codec_context is None:
            source.close()
            return None
        return cls(path, source, output, limits)

    @property
    def video_start_s(self) -> float:
        """Time of the source's first picture on the source's own clock; 0 without pictures."""
        if self._video is None or self._video.start_time is None:
            return 0.0
        return float(self._video.start_time * self._video.time_base)

    def is_last_picture(self, time_s: float) -> bool:
        """Tell whether the source has no picture later than ``time_s`` (from its first picture); headers are not asked, they may lie."""
        import av

        if self._video is None:
            return False
        source = open_source(self._path, self._limits)
        try:
            video = source.container.streams[self._video.index]
            at = int((self.video_start_s + time_s) / video.time_base)
            if time_s > 0:
                source.container.seek(at, stream=video)
            return all(packet.pts is None or packet.pts <= at + 1 for packet in source.container.demux(video))
        except (av.error.FFmpegError, IndexError):
            return True  # damaged from here on: no picture can follow
        finally:
            source.close()

    def start(self, first_time_s: float) -> None:
        """Set which time of the source (from its first picture) becomes zero in the output, and go there."""
        import av

        self._origin_s = self.video_start_s + first_time_s
        if first_time_s > 1.0:
            try:
                self._source.container.seek(int((self._origin_s - 1.0) / self._input.time_base), stream=self._input)
            except av.error.FFmpegError:
                self._source = _opened_again(self._source)
        self._packets = self._source.container.demux(self._input)
        self._waiting = self._next()

    def feed(self, until_s: float) -> None:
        """Mux everything that starts before ``until_s`` of the output."""
        while self._waiting is not None and self._start_s(self._waiting) < until_s:
            self._put(self._waiting)
            self._waiting = self._next()

    def finish(self, end_s: float | None) -> None:
        """Mux the rest, up to ``end_s`` of the output (all of it with None)."""
        self.feed(float("inf") if end_s is None else end_s)
        if self._encoder is not None:
            for packet in self._encoder.flush():
                self._output.mux(packet)

    def close(self) -> None:
        """Close the source."""
        self._packets = iter(())
        self._source.close()

    def _skip_other_streams(self) -> None:
        from av.stream import Discard

        for stream in self._source.container.streams:
            if stream.index != self._input.index:
                stream.discard = Discard.all

    def _add_aac(self, output: Any) -> Any:
        rate = min(self._input.codec_context.sample_rate, _AAC_MAX_HZ)
        layout = "mono" if self._input.codec_context.layout.nb_channels == 1 else "stereo"
        return output.add_stream("aac", rate=rate, layout=layout, bit_rate=_AAC_BITS)

    def _next(self) -> Any:
        """Return the next packet that belongs into the output, None at the end or where the source is damaged beyond."""
        import av

        while True:
            try:
                packet = next(self._packets, None)
            except (av.error.FFmpegError, OSError):
                return None
            if packet is None or packet.size == 0:
                return None
            if packet.is_corrupt or packet.pts is None:
                continue
            if self._start_s(packet) + float((packet.duration or 0) * packet.time_base) > -_PREROLL_S:
                return packet

    def _start_s(self, packet: Any) -> float:
        return float(packet.pts * packet.time_base) - self._origin_s

    def _put(self, packet: Any) -> None:
        if self._encoder is not None:
            for encoded in self._encoder.encode(packet, self._origin_s):
                self._output.mux(encoded)
            return
        shift = round(self._origin_s / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = self._stream
        self._output.mux(packet)


def _opened_again(source: VideoSource) -> VideoSource:
    assert source.reopen is not None
    source.container.close()
    return source.reopen(None)


class _AacEncoder:
    """Decodes, resamples and encodes one sound stream; gaps become silence so that it stays in step with the pictures."""

    def __init__(self, output: Any, source: Any) -> None:
        from av import AudioResampler

        self._output, self._source = output, source
        self._rate = output.codec_context.sample_rate
        self._layout = output.codec_context.layout.name
        self._resampler = AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
        self._done = 0  # samples given to the encoder

    def encode(self, packet: Any, origin_s: float) -> Iterator[Any]:
        import av

        try:
            frames = self._source.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            start_s = None if frame.pts is None else float(frame.pts * frame.time_base) - origin_s
            frame.pts = None
            for piece in self._resampler.resample(frame):
                yield from self._samples(piece.to_ndarray(), start_s)
                start_s = None

    def flush(self) -> Iterator[Any]:
        for piece in self._resampler.resample(None):
            yield from self._samples(piece.to_ndarray(), None)
        yield from self._output.encode(None)

    def _samples(self, samples: Any, start_s: float | None) -> Iterator[Any]:
        if start_s is not None:
            ahead = round(start_s * self._rate) - self._done
            if ahead < 0 and self._done == 0:
                samples = samples[:, -ahead:]
            elif ahead > _GAP_S * self._rate or (ahead > 0 and self._done == 0):
                samples = np.concatenate([np.zeros((samples.shape[0], ahead), samples.dtype), samples], axis=1)
        if samples.shape[1] == 0:
            return
        yield from self._encode(np.ascontiguousarray(samples))

    def _encode(self, samples: Any) -> Iterator[Any]:
        import av

        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._done
        self._done += samples.shape[1]
        yield from self._output.encode(frame)
