"""Changes of jobs, as they happen, for any number of listeners: one look at the database serves them all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sightline.api.jobs import Job
from sightline.core.errors import StoreUnavailableError
from sightline.store.jobs import JobStore

logger = logging.getLogger(__name__)

_OVERLAP = timedelta(seconds=5)  # a change is seen when its transaction ends, which may be a while after the time that it bears


@dataclass(eq=False)
class _Listener:
    """Somebody who wants to know; of a job that changes faster than they read, they get the newest state alone."""

    job_id: str | None
    jobs: dict[str, Job] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, job: Job) -> None:
        if self.job_id in (None, job.id):
            self.jobs[job.id] = job
            self.news.set()


@dataclass(eq=False)
class _Hub:
    """The listeners of one event loop, and the task that looks for changes while there are any."""

    listeners: set[_Listener] = field(default_factory=set)
    poller: asyncio.Task[None] | None = None


class JobEvents:
    """Tells of jobs whose rows changed, whoever changed them.

    Parameters
    ----------
    jobs : JobStore
        Where they are kept.
    period_s : float
        How often it looks.
    heartbeat_s : float
        After how long a silence listeners get None.
    """

    def __init__(self, jobs: JobStore, *, period_s: float = 0.5, heartbeat_s: float = 15.0) -> None:
        self._jobs, self._period_s, self._heartbeat_s = jobs, period_s, heartbeat_s
        self._hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, _Hub] = WeakKeyDictionary()

    async def listen(self, job_id: str | None = None) -> AsyncIterator[Job | None]:
        """Yield jobs as they change; None from time to time while nothing does.

        Parameters
        ----------
        job_id : str, optional
            Only this one.
        """
        hub = self._hubs.setdefault(asyncio.get_running_loop(), _Hub())
        listener = _Listener(job_id)
        hub.listeners.add(listener)
        if hub.poller is None or hub.poller.done():
            hub.poller = asyncio.create_task(self._poll(hub))
        try:
            while True:
                try:
                    await asyncio.wait_for(listener.news.wait(), self._heartbeat_s)
                except TimeoutError:
                    yield None
                    continue
                listener.news.clear()
                jobs, listener.jobs = listener.jobs, {}
                for job in jobs.values():
                    yield job
        finally:
            hub.listeners.discard(listener)
            if not hub.listeners and hub.poller is not None:
                hub.poller.cancel()
                hub.poller = None

    async def _poll(self, hub: _Hub) -> None:
        since: datetime | None = None
        told: dict[str, datetime] = {}
        while True:
            try:
                changed, now = await asyncio.to_thread(self._jobs.changed_since, since)
            except StoreUnavailableError as error:
                logger.debug("changes of jobs: %s", error)
            except Exception:
                logger.exception("changes of jobs cannot be read")
            else:
                for job in changed:
                    if told.get(job.id) != job.updated_at:
                        told[job.id] = job.updated_at
                        for listener in hub.listeners:
                            listener.tell(job)
                first, since = since is None, now - _OVERLAP
                told = {job_id: time for job_id, time in told.items() if time >= since}
                if first:
                    continue
            await asyncio.sleep(self._period_s)
