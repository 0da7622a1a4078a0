"""What a run gives back: one result an input."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sightline.analysis.summary import Summary
from sightline.core.errors import SightlineError


@dataclass
class Result:
    """One input of a run and what became of it.

    Attributes
    ----------
    source : str
        The path as given, printable; ``"-"`` is stdin.
    kind : {"picture", "video"} or None
        None when it could not be told.
    summary : Summary
        Counts, timeline, small pictures.
    problems : list of dict
        What was lost: ``kind``, ``message`` and ``time_s`` as in the document.
    complete : bool
        Whether the input was read to its end.
    error : SightlineError or None
        Why nothing could be made of the input at all.
    timings : dict or None
        As in the document.
    document_path, annotated_path, matte_path : Path or None
        Files that were written.
    """

    source: str
    kind: Literal["picture", "video"] | None = None
    summary: Summary = field(default_factory=Summary)
    problems: list[dict[str, Any]] = field(default_factory=list)
    complete: bool = False
    error: SightlineError | None = None
    timings: dict[str, Any] | None = None
    document_path: Path | None = None
    annotated_path: Path | None = None
    matte_path: Path | None = None
    _document: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document (see docs/document.md), read from its file when it was written to one."""
        if self._document is None:
            if self.document_path is None:
                raise self.error or ValueError(f"{self.source}: no document was made")
            self._document = json.loads(self.document_path.read_text("utf-8"))
        return self._document

    @property
    def failed(self) -> bool:
        """Whether anything of this input was lost."""
        return bool(self.problems) or self.error is not None


@dataclass
class Run:
    """A whole run.

    Attributes
    ----------
    results : list of Result
        One an input, in order.
    report_path : Path or None
        The HTML report, when files were written.
    total_s : float
        Wall time, seconds.
    stopped : bool
        Whether it was stopped before its end.
    """

    results: list[Result] = field(default_factory=list)
    report_path: Path | None = None
    total_s: float = 0.0
    stopped: bool = False

    @property
    def failed(self) -> bool:
        """Whether anything was lost."""
        return any(r.failed for r in self.results)
