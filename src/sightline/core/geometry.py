"""Plane and space geometry on points: similarity, affine and homography fits, rotated rectangles, rotations.

Points are float arrays ``(n, 2)`` or ``(..., 2)`` in continuous pixel coordinates: the pixel in column i, row j covers
``[i, i + 1) x [j, j + 1)``, so its centre is at ``(i + 0.5, j + 0.5)``. Affine maps are ``(2, 3)``, source to target.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.core.errors import InvalidInputError

Matrix = NDArray[np.float64]


def apply_affine(points_xy: ArrayLike, matrix: ArrayLike) -> NDArray[np.float32]:
    """Map points by a (2, 3) affine matrix.

    Examples
    --------
    >>> apply_affine([[1, 2]], [[2, 0, 10], [0, 2, 20]]).tolist()
    [[12.0, 24.0]]
    """
    points, m = np.asarray(points_xy, np.float64), np.asarray(matrix, np.float64)
    return np.asarray(points @ m[:, :2].T + m[:, 2], np.float32)


def apply_homography(points_xy: ArrayLike, matrix: ArrayLike) -> NDArray[np.float32]:
    """Map points by a (3, 3) homography."""
    points, m = np.asarray(points_xy, np.float64), np.asarray(matrix, np.float64)
    mapped = points @ m[:, :2].T + m[:, 2]
    return np.asarray(mapped[..., :2] / mapped[..., 2:], np.float32)


def map_boxes(boxes_xyxy: ArrayLike, matrix: ArrayLike) -> NDArray[np.float32]:
    """Map boxes by an affine matrix without rotation (scale and shift), as ``letterbox`` makes them."""
    boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 2, 2)
    return apply_affine(boxes, matrix).reshape(-1, 4)


def invert_affine(matrix: ArrayLike) -> Matrix:
    """Return the inverse of a (2, 3) affine matrix.

    Raises
    ------
    InvalidInputError
        When the matrix squashes the plane to a line.
    """
    m = np.asarray(matrix, np.float64)
    det = m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
    if abs(det) < 1e-12:
        raise InvalidInputError("an affine matrix without area cannot be inverted")
    linear = np.array([[m[1, 1], -m[0, 1]], [-m[1, 0], m[0, 0]]]) / det
    return np.concatenate([linear, -(linear @ m[:, 2:])], axis=1)


def compose_affine(first: ArrayLike, then: ArrayLike) -> Matrix:
    """Return the affine map that applies ``first`` and ``then`` after it."""
    a, b = np.asarray(first, np.float64), np.asarray(then, np.float64)
    return np.concatenate([b[:, :2] @ a[:, :2], b[:, :2] @ a[:, 2:] + b[:, 2:]], axis=1)


def similarity(source_xy: ArrayLike, target_xy: ArrayLike) -> Matrix:
    """Fit scale, rotation and shift (no mirror) in the least-squares sense.

    Parameters
    ----------
    source_xy, target_xy : array of shape (n, 2)
        At least two distinct points.

    Returns
    -------
    ndarray of float64, shape (2, 3)

    References
    ----------
    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.

    Examples
    --------
    >>> similarity([[0, 0], [1, 0]], [[5, 5], [5, 7]]).round(6).tolist()
    [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    src, dst = _pairs(source_xy, target_xy, 2)
    src_mean, dst_mean = src.mean(axis=0), dst.mean(axis=0)
    a, b = src - src_mean, dst - dst_mean
    spread = float((a**2).sum())
    if spread < 1e-12:
        raise InvalidInputError("similarity needs at least two distinct points")
    cos = float((a * b).sum()) / spread
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.concatenate([linear, (dst_mean - linear @ src_mean)[:, None]], axis=1)


def affine(source_xy: ArrayLike, target_xy: ArrayLike) -> Matrix:
    """Fit an affine map in the least-squares sense (at least three points that are not on a line).

    Returns
    -------
    ndarray of float64, shape (2, 3)
    """
    src, dst = _pairs(source_xy, target_xy, 3)
    design = np.concatenate([src, np.ones((len(src), 1))], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, dst, rcond=None)
    if rank < 3:
        raise InvalidInputError("affine needs at least three points that are not on one line")
    return np.asarray(solution.T, np.float64)


def homography(source_xy: ArrayLike, target_xy: ArrayLike) -> Matrix:
    """Fit a homography by the normalised direct linear transform (at least four points, no three on a line).

    Returns
    -------
    ndarray of float64, shape (3, 3)
        Scaled so that the last element is 1.

    References
    ----------
    R. Hartley, A. Zisserman, "Multiple View Geometry", 2nd ed., algorithm 4.2.
    """
    src, dst = _pairs(source_xy, target_xy, 4)
    (a, norm_a), (b, norm_b) = _normalised(src), _normalised(dst)
    zeros, ones = np.zeros((len(a), 3)), np.ones((len(a), 1))
    p = np.concatenate([a, ones], axis=1)
    rows = np.concatenate(
        [np.concatenate([p, zeros, -b[:, :1] * p], axis=1), np.concatenate([zeros, p, -b[:, 1:] * p], axis=1)],
    )
    _, singular, vt = np.linalg.svd(rows)
    if singular[7] < 1e-9 * singular[0]:
        raise InvalidInputError("homography needs at least four points, no three of them on one line")
    h = np.linalg.inv(norm_b) @ vt[-1].reshape(3, 3) @ norm_a
    return np.asarray(h / h[2, 2], np.float64)


def _normalised(points: Matrix) -> tuple[Matrix, Matrix]:
    mean = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.linalg.norm(points - mean, axis=1).mean()), 1e-12)
    matrix = np.array([[scale, 0, -scale * mean[0]], [0, scale, -scale * mean[1]], [0, 0, 1]])
    return (points - mean) * scale, matrix


def _pairs(source_xy: ArrayLike, target_xy: ArrayLike, minimum: int) -> tuple[Matrix, Matrix]:
    src, dst = np.asarray(source_xy, np.float64), np.asarray(target_xy, np.float64)
    if src.shape != dst.shape or src.ndim != 2 or src.shape[1] != 2 or len(src) < minimum:
        raise InvalidInputError(f"expected two arrays of shape (n, 2) with n >= {minimum}, got {src.shape} and {dst.shape}")
    return src, dst


def rect_to_affine(centre_xy: ArrayLike, size_wh: ArrayLike, angle_rad: float, out_wh: tuple[int, int]) -> Matrix:
    """Return the map that brings a rotated rectangle of the picture upright onto a crop.

    Parameters
    ----------
    centre_xy : array of shape (2,)
        Centre of the rectangle in the picture, pixels.
    size_wh : array of shape (2,)
        Its width and height along its own axes, pixels.
    angle_rad : float
        How far it is turned, radians, clockwise as seen on the screen (x right, y down).
    out_wh : tuple of int
        Width and height of the crop, pixels.

    Returns
    -------
    ndarray of float64, shape (2, 3)
        Picture to crop.

    Examples
    --------
    >>> m = rect_to_affine((50, 50), (20, 20), np.pi / 2, (10, 10))
    >>> apply_affine([[60, 50], [50, 50]], m).round(4).tolist()  # what is right in the picture is on top in the crop
    [[5.0, 0.0], [5.0, 5.0]]
    """
    centre, size = np.asarray(centre_xy, np.float64), np.asarray(size_wh, np.float64)
    if not (size > 0).all():
        raise InvalidInputError(f"a rectangle needs a positive size, got {size.tolist()}")
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    linear = np.diag(np.asarray(out_wh, np.float64) / size) @ np.array([[cos, sin], [-sin, cos]])
    shift = np.asarray(out_wh, np.float64) / 2 - linear @ centre
    return np.concatenate([linear, shift[:, None]], axis=1)


def euler_deg(rotation: ArrayLike) -> NDArray[np.float32]:
    """Return the angles (x, y, z), in degrees, of ``R = Rz @ Ry @ Rx``.

    Parameters
    ----------
    rotation : array of shape (3, 3)

    Returns
    -------
    ndarray of float32, shape (3,)
        The y angle lies in [-90, 90].
    """
    r = np.asarray(rotation, np.float64)
    y = np.arctan2(-r[2, 0], np.hypot(r[0, 0], r[1, 0]))
    if np.hypot(r[0, 0], r[1, 0]) > 1e-6:
        x, z = np.arctan2(r[2, 1], r[2, 2]), np.arctan2(r[1, 0], r[0, 0])
    else:
        x, z = np.arctan2(-r[1, 2], r[1, 1]), 0.0
    return np.asarray(np.degrees([x, y, z]), np.float32)


def rigid_fit(source_xyz: ArrayLike, target_xyz: ArrayLike) -> tuple[float, Matrix, Matrix]:
    """Fit scale, rotation and shift between two sets of points in space (no mirror).

    Parameters
    ----------
    source_xyz, target_xyz : array of shape (n, 3)

    Returns
    -------
    scale : float
    rotation : ndarray of float64, shape (3, 3)
    translation : ndarray of float64, shape (3,)
        ``target ≈ scale * rotation @ source + translation``.

    References
    ----------
    S. Umeyama, PAMI 1991, equations 40-42.
    """
    src, dst = np.asarray(source_xyz, np.float64), np.asarray(target_xyz, np.float64)
    if src.shape != dst.shape or src.ndim != 2 or src.shape[1] != 3 or len(src) < 3:
        raise InvalidInputError(f"expected two arrays of shape (n, 3) with n >= 3, got {src.shape} and {dst.shape}")
    src_mean, dst_mean = src.mean(axis=0), dst.mean(axis=0)
    a, b = src - src_mean, dst - dst_mean
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt)) or 1.0])
    rotation: NDArray[Any] = (u * sign) @ vt
    scale = float((singular * sign).sum() / max(float((a**2).sum()), 1e-12))
    return scale, rotation, dst_mean - scale * rotation @ src_mean
