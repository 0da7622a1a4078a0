"""The one place that speaks to Ray."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from sightline.analysis.archive.worker import ArchiveWorker, WorkerSetup
from sightline.core.errors import ClusterError, DeviceError, MissingExtraError

LOCAL = "local"
_STORE_BYTES = 256 << 20
_KNOCK_S = 10.0
_TOKEN = "; where the cluster asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
_PASSED_ON = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")


class Cluster:
    """A Ray cluster that does tasks of an archive; connected inside a ``with`` block.

    Parameters
    ----------
    address : str
        As ``ray.init`` takes it, or ``"local"`` to start Ray on this machine for as long as the block lasts.
    threads : int
        Processors of one worker.
    device : str
        ``"cuda"``: every worker gets a GPU of its own.

    Raises
    ------
    MissingExtraError
        When Ray is not installed.
    """

    def __init__(self, address: str, *, threads: int, device: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing about this machine goes anywhere
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is told by exceptions
        try:
            import ray
            import ray.data
        except ImportError as error:
            raise MissingExtraError("cluster", "--ray") from error
        self._ray: Any = ray
        self._address, self._threads, self._gpus = address, threads, 1 if device == "cuda" else 0
        self._is_ours = False

    def __enter__(self) -> Self:
        """Connect.

        Raises
        ------
        ClusterError
            When nothing answers at the address.
        """
        ray = self._ray
        how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._address == LOCAL:
            how |= {"address": LOCAL, "include_dashboard": False, "_node_ip_address": "127.0.0.1", "object_store_memory": _STORE_BYTES}
        else:
            passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            how |= {"address": self._address, **({"runtime_env": {"env_vars": passed_on}} if passed_on else {})}
        if not ray.is_initialized():
            try:
                _knock(self._address)
                ray.init(**how)
            except (OSError, RuntimeError, ValueError, ImportError, ray.exceptions.RayError) as error:
                raise ClusterError(
                    f"--ray {self._address}: no Ray cluster answers there ({_short(error)}){'' if self._address == LOCAL else _TOKEN}"
                ) from error
            self._is_ours = True
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._is_ours:
            self._ray.shutdown()

    @property
    def workers(self) -> int:
        """How many workers the cluster has room for.

        Raises
        ------
        DeviceError
            When GPUs were asked for and no machine has one.
        ClusterError
            When no machine has as many processors as one worker is to have.
        """
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if self._gpus and not any(m.get("GPU", 0) >= 1 for m in machines):
            raise DeviceError("cuda was asked for, and no machine of the cluster has a GPU; use --device auto or cpu")
        room = sum(int(m.get("CPU", 0)) // self._threads for m in machines)
        if not room:
            raise ClusterError(f"--ray {self._address}: no machine of the cluster has {self._threads} processors; use fewer --threads")
        return min(room, sum(int(m.get("GPU", 0)) for m in machines)) if self._gpus else room

    def map(self, setup: WorkerSetup, tasks: list[str]) -> Iterator[str]:
        """Do tasks side by side; yield what came of them as it comes. A task whose worker dies is done again by another.

        Raises
        ------
        ClusterError
            When the cluster is lost.
        """
        if not tasks:
            return
        ray = self._ray
        pool = ray.data.ActorPoolStrategy(min_size=1, max_size=min(self.workers, len(tasks)), max_tasks_in_flight_per_actor=1)
        try:
            todo = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=len(tasks))
            done = todo.map(ArchiveWorker, fn_constructor_args=(setup,), compute=pool, num_cpus=self._threads, num_gpus=self._gpus or None)
            for row in done.iter_rows():
                yield row["done"]
        except ray.exceptions.RayError as error:
            raise ClusterError(f"--ray {self._address}: the cluster gave up ({_short(error)}); run the same command again") from error


def _knock(address: str) -> None:
    """Find out at once whether anything listens at ``host:port``; Ray itself would try for minutes.

    Raises
    ------
    OSError
        When nothing does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_KNOCK_S).close()


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
