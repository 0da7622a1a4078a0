"""Bodies: where people are, and the landmarks of each."""

from sightline.perception.bodies.multipose import MultiPose
from sightline.perception.bodies.person_detector import PersonDetector
from sightline.perception.bodies.pose import BodyPose
from sightline.perception.bodies.skeletons import Skeleton, skeleton

__all__ = ["BodyPose", "MultiPose", "PersonDetector", "Skeleton", "skeleton"]
