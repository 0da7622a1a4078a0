"""Tasks that do to a worker process what hostile files would, beside the real ones."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sightline.server.workers import tasks


def echo(value: Any = None, data: bytes | None = None, delay_s: float = 0.0, session: str | None = None) -> dict[str, Any]:
    time.sleep(delay_s)
    return {"value": value, "length": None if data is None else len(data), "pid": os.getpid(), "session": session}


def back(data: bytes) -> bytes:
    return data


def exit_at_once(status: int = 3) -> None:
    os._exit(status)


def segfault() -> None:
    ctypes.string_at(0)


def spin() -> None:
    while True:
        pass


def hold_the_gil() -> None:
    """Hang in C code that never lets go of the interpreter: no thread of this process could help."""
    ctypes.PyDLL(None).pause()


def reserve(mebibytes: int) -> int:
    """Ask for memory in one piece, without touching it."""
    return len(bytearray(mebibytes << 20))


def touch(mebibytes: int) -> int:
    """Ask for memory bit by bit and use it, as a decoder does."""
    held = []
    for _ in range(mebibytes):
        held.append(np.ones(1 << 20, np.uint8))
        time.sleep(0.0005)
    return len(held)


def keep(mebibytes: int) -> int:
    """Leak."""
    _LEAKED.append(np.ones(mebibytes << 20, np.uint8))
    return os.getpid()


def mapped(mebibytes: int) -> int:
    """Use memory that RLIMIT_DATA does not count: shared mappings."""
    import mmap

    block = mmap.mmap(-1, mebibytes << 20)
    for at in range(0, mebibytes << 20, 4096):
        block[at] = 1
    time.sleep(5)
    return mebibytes


def out_of_memory_in_c() -> None:
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def forged(what: str) -> Any:
    """Answer what only a worker that a hostile file has taken over would."""
    target = 1 if what == "noise" else _answers()
    os.write(target, {"noise": b"printed\n", "garbage": b"\xff" * 64, "huge": b"\xff\xff\xff\xff" + b"\0" * 8}.get(what) or _deep())
    if what == "noise":
        return "fine"
    time.sleep(30)
    return None


def _deep() -> bytes:
    text = b"[" * 200_000
    return len(text).to_bytes(4, "little") + bytes(8) + text


def _answers() -> int:
    """Return the descriptor of the pipe for answers: the highest pipe there is."""
    links = {int(p.name): os.readlink(p) for p in Path("/proc/self/fd").iterdir() if p.is_symlink()}  # noqa: PTH115
    return max(fd for fd, target in links.items() if target.startswith("pipe:"))


def unexpected() -> None:
    raise KeyError("a bug")


def facts() -> dict[str, Any]:
    import resource

    return {
        "environment": dict(os.environ),
        "nice": os.nice(0),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "file": resource.getrlimit(resource.RLIMIT_FSIZE),
        "stdin": sys.stdin.read(),
        "main": getattr(sys.modules["__main__"], "__spec__", None).name,  # type: ignore[union-attr]
        "pid": os.getpid(),
        "no_new_rights": "NoNewPrivs:\t1" in Path("/proc/self/status").read_text(),
    }


_LEAKED: list[Any] = []


def all_tasks(threads: int) -> Mapping[str, Callable[..., Any]]:
    own = (
        echo, back, exit_at_once, segfault, spin, hold_the_gil, reserve, touch, keep, mapped, out_of_memory_in_c, forged, unexpected, facts,
    )  # fmt: skip
    return {**tasks.all_tasks(threads), **{task.__name__: task for task in own}}
