"""Figures for Prometheus: what was done (counted as it happens) and how things stand (asked when somebody looks)."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psutil
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sightline.core.errors import StoreUnavailableError
from sightline.server.gpu import Gpus
from sightline.server.live import LiveHub, Rate
from sightline.server.workers import Observation, Workers
from sightline.store.database import Database
from sightline.store.tables import JobRow, UploadRow

if TYPE_CHECKING:
    from sightline.server.services import Services

logger = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TASK_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)
_STEP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_HTTP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_JOBS_EVERY_S = 10.0


class Metrics:
    """The figures of one server, in a registry of their own.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.observe(Observation("look", "interactive", 0.001, 0.05, frames=1))
    >>> b'sightline_frames_total{task="look"} 1.0' in metrics.text()
    True
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series beside each counter that nobody asked for
        self.registry, self._present = CollectorRegistry(auto_describe=True), CollectorRegistry(auto_describe=False)
        self._present.register(_Models(self))
        self._lock = threading.Lock()
        self._rate = Rate(10.0)
        self._models: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        self._task = self._histogram("sightline_task_seconds", "Work of a task in a worker process", ("task", "lane"), _TASK_BUCKETS_S)
        self._waited = self._histogram(
            "sightline_task_wait_seconds", "Wait of a task for a worker process", ("task", "lane"), _TASK_BUCKETS_S
        )
        self._step = self._histogram("sightline_step_seconds", "Mean time of a step in one task", ("task", "step"), _STEP_BUCKETS_S)
        self._failed = self._counter("sightline_task_errors", "Tasks that ended with an error", ("task", "error"))
        self._frames = self._counter("sightline_frames", "Pictures, video frames and live frames looked at", ("task",))
        self.http = self._histogram(
            "sightline_http_request_seconds", "HTTP requests by route, until the last byte", ("method", "route", "status"), _HTTP_BUCKETS_S
        )
        self.received = self._counter("sightline_http_received_bytes", "Bytes of requests' bodies", ("route",))
        self.sent = self._counter("sightline_http_sent_bytes", "Bytes of answers' bodies", ("route",))
        self.running = Gauge("sightline_http_requests_running", "HTTP requests that are being answered", registry=self.registry)

    def _histogram(self, name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, f"{text}, seconds", labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def observe(self, seen: Observation) -> None:
        """Count one finished task; for ``Workers(observe=…)``."""
        self._task.labels(seen.task, seen.lane).observe(seen.took_s)
        self._waited.labels(seen.task, seen.lane).observe(seen.waited_s)
        for step, took_ms in seen.steps_ms.items():
            self._step.labels(seen.task, step).observe(took_ms / 1000.0)
        if seen.error is not None:
            self._failed.labels(seen.task, seen.error).inc()
        if seen.frames:
            self._frames.labels(seen.task).inc(seen.frames)
        with self._lock:
            for _ in range(seen.frames):
                self._rate.tick(time.monotonic())
            for name, (count, took_s) in seen.models.items():
                before = self._models[name]
                self._models[name] = (before[0] + count, before[1] + took_s)

    def frames_per_s(self) -> float:
        """Return the frames looked at a second, over the last ten seconds."""
        with self._lock:
            return self._rate.share(time.monotonic())

    def watch(self, database: Database, workers: Workers, live: LiveHub) -> None:
        """Ask these, too, whenever somebody looks."""
        for collector in (WorkersNow(workers), LiveNow(live), MachineNow(Gpus()), StoreNow(database)):
            self._present.register(collector)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry) + generate_latest(self._present)

    def models(self) -> dict[str, tuple[int, float]]:
        """Return runs and seconds by net."""
        with self._lock:
            return dict(self._models)


class _Models(Collector):
    """Nets: how often they ran, and how long."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        family = SummaryMetricFamily("sightline_model_seconds", "Runs of a net in the worker processes, seconds", labels=["model"])
        for name, (count, took_s) in sorted(self._metrics.models().items()):
            family.add_metric([name], count_value=count, sum_value=took_s)
        yield family
        yield GaugeMetricFamily("sightline_frames_per_second", "Frames looked at, over ten seconds", self._metrics.frames_per_s())


class WorkersNow(Collector):
    """Queues and processes of the workers."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        now = self._workers.statistics()
        waiting = GaugeMetricFamily("sightline_queue_tasks", "Tasks that wait for a worker process", labels=["lane"])
        carried = GaugeMetricFamily("sightline_queue_bytes", "Bytes that they carry", labels=["lane"])
        busy = GaugeMetricFamily("sightline_workers_busy", "Worker processes at work", labels=["lane"])
        count = GaugeMetricFamily("sightline_workers", "Worker processes", labels=["lane"])
        for name, lane in now.lanes.items():
            for family, value in ((waiting, lane.waiting), (carried, lane.waiting_bytes), (busy, lane.busy), (count, lane.processes)):
                family.add_metric([name], value)
        yield from (waiting, carried, busy, count)
        labels = ["lane", "worker"]
        rss = GaugeMetricFamily("sightline_worker_resident_bytes", "Memory of a worker process", labels=labels)
        cpu = GaugeMetricFamily("sightline_worker_cpu_seconds", "Processor time of a worker process since it started", labels=labels)
        starts = CounterMetricFamily("sightline_worker_starts", "How often a worker process was started", labels=labels)
        for process in now.processes:
            who = [process.lane, str(process.index)]
            rss.add_metric(who, process.rss_bytes)
            cpu.add_metric(who, _cpu_s(process.pid))
            starts.add_metric(who, process.starts)
        yield from (rss, cpu, starts)


class LiveNow(Collector):
    """Live sockets and their frames."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        counts = self._hub.counts
        yield GaugeMetricFamily("sightline_live_sockets", "Live connections open now", counts.sockets)
        frames = CounterMetricFamily("sightline_live_frames", "Live frames by what became of them", labels=["outcome"])
        for outcome in ("looked", "dropped", "refused"):
            frames.add_metric([outcome], getattr(counts, outcome))
        yield frames


class MachineNow(Collector):
    """The server's own process, the machine's processors, and graphics cards where there are any."""

    def __init__(self, gpus: Gpus) -> None:
        self._gpus = gpus

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        me = psutil.Process()
        yield CounterMetricFamily("sightline_server_cpu_seconds", "Processor time of the server's own process", _cpu_s(me.pid))
        yield GaugeMetricFamily("sightline_server_resident_bytes", "Memory of the server's own process", me.memory_info().rss)
        yield GaugeMetricFamily("sightline_server_threads", "Threads of the server's own process", me.num_threads())
        times = psutil.cpu_times()
        cpu = CounterMetricFamily("sightline_machine_cpu_seconds", "Processor time of the whole machine", labels=["state"])
        cpu.add_metric(["idle"], times.idle)
        cpu.add_metric(["busy"], sum(times[:3]))
        yield cpu
        yield from self._cards()

    def _cards(self) -> Iterator[Metric]:
        labels = ["gpu", "name"]
        busy = GaugeMetricFamily("sightline_gpu_busy_ratio", "Share of the time in which a card worked", labels=labels)
        used = GaugeMetricFamily("sightline_gpu_memory_used_bytes", "Memory of a card in use", labels=labels)
        total = GaugeMetricFamily("sightline_gpu_memory_bytes", "Memory of a card", labels=labels)
        for card in self._gpus.states():
            who = [str(card.index), card.name]
            if card.busy is not None:
                busy.add_metric(who, card.busy)
            used.add_metric(who, card.memory_used_bytes)
            total.add_metric(who, card.memory_total_bytes)
        yield from (family for family in (busy, used, total) if family.samples)


class StoreNow(Collector):
    """The database: whether it answers, its connections, jobs and uploads by state."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._asked_s = -_JOBS_EVERY_S
        self._counts: tuple[list[Any], list[Any]] | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the figures; counting rows is done every ten seconds at most."""
        counts = self._rows()
        yield GaugeMetricFamily("sightline_database_up", "Whether the database answers", float(counts is not None))
        pool: Any = self._database.engine.pool
        connections = GaugeMetricFamily("sightline_database_connections", "Connections to the database", labels=["state"])
        connections.add_metric(["busy"], pool.checkedout())
        connections.add_metric(["idle"], pool.checkedin())
        yield connections
        if counts is None:
            return
        jobs = GaugeMetricFamily("sightline_jobs", "Jobs by kind and state", labels=["kind", "state"])
        for kind, state, count in counts[0]:
            jobs.add_metric([kind, state], count)
        uploads = GaugeMetricFamily("sightline_uploads", "Uploads by state", labels=["state"])
        received = GaugeMetricFamily("sightline_uploads_bytes", "Bytes received of uploads by state", labels=["state"])
        for state, count, size in counts[1]:
            uploads.add_metric([state], count)
            received.add_metric([state], size)
        yield from (jobs, uploads, received)

    def _rows(self) -> tuple[list[Any], list[Any]] | None:
        with self._lock:
            if time.monotonic() < self._asked_s + _JOBS_EVERY_S:
                return self._counts
            try:
                with self._database.session() as session:
                    by_kind = select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
                    received = func.coalesce(func.sum(UploadRow.received), 0)
                    by_state = select(UploadRow.state, func.count(), received).group_by(UploadRow.state)
                    self._counts = (list(session.execute(by_kind)), list(session.execute(by_state)))
            except StoreUnavailableError as error:
                logger.warning("figures without the database: %s", error)
                self._counts = None
            self._asked_s = time.monotonic()
            return self._counts


def _cpu_s(pid: int | None) -> float:
    try:
        times = psutil.Process(pid).cpu_times() if pid else None
    except psutil.Error:  # it has just ended
        times = None
    return float(times.user + times.system) if times else 0.0


class Measured:
    """Times every HTTP request, by the template of its route.

    Parameters
    ----------
    app : ASGI app
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, status, up, down = time.perf_counter(), 500, 0, 0

        async def count_up() -> Message:
            nonlocal up
            message = await receive()
            up += len(message.get("body", b""))
            return message

        async def count_down(message: Message) -> None:
            nonlocal status, down
            if message["type"] == "http.response.start":
                status = message["status"]
            down += len(message.get("body", b""))
            await send(message)

        self._metrics.running.inc()
        try:
            await self._app(scope, count_up, count_down)
        finally:
            self._metrics.running.dec()
            self._note(scope, status, time.perf_counter() - begun_s, up, down)

    def _note(self, scope: Scope, status: int, took_s: float, up: int, down: int) -> None:
        route = route_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.http.labels(method, route, str(status)).observe(took_s)
        if up:
            self._metrics.received.labels(route).inc(up)
        if down:
            self._metrics.sent.labels(route).inc(down)


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered a request, such as ``/api/v1/media/{media_id}``.

    Examples
    --------
    >>> route_of({"type": "http", "path": "/nowhere"})
    'unmatched'
    """
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def install(app: FastAPI) -> None:
    """Let an app with services measure its requests."""
    services: Services | None = app.state.services
    if services is not None:
        app.add_middleware(Measured, metrics=services.metrics)
