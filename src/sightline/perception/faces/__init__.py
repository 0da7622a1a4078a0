"""Faces: where they are, the mesh of each, and what the mesh says: pose, gaze, openness, contours, movements."""

from sightline.perception.faces.actions import NeutralFace, face_actions
from sightline.perception.faces.contours import contour_groups, contour_names, contour_points
from sightline.perception.faces.detector import FaceDetector
from sightline.perception.faces.gaze import gaze_deg
from sightline.perception.faces.head_pose import head_pose_deg
from sightline.perception.faces.measures import measure_faces
from sightline.perception.faces.mesh import FaceMesh
from sightline.perception.faces.openness import eye_openness, mouth_openness

__all__ = [
    "FaceDetector",
    "FaceMesh",
    "NeutralFace",
    "contour_groups",
    "contour_names",
    "contour_points",
    "eye_openness",
    "face_actions",
    "gaze_deg",
    "head_pose_deg",
    "measure_faces",
    "mouth_openness",
]
