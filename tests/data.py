"""Where tests find real pictures that are not in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_root() -> Path | None:
    """Return the folder of measuring data (``SIGHTLINE_TEST_DATA``, else ``shared/data`` beside the checkout), or None."""
    root = Path(os.environ.get("SIGHTLINE_TEST_DATA", _BESIDE))
    return root if root.is_dir() else None


def shared_data(name: str) -> Path:
    """Return a folder or file of the measuring data, or skip the test and say why."""
    root = shared_root()
    path = None if root is None else root / name
    if path is None or not path.exists():
        pytest.skip(f"measuring data {name!r} is not here (put it beside the checkout as shared/data, or set SIGHTLINE_TEST_DATA)")
    return path
