"""``analyze_archive``: from folders and buckets to Parquet, on as many machines as a Ray cluster has."""

from __future__ import annotations

import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sightline
from sightline.analysis.archive.cluster import Cluster
from sightline.analysis.archive.parts import WORK, Account, agree, drop, take_stock
from sightline.analysis.archive.places import ArchiveFile, Place, is_bucket, list_files, place
from sightline.analysis.archive.worker import WorkerSetup, as_json
from sightline.analysis.inputs import is_video_name
from sightline.analysis.options import Options
from sightline.core import errors
from sightline.core.errors import InvalidInputError, MediaError, SightlineError

Item = TypeVar("Item")

_TASKS_AT_ONCE = 10_000
_TASKS_A_WORKER = 4
_TASK_BYTES = 256 << 20


@dataclass(frozen=True)
class ArchiveOptions:
    """How an archive is divided.

    Parameters
    ----------
    segment_s : float
        A video longer than this is looked at in pieces of this length, side by side, seconds.
    files_per_task : int
        At most so many files (and 256 MiB of them) are looked at, and kept, in one go.

    Raises
    ------
    InvalidInputError
        When a number is out of range.
    """

    segment_s: float = 300.0
    files_per_task: int = 500

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 1 <= self.segment_s < math.inf or self.files_per_task < 1:
            raise InvalidInputError(f"segment_s must be at least 1 s and files_per_task at least 1, got {self}")


@dataclass
class ArchiveRun:
    """What a run did.

    Attributes
    ----------
    listed : int
        Files of the archive.
    before : int
        Of these, looked at by an earlier run.
    looked_at : int
        Looked at now, failed ones included.
    failed : int
        Of these, with problems; and sources that cannot be listed.
    records : int
        Things found now.
    missing : list of str
        Files of which nothing came back: not one, or something is wrong with the cluster.
    took_s : float
        Wall time, seconds.
    """

    listed: int = 0
    before: int = 0
    looked_at: int = 0
    failed: int = 0
    records: int = 0
    missing: list[str] = field(default_factory=list)
    took_s: float = 0.0


def analyze_archive(
    *sources: str | os.PathLike[str],
    out: str | os.PathLike[str],
    ray: str = "local",
    options: Options | None = None,
    archive: ArchiveOptions | None = None,
    on_file: Callable[[dict[str, Any]], None] | None = None,
) -> ArchiveRun:
    """Look at every picture and video of an archive and keep what was found as Parquet; see docs/archives.md.

    Each file's records are there exactly once, whatever is killed on the way: parts are committed one by one, a task whose
    worker died is done again, and a later run with the same ``out`` goes on where this one stopped. Only one run at a time may
    write to ``out``.

    Parameters
    ----------
    *sources : path
        Folders, files and ``s3://bucket/folder`` addresses.
    out : path
        A folder that every machine of the cluster can write to, or an ``s3://`` address.
    ray : str
        Address of a Ray cluster as ``ray.init`` takes it, or ``"local"``: this machine alone.
    options : Options, optional
        What to look for, and how hard; ``threads`` is the number of processors of one worker (1).
    archive : ArchiveOptions, optional
        How the work is divided.
    on_file : callable, optional
        Is given the row of each file as soon as it is committed.

    Returns
    -------
    ArchiveRun

    Raises
    ------
    MissingExtraError
        When Ray, pyarrow or boto3 are not installed.
    ClusterError
        When the cluster cannot be reached or is lost.
    InvalidInputError
        When ``out`` holds results of other options.
    MediaWriteError
        When ``out`` cannot be written to.
    ModelNotFetchedError, ModelCorruptError, DeviceError
        When a worker's machine lacks a net or the device.

    Examples
    --------
    >>> run = analyze_archive("s3://bucket/2026", out="s3://bucket/found", ray="ray-head:6379")  # doctest: +SKIP
    """
    began = time.perf_counter()
    chosen, division, target = options or Options(), archive or ArchiveOptions(), os.fspath(out)
    cluster = Cluster(ray, threads=chosen.threads or 1, device=chosen.device)
    run, tell = ArchiveRun(), on_file or (lambda row: None)
    results = place(target)
    agree(results, _about(chosen, division))
    files = _list(sources, target, run, tell)
    pending = _pending(files, results, take_stock(results))
    run.listed, run.before = len(files), len(files) - len(pending)
    if pending:
        with cluster:
            setup = WorkerSetup(target if is_bucket(target) else str(Path(target).absolute()), chosen, division.segment_s)
            _work(pending, cluster, setup, division, _Teller(run, tell, {f.path for f in pending}))
    if not run.missing:
        results.clear(WORK)
    run.took_s = time.perf_counter() - began
    return run


def _about(options: Options, division: ArchiveOptions) -> dict[str, Any]:
    """Return what decides over the results; where and how fast they are made does not."""
    looked_for = {k: v for k, v in asdict(options).items() if k not in ("device", "threads", "landmarks")}
    return {"schema": 1, "sightline_version": sightline.__version__, "segment_s": division.segment_s, **json.loads(json.dumps(looked_for))}


def _list(
    sources: Iterable[str | os.PathLike[str]], out: str, run: ArchiveRun, tell: Callable[[dict[str, Any]], None]
) -> list[ArchiveFile]:
    files: dict[str, ArchiveFile] = {}
    # Workers may stand in another folder.
    given = tuple(s if is_bucket(s) else str(Path(s).absolute()) for s in map(os.fsdecode, sources))
    for found in list_files(given, out):
        if isinstance(found, MediaError):
            run.failed += 1
            tell({"path": found.source, "kind": None, "records": 0, "complete": False, "problems": [as_json(found)]})
        else:
            files.setdefault(found.path, found)
    return list(files.values())


def _pending(files: list[ArchiveFile], results: Place, account: Account) -> list[ArchiveFile]:
    """Return what is to be looked at, and take out what was looked at when it was another file, or in vain."""
    pending = [file for file in files if not account.is_done(file)]
    outdated: dict[str, set[str]] = defaultdict(set)
    for file in pending:
        if file.path in account.part_of:
            outdated[account.part_of[file.path]].add(file.path)
    for name, paths in outdated.items():
        drop(results, name, paths)
    return pending


class _Teller:
    """Keeps the count of what comes back."""

    def __init__(self, run: ArchiveRun, tell: Callable[[dict[str, Any]], None], missing: set[str]) -> None:
        self._run, self._tell, self.missing = run, tell, missing

    def files(self, rows: list[dict[str, Any]]) -> None:
        """Count files that were committed."""
        for row in rows:
            self.missing.discard(row["path"])
            self._run.looked_at += 1
            self._run.records += row["records"]
            self._run.failed += bool(row["problems"])
            self._tell(row)

    def end(self) -> None:
        """Write down what did not come back."""
        self._run.missing = sorted(self.missing)


def _work(pending: list[ArchiveFile], cluster: Cluster, setup: WorkerSetup, division: ArchiveOptions, teller: _Teller) -> None:
    long: list[dict[str, Any]] = []
    for done in _map(cluster, setup, _file_tasks(pending, cluster.workers, division.files_per_task)):
        teller.files(done["files"])
        long += done["long"]
    pieces = ({"do": "piece", "file": one["file"], "piece": piece} for one in long for piece in one["pieces"])
    for _ in _map(cluster, setup, pieces):
        pass
    for done in _map(cluster, setup, ({"do": "join", **one} for one in long)):
        teller.files(done["files"])
    teller.end()


def _file_tasks(pending: list[ArchiveFile], workers: int, at_most: int) -> Iterator[dict[str, Any]]:
    """Yield tasks: videos first, as they take longest; groups small enough to keep every worker busy."""
    videos = [f for f in pending if is_video_name(f.path)]
    pictures = [f for f in pending if not is_video_name(f.path)]
    for files in (videos, pictures):
        count = min(at_most, math.ceil(len(files) / (workers * _TASKS_A_WORKER))) or 1
        for group in _groups(files, count):
            yield from ({"do": "files", "files": [asdict(f) for f in some]} for some in _light(group))


def _light(files: list[ArchiveFile]) -> Iterator[list[ArchiveFile]]:
    """Divide a group where it would weigh too much: a long video is a task of its own."""
    some: list[ArchiveFile] = []
    for file in files:
        if some and sum(f.size_bytes for f in some) + file.size_bytes > _TASK_BYTES:
            yield some
            some = []
        some.append(file)
    if some:
        yield some


def _groups(items: Iterable[Item], count: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while group := list(islice(rest, count)):
        yield group


def _map(cluster: Cluster, setup: WorkerSetup, tasks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for some in _groups(tasks, _TASKS_AT_ONCE):
        for done in cluster.map(setup, [json.dumps(task) for task in some]):
            answer = json.loads(done)
            if "fatal" in answer:
                raise _revived(answer["fatal"])
            yield answer


def _revived(said: dict[str, Any]) -> SightlineError:
    """Return a worker's error as the same class with the same message."""
    kind = getattr(errors, said["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, SightlineError)):
        return errors.ClusterError(f"a worker failed: {said['kind']}: {said['message']}")
    error: SightlineError = kind.__new__(kind)
    error.args = (said["message"],)
    return error
