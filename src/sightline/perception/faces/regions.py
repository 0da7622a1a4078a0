"""Where in the picture the face and eye nets look: upright square crops of rotated squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sightline.core.frame import Image
from sightline.core.geometry import rect_to_affine
from sightline.core.observations import Faces
from sightline.media.sampling import warp

Squares = NDArray[np.float64]
"""Rotated squares, shape (n, 4): centre x, centre y, side (pixels), angle (radians, clockwise on the screen)."""

MESH_POINTS = 468
"""Points of the face's surface; the irises follow."""

RIGHT_EYE_CORNERS = (33, 133)
"""Outer and inner corner of the subject's right eye in the mesh."""
LEFT_EYE_CORNERS = (263, 362)
"""Outer and inner corner of the subject's left eye in the mesh."""

_FACE_MARGIN = 1.5
_EYE_MARGIN = 2.3


def face_squares(faces: Faces) -> Squares:
    """Return the square around each face, turned so that the eyes lie level.

    The square comes from the row's own mesh where there is one (tracking), else from its box and points; it is 1.5
    times the longer side of the box around the face. A box without points gives an upright square.

    Source: MediaPipe's face landmark graph (``face_landmark_landmarks_to_roi``, ``face_detection_front_detection_to_roi``).
    """
    if faces.mesh_xyz is not None:
        mesh = faces.mesh_xyz[:, :MESH_POINTS, :2]
        low, high = mesh.min(axis=1), mesh.max(axis=1)
        eyes: NDArray[np.floating] = mesh[:, (RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[0])]
    else:
        low, high = faces.boxes_xyxy[:, :2], faces.boxes_xyxy[:, 2:]
        eyes = np.zeros((len(faces), 2, 2)) if faces.points_xy is None else faces.points_xy[:, :2]
    return _squares((low + high) / 2, np.maximum(high - low, 1).max(axis=1) * _FACE_MARGIN, eyes)


def eye_squares(mesh_xyz: NDArray[np.floating]) -> Squares:
    """Return the square around each eye, right eye then left eye of each face: shape (2 n, 4).

    The square is 2.3 times as wide as the eye is long and turned with its corners.
    """
    corners = (*RIGHT_EYE_CORNERS, *LEFT_EYE_CORNERS[::-1])
    eyes = np.asarray(mesh_xyz, np.float64)[:, corners, :2].reshape(-1, 2, 2)
    length = np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1)
    return _squares(eyes.mean(axis=1), np.maximum(length, 1) * _EYE_MARGIN, eyes)


def _squares(centres_xy: NDArray[np.floating], sides: NDArray[np.floating], lines: NDArray[np.floating]) -> Squares:
    across = lines[:, 1] - lines[:, 0]
    angles = np.arctan2(across[:, 1], across[:, 0])
    return np.column_stack([centres_xy, sides, angles]).astype(np.float64)


def square_to_crop(square: NDArray[np.float64], side: int, *, mirrored: bool = False) -> NDArray[np.float64]:
    """Return the (2, 3) map from the picture to a crop of ``side`` pixels, mirrored left to right on request."""
    x, y, size, angle = square
    matrix = rect_to_affine((x, y), (size, size), float(angle), (side, side))
    if mirrored:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side
    return matrix


def cut(image: Image, matrices: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    """Return the crops as float32 RGB 0..1, shape (n, side, side, 3); the picture's edge repeats outside it."""
    crops = np.empty((len(matrices), side, side, 3), np.float32)
    for crop, matrix in zip(crops, matrices, strict=True):
        np.multiply(warp(image, matrix, (side, side), border=None), np.float32(1 / 255), out=crop)
    return crops


def cut_bytes(image: Image, matrices: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """Return the crops as uint8 RGB, shape (n, side, side, 3), for nets that scale their input themselves."""
    return np.stack([warp(image, matrix, (side, side), border=None) for matrix in matrices])


def crop_to_picture(points: NDArray[np.floating], matrices: NDArray[np.float64]) -> NDArray[np.float32]:
    """Map points (n, p, 3) of crops back to the picture; z is scaled like x and y.

    Parameters
    ----------
    points : ndarray, shape (n, p, 3)
        Points in crop pixels.
    matrices : ndarray of float64, shape (n, 2, 3)
        Picture to crop, as ``square_to_crop`` makes them.
    """
    linear = np.linalg.inv(matrices[:, :, :2])
    mapped = np.empty(points.shape, np.float32)
    mapped[:, :, :2] = (points[:, :, :2] - matrices[:, None, :, 2]) @ linear.transpose(0, 2, 1)
    mapped[:, :, 2] = points[:, :, 2] * np.linalg.norm(linear[:, :, 0], axis=1)[:, None]
    return mapped
