"""Actions of the face: how far lids, lips and brows have moved from the person's neutral face.

They are movements, measured in the frame of the head after a rigid fit. They say nothing about what somebody feels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.perception.faces.head_pose import head_frame
from sightline.perception.faces.openness import eye_openness
from sightline.perception.faces.parts import FULL_MESH_POINTS, MESH_POINTS

Floats = NDArray[np.float64]

ACTION_NAMES: tuple[str, ...] = (
    "blink_right",
    "blink_left",
    "wink_right",
    "wink_left",
    "smile",
    "smile_right",
    "smile_left",
    "laugh",
    "pout",
    "mouth_open",
    "frown",
    "brows_raised",
    "scowl",
)
"""Columns of ``face_actions``; right and left are the subject's."""

_NOSE_BASE = 2
_CORNERS = (61, 291)
_UPPER_LIP, _LOWER_LIP = (82, 13, 312), (87, 14, 317)
_LIP_MIDDLES = (0, 17)
_BROWS = ((105, 66, 107, 65, 55), (334, 296, 336, 295, 285))
_INNER_BROWS = ((107, 55), (336, 285))
_EYES = ((33, 133), (263, 362))


@dataclass(frozen=True)
class NeutralFace:
    """The measures of a face at rest that actions are counted from.

    Lengths are in units of the canonical face (about a centimetre, when the face is as large as the canonical one).

    Parameters
    ----------
    eye_right, eye_left : float
        Openness of the eyes, as ``eye_openness`` gives it.
    mouth_gap : float
        Gap between the inner lips.
    corner_right_out, corner_left_out : float
        How far each mouth corner lies from the middle of the face.
    corner_right_drop, corner_left_drop : float
        How far each mouth corner lies below the base of the nose.
    lips_forward : float
        How far the middle of the lips stands in front of the base of the nose.
    brow_height : float
        Height of the brows over the eye corners.
    inner_brow_height : float
        Height of the inner ends of the brows over the eye corners.
    brow_gap : float
        Distance between the inner ends of the brows.

    Examples
    --------
    >>> NeutralFace.average().eye_right
    0.28
    """

    eye_right: float
    eye_left: float
    mouth_gap: float
    corner_right_out: float
    corner_left_out: float
    corner_right_drop: float
    corner_left_drop: float
    lips_forward: float
    brow_height: float
    inner_brow_height: float
    brow_gap: float

    @classmethod
    def average(cls) -> NeutralFace:
        """Return what is used for somebody unknown: median measures of 82 calm faces (of YouTube Faces), made symmetric.

        (The canonical face will not do: its lips stand apart.)
        """
        return cls(0.28, 0.28, 0.18, 2.66, 2.66, 2.35, 2.35, -0.18, 2.10, 1.85, 2.76)

    @classmethod
    def from_meshes(cls, meshes_xyz: NDArray[np.floating] | Sequence[NDArray[np.floating]]) -> NeutralFace:
        """Return the median measures over meshes of one person at rest (a second of video will do).

        Parameters
        ----------
        meshes_xyz : ndarray or sequence of ndarray, shape (n, 478, 3) or (n, 468, 3)
            Meshes of the person with a calm face, eyes open, mouth closed.

        Raises
        ------
        InvalidInputError
            When there is no mesh, or the shape is another.
        """
        meshes = _checked(np.asarray(meshes_xyz))
        if not len(meshes):
            raise InvalidInputError("a neutral face needs at least one mesh, got none")
        return cls(*(float(m) for m in np.median(_measures(meshes), axis=0)))


def face_actions(mesh_xyz: NDArray[np.floating], neutral: NeutralFace | None = None) -> NDArray[np.float32]:
    """Return how strongly each face does each of ``ACTION_NAMES``.

    * ``blink_*``: the lids close; ``wink_*``: those of one eye while the other stays open.
    * ``smile_*``: a mouth corner goes outwards and up; ``smile``: both; ``laugh``: a smile with the mouth open.
    * ``pout``: the mouth narrows and the lips come forward; ``mouth_open``: the inner lips part.
    * ``frown``: the mouth corners go down; ``brows_raised``: the brows go up; ``scowl``: their inner ends go down and together.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 478, 3) or (n, 468, 3)
    neutral : NeutralFace, optional
        The person's own face at rest; by default ``NeutralFace.average()``, with which people differ by build.

    Returns
    -------
    ndarray of float32, shape (n, 13)
        0 (at rest) to 1 (fully done).

    Raises
    ------
    InvalidInputError
        When the shape is another.

    Examples
    --------
    >>> from sightline.perception.faces.parts import canonical_face
    >>> mesh = canonical_face()[None]
    >>> face_actions(mesh, NeutralFace.from_meshes(mesh)).max()
    np.float32(0.0)
    """
    meshes = _checked(np.asarray(mesh_xyz))
    if not len(meshes):
        return np.zeros((0, len(ACTION_NAMES)), np.float32)
    rest = np.array(astuple(neutral or NeutralFace.average()))
    moved = _measures(meshes) - rest
    values = {**_lid_actions(moved / np.maximum(rest, 1e-6)), **_mouth_actions(moved), **_brow_actions(moved)}
    return np.stack([values[name] for name in ACTION_NAMES], axis=1).astype(np.float32)


def _lid_actions(relative: Floats) -> dict[str, Floats]:
    right, left = _ramp(-relative[:, 0], 0.35, 0.75), _ramp(-relative[:, 1], 0.35, 0.75)
    return {
        "blink_right": right,
        "blink_left": left,
        "wink_right": np.maximum(right - left, 0) * right,
        "wink_left": np.maximum(left - right, 0) * left,
    }


def _mouth_actions(moved: Floats) -> dict[str, Floats]:
    opened, out, drop, forward = moved[:, 2], moved[:, 3:5], moved[:, 5:7], moved[:, 7]
    sides = _ramp((out - drop) / 2, 0.12, 0.6)
    smile = sides.mean(axis=1)
    # An opening jaw takes the mouth corners down a little, which is no frown.
    down = drop.mean(axis=1) - 0.3 * np.maximum(opened, 0)
    return {
        "smile": smile,
        "smile_right": sides[:, 0],
        "smile_left": sides[:, 1],
        "laugh": np.minimum(smile, _ramp(opened, 0.4, 1.2)),
        "pout": _ramp(forward - out.mean(axis=1), 0.25, 0.9),
        "mouth_open": _ramp(opened, 0.2, 1.8),
        "frown": _ramp(down, 0.12, 0.5),
    }


def _brow_actions(moved: Floats) -> dict[str, Floats]:
    height, inner, gap = moved[:, 8], moved[:, 9], moved[:, 10]
    return {"brows_raised": _ramp(height, 0.15, 0.6), "scowl": _ramp(-inner - gap / 2, 0.15, 0.6)}


def _ramp(values: Floats, low: float, high: float) -> Floats:
    return np.clip((values - low) / (high - low), 0, 1)


def _checked(meshes: NDArray[np.floating]) -> NDArray[np.floating]:
    if meshes.ndim != 3 or meshes.shape[1] not in (MESH_POINTS, FULL_MESH_POINTS) or meshes.shape[2] != 3:
        raise InvalidInputError(f"meshes must have shape (n, 478, 3) or (n, 468, 3), got {meshes.shape}")
    return meshes


def _measures(meshes: NDArray[np.floating]) -> Floats:
    """Return the measures of NeutralFace for each mesh, shape (n, 11)."""
    eyes = eye_openness(meshes)
    heads = np.stack([head_frame(mesh[:MESH_POINTS]).to_canonical(mesh[:MESH_POINTS]) for mesh in meshes])
    corners = heads[:, _CORNERS]
    gap = np.linalg.norm(heads[:, _UPPER_LIP] - heads[:, _LOWER_LIP], axis=2).mean(axis=1)
    drop = corners[:, :, 1] - heads[:, _NOSE_BASE, 1][:, None]
    forward = heads[:, _NOSE_BASE, 2] - heads[:, _LIP_MIDDLES, 2].mean(axis=1)
    eye_level = heads[:, sum(_EYES, ()), 1].mean(axis=1)
    inner = heads[:, sum(_INNER_BROWS, ()), 1].mean(axis=1)
    brows = heads[:, sum(_BROWS, ()), 1].mean(axis=1)
    brow_gap = np.linalg.norm(heads[:, _INNER_BROWS[0]] - heads[:, _INNER_BROWS[1]], axis=2).mean(axis=1)
    out = np.abs(corners[:, :, 0])
    columns = (*eyes.T, gap, *out.T, *drop.T, forward, eye_level - brows, eye_level - inner, brow_gap)
    return np.stack([np.asarray(c, np.float64) for c in columns], axis=1)
