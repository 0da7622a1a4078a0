"""DBOS, as far as it is needed here: named bodies of work that are begun once, queue up, and are begun again after a crash.

A body that is left by `Closing` counts as not finished: the next `launch` begins it again, and its finished steps are passed over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from dbos import DBOS, SetWorkflowID
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from sightline.core.errors import StoreUnavailableError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Body = Callable[[str, int], None]

_VERSION = "1"  # bodies that are under way go on over an upgrade of Sightline
_POLL_S = 0.2
_TIDY_EVERY_S, _KEPT, _BATCH = 3600.0, timedelta(days=1), 200
_UNDER_WAY = ["PENDING", "ENQUEUED", "DELAYED"]


class Closing(BaseException):
    """The server is about to stop; what is under way goes on at the next start."""


class Lost(BaseException):
    """The database went away under a step: what it did cannot be put on record, and the attempt is over."""


@dataclass(frozen=True)
class Kind:
    """A kind of long work.

    Parameters
    ----------
    body : callable
        Gets the job's id and the number of the attempt.
    queue : str or None
        Queue that it waits in; None begins it at once.
    """

    body: Body
    queue: str | None = None


class Workflows:
    """Begins and comes back to bodies of work. There is one in a process at a time.

    Parameters
    ----------
    url : URL
        Database; the tables are in its schema ``dbos``.
    kinds : mapping of str to Kind
        What there is to do.
    queues : mapping of str to int
        How many of a queue run at once.
    """

    def __init__(self, url: URL, kinds: Mapping[str, Kind], queues: Mapping[str, int]) -> None:
        self._url, self._kinds, self._queues = url, kinds, queues
        self._functions: dict[str, Callable[..., None]] = {}
        self._active = 0
        self._lost: set[str] = set()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._tidier: threading.Thread | None = None

    def launch(self) -> None:
        """Begin, with what was under way when the process ended."""
        _quiet()
        DBOS(
            config={
                "name": "sightline",
                "system_database_url": self._url.render_as_string(hide_password=False),
                "sys_db_pool_size": 8,
                "application_version": _VERSION,
                "executor_id": "server",
                "run_admin_server": False,  # type: ignore[typeddict-unknown-key]
                "log_level": "WARNING",
            }
        )
        for name, kind in self._kinds.items():
            self._functions[name] = DBOS.workflow(name=f"sightline.{name}", max_recovery_attempts=None)(self._counted(kind.body))
        DBOS.launch()
        for queue, at_once in self._queues.items():
            DBOS.register_queue(queue, worker_concurrency=at_once, polling_interval_sec=_POLL_S)

        self._tidier = threading.Thread(target=self._tidy_forever, name="sightline-tidy", daemon=True)
        self._tidier.start()

    def _tidy_forever(self) -> None:
        while not self._closing.wait(_TIDY_EVERY_S):
            try:
                self.tidy(_KEPT)
            except Exception:
                logger.exception("what is on record of finished work could not be deleted")

    def tidy(self, older_than: timedelta) -> int:
        """Delete the steps of work that was over so long ago, and return of how much; the jobs' own rows stay."""
        before, count = (datetime.now(UTC) - older_than).isoformat(), 0
        while not self._closing.is_set():
            found = DBOS.list_workflows(
                status=["SUCCESS", "ERROR", "CANCELLED"], completed_before=before, limit=_BATCH, load_input=False, load_output=False
            )
            if not found:
                break
            DBOS.delete_workflows([work.workflow_id for work in found])
            count += len(found)
        return count

    def _counted(self, body: Body) -> Body:
        def run(job_id: str, attempt: int) -> None:
            with self._counting():
                try:
                    body(job_id, attempt)
                except Lost:
                    logger.warning("the database went away under attempt %d at %s; there will be another", attempt, job_id)
                    self._lost.add(_id(job_id, attempt))

        return run

    @contextmanager
    def _counting(self) -> Iterator[None]:
        with self._changed:
            self._active += 1
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def begin(self, name: str, job_id: str, attempt: int, queue: str | None = None) -> None:
        """Begin a body of work, or let it wait in its queue; an attempt that was begun already is not begun twice.

        Raises
        ------
        StoreUnavailableError
            When the database does not answer.
        """
        chosen = queue or self._kinds[name].queue
        with _translated(), SetWorkflowID(_id(job_id, attempt)):
            if chosen is None:
                DBOS.start_workflow(self._functions[name], job_id, attempt)
            else:
                DBOS.enqueue_workflow(chosen, self._functions[name], job_id, attempt)

    def under_way(self, attempts: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        """Return which attempts wait or run, or will go on by themselves after a restart.

        Raises
        ------
        StoreUnavailableError
            When the database does not answer.
        """
        asked = {_id(*attempt): attempt for attempt in attempts}
        ids = [name for name in asked if name not in self._lost]
        if not ids:
            return set()
        with _translated():
            found = DBOS.list_workflows(workflow_ids=ids, status=_UNDER_WAY, load_input=False, load_output=False)
        return {asked[work.workflow_id] for work in found}

    def is_under_way(self, job_id: str, attempt: int) -> bool:
        """Return whether an attempt is `under_way`."""
        return bool(self.under_way([(job_id, attempt)]))

    def step(self, name: str, call: Callable[..., Result], *arguments: Any) -> Result:
        """Do one step inside a body: its result is on record, and given back without doing it again after a restart.

        Raises
        ------
        Lost
            When the database went away and the result could not be put on record.
        """
        try:
            return DBOS.run_step({"name": name}, call, *arguments)
        except DBAPIError as error:  # of DBOS itself: it waits for a server that is being started, not for one that is away
            raise Lost from error

    def destroy(self, timeout_s: float = 10.0) -> None:
        """Wait for bodies to be left, and let go of everything."""
        self._closing.set()
        deadline_s = time.monotonic() + timeout_s
        if self._tidier is not None:
            self._tidier.join(timeout_s)
        with self._changed:
            while self._active and self._changed.wait(max(0.0, deadline_s - time.monotonic())):
                pass
        logging.getLogger("dbos").setLevel(logging.CRITICAL)  # what it takes from a queue now, it cannot begin: the next launch does
        DBOS.destroy(destroy_registry=True)


@contextmanager
def _translated() -> Iterator[None]:
    """Give errors of DBOS's own connections their name among ours."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailableError("the database does not answer") from error


def _id(job_id: str, attempt: int) -> str:
    return f"{job_id}.{attempt}"


def _quiet() -> None:
    """Let what DBOS says go the way of our own log, warnings and errors only."""
    logger = logging.getLogger("dbos")
    logger.propagate = True
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # with a handler there, it adds none of its own that writes to the console
