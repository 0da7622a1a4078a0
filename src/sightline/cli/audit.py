"""``sightline audit``: whether the trail of what was done is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import Progress

from sightline.cli.console import say, stderr
from sightline.cli.users import ACTOR, data_option, opened
from sightline.core.errors import InvalidInputError

BROKEN = 2


@click.group()
def audit() -> None:
    """The trail of what was done, by whom: verify it."""


@audit.command("verify")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
def verify(data: Path | None, as_json: bool) -> int:
    """Read the whole trail and say whether any entry was changed, removed, added or moved; exit code 2 if so."""
    with opened(data) as (database, folder):
        from sightline.store.audit import KEY, AuditTrail

        if not (folder / "keys" / KEY).is_file():
            raise InvalidInputError(f"{folder / 'keys' / KEY} is not there; without it nothing can be verified: restore it from a backup")
        with _bar() as progress:
            verdict = AuditTrail(database, folder / "keys").verify(progress)
    if as_json:
        print(json.dumps(verdict.model_dump(mode="json"), indent=1))
    elif verdict.intact:
        say(f"intact: {verdict.entries:,} entries, each as it was written.")
    else:
        say(f"broken: {len(verdict.problems)} problem(s) in {verdict.entries:,} entries", style="red")
        for problem in verdict.problems:
            say(f"  {problem}")
    return 0 if verdict.intact else BROKEN


@audit.command("reseal")
@click.option("--reason", required=True, help="Is written into the trail.")
@data_option
def reseal(reason: str, data: Path | None) -> None:
    """Let keys/audit.head follow the entries there are, after it was lost; the trail tells of it for ever. Stop the server first."""
    with opened(data) as (database, folder):
        from sightline.store.audit import AuditTrail

        AuditTrail(database, folder / "keys").reseal(ACTOR, reason)
    say("The trail goes on from the entries that are there now.")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    if not stderr.is_terminal:
        yield lambda done, total: None
        return
    with Progress(console=stderr, transient=True) as bar:
        task = bar.add_task("entries", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
