"""What a worker process gives up when it starts, as far as the system lets it: it is the one that opens strangers' files."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_RESERVED_BYTES = 768 << 20
"""What a process reserves and never touches (stacks of threads, heaps), measured with all nets open: 500 to 750 MiB."""
_KEPT = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_KEPT_STARTS = ("LC_", "XDG_", "PYTHON", "SIGHTLINE_HOME", "SIGHTLINE_MODELS", "CUDA_", "NVIDIA_", "OMP_", "MALLOC_", "COVERAGE_")


@dataclass(frozen=True)
class Setup:
    """What a worker process is told when it starts.

    Parameters
    ----------
    tasks : str
        Module whose ``all_tasks(threads)`` gives the tasks by name.
    threads : int
        Processors that a task may use.
    memory_bytes, recycle_bytes, file_bytes, request_bytes : int
        See ``WorkerLimits``; the last one is the largest request.
    nice : int
        How far other processes go first, 0 to 19.
    parent : int
        The process to die with.
    """

    tasks: str
    threads: int
    memory_bytes: int
    recycle_bytes: int
    file_bytes: int
    request_bytes: int
    nice: int
    parent: int


def environment() -> dict[str, str]:
    """Return the environment of a worker: without the server's secrets, and told to stay off the network.

    Examples
    --------
    >>> "SIGHTLINE_DATABASE_URL" in environment()
    False
    """
    kept = {k: v for k, v in os.environ.items() if k.upper() in _KEPT or k.upper().startswith(_KEPT_STARTS)}
    return {"MALLOC_ARENA_MAX": "4", **kept, "SIGHTLINE_OFFLINE": "1"}


def confine(setup: Setup) -> None:
    """Give up in this process: dumps, large files, memory beyond the limit, new rights, living longer than the server."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    if hasattr(os, "nice") and setup.nice:
        os.nice(setup.nice)
    if sys.platform != "win32":
        _limit_resources(setup)
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if hasattr(os, "getppid") and os.getppid() != setup.parent:
        os._exit(0)


def _limit_resources(setup: Setup) -> None:
    """Set soft and hard limits; one that the system does not have, or has lower already, is left."""
    import resource

    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, setup.file_bytes),
        (resource.RLIMIT_DATA, setup.memory_bytes + _RESERVED_BYTES),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def give_back_memory() -> int:
    """Return freed memory to the system, where that takes a call, and then how much this process still holds."""
    gc.collect()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
    return resident_bytes()


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - asked for after every task
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import psutil

    return int(psutil.Process().memory_info().rss)
