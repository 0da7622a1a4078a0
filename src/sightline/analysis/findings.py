"""What was found in one picture or frame, as values and as the JSON of ``document.FrameFindings``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.core.boxes import bounding_boxes
from sightline.core.observations import Bodies, Detections, Faces, Hands, Observations, TextLines
from sightline.perception.hands.gestures import shown_numbers

KINDS = ("faces", "bodies", "hands", "people", "text", "objects")
MIN_MESH_FACE_PX = 32
MIN_MESH_SCORE = 0.5


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found; a kind that was not looked for is None.

    Parameters
    ----------
    faces : Faces, optional
    bodies : Bodies, optional
    hands : Hands, optional
    people : ndarray of uint8, shape (height, width), optional
        Matte of all people, 255 is fully a person.
    text : TextLines, optional
    objects : Detections, optional
    """

    faces: Faces | None = None
    bodies: Bodies | None = None
    hands: Hands | None = None
    people: NDArray[np.uint8] | None = None
    text: TextLines | None = None
    objects: Detections | None = None

    def observations(self) -> list[Observations]:
        """Return the kinds that were looked for and are observations (all but the matte)."""
        values = (getattr(self, f.name) for f in fields(self))
        return [v for v in values if isinstance(v, Observations)]

    def counts(self) -> dict[str, int]:
        """Return how many of each kind were found; ``people`` counts 1 when there is anybody."""
        found = {v.kind: len(v) for v in self.observations()}
        if self.people is not None:
            found["people"] = int((self.people > 127).any())
        return {kind: found[kind] for kind in KINDS if kind in found}

    def to_json(self, *, landmarks: bool = True) -> dict[str, Any]:
        """Return the JSON of every kind that was looked for.

        Parameters
        ----------
        landmarks : bool
            Keep the long lists (face mesh, landmarks in metres).
        """
        found: dict[str, Any] = {}
        if self.faces is not None:
            found["faces"] = [_face(self.faces, i, landmarks) for i in range(len(self.faces))]
        if self.bodies is not None:
            found["bodies"] = [_body(self.bodies, i, landmarks) for i in range(len(self.bodies))]
        if self.hands is not None:
            found["hands"] = _hands(self.hands, landmarks)
        if self.people is not None:
            found["people"] = _people(self.people)
        if self.text is not None:
            found["text"] = [_text(self.text, i) for i in range(len(self.text))]
        if self.objects is not None:
            names = self.objects.names()
            found["objects"] = [{**_common(self.objects, i), "label": names[i]} for i in range(len(self.objects))]
        return found


def rounded(values: Any, digits: int = 1) -> Any:
    """Return numbers as plain Python, rounded (in double precision, so that 0.1 prints as 0.1)."""
    return np.round(np.asarray(values, np.float64), digits).tolist()


def _common(value: Observations, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {} if value.ids is None or value.ids[row] < 0 else {"id": int(value.ids[row])}
    return {**found, "box_xyxy": rounded(value.boxes_xyxy[row]), "score": unit(value.scores[row])}


def unit(score: Any) -> float:
    """Return a score as a plain number in 0..1."""
    return float(min(max(round(float(score), 3), 0.0), 1.0))


def has_mesh(faces: Faces) -> NDArray[np.bool_]:
    """Return which faces have a mesh worth keeping: large enough, and the net is sure."""
    if faces.mesh_xyz is None or faces.mesh_scores is None:
        return np.zeros(len(faces), bool)
    sides = (faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).max(axis=1, initial=0)
    return np.asarray((sides >= MIN_MESH_FACE_PX) & (faces.mesh_scores >= MIN_MESH_SCORE))


def _face(faces: Faces, row: int, landmarks: bool) -> dict[str, Any]:
    found = _common(faces, row)
    if faces.points_xy is not None:
        found["points_xy"] = rounded(faces.points_xy[row])
    if not has_mesh(faces[row : row + 1])[0]:
        return found
    assert faces.mesh_xyz is not None
    assert faces.mesh_scores is not None
    found["mesh_score"] = unit(faces.mesh_scores[row])
    if landmarks:
        found["mesh_xyz"] = rounded(faces.mesh_xyz[row])
    if faces.head_pose_deg is not None:
        found["head_pose_deg"] = dict(zip(("yaw", "pitch", "roll"), rounded(faces.head_pose_deg[row]), strict=True))
    if faces.eye_openness is not None:
        found["eye_openness"] = dict(zip(("right", "left"), rounded(faces.eye_openness[row], 3), strict=True))
    if faces.mouth_openness is not None:
        found["mouth_openness"] = rounded(faces.mouth_openness[row], 3)
    if faces.gaze_deg is not None:
        found["gaze_deg"] = dict(zip(("yaw", "pitch"), rounded(faces.gaze_deg[row]), strict=True))
    if faces.actions is not None:
        found["actions"] = {name: unit(value) for name, value in zip(faces.action_names, faces.actions[row], strict=True)}
    return found


def _body(bodies: Bodies, row: int, landmarks: bool) -> dict[str, Any]:
    found = {**_common(bodies, row), "skeleton": bodies.skeleton}
    if bodies.points_xyz is not None:
        found["points_xyz"] = rounded(bodies.points_xyz[row])
    if bodies.visibility is not None:
        found["visibility"] = rounded(np.clip(bodies.visibility[row], 0, 1), 3)
    if bodies.world_xyz_m is not None and landmarks:
        found["world_xyz_m"] = rounded(bodies.world_xyz_m[row], 3)
    return found


def _hands(hands: Hands, landmarks: bool) -> list[dict[str, Any]]:
    found = [_hand(hands, i, landmarks) for i in range(len(hands))]
    if hands.gestures is not None:
        for hand, number in zip(found, shown_numbers(hands).tolist(), strict=True):
            if number > 0:
                hand["number"] = number
    return found


def _hand(hands: Hands, row: int, landmarks: bool) -> dict[str, Any]:
    left = 0.5 if hands.left_scores is None else float(hands.left_scores[row])
    found = {**_common(hands, row), "side": "left" if left >= 0.5 else "right", "side_score": unit(max(left, 1 - left))}
    if hands.points_xyz is not None:
        found["points_xyz"] = rounded(hands.points_xyz[row])
    if hands.world_xyz_m is not None and landmarks:
        found["world_xyz_m"] = rounded(hands.world_xyz_m[row], 4)
    if hands.gestures is not None:
        found["gesture"] = hands.gesture_names[hands.gestures[row]]
    if hands.gesture_scores is not None:
        found["gesture_score"] = unit(hands.gesture_scores[row])
    return found


def _people(matte: NDArray[np.uint8]) -> dict[str, Any]:
    found: dict[str, Any] = {"coverage": unit(matte.mean() / 255)}
    rows, columns = np.flatnonzero((matte > 127).any(axis=1)), np.flatnonzero((matte > 127).any(axis=0))
    if len(rows):
        corners = np.array([[[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]]])
        found["box_xyxy"] = rounded(bounding_boxes(corners)[0])
    return found


def _text(lines: TextLines, row: int) -> dict[str, Any]:
    found = {**_common(lines, row), "text": str(lines.texts[row]), "quad_xy": rounded(lines.quads_xy[row])}
    if lines.rotation_deg is not None:
        found["rotation_deg"] = rounded(lines.rotation_deg[row])
    return found
