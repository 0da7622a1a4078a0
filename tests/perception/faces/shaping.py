"""Moves parts of a mesh by known amounts, in the frame of the canonical face (x to the subject's left, y down)."""

from __future__ import annotations

import numpy as np

from sightline.perception.faces.parts import mirror_order

UPPER_LID = (161, 160, 159, 158, 157)
LOWER_LID = (163, 144, 145, 153, 154)
LOWER_LIPS = (14, 87, 317, 17, 84, 314, 178, 402, 181, 405)
CORNER = (61, 62, 76, 78)
BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
INNER_BROW = (107, 55)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation that nods, turns and leans a head, written out from what the angles mean."""
    a, b, c = np.radians([-pitch, -yaw, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    lean = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return lean @ turn @ nod


def both(points: tuple[int, ...]) -> list[int]:
    return sorted({*points, *(int(p) for p in mirror_order()[list(points)])})


def close_eye(meshes: np.ndarray, side: str, share: float = 1.0) -> np.ndarray:
    """Bring the lids of one eye together by a share of their gap."""
    moved = meshes.copy()
    upper, lower = (list(p) if side == "right" else mirror_order()[list(p)] for p in (UPPER_LID, LOWER_LID))
    middle = (meshes[:, upper] + meshes[:, lower]) / 2
    for lid in (upper, lower):
        moved[:, lid] += share * (middle - meshes[:, lid])
    return moved


def open_mouth(meshes: np.ndarray, gap: float) -> np.ndarray:
    """Lower the lower lip."""
    return shift(meshes, LOWER_LIPS, (0, gap, 0))


def shift(meshes: np.ndarray, points: tuple[int, ...] | list[int], by: tuple[float, float, float]) -> np.ndarray:
    moved = meshes.copy()
    moved[:, list(points)] += by
    return moved


def shift_corner(meshes: np.ndarray, side: str, out: float, up: float) -> np.ndarray:
    """Move a mouth corner outwards and up."""
    points = list(CORNER) if side == "right" else [int(p) for p in mirror_order()[list(CORNER)]]
    return shift(meshes, points, (-out if side == "right" else out, -up, 0))


def turned(meshes: np.ndarray, yaw: float, pitch: float, roll: float) -> np.ndarray:
    return meshes @ rotation(yaw, pitch, roll).T
