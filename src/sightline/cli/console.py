"""Writing to the terminal: people read stderr and tables, machines read stdout."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def say(message: str, *, style: str = "") -> None:
    """Write one line to stderr, however long it is."""
    stderr.print(Text(message, style=style), soft_wrap=True)


def size(count: int) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> size(1242398)
    '1.2 MB'
    """
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
