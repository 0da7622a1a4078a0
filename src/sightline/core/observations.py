"""What was found in one picture: one frozen dataclass of arrays per kind, ``n`` on axis 0.

Every class answers ``len()``, is indexed by a mask, a slice or an index array (which returns the same class), checks
its shapes when it is made, and has ``empty()``. A column that was not computed is ``None``. Boxes are float32
``(x0, y0, x1, y1)`` in pixels of the upright picture, origin at the top left corner, half-open. Left and right are
the subject's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Index = slice | NDArray[np.bool_] | NDArray[np.integer[Any]] | Sequence[int] | Sequence[bool]


def column(*shape: int | None, dtype: type = np.float32, optional: bool = True, kw_only: bool = False) -> Any:
    """Declare an array column: the shape of one row (None: any length), the dtype, whether it may be None."""
    meta = {"shape": shape, "dtype": dtype, "optional": optional}
    return field(default=None, metadata=meta) if optional else field(metadata=meta, kw_only=kw_only)


@dataclass(frozen=True, eq=False)
class Observations:
    """Base of every kind of observation; holds the shape checks and indexing.

    Parameters
    ----------
    boxes_xyxy : ndarray of float32, shape (n, 4)
        Boxes in pixels, half-open.
    scores : ndarray of float32, shape (n,)
        How sure the detector is, 0..1.
    ids : ndarray of int64, shape (n,), optional
        Identity within one video, given by ``sightline.tracking``.

    Raises
    ------
    InvalidInputError
        When a column has the wrong shape or a different length.
    """

    boxes_xyxy: Floats = column(4, optional=False)
    scores: Floats = column(optional=False)
    ids: Ints | None = column(dtype=np.int64)

    kind: ClassVar[str] = "observations"

    def __post_init__(self) -> None:
        """Convert every column to its dtype and check its shape."""
        n = len(np.asarray(self.scores))
        for spec in _columns(self):
            value = getattr(self, spec.name)
            if value is None:
                if not spec.metadata["optional"]:
                    raise InvalidInputError(f"{type(self).__name__}.{spec.name} is required")
                continue
            object.__setattr__(self, spec.name, _checked(type(self).__name__, spec, value, n))

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: Index) -> Self:
        rows: Any = index if isinstance(index, slice) else np.asarray(index)
        if not isinstance(rows, slice) and rows.ndim != 1:
            if rows.size:
                raise InvalidInputError(f"index {type(self).__name__} with a mask, a slice or a list of rows, got {index!r}")
            rows = rows.reshape(0)
        if not isinstance(rows, slice) and rows.size == 0 and rows.dtype != np.bool_:
            rows = rows.astype(np.int64)
        taken = {s.name: getattr(self, s.name)[rows] for s in _columns(self) if getattr(self, s.name) is not None}
        return replace(self, **taken)

    @classmethod
    def empty(cls, **shared: Any) -> Self:
        """Return the value that says nothing was found.

        Examples
        --------
        >>> len(Faces.empty())
        0
        """
        required = {
            s.name: np.zeros((0, *[d or 0 for d in s.metadata["shape"]]), s.metadata["dtype"])
            for s in fields(cls)
            if "shape" in s.metadata and not s.metadata["optional"]
        }
        return cls(**{**required, **shared})

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join several values of the same kind; a column that any non-empty part lacks becomes None."""
        parts = [p for p in parts if len(p)] or list(parts[:1])
        if not parts:
            return cls.empty()
        joined: dict[str, Any] = {}
        for spec in _columns(parts[0]):
            values = [getattr(p, spec.name) for p in parts]
            joined[spec.name] = None if any(v is None for v in values) else np.concatenate(values)
        return replace(parts[0], **joined)


def _columns(value: Observations) -> list[Field[Any]]:
    return [f for f in fields(value) if "shape" in f.metadata]


def _checked(owner: str, spec: Field[Any], value: Any, n: int) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(value, dtype=spec.metadata["dtype"])
    want = (n, *spec.metadata["shape"])
    fits = array.ndim == len(want) and all(w is None or a == w for a, w in zip(array.shape, want, strict=True))
    if not fits:
        shown = tuple("any" if w is None else w for w in want)
        raise InvalidInputError(f"{owner}.{spec.name} must have shape {shown}, got {array.shape}")
    return array


@dataclass(frozen=True, eq=False)
class Faces(Observations):
    """Faces in one picture.

    Parameters
    ----------
    points_xy : ndarray of float32, shape (n, 5, 2), optional
        Centres of the right eye, left eye, nose tip, right and left mouth corner (the subject's), pixels.
    mesh_xyz : ndarray of float32, shape (n, 478, 3) or (n, 468, 3), optional
        Face mesh: 468 surface points, then 5 points of the right and 5 of the left iris (unless irises were not
        looked for): the centre, then the sides to the picture's right, top, left and bottom; x, y in pixels, z in
        pixels with the same scale, smaller is nearer to the camera, 0 at the mean depth of the mesh.
    mesh_scores : ndarray of float32, shape (n,), optional
        How sure the mesh net is that there is a face in its crop, 0..1.
    head_pose_deg : ndarray of float32, shape (n, 3), optional
        Yaw (positive: the subject turns to their left), pitch (positive: up), roll (positive: the head leans
        towards the subject's left shoulder), degrees.
    eye_openness : ndarray of float32, shape (n, 2), optional
        Right and left eye: lid gap over eye width (about 0.05 shut, 0.3 open).
    mouth_openness : ndarray of float32, shape (n,), optional
        Inner lip gap over inner mouth width.
    gaze_deg : ndarray of float32, shape (n, 2), optional
        Direction of gaze relative to the camera: yaw (positive: to the subject's left) and pitch (positive: up).
    actions : ndarray of float32, shape (n, k), optional
        Action coefficients 0..1 in the order of ``action_names``.
    action_names : tuple of str
        Names of the columns of ``actions``.

    Examples
    --------
    >>> faces = Faces(np.array([[10, 20, 60, 80]]), np.array([0.9]))
    >>> len(faces), faces.boxes_xyxy.dtype.name, faces.mesh_xyz is None
    (1, 'float32', True)
    >>> len(faces[faces.scores > 0.95])
    0
    """

    points_xy: Floats | None = column(5, 2)
    mesh_xyz: Floats | None = column(None, 3)
    mesh_scores: Floats | None = column()
    head_pose_deg: Floats | None = column(3)
    eye_openness: Floats | None = column(2)
    mouth_openness: Floats | None = column()
    gaze_deg: Floats | None = column(2)
    actions: Floats | None = column(None)
    action_names: tuple[str, ...] = ()

    kind: ClassVar[str] = "faces"


@dataclass(frozen=True, eq=False)
class Bodies(Observations):
    """Bodies in one picture.

    Parameters
    ----------
    points_xyz : ndarray of float32, shape (n, p, 3), optional
        Landmarks: x, y in pixels; z in pixels at the same scale relative to the hips' middle, smaller is nearer
        (zeros for ``coco17``, which has no depth).
    visibility : ndarray of float32, shape (n, p), optional
        How likely each landmark is in view and not hidden, 0..1.
    world_xyz_m : ndarray of float32, shape (n, p, 3), optional
        Landmarks in metres, origin between the hips, x to the picture's right, y down, z away from the camera.
    masks : ndarray of uint8, shape (n, h, w), optional
        Person masks at the picture's size, 0..255.
    axis_points_xy : ndarray of float32, shape (n, 2, 2), optional
        What a person detector points at: the middle of the hips, and a point above it on the circle around the body.
    skeleton : {"blazepose33", "coco17"}
        Which landmarks: 33 (BlazePose GHUM) or 17 (COCO key points).
    """

    points_xyz: Floats | None = column(None, 3)
    visibility: Floats | None = column(None)
    world_xyz_m: Floats | None = column(None, 3)
    masks: NDArray[np.uint8] | None = column(None, None, dtype=np.uint8)
    axis_points_xy: Floats | None = column(2, 2)
    skeleton: Literal["blazepose33", "coco17"] = "blazepose33"

    kind: ClassVar[str] = "bodies"


@dataclass(frozen=True, eq=False)
class Hands(Observations):
    """Hands in one picture.

    Parameters
    ----------
    points_xyz : ndarray of float32, shape (n, 21, 3), optional
        Landmarks: x, y in pixels; z in pixels at the same scale relative to the wrist, smaller is nearer.
    world_xyz_m : ndarray of float32, shape (n, 21, 3), optional
        Landmarks in metres, origin at the hand's centre.
    palm_points_xy : ndarray of float32, shape (n, 7, 2), optional
        What a palm detector points at: wrist, the knuckles of index, middle, ring and little finger, the thumb's
        base and its knuckle, pixels.
    left_scores : ndarray of float32, shape (n,), optional
        How likely it is the subject's left hand, 0..1 (below 0.5: the right hand).
    gestures : ndarray of int64, shape (n,), optional
        Index into ``gesture_names``.
    gesture_scores : ndarray of float32, shape (n,), optional
        How sure the gesture classifier is, 0..1.
    gesture_names : tuple of str
        Names that ``gestures`` points into.
    """

    points_xyz: Floats | None = column(21, 3)
    world_xyz_m: Floats | None = column(21, 3)
    palm_points_xy: Floats | None = column(7, 2)
    left_scores: Floats | None = column()
    gestures: Ints | None = column(dtype=np.int64)
    gesture_scores: Floats | None = column()
    gesture_names: tuple[str, ...] = ()

    kind: ClassVar[str] = "hands"


@dataclass(frozen=True, eq=False)
class Detections(Observations):
    """Objects in one picture.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
        Index into ``label_names``.
    label_names : tuple of str
        Names of the classes.
    """

    labels: Ints = column(dtype=np.int64, optional=False, kw_only=True)
    label_names: tuple[str, ...] = ()

    kind: ClassVar[str] = "objects"

    def __post_init__(self) -> None:
        """Check shapes and that every label has a name."""
        super().__post_init__()
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.label_names):
            raise InvalidInputError(
                f"Detections.labels must index label_names (0..{len(self.label_names) - 1}), got {self.labels.tolist()}"
            )

    @classmethod
    def empty(cls, **shared: Any) -> Self:
        """Return the value that says nothing was found."""
        return super().empty(labels=np.zeros(0, np.int64), **shared)

    def names(self) -> list[str]:
        """Return the class name of each object."""
        return [self.label_names[i] for i in self.labels]


@dataclass(frozen=True, eq=False)
class TextLines(Observations):
    """Lines of text in one picture, in reading order.

    Parameters
    ----------
    quads_xy : ndarray of float32, shape (n, 4, 2)
        Corners in pixels, clockwise from the text's own top left corner.
    texts : ndarray of object (str), shape (n,)
        What is written.
    rotation_deg : ndarray of float32, shape (n,), optional
        Direction of reading, degrees clockwise from the picture's x axis.
    """

    quads_xy: Floats = column(4, 2, optional=False, kw_only=True)
    texts: NDArray[np.object_] = column(dtype=object, optional=False, kw_only=True)
    rotation_deg: Floats | None = column()

    kind: ClassVar[str] = "text"


@dataclass(frozen=True, eq=False)
class Tracks(Observations):
    """Things followed over time, as they stand at one moment.

    Parameters
    ----------
    labels : ndarray of int64, shape (n,), optional
        Index into ``label_names``.
    velocity_xy : ndarray of float32, shape (n, 2), optional
        Speed of the box's centre, pixels per second.
    age_s : ndarray of float32, shape (n,), optional
        Time since the track began, seconds.
    unseen_s : ndarray of float32, shape (n,), optional
        Time since it was last seen, seconds (0: seen in this frame).
    label_names : tuple of str
        Names that ``labels`` points into.
    """

    labels: Ints | None = column(dtype=np.int64)
    velocity_xy: Floats | None = column(2)
    age_s: Floats | None = column()
    unseen_s: Floats | None = column()
    label_names: tuple[str, ...] = ()

    kind: ClassVar[str] = "tracks"
