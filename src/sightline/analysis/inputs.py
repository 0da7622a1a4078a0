"""From what the user named to a list of things to look at, each with the name that its outputs get."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sightline.core.errors import InvalidInputError, MediaError, MediaNotFoundError, display_name
from sightline.media.kinds import kind_of

STDIN = "-"
_PICTURES = "jpg jpeg jpe jfif png webp gif tif tiff bmp avif heic heif"
_VIDEOS = "mp4 m4v mov mkv webm avi mpg mpeg ts mts m2ts flv wmv 3gp ogv h264 264"
_VIDEO_SUFFIXES = frozenset(f".{suffix}" for suffix in _VIDEOS.split())
_SUFFIXES = frozenset(f".{suffix}" for suffix in _PICTURES.split()) | _VIDEO_SUFFIXES
_NOT_IN_NAMES = re.compile(r'[<>:"|?*\\/\x00-\x1f\x7f]')
_MAX_NAME_BYTES = 200


@dataclass(frozen=True)
class Input:
    """One thing to look at.

    Parameters
    ----------
    path : Path or None
        The file; None is stdin.
    shown : str
        The path as the user knows it, printable.
    name : str
        Relative path, without suffix of its own, that the outputs' names begin with; unique within a run.
    """

    path: Path | None
    shown: str
    name: str


def discover(paths: Iterable[str | os.PathLike[str]], out: Path | None = None) -> Iterator[Input | MediaError]:
    """List the inputs; what cannot be listed comes as the error that says why.

    Parameters
    ----------
    paths : iterable of path
        Files, folders (searched through, hidden files and links to folders left out) and ``"-"`` for stdin. In a
        folder, files with a picture's or video's suffix or content are taken, others passed over.
    out : Path, optional
        A folder that is passed over wherever it lies: the run's own outputs.

    Yields
    ------
    Input or MediaError
    """
    taken: dict[str, int] = {}
    for given in paths:
        text = os.fsdecode(given)
        if text == STDIN:
            yield Input(None, STDIN, _unique("stdin", taken))
        elif Path(text).is_dir():
            yield from (Input(f, display_name(f), _unique(_safe(f.relative_to(text)), taken)) for f in _files(Path(text), out))
        elif os.path.lexists(text):
            yield Input(Path(text), display_name(text), _unique(_safe(Path(Path(text).name)), taken))
        else:
            yield MediaNotFoundError(text, "there is no such file or folder")


def _files(folder: Path, out: Path | None) -> Iterator[Path]:
    own = out.resolve() if out is not None else None
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and (Path(root) / f).resolve() != own)
        for name in sorted(names):
            path = Path(root) / name
            if not name.startswith(".") and path.is_file() and _is_wanted(path):
                yield path


def is_wanted_name(name: str) -> bool:
    """Return whether a file's name ends like a picture's or video's.

    Examples
    --------
    >>> is_wanted_name("2026/door.MP4"), is_wanted_name("notes.txt")
    (True, False)
    """
    return Path(name).suffix.lower() in _SUFFIXES


def is_video_name(name: str) -> bool:
    """Return whether a file's name ends like a video's; what it is, its content tells."""
    return Path(name).suffix.lower() in _VIDEO_SUFFIXES


def _is_wanted(path: Path) -> bool:
    if is_wanted_name(path.name):
        return True
    try:
        return kind_of(path) is not None
    except MediaError:
        return False


def _safe(relative: Path) -> str:
    return "/".join(_safe_part(part) for part in relative.parts)


def _safe_part(part: str) -> str:
    clean = _NOT_IN_NAMES.sub("_", display_name(part)).strip(" ") or "_"
    if clean in (".", ".."):
        raise InvalidInputError(f"{clean!r} is no file name")
    cut = clean.encode()[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
    return cut if cut == clean else f"{cut}…"


def _unique(name: str, taken: dict[str, int]) -> str:
    key = name.casefold()
    taken[key] = taken.get(key, 0) + 1
    return name if taken[key] == 1 else _unique(f"{name}~{taken[key]}", taken)
