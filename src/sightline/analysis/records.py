"""Findings as rows: one for each thing in each frame, for tables that are asked questions. One definition for server and archives.

Long lists (landmarks, meshes, the movements of a face) stay in the document; a row holds what questions are asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sightline.core.errors import InvalidInputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["RecordRow", "arrow_schema", "rows", "to_table"]

_FACE = ("mesh_score", "head_pose_deg", "eye_openness", "mouth_openness", "gaze_deg")
_HAND = ("side", "side_score", "gesture_score", "number")
_NO_GESTURE = "unknown"
_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class RecordRow(NamedTuple):
    """One observation in one frame.

    Attributes
    ----------
    kind : str
        face, body, hand, people, text or object.
    label : str or None
        Class of an object, gesture of a hand.
    text : str or None
        Recognised text.
    frame : int
        Index in the video; 0 in a picture.
    time_s : float
        Time in the video, seconds.
    track_id : int or None
        Stable within one video.
    score : float
        0..1. The matte of people has none of its own: 1.
    box_xyxy : tuple of float or None
        Pixels, half-open.
    attributes : dict
        What else was measured, with the names of the document: of faces ``mesh_score``, ``head_pose_deg``, ``eye_openness``,
        ``mouth_openness``, ``gaze_deg``; of bodies ``skeleton``; of hands ``side``, ``side_score``, ``gesture_score``, ``number``;
        of people ``coverage``; of text ``rotation_deg``.
    """

    kind: str
    label: str | None
    text: str | None
    frame: int
    time_s: float
    track_id: int | None
    score: float
    box_xyxy: tuple[float, float, float, float] | None
    attributes: dict[str, Any]


def rows(frames: Iterable[Mapping[str, Any]]) -> list[RecordRow]:
    """Return one row for each thing found.

    Parameters
    ----------
    frames : iterable of dict
        As ``document.FrameFindings``: ``Findings.to_json`` with ``index`` and ``time_s``.

    Returns
    -------
    list of RecordRow
        Frame by frame; within a frame faces, bodies, hands, people, text, objects, each in the document's order. Where nobody is,
        there is no row for ``people``.

    Examples
    --------
    >>> frame = {"index": 3, "time_s": 0.1, "objects": [{"label": "cup", "score": 0.8, "box_xyxy": [1, 2, 3, 4]}]}
    >>> row = rows([frame])[0]
    >>> row.kind, row.label, row.frame, row.box_xyxy
    ('object', 'cup', 3, (1, 2, 3, 4))
    """
    found: list[RecordRow] = []
    for frame in frames:
        found.extend(_frame(frame))
    return found


def _frame(frame: Mapping[str, Any]) -> Iterator[RecordRow]:
    index, time_s = frame["index"], frame["time_s"]
    for f in frame.get("faces") or ():
        some = {name: f[name] for name in _FACE if name in f}
        yield RecordRow("face", None, None, index, time_s, f.get("id"), f["score"], tuple(f["box_xyxy"]), some)
    for f in frame.get("bodies") or ():
        some = {"skeleton": f["skeleton"]} if "skeleton" in f else {}
        yield RecordRow("body", None, None, index, time_s, f.get("id"), f["score"], tuple(f["box_xyxy"]), some)
    for f in frame.get("hands") or ():
        some = {name: f[name] for name in _HAND if name in f}
        label = f.get("gesture")
        label = None if label == _NO_GESTURE else label
        yield RecordRow("hand", label, None, index, time_s, f.get("id"), f["score"], tuple(f["box_xyxy"]), some)
    people = frame.get("people")
    if people and people.get("box_xyxy"):
        yield RecordRow("people", None, None, index, time_s, None, 1.0, tuple(people["box_xyxy"]), {"coverage": people["coverage"]})
    for f in frame.get("text") or ():
        some = {"rotation_deg": f["rotation_deg"]} if "rotation_deg" in f else {}
        yield RecordRow("text", None, f["text"], index, time_s, f.get("id"), f["score"], tuple(f["box_xyxy"]), some)
    for f in frame.get("objects") or ():
        yield RecordRow("object", f["label"], None, index, time_s, f.get("id"), f["score"], tuple(f["box_xyxy"]), {})


def arrow_schema(extra: Mapping[str, pyarrow.DataType] | None = None) -> pyarrow.Schema:
    """Return the columns of records in Parquet and Arrow.

    Parameters
    ----------
    extra : mapping of name to Arrow type, optional
        Columns that come before: what the rows belong to.

    Returns
    -------
    pyarrow.Schema
        The extra columns, then kind, label, text, frame, time_s, track_id, score, x0, y0, x1, y1 and attributes (JSON).

    Raises
    ------
    MissingExtraError
        When pyarrow is not installed.

    Examples
    --------
    >>> arrow_schema().names[:4]
    ['kind', 'label', 'text', 'frame']
    """
    pa = _pyarrow()
    own = [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("text", pa.string()),
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("track_id", pa.int64()),
        pa.field("score", pa.float32(), nullable=False),
        *(pa.field(name, pa.float32()) for name in ("x0", "y0", "x1", "y1")),
        pa.field("attributes", pa.string(), nullable=False),
    ]
    return pa.schema([*(pa.field(name, kind) for name, kind in (extra or {}).items()), *own])


def to_table(records: Sequence[RecordRow], extra: Mapping[str, tuple[pyarrow.DataType, Any]] | None = None) -> pyarrow.Table:
    """Return rows as an Arrow table with the columns of `arrow_schema`.

    Parameters
    ----------
    records : sequence of RecordRow
    extra : mapping of name to (Arrow type, values), optional
        Columns that come before. Values: a list with one a row, or a single value for all rows.

    Raises
    ------
    InvalidInputError
        When a list has not one value a row.
    MissingExtraError
        When pyarrow is not installed.

    Examples
    --------
    >>> import pyarrow as pa
    >>> row = RecordRow("object", "cup", None, 0, 0.0, None, 0.8, (1, 2, 3, 4), {})
    >>> to_table([row], {"path": (pa.string(), "a.jpg")}).to_pylist()[0]["path"]
    'a.jpg'
    """
    pa = _pyarrow()
    schema = arrow_schema({name: kind for name, (kind, _) in (extra or {}).items()})
    columns: list[Any] = []
    for name, (kind, values) in (extra or {}).items():
        if isinstance(values, list) and len(values) != len(records):
            raise InvalidInputError(f"column {name!r} has {len(values)} values for {len(records)} rows")
        columns.append(pa.array(values, kind) if isinstance(values, list) else pa.repeat(pa.scalar(values, kind), len(records)))
    own = list(zip(*records, strict=True)) or [()] * len(RecordRow._fields)
    *plain, boxes, attributes = own
    corners = list(zip(*(box or (None,) * 4 for box in boxes), strict=True)) or [()] * 4
    as_json = [_to_json(a) if a else "{}" for a in attributes]
    types = schema.types[len(columns) :]
    columns += [pa.array(values, kind) for values, kind in zip([*plain, *corners, as_json], types, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError("cluster", "Parquet") from error
    return pa
