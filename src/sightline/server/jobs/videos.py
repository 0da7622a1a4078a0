"""Videos: cut into pieces, looked at one after the other, each kept as soon as it is there.

Whatever ends the process, what is kept stays and is not done again: a piece counts as finished when its row is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sightline.analysis.segments import RUN_IN_S, SEGMENT_S, Segment, carry, stitch
from sightline.core.errors import SightlineError, VideoDecodeError, WorkerError
from sightline.server.jobs.keeping import Task, fail, finish, forget_video, is_to_be_forgotten, keep, problem_of, read_task
from sightline.server.jobs.tools import Tools
from sightline.server.jobs.workflows import Workflows
from sightline.store.analyses import Piece
from sightline.store.jobs import OPEN

logger = logging.getLogger(__name__)

_TRIES = 2
_NOTHING: dict[str, Any] = {"end_s": None, "tail": [], "next_ids": {}, "next_index": 0}


class VideoWork:
    """The body of a video's job.

    Parameters
    ----------
    tools : Tools
        What jobs work with.
    workflows : callable
        Gives the `Workflows` that steps are put on record with.
    finished : callable
        Told the id of each job that is over for now.
    segment_s : float
        Length of a piece, seconds.
    """

    def __init__(
        self, tools: Tools, workflows: Callable[[], Workflows], finished: Callable[[str], None], *, segment_s: float = SEGMENT_S
    ) -> None:
        self._tools, self._workflows, self._finished, self._segment_s = tools, workflows, finished, segment_s

    def __call__(self, job_id: str, attempt: int) -> None:
        """Work on one attempt until it is over, paused, cancelled or deleted.

        Raises
        ------
        Closing
            When the server is about to stop.
        """
        task = self._tools.patiently(read_task, self._tools, job_id, attempt)
        if task is None:
            return
        try:
            self._steps(task)
        except SightlineError as error:
            self._tools.pause(0)
            self._tools.patiently(fail, self._tools, task, error)
        except Exception as error:
            logger.exception("video %s", task.media_id)
            self._tools.patiently(fail, self._tools, task, error)
        self._workflows().step("forget", self._forget, task)
        self._finished(job_id)

    def _steps(self, task: Task) -> None:
        step = self._workflows().step
        planned = [Segment(*piece) for piece in step("plan", self._plan, task) or ()]
        if not planned:
            return
        piece = planned[0]
        while True:
            ended = step(f"segment {piece.number}", self._segment, task, piece, len(planned))
            if ended is None:
                return
            if ended:
                break
            piece = planned[piece.number + 1] if piece.number + 1 < len(planned) else piece.following(self._segment_s)
        step("finish", self._finish, task)

    # ------------------------------------------------------------------ steps

    def _plan(self, task: Task) -> list[tuple[int, float, float]] | None:
        """Return the pieces; None when the job is not to be worked on any more."""
        tools = self._tools
        begun = tools.patiently(lambda: tools.jobs.move(task.job_id, "running", expected=("queued",), attempt=task.attempt, detail=None))
        if not begun and tools.patiently(tools.jobs.attempt_of, task.job_id) != ("running", task.attempt):
            return None
        pieces = self._ask(task, "plan", length_s=self._segment_s)
        tools.patiently(lambda: tools.jobs.tell(task.job_id, total=len(pieces)))
        return [(p["number"], p["start_s"], p["end_s"]) for p in pieces]

    def _segment(self, task: Task, piece: Segment, planned: int) -> bool | None:
        """Look at a piece and keep it; return whether it is the last, None when the job is not to be worked on any more."""
        tools = self._tools
        if tools.patiently(tools.jobs.attempt_of, task.job_id) != ("running", task.attempt):
            return None
        known = tools.patiently(tools.analyses.border, task.analysis_id, piece.number)
        if known is not None:
            return bool(known["ended"])
        before = tools.patiently(tools.analyses.border, task.analysis_id, piece.number - 1)
        finished = self._look(task, piece, before, planned)
        ended = bool((finished.border or {})["ended"])
        total = max(planned, piece.number + (1 if ended else 2))
        kept = tools.patiently(lambda: keep(tools, task, finished, total=piece.number + 1 if ended else total))
        return ended if kept else None

    def _look(self, task: Task, piece: Segment, before: dict[str, Any] | None, planned: int) -> Piece:
        where = {"start_s": piece.start_s, "end_s": piece.end_s, "run_in_s": RUN_IN_S}
        try:
            seen = self._ask(task, "segment", options=task.options, **where)
        except WorkerError as error:
            border = {**(before or _NOTHING), "tail": [], "ended": piece.number + 1 >= planned}
            problem = problem_of(error, piece.start_s)
            return Piece(piece.number, piece.start_s, piece.end_s, [], 0.0, {}, [], [problem], border)
        known = {k: v for k, v in before.items() if k != "ended"} if before else None
        whole = stitch(known, seen)
        return Piece(
            piece.number,
            piece.start_s,
            piece.end_s,
            whole["frames"],
            seen["took_s"],
            seen["counts"],
            seen["models"],
            seen["problems"],
            {**carry(whole), "ended": seen["ended"]},
        )

    def _finish(self, task: Task) -> None:
        tools = self._tools
        analysis = tools.patiently(tools.analyses.get, task.analysis_id)
        if analysis.frames:
            tools.patiently(finish, tools, task)
            return
        why = f"not one piece of it could be looked at: {analysis.problems[0].message}" if analysis.problems else "there is no frame in it"
        tools.patiently(fail, tools, task, VideoDecodeError(task.name, why))

    def _forget(self, task: Task) -> None:
        """Let go of the video of a piece of which the records alone are to be kept, whatever came of it."""
        tools = self._tools
        state = tools.patiently(tools.jobs.attempt_of, task.job_id)
        if state is not None and state[0] in OPEN:
            return  # paused, or begun anew meanwhile
        media = tools.patiently(tools.media.row, task.media_id) if state is not None else None
        if media is not None and tools.patiently(is_to_be_forgotten, tools, media):
            tools.patiently(forget_video, tools, media.id)

    def _ask(self, task: Task, what: str, **arguments: Any) -> Any:
        """Let a worker do it; one that ends over it gets a second one."""
        tools = self._tools
        limits = tools.settings.get().limits

        def ask() -> Any:
            with tools.media.local_path(task.digest) as path:
                return tools.workers.run_sync(what, lane="batch", path=path, limits=limits, name=task.name, **arguments)

        for attempt in range(_TRIES):
            try:
                return tools.patiently(tools.abandonable, ask)
            except WorkerError as error:
                tools.pause(0)
                logger.warning("%s of %s: %s", what, task.name, error)
                if attempt + 1 == _TRIES:
                    raise
        raise AssertionError
