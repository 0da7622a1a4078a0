"""Hands: where palms are, the landmarks of each hand, and what it shows."""

from sightline.perception.hands.distinct import distinct_hands
from sightline.perception.hands.gestures import GestureClassifier, gesture_names, shown_numbers, two_hand_hearts
from sightline.perception.hands.palm_detector import PalmDetector
from sightline.perception.hands.pose import HandPose

__all__ = ["GestureClassifier", "HandPose", "PalmDetector", "distinct_hands", "gesture_names", "shown_numbers", "two_hand_hearts"]
