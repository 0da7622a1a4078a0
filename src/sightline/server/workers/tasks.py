"""What a worker process can do. Each task takes and gives what JSON can say, and bytes at the top level.

================ ========================================================= ==========================================================
task             arguments                                                 result
================ ========================================================= ==========================================================
``inspect``      path, limits, name                                        dict, see `inspection.inspect`
``look``         path or data (bytes), options, limits, name               ``size_wh, findings, models, took_ms, steps_ms``
``annotate``     path or data, options, limits, name, format, quality      bytes of a JPEG or PNG with everything drawn
``thumbnail``    path, size_px, at_s, limits, name                         bytes of a JPEG
``plan``         path, length_s, limits, name                              list of ``{number, start_s, end_s}``
``segment``      path, start_s, end_s, run_in_s, options, limits, name     dict, see `sightline.analysis.segments.look_at_segment`
``live_frame``   session, jpeg (bytes), only, time_s, index, landmarks     ``size_wh, findings, look_ms, steps_ms``
``live_close``   session                                                   None
``warm``         options                                                   ``models``: nets opened, so that the first look is quick
================ ========================================================= ==========================================================

``options`` has the fields of `sightline.analysis.Options` (an ``api.analyses.AnalysisOptions`` fits); ``limits`` are
``api.settings.Limits``; ``name`` is what the uploader calls the file, for messages: paths of the server never get into them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakValueDictionary

from sightline.core.errors import InvalidInputError, MediaError, display_name

if TYPE_CHECKING:
    from sightline.analysis import Findings, Looker, Options
    from sightline.api.settings import Limits
    from sightline.core.frame import Image
    from sightline.server.workers.sessions import Sessions

_MAX_LOOKERS = 3
_MAX_LIVE_PIXELS = 4096 * 4096
_THUMBNAIL_QUALITY = 82


def all_tasks(threads: int) -> Mapping[str, Callable[..., Any]]:
    """Return the tasks by name, for a process that may use so many processors."""
    own = Tasks(threads)
    return {
        "inspect": own.inspect,
        "look": own.look,
        "annotate": own.annotate,
        "thumbnail": own.thumbnail,
        "plan": own.plan,
        "segment": own.segment,
        "live_frame": own.live_frame,
        "live_close": own.live_close,
        "warm": own.warm,
    }


class Tasks:
    """The tasks, and what they keep from one to the next: nets, and what live sessions remember."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lookers: OrderedDict[Options, Looker] = OrderedDict()
        self._nets: WeakValueDictionary[Any, Any] = WeakValueDictionary()
        self._in_use: WeakValueDictionary[Options, Looker] = WeakValueDictionary()
        self._live: Sessions | None = None

    def inspect(self, path: str, limits: Mapping[str, Any] | None = None, name: str | None = None) -> dict[str, Any]:
        """Return what a file is; see `inspection.inspect`."""
        from sightline.server.workers.inspection import inspect

        with _called(path, name):
            return inspect(path, _limits(limits))

    def look(
        self,
        path: str | None = None,
        data: bytes | None = None,
        options: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Return what is in a picture."""
        from sightline.analysis.summary import Stopwatch

        watch = Stopwatch()
        looker = self.looker(options, landmarks=True)
        with watch.step("decode"):
            image = _read(path, data, limits, name)
        findings = looker.look(image, watch.step)
        return {
            "size_wh": (image.shape[1], image.shape[0]),
            "findings": {"index": 0, "time_s": 0.0, **findings.to_json(landmarks=looker.options.landmarks)},
            "counts": findings.counts(),
            "models": looker.models(),
            "took_ms": round(watch.elapsed_s() * 1000, 3),
            "steps_ms": watch.mean_ms(),
        }

    def annotate(
        self,
        path: str | None = None,
        data: bytes | None = None,
        options: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        name: str | None = None,
        format: Literal["JPEG", "PNG"] = "JPEG",  # noqa: A002
        quality: int = 92,
    ) -> bytes:
        """Return a picture with everything that is in it drawn on it."""
        from sightline.analysis.picture import annotate
        from sightline.media.images import encode_image

        image = _read(path, data, limits, name)
        found: Findings = self.looker(options, landmarks=True).look(image)
        return encode_image(annotate(image, found), format, quality=quality)

    def thumbnail(
        self, path: str, size_px: int, at_s: float | None = None, limits: Mapping[str, Any] | None = None, name: str | None = None
    ) -> bytes:
        """Return a small JPEG of a picture, or of a video's frame at a time (its first one when the video ends before)."""
        from sightline.media.images import encode_image, thumbnail
        from sightline.media.kinds import kind_of

        with _called(path, name):
            image = _frame(path, at_s or 0.0, limits) if kind_of(path) == "video" else _read(path, None, limits, name)
            return encode_image(thumbnail(image, size_px), "JPEG", quality=_THUMBNAIL_QUALITY)

    def plan(
        self, path: str, length_s: float | None = None, limits: Mapping[str, Any] | None = None, name: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the pieces in which a video is to be looked at."""
        from sightline.analysis.segments import SEGMENT_S, plan_file

        with _called(path, name):
            return [piece._asdict() for piece in plan_file(path, length_s or SEGMENT_S, limits=_video_limits(limits))]

    def segment(
        self,
        path: str,
        start_s: float,
        end_s: float,
        run_in_s: float = 1.0,
        options: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Return what is in one piece of a video."""
        from sightline.analysis.segments import look_at_segment

        looker = self.looker(options, landmarks=False)
        with _called(path, name):
            shown = display_name(name or base_name(path))
            return look_at_segment(path, start_s, end_s, run_in_s, looker.options, looker, name=shown, limits=_video_limits(limits))

    def live_frame(
        self,
        session: str,
        jpeg: bytes,
        time_s: float,
        only: list[str] | None = None,
        index: int | None = None,
        landmarks: bool = False,
        limits: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return what is in the next frame of a live session."""
        from sightline.analysis.summary import Stopwatch

        watch = Stopwatch()
        kinds = {} if only is None else {"only": only}
        looker = self.looker({**kinds, "landmarks": landmarks}, landmarks=False)
        with watch.step("decode"):
            image = _read(None, jpeg, limits or {"max_pixels": _MAX_LIVE_PIXELS}, "the frame")
        number, at_s, found = self._sessions().update(session, image, time_s, looker, watch.step)
        return {
            "size_wh": (image.shape[1], image.shape[0]),
            "findings": {"index": number if index is None else index, "time_s": round(at_s, 6), **found.to_json(landmarks=landmarks)},
            "look_ms": round(watch.elapsed_s() * 1000, 3),
            "steps_ms": watch.mean_ms(),
        }

    def live_close(self, session: str) -> None:
        """Forget a live session."""
        self._sessions().close(session)

    def warm(self, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Open the nets that the options need."""
        return {"models": self.looker(options, landmarks=True).models()}

    def _sessions(self) -> Sessions:
        from sightline.server.workers.sessions import Sessions

        if self._live is None:
            self._live = Sessions()
        return self._live

    def looker(self, wanted: Mapping[str, Any] | None, *, landmarks: bool) -> Looker:
        """Return a Looker for the options, the last few of which are kept; they share their nets.

        Raises
        ------
        InvalidInputError
            When an option is unknown or out of range.
        """
        from sightline.analysis import Looker
        from sightline.runtime.session import sharing

        options = self._options(dict(wanted or {}), landmarks)
        looker = self._lookers.pop(options, None) or self._in_use.get(options)  # a live session may hold it still
        if looker is None:
            with sharing(self._nets):
                looker = self._in_use[options] = Looker(options)
        self._lookers[options] = looker
        if len(self._lookers) > _MAX_LOOKERS:
            self._lookers.popitem(last=False)  # its threads end when the last live session that uses it does
        return looker

    def _options(self, wanted: dict[str, Any], landmarks: bool) -> Options:
        from sightline.analysis import Options

        unknown = wanted.keys() - {f.name for f in fields(Options)}
        if unknown:
            raise InvalidInputError(f"unknown option {sorted(unknown)[0]!r}")
        if wanted.get("landmarks") is None:
            wanted["landmarks"] = landmarks
        return Options(**{"threads": self._threads, **wanted})


def base_name(path: str) -> str:
    """Return what a file is called in messages when its uploader's name for it is not known."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


@contextmanager
def _called(path: str | None, name: str | None) -> Iterator[None]:
    """Give the media errors of the block the uploader's name for the file instead of the server's path."""
    shown = display_name(name or (base_name(path) if path else "the picture"))
    try:
        yield
    except MediaError as error:
        if error.source != shown:
            error.args = (f"{shown}{str(error).removeprefix(error.source)}",)
            error.source = shown
        raise


def _read(path: str | None, data: bytes | None, limits: Mapping[str, Any] | None, name: str | None) -> Image:
    from sightline.media.images import read_image
    from sightline.server.workers.inspection import picture_limits

    if (path is None) == (data is None):
        raise InvalidInputError("a picture is given either by its path or by its data")
    with _called(path, name):
        return read_image(data if path is None else path, limits=picture_limits(_limits(limits)))  # type: ignore[arg-type]


def _frame(path: str, at_s: float, limits: Mapping[str, Any] | None) -> Image:
    """Return the frame of a video at a time, its first one when there is none then."""
    from sightline.media.video_reader import VideoReader

    with VideoReader(path, limits=_video_limits(limits)) as reader:
        first = next(reader)
        if at_s <= 0:
            return first.image
        reader.seek(at_s)
        frame = next(reader, first)
        return frame.image


def _limits(given: Mapping[str, Any] | None) -> Limits:
    from sightline.api.settings import Limits

    return Limits(**(given or {}))


def _video_limits(given: Mapping[str, Any] | None) -> Any:
    from sightline.media.video_reader import VideoLimits

    limits = _limits(given)
    return VideoLimits(limits.max_bytes, limits.max_pixels, limits.max_duration_s)
