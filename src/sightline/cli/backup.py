"""``sightline backup`` and ``sightline restore``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sightline.cli.console import say, size, stderr

_DATA = click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The server's data folder.  [default: the user's]")
_MEDIA = click.option("--media", "media_url", help="The server's object store, when it has one: s3://bucket/prefix?…")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_DATA
@_MEDIA
def backup(file: Path, data: Path | None, media_url: str | None) -> int:
    """Write everything that the server keeps into FILE; it may run meanwhile."""
    from sightline.store.backup import backup as write

    with _opened(data, media_url, must_exist=True) as (database, blobs, keys), _shown() as progress:
        database.migrate()
        manifest = write(database, blobs, keys, file, progress)
    files = sum(name.startswith("media/") for name in manifest.sha256)
    say(f"{file}: {files} files, {size(file.stat().st_size)}. Keep it where only you can read it: it holds keys and pictures.")
    return 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_DATA
@_MEDIA
def restore(file: Path, data: Path | None, media_url: str | None) -> int:
    """Fill a new, empty data folder (or database) from FILE."""
    from sightline.store.backup import check
    from sightline.store.backup import restore as read

    check(file)
    with _opened(data, media_url, must_exist=False) as (database, blobs, keys), _shown() as progress:
        manifest = read(file, database, blobs, keys, progress)
    say(f"restored what was kept on {manifest.made_at}")
    return 0


@contextmanager
def _opened(data: Path | None, media_url: str | None, *, must_exist: bool) -> Iterator[tuple[Any, Any, Path]]:
    from sightline.core.errors import MissingExtraError

    try:
        from sightline.server.config import ServerConfig, default_data
        from sightline.store.blobs import open_blobs
        from sightline.store.database import open_database
    except ModuleNotFoundError as error:
        raise MissingExtraError("server", "the server's store") from error
    from sightline.core.errors import NotFoundError

    config = ServerConfig(data=(data or default_data()).absolute())
    if must_exist and not config.data.is_dir():
        raise NotFoundError(f"{config.data}: there is no such data folder; name the server's with --data")
    with open_database(config.data, config.database_url) as database:
        yield database, open_blobs(media_url, config.data), config.keys


@contextmanager
def _shown() -> Iterator[Any]:
    """Show what is being done where stderr is a terminal."""
    if not stderr.is_terminal:
        yield lambda what, done, total: None
        return
    with stderr.status("") as status:
        yield lambda what, done, total: status.update(f"{what} {done}/{total}" if total else what)
