"""The HTML report of a run: one file that holds everything, pictures included."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sightline.analysis.findings import KINDS
from sightline.analysis.results import Result
from sightline.analysis.summary import Summary, Thumbnail, Timeline
from sightline.media.images import encode_image

_LANE_H = 22
_PLOT_W = 960
_LABEL_W = 84
_COLOURS = {
    "faces": "#0072b2",
    "bodies": "#d55e00",
    "hands": "#009e73",
    "people": "#cc79a7",
    "text": "#7a5fd0",
    "objects": "#b8860b",
}


_WORDS = {
    "faces": ("face", "faces"),
    "bodies": ("body", "bodies"),
    "hands": ("hand", "hands"),
    "people": ("with people", "with people"),
    "text": ("line of text", "lines of text"),
    "objects": ("object", "objects"),
}


def named(count: int, kind: str) -> str:
    """Return a count with the word that fits it.

    Examples
    --------
    >>> named(1, "bodies"), named(2, "text")
    ('1 body', '2 lines of text')
    """
    return f"{count} {_WORDS[kind][count != 1]}"


def render(results: Sequence[Result], folder: Path, *, total_s: float, version: str) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    results : sequence of Result
        In the order of the run.
    folder : Path
        Where the report will lie; links to the outputs are relative to it.
    total_s : float
        Wall time of the run, seconds.
    version : str
        Version of Sightline.
    """
    from jinja2 import Environment, StrictUndefined

    template = (resources.files("sightline.analysis") / "templates" / "report.html").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    totals = {kind: sum(r.summary.most.get(kind, 0) for r in results) for kind in KINDS}
    return environment.from_string(template).render(
        rows=[_row(number, r, folder) for number, r in enumerate(results)],
        failed=sum(bool(r.problems) for r in results),
        frames=sum(r.summary.frames for r in results),
        totals={kind: count for kind, count in totals.items() if count},
        total_s=total_s,
        colours=_COLOURS,
        words=_WORDS,
        named=named,
        version=version,
    )


def _row(number: int, result: Result, folder: Path) -> dict[str, Any]:
    summary = result.summary
    files = {"JSON": result.document_path, "annotated": result.annotated_path, "matte": result.matte_path}
    return {
        "links": [(name, quote(path.relative_to(folder).as_posix())) for name, path in files.items() if path is not None],
        "number": number,
        "result": result,
        "thumbnails": [_picture(t) for t in summary.thumbnails],
        "most": {k: summary.most[k] for k in KINDS if k in summary.most},
        "different": summary.different(),
        "words": summary.top_words(),
        "texts": summary.top_texts(),
        "timeline": _timeline(summary) if result.kind == "video" and summary.frames else None,
        "timings": result.timings,
    }


def _picture(thumbnail: Thumbnail) -> dict[str, Any]:
    data = base64.b64encode(encode_image(thumbnail.image, "JPEG", quality=82)).decode()
    height, width = thumbnail.image.shape[:2]
    return {"uri": f"data:image/jpeg;base64,{data}", "time": clock(thumbnail.time_s), "width": width, "height": height}


def _timeline(summary: Summary) -> dict[str, Any]:
    timeline = summary.timeline
    kinds = [kind for kind in KINDS if kind in summary.most]
    lanes = [_lane(timeline, kind, row, summary.most[kind]) for row, kind in enumerate(kinds)]
    end_s = max(len(timeline.buckets) * timeline.width_s, timeline.width_s)
    ticks = [{"x": _LABEL_W + i * _PLOT_W / 6, "text": clock(end_s * i / 6)} for i in range(7)]
    return {
        "lanes": lanes,
        "ticks": ticks,
        "width": _LABEL_W + _PLOT_W + 30,
        "height": len(kinds) * (_LANE_H + 6) + 24,
        "label_w": _LABEL_W,
    }


def _lane(timeline: Timeline, kind: str, row: int, most: int) -> dict[str, Any]:
    step = _PLOT_W / max(len(timeline.buckets), 1)
    base = row * (_LANE_H + 6) + _LANE_H
    bars = []
    for index, bucket in enumerate(timeline.buckets):
        count = bucket.get(kind, 0)
        if count:
            height = max(_LANE_H * count / max(most, 1), 3)
            bars.append(
                {"x": round(_LABEL_W + index * step, 2), "y": round(base - height, 2), "w": round(max(step, 1), 2), "h": round(height, 2)}
            )
    return {"kind": kind, "colour": _COLOURS[kind], "most": most, "base": base, "bars": bars, "end": _LABEL_W + _PLOT_W}


def clock(time_s: float) -> str:
    """Return a time as m:ss.s, or h:mm:ss from one hour on.

    Examples
    --------
    >>> clock(61.25), clock(3725)
    ('1:01.2', '1:02:05')
    """
    minutes, seconds = divmod(time_s, 60)
    if minutes < 60:
        return f"{int(minutes)}:{int(seconds * 10) / 10:04.1f}"
    return f"{int(minutes // 60)}:{int(minutes % 60):02d}:{int(seconds):02d}"
