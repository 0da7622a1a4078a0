"""The process side of a worker: reads a task from its pipe, does it, answers; ends when the pipe does.

Started as ``python -P -m sightline.server.workers.worker`` with its settings as JSON in the one argument. What the tasks'
libraries write to the standard output goes to the standard error; requests and answers have pipes of their own.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from sightline.core.errors import InvalidInputError, SightlineError
from sightline.runtime.times import RUN_TIMES
from sightline.server.workers import wire
from sightline.server.workers.confine import Setup, confine, give_back_memory, resident_bytes

_log = logging.getLogger(__name__)
Tasks = Mapping[str, Callable[..., Any]]


def main() -> None:
    """Work until the pipe ends."""
    setup = Setup(**json.loads(sys.argv[1]))
    requests, answers = _take_pipes()
    faulthandler.enable()
    confine(setup)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    tasks: Tasks = importlib.import_module(setup.tasks).all_tasks(setup.threads)
    wire.write(answers, wire.encode({"ready": os.getpid()}))
    while (request := wire.read(requests, setup.request_bytes)) is not None:
        wire.write(answers, _answer(tasks, request, setup))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes of requests and answers, and leave nothing at their old places that a library could disturb."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, answers


def _answer(tasks: Tasks, request: dict[str, Any], setup: Setup) -> list[wire.Raw]:
    """Do one task and return the parts of its answer: ``{"result": …}`` or ``{"error": …}``, and the memory now held."""
    task = str(request.pop("task"))
    begun, run_before = time.perf_counter(), RUN_TIMES.read()
    try:
        if task not in tasks:
            raise InvalidInputError(f"there is no task {task!r}; there are {', '.join(sorted(tasks))}")
        result = tasks[task](**request)
        answer = {"bytes" if isinstance(result, bytes) else "result": result, "models": RUN_TIMES.since(run_before)}
        return _encode(answer, begun, setup)
    except Exception as error:  # noqa: BLE001 - the boundary of a task: whatever went wrong is its answer
        told = wire.error_to_json(task, error)
        if not isinstance(error, SightlineError):
            _log.exception("task %s failed unexpectedly", task)
        return _encode({"error": told}, begun, setup)


def _encode(answer: dict[str, Any], begun: float, setup: Setup) -> list[wire.Raw]:
    took_s, held = time.perf_counter() - begun, resident_bytes()
    if held > setup.recycle_bytes:
        held = give_back_memory()
    return wire.encode({**answer, "took_s": took_s, "rss": held})


if __name__ == "__main__":
    main()
