"""Figures: counted from real tasks, real requests and a real database."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sightline.core.errors import SightlineError
from sightline.server.gpu import Gpus, GpuState
from sightline.server.live import LiveHub
from sightline.server.metrics import MachineNow, Measured, Metrics, StoreNow
from sightline.server.workers import Observation, Workers
from sightline.store.database import Database
from sightline.store.tables import JobRow, UploadRow

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(text: bytes) -> Figures:
    """Return every sample by name and labels; fails on what is not Prometheus' text format."""
    families = list(text_string_to_metric_families(text.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "a family is told twice"
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def figure(found: Figures, name: str, /, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def of_collector(collector: Any) -> Figures:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return figures(generate_latest(registry))


def test_what_a_real_task_leaves(weights: Callable[..., None], database: Database) -> None:
    """A picture looked at in a worker process: task, steps, nets, frames; and what is asked now."""
    weights("face_detector_full", "face_detector_thorough", "face_mesh")
    data_dir = pytest.importorskip("skimage.data").data_dir
    metrics = Metrics()
    with Workers(1, 1, threads=1, observe=metrics.observe) as workers:
        metrics.watch(database, workers, LiveHub(workers, 1))
        for _ in range(2):
            workers.run_sync("look", path=f"{data_dir}/astronaut.png", options={"only": ["faces"]})
        with pytest.raises(SightlineError):
            workers.run_sync("look", path="/nowhere/at/all.png")
        found = figures(metrics.text())
    assert figure(found, "sightline_task_seconds_count", task="look", lane="interactive") == 3
    assert figure(found, "sightline_task_wait_seconds_count", task="look", lane="interactive") == 3
    assert figure(found, "sightline_step_seconds_count", task="look", step="faces") == 2
    assert 0 < figure(found, "sightline_step_seconds_sum", task="look", step="faces") < 60
    assert figure(found, "sightline_frames_total", task="look") == 2
    assert figure(found, "sightline_frames_per_second") == pytest.approx(0.2)
    assert figure(found, "sightline_task_errors_total", task="look", error="MediaNotFoundError") == 1
    assert figure(found, "sightline_model_seconds_count", model="face_mesh") >= 2
    assert (
        0
        < figure(found, "sightline_model_seconds_sum", model="face_mesh")
        < figure(found, "sightline_task_seconds_sum", task="look", lane="interactive")
    )
    assert figure(found, "sightline_queue_tasks", lane="interactive") == 0
    assert figure(found, "sightline_workers", lane="batch") == 1
    assert figure(found, "sightline_worker_resident_bytes", lane="interactive", worker="0") > 50e6
    assert figure(found, "sightline_worker_cpu_seconds", lane="interactive", worker="0") > 0
    assert figure(found, "sightline_live_sockets") == 0
    assert figure(found, "sightline_server_resident_bytes") > 10e6
    assert figure(found, "sightline_database_up") == 1


def test_frames_of_a_segment_count_one_by_one() -> None:
    metrics = Metrics()
    metrics.observe(Observation("segment", "batch", 0.0, 3.0, frames=250, models={"nanodet": (50, 1.0)}))
    metrics.observe(Observation("segment", "batch", 0.0, 3.0, frames=50, models={"nanodet": (10, 0.5)}))
    found = figures(metrics.text())
    assert figure(found, "sightline_frames_total", task="segment") == 300
    assert figure(found, "sightline_frames_per_second") == pytest.approx(30.0)
    assert figure(found, "sightline_model_seconds_count", model="nanodet") == 60
    assert figure(found, "sightline_model_seconds_sum", model="nanodet") == 1.5


def small_app() -> FastAPI:
    app = FastAPI()

    @app.get("/things/{thing}")
    def thing(thing: int) -> PlainTextResponse:
        return PlainTextResponse("x" * thing)

    @app.post("/things")
    async def add(body: dict[str, Any]) -> None:
        raise RuntimeError("broken")

    return app


def test_requests_by_route() -> None:
    metrics = Metrics()
    app = small_app()
    app.add_middleware(Measured, metrics=metrics)
    with TestClient(app, raise_server_exceptions=False) as client:
        for number in (10, 20):
            client.get(f"/things/{number}")
        client.get("/things/none")
        client.post("/things", content=b'{"a": 1}', headers={"Content-Type": "application/json"})
        client.get("/nowhere/at/all")
        client.request("BREW", "/nowhere")
    found = figures(metrics.text())
    of_things = {"method": "GET", "route": "/things/{thing}"}
    assert figure(found, "sightline_http_request_seconds_count", status="200", **of_things) == 2
    assert figure(found, "sightline_http_request_seconds_count", status="422", **of_things) == 1
    assert figure(found, "sightline_http_request_seconds_count", method="POST", route="/things", status="500") == 1
    assert figure(found, "sightline_http_request_seconds_count", method="GET", route="unmatched", status="404") == 1
    assert figure(found, "sightline_http_request_seconds_count", method="other", route="unmatched", status="404") == 1
    assert figure(found, "sightline_http_received_bytes_total", route="/things") == 8
    assert figure(found, "sightline_http_sent_bytes_total", route="/things/{thing}") > 30
    assert figure(found, "sightline_http_requests_running") == 0


def test_measuring_costs_less_than_a_tenth_of_a_millisecond() -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        pass

    async def seconds(app: Any, rounds: int = 500) -> float:
        begun = time.perf_counter()
        for _ in range(rounds):
            await app({"type": "http", "method": "GET", "path": "/"}, receive, send)
        return (time.perf_counter() - begun) / rounds

    async def extra() -> float:
        measured = Measured(answer, Metrics())
        return min([await seconds(measured) - await seconds(answer) for _ in range(5)])

    assert asyncio.run(extra()) < 1e-4


def test_jobs_and_uploads_by_state(database: Database) -> None:
    from datetime import timedelta

    from sightline.api.base import now

    with database.session() as session:
        for number, state in enumerate(("queued", "running", "running", "done")):
            session.add(JobRow(id=f"j{number}", kind="video", title="a.mp4", state=state, unit="segments", created_by="mira"))
        later = now() + timedelta(days=1)
        for received in (100, 50):
            session.add(
                UploadRow(name="a", bytes=200, received=received, state="receiving", analyse=True, created_by="mira", expires_at=later)
            )
    found = of_collector(StoreNow(database))
    assert figure(found, "sightline_jobs", kind="video", state="running") == 2
    assert figure(found, "sightline_jobs", kind="video", state="done") == 1
    assert figure(found, "sightline_uploads", state="receiving") == 2
    assert figure(found, "sightline_uploads_bytes", state="receiving") == 150
    assert figure(found, "sightline_database_connections", state="busy") == 0


def test_rows_are_counted_every_ten_seconds_at_most(database: Database) -> None:
    store = StoreNow(database)
    of_collector(store)
    with database.session() as session:
        session.add(JobRow(id="j", kind="video", title="a.mp4", state="queued", unit="segments", created_by="mira"))
    assert ("sightline_jobs", frozenset({("kind", "video"), ("state", "queued")})) not in of_collector(store)


def test_a_database_that_is_gone_is_a_figure_too() -> None:
    with Database("postgresql://nobody@127.0.0.1:9/nothing") as gone:
        found = of_collector(StoreNow(gone))
    assert figure(found, "sightline_database_up") == 0
    assert not any(name == "sightline_jobs" for name, _ in found)


class Cards(Gpus):
    """Two cards, one of which does not say how busy it is."""

    def states(self) -> list[GpuState]:
        return [GpuState(0, "H200", 0.25, 10, 100), GpuState(1, "old", None, 0, 50)]


def test_graphics_cards() -> None:
    found = of_collector(MachineNow(Cards()))
    assert figure(found, "sightline_gpu_busy_ratio", gpu="0", name="H200") == 0.25
    assert figure(found, "sightline_gpu_memory_bytes", gpu="1", name="old") == 50
    assert ("sightline_gpu_busy_ratio", frozenset({("gpu", "1"), ("name", "old")})) not in found


def test_without_a_driver_there_are_no_cards_in_the_figures() -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has a driver")
    found = of_collector(MachineNow(Gpus()))
    assert not any("gpu" in name for name, _ in found)
    assert figure(found, "sightline_machine_cpu_seconds_total", state="busy") > 0


NVML = """
#include <string.h>
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
static const nvmlMemory_t MEMORY = { 150ull << 30, 100ull << 30, 50ull << 30 };
static const nvmlUtilization_t BUSY = { 37, 5 };
static char *const FIRST = (char *)0x7f0000000000;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 3; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = FIRST + index; return index == 1 ? 15 : 0; }
int nvmlDeviceGetMemoryInfo(void *device, nvmlMemory_t *memory) { *memory = MEMORY; return 0; }
int nvmlDeviceGetUtilizationRates(void *device, nvmlUtilization_t *busy) { *busy = BUSY; return device == FIRST + 2 ? 3 : 0; }
int nvmlDeviceGetName(void *device, char *name, unsigned int length) { strncpy(name, "NVIDIA H200", length); return 0; }
"""


def test_the_drivers_library_is_spoken_to_as_its_header_says(tmp_path: Path) -> None:
    """Against a library with the signatures of nvml.h: three cards, of which one is lost and one does not say how busy it is."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler")
    (tmp_path / "nvml.c").write_text(NVML)
    library = tmp_path / "libnvml.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "nvml.c"], check=True)
    assert Gpus(("libnowhere.so.1", str(library))).states() == [
        GpuState(0, "NVIDIA H200", 0.37, 50 << 30, 150 << 30),
        GpuState(2, "NVIDIA H200", None, 50 << 30, 150 << 30),
    ]
