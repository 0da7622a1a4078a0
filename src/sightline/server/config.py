"""What is decided when the server is started."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_dir


def default_data() -> Path:
    """Return the data folder that is used when none is named."""
    return Path(user_data_dir("sightline", appauthor=False)) / "server"


def default_workers() -> int:
    """Return how many processes look at pictures side by side in each lane: one for every two processors."""
    return max(1, (os.cpu_count() or 1) // 4)


@dataclass(frozen=True)
class ServerConfig:
    """What is decided when the server is started.

    Parameters
    ----------
    data : Path
        Folder of everything that is kept: ``pg`` (embedded database), ``media``, ``spool`` (uploads in parts), ``thumbs``, ``keys``.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes a free one.
    database_url : str, optional
        PostgreSQL of the user's own; None: that of ``SIGHTLINE_DATABASE_URL``, else the embedded one.
    media_url : str, optional
        ``s3://bucket/prefix?endpoint_url=…`` for an object store; None: the folder ``media``.
    watch : tuple of Path
        Folders inside which watched folders may be.
    allowed_hosts : tuple of str
        Further names under which the server is reached (``Host`` header).
    https : bool
        Whether browsers reach it by https (through a proxy).
    open_metrics : bool
        Whether ``/metrics`` needs no key.
    interactive_workers, batch_workers : int
        Processes for pictures and live frames, and for videos.
    """

    data: Path = field(default_factory=default_data)
    host: str = "127.0.0.1"
    port: int = 8765
    database_url: str | None = None
    media_url: str | None = None
    watch: tuple[Path, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    https: bool = False
    open_metrics: bool = False
    interactive_workers: int = field(default_factory=default_workers)
    batch_workers: int = field(default_factory=default_workers)

    @property
    def spool(self) -> Path:
        """Where uploads wait."""
        return self.data / "spool"

    @property
    def keys(self) -> Path:
        """Where secrets lie."""
        return self.data / "keys"

    @property
    def thumbs(self) -> Path:
        """Where small pictures are cached."""
        return self.data / "thumbs"
