from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.server.jobs.bench import Bench
from tests.server.jobs.waiting import until

from sightline.runtime.cards import load_card
from sightline.runtime.fetch import Fetched
from sightline.runtime.weights import model_path
from sightline.server.jobs import fetches

Make = Callable[..., Bench]
MODEL = "hand_pose_lite"


def test_a_fetch_that_fails_says_why_and_can_be_retried(
    bench: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: Callable[..., None]
) -> None:
    weights(MODEL)
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    shutil.copyfile(model_path(MODEL), mirror / load_card(MODEL).weights.file)
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIGHTLINE_OFFLINE", "1")
    b = bench()
    job = b.runner.fetch_model(MODEL, "mira")
    assert (job.kind, job.title, job.unit, job.created_by) == ("fetch", MODEL, "bytes", "mira")
    failed = b.runner.wait(job.id, 150)
    assert (failed.state, failed.actions) == ("failed", ["retry"])
    assert "SIGHTLINE_OFFLINE" in (failed.detail or "")
    monkeypatch.setenv("SIGHTLINE_MODELS", str(mirror))
    b.runner.act(job.id, "retry", "mira")
    done = b.runner.wait(job.id, 150)
    assert (done.state, done.detail, done.attempts) == ("done", "already there", 2)


def test_progress_cancel_and_restart(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fetch itself is replaced by one that waits; what is tested is the job around it."""
    begun: list[str] = []
    ended = threading.Event()

    def slow(names: Sequence[str], progress: Callable[[str, int, int | None], None]) -> list[Fetched]:
        begun.extend(names)
        try:
            while True:
                progress("half.zip", 50, 100)
                if ended.wait(0.02):
                    return [Fetched(names[0], "fetched")]
        finally:
            begun.append("left")

    monkeypatch.setattr(fetches, "fetch", slow)
    monkeypatch.setattr(fetches, "_TELL_EVERY_S", 0.05)
    b = bench()
    job = b.runner.fetch_model(MODEL, "mira")
    assert b.runner.fetch_model(MODEL, "ben").id == job.id  # one is on its way already
    until(lambda: b.jobs.get(job.id).done == 50)
    told: Any = b.jobs.get(job.id)
    assert (told.state, told.total, told.detail, told.actions) == ("running", 100, "half.zip", ["cancel"])
    assert b.runner.act(job.id, "cancel", "mira").state == "cancelled"
    until(lambda: begun == [MODEL, "left"])
    b.runner.act(job.id, "retry", "mira")
    until(lambda: begun.count(MODEL) == 2)
    b = bench()  # a restart begins it anew
    until(lambda: begun.count(MODEL) == 3)
    ended.set()
    assert b.runner.wait(job.id, 150).state == "done"
