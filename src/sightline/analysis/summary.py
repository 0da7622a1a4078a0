"""What a run's report says of one input: counts, timeline, small pictures, timings. Bounded, however long the video."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sightline.analysis.findings import Findings
from sightline.core.frame import Image

_MAX_THUMBNAILS = 8
_MAX_BUCKETS = 512
_MAX_WORDS = 12


@dataclass(frozen=True)
class Thumbnail:
    """A small annotated picture and its time."""

    time_s: float
    image: Image


class Timeline:
    """The most of each kind seen at once, over time; the buckets widen as the video grows.

    Examples
    --------
    >>> timeline = Timeline()
    >>> timeline.add(0.2, {"faces": 1})
    >>> timeline.add(0.4, {"faces": 3})
    >>> timeline.width_s, timeline.buckets
    (0.5, [{'faces': 3}])
    """

    def __init__(self) -> None:
        self.width_s = 0.5
        self.buckets: list[dict[str, int]] = []

    def add(self, time_s: float, counts: dict[str, int]) -> None:
        """Add one frame."""
        while time_s / self.width_s >= _MAX_BUCKETS:
            self._widen()
        index = int(time_s / self.width_s)
        self.buckets.extend({} for _ in range(index + 1 - len(self.buckets)))
        bucket = self.buckets[index]
        for kind, count in counts.items():
            bucket[kind] = max(bucket.get(kind, 0), count)

    def _widen(self) -> None:
        self.width_s *= 2
        padded = [*self.buckets, {}]
        pairs = zip(padded[0 : len(self.buckets) : 2], padded[1 : len(self.buckets) + 1 : 2], strict=False)
        self.buckets = [{k: max(a.get(k, 0), b.get(k, 0)) for k in {**a, **b}} for a, b in pairs]


class Stopwatch:
    """Adds up where the time goes.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch.step("faces"):
    ...     pass
    >>> list(watch.mean_ms())
    ['faces']
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._total_s: dict[str, float] = defaultdict(float)
        self._count: Counter[str] = Counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._total_s[name] += time.perf_counter() - began
            self._count[name] += 1

    def elapsed_s(self) -> float:
        """Return the time since the watch was made, seconds."""
        return time.perf_counter() - self._began

    def mean_ms(self) -> dict[str, float]:
        """Return the mean of each step over the times it ran, milliseconds."""
        return {name: round(total / self._count[name] * 1000, 3) for name, total in self._total_s.items()}


@dataclass
class Summary:
    """What was found in one input, in short.

    Attributes
    ----------
    frames : int
        Frames looked at.
    most : dict
        The most of each kind seen in one frame.
    words, texts : Counter
        Object classes and gestures; lines of text; with the number of frames they were seen in.
    """

    timeline: Timeline = field(default_factory=Timeline)
    thumbnails: list[Thumbnail] = field(default_factory=list)
    frames: int = 0
    last_time_s: float = 0.0
    most: dict[str, int] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    _ids: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _thumbnail_every_s: float = 1.0

    def add(self, time_s: float, findings: Findings) -> None:
        """Add one frame."""
        counts = findings.counts()
        self.frames += 1
        self.last_time_s = time_s
        self.timeline.add(time_s, counts)
        for kind, count in counts.items():
            self.most[kind] = max(self.most.get(kind, 0), count)
        for value in findings.observations():
            if value.ids is not None:
                self._ids[value.kind].update(value.ids[value.ids >= 0].tolist())
        if findings.objects is not None:
            self.words.update(set(findings.objects.names()))
        if findings.hands is not None and findings.hands.gestures is not None:
            names = {findings.hands.gesture_names[g] for g in findings.hands.gestures}
            self.words.update(names - {"unknown"})
        if findings.text is not None:
            self.texts.update(dict.fromkeys(map(str, findings.text.texts), 1))
            if len(self.texts) > 50 * _MAX_WORDS:
                self.texts = Counter(dict(self.texts.most_common(25 * _MAX_WORDS)))

    def wants_thumbnail(self, time_s: float) -> bool:
        """Return whether a small picture of this moment belongs in the report."""
        return not self.thumbnails or time_s >= self.thumbnails[-1].time_s + self._thumbnail_every_s

    def add_thumbnail(self, thumbnail: Thumbnail) -> None:
        """Keep a small picture; when there are too many, every second one goes and the steps double."""
        self.thumbnails.append(thumbnail)
        if len(self.thumbnails) > _MAX_THUMBNAILS:
            self.thumbnails = self.thumbnails[::2]
            self._thumbnail_every_s *= 2

    def different(self) -> dict[str, int]:
        """Return how many different things of each kind were followed through a video."""
        return {kind: len(ids) for kind, ids in self._ids.items()}

    def top_words(self) -> list[tuple[str, int]]:
        """Return the classes and gestures seen most often."""
        return self.words.most_common(_MAX_WORDS)

    def top_texts(self) -> list[str]:
        """Return the lines of text seen most often, in the order in which they were first seen."""
        best = {text for text, _ in self.texts.most_common(_MAX_WORDS)}
        return [text for text in self.texts if text in best]
