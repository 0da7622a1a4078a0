"""Decode, FaceMesh + Pose + Hands, draw, encode, with MediaPipe's solutions and OpenCV. Runs in the peer's environment."""

import json
import sys
import time
from pathlib import Path

import cv2
import mediapipe as mp


def main() -> None:
    """Answer with frames a second."""
    request = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    solutions, drawing = mp.solutions, mp.solutions.drawing_utils
    mesh = solutions.face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1)
    pose, hands = solutions.pose.Pose(), solutions.hands.Hands()
    video = cv2.VideoCapture(request["film"])
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(request["out"], cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
    began, count = 0.0, -10
    while count < request["frames"]:
        there, bgr = video.read()
        if not there:
            break
        if count == 0:
            began = time.perf_counter()
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        faces, body, found = mesh.process(rgb), pose.process(rgb), hands.process(rgb)
        for face in faces.multi_face_landmarks or ():
            drawing.draw_landmarks(bgr, face, solutions.face_mesh.FACEMESH_CONTOURS)
        drawing.draw_landmarks(bgr, body.pose_landmarks, solutions.pose.POSE_CONNECTIONS)
        for hand in found.multi_hand_landmarks or ():
            drawing.draw_landmarks(bgr, hand, solutions.hands.HAND_CONNECTIONS)
        writer.write(bgr)
        count += 1
    writer.release()
    answer = {"frames_per_s": count / (time.perf_counter() - began)}
    Path(sys.argv[2]).write_text(json.dumps(answer), "utf-8")


if __name__ == "__main__":
    main()
