"""A video in pieces: each piece is looked at on its own, anywhere and at any time, and the pieces are put together again.

The pieces of a video share no frame and leave none out. To know who is who at its first frame, each piece is looked at from a
little before its start (the run-in); what was found there is not part of its findings, but tells which of its ids are
which of the piece before.

How a job goes about it::

    for piece in plan(duration_s):
        after = look_at_segment(path, piece.start_s, piece.end_s, RUN_IN_S, options, looker)
        before = stitch(before, after)   # ids and indices of the whole video; keep before["frames"] and carry(before)
        if before["ended"]: break        # or else, after the last planned one, go on with piece.following()

Looking needs nothing of the other pieces and may be done side by side; stitching goes from the first to the last and costs
next to nothing. Of the piece before it needs `carry` alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sightline.analysis.findings import KINDS
from sightline.analysis.follower import Follower
from sightline.analysis.looker import Looker
from sightline.analysis.options import Options
from sightline.analysis.stitching import carry, stitch
from sightline.analysis.summary import Stopwatch
from sightline.core.errors import InvalidInputError, MediaError, MediaLimitError, display_name
from sightline.core.frame import Frame
from sightline.media.overlap import prefetch
from sightline.media.video_reader import VideoLimits, VideoReader
from sightline.media.video_survey import VideoSurvey, survey_video

__all__ = ["RUN_IN_S", "SEGMENT_S", "Segment", "carry", "look_at_segment", "plan", "plan_file", "stitch"]

SEGMENT_S = 10.0
RUN_IN_S = 1.0
_LEAST_LAST_SHARE = 0.25
_IRREGULAR_S = 120.0
_READ_AHEAD = 4
_EPS_S = 1e-6
_BRIEF = ("id", "box_xyxy", "label")


class Segment(NamedTuple):
    """One piece of a video: the frames from ``start_s`` on and before ``end_s``.

    Attributes
    ----------
    number : int
        From 0.
    start_s, end_s : float
        Seconds from the start of the video.
    """

    number: int
    start_s: float
    end_s: float

    def following(self, length_s: float = SEGMENT_S) -> Segment:
        """Return the piece after this one.

        Examples
        --------
        >>> Segment(0, 0.0, 10.0).following()
        Segment(number=1, start_s=10.0, end_s=20.0)
        """
        return Segment(self.number + 1, self.end_s, self.end_s + length_s)


def plan(duration_s: float | None, length_s: float = SEGMENT_S) -> tuple[Segment, ...]:
    """Cut a video into pieces.

    Headers lie, so the plan is a guess: work through it until a piece's findings say ``ended``, and where the last one does
    not, go on with `Segment.following`.

    Parameters
    ----------
    duration_s : float or None
        Length of the video, None when it is not known: one piece then, and the rest by `Segment.following`.
    length_s : float
        Length of a piece, seconds. A rest of less than a quarter of it belongs to the piece before.

    Returns
    -------
    tuple of Segment
        At least one. Borders are multiples of ``length_s``.

    Raises
    ------
    InvalidInputError
        When a length is not above 0, or not finite.

    Examples
    --------
    >>> [(s.start_s, s.end_s) for s in plan(27.5)]
    [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    >>> [(s.start_s, s.end_s) for s in plan(20.5)]
    [(0.0, 10.0), (10.0, 30.0)]
    """
    if not 0 < length_s < math.inf:
        raise InvalidInputError(f"a piece must have a length above 0 s, got {length_s!r}")
    if duration_s is not None and not 0 <= duration_s < math.inf:
        raise InvalidInputError(f"a video's duration is a number of seconds from 0 on, or None, got {duration_s!r}")
    whole, rest = divmod(duration_s or 0.0, length_s)
    count = int(whole) + (rest >= length_s * _LEAST_LAST_SHARE)
    end_s = (int(whole) + (rest > 0)) * length_s
    segments = [Segment(n, n * length_s, (n + 1) * length_s) for n in range(max(1, count))]
    segments[-1] = segments[-1]._replace(end_s=max(end_s, segments[-1].end_s))
    return tuple(segments)


def plan_file(path: str | os.PathLike[str], length_s: float = SEGMENT_S, *, limits: VideoLimits | None = None) -> tuple[Segment, ...]:
    """Cut a video into pieces by what is in it, not by what its header says: its packets are read once, none is decoded.

    A video whose timestamps are broken must be decoded from its start for every piece, so its pieces are longer: two minutes at least.

    Parameters
    ----------
    path : path
        The video.
    length_s : float
        Length of a piece, seconds.
    limits : VideoLimits
        Bytes, pixels and seconds.

    Raises
    ------
    MediaError
        When the file cannot be read as a video, or is longer than the limits.
    InvalidInputError
        When ``length_s`` is not above 0.
    """
    survey, longest_s = _survey(path, limits), (limits or VideoLimits()).max_duration_s
    if survey.end_s > longest_s:
        raise MediaLimitError(path, f"{survey.end_s:.0f} s long, more than the limit of {longest_s:.0f} s")
    return plan(survey.end_s + 2 * _EPS_S, length_s if survey.regular else max(length_s, _IRREGULAR_S))


@dataclass
class _Seen:
    """What is gathered while the frames of a piece go by."""

    start_s: float
    end_s: float
    frames: list[dict[str, Any]] = field(default_factory=list)
    run_in: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = True
    size_wh: tuple[int, int] = (0, 0)
    format: str = ""


def look_at_segment(
    path: str | os.PathLike[str],
    start_s: float,
    end_s: float,
    run_in_s: float = RUN_IN_S,
    options: Options | None = None,
    looker: Looker | None = None,
    *,
    name: str | None = None,
    limits: VideoLimits | None = None,
) -> dict[str, Any]:
    """Find what is in one piece of a video: in the frames with ``start_s <= time < end_s``.

    Every frame of a video belongs to exactly one of the pieces that have common borders, and has the time that it has when
    the video is read in one go.

    Parameters
    ----------
    path : path
        The video.
    start_s, end_s : float
        Borders of the piece, seconds.
    run_in_s : float
        How long before ``start_s`` to begin to look.
    options : Options, optional
        What to look for, and how hard.
    looker : Looker, optional
        The nets, opened with the same options; without it they are opened for this piece alone.
    name : str, optional
        What problems call the video; by default its path.
    limits : VideoLimits, optional
        Bytes, pixels and seconds.

    Returns
    -------
    dict
        JSON-able: ``frames`` (as ``document.FrameFindings``; ids are the piece's own and, where packets are damaged, so are
        the indices, until `stitch`), ``run_in`` and ``tail`` (ids and boxes in the frames of the run-in and in the last
        ``run_in_s`` of the piece), ``frame_count``, ``counts`` (the most of each kind in one frame), ``problems``, ``models``,
        ``steps_ms``, ``took_s``, ``size_wh``, ``format``, ``start_s``, ``end_s``, ``ended`` (no frame comes at or after
        ``end_s``, as far as it can be read), ``next_ids`` and ``next_index`` (the first that are free).

    Raises
    ------
    InvalidInputError
        When the borders are not in order.
    MediaError
        When the file cannot be read as a video, or not one frame of it.
    ModelNotFetchedError, ModelCorruptError, DeviceError
        When the nets cannot be opened.
    """
    if not 0 <= start_s < end_s or not run_in_s >= 0:
        raise InvalidInputError(f"expected 0 <= start_s < end_s and run_in_s >= 0, got {start_s}, {end_s} and {run_in_s}")
    watch, seen = Stopwatch(), _Seen(start_s, end_s)
    own = None if looker is not None else Looker(options)
    used = looker or own
    assert used is not None
    try:
        _look(path, run_in_s, used, seen, watch, name or display_name(Path(path)), limits or VideoLimits())
        return _result(seen, run_in_s, used.models(), watch)
    finally:
        if own is not None:
            own.close()


def _look(
    path: str | os.PathLike[str], run_in_s: float, looker: Looker, seen: _Seen, watch: Stopwatch, name: str, limits: VideoLimits
) -> None:
    survey = _survey(path, limits)
    first_s = max(0.0, seen.start_s - run_in_s)
    with VideoReader(path, start_s=first_s if survey.regular else 0.0, limits=limits) as reader:
        follower = Follower(looker)
        seen.size_wh, seen.format = reader.size_wh, reader.codec
        try:
            with prefetch(reader, _READ_AHEAD) as frames:
                for frame in _between(frames, first_s, seen, watch):
                    _add(frame, follower, survey, looker.options.landmarks, seen, watch)
        except MediaError as error:
            last_s = seen.frames[-1]["time_s"] if seen.frames else None
            seen.problems.append({"kind": type(error).__name__, "message": str(error), "time_s": last_s})
        losses = (p for p in reader.problems if p.end_s >= seen.start_s - _EPS_S and p.time_s < seen.end_s - _EPS_S)
        seen.problems += [{"kind": "VideoDecodeError", "message": f"{name}: {p}", "time_s": p.time_s} for p in losses]


def _between(frames: Iterator[Frame], first_s: float, seen: _Seen, watch: Stopwatch) -> Iterator[Frame]:
    """Yield the frames of run-in and piece; the first one after them tells that the video goes on."""
    while True:
        with watch.step("wait for decoder"):
            frame = next(frames, None)
        if frame is None:
            return
        if frame.time_s >= seen.end_s - _EPS_S:
            seen.ended = False
            return
        if frame.time_s >= first_s - _EPS_S:
            yield frame


def _add(frame: Frame, follower: Follower, survey: VideoSurvey, landmarks: bool, seen: _Seen, watch: Stopwatch) -> None:
    findings = follower.update(frame, watch.step).findings
    if frame.time_s < seen.start_s - _EPS_S:
        seen.run_in.append(_brief({"time_s": round(frame.time_s, 6), **findings.to_json(landmarks=False)}))
        return
    index = survey.index_at(frame.time_s) if survey.regular else frame.index
    with watch.step("write"):
        seen.frames.append({"index": index, "time_s": round(frame.time_s, 6), **findings.to_json(landmarks=landmarks)})
    for kind, count in findings.counts().items():
        seen.counts[kind] = max(seen.counts.get(kind, 0), count)


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    """Return ids, boxes and labels of one frame's findings."""
    kinds = {k: [{n: f[n] for n in _BRIEF if n in f} for f in found[k] if "id" in f] for k in KINDS if isinstance(found.get(k), list)}
    return {"time_s": found["time_s"], **{kind: rows for kind, rows in kinds.items() if rows}}


def _result(seen: _Seen, run_in_s: float, models: list[dict[str, str]], watch: Stopwatch) -> dict[str, Any]:
    tail = [_brief(f) for f in seen.frames if f["time_s"] >= seen.end_s - run_in_s - _EPS_S]
    highest: dict[str, int] = {}
    for frame in seen.frames:
        for kind in KINDS:
            if isinstance(found := frame.get(kind), list):
                highest[kind] = max(highest.get(kind, 0), *(f.get("id", 0) for f in found), 0)
    return {
        "start_s": seen.start_s,
        "end_s": seen.end_s,
        "size_wh": list(seen.size_wh),
        "format": seen.format,
        "frames": seen.frames,
        "run_in": seen.run_in,
        "tail": tail,
        "frame_count": len(seen.frames),
        "counts": {kind: seen.counts[kind] for kind in KINDS if kind in seen.counts},
        "problems": seen.problems,
        "models": models,
        "steps_ms": watch.mean_ms(),
        "took_s": round(watch.elapsed_s(), 4),
        "ended": seen.ended,
        "next_ids": {kind: top + 1 for kind, top in highest.items()},
        "next_index": seen.frames[-1]["index"] + 1 if seen.frames else 0,
    }


def _survey(path: str | os.PathLike[str], limits: VideoLimits | None) -> VideoSurvey:
    """Survey a file, once as long as it is the same file: a process looks at many pieces of one video."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - a path as text is as good
    except OSError:
        return survey_video(path, limits=limits)  # says what is wrong
    return _survey_once(os.fspath(path), limits, facts.st_size, facts.st_mtime_ns, facts.st_ino)


@lru_cache(maxsize=2)
def _survey_once(path: str, limits: VideoLimits | None, *identity: int) -> VideoSurvey:
    del identity
    return survey_video(path, limits=limits)
