"""Tables over the mesh and how refined outputs are joined."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.perception.faces.attention import AttentionOutputs, merge_attention
from sightline.perception.faces.parts import LEFT_IRIS, RIGHT_IRIS, canonical_face, mesh_part, mirror_order


def test_canonical_face_is_symmetric_and_looks_at_the_camera() -> None:
    face = canonical_face()
    assert face.shape == (478, 3)
    np.testing.assert_allclose(face[mirror_order()] * [-1, 1, 1], face, atol=1e-5)
    assert face[:468, 2].argmin() == 4, "the tip of the nose is nearest"
    assert face[10, 1] < face[152, 1], "the forehead is above the chin (y goes down)"
    with pytest.raises(ValueError, match="read-only"):
        face[0, 0] = 1


@pytest.mark.parametrize(("part", "count"), [("lips", 80), ("right_eye", 71), ("left_eye", 71)])
def test_parts_name_each_point_once(part: str, count: int) -> None:
    points = mesh_part(part)
    assert len(points) == len(set(points.tolist())) == count
    assert points.min() >= 0
    assert points.max() < 468


def test_eyes_mirror_each_other_in_the_same_order() -> None:
    np.testing.assert_array_equal(mirror_order()[mesh_part("right_eye")], mesh_part("left_eye"))
    assert (canonical_face()[mesh_part("right_eye"), 0] < 0).all()


def test_irises_mirror_each_other() -> None:
    assert mirror_order()[RIGHT_IRIS].tolist() == [473, 476, 475, 474, 477]
    assert canonical_face()[RIGHT_IRIS, 0].max() < 0 < canonical_face()[LEFT_IRIS, 0].min()


def outputs(seed: int = 0) -> AttentionOutputs:
    rng = np.random.default_rng(seed)
    shapes = ((1404,), (160,), (142,), (142,), (10,), (10,))
    return AttentionOutputs.from_tensors([rng.random((2, 1, 1, *s), dtype=np.float32) for s in shapes])


def test_refined_points_take_the_place_of_the_mesh_and_keep_its_depth() -> None:
    parts = outputs()
    full = merge_attention(parts)
    assert full.shape == (2, 478, 3)
    np.testing.assert_array_equal(full[:, :468, 2], parts.mesh[:, :, 2])
    np.testing.assert_array_equal(full[:, mesh_part("lips"), :2], parts.lips)
    np.testing.assert_array_equal(full[:, mesh_part("right_eye"), :2], parts.right_eye)
    np.testing.assert_array_equal(full[:, mesh_part("left_eye"), :2], parts.left_eye)
    untouched = np.setdiff1d(np.arange(468), np.concatenate([mesh_part(p) for p in ("lips", "right_eye", "left_eye")]))
    np.testing.assert_array_equal(full[:, untouched], parts.mesh[:, untouched])


def test_iris_depth_is_the_mean_of_its_lids() -> None:
    parts = outputs(1)
    full = merge_attention(parts)
    np.testing.assert_array_equal(full[:, RIGHT_IRIS, :2], parts.right_iris)
    np.testing.assert_allclose(full[:, LEFT_IRIS, 2], np.repeat(parts.mesh[:, mesh_part("left_eye")[:16], 2].mean(1)[:, None], 5, 1))
