"""``sightline models``: what nets there are, getting them, checking them, their licences."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from sightline.cli.console import say, size, stderr, stdout
from sightline.core.errors import ModelCorruptError
from sightline.runtime.cards import ModelCard, card_names, load_card
from sightline.runtime.fetch import default_models, fetch
from sightline.runtime.weights import candidates, models_folder, state

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@click.group()
def models() -> None:
    """Nets: list, fetch, verify, licences."""


def _facts(card: ModelCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "task": card.task,
        "default": card.default,
        "state": state(card.name),
        "bytes": card.weights.bytes,
        "sha256": card.weights.sha256,
        "licences": card.licences.model_dump(),
    }


@models.command("list")
@_json
def list_models(as_json: bool) -> None:
    """List the nets and whether they are on this machine."""
    cards = [load_card(name) for name in card_names()]
    if as_json:
        print(json.dumps([_facts(card) for card in cards], indent=1))
        return
    table = Table("name", "what it does", "task", "size", "default", "state", box=None, header_style="bold", pad_edge=False)
    colours = {"ready": "green", "missing": "yellow", "corrupt": "red"}
    for card in cards:
        now = state(card.name)
        table.add_row(
            card.name, card.title, card.task, size(card.weights.bytes), "yes" if card.default else "", f"[{colours[now]}]{now}[/]"
        )
    stdout.print(table)
    stdout.print(f"\nmodels folder: {models_folder()}", soft_wrap=True)


@models.command("fetch")
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Fetch every net there is a card for, not only the default ones.")
def fetch_models(names: tuple[str, ...], everything: bool) -> None:
    """Fetch nets (by default those that ``analyze`` uses), check them, put them into the models folder."""
    wanted = names or (card_names() if everything else default_models())
    with _Bar() as bar:
        done = fetch(wanted, bar.update)
    fetched = [d.name for d in done if d.outcome != "already there"]
    again = [d.name for d in done if d.outcome == "fetched again"]
    say(f"{len(done)} models ready in {models_folder()}" + (f", {len(fetched)} fetched now" if fetched else "") + ".")
    if again:
        say(f"were damaged and have been fetched again: {', '.join(again)}", style="yellow")


class _Bar(AbstractContextManager["_Bar"]):
    """A progress bar on stderr, a line a package where stderr is no terminal."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskID] = {}
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=stderr, transient=True) if stderr.is_terminal else None

    def __enter__(self) -> _Bar:
        (self._progress or nullcontext()).__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        (self._progress or nullcontext()).__exit__(*reason)

    def update(self, what: str, done: int, total: int | None) -> None:
        """Show how far a download is."""
        if what not in self._tasks:
            if self._progress is None:
                self._tasks[what] = TaskID(0)
                say(f"fetching {what}")
                return
            self._tasks[what] = self._progress.add_task(what, total=total)
        if self._progress is not None:
            self._progress.update(self._tasks[what], completed=done, total=total)


@models.command("verify")
@_json
def verify_models(as_json: bool) -> None:
    """Check the sha256 of every net that is on this machine."""
    found = [(name, state(name)) for name in card_names() if candidates(load_card(name).weights.file)]
    if as_json:
        print(json.dumps(dict(found), indent=1))
    else:
        for name, now in found:
            say(f"{name}: {'intact' if now == 'ready' else now}", style="" if now == "ready" else "red")
    bad = [name for name, now in found if now != "ready"]
    if bad:
        raise ModelCorruptError(", ".join(bad), f"cut or changed; get them again: sightline models fetch {' '.join(bad)}")


@models.command("licenses")
@click.option("--commercial", is_flag=True, help="Only the nets whose terms allow commercial use.")
@_json
def licenses(commercial: bool, as_json: bool) -> None:
    """Say under which terms each net's code, weights and training data stand."""
    cards = [card for card in map(load_card, card_names()) if card.licences.commercial or not commercial]
    if as_json:
        print(json.dumps({card.name: card.licences.model_dump() for card in cards}, indent=1))
        return
    table = Table("name", "code", "weights", "training data", "commercial use", "notes", box=None, header_style="bold", pad_edge=False)
    for card in cards:
        terms = card.licences
        table.add_row(card.name, terms.code, terms.weights, terms.training_data, "yes" if terms.commercial else "no", terms.notes)
    stdout.print(table)
