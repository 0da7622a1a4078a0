"""Sightline: look at any picture or video and say what is in it.

Examples
--------
>>> import sightline
>>> run = sightline.analyze("photo.jpg", out="results")
>>> len(run.results[0].document()["frames"][0]["faces"])
1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightline.analysis import Findings, Follower, Looker, Options, Result, Run, analyze

__version__ = "0.1.0"
__all__ = ["Findings", "Follower", "Looker", "Options", "Result", "Run", "__version__", "analyze"]


def __getattr__(name: str) -> Any:
    """Load the analysis only when it is used, so that ``import sightline`` stays light."""
    if name in __all__:
        from sightline import analysis

        return getattr(analysis, name)
    raise AttributeError(f"module 'sightline' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
