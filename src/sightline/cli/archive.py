"""``sightline analyze --ray``."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from sightline.cli.console import say, stderr, stdout

if TYPE_CHECKING:
    from sightline.analysis import Options

_SHOWN_PROBLEMS = 20


def analyze_by_ray(paths: tuple[str, ...], out: str, ray: str, options: Options, as_json: bool) -> int:
    """Look at an archive; print a line of JSON for each file, or the sum of it."""
    from sightline.analysis.archive import analyze_archive

    lines = sys.stdout
    told = _Told(None if not as_json else lines)
    with contextlib.redirect_stdout(sys.stderr):  # Ray speaks there if it speaks at all
        run = analyze_archive(*paths, out=out, ray=ray, options=options, on_file=told)
    told.end()
    for path in run.missing[:_SHOWN_PROBLEMS]:
        say(f"error: {path}: nothing came back of it; run the same command again", style="red")
    if not as_json:
        rate = run.looked_at / run.took_s if run.took_s else 0.0
        stdout.print(f"{run.looked_at} files looked at, {run.records} records, {run.failed} with problems, {rate:.1f} files/s")
        if run.before:
            stdout.print(f"{run.before} files were looked at before")
    say(f"records: {out.rstrip('/')}/records")
    return 2 if run.failed or run.missing else 0


class _Told:
    """Prints files as they are done, and the first problems."""

    def __init__(self, lines: Any) -> None:
        self._lines, self._problems, self._files = lines, 0, 0
        self._status = stderr.status("starting Ray") if stderr.is_terminal else None
        if self._status is not None:
            self._status.start()

    def __call__(self, row: dict[str, Any]) -> None:
        """Take the row of one file."""
        self._files += 1
        if self._lines is not None:
            self._lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            self._lines.flush()
        for problem in row["problems"]:
            self._problems += 1
            if self._problems <= _SHOWN_PROBLEMS:
                say(f"error: {problem['message']}", style="red")
        if self._status is not None:
            self._status.update(f"{self._files} files")

    def end(self) -> None:
        """Say how many problems were not shown."""
        if self._status is not None:
            self._status.stop()
        if self._problems > _SHOWN_PROBLEMS:
            say(f"… and {self._problems - _SHOWN_PROBLEMS} more problems: column problems of files/*.parquet", style="red")
