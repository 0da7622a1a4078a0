"""The peers that benchmarks measure against, each in a virtual environment of its own.

The environment is made once under ``.venvs/peer-<name>`` in the repository's root (which git ignores) with pip, so the
user's index, proxy and certificates hold, and is made again when the pinned requirements change.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "mediapipe": ("mediapipe==0.10.21",),
    "tensorflow": ("tensorflow-cpu==2.21.0", "tf2onnx==1.17.0"),
    "dlib": ("dlib-bin==20.0.1", "numpy>=2.0"),
}
_READY = "peer-requirements.txt"


def peer_python(name: str) -> Path:
    """Return the Python interpreter of a peer's environment, making the environment the first time.

    Parameters
    ----------
    name : str
        A peer with pinned requirements, such as ``"mediapipe"``.

    Raises
    ------
    KeyError
        When there is no peer of that name.
    RuntimeError
        When pip could not install it; the message holds the end of what pip said.
    """
    requirements = _REQUIREMENTS[name]
    folder = ROOT / ".venvs" / f"peer-{name}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "\n".join(requirements) + "\n"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.parent / f"peer-{name}.lock"):
        ready = folder / _READY
        if not (python.exists() and ready.exists() and ready.read_text(encoding="utf-8") == wanted):
            print(f"making {folder} with {', '.join(requirements)} (once)", file=sys.stderr)
            venv.EnvBuilder(with_pip=True, clear=True).create(folder)
            _install(python, requirements)
            ready.write_text(wanted, encoding="utf-8")
    return python


def run_peer(name: str, script: Path, request: Any, *, timeout_s: float = 3600) -> Any:
    """Run a script in a peer's environment: it is given the paths of two JSON files, the request and where to answer.

    Parameters
    ----------
    name : str
        The peer.
    script : Path
        A Python file that imports only what the peer's environment has.
    request : object
        What the script reads, as JSON values.
    timeout_s : float
        It is stopped after this many seconds.

    Returns
    -------
    object
        What the script wrote.

    Raises
    ------
    RuntimeError
        When the script failed; the message holds the end of what it said.
    """
    python = peer_python(name)
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps(request), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        command = [str(python), str(script), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False)
        if done.returncode != 0 or not answered.exists():
            raise RuntimeError(f"{script.name} failed in the peer's environment ({done.returncode}):\n{done.stderr[-2000:]}")
        return json.loads(answered.read_text(encoding="utf-8"))


class PeerProcess:
    """A script that stays open in a peer's environment: one JSON question a line on its stdin, one JSON answer a line on its stdout.

    Parameters
    ----------
    name : str
        The peer.
    script : Path
        A Python file that imports only what the peer's environment has.
    """

    def __init__(self, name: str, script: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([str(peer_python(name)), str(script)], text=True, env=environment, **pipes)

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send a question, return the answer.

        Raises
        ------
        RuntimeError
            When the script ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer's process has no pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the peer's process ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)


@contextlib.contextmanager
def processors(count: int) -> Iterator[None]:
    """Keep this process, and those it starts, on some processors (where the system can)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _install(python: Path, requirements: Sequence[str]) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"pip could not install {' '.join(requirements)}:\n{done.stderr[-2000:]}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep two benchmarks from making the same environment at once (where the system has file locks)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
