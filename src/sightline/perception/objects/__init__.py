"""Everyday objects: people, vehicles, animals, things."""

from sightline.perception.objects.labels import coco_groups, coco_ids, coco_names
from sightline.perception.objects.object_detector import ObjectDetector, ObjectNet

__all__ = ["ObjectDetector", "ObjectNet", "coco_groups", "coco_ids", "coco_names"]
