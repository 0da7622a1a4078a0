"""Fold what stands beside a convolution into it."""

from __future__ import annotations

from sightline.runtime.importers.graph import Graph


def fuse(graph: Graph, outputs: set[str]) -> None:
    """Fold (nothing yet)."""
