"""Contour tables: counts, order, symmetry, and agreement with points marked by others."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data import shared_data

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Faces
from sightline.perception.faces.contours import SCHEMES, Scheme, contour_groups, contour_names, contour_points
from sightline.perception.faces.mesh import FaceMesh
from sightline.perception.faces.parts import canonical_face

FACE = canonical_face()[None].astype(np.float32)


def group(scheme: Scheme, name: str) -> np.ndarray:
    points = contour_points(FACE, scheme)[0]
    return points[list(next(g for g in contour_groups(scheme) if g.name == name).points)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_counts_names_and_groups_fit(scheme: Scheme) -> None:
    count = int(scheme)
    assert contour_points(FACE, scheme).shape == (1, count, 2)
    assert len(contour_names(scheme)) == len(set(contour_names(scheme))) == count
    rows = [i for g in contour_groups(scheme) for i in g.points]
    assert rows == list(range(count))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_points_are_distinct_and_inside_the_face(scheme: Scheme) -> None:
    points = contour_points(FACE, scheme)[0].astype(np.float64)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(len(points))
    assert apart.min() > 0.005
    assert (points >= FACE[0, :, :2].min(0) - 1e-4).all()
    assert (points <= FACE[0, :, :2].max(0) + 1e-4).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_is_symmetric(scheme: Scheme) -> None:
    points = contour_points(FACE, scheme)[0].astype(np.float64)
    apart = np.linalg.norm((points * [-1, 1])[:, None] - points[None], axis=2)
    assert apart.min(axis=1).max() < 1e-3


def test_contours_lie_where_their_names_say() -> None:
    for scheme in SCHEMES:
        assert group(scheme, "right_brow")[:, 0].max() < 0 < group(scheme, "left_brow")[:, 0].min()
        assert group(scheme, "right_brow")[:, 1].max() < group(scheme, "right_lids")[:, 1].min(), "brows are above the lids"
        jaw = group(scheme, "jaw")
        assert jaw[0, 0] < jaw[-1, 0], "from the subject's right ear to the left"
        assert jaw[len(jaw) // 2] == pytest.approx([0, FACE[0, 152, 1]], abs=1e-4), "the chin is in the middle"
        outer, inner = group(scheme, "outer_lips"), group(scheme, "inner_lips")
        assert outer[:, 1].min() < inner[:, 1].min()
        assert inner[:, 1].max() < outer[:, 1].max()
    assert np.abs(group("106", "right_pupil") - FACE[0, 468, :2]).max() < 1e-5


def test_closed_contours_close_with_short_steps() -> None:
    for scheme in SCHEMES:
        for g in contour_groups(scheme):
            points = contour_points(FACE, scheme)[0][list(g.points)]
            steps = np.linalg.norm(np.diff(points, axis=0, append=points[:1]), axis=1)
            if g.closed:
                assert steps[-1] < 2.5 * np.median(steps), (scheme, g.name)
            elif g.name.endswith(("jaw", "ridge")):
                assert steps[-1] > 2.5 * np.median(steps), (scheme, g.name)


def test_schemes_with_irises_need_irises() -> None:
    np.testing.assert_array_equal(contour_points(FACE[:, :468], "68"), contour_points(FACE, "68"))
    for scheme in ("240", "106"):
        with pytest.raises(InvalidInputError, match="irises"):
            contour_points(FACE[:, :468], scheme)  # type: ignore[arg-type]


def test_other_shapes_and_schemes_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="shape"):
        contour_points(np.zeros((478, 3)))
    with pytest.raises(InvalidInputError, match="scheme"):
        contour_points(FACE, "98")  # type: ignore[arg-type]
    assert contour_points(np.zeros((0, 478, 3))).shape == (0, 240, 2)


def _rgb(path: Path) -> np.ndarray:
    cv2 = pytest.importorskip("cv2")
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])


def _meshes(model: FaceMesh, image: np.ndarray, marked: np.ndarray) -> np.ndarray:
    faces = Faces(np.concatenate([marked.min(0), marked.max(0)])[None], np.ones(1))
    for _ in range(3):
        faces = model([image], [faces])[0]
    assert faces.mesh_xyz is not None
    return faces.mesh_xyz


def test_68_agree_with_machine_marked_faces(weights: Callable[..., None]) -> None:
    """Mean error over the eyes' outer corners' distance: 0.062 over the 308 pictures, here every fourth."""
    weights("face_mesh")
    folder = shared_data("people/ytfaces_68pts")
    with (folder / "test_frames_keypoints.csv").open(newline="") as file:
        rows = [row for row in list(csv.reader(file))[1:] if (folder / "images" / row[0]).exists()][::4]
    model, errors = FaceMesh(irises=False), []
    for row in rows:
        marked = np.array(row[1:], float).reshape(68, 2)
        points = contour_points(_meshes(model, _rgb(folder / "images" / row[0]), marked), "68")[0]
        errors.append(np.linalg.norm(points - marked, axis=1) / np.linalg.norm(marked[36] - marked[45]))
    assert len(errors) > 50
    mean = np.mean(errors, axis=0)
    assert mean.mean() < 0.07
    assert mean[17:].mean() < 0.058


@pytest.mark.parametrize(("name", "scheme", "eyes", "bound"), [("300w", "68", (36, 45), 0.07), ("lapa", "106", (66, 79), 0.075)])
def test_schemes_agree_with_hand_marked_faces(
    weights: Callable[..., None], name: str, scheme: Scheme, eyes: tuple[int, int], bound: float
) -> None:
    weights("face_mesh_attention")
    folder = shared_data(f"people/mmpose_samples/{name}")
    table = json.loads((folder / f"test_{name}.json").read_text())
    files = {image["id"]: image["file_name"] for image in table["images"]}
    model = FaceMesh(refine=True)
    for face in table["annotations"]:
        marked = np.array(face["keypoints"], float).reshape(-1, 3)[:, :2]
        points = contour_points(_meshes(model, _rgb(folder / files[face["image_id"]]), marked), scheme)[0]
        error = np.linalg.norm(points - marked, axis=1).mean() / np.linalg.norm(marked[eyes[0]] - marked[eyes[1]])
        assert error < bound, files[face["image_id"]]
