"""Fixtures of the archives' tests."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from skimage.data import astronaut
from tests.object_store import CREDENTIALS

from sightline.media.images import write_image

if TYPE_CHECKING:
    from tests.object_store import TestStore

pytest.importorskip("pyarrow")


@pytest.fixture(scope="session")
def s3() -> Iterator[TestStore]:
    """An S3-compatible store."""
    pytest.importorskip("moto")
    from tests.object_store import object_store

    with object_store() as store:
        yield store


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of seven pictures of one face and three of none, in two folders, and something that is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "deep").mkdir()
    for n in range(7):
        write_image(folder / ("deep" if n % 2 else ".") / f"face{n}.png", astronaut()[: 300 + n, : 400 + n])
    for n in range(3):
        write_image(folder / f"none{n}.png", np.full((60, 80 + n, 3), 90, np.uint8))
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    return folder


@dataclass(frozen=True)
class Head:
    """A running Ray head node with two processors."""

    address: str
    env: dict[str, str]
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def ray_head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """Start Ray in processes of its own, with a token of its own."""
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    env = {**os.environ, **token, **CREDENTIALS}  # those of the tests' object store: a cluster has its own
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", f"--port={port}", "--num-cpus=2", "--block"]
    limits = ["--include-dashboard=false", "--object-store-memory=200000000", "--node-ip-address=127.0.0.1"]
    log = (tmp_path_factory.mktemp("ray") / "head.log").open("wb")
    process = subprocess.Popen([*command, *limits], stdout=log, stderr=log, env=env, start_new_session=True)
    until = time.monotonic() + 60
    log_path = Path(log.name)
    while b"Ray runtime started" not in log_path.read_bytes():
        assert process.poll() is None, log_path.read_text()
        assert time.monotonic() < until, log_path.read_text()
        time.sleep(0.1)
    yield Head(f"127.0.0.1:{port}", env, process)
    ours = [process, *psutil.Process(process.pid).children(recursive=True)]  # a polite end takes Ray half a minute
    for one in ours:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(60)
    log.close()
