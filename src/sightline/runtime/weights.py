"""Where weights are on this machine, and whether they are what their cards say.

Looked for in order: the mirror folder (environment variable ``SIGHTLINE_MODELS``), then the models folder (under
``SIGHTLINE_HOME``, by default the user's data folder), then an installed package that carries them as they are. A
file is used only after its sha256 was checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Literal

import platformdirs

from sightline.core.errors import ModelCorruptError, ModelNotFetchedError
from sightline.runtime.cards import ModelCard, load_card
from sightline.runtime.session import Device, Session, open_session

State = Literal["ready", "missing", "corrupt"]

_PYPI_MEMBER = re.compile(r"^pypi:(?P<name>[^=!]+)==[^!]+!(?P<member>.+)$")


def models_folder() -> Path:
    """Return the folder that ``sightline models fetch`` fills (it need not exist yet)."""
    home = os.environ.get("SIGHTLINE_HOME")
    return Path(home).expanduser() / "models" if home else Path(platformdirs.user_data_dir("sightline", appauthor=False)) / "models"


def mirror_folder() -> Path | None:
    """Return the folder of ready-made weights named by ``SIGHTLINE_MODELS``, if any."""
    mirror = os.environ.get("SIGHTLINE_MODELS")
    return Path(mirror).expanduser() if mirror else None


def offline() -> bool:
    """Return whether ``SIGHTLINE_OFFLINE`` forbids the network."""
    return os.environ.get("SIGHTLINE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def candidates(file: str) -> list[Path]:
    """Return the paths at which a file of the models folder may lie, in the order in which they are looked at."""
    folders = [f for f in (mirror_folder(), models_folder()) if f is not None]
    return [folder / file for folder in folders if (folder / file).is_file()]


def _installed(card: ModelCard) -> list[Path]:
    """Return where an installed package of this environment carries the weights as they are, such as rapidocr's nets."""
    if card.weights.importer is not None:
        return []
    found = []
    for text in card.weights.files[0].sources:
        package = _PYPI_MEMBER.match(text)
        with contextlib.suppress(metadata.PackageNotFoundError):
            path = Path(str(metadata.distribution(package["name"]).locate_file(package["member"]))) if package else None
            if path is not None and path.is_file():
                found.append(path)
    return found


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _sha256_once(path: Path, size: int, modified_ns: int) -> str:
    return sha256_of(path)


def is_intact(path: Path, card: ModelCard) -> bool:
    """Return whether a file is what the card says (size, then sha256; hashed again only when the file changed)."""
    stat = path.stat()
    return stat.st_size == card.weights.bytes and _sha256_once(path, stat.st_size, stat.st_mtime_ns) == card.weights.sha256


def state(name: str) -> State:
    """Return whether a model's weights are ready, missing or corrupt."""
    card = load_card(name)
    found = candidates(card.weights.file) + _installed(card)
    if any(is_intact(path, card) for path in found):
        return "ready"
    return "corrupt" if found else "missing"


def model_path(name: str) -> Path:
    """Return the path of a model's weights, checked.

    Raises
    ------
    UnknownModelError
        When there is no such model.
    ModelNotFetchedError
        When the weights are not on this machine.
    ModelCorruptError
        When the file there is cut or changed.
    """
    card = load_card(name)
    found = candidates(card.weights.file) + _installed(card)
    for path in found:
        if is_intact(path, card):
            return path
    command = f"sightline models fetch {name}"
    if found:
        raise ModelCorruptError(name, f"{found[0]} is cut or changed (its sha256 is not the card's); get it again: {command}")
    raise ModelNotFetchedError(name, f"the weights are not on this machine; get them: {command}")


@dataclass(frozen=True)
class Opened:
    """A net that was opened: its name, the sha256 of its weights, and what runs it."""

    name: str
    sha256: str
    provider: str


_recorder: ContextVar[list[Opened] | None] = ContextVar("sightline_opened_models", default=None)


@contextmanager
def recording() -> Iterator[list[Opened]]:
    """Collect which nets are opened by this thread inside the block.

    Examples
    --------
    >>> with recording() as opened:
    ...     pass
    >>> opened
    []
    """
    opened: list[Opened] = []
    token = _recorder.set(opened)
    try:
        yield opened
    finally:
        _recorder.reset(token)


def record(name: str, provider: str) -> None:
    """Tell the enclosing ``recording`` that a net was opened."""
    opened = _recorder.get()
    entry = Opened(name, load_card(name).weights.sha256, provider)
    if opened is not None and entry not in opened:
        opened.append(entry)


def open_model(
    name: str,
    *,
    device: Device = "auto",
    threads: int | None = None,
    outputs: Sequence[str] | None = None,
    int8: bool = False,
    memory_arena: bool = True,
) -> Session:
    """Open a model by name: ``model_path`` and ``open_session``, whose options these are."""
    session = open_session(model_path(name), device=device, threads=threads, outputs=outputs, int8=int8, memory_arena=memory_arena)
    record(name, session.provider())
    return session
