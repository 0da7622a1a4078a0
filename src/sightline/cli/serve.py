"""``sightline serve``: the server and its console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sightline.cli.console import say, stdout

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: every network (use https then).")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on; 0: any free one.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of everything that is kept.  [default: the user's]")
@click.option("--media", "media_url", help="Object store for pictures and videos: s3://bucket/prefix?endpoint_url=…  [default: in DATA]")
@click.option(
    "--watch", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="Allow watched folders inside it."
)
@click.option("--allow-host", "allowed_hosts", multiple=True, help="A further name under which browsers reach the server.")
@click.option("--https", is_flag=True, help="Browsers come by https, through a proxy.")
@click.option("--open-metrics", is_flag=True, help="/metrics needs no key.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes for pictures, and as many for videos.  [default: by processors]")
def serve(paths: tuple[Path, ...], data: Path | None, watch: tuple[Path, ...], workers: int | None, **how: Any) -> int:
    """Open the web console and the REST API; PATHS are brought in and analysed, once.

    Everything stays on this machine. The first start prints a token that signs the owner in; `sightline users token` makes a
    new one. Ctrl-C stops the server; work that is not finished goes on at the next start.
    """
    from sightline.core.errors import MissingExtraError

    try:
        from sightline.server.config import ServerConfig, default_data
        from sightline.server.serve import run
    except ModuleNotFoundError as error:
        raise MissingExtraError("server", "the server") from error
    if workers is not None:
        how.update(interactive_workers=workers, batch_workers=workers)
    config = ServerConfig(data=(data or default_data()).absolute(), watch=tuple(p.resolve() for p in watch), **how)
    run(config, paths, told=_tell)
    return 0


def _tell(kind: str, message: str) -> None:
    """Write one line of what the server says at its start: the address on stdout, the rest on stderr."""
    if kind == "address":
        stdout.print(message, soft_wrap=True, markup=False)
    else:
        say(message, style={"warning": "yellow", "error": "red"}.get(kind, ""))
