"""``analyze``: from paths to documents, annotated pictures and videos, and one report."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import sightline
from sightline.analysis.inputs import Input, discover
from sightline.analysis.looker import Looker
from sightline.analysis.options import Options
from sightline.analysis.picture import look_at_picture
from sightline.analysis.progress import Progress, Silent
from sightline.analysis.report import render
from sightline.analysis.results import Result, Run
from sightline.analysis.video import look_at_video
from sightline.analysis.writer import DocumentWriter, compact
from sightline.core.errors import MediaError, MediaFormatError, MediaLimitError, MediaWriteError, SightlineError
from sightline.media.files import read_head, replacing
from sightline.media.kinds import is_video, picture_format

_HEAD_BYTES = 4096
_MAX_STDIN_BYTES = 1 << 30
REPORT_NAME = "report.html"


def analyze(
    *paths: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    json_lines: TextIO | None = None,
    stdin: BinaryIO | None = None,
    progress: Progress | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> Run:
    """Find faces, bodies, hands, people, text and objects in pictures and videos.

    Parameters
    ----------
    *paths : path
        Pictures, videos, folders, ``"-"`` for stdin.
    out : path, optional
        Folder for the documents, annotated pictures and videos and ``report.html``; it is made when it is not there.
        Without it nothing is written.
    options : Options, optional
        What to look for, and how hard.
    json_lines : text stream, optional
        Gets every document as one line.
    stdin : binary stream, optional
        What ``"-"`` reads; by default the process's own.
    progress : Progress, optional
        Is told how far the run is.
    on_result : callable, optional
        Is given each result as soon as it is there.

    Returns
    -------
    Run
        One result an input, those that failed included: a bad input is a result with ``error`` or ``problems``, never an
        exception, so that it does not cost what the others gave.

    Raises
    ------
    ModelNotFetchedError, ModelCorruptError
        When a net that is needed is not on this machine; the message holds the command that fetches it.
    DeviceError
        When the device asked for is not there.
    MediaWriteError
        When ``out`` cannot be written to.
    KeyboardInterrupt
        When the run is stopped; what was finished is on disk, whole, the report included.

    Examples
    --------
    >>> run = analyze("no-such-file.jpg", options=Options(only=("faces",)))
    >>> print(run.results[0].error)
    no-such-file.jpg: there is no such file or folder
    """
    began = time.perf_counter()
    chosen, shown, folder = options or Options(), progress or Silent(), Path(out) if out is not None else None
    looker = Looker(chosen)
    if folder is not None:
        _make_folder(folder)
    run = Run()
    try:
        inputs = list(discover(paths, folder))
        shown.begin(len(inputs))
        for item in inputs:
            result = _one(item, looker, folder, json_lines, stdin, shown)
            run.results.append(result)
            if on_result is not None:
                on_result(result)
    except KeyboardInterrupt:
        run.stopped = True
        raise
    finally:
        run.total_s = time.perf_counter() - began
        shown.end()
        if folder is not None and run.results:
            run.report_path = folder / REPORT_NAME
            with replacing(run.report_path) as part:
                part.write_text(render(run.results, folder, total_s=run.total_s, version=sightline.__version__), "utf-8")
        looker.close()
    return run


def _one(
    item: Input | MediaError, looker: Looker, folder: Path | None, json_lines: TextIO | None, stdin: BinaryIO | None, shown: Progress
) -> Result:
    """Look at one input; whatever is wrong with it ends up in its result."""
    result = Result(item.source if isinstance(item, MediaError) else item.shown)
    shown.start(result.source)
    try:
        if isinstance(item, MediaError):
            raise item
        source, head = _open(item, stdin)
        if picture_format(head):
            result.kind = "picture"
        elif is_video(head):
            result.kind = "video"
        else:
            raise _not_media(item, head)
        with _outputs(item, result, folder, json_lines) as (writer, target):
            look = look_at_picture if result.kind == "picture" else look_at_video
            look(source, item, result, looker, writer, target, shown)
    except SightlineError as error:
        if isinstance(error, MediaWriteError) or not isinstance(error, MediaError):
            raise
        _fail(result, error, json_lines)
    shown.finish()
    return result


def _fail(result: Result, error: MediaError, json_lines: TextIO | None) -> None:
    result.error = error
    result.problems.append({"kind": type(error).__name__, "message": str(error), "time_s": getattr(error, "time_s", None)})
    if json_lines is not None and result._document is None:
        document = failed_document(result)
        result._document = document
        json_lines.write(compact(document) + "\n")
        json_lines.flush()


def failed_document(result: Result) -> dict[str, Any]:
    """Return the document of an input of which nothing could be made."""
    return {
        "schema_version": "1.0",
        "sightline_version": sightline.__version__,
        "source": {"path": result.source, "kind": result.kind},
        "only": [],
        "models": [],
        "frames": [],
        "problems": result.problems,
        "outputs": {},
        "timings": None,
        "complete": False,
    }


def _open(item: Input, stdin: BinaryIO | None) -> tuple[Path | io.BytesIO, bytes]:
    if item.path is not None:
        return item.path, read_head(item.path, _HEAD_BYTES)
    stream = stdin or sys.stdin.buffer
    data = stream.read(_MAX_STDIN_BYTES + 1)
    if len(data) > _MAX_STDIN_BYTES:
        raise MediaLimitError("stdin", f"more than {_MAX_STDIN_BYTES >> 20} MiB came through the pipe; save it to a file first")
    return io.BytesIO(data), data[:_HEAD_BYTES]


def _not_media(item: Input, head: bytes) -> MediaFormatError:
    if not head:
        return MediaFormatError(item.shown, "the file is empty")
    return MediaFormatError(item.shown, "neither a picture nor a video that can be read (judged by its content, not its name)")


@contextmanager
def _outputs(item: Input, result: Result, folder: Path | None, json_lines: TextIO | None) -> Iterator[tuple[DocumentWriter, Path | None]]:
    """Open the document's streams; its file appears only when the block ends well."""
    line = [json_lines] if json_lines is not None else []
    with ExitStack() as stack:
        if folder is None:
            memory = io.StringIO()
            yield DocumentWriter([] if line else [memory], one_line=line), None
            if not line:
                result._document = json.loads(memory.getvalue())
            return
        target = folder / item.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path = target.with_name(target.name + ".json")
        part = stack.enter_context(replacing(path))
        stream = stack.enter_context(part.open("w", encoding="utf-8"))
        yield DocumentWriter([stream], one_line=line), target
    result.document_path = path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaWriteError(folder, f"cannot be made a folder for the outputs: {error.strerror or error}") from error
