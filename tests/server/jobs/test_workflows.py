from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tests.databases import TestServer
from tests.server.jobs.waiting import until

from sightline.server.jobs.workflows import Closing, Kind, Workflows
from sightline.store.database import Database


@contextmanager
def launched(url: Any, kinds: dict[str, Kind]) -> Iterator[Workflows]:
    works = Workflows(url, kinds, {"line": 1})
    works.launch()
    try:
        yield works
    finally:
        works.destroy()


def test_a_body_that_is_left_by_closing_goes_on_at_the_next_launch(
    embedded_postgres: TestServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    url, log = embedded_postgres.fresh(), list[tuple[str, int, int]]()
    closing, begun = threading.Event(), threading.Event()
    works: Workflows

    def body(job_id: str, attempt: int) -> None:
        for n in range(3):
            works.step(f"step {n}", lambda n=n: log.append((job_id, attempt, n)))
            if n == 1 and not closing.is_set():
                begun.set()
                closing.wait(30)
                raise Closing

    with launched(url, {"work": Kind(body, "line")}) as works:
        works.begin("work", "a", 1)
        works.begin("work", "a", 1)  # the same attempt is not begun twice
        works.begin("work", "b", 1)
        assert begun.wait(30)
        assert works.is_under_way("a", 1)
        assert works.is_under_way("b", 1)  # it waits: one at a time
        assert not works.is_under_way("c", 1)
        closing.set()
    with launched(url, {"work": Kind(body, "line")}) as works:
        until(lambda: not works.is_under_way("a", 1) and not works.is_under_way("b", 1))
        assert sorted(log) == [(job, 1, n) for job in "ab" for n in range(3)]  # no step was done twice
        assert works.tidy(timedelta(days=1)) == 0
        assert works.tidy(timedelta(0)) == 2
        with Database(url, pool_size=1) as database, database.session() as session:
            assert session.scalar(text("SELECT count(*) FROM dbos.workflow_status")) == 0
    embedded_postgres.drop(url)
    assert capfd.readouterr() == ("", "")  # what it says goes the way of our own log
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_an_attempt_that_lost_the_database_is_over_and_another_can_be_begun(embedded_postgres: TestServer) -> None:
    url, done = embedded_postgres.fresh(), list[int]()
    works: Workflows

    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("No such file or directory"))

    def body(job_id: str, attempt: int) -> None:
        if attempt == 1:
            works.step("first", away)
        done.append(attempt)

    with launched(url, {"work": Kind(body, "line")}) as works:
        works.begin("work", "a", 1)
        until(lambda: not works.is_under_way("a", 1))
        works.begin("work", "a", 2)
        until(lambda: not works.is_under_way("a", 2))
    assert done == [2]
    embedded_postgres.drop(url)
