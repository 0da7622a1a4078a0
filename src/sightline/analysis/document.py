"""The JSON document that ``analyze`` writes for each input: its shape, as pydantic models.

The JSON Schema made from them is shipped as ``analysis/schema/analysis-1.schema.json`` and described in docs/document.md. Within one
major version fields are only added. Lengths are pixels of the upright picture, origin at the top left corner, unless
a name carries another unit; left and right are the subject's own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"

Box = Annotated[tuple[float, float, float, float], Field(description="x0, y0, x1, y1; pixels, half-open")]
Point = tuple[float, float]
Point3 = tuple[float, float, float]
Unit = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["faces", "bodies", "hands", "people", "text", "objects"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HeadPose(_Part):
    """Degrees; yaw > 0: to the subject's left, pitch > 0: up, roll > 0: towards the subject's left shoulder."""

    yaw: float
    pitch: float
    roll: float


class Gaze(_Part):
    """Degrees relative to the camera; yaw > 0: to the subject's left, pitch > 0: up."""

    yaw: float
    pitch: float


class Sides(_Part):
    """One number for each of the subject's sides."""

    right: float
    left: float


class Found(_Part):
    """What every found thing has."""

    id: int | None = Field(default=None, ge=1, description="Stable within one video; absent in pictures and before it is sure.")
    box_xyxy: Box
    score: Unit


class Face(Found):
    """A face. Fields of the mesh are absent where the face is too small or turned away for it."""

    points_xy: list[Point] | None = Field(default=None, description="Right eye, left eye, nose tip, right and left mouth corner.")
    mesh_xyz: list[Point3] | None = Field(default=None, description="478 points; z at the scale of x and y, smaller is nearer.")
    mesh_score: Unit | None = None
    head_pose_deg: HeadPose | None = None
    eye_openness: Sides | None = Field(default=None, description="Lid gap over eye width.")
    mouth_openness: float | None = Field(default=None, description="Inner lip gap over inner mouth width.")
    gaze_deg: Gaze | None = None
    actions: dict[str, Unit] | None = Field(default=None, description="Movements of the face, 0..1; they name no feeling.")


class Body(Found):
    """A body."""

    skeleton: Literal["blazepose33", "coco17"]
    points_xyz: list[Point3] | None = Field(default=None, description="Landmarks; z at the scale of x and y, relative to the hips.")
    visibility: list[Unit] | None = None
    world_xyz_m: list[Point3] | None = Field(default=None, description="Metres, origin between the hips.")


class Hand(Found):
    """A hand."""

    side: Literal["left", "right"] = Field(description="The subject's.")
    side_score: Unit
    points_xyz: list[Point3] | None = Field(default=None, description="21 landmarks; z relative to the wrist.")
    world_xyz_m: list[Point3] | None = Field(default=None, description="Metres, origin at the hand's centre.")
    gesture: str | None = None
    gesture_score: Unit | None = None
    number: int | None = Field(default=None, ge=1, le=5, description="The number that the fingers show; absent when they show none.")


class People(_Part):
    """How much of the picture is people; the matte itself is an output file."""

    coverage: Unit
    box_xyxy: Box | None = Field(default=None, description="Around everything at least half covered; absent when there is nothing.")


class TextLine(Found):
    """A line of text; lines are in reading order."""

    text: str
    quad_xy: tuple[Point, Point, Point, Point] = Field(description="Clockwise from the text's own top left corner.")
    rotation_deg: float | None = None


class Object(Found):
    """An object of one of the 80 COCO classes."""

    label: str


class FrameFindings(_Part):
    """What was found in one frame. A kind that is absent was not looked for in this frame; an empty list: looked for, none."""

    index: int = Field(ge=0)
    time_s: float = Field(ge=0)
    faces: list[Face] | None = None
    bodies: list[Body] | None = None
    hands: list[Hand] | None = None
    people: People | None = None
    text: list[TextLine] | None = None
    objects: list[Object] | None = None


class Source(_Part):
    """What was looked at."""

    path: str = Field(description="As given; bytes that are not UTF-8 are shown as \\xNN; '-' is stdin.")
    kind: Literal["picture", "video"] | None = Field(description="null when it could not be told.")
    bytes: int | None = None
    format: str | None = Field(default=None, description="Such as JPEG, or the video's codec.")
    size_wh: tuple[int, int] | None = Field(default=None, description="Upright.")
    frame_rate: str | None = Field(default=None, description="Average, as a fraction such as 30000/1001.")
    duration_s: float | None = None
    has_audio: bool | None = None


class Model(_Part):
    """A net that was used."""

    name: str
    sha256: str
    provider: str = Field(description="Engine and device that ran it.")


class Problem(_Part):
    """Something that was lost or could not be done."""

    kind: str = Field(description="Name of the error class.")
    message: str
    time_s: float | None = Field(default=None, description="Where in the video.")


class Timings(_Part):
    """Where the time went."""

    total_s: float
    frames: int
    frames_per_s: float
    mean_ms: dict[str, float] = Field(description="Mean of each step, milliseconds a frame in which it ran.")


class Outputs(_Part):
    """Files beside the document, relative to it."""

    annotated: str | None = None
    matte: str | None = None


class Document(_Part):
    """One input and what was found in it."""

    schema_version: Literal["1.0"] = "1.0"
    sightline_version: str
    source: Source
    only: list[Kind]
    models: list[Model]
    frames: list[FrameFindings]
    problems: list[Problem]
    outputs: Outputs
    timings: Timings | None
    complete: bool = Field(description="False when the input could not be read to its end or the run was stopped.")


def json_schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of the document.

    Examples
    --------
    >>> json_schema()["title"]
    'Sightline analysis'
    """
    schema = Document.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Sightline analysis"}
