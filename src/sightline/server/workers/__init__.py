"""Worker processes, in which strangers' files are decoded and nets are run.

Names are loaded when they are used: the processes, which import modules of this package too, start quickly that way.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightline.server.workers.limits import WorkerLimits
    from sightline.server.workers.pool import Workers
    from sightline.server.workers.statistics import Observation, Statistics

_HOME = {"Observation": "statistics", "Statistics": "statistics", "WorkerLimits": "limits", "Workers": "pool"}
__all__ = ["Observation", "Statistics", "WorkerLimits", "Workers"]


def __getattr__(name: str) -> Any:
    """Load the module that a public name lives in when it is used."""
    if name in _HOME:
        return getattr(import_module(f"sightline.server.workers.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sightline.server.workers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
