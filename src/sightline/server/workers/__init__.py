"""Worker processes, in which strangers' files are decoded and nets are run."""

from sightline.server.workers.limits import WorkerLimits
from sightline.server.workers.pool import Workers
from sightline.server.workers.statistics import Observation, Statistics

__all__ = ["Observation", "Statistics", "WorkerLimits", "Workers"]
