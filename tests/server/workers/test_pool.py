"""Workers under harm: real processes that crash, hang, grow, are killed or forge their answers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.server.workers.conftest import ROOT

from sightline.core.errors import (
    InvalidInputError,
    MediaFormatError,
    QueueFullError,
    ServiceError,
    WorkerCrashedError,
    WorkerMemoryError,
    WorkerTimeoutError,
)
from sightline.server.workers import Observation, WorkerLimits, Workers

MIB = 1 << 20
Make = Callable[..., Workers]
linux = pytest.mark.skipif(sys.platform != "linux", reason="this limit is Linux's")


def test_arguments_and_results_come_through(rough: Make) -> None:
    pool, data = rough(), os.urandom(3 * MIB)
    assert pool.run_sync("back", data=data) == data
    assert pool.run_sync("back", data=memoryview(data)[5:99]) == data[5:99]
    found = pool.run_sync("echo", value={"path": Path("a/é"), "sizes": (1, 2)}, data=b"abc")
    assert (found["value"], found["length"]) == ({"path": "a/é", "sizes": [1, 2]}, 3)
    assert asyncio.run(pool.run("echo", value=1))["value"] == 1


def test_lanes_have_processes_of_their_own(rough: Make) -> None:
    pool = rough()
    quick, slow = (pool.run_sync("facts", lane=lane) for lane in ("interactive", "batch"))
    assert len({quick["pid"], slow["pid"], os.getpid()}) == 3
    assert slow["nice"] > quick["nice"]
    with ThreadPoolExecutor(1) as threads:
        long = threads.submit(pool.run_sync, "echo", lane="batch", delay_s=1.0)
        pool.run_sync("echo")
        assert not long.done()
        long.result()


@linux
def test_a_worker_gives_up_what_it_does_not_need(rough: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DATABASE_URL", "postgresql://u:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = rough(limits=WorkerLimits(file_bytes=MIB)).run_sync("facts")
    assert "secret" not in str(found["environment"])
    assert found["environment"]["SIGHTLINE_OFFLINE"] == "1"
    assert (found["core"], found["file"], found["stdin"]) == ([0, 0], [MIB, MIB], "")
    assert found["main"] == "sightline.server.workers.worker"  # an interpreter of its own: not forked, not this test's main module
    assert found["no_new_rights"]


@pytest.mark.parametrize("harm", ["exit_at_once", "segfault", "unexpected"])
def test_a_crash_costs_one_task(rough: Make, harm: str) -> None:
    pool = rough()
    before = pool.run_sync("echo")["pid"]

    async def all_of_them() -> list[Any]:
        tasks = [pool.run("echo", value=i, delay_s=0.02) for i in range(6)]
        tasks.insert(3, pool.run(harm))
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(all_of_them())
    crash = found.pop(3)
    assert isinstance(crash, WorkerCrashedError)
    assert crash.task == harm
    assert [f["value"] for f in found] == list(range(6))
    assert (pool.run_sync("echo")["pid"] == before) == (harm == "unexpected")


def test_a_process_that_died_while_idle_is_replaced(rough: Make) -> None:
    pool = rough()
    first = pool.run_sync("echo")["pid"]
    psutil.Process(first).kill()
    time.sleep(0.2)
    assert pool.run_sync("echo")["pid"] != first


@pytest.mark.parametrize("harm", ["spin", "hold_the_gil"])
def test_work_that_does_not_end_is_ended(rough: Make, harm: str) -> None:
    pool = rough()
    first = pool.run_sync("echo")["pid"]
    began = time.monotonic()
    with pytest.raises(WorkerTimeoutError, match=r"longer than 0.5 s"):
        pool.run_sync(harm, timeout_s=0.5)
    assert time.monotonic() - began < 5.0
    assert not psutil.pid_exists(first)
    assert pool.run_sync("echo")["value"] is None


@pytest.mark.parametrize(
    ("harm", "arguments"),
    [
        pytest.param("reserve", {"mebibytes": 3000}, marks=linux, id="at once"),
        pytest.param("touch", {"mebibytes": 3000}, id="bit by bit"),
        pytest.param("mapped", {"mebibytes": 900}, id="where only the resident size tells"),
        pytest.param("out_of_memory_in_c", {}, id="in C++"),
    ],
)
def test_work_that_takes_too_much_memory_is_ended(rough: Make, harm: str, arguments: dict[str, Any]) -> None:
    pool = rough(limits=WorkerLimits(memory_bytes=512 * MIB, recycle_bytes=400 * MIB, timeout_s=20.0, watch_s=0.02))
    with pytest.raises(WorkerMemoryError):
        pool.run_sync(harm, **arguments)
    assert pool.run_sync("touch", mebibytes=20) == 20


def test_a_process_that_has_grown_is_replaced_after_its_task(rough: Make) -> None:
    pool = rough(limits=WorkerLimits(recycle_bytes=300 * MIB))
    first = pool.run_sync("keep", mebibytes=50)
    assert pool.run_sync("keep", mebibytes=300) == first
    assert pool.run_sync("echo")["pid"] != first
    assert psutil.Process(pool.run_sync("echo")["pid"]).memory_info().rss < 200 * MIB


@linux
@pytest.mark.parametrize("what", ["garbage", "huge", "deep"])
def test_forged_answers_do_no_harm(rough: Make, what: str) -> None:
    pool = rough(limits=WorkerLimits(timeout_s=3.0))
    with pytest.raises(WorkerCrashedError):
        pool.run_sync("forged", what=what)
    assert pool.run_sync("echo", value=1)["value"] == 1


def test_what_libraries_print_is_no_answer(rough: Make) -> None:
    assert rough().run_sync("forged", what="noise") == "fine"


def test_a_full_queue_says_when_to_come_again(rough: Make) -> None:
    pool = rough(limits=WorkerLimits(queue=3))
    pool.run_sync("echo")

    async def burst() -> list[Any]:
        first = asyncio.ensure_future(pool.run("echo", delay_s=0.5))
        await asyncio.sleep(0.2)
        return await asyncio.gather(first, *(pool.run("echo", value=i) for i in range(6)), return_exceptions=True)

    found = asyncio.run(burst())
    refused = [f for f in found if isinstance(f, QueueFullError)]
    assert len(refused) == 3
    assert all(1.0 <= r.retry_after_s <= 60.0 for r in refused)
    assert [f["value"] for f in found[1:4]] == [0, 1, 2]


def test_the_bytes_that_wait_are_bounded(rough: Make) -> None:
    pool = rough(limits=WorkerLimits(queue_bytes=2 * MIB))
    pool.run_sync("echo")

    async def burst() -> list[Any]:
        first = asyncio.ensure_future(pool.run("echo", delay_s=0.5))
        await asyncio.sleep(0.2)
        return await asyncio.gather(first, *(pool.run("back", data=bytes(MIB)) for _ in range(4)), return_exceptions=True)

    assert [type(f).__name__ for f in asyncio.run(burst())[1:]] == ["bytes", "QueueFullError", "QueueFullError", "QueueFullError"]


def test_a_cancelled_caller_takes_its_task_out_of_the_queue(rough: Make) -> None:
    seen: list[Observation] = []
    pool = rough(observe=seen.append)
    pool.run_sync("echo")

    async def leave() -> None:
        running = asyncio.ensure_future(pool.run("echo", value="running", delay_s=0.4))
        waiting = [asyncio.ensure_future(pool.run("echo", value=i)) for i in range(5)]
        await asyncio.sleep(0.1)
        assert pool.statistics().lanes["interactive"].waiting == 5
        running.cancel()
        for task in waiting[:4]:
            task.cancel()
        await asyncio.sleep(0.01)
        assert pool.statistics().lanes["interactive"].waiting == 1
        assert (await waiting[4])["value"] == 4

    asyncio.run(leave())
    assert len(seen) == 3


def test_results_are_never_mixed_up(rough: Make) -> None:
    pool = rough(2, 1)

    def ask(i: int) -> bool:
        lane = ("interactive", "batch")[i % 2]
        if i % 3:
            return bool(pool.run_sync("back", lane=lane, data=i.to_bytes(4, "little") * 2000) == i.to_bytes(4, "little") * 2000)
        return bool(pool.run_sync("echo", lane=lane, value=i, delay_s=0.002)["value"] == i)

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask, range(400)))


def test_a_session_stays_with_its_process(rough: Make) -> None:
    pool = rough(3, 1)
    names = [f"s{i % 6}" for i in range(60)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda name: pool.run_sync("echo", session=name, delay_s=0.005), names))
    homes = {name: {f["pid"] for f in found if f["session"] == name} for name in set(names)}
    assert all(len(pids) == 1 for pids in homes.values())
    assert sorted(sum(pid in pids for pids in homes.values()) for pid in {f["pid"] for f in found}) == [2, 2, 2]


def test_live_frames_do_not_wait_for_all_pictures(rough: Make) -> None:
    pool = rough()
    pool.run_sync("echo")

    async def both() -> int:
        pictures = [asyncio.ensure_future(pool.run("echo", delay_s=0.02)) for _ in range(40)]
        await asyncio.sleep(0.03)
        for i in range(3):
            await pool.run("echo", session="camera", value=i)
        done = sum(p.done() for p in pictures)
        await asyncio.gather(*pictures)
        return done

    assert asyncio.run(both()) <= 8


def test_errors_of_tasks_come_back_as_themselves(rough: Make, tmp_path: Path) -> None:
    pool, path = rough(), tmp_path / "0f3a"
    path.write_text("no picture")
    with pytest.raises(MediaFormatError, match=r"^notes\.jpg: is neither") as caught:
        pool.run_sync("inspect", path=path, name="notes.jpg")
    assert caught.value.source == "notes.jpg"
    with pytest.raises(InvalidInputError, match="no task 'paint'"):
        pool.run_sync("paint")
    with pytest.raises(InvalidInputError, match="lane must be"):
        pool.run_sync("echo", lane="express")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot be sent"):
        pool.run_sync("echo", value=object())


def test_statistics_and_observations(rough: Make) -> None:
    seen: list[Observation] = []
    pool = rough(observe=seen.append)
    pool.start()
    pool.run_sync("echo", delay_s=0.1)
    with pytest.raises(WorkerCrashedError):
        pool.run_sync("exit_at_once", lane="batch")
    pool.run_sync("echo", lane="batch")
    found = pool.statistics()
    assert found.tasks["echo"].count == 2
    assert 0.1 < found.tasks["echo"].took_s < 1.0
    assert found.tasks["exit_at_once"].errors == 1
    assert [(o.task, o.lane, o.error) for o in seen] == [
        ("echo", "interactive", None),
        ("exit_at_once", "batch", "WorkerCrashedError"),
        ("echo", "batch", None),
    ]
    assert [(p.lane, p.starts) for p in found.processes] == [("interactive", 1), ("batch", 2)]
    assert all(p.pid and p.rss_bytes > 10 * MIB for p in found.processes)


def test_closing_refuses_what_waits_and_leaves_no_process(rough: Make) -> None:
    pool = rough()
    pids = [pool.run_sync("echo", lane=lane)["pid"] for lane in ("interactive", "batch")]

    async def close() -> list[Any]:
        tasks = [asyncio.ensure_future(pool.run("echo", value=i, delay_s=0.4)) for i in range(3)]
        await asyncio.sleep(0.1)
        await asyncio.to_thread(pool.close)
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(close())
    assert found[0]["value"] == 0
    assert all(isinstance(f, QueueFullError) for f in found[1:])
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(ServiceError, match="about to stop"):
        pool.run_sync("echo")


def test_closing_does_not_wait_for_ever(rough: Make) -> None:
    pool = rough()
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(pool.run_sync, "spin")
        time.sleep(1.0)
        began = time.monotonic()
        pool.close(grace_s=0.2)
        assert time.monotonic() - began < 5.0
        with pytest.raises(WorkerCrashedError):
            stuck.result()


@linux
def test_workers_die_with_the_server(tmp_path: Path) -> None:
    code = (
        "import threading, time\n"
        "from sightline.server.workers import Workers\n"
        "pool = Workers(tasks='tests.server.workers.rough_tasks')\n"
        "pids = [pool.run_sync('echo', lane=lane)['pid'] for lane in ('interactive', 'batch')]\n"
        "threading.Thread(target=lambda: pool.run_sync('hold_the_gil', lane='batch'), daemon=True).start()\n"
        "time.sleep(0.3)\n"
        "print(*pids, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        pids = [int(p) for p in server.stdout.readline().split()]
        assert len(pids) == 2
        assert all(psutil.pid_exists(p) for p in pids)
        server.send_signal(signal.SIGKILL)
        server.wait()
        deadline = time.monotonic() + 5
        while any(psutil.pid_exists(p) for p in pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(psutil.pid_exists(p) for p in pids)


def test_a_call_costs_little(rough: Make) -> None:
    """A round trip through queue and pipes; the best of many, as the machine may be busy."""
    pool, picture = rough(), bytes(100_000)
    pool.run_sync("back", data=picture)
    took = []
    for _ in range(200):
        began = time.perf_counter()
        pool.run_sync("back", data=picture)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.001


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        Workers(0, 1)
    with pytest.raises(InvalidInputError):
        WorkerLimits(queue=0)
