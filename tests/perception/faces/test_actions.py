"""Actions on meshes that were moved by known amounts, and on real faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest
from skimage.data import astronaut
from tests.perception.faces.shaping import BROW, INNER_BROW, LOWER_LIPS, both, close_eye, open_mouth, shift, shift_corner, turned

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Faces
from sightline.perception.faces.actions import ACTION_NAMES, NeutralFace, face_actions
from sightline.perception.faces.measures import measure_faces
from sightline.perception.faces.mesh import FaceMesh
from sightline.perception.faces.parts import canonical_face

REST = canonical_face()[None]
NEUTRAL = NeutralFace.from_meshes(REST)


def actions(meshes: np.ndarray, neutral: NeutralFace = NEUTRAL) -> dict[str, float]:
    return dict(zip(ACTION_NAMES, face_actions(meshes, neutral)[0].tolist(), strict=True))


def assert_only(found: dict[str, float], *expected: str) -> None:
    assert all(found[name] > 0.5 for name in expected), found
    assert all(value < 0.15 for name, value in found.items() if name not in expected), found


def smile(meshes: np.ndarray) -> np.ndarray:
    return shift_corner(shift_corner(meshes, "right", 0.5, 0.5), "left", 0.5, 0.5)


def test_at_rest_nothing_happens() -> None:
    assert max(actions(REST).values()) == 0


def test_lids() -> None:
    assert_only(actions(close_eye(REST, "right")), "blink_right", "wink_right")
    assert_only(actions(close_eye(REST, "left")), "blink_left", "wink_left")
    assert_only(actions(close_eye(close_eye(REST, "left"), "right")), "blink_right", "blink_left")


def test_smiles() -> None:
    assert_only(actions(smile(REST)), "smile", "smile_right", "smile_left")
    one_side = actions(shift_corner(REST, "left", 0.7, 0.7))
    assert one_side["smile_left"] == 1
    assert one_side["smile_right"] == 0
    assert_only(actions(open_mouth(smile(REST), 1.2)), "smile", "smile_right", "smile_left", "laugh", "mouth_open")


def test_open_mouth_is_no_laugh() -> None:
    assert_only(actions(open_mouth(REST, 1.6)), "mouth_open")


def test_pout() -> None:
    narrow = shift_corner(shift_corner(REST, "right", -0.4, 0), "left", -0.4, 0)
    assert_only(actions(shift(narrow, [0, 13, *LOWER_LIPS], (0, 0, -0.5))), "pout")


def test_frown() -> None:
    assert_only(actions(shift_corner(shift_corner(REST, "right", 0, -0.5), "left", 0, -0.5)), "frown")


def test_brows() -> None:
    assert_only(actions(shift(REST, both(BROW), (0, -0.5, 0))), "brows_raised")
    low = shift(REST, both(INNER_BROW), (0, 0.5, 0))
    together = shift(shift(low, list(INNER_BROW), (0.15, 0, 0)), [336, 285], (-0.15, 0, 0))
    assert_only(actions(together), "scowl")


def test_turning_the_head_is_no_action() -> None:
    for yaw, pitch, roll in ((40, 0, 0), (0, 25, 0), (-20, -15, 60)):
        assert max(actions(turned(REST, yaw, pitch, roll) * 14 + [400, 300, 0]).values()) < 0.02
        found = actions(turned(smile(REST), yaw, pitch, roll) * 14)
        assert found["smile"] == pytest.approx(actions(smile(REST))["smile"], abs=0.02)


def test_actions_count_from_the_persons_own_face() -> None:
    narrow_eyes = close_eye(close_eye(REST, "right", 0.6), "left", 0.6)
    assert actions(narrow_eyes)["blink_right"] > 0.4
    assert actions(narrow_eyes, NeutralFace.from_meshes(narrow_eyes))["blink_right"] == 0


def test_neutral_is_the_median_so_that_a_blink_does_not_spoil_it() -> None:
    frames = np.concatenate([REST] * 8 + [close_eye(REST, "right")] * 3)
    assert astuple(NeutralFace.from_meshes(frames)) == pytest.approx(astuple(NEUTRAL))


def test_bad_input() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        NeutralFace.from_meshes(np.zeros((0, 478, 3)))
    with pytest.raises(InvalidInputError, match="shape"):
        face_actions(np.zeros((478, 3)))
    assert face_actions(np.zeros((0, 468, 3))).shape == (0, len(ACTION_NAMES))


def test_no_action_is_named_after_a_feeling() -> None:
    feelings = ("happ", "sad", "anger", "angry", "fear", "disgust", "surprise", "contempt", "emotion", "mood")
    assert not [name for name in ACTION_NAMES if any(f in name for f in feelings)]


def test_measures_of_the_astronaut(weights: Callable[..., None]) -> None:
    """She smiles with her teeth showing, eyes open, head almost straight."""
    weights("face_mesh", "iris")
    picture = np.ascontiguousarray(astronaut())
    model, faces = FaceMesh(), Faces(np.array([[180, 55, 275, 170]]), np.ones(1))
    for _ in range(4):
        faces = model([picture], [faces])[0]
    measured = measure_faces(faces)
    assert measured.actions is not None
    assert measured.eye_openness is not None
    assert measured.head_pose_deg is not None
    found = dict(zip(measured.action_names, measured.actions[0].tolist(), strict=True))
    assert min(found["smile"], found["laugh"], found["smile_right"], found["smile_left"]) > 0.5
    assert max(found[n] for n in ("blink_right", "blink_left", "pout", "frown")) < 0.2
    assert measured.eye_openness.min() > 0.2
    assert np.abs(measured.head_pose_deg).max() < 15
    assert measured.gaze_deg is not None


def test_measures_need_a_mesh_and_gaze_needs_irises() -> None:
    with pytest.raises(InvalidInputError, match="mesh"):
        measure_faces(Faces(np.zeros((1, 4)), np.ones(1)))
    without = measure_faces(Faces(np.zeros((1, 4)), np.ones(1), mesh_xyz=REST[:, :468]))
    assert without.gaze_deg is None
    assert without.actions is not None
    assert len(measure_faces(Faces.empty(mesh_xyz=np.zeros((0, 478, 3))))) == 0
