"""Clips made for the tests: every frame carries its number in black and white blocks, so that a frame can be told from its pixels."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIZE_WH = (160, 96)
BITS = 10
BLOCK = 16
NTSC = Fraction(30000, 1001)


def numbered(index: int, size_wh: tuple[int, int] = SIZE_WH) -> NDArray[np.uint8]:
    """A picture with its number in the top row (bit 0 leftmost), a red left edge below it and a moving green square."""
    width, height = size_wh
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 235 if index >> bit & 1 else 20
    image[BLOCK:, :BLOCK] = (200, 30, 30)
    x = BLOCK * 2 + (index * 3) % (width - 4 * BLOCK)
    image[height // 2 : height // 2 + BLOCK, x : x + BLOCK] = (30, 180, 40)
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """Read the number back."""
    row = image[BLOCK // 2, BLOCK // 2 : BITS * BLOCK : BLOCK].mean(axis=1)
    return int(sum(1 << bit for bit, value in enumerate(row) if value > 128))


def make_clip(
    path: Path,
    count: int = 50,
    *,
    rate: Fraction | int = NTSC,
    times_s: Sequence[float] | None = None,
    sound_s: float = 0.0,
    sound_codec: str = "aac",
    codec: str = "libx264",
    gop: int = 12,
    threads: int = 1,
    rotation: tuple[float, bool] | None = None,
    aspect: Fraction | None = None,
    index_first: bool = True,
    texture: int = 0,
) -> Path:
    """Write numbered frames (and a 440 Hz sine) with PyAV alone, not with the writer under test."""
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" and index_first else {}
    with av.open(str(path), "w", options=options) as out:
        video = out.add_stream(codec, rate=rate, width=SIZE_WH[0], height=SIZE_WH[1], pix_fmt="yuv420p")
        video.codec_context.gop_size = gop
        video.codec_context.thread_count = threads
        if codec == "libx264":
            video.options = {"crf": "12", "preset": "veryfast", "x264-params": "scenecut=0"}
        if times_s is not None:
            video.codec_context.time_base = Fraction(1, 90000)
        if rotation is not None:
            video.set_display_rotation(rotation[0], rotation[1])
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        audio = out.add_stream(sound_codec, rate=48000, layout="mono") if sound_s else None
        if audio is not None:
            _mux_sine(out, audio, sound_s)
        for index in range(count):
            image = numbered(index)
            if texture:  # noise below the numbers makes the frames large beside the headers
                image[BLOCK:] += np.random.default_rng(index).integers(0, texture, image[BLOCK:].shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p", dst_color_range=1)
            if times_s is not None:
                frame.pts, frame.time_base = round(times_s[index] * 90000), Fraction(1, 90000)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def _mux_sine(out: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    total = int(48000 * seconds)
    fmt = stream.codec_context.format.name
    for start in range(0, total, 1024):
        t = np.arange(start, min(start + 1024, total)) / 48000
        wave = 0.3 * np.sin(2 * np.pi * 440 * t)
        samples = wave.astype(np.float32)[None] if fmt == "fltp" else (wave * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format=fmt, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    """Return the start time and bytes of every sound packet."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.size]


def numbers(frames: Iterable[object]) -> list[int]:
    """Return the numbers that frames carry."""
    return [number_of(frame.image) for frame in frames]  # type: ignore[attr-defined]
