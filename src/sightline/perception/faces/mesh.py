"""The face mesh: 468 points of the surface of each face, and its irises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Image, check_image
from sightline.core.observations import Faces
from sightline.perception.faces.attention import AttentionOutputs, merge_attention
from sightline.perception.faces.iris import Irises
from sightline.perception.faces.parts import MESH_POINTS
from sightline.perception.faces.regions import crop_to_picture, cut, cut_bytes, face_squares, square_to_crop
from sightline.runtime.session import Device
from sightline.runtime.weights import open_model

Floats = NDArray[np.float32]

_SIDE = 192
_REFINED_OUTPUTS = ("mesh", "lips", "right_eye", "left_eye", "right_iris", "left_iris", "face_score")
_NOSE_TIP, _MOUTH_CORNERS = 4, (61, 291)
_EYE_CORNERS = ((33, 133), (263, 362))


class FaceMesh:
    """Finds the mesh of each face, in a region that a detector or the face's last mesh gives.

    Parameters
    ----------
    refine : bool
        Use the attention mesh, which is finer around lips, eyes and brows and slower.
    irises : bool
        Find the irises too: meshes then have 478 points, else 468. Without ``refine`` a net of its own looks at each
        eye, and also moves the edges of the lids.
    device : {"auto", "cpu", "cuda"}
        CUDA serves the attention mesh only; the others run on the CPU.
    threads : int, optional
        By default ``sightline.runtime.session.default_threads()``.

    Raises
    ------
    ModelNotFetchedError, ModelCorruptError
        When the weights of ``face_mesh``, ``iris`` or ``face_mesh_attention`` are not on this machine, or damaged.
    DeviceError
        When the device is not to be had.
    """

    def __init__(self, *, refine: bool = False, irises: bool = True, device: Device = "auto", threads: int | None = None) -> None:
        self._refine, self._with_irises = refine, irises
        name, outputs = ("face_mesh_attention", _REFINED_OUTPUTS) if refine else ("face_mesh", None)
        self._session = open_model(name, device=device, threads=threads, outputs=outputs)
        self._irises = Irises(device=device, threads=threads) if irises and not refine else None

    def __call__(self, images: Sequence[Image], regions: Sequence[Faces]) -> list[Faces]:
        """Return the faces of each picture with their meshes; safe to call from several threads at once.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (h, w, 3)
            RGB pictures.
        regions : sequence of Faces
            For each picture, where to look: rows with ``mesh_xyz`` are looked at around that mesh (tracking), others
            around their box, turned by their ``points_xy``.

        Returns
        -------
        list of Faces
            The same rows with ``mesh_xyz``, ``mesh_scores``, and boxes and ``points_xy`` of the mesh. Scores and ids
            stay; what was measured on an older mesh is None. A row whose ``mesh_scores`` is low has no face there:
            the caller drops it.

        Raises
        ------
        InvalidInputError
            When an image is not RGB ``uint8``, or the sequences differ in length.

        Examples
        --------
        >>> from skimage.data import astronaut
        >>> from sightline.perception.faces import FaceDetector
        >>> FaceMesh()([astronaut()], FaceDetector("full")([astronaut()]))[0].mesh_xyz.shape
        (1, 478, 3)
        """
        if len(images) != len(regions):
            raise InvalidInputError(f"expected one Faces an image, got {len(images)} images and {len(regions)} Faces")
        return [self._one(check_image(image), faces) for image, faces in zip(images, regions, strict=True)]

    def _one(self, image: Image, faces: Faces) -> Faces:
        if not len(faces):
            return _with_mesh(faces, np.zeros((0, MESH_POINTS + 10 * self._with_irises, 3), np.float32), np.zeros(0, np.float32))
        matrices = np.stack([square_to_crop(square, _SIDE) for square in face_squares(faces)])
        points, scores = self._refined(image, matrices) if self._refine else self._plain(image, matrices)
        mesh = crop_to_picture(points, matrices)
        return _with_mesh(faces, mesh if self._irises is None else self._irises(image, mesh), scores)

    def _plain(self, image: Image, matrices: NDArray[np.float64]) -> tuple[Floats, Floats]:
        mesh, logits = self._session.run(cut(image, matrices, _SIDE))
        return mesh.reshape(-1, MESH_POINTS, 3), np.asarray(1 / (1 + np.exp(-logits.reshape(-1))), np.float32)

    def _refined(self, image: Image, matrices: NDArray[np.float64]) -> tuple[Floats, Floats]:
        *parts, scores = self._session.run(cut_bytes(image, matrices, _SIDE))
        points = merge_attention(AttentionOutputs.from_tensors(parts))
        return points if self._with_irises else points[:, :MESH_POINTS], scores.reshape(-1)


def _with_mesh(faces: Faces, mesh: Floats, scores: Floats) -> Faces:
    surface = mesh[:, :MESH_POINTS, :2]
    boxes = np.concatenate([surface.min(axis=1), surface.max(axis=1)], axis=1) if len(mesh) else faces.boxes_xyxy
    return replace(
        faces,
        boxes_xyxy=boxes,
        points_xy=five_points(mesh),
        mesh_xyz=mesh,
        mesh_scores=scores,
        head_pose_deg=None,
        eye_openness=None,
        mouth_openness=None,
        gaze_deg=None,
        actions=None,
        action_names=(),
    )


def five_points(mesh_xyz: Floats) -> Floats:
    """Return the five points of a detector from meshes: right eye, left eye, nose tip, right and left mouth corner.

    Parameters
    ----------
    mesh_xyz : ndarray, shape (n, 468 or 478, 3)

    Returns
    -------
    ndarray of float32, shape (n, 5, 2)
        An eye is the middle of its corners.
    """
    plane = mesh_xyz[:, :, :2]
    eyes = [plane[:, corners].mean(axis=1) for corners in _EYE_CORNERS]
    return np.stack([*eyes, plane[:, _NOSE_TIP], *(plane[:, corner] for corner in _MOUTH_CORNERS)], axis=1)
