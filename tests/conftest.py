"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sightline.runtime.cards import card_names
from sightline.runtime.weights import state


@pytest.fixture(scope="session")
def weights() -> Callable[..., None]:
    """Return a function that skips the test, with the reason, when a model it names is not on this machine."""

    def need(*names: str) -> None:
        for name in names:
            assert name in card_names(), f"no card named {name!r}"
            if (found := state(name)) != "ready":
                pytest.skip(f"weights of {name} are {found}: sightline models fetch {name}")

    return need
