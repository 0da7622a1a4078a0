"""How often a task was begun, so that a file that ends its worker's process is found out and left out."""

from __future__ import annotations

import hashlib
from collections import Counter

from sightline.analysis.archive.parts import WORK
from sightline.analysis.archive.places import Place

_MAX_DEATHS = 2


class Attempts:
    """Marks under ``work/attempts`` that are there only while a task is under way, or when its worker died.

    The first time a task leaves one mark in all. When it is begun again, it leaves one for every file, so that the next time it
    is known which file it died at; after two such deaths the file is given up.

    Parameters
    ----------
    place : Place
        Where results go.
    task : str
        Name of the task.
    """

    def __init__(self, place: Place, task: str) -> None:
        self._place, self._task = place, task
        self._marks = [m for m in place.names(self._folder) if m.startswith(f"{task}.")]
        self._number = 1 + max((int(m.split(".")[1]) for m in self._marks), default=-1)
        self._deaths: Counter[str] = Counter()
        for number in range(self._number):
            at = sorted((m.split(".")[2:] for m in self._marks if int(m.split(".")[1]) == number), key=lambda part: int(part[0]))
            if at and number:
                self._deaths[at[-1][1]] += 1
        self._begun = 0

    @property
    def _folder(self) -> str:
        return f"{WORK}/attempts"

    def deaths(self, path: str) -> int:
        """Return how often workers died at a file, as far as is known (the first time is not)."""
        return self._deaths[_digest(path)] + 1

    def gave_up(self, path: str) -> bool:
        """Return whether a file is to be left out."""
        return self._deaths[_digest(path)] >= _MAX_DEATHS

    def begin(self, path: str) -> None:
        """Say that a file is begun."""
        if self._number:
            self._mark(_digest(path))
        elif not self._begun:
            self._mark("all")
        self._begun += 1

    def end(self) -> None:
        """Say that the task is done: its marks go."""
        for mark in self._marks:
            self._place.delete(f"{self._folder}/{mark}")

    def _mark(self, what: str) -> None:
        mark = f"{self._task}.{self._number}.{self._begun}.{what}"
        with self._place.replacing(f"{self._folder}/{mark}") as target:
            target.write_bytes(b"")
        self._marks.append(mark)


def _digest(path: str) -> str:
    return hashlib.blake2b(path.encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()
