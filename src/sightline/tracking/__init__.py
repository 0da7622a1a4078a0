"""Observations over time: tracks, identities within a video, smoothing."""
