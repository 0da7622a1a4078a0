"""One picture: document, annotated picture, matte."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

import sightline
from sightline.analysis.findings import Findings
from sightline.analysis.inputs import Input
from sightline.analysis.looker import Looker
from sightline.analysis.progress import Progress
from sightline.analysis.results import Result
from sightline.analysis.summary import Stopwatch, Thumbnail
from sightline.analysis.writer import DocumentWriter
from sightline.core.boxes import iou
from sightline.core.frame import Image
from sightline.core.observations import Bodies, Detections, Observations
from sightline.media.drawing import DrawStyle, draw, draw_matte
from sightline.media.images import image_info, read_image, thumbnail, write_image
from sightline.media.metadata import read_metadata

THUMBNAIL_PX = 560
_SAME_PERSON_IOU = 0.4
_MATTE = DrawStyle(opacity=0.18)


def look_at_picture(
    source: Path | BytesIO, item: Input, result: Result, looker: Looker, writer: DocumentWriter, target: Path | None, shown: Progress
) -> None:
    """Analyse one picture and fill in its result.

    Raises
    ------
    MediaError
        When the picture cannot be read.
    """
    watch = Stopwatch()
    data: Any = source if isinstance(source, Path) else source.getvalue()
    with watch.step("decode"):
        info = image_info(data)
        image = read_image(data)
    writer.begin(head(result, looker, {"bytes": size_of(source, data), "format": info.format, "size_wh": info.size_wh}))
    findings = looker.look(image, watch.step)
    writer.frame({"index": 0, "time_s": 0.0, **findings.to_json(landmarks=looker.options.landmarks)})
    result.summary.add(0.0, findings)
    outputs: dict[str, str] = {}
    with watch.step("draw"):
        annotated = annotate(image, findings)
    if target is not None:
        with watch.step("write"):
            metadata = read_metadata(data)
            result.annotated_path = target.with_name(target.name + ".annotated.jpg")
            write_image(result.annotated_path, annotated, metadata=metadata)
            outputs["annotated"] = result.annotated_path.name
            if findings.people is not None and findings.people.any():
                result.matte_path = target.with_name(target.name + ".matte.png")
                write_image(result.matte_path, findings.people[..., None].repeat(3, axis=2))
                outputs["matte"] = result.matte_path.name
    result.summary.add_thumbnail(Thumbnail(0.0, thumbnail(annotated, THUMBNAIL_PX)))
    result.complete, result.timings = True, timings(watch, 1)
    writer.end(tail(result, outputs))
    shown.frames(1, 1)


def annotate(image: Image, findings: Findings, carried: Sequence[Observations] = ()) -> Image:
    """Return the picture with everything that was found drawn on it; the matte lies below the rest."""
    if findings.people is not None:
        image = draw_matte(image, findings.people, style=_MATTE)
    return draw(image, *(_but_known_people(value, findings.bodies) for value in (*carried, *findings.observations())))


def _but_known_people(value: Observations, bodies: Bodies | None) -> Observations:
    """Leave out person boxes around bodies that are drawn anyway."""
    if not isinstance(value, Detections) or bodies is None or not len(bodies) or not len(value):
        return value
    same = iou(value.boxes_xyxy, bodies.boxes_xyxy).max(axis=1) > _SAME_PERSON_IOU
    return value[~(same & (np.array(value.names()) == "person"))]


def head(result: Result, looker: Looker, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a document before its frames."""
    return {
        "schema_version": "1.0",
        "sightline_version": sightline.__version__,
        "source": {"path": result.source, "kind": result.kind, **facts},
        "only": list(looker.options.only),
        "models": looker.models(),
    }


def tail(result: Result, outputs: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a document after its frames."""
    return {"problems": result.problems, "outputs": outputs, "timings": result.timings, "complete": result.complete}


def size_of(source: Path | BytesIO, data: Any) -> int:
    """Return how many bytes an input has."""
    return source.stat().st_size if isinstance(source, Path) else len(data)


def timings(watch: Stopwatch, frames: int) -> dict[str, Any]:
    """Return the document's timings."""
    total_s = watch.elapsed_s()
    return {
        "total_s": round(total_s, 4),
        "frames": frames,
        "frames_per_s": round(frames / total_s, 2) if total_s else 0.0,
        "mean_ms": watch.mean_ms(),
    }
