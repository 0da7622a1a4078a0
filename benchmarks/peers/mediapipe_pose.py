"""Runs in the peer's environment: MediaPipe's pose, asked as ``following.serve`` says."""

import cv2
import mediapipe as mp
from following import serve


def _opened(_options):
    return mp.solutions.pose.Pose(static_image_mode=False, model_complexity=1, smooth_landmarks=False)


def _still(paths):
    images = (cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB) for path in paths)
    return mp.solutions.pose.Pose(static_image_mode=True, model_complexity=1), images


def _read(result, width, height):
    found = result.pose_landmarks
    return {"points": [[p.x * width, p.y * height, p.z * width, p.visibility] for p in found.landmark] if found else None}


serve(_opened, _read, _still)
