"""One video: document frame by frame, annotated video with the sound kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

from sightline.analysis.follower import Follower, Moment
from sightline.analysis.inputs import Input
from sightline.analysis.looker import Looker
from sightline.analysis.picture import annotate, head, tail, timings
from sightline.analysis.progress import Progress
from sightline.analysis.results import Result
from sightline.analysis.summary import Stopwatch, Thumbnail
from sightline.analysis.writer import DocumentWriter
from sightline.core.errors import MediaError
from sightline.core.frame import Frame
from sightline.media.images import thumbnail
from sightline.media.overlap import BackgroundWriter, prefetch
from sightline.media.video_reader import VideoReader
from sightline.media.video_writer import VideoWriter

THUMBNAIL_PX = 400
_READ_AHEAD = 4


def look_at_video(
    source: Path | BytesIO, item: Input, result: Result, looker: Looker, writer: DocumentWriter, target: Path | None, shown: Progress
) -> None:
    """Analyse one video and fill in its result; what can be read is kept when the rest cannot.

    Raises
    ------
    MediaError
        When not one frame can be read.
    KeyboardInterrupt
        When the run is stopped.
    """
    watch = Stopwatch()
    with VideoReader(source) as reader:
        writer.begin(head(result, looker, _facts(reader, source)))
        film = None if target is None else target.with_name(target.name + ".annotated.mp4")
        try:
            _frames(reader, source, result, looker, writer, film, watch, shown)
        except KeyboardInterrupt:
            result.problems.append(_problem("KeyboardInterrupt", "the run was stopped", result.summary.last_time_s))
            _end(result, writer, watch, None)
            raise
        except MediaError as error:
            result.problems.append(_problem(type(error).__name__, str(error), result.summary.last_time_s))
        result.problems.extend(_problem("VideoDecodeError", f"{result.source}: {p}", p.time_s) for p in reader.problems)
        result.complete = not result.problems
        result.annotated_path = film
        _end(result, writer, watch, film)


def _frames(
    reader: VideoReader,
    source: Path | BytesIO,
    result: Result,
    looker: Looker,
    writer: DocumentWriter,
    film: Path | None,
    watch: Stopwatch,
    shown: Progress,
) -> None:
    follower = Follower(looker)
    with ExitStack() as stack:
        frames = stack.enter_context(prefetch(reader, _READ_AHEAD))
        sink = None
        if film is not None:
            audio = source if isinstance(source, Path) and reader.has_audio else None
            sink = stack.enter_context(BackgroundWriter(VideoWriter(film, reader.size_wh, reader.rate, audio_from=audio)))
        for frame in _timed(frames, watch):
            moment = follower.update(frame, watch.step)
            with watch.step("write"):
                found = moment.findings.to_json(landmarks=looker.options.landmarks)
                writer.frame({"index": frame.index, "time_s": round(frame.time_s, 6), **found})
            _show(frame, moment, result, sink, watch)
            shown.frames(result.summary.frames, reader.frame_count)
        with watch.step("finish"):
            stack.close()


def _timed(frames: Iterator[Frame], watch: Stopwatch) -> Iterator[Frame]:
    while True:
        with watch.step("wait for decoder"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def _show(frame: Frame, moment: Moment, result: Result, sink: BackgroundWriter | None, watch: Stopwatch) -> None:
    result.summary.add(frame.time_s, moment.findings)
    wanted = result.summary.wants_thumbnail(frame.time_s)
    if sink is None and not wanted:
        return
    with watch.step("draw"):
        annotated = annotate(frame.image, moment.findings, moment.carried)
    if sink is not None:
        with watch.step("encode"):
            sink.write(Frame(annotated, frame.index, frame.time_s))
    if wanted:
        result.summary.add_thumbnail(Thumbnail(frame.time_s, thumbnail(annotated, THUMBNAIL_PX)))


def _facts(reader: VideoReader, source: Path | BytesIO) -> dict[str, Any]:
    return {
        "bytes": source.stat().st_size if isinstance(source, Path) else len(source.getbuffer()),
        "format": reader.codec,
        "size_wh": reader.size_wh,
        "frame_rate": str(reader.rate),
        "duration_s": reader.duration_s,
        "has_audio": reader.has_audio,
    }


def _problem(kind: str, message: str, time_s: float | None) -> dict[str, Any]:
    return {"kind": kind, "message": message, "time_s": time_s}


def _end(result: Result, writer: DocumentWriter, watch: Stopwatch, film: Path | None) -> None:
    result.timings = timings(watch, result.summary.frames)
    writer.end(tail(result, {} if film is None else {"annotated": film.name}))
