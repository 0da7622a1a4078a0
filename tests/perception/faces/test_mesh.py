"""The face mesh against golden points of the peer, in tracking, batches and threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.data import astronaut

from sightline.core.errors import DeviceError, InvalidInputError
from sightline.core.observations import Faces
from sightline.perception.faces.mesh import FaceMesh, five_points
from sightline.perception.faces.parts import canonical_face, mirror_order

Weights = Callable[..., None]

# mediapipe 0.10.21, solutions.face_mesh, tracking the astronaut picture for ten frames: mesh point -> x, y, z in pixels.
PEER = {
    1: (222.6, 131.5, -23.2),
    10: (226.9, 69.3, -12.3),
    33: (193.8, 101.0, 4.4),
    61: (200.4, 139.1, 8.2),
    133: (213.1, 103.8, 0.5),
    152: (220.2, 176.9, 9.4),
    263: (256.6, 104.3, 3.4),
    291: (246.0, 142.0, 7.4),
    362: (236.7, 105.1, 0.0),
}
# The same with refine_landmarks=True: corners, lid, irises (the right one is on the picture's left).
PEER_REFINED = {
    1: (223.2, 131.6, -22.7),
    33: (194.6, 100.6, 4.1),
    61: (201.8, 139.1, 8.0),
    159: (202.5, 97.6, -1.7),
    263: (255.7, 104.1, 3.6),
    291: (245.5, 140.6, 7.6),
    468: (203.4, 101.0, 0.4),
    470: (203.7, 97.3, 0.4),
    471: (199.0, 100.6, 0.4),
    473: (246.8, 103.5, 0.0),
    475: (246.9, 100.1, 0.0),
    476: (242.6, 103.3, 0.0),
}
EYES_PX = 63.0


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.ascontiguousarray(astronaut())


@pytest.fixture(scope="module")
def detected() -> Faces:
    """Return a box as a detector gives it, loose, without points."""
    return Faces(np.array([[180, 55, 275, 170]]), np.array([0.9]), ids=np.array([7]))


@pytest.fixture(scope="module")
def mesh_only(weights: Weights) -> FaceMesh:
    weights("face_mesh")
    return FaceMesh(irises=False)


@pytest.fixture(scope="module")
def with_irises(weights: Weights) -> FaceMesh:
    weights("face_mesh", "iris")
    return FaceMesh()


@pytest.fixture(scope="module")
def refined(weights: Weights) -> FaceMesh:
    weights("face_mesh_attention")
    return FaceMesh(refine=True)


def track(model: FaceMesh, image: np.ndarray, faces: Faces, frames: int = 6) -> Faces:
    for _ in range(frames):
        faces = model([image], [faces])[0]
    return faces


def mean_distance(faces: Faces, peer: dict[int, tuple[float, float, float]], axes: slice) -> float:
    assert faces.mesh_xyz is not None
    mine = faces.mesh_xyz[0][list(peer)][:, axes]
    return float(np.linalg.norm(mine - np.array(list(peer.values()))[:, axes], axis=1).mean())


def test_tracked_mesh_is_the_peers(mesh_only: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    faces = track(mesh_only, picture, detected)
    assert mean_distance(faces, PEER, slice(0, 2)) < 0.015 * EYES_PX
    assert mean_distance(faces, PEER, slice(2, 3)) < 0.015 * EYES_PX
    assert faces.mesh_xyz is not None
    assert faces.mesh_xyz.shape == (1, 468, 3)


def test_attention_mesh_is_the_peers_refined_one(refined: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    faces = track(refined, picture, detected)
    assert mean_distance(faces, PEER_REFINED, slice(0, 2)) < 0.015 * EYES_PX
    assert mean_distance(faces, PEER_REFINED, slice(2, 3)) < 0.015 * EYES_PX
    assert faces.mesh_scores is not None
    assert faces.mesh_scores[0] > 0.9


def test_irises_lie_where_the_peer_sees_them(with_irises: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    faces = track(with_irises, picture, detected)
    irises = {i: p for i, p in PEER_REFINED.items() if i >= 468}
    assert mean_distance(faces, irises, slice(0, 2)) < 0.02 * EYES_PX
    assert faces.mesh_xyz is not None
    right, left = faces.mesh_xyz[0, 468:473], faces.mesh_xyz[0, 473:478]
    assert right[0, 0] < left[0, 0], "the subject's right eye is on the picture's left"
    for iris in (right, left):
        assert iris[1, 0] > iris[0, 0] > iris[3, 0], "second point to the picture's right, fourth to its left"
        assert iris[2, 1] < iris[0, 1] < iris[4, 1], "third point on top, fifth below"


def test_refine_without_irises_has_468_points(weights: Weights, refined: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    without = FaceMesh(refine=True, irises=False)([picture], [detected])[0]
    full = refined([picture], [detected])[0]
    assert without.mesh_xyz is not None
    assert full.mesh_xyz is not None
    np.testing.assert_allclose(without.mesh_xyz, full.mesh_xyz[:, :468])


def test_rows_keep_ids_and_scores_and_lose_old_measures(mesh_only: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    old = Faces(detected.boxes_xyxy, detected.scores, ids=detected.ids, mouth_openness=np.array([0.5]), actions=np.zeros((1, 2)))
    faces = mesh_only([picture], [old])[0]
    assert faces.ids is not None
    assert faces.ids.tolist() == [7]
    assert faces.scores.tolist() == pytest.approx([0.9])
    assert faces.mouth_openness is None
    assert faces.actions is None


def test_box_and_points_come_from_the_mesh(mesh_only: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    faces = track(mesh_only, picture, detected)
    assert faces.mesh_xyz is not None
    assert faces.points_xy is not None
    plane = faces.mesh_xyz[0, :, :2]
    np.testing.assert_allclose(faces.boxes_xyxy[0], [*plane.min(0), *plane.max(0)])
    right, left, nose, mouth_right, mouth_left = faces.points_xy[0]
    assert right[0] < nose[0] < left[0]
    assert mouth_right[0] < mouth_left[0]
    assert max(right[1], left[1]) < nose[1] < min(mouth_right[1], mouth_left[1])


@pytest.mark.parametrize("angle_deg", [-90, 30, 180])
def test_turned_picture_gives_the_turned_mesh(mesh_only: FaceMesh, picture: np.ndarray, detected: Faces, angle_deg: int) -> None:
    from sightline.core.geometry import apply_affine, rect_to_affine
    from sightline.media.sampling import warp

    turn = rect_to_affine((256, 256), (512, 512), np.radians(angle_deg), (512, 512))
    upright = track(mesh_only, picture, detected)
    assert upright.mesh_xyz is not None
    assert upright.points_xy is not None
    turned_mesh = apply_affine(upright.mesh_xyz[0, :, :2], turn)
    start = np.concatenate([turned_mesh.min(0), turned_mesh.max(0)])[None]
    region = Faces(start, np.ones(1), points_xy=apply_affine(upright.points_xy, turn))
    faces = track(mesh_only, warp(picture, turn, (512, 512)), region)
    assert faces.mesh_xyz is not None
    assert np.linalg.norm(faces.mesh_xyz[0, :, :2] - turned_mesh, axis=1).mean() < 0.02 * EYES_PX


def test_mirrored_picture_gives_the_mirrored_mesh(with_irises: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    x0, y0, x1, y1 = detected.boxes_xyxy[0]
    a = track(with_irises, picture, detected).mesh_xyz
    b = track(with_irises, mirrored, Faces(np.array([[512 - x1, y0, 512 - x0, y1]]), np.ones(1))).mesh_xyz
    assert a is not None
    assert b is not None
    back = b[0][mirror_order()] * [-1, 1, 1] + [512, 0, 0]
    assert np.linalg.norm(a[0, :, :2] - back[:, :2], axis=1).mean() < 0.025 * EYES_PX


def test_no_face_scores_low(mesh_only: FaceMesh, refined: FaceMesh, picture: np.ndarray) -> None:
    region = Faces(np.array([[10, 300, 110, 400]]), np.ones(1))
    for model in (mesh_only, refined):
        scores = model([picture], [region])[0].mesh_scores
        assert scores is not None
        assert scores[0] < 0.1


def test_batch_is_the_same_as_one_by_one(with_irises: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    two = Faces.concatenate([detected, Faces(np.array([[170, 40, 285, 180]]), np.array([0.5]), ids=np.array([8]))])
    small = np.ascontiguousarray(picture[::2, ::2])
    half = Faces(detected.boxes_xyxy / 2, detected.scores)
    together = with_irises([picture, small, picture], [two, half, Faces.empty()])
    assert [len(f) for f in together] == [2, 1, 0]
    for faces, image, region in ((together[0][:1], picture, two[:1]), (together[0][1:], picture, two[1:]), (together[1], small, half)):
        alone = with_irises([image], [region])[0]
        np.testing.assert_allclose(faces.mesh_xyz, alone.mesh_xyz, atol=1e-3)


def test_no_pictures_and_no_faces(with_irises: FaceMesh, mesh_only: FaceMesh, picture: np.ndarray) -> None:
    assert with_irises([], []) == []
    nothing = with_irises([picture], [Faces.empty()])[0]
    assert nothing.mesh_xyz is not None
    assert nothing.mesh_xyz.shape == (0, 478, 3)
    assert mesh_only([picture], [Faces.empty()])[0].mesh_xyz.shape == (0, 468, 3)  # type: ignore[union-attr]


def test_calls_from_many_threads_do_not_mix(with_irises: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    shifted = [np.ascontiguousarray(np.roll(picture, (0, 6 * i), (0, 1))) for i in range(4)]
    regions = [Faces(detected.boxes_xyxy + np.array([6 * i, 0, 6 * i, 0]), detected.scores) for i in range(4)]
    alone = [with_irises([im], [r])[0].mesh_xyz for im, r in zip(shifted, regions, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            results = list(pool.map(lambda i: with_irises([shifted[i]], [regions[i]])[0].mesh_xyz, range(4)))
            for a, b in zip(alone, results, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-3)


def test_number_of_threads_changes_nothing(weights: Weights, picture: np.ndarray, detected: Faces) -> None:
    weights("face_mesh", "iris")
    two = Faces.concatenate([detected, detected])
    one, five = (FaceMesh(threads=threads)([picture], [two])[0].mesh_xyz for threads in (1, 5))
    np.testing.assert_allclose(one, five, atol=1e-3)


@pytest.mark.parametrize("box", [(-80, -60, 40, 60), (500, 500, 505, 505), (3, 3, 3, 3)])
def test_regions_over_the_edge_and_without_area(mesh_only: FaceMesh, picture: np.ndarray, box: tuple[int, ...]) -> None:
    faces = mesh_only([picture], [Faces(np.array([box]), np.ones(1))])[0]
    assert np.isfinite(faces.mesh_xyz).all()  # type: ignore[arg-type]


def test_one_pixel(with_irises: FaceMesh) -> None:
    faces = with_irises([np.zeros((1, 1, 3), np.uint8)], [Faces(np.array([[0, 0, 1, 1]]), np.ones(1))])[0]
    assert np.isfinite(faces.mesh_xyz).all()  # type: ignore[arg-type]


def test_bad_input(mesh_only: FaceMesh, picture: np.ndarray, detected: Faces) -> None:
    with pytest.raises(InvalidInputError, match="one Faces an image"):
        mesh_only([picture, picture], [detected])
    with pytest.raises(InvalidInputError):
        mesh_only([picture.astype(np.float32)], [detected])  # type: ignore[list-item]


def test_cuda_is_refused_for_nets_that_run_on_the_cpu(weights: Weights) -> None:
    weights("face_mesh")
    with pytest.raises(DeviceError):
        FaceMesh(device="cuda")


def test_five_points_of_the_canonical_face() -> None:
    right, left, nose, mouth_right, mouth_left = five_points(canonical_face()[None].astype(np.float32))[0]
    assert right[0] == pytest.approx(-left[0])
    assert mouth_right[0] == pytest.approx(-mouth_left[0])
    assert nose[0] == pytest.approx(0)
    assert right[1] < nose[1] < mouth_right[1]
