"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable

import hypothesis
import pytest

from sightline.runtime.cards import card_names
from sightline.runtime.weights import state

# The same examples each time in CI, so that a failure there is about the change; fresh ones elsewhere. Loaded machines are slow.
hypothesis.settings.register_profile("fresh", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "fresh")


@pytest.fixture(scope="session")
def weights() -> Callable[..., None]:
    """Return a function that skips the test, with the reason, when a model it names is not on this machine."""

    def need(*names: str) -> None:
        for name in names:
            assert name in card_names(), f"no card named {name!r}"
            if (found := state(name)) != "ready":
                pytest.skip(f"weights of {name} are {found}: sightline models fetch {name}")

    return need
