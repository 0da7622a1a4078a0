"""Options of an analysis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from sightline.analysis.document import Kind
from sightline.analysis.findings import KINDS
from sightline.core.errors import InvalidInputError
from sightline.runtime.session import Device


@dataclass(frozen=True)
class Options:
    """What to look for, and how hard.

    Parameters
    ----------
    only : tuple of str
        Any of faces, bodies, hands, people, text, objects.
    device : {"auto", "cpu", "cuda"}
        Where nets run; ``"cuda"`` is an error where it cannot be had.
    threads : int, optional
        Processors to use; by default those this process may use, at most 4.
    landmarks : bool
        Keep the long lists (face mesh, landmarks in metres) in the document.
    video_faces : {"near", "full", "thorough"}
        Grade of the face detector between thorough looks in a video. Pictures always get a thorough look.
    thorough_every_s : float
        Time between thorough looks for faces in a video, seconds; 0 for none.
    objects_every_s, text_every_s, people_every_s : float
        Time between looks for objects, text and the people matte in a video, seconds; 0 looks at every frame.
    tiled : bool
        Look for objects in tiles of the picture as well, so that small ones are found.
    max_faces, max_bodies, max_hands : int
        How many of each are followed at once in a video.

    Raises
    ------
    InvalidInputError
        When an option is out of range.

    Examples
    --------
    >>> Options(only=("faces", "hands")).only
    ('faces', 'hands')
    """

    only: tuple[Kind, ...] = cast("tuple[Kind, ...]", KINDS)
    device: Device = "auto"
    threads: int | None = None
    landmarks: bool = True
    video_faces: Literal["near", "full", "thorough"] = "full"
    thorough_every_s: float = 1.0
    objects_every_s: float = 0.2
    text_every_s: float = 1.0
    people_every_s: float = 0.0
    tiled: bool = False
    max_faces: int = 8
    max_bodies: int = 6
    max_hands: int = 8

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not self.only:
            raise InvalidInputError(f"only must name at least one of {', '.join(KINDS)}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise InvalidInputError(f"device must be auto, cpu or cuda, got {self.device!r}")
        if self.threads is not None and self.threads < 1:
            raise InvalidInputError(f"threads must be at least 1, got {self.threads}")
        if self.video_faces not in ("near", "full", "thorough"):
            raise InvalidInputError(f"video_faces must be near, full or thorough, got {self.video_faces!r}")
        if min(self.thorough_every_s, self.objects_every_s, self.text_every_s, self.people_every_s) < 0:
            raise InvalidInputError("times between looks cannot be negative")
        if min(self.max_faces, self.max_bodies, self.max_hands) < 1:
            raise InvalidInputError("max_faces, max_bodies and max_hands must be at least 1")
        object.__setattr__(self, "only", parse_kinds(self.only))


def parse_kinds(given: str | Iterable[str]) -> tuple[Kind, ...]:
    """Return kinds in their usual order, from a list or a text with commas.

    Raises
    ------
    InvalidInputError
        When a name is unknown.

    Examples
    --------
    >>> parse_kinds("hands, faces")
    ('faces', 'hands')
    """
    names = [n.strip() for n in given.split(",")] if isinstance(given, str) else list(given)
    unknown = [n for n in names if n not in KINDS]
    if unknown:
        raise InvalidInputError(f"unknown kind {unknown[0]!r}; choose from {', '.join(KINDS)}")
    return cast("tuple[Kind, ...]", tuple(k for k in KINDS if k in names))
