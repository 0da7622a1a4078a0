"""Runs in the peer's environment: MediaPipe's face mesh, asked as ``following.serve`` says."""

import mediapipe as mp
from following import serve


def _opened(options):
    return mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=options["refine"])


def _read(result, width, height):
    found = result.multi_face_landmarks
    return {"points": [[p.x * width, p.y * height, p.z * width] for p in found[0].landmark] if found else None}


serve(_opened, _read)
