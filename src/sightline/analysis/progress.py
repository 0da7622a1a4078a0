"""How a run tells how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told how far a run is. Everything is called from the thread that called ``analyze``."""

    def begin(self, inputs: int) -> None:
        """Say how many inputs there are."""

    def start(self, source: str) -> None:
        """Say which input is looked at now."""

    def frames(self, done: int, total: int | None) -> None:
        """Say how many frames of the input are done; total None: not known."""

    def finish(self) -> None:
        """Say that the input is done."""

    def end(self) -> None:
        """Say that the run is over."""


class Silent:
    """Tells nobody."""

    def begin(self, inputs: int) -> None:
        """Do nothing."""

    def start(self, source: str) -> None:
        """Do nothing."""

    def frames(self, done: int, total: int | None) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
