"""Running the server until it is told to stop."""

from __future__ import annotations

import logging
import logging.handlers
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from sightline.core.errors import ConflictError, InvalidInputError, MediaWriteError, SightlineError
from sightline.server.app import create_app
from sightline.server.bring import bring_in
from sightline.server.config import ServerConfig
from sightline.server.live import SOCKET_OPTIONS
from sightline.server.services import Services, open_services

logger = logging.getLogger(__name__)

Told = Callable[[str, str], None]
"""Is given what people should know: kind (address, note, warning, error) and one line."""

LOG_NAME = "server.log"
_LOG_BYTES, _LOGS_KEPT = 10 << 20, 3
_SECONDS_TO_FINISH = 5


def run(config: ServerConfig, paths: Sequence[Path], told: Told) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM).

    Parameters
    ----------
    config : ServerConfig
    paths : sequence of Path
        Files and folders to bring in and analyse; what is there already is passed over.
    told : callable
        Is given what people should know.

    Raises
    ------
    ConflictError
        When the address is taken, or another server uses the data folder.
    InvalidInputError
        When the address cannot be listened on.
    StoreUnavailableError
        When the database or the media store cannot be reached.
    """
    with _listening(config) as listener, _alone(config), _logged(config), open_services(config) as services:
        token = services.accounts.first_start()
        app = create_app(services)
        services.runner.start()
        stop = threading.Event()
        helpers = [threading.Thread(target=_bring, args=(services, paths, told), daemon=True)]
        helpers.append(threading.Thread(target=services.retention.run_forever, args=(stop,), daemon=True))
        helpers.append(threading.Thread(target=services.intake.run_forever, args=(stop,), daemon=True))
        for helper in helpers:
            helper.start()
        _greet(config, listener, token, services, told)
        try:
            uvicorn.Server(_uvicorn(app, config)).run(sockets=[listener])
        finally:
            stop.set()


def _uvicorn(app: object, config: ServerConfig) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",  # has a limit on heads; what uvicorn would take in its place where it is installed has none
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=config.https,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        **SOCKET_OPTIONS,
    )


@contextmanager
def _listening(config: ServerConfig) -> Iterator[socket.socket]:
    """Take the port first, so that a second start fails before it touches anything."""
    try:
        family = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((config.host, config.port), family=family, backlog=2048)
    except socket.gaierror as error:
        raise InvalidInputError(f"--host {config.host}: {error.strerror}") from error
    except OSError as error:
        raise ConflictError(f"{config.host}:{config.port} cannot be listened on ({error.strerror}); choose another --port") from error
    with listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer on a kept connection waits 40 ms
        yield listener


@contextmanager
def _alone(config: ServerConfig) -> Iterator[None]:
    """Hold the data folder for this process."""
    try:
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(config.data / "server.lock", blocking=False)
        lock.acquire()
    except Timeout:
        raise ConflictError(f"{config.data} is used by another server that runs") from None
    except OSError as error:
        raise MediaWriteError(config.data, f"cannot hold the server's data: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _logged(config: ServerConfig) -> Iterator[None]:
    handler = logging.handlers.RotatingFileHandler(config.data / LOG_NAME, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()


def _greet(config: ServerConfig, listener: socket.socket, token: str | None, services: Services, told: Told) -> None:
    port = listener.getsockname()[1]
    host = config.host if config.host not in ("0.0.0.0", "::") else socket.gethostname()
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    if token is not None:
        told("address", f"{address}#token={token}")
        told(
            "note",
            "This address signs you in as the owner and is shown once; keep it to yourself. `sightline users token` makes a new one.",
        )
    else:
        told("address", address)
        told("note", "Sign in as before; `sightline users token` makes a new token for the owner.")
    if not config.https and config.host not in ("127.0.0.1", "::1", "localhost"):
        told("warning", "Other machines can reach this server without encryption; put it behind a proxy with https and say --https.")
    told("note", f"Data: {config.data}. Ctrl-C stops the server; unfinished work goes on at the next start.")


def _bring(services: Services, paths: Sequence[Path], told: Told) -> None:
    """Bring files in; one that cannot be read does not keep the others out."""
    for path in paths:
        try:
            bring_in(services, path)
        except SightlineError as error:
            told("error", f"error: {error}")
        except Exception:
            logger.exception("%s could not be brought in", path)
            told("error", f"error: {path} could not be brought in; {LOG_NAME} holds more")
