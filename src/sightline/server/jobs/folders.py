"""Watched folders: what is new and no longer changes is copied in, once; what cannot be read is noted and left alone.

A folder is read again and again (notifications of the system are lost on network drives, so they could only ever come on top).
Links are never followed, neither to files nor to folders.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from sightline.api.jobs import Job
from sightline.api.records import MediaSource
from sightline.core.errors import InvalidInputError, MediaError, WorkerError, display_name
from sightline.media.kinds import kind_of
from sightline.server.jobs.importing import Importer
from sightline.server.jobs.tools import Tools
from sightline.store.tables import SourceFileRow, SourceRow

logger = logging.getLogger(__name__)

STABLE_S = 2.0
COPY = "folder-"
"""How the names of copies in the spool folder begin."""
_LOOK_EVERY_S = 1.0
_REST = 10.0  # a folder that takes a second to read is read every ten
_ENDINGS = "jpg jpeg jpe jfif png webp gif tif tiff bmp avif heic heif mp4 m4v mov mkv webm avi mpg mpeg ts mts m2ts flv wmv 3gp ogv h264"
_SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Found:
    """A file as it was when the folder was read.

    Parameters
    ----------
    path : str
        Where it is.
    name : str
        Its path in the folder, printable.
    size, mtime_ns, inode, device : int
        What it was like.
    """

    path: str
    name: str
    size: int
    mtime_ns: int
    inode: int
    device: int

    @property
    def key(self) -> str:
        """What makes it one file: written again, it is another."""
        return f"{self.name}:{self.mtime_ns}:{self.size}"


def scan(folder: Path) -> Iterator[Found]:
    """Yield the files of a folder and the folders in it; hidden ones and links are passed over.

    Raises
    ------
    OSError
        When the folder itself cannot be read; those in it that cannot are passed over.
    """
    waiting = [(os.fspath(folder), "")]
    while waiting:
        place, prefix = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.is_symlink():
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, f"{prefix}{entry.name}/"))
                    elif entry.is_file(follow_symlinks=False):
                        with suppress(FileNotFoundError):
                            facts = entry.stat(follow_symlinks=False)
                            name = display_name(prefix + entry.name)
                            yield Found(entry.path, name, facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_dev)
        except OSError:
            if not prefix:
                raise


class FolderWatch:
    """Watches one folder.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    importer : Importer
        Brings files in.
    source : MediaSource
        The folder.
    job : Job
        Whose work it is.
    """

    def __init__(self, tools: Tools, importer: Importer, source: MediaSource, job: Job) -> None:
        self._tools, self._importer, self._source, self._job = tools, importer, source, job
        self._dealt_with: set[str] = set()
        self._growing: dict[str, tuple[str, float]] = {}
        self._brought = self._left_out = 0
        self._last = ""

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Watch as long as it goes on.

        Parameters
        ----------
        goes_on : callable
            Asked before each file.

        Raises
        ------
        InvalidInputError
            When the folder is in none of those that may be watched.
        Closing
            When the server is about to stop.
        """
        folder = allowed(Path(self._source.address), self._tools.config.watch)
        self._tools.patiently(self._remember)
        while goes_on():
            begun_s = time.monotonic()
            self._source = self._tools.patiently(self._tools.sources.get, self._source.id)
            try:
                trouble = self._look(folder, goes_on)
            except OSError as error:
                trouble = f"the folder cannot be read at present: {error.strerror or error}"
            self._tell(trouble)
            self._tools.pause(max(_LOOK_EVERY_S, _REST * min(time.monotonic() - begun_s, 60.0)) if not self._growing else _LOOK_EVERY_S)

    def _remember(self) -> None:
        """Read which files were dealt with before."""
        mine = SourceFileRow.source_id == self._source.id
        with self._tools.database.session() as session:
            self._dealt_with = set(session.scalars(select(SourceFileRow.file).where(mine)))
            self._brought = session.scalar(select(func.count()).where(mine, SourceFileRow.detail.is_(None))) or 0
            problems = select(SourceFileRow.file, SourceFileRow.detail).where(mine, SourceFileRow.detail != "")
            self._left_out = session.scalar(select(func.count()).select_from(problems.subquery())) or 0
            last = session.execute(problems.order_by(SourceFileRow.at.desc()).limit(1)).one_or_none()
            self._last = last[1] or "" if last else ""

    def _look(self, folder: Path, goes_on: Callable[[], bool]) -> str | None:
        """Read the folder once; return what is wrong."""
        now_s, seen = time.monotonic(), set()
        for found in scan(folder):
            if found.key in self._dealt_with:
                continue
            seen.add(found.name)
            key, since_s = self._growing.get(found.name, ("", now_s))
            if key != found.key:
                self._growing[found.name] = (found.key, now_s)
            elif now_s - since_s >= STABLE_S:
                if not goes_on():
                    return None
                if trouble := self._bring_in(found):
                    return trouble
                self._growing.pop(found.name)
                self._tell(None)
        self._growing = {name: value for name, value in self._growing.items() if name in seen}
        return None

    def _bring_in(self, found: Found) -> str | None:
        """Bring a file in, or note why not; return what keeps all files from being brought in."""
        problem: str | None = None
        copy = self._tools.config.spool / f"{COPY}{uuid4().hex}"
        try:
            if not self._copy(found, copy):
                return None
            if kind_of(copy) is None and Path(found.name).suffix.lower() not in _SUFFIXES:
                problem = ""  # neither looks nor is called like one: not worth a word
            else:
                origin = f"folder:{self._source.id}:{found.key}"
                self._importer.bring_in(copy, self._source, name=found.name, origin=origin, who=self._job.created_by)
        except (MediaError, WorkerError) as error:
            problem = str(error)
        except OSError as error:
            if error.errno in _FULL:
                return "the disk is full; files are brought in again when there is room"
            problem = f"{found.name}: cannot be read: {error.strerror or error}"
        finally:
            copy.unlink(missing_ok=True)
        self._note(found, problem)
        return None

    def _copy(self, found: Found, copy: Path) -> bool:
        """Copy a file; return False when it is not the one that was found, or changes meanwhile."""
        descriptor = os.open(found.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not _is_same(os.fstat(file.fileno()), found):
                return False
            with copy.open("xb") as target:
                shutil.copyfileobj(file, target, 1 << 20)
            return _is_same(os.fstat(file.fileno()), found) and copy.stat().st_size == found.size

    def _note(self, found: Found, problem: str | None) -> None:
        self._dealt_with.add(found.key)
        self._brought += problem is None
        if problem:
            self._left_out += 1
            self._last = problem
            logger.warning("folder %s: %s", self._source.name, problem)
        row = insert(SourceFileRow).values(source_id=self._source.id, file=found.key, detail=problem)

        def write() -> None:
            with self._tools.database.session() as session:
                if session.scalar(select(SourceRow.id).where(SourceRow.id == self._source.id).with_for_update(read=True)) is not None:
                    session.execute(row.on_conflict_do_nothing())

        self._tools.patiently(write)

    def _tell(self, trouble: str | None) -> None:
        out = f"; {self._left_out} left out, the last one {self._last}" if self._left_out else ""
        detail = trouble or f"watching{out}"
        self._tools.patiently(lambda: self._tools.jobs.tell(self._job.id, done=self._brought, detail=detail))


def allowed(folder: Path, inside: tuple[Path, ...]) -> Path:
    """Return a folder, free of links, that lies in one of those that may be watched.

    Raises
    ------
    InvalidInputError
        When it does not.
    """
    real = folder.resolve()
    if not any(real.is_relative_to(place.resolve()) for place in inside):
        raise InvalidInputError(f"{folder} lies in none of the folders that may be watched; start with `sightline serve --watch {folder}`")
    return real


def _is_same(facts: os.stat_result, found: Found) -> bool:
    same = (facts.st_ino, facts.st_dev, facts.st_size, facts.st_mtime_ns)
    return same == (found.inode, found.device, found.size, found.mtime_ns)
