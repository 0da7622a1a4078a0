"""What a worker of an archive does: look at some files, at one piece of a long video, or put the pieces of one together."""

from __future__ import annotations

import gzip
import json
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sightline.analysis.archive.attempts import Attempts
from sightline.analysis.archive.parts import WORK, committed, file_row, part_name, write_part
from sightline.analysis.archive.places import ArchiveFile, Place, fetched, place
from sightline.analysis.looker import Looker
from sightline.analysis.options import Options
from sightline.analysis.records import RecordRow, rows
from sightline.analysis.segments import RUN_IN_S, Segment, carry, look_at_segment, plan_file, stitch
from sightline.core.errors import MediaError, MediaFormatError, MediaWriteError, SightlineError, WorkerCrashedError
from sightline.media.files import read_head
from sightline.media.images import image_info, read_image
from sightline.media.kinds import is_video, picture_format

logger = logging.getLogger(__name__)

_HEAD_BYTES = 4096
_LONG = ("mesh_xyz", "points_xyz", "points_xy", "world_xyz_m", "visibility", "actions", "quad_xy")


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker has to know.

    Parameters
    ----------
    out : str
        Where results go.
    options : Options
        What to look for, and how hard.
    segment_s : float
        Length of the pieces that a long video is looked at in, seconds.
    """

    out: str
    options: Options
    segment_s: float


class ArchiveWorker:
    """Does tasks, one after the other, with nets that stay open. Ray Data makes one in each of its worker processes.

    A task and what came of it are JSON in one column, so that the rows have one schema:

    * ``{"do": "files", "files": […]}``: look at files and commit a part; videos that need several pieces come back as
      ``"long"`` with the pieces to look at;
    * ``{"do": "piece", "file": …, "piece": [number, start_s, end_s]}``: look at one piece and keep what was found under ``work/``;
    * ``{"do": "join", "file": …, "pieces": […]}``: put the pieces of one video together and commit its part.

    What is wrong with a file is said in its row. What is wrong with the worker itself (nets missing, results cannot be
    written) comes back as ``"fatal"`` and ends the run.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._place: Place = place(setup.out)
        self._nets: Looker | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, str]:
        """Do one task."""
        task = json.loads(row["task"])
        try:
            done = {"files": self._files, "piece": self._piece, "join": self._join}[task["do"]](task)
        except (SightlineError, OSError) as error:
            return {"done": json.dumps({"fatal": as_json(error)})}
        return {"done": json.dumps(done)}

    @property
    def _looker(self) -> Looker:
        if self._nets is None:
            self._nets = Looker(self._setup.options)
        return self._nets

    # ------------------------------------------------------------------ files

    def _files(self, task: dict[str, Any]) -> dict[str, Any]:
        files = [ArchiveFile(**f) for f in task["files"]]
        name = part_name(files)
        found: list[tuple[str, list[RecordRow]]] = []
        covered: list[dict[str, Any]] = []
        long: list[dict[str, Any]] = []
        before = committed(self._place, name) or []  # its worker died before it could say so
        known = {row["path"] for row in before}
        files = [file for file in files if file.path not in known]
        attempts = Attempts(self._place, name)
        for file in files:
            if attempts.gave_up(file.path):
                covered.append(crashed(file, attempts))
                continue
            attempts.begin(file.path)
            began = time.perf_counter()
            row, records, pieces = self._file(file)
            if pieces:
                long.append({"file": asdict(file), "pieces": pieces})
                continue
            covered.append({**row, "records": len(records), "took_s": round(time.perf_counter() - began, 3)})
            found.append((file.path, records))
        if covered:
            write_part(self._place, part_name(files) if before else name, covered, found)
        attempts.end()
        return {"files": before + covered, "long": long}

    def _file(self, file: ArchiveFile) -> tuple[dict[str, Any], list[RecordRow], tuple[Segment, ...]]:
        """Look at one file: its row, its records, and the pieces it is to be looked at in when it is long."""
        looker = self._looker  # what is wrong with the nets is not wrong with the file
        with ExitStack() as stack:
            try:
                path = stack.enter_context(fetched(file))
            except MediaError as error:
                return file_row(file, None, again=True, problems=[as_json(error)]), [], ()
            kind: str | None = None
            try:
                head = read_head(path, _HEAD_BYTES)
                kind = "picture" if picture_format(head) else "video" if is_video(head) else None
                if kind == "picture":
                    return (*self._picture(file, path, looker), ())
                if kind == "video":
                    return self._video(file, path, looker)
                raise MediaFormatError(file.path, "neither a picture nor a video that can be read (judged by its content, not its name)")
            except MediaWriteError:
                raise
            except MediaError as error:
                return file_row(file, kind, problems=[as_json(error, path, file)]), [], ()
            except Exception as error:  # one bad file must not cost the archive the others
                logger.exception("%s", file.path)
                return file_row(file, kind, problems=[as_json(error, path, file)]), [], ()

    def _picture(self, file: ArchiveFile, path: Path, looker: Looker) -> tuple[dict[str, Any], list[RecordRow]]:
        info = image_info(path)
        findings = looker.look(read_image(path))
        found = rows([{"index": 0, "time_s": 0.0, **findings.to_json(landmarks=False)}])
        width, height = info.size_wh
        facts = {"format": info.format, "width": width, "height": height, "last_time_s": 0.0}
        return file_row(file, "picture", frames=1, complete=True, **facts), found

    def _video(self, file: ArchiveFile, path: Path, looker: Looker) -> tuple[dict[str, Any], list[RecordRow], tuple[Segment, ...]]:
        pieces = plan_file(path, self._setup.segment_s)
        if len(pieces) > 1:
            return {}, [], pieces
        after = stitch(None, self._look(file, path, pieces[0], looker))
        if not after["ended"]:
            return {}, [], (pieces[0], pieces[0].following(self._setup.segment_s))
        return video_row(file, [after]), rows(after["frames"]), ()

    def _look(self, file: ArchiveFile, path: Path, piece: Segment, looker: Looker) -> dict[str, Any]:
        return look_at_segment(path, piece.start_s, piece.end_s, RUN_IN_S, self._setup.options, looker, name=file.path)

    # ------------------------------------------------------------------ long videos

    def _piece(self, task: dict[str, Any]) -> dict[str, Any]:
        file, piece = ArchiveFile(**task["file"]), Segment(*task["piece"])
        folder = work_folder(file)
        name = piece_name(piece)
        if name in self._place.names(folder):
            return {"piece": file.path}
        attempts = Attempts(self._place, f"{part_name([file])}-{piece.number}")
        looker = self._looker
        if attempts.gave_up(file.path):
            after = _nothing(piece, crashed(file, attempts)["problems"], again=True)
        else:
            attempts.begin(file.path)
            after = self._try(file, piece, looker)
        with self._place.replacing(f"{folder}/{name}") as target, gzip.open(target, "wt", encoding="utf-8", compresslevel=3) as stream:
            json.dump(slim(after), stream, separators=(",", ":"))
        attempts.end()
        return {"piece": file.path}

    def _try(self, file: ArchiveFile, piece: Segment, looker: Looker) -> dict[str, Any]:
        with ExitStack() as stack:
            try:
                path = stack.enter_context(fetched(file))
            except MediaError as error:
                return _nothing(piece, [as_json(error)], again=True)
            try:
                return self._look(file, path, piece, looker)
            except MediaError as error:
                return _nothing(piece, [as_json(error, path, file)])
            except Exception as error:  # as above
                logger.exception("%s", file.path)
                return _nothing(piece, [as_json(error, path, file)])

    def _join(self, task: dict[str, Any]) -> dict[str, Any]:
        file, pieces = ArchiveFile(**task["file"]), [Segment(*p) for p in task["pieces"]]
        seen: list[dict[str, Any]] = []
        covered: list[dict[str, Any]] = []
        name = part_name([file])

        def groups() -> Iterator[tuple[str, list[RecordRow]]]:
            before = None
            for after in self._looks(file, pieces):
                whole = stitch(before, after)
                before = carry(whole)
                found = rows(whole["frames"])
                seen.append({**{k: v for k, v in whole.items() if k not in ("frames", "run_in", "tail")}, "records": len(found)})
                seen[-1]["last_time_s"] = whole["frames"][-1]["time_s"] if whole["frames"] else None
                yield file.path, found
            covered.append(video_row(file, seen))

        write_part(self._place, name, covered, groups())
        for kept in self._place.names(work_folder(file)):
            self._place.delete(f"{work_folder(file)}/{kept}")
        return {"files": covered}

    def _looks(self, file: ArchiveFile, pieces: list[Segment]) -> Iterator[dict[str, Any]]:
        """Yield what was found in each piece, and in those that follow when the video is longer than was thought."""
        after: dict[str, Any] = {}
        for piece in pieces:
            after = json.loads(gzip.decompress(self._place.read(f"{work_folder(file)}/{piece_name(piece)}")))
            yield after
        piece = pieces[-1]
        while not after["ended"]:
            piece = piece.following(self._setup.segment_s)
            after = slim(self._try(file, piece, self._looker))
            yield after


def work_folder(file: ArchiveFile) -> str:
    """Return where the pieces of a video are kept until it is whole."""
    return f"{WORK}/{part_name([file])}"


def piece_name(piece: Segment) -> str:
    """Return the name of a piece's file."""
    return f"{piece.number:06d}-{piece.start_s:g}-{piece.end_s:g}.json.gz"


def slim(after: dict[str, Any]) -> dict[str, Any]:
    """Return the findings of a piece without the long lists, which no record holds."""
    frames = [
        {
            k: [{n: v for n, v in f.items() if n not in _LONG} for f in found] if isinstance(found, list) else found
            for k, found in frame.items()
        }
        for frame in after["frames"]
    ]
    return {**after, "frames": frames}


def video_row(file: ArchiveFile, pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a video from what came of its pieces."""
    problems = [problem for piece in pieces for problem in piece["problems"]]
    times = [p["frames"][-1]["time_s"] if p.get("frames") else p.get("last_time_s") for p in pieces]
    width, height = next((p["size_wh"] for p in pieces if p.get("size_wh")), (None, None))
    return file_row(
        file,
        "video",
        format=next((p["format"] for p in pieces if p.get("format")), None),
        width=width,
        height=height,
        frames=sum(p["frame_count"] for p in pieces),
        records=sum(p.get("records", 0) for p in pieces),
        last_time_s=max((t for t in times if t is not None), default=None),
        took_s=round(sum(p["took_s"] for p in pieces), 3),
        complete=not problems,
        again=any(p.get("again", False) for p in pieces),
        problems=problems,
    )


def crashed(file: ArchiveFile, attempts: Attempts) -> dict[str, Any]:
    """Return the row of a file that ends its worker's process."""
    error = WorkerCrashedError(file.path, f"the worker process died at it {attempts.deaths(file.path)} times; it was left out")
    return file_row(file, None, again=True, problems=[as_json(error)])


def _nothing(piece: Segment, problems: list[dict[str, Any]], *, again: bool = False) -> dict[str, Any]:
    blank: dict[str, Any] = {"frames": [], "run_in": [], "tail": [], "counts": {}, "models": [], "steps_ms": {}, "next_ids": {}}
    facts = {"start_s": piece.start_s, "end_s": piece.end_s, "frame_count": 0, "took_s": 0.0, "ended": True, "next_index": 0}
    return {**blank, **facts, "problems": problems, "again": again}


def as_json(error: Exception, path: Path | None = None, file: ArchiveFile | None = None) -> dict[str, Any]:
    """Return an error as a document's problem; the name of a temporary copy gives way to the file's own."""
    message = str(error) or type(error).__name__
    if path is not None and file is not None:
        message = message.replace(str(path), file.path)
    return {"kind": type(error).__name__, "message": message, "time_s": getattr(error, "time_s", None)}
