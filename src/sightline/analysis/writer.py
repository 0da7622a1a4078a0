"""Writing one document frame by frame, so that a long video never has to be held in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO


class DocumentWriter:
    r"""Writes a ``document.Document`` piece by piece to any number of text streams.

    Parameters
    ----------
    streams : sequence of text streams
        The file beside the outputs and, with ``--json``, stdout.
    one_line : sequence of text streams
        Streams that get no line breaks inside the document (JSON Lines), and one at its end.

    Examples
    --------
    >>> import io
    >>> stream = io.StringIO()
    >>> writer = DocumentWriter([], one_line=[stream])
    >>> writer.begin({"schema_version": "1.0"})
    >>> writer.frame({"index": 0})
    >>> writer.end({"complete": True})
    >>> stream.getvalue()
    '{"schema_version":"1.0","frames":[{"index":0}],"complete":true}\n'
    """

    def __init__(self, streams: Sequence[TextIO], one_line: Sequence[TextIO] = ()) -> None:
        self._streams, self._one_line = list(streams), list(one_line)
        self._frames = 0

    def begin(self, head: Mapping[str, Any]) -> None:
        """Write the fields before the frames."""
        self._put(compact(head)[:-1] + (',"frames":[' if head else '"frames":['), "\n")

    def frame(self, found: Mapping[str, Any]) -> None:
        """Write one frame."""
        self._put("," if self._frames else "", "\n" if self._frames else "")
        self._put(compact(found))
        self._frames += 1

    def end(self, tail: Mapping[str, Any]) -> None:
        """Write the fields after the frames."""
        self._put("", "\n" if self._frames else "")
        self._put("]," + compact(tail)[1:] if tail else "]}")
        for stream in (*self._streams, *self._one_line):
            stream.write("\n")
            stream.flush()

    def _put(self, text: str, line_break: str = "") -> None:
        for stream in self._streams:
            stream.write(text + line_break)
        for stream in self._one_line:
            stream.write(text)


def compact(value: Any) -> str:
    """Return JSON without spaces; text is kept as it is written (UTF-8), lone surrogates are escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "backslashreplace").decode()
