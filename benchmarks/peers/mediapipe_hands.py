"""Runs in the peer's environment: MediaPipe's hands, asked as ``following.serve`` says."""

import mediapipe as mp
from following import serve


def _opened(options):
    return mp.solutions.hands.Hands(static_image_mode=False, max_num_hands=2, model_complexity=options["complexity"])


def _read(result, width, height):
    found = result.multi_hand_landmarks or []
    points = [[[p.x * width, p.y * height] for p in hand.landmark] for hand in found]
    return {"points": points, "labels": [h.classification[0].label for h in result.multi_handedness or []]}


serve(_opened, _read)
