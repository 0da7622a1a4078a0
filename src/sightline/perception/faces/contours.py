"""Named contour points over the face mesh: 240 points of this project, and the classic 106 and 68.

A contour point is a mesh point or a weighted mean of mesh points; the tables are in ``data/contours.json``.

* ``"240"``: jaw line 45, brows 2 x 18, lids 2 x 32, irises 2 x 5, ridge of the nose 11, base of the nose 14, outer lips
  40, inner lips 20.
* ``"106"``: the order of the JD-landmark and LaPa sets: jaw line 33, brows 2 x 9, nose 15, lids 2 x 8 with the eye's centre
  after each, lips 20, pupils 2.
* ``"68"``: the order of the Multi-PIE and 300-W sets: jaw line 17, brows 2 x 5, nose 9, lids 2 x 6, lips 20.

Contours run from the subject's right to the left (in 106 and 68: as their sets have it, which is the same); closed ones go
on along their lower edge. Where the jaw line of 68 and 106 lies between mesh points was set on half of 308 faces of
YouTube Faces with machine-made points.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.perception.faces.parts import FULL_MESH_POINTS, MESH_POINTS

Scheme = Literal["240", "106", "68"]
SCHEMES: tuple[Scheme, ...] = ("240", "106", "68")


@dataclass(frozen=True)
class Contour:
    """One named run of points within a scheme.

    Parameters
    ----------
    name : str
        Such as ``"right_brow"``; right and left are the subject's.
    points : range
        Rows of ``contour_points``.
    closed : bool
        Whether the last point joins the first.
    """

    name: str
    points: range
    closed: bool


def contour_points(mesh_xyz: NDArray[np.floating], scheme: Scheme = "240") -> NDArray[np.float32]:
    """Return the contour points of meshes.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 478, 3)
        Meshes with irises; without (468 points) the scheme ``"68"`` alone can be had.
    scheme : {"240", "106", "68"}

    Returns
    -------
    ndarray of float32, shape (n, k, 2)
        Pixels of the picture.

    Raises
    ------
    InvalidInputError
        When there is no such scheme, or it needs irises and the meshes have none.

    Examples
    --------
    >>> mesh = np.zeros((2, 478, 3), np.float32)
    >>> contour_points(mesh).shape, contour_points(mesh, "68").shape
    ((2, 240, 2), (2, 68, 2))
    """
    weights = _weights(scheme)
    if mesh_xyz.ndim != 3 or mesh_xyz.shape[1] not in (MESH_POINTS, FULL_MESH_POINTS):
        raise InvalidInputError(f"mesh_xyz must have shape (n, 478, 3) or (n, 468, 3), got {mesh_xyz.shape}")
    points = mesh_xyz.shape[1]
    if weights[:, points:].any():
        raise InvalidInputError(f"scheme {scheme!r} needs meshes with irises (478 points), got {points} points")
    return np.asarray(weights[:, :points] @ mesh_xyz[:, :, :2], np.float32)


@cache
def contour_groups(scheme: Scheme = "240") -> tuple[Contour, ...]:
    """Return the named contours of a scheme, in the order of the points.

    Raises
    ------
    InvalidInputError
        When there is no such scheme.

    Examples
    --------
    >>> contour_groups("68")[1]
    Contour(name='right_brow', points=range(17, 22), closed=False)
    """
    found, start = [], 0
    for group in _table(scheme):
        stop = start + len(group["points"])
        found.append(Contour(group["name"], range(start, stop), group["closed"]))
        start = stop
    return tuple(found)


@cache
def contour_names(scheme: Scheme = "240") -> tuple[str, ...]:
    """Return the name of every point: its contour and its place there.

    Examples
    --------
    >>> contour_names("240")[:2], len(contour_names("106"))
    (('jaw_0', 'jaw_1'), 106)
    """
    return tuple(f"{contour.name}_{i}" for contour in contour_groups(scheme) for i in range(len(contour.points)))


@cache
def _weights(scheme: Scheme) -> NDArray[np.float32]:
    points = [point for group in _table(scheme) for point in group["points"]]
    weights = np.zeros((len(points), FULL_MESH_POINTS), np.float32)
    for row, point in zip(weights, points, strict=True):
        for index, weight in [(point, 1.0)] if isinstance(point, int) else point:
            row[index] = weight
    weights.setflags(write=False)
    return weights


def _table(scheme: Scheme) -> list[dict[str, Any]]:
    if scheme not in SCHEMES:
        raise InvalidInputError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
    table: list[dict[str, Any]] = _tables()[scheme]
    return table


@cache
def _tables() -> dict[str, Any]:
    text = (resources.files(__package__) / "data" / "contours.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables
