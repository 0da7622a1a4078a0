"""Fetching weights: explicit, verified, atomic, safe for two processes at once.

For each source file of a card: the mirror folder first, then the card's sources in order. What was got is checked against the
card's sha256 before it is converted or moved into the models folder in one step.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import filelock

from sightline.core.errors import ModelCorruptError, ModelError, ModelFetchError, ModelOfflineError
from sightline.runtime.cards import ModelCard, SourceFile, card_names, load_card
from sightline.runtime.sources import Downloads, Progress, SourceError, parse_source
from sightline.runtime.weights import mirror_folder, models_folder, offline, sha256_of, state

_log = logging.getLogger(__name__)

Outcome = Literal["already there", "fetched", "fetched again"]


@dataclass(frozen=True)
class Fetched:
    """What a fetch did for one model."""

    name: str
    outcome: Outcome


def default_models() -> tuple[str, ...]:
    """Return the names of the models that ``analyze`` uses by default."""
    return tuple(name for name in card_names() if load_card(name).default)


def fetch(names: Sequence[str], progress: Progress = lambda what, done, total: None) -> list[Fetched]:
    """Bring the weights of some models to this machine.

    Parameters
    ----------
    names : sequence of str
        Names of cards.
    progress : callable
        Called with what is being fetched, the bytes so far and the bytes in all (None: not known).

    Returns
    -------
    list of Fetched
        One a name, in order.

    Raises
    ------
    ModelFetchError
        When no source of a model could deliver; the message says what each of them said. The other models are fetched
        before it is raised; when several fail, one ModelFetchError tells of all of them.
    ModelOfflineError
        When the network would be needed and ``SIGHTLINE_OFFLINE`` forbids it.
    ModelCorruptError, ModelConversionError
        When an importer cannot turn the source files into the file that the card names.
    """
    cards = [load_card(name) for name in names]
    models_folder().mkdir(parents=True, exist_ok=True)
    done: list[Fetched] = []
    failures: list[ModelError] = []
    with Downloads(progress) as downloads:
        for card in cards:
            try:
                done.append(Fetched(card.name, _fetch_one(card, downloads)))
            except ModelError as error:
                failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    if failures:
        # Models of one package fail for one reason, which is said once.
        reasons = dict.fromkeys(r for f in failures for r in getattr(f, "reasons", ()) or (str(f),))
        raise ModelFetchError(", ".join(f.model for f in failures), "; ".join(reasons), tuple(reasons))
    return done


def _fetch_one(card: ModelCard, downloads: Downloads) -> Outcome:
    with filelock.FileLock(models_folder() / f".{card.name}.lock"):
        before = state(card.name)
        if before == "ready":
            return "already there"
        for left_over in models_folder().glob(f".{card.name}-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=models_folder(), prefix=f".{card.name}-") as folder:
            got = [_fetch_file(card, file, Path(folder), downloads) for file in card.weights.files]
            finished = _finish(card, got, Path(folder))
            with finished.open("rb+") as file:
                os.fsync(file.fileno())
            finished.replace(models_folder() / card.weights.file)
    return "fetched" if before == "missing" else "fetched again"


def _fetch_file(card: ModelCard, file: SourceFile, folder: Path, downloads: Downloads) -> Path:
    target, said = folder / file.name, []
    mirrored = mirror_folder()
    if mirrored is not None and (mirrored / file.name).is_file():
        shutil.copyfile(mirrored / file.name, target)
        if sha256_of(target) == file.sha256:
            return target
        said.append(f"{mirrored / file.name}: not the file that the card names (sha256)")
    if offline():
        raise ModelOfflineError(
            card.name, "SIGHTLINE_OFFLINE is set, so nothing is fetched; unset it, or put the files into SIGHTLINE_MODELS"
        )
    for text in file.sources:
        try:
            downloads.fetch(parse_source(text), target)
        except SourceError as error:
            said.append(str(error))
            continue
        if sha256_of(target) == file.sha256:
            return target
        said.append(f"{text}: not the file that the card names (sha256)")
    raise ModelFetchError(card.name, f"no source could deliver {file.name}: {'; '.join(said)}", tuple(said))


def _finish(card: ModelCard, files: list[Path], folder: Path) -> Path:
    if card.weights.importer is None:
        return files[0]
    from sightline.runtime.importers import IMPORTERS

    finished = folder / f"finished-{card.weights.file}"
    finished.write_bytes(IMPORTERS[card.weights.importer](files, card.weights.importer_options))
    if sha256_of(finished) != card.weights.sha256:
        raise ModelCorruptError(
            card.name, f"the importer {card.weights.importer!r} made another file than the card names (sha256 {sha256_of(finished)})"
        )
    return finished
