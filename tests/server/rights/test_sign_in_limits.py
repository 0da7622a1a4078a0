from __future__ import annotations

import threading

import pytest

from sightline.core.errors import TooManyTriesError
from sightline.server.sign_in_limits import ADDRESS, NAME, SignInLimits


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


def wait(limits: SignInLimits, name: str | None, address: str) -> float:
    try:
        limits.try_once(name, address)
    except TooManyTriesError as error:
        return error.retry_after_s
    return 0.0


def test_the_wait_doubles_up_to_a_minute_for_a_name() -> None:
    clock = Clock()
    limits = SignInLimits(clock)
    waits = []
    for number in range(14):
        waits.append(wait(limits, "mira", f"10.0.0.{number}"))  # each from elsewhere
        clock.time += waits[-1]
        if waits[-1]:
            assert wait(limits, "mira", f"10.0.0.{number}") == 0
    assert waits == [0] * NAME.free + [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_address_that_tries_many_names_must_wait_longer() -> None:
    clock = Clock()
    limits = SignInLimits(clock)
    for number in range(ADDRESS.free):
        assert wait(limits, f"user{number}", "10.0.0.1") == 0
    assert wait(limits, "another", "10.0.0.1") == 1
    assert wait(limits, "another", "10.0.0.2") == 0
    for _ in range(9):
        clock.time += wait(limits, None, "10.0.0.1")
        assert wait(limits, None, "10.0.0.1") == 0
    assert wait(limits, None, "10.0.0.1") > 500


def test_old_failures_are_forgotten_and_success_forgives() -> None:
    clock = Clock()
    limits = SignInLimits(clock)
    for _ in range(NAME.free):
        limits.try_once("mira", "10.0.0.1")
    assert wait(limits, "mira", "10.0.0.1") > 0
    clock.time += NAME.window_s
    assert wait(limits, "mira", "10.0.0.1") == 0
    limits.succeeded("mira", "10.0.0.1")
    assert not limits._failures


def test_a_stranger_cannot_lock_somebody_out_where_they_sign_in() -> None:
    limits = SignInLimits(Clock())
    limits.try_once("mira", "10.0.0.1")
    limits.succeeded("mira", "10.0.0.1")
    for _ in range(NAME.free):
        limits.try_once("mira", "10.9.9.9")
    assert wait(limits, "mira", "10.9.9.9") > 0
    assert wait(limits, "mira", "10.0.0.1") == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_who_has_a_whole_network_counts_once(one: str, other: str, same: bool) -> None:
    limits = SignInLimits(Clock())
    for _ in range(ADDRESS.free):
        limits.try_once(None, one)
    assert (wait(limits, None, other) > 0) is same


def test_many_at_once_do_not_slip_through() -> None:
    limits, passed = SignInLimits(Clock()), []
    start = threading.Barrier(30)

    def work() -> None:
        start.wait()
        if wait(limits, "mira", "10.0.0.1") == 0:
            passed.append(1)

    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == NAME.free


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.server.sign_in_limits.MOST_REMEMBERED", 50)
    limits = SignInLimits(Clock())
    for number in range(500):
        limits.try_once(f"user{number}", f"10.0.{number // 256}.{number % 256}")
        limits.succeeded(f"user{number}", f"10.0.{number // 256}.{number % 256}")
        limits.try_once(f"other{number}", f"10.1.{number // 256}.{number % 256}")
    assert len(limits._failures) <= 50
    assert len(limits._friends) <= 50
