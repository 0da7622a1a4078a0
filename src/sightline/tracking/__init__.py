"""Observations over time: tracks, identities within a video, smoothing."""

from sightline.tracking.box_tracker import BoxTracker, BoxTrackerOptions
from sightline.tracking.landmark_tracker import LandmarkTracker, without_twins
from sightline.tracking.one_euro import OneEuroFilter, OneEuroOptions

__all__ = ["BoxTracker", "BoxTrackerOptions", "LandmarkTracker", "OneEuroFilter", "OneEuroOptions", "without_twins"]
