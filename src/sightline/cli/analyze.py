"""``sightline analyze``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sightline.cli.archive import analyze_by_ray
from sightline.cli.console import say, stderr, stdout
from sightline.core.errors import InvalidInputError

DEFAULT_OUT = "sightline-out"
_KINDS = ("faces", "bodies", "hands", "people", "text", "objects")


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(file_okay=False), help=f"Folder for the results.  [default: {DEFAULT_OUT}; nothing is written with --json]"
)
@click.option("--only", metavar="KINDS", help="Comma list of faces, bodies, hands, people, text, objects.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line on stdout and nothing else.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where nets run.")
@click.option("--threads", type=click.IntRange(min=1), help="Processors to use.  [default: all, at most 4]")
@click.option("--tiled", is_flag=True, help="Look for objects in tiles too: slower, finds small ones.")
@click.option("--no-landmarks", is_flag=True, help="Leave the long lists (face mesh, metres) out of the JSON.")
@click.option(
    "--video-faces",
    type=click.Choice(["near", "full", "thorough"]),
    default="full",
    show_default=True,
    help="Face detector for video frames.",
)
@click.option(
    "--thorough-every",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds between thorough looks in video; 0: none.",
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    help='Archives: share the work out over a Ray cluster ("local": this machine) and write Parquet; PATHS and --out may be s3:// too.',
)
def analyze(paths: tuple[str, ...], out: str | None, only: str | None, as_json: bool, ray: str | None, **how: Any) -> int:
    """Find faces, bodies, hands, people, text and objects in pictures, videos and folders ("-" is stdin).

    Each input gets a JSON document and an annotated picture or video; the run gets one report.html. With --ray, all inputs
    together get Parquet files of what was found, and no pictures.
    """
    import sightline.analysis as analysis

    options = analysis.Options(
        only=analysis.parse_kinds(only) if only is not None else analysis.Options().only,
        device=how["device"],
        threads=how["threads"],
        landmarks=not how["no_landmarks"],
        tiled=how["tiled"],
        video_faces=how["video_faces"],
        thorough_every_s=how["thorough_every"],
    )
    if ray is not None:
        return analyze_by_ray(paths, out or DEFAULT_OUT, ray, options, as_json)
    if remote := [p for p in paths if p.startswith("s3://")]:
        raise InvalidInputError(f"{remote[0]}: addresses of object stores need --ray (--ray local for this machine alone)")
    folder = Path(out) if out else None if as_json else Path(DEFAULT_OUT)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InvalidInputError(f"--out {folder}: is a file, not a folder")
    with _Bar() as bar:
        run = analysis.analyze(
            *paths,
            out=folder,
            options=options,
            json_lines=sys.stdout if as_json else None,
            progress=bar,
            on_result=_complain,
        )
    if not as_json:
        _table(run)
    if run.report_path is not None:
        say(f"report: {run.report_path}")
    return 2 if run.failed else 0


def _complain(result: Any) -> None:
    for problem in result.problems:
        say(f"error: {problem['message']}", style="red")


def _table(run: Any) -> None:
    table = Table("input", *_KINDS, "frames", "frames/s", box=None, header_style="bold", pad_edge=False)
    table.columns[0].overflow = "fold"
    for result in run.results:
        most = result.summary.most
        counts = [str(most[k]) if k in most else "-" for k in _KINDS]
        if "people" in most:
            counts[3] = "yes" if most["people"] else "no"
        speed = f"{result.timings['frames_per_s']:.1f}" if result.timings else "-"
        table.add_row(Text(result.source), *counts, str(result.summary.frames), speed)
    stdout.print(table)


class _Bar:
    """A progress bar with frames a second and the time left, on stderr where that is a terminal."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.fields[of]} frames"),
            TextColumn("{task.fields[rate]} frames/s"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=stderr, transient=True) if stderr.is_terminal else None
        self._task: TaskID | None = None
        self._inputs = self._number = 0

    def __enter__(self) -> _Bar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, inputs: int) -> None:
        """Say how many inputs there are."""
        self._inputs = inputs

    def start(self, source: str) -> None:
        """Say which input is looked at now."""
        self._number += 1
        if self._bar is not None:
            name = source if len(source) <= 40 else f"…{source[-39:]}"
            text = f"[{self._number}/{self._inputs}] {name}".replace("[", "\\[")
            self._task = self._bar.add_task(text, total=None, of="?", rate="-")

    def frames(self, done: int, total: int | None) -> None:
        """Say how many frames of the input are done."""
        if self._bar is not None and self._task is not None:
            speed = self._bar.tasks[-1].speed
            self._bar.update(self._task, completed=done, total=total, of=total or "?", rate=f"{speed:.1f}" if speed else "-")

    def finish(self) -> None:
        """Say that the input is done."""
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def end(self) -> None:
        """Say that the run is over."""
