"""Fixtures of the store's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.object_store import TestStore

    from sightline.store.blobs import BlobStore


@pytest.fixture(scope="session")
def s3() -> Iterator[TestStore]:
    """An S3-compatible store."""
    pytest.importorskip("moto")
    from tests.object_store import object_store

    with object_store() as store:
        yield store


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty store of files, once in a folder and once in an object store."""
    from sightline.store.blobs import open_blobs

    return open_blobs(None if request.param == "local" else request.getfixturevalue("s3").fresh(), tmp_path)
