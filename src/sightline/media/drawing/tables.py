"""Which points to join, and in which colours: the tables under ``data/``."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Chains = tuple[NDArray[np.intp], ...]


@functools.cache
def _table(name: str) -> dict[str, Any]:
    return dict(json.loads(files(__package__).joinpath("data", f"{name}.json").read_text("utf-8")))


def _chains(lists: list[list[int]]) -> Chains:
    return tuple(np.asarray(chain, np.intp) for chain in lists)


@functools.cache
def body_chains(skeleton: str) -> dict[str, Chains]:
    """Return the chains to join of ``blazepose33`` or ``coco17``: ``right``, ``left`` (the subject's) and ``centre``."""
    table = _table("skeletons")[skeleton]
    return {side: _chains(table[side]) for side in ("centre", "right", "left")}


@functools.cache
def right_points(skeleton: str) -> frozenset[int]:
    """Return the landmarks on the subject's right."""
    return frozenset(_table("skeletons")[skeleton]["right_points"])


@functools.cache
def head_count(skeleton: str) -> int:
    """Return how many landmarks, all at the beginning, belong to the head."""
    return int(_table("skeletons")[skeleton]["head_points"])


@functools.cache
def hand_chains() -> Chains:
    """Return the chains to join of the 21 hand landmarks."""
    return _chains(_table("skeletons")["hand21"]["fingers"])


@functools.cache
def face_chains() -> dict[str, Chains]:
    """Return the chains of the face mesh to join, by part: ``oval``, ``lips``, ``nose``, eyes and brows."""
    return {part: _chains(lists) for part, lists in _table("face_contours")["contours"].items()}


@functools.cache
def irises() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the mesh indices of the right and the left iris: centre, then ring."""
    table = _table("face_contours")["irises"]
    return tuple(table["right"]), tuple(table["left"])


@functools.cache
def palette() -> tuple[Colour, ...]:
    """Return seven colours that people with any kind of colour vision can tell apart (Okabe and Ito, 2008)."""
    return tuple((r, g, b) for r, g, b in _table("palette")["colours"].values())


@functools.cache
def named_colour(name: str) -> Colour:
    """Return a colour of the palette by its name, ``dark`` or ``light``."""
    table = _table("palette")
    r, g, b = table["colours"].get(name) or table[name]
    return r, g, b


@functools.cache
def colour_of(identity: int) -> Colour:
    """Return the colour of an identity or class: the same number has the same colour in every picture.

    The first seven are the palette; then come lighter and darker ones, so that 21 follow without repeating.

    Examples
    --------
    >>> colour_of(0) == colour_of(21), colour_of(0) == colour_of(7)
    (True, False)
    """
    base = palette()[identity % 7]
    towards, share = ((0, 0.0), (255, 0.5), (0, 0.4))[identity // 7 % 3]
    r, g, b = (round(c + (towards - c) * share) for c in base)
    return r, g, b
