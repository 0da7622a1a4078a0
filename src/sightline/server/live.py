"""Live pictures: newest-only slots and turns at the workers."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from sightline.analysis.document import Kind
from sightline.analysis.writer import compact
from sightline.core.errors import ImageDecodeError, MediaFormatError, QueueFullError, SightlineError
from sightline.media.headers import read_header
from sightline.media.limits import ImageLimits
from sightline.server.workers import Workers

logger = logging.getLogger(__name__)

SOCKET_OPTIONS: dict[str, Any] = {
    "ws_max_size": 16 << 20,
    "ws_max_queue": 2,
    "ws_per_message_deflate": False,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
"""For uvicorn: what one socket may hold in memory; JPEG cannot be deflated further."""

_HEADER_BYTES = 1 << 16
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class LiveLimits:
    """What one live socket may cost.

    Parameters
    ----------
    frame_bytes : int
        Largest encoded frame.
    frame_pixels : int
        Largest width x height of a frame.
    hello_s, idle_s : float
        Until the first message, and between frames, seconds; then the socket is closed.
    send_s : float
        Until a client must have taken an answer, seconds.
    failures : int
        Frames in a row that may end or hang a worker process; then the socket is closed.
    """

    frame_bytes: int = 8 << 20
    frame_pixels: int = 4096 * 4096
    hello_s: float = 10.0
    idle_s: float = 60.0
    send_s: float = 20.0
    failures: int = 3


class Newest(Generic[_Item]):
    """Holds one thing; a newer one takes the place of one that waits.

    Examples
    --------
    >>> slot = Newest[str]()
    >>> slot.put("first"), slot.put("second"), slot.take()
    (False, True, 'second')
    """

    def __init__(self) -> None:
        self._item: _Item | None = None
        self._filled = asyncio.Event()

    def put(self, item: _Item) -> bool:
        """Keep this one; return whether one that waited is lost."""
        lost, self._item = self._item is not None, item
        self._filled.set()
        return lost

    async def wait(self) -> None:
        """Wait until there is one."""
        await self._filled.wait()

    def take(self) -> _Item:
        """Return the one that is there."""
        item, self._item = self._item, None
        self._filled.clear()
        if item is None:
            raise LookupError("there is nothing")
        return item


class Rate:
    """Events a second over the last few seconds.

    Examples
    --------
    >>> rate = Rate(2.0)
    >>> [rate.tick(now_s) for now_s in (0.0, 0.5, 1.0)]
    [0.0, 2.0, 2.0]
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._times_s: deque[float] = deque()

    def tick(self, now_s: float) -> float:
        """Count one event and return the rate from the first to this one."""
        self._times_s.append(now_s)
        self._forget(now_s)
        passed_s = now_s - self._times_s[0]
        return (len(self._times_s) - 1) / passed_s if passed_s > 0 else 0.0

    def share(self, now_s: float) -> float:
        """Return the events of the whole window, a second."""
        self._forget(now_s)
        return len(self._times_s) / self._window_s

    def _forget(self, now_s: float) -> None:
        while self._times_s and self._times_s[0] < now_s - self._window_s:
            self._times_s.popleft()


@dataclass
class LiveCounts:
    """Frames since the server was started.

    Parameters
    ----------
    looked, dropped, refused : int
        Looked at; passed over because a newer one came; not to be used.
    sockets : int
        Open now.
    """

    looked: int = 0
    dropped: int = 0
    refused: int = 0
    sockets: int = 0


@dataclass(frozen=True)
class Look:
    """What a worker found in one live frame."""

    size_wh: tuple[int, int]
    findings: dict[str, Any]
    took_ms: float


class LiveHub:
    """All live sockets of a server, and their turns at the workers.

    A frame is handed to the workers only when one of them is about to be free, and then the newest of its socket; sockets
    take turns in the order in which their frames came, so that with any number of them each is served as often as the others.

    Parameters
    ----------
    workers : Workers
    processes : int
        Processes of the interactive lane.
    limits : LiveLimits
    """

    def __init__(self, workers: Workers, processes: int, limits: LiveLimits | None = None) -> None:
        self.limits, self.counts = limits or LiveLimits(), LiveCounts()
        self._workers = workers
        self._turns = asyncio.Semaphore(processes + 1)  # one more, so that a process never waits for this one
        self._image_limits = ImageLimits(max_bytes=self.limits.frame_bytes, max_pixels=self.limits.frame_pixels)
        self._background: set[asyncio.Task[None]] = set()

    @contextmanager
    def place(self, most: int) -> Iterator[None]:
        """Take a place among the live sockets.

        Raises
        ------
        QueueFullError
            When there are so many already.
        """
        if self.counts.sockets >= most:
            raise QueueFullError(f"{most} live connections are open already; try again later", 5.0)
        self.counts.sockets += 1
        try:
            yield
        finally:
            self.counts.sockets -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is one's turn at the workers."""
        async with self._turns:
            yield

    async def look(self, session: str, jpeg: bytes, only: Sequence[Kind], time_s: float, *, landmarks: bool = False) -> Look:
        """Have one frame looked at.

        Raises
        ------
        MediaFormatError, ImageDecodeError
            When it is no whole JPEG.
        MediaLimitError
            When it has too many bytes or pixels.
        WorkerError
            When it ended or hung the process.
        QueueFullError
            When the workers are not to be had.
        """
        self._check(jpeg)
        found = await self._workers.run(
            "live_frame", lane="interactive", session=session, jpeg=jpeg, only=list(only), time_s=time_s, landmarks=landmarks
        )
        self.counts.looked += 1
        width, height = found["size_wh"]
        return Look((width, height), found["findings"], found["look_ms"])

    def _check(self, jpeg: bytes) -> None:
        if jpeg[:3] != b"\xff\xd8\xff":
            raise MediaFormatError("frame", "expected a JPEG picture")
        self._image_limits.check_bytes("frame", len(jpeg))
        try:
            header = read_header("frame", jpeg[:_HEADER_BYTES])
        except ImageDecodeError:  # its size may stand behind a long colour profile
            header = read_header("frame", jpeg)
        self._image_limits.check_pixels("frame", header.size_wh)

    def forget(self, session: str) -> None:
        """Tell the workers, without waiting, that a session is over."""
        self._later(self._forget(session))

    async def _forget(self, session: str) -> None:
        try:
            await self._workers.run("live_close", lane="interactive", session=session)
        except SightlineError as error:
            logger.info("live session %s: its memory stays until the worker needs the room (%s)", session, error)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class SocketClosedError(Exception):
    """The conversation is over.

    Attributes
    ----------
    code : int
        Close code of RFC 6455, section 7.4.1.
    reason : str
        For people.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"{code} {reason}")


async def send_within(sending: Coroutine[Any, Any, None], most_s: float) -> None:
    """Send something, if the client takes it in time.

    Raises
    ------
    SocketClosedError
        When it does not, or has gone.
    """
    try:
        await asyncio.wait_for(sending, most_s)
    except TimeoutError:
        raise SocketClosedError(1000, f"answers were not taken for {most_s:g} s") from None
    except (WebSocketDisconnect, RuntimeError, OSError) as error:
        raise SocketClosedError(1006, "") from error


def answer_text(index: int, found: Look, *, sent_ms: float, time_s: float, latency_ms: float, dropped: int, frames_per_s: float) -> str:
    """Return a ``LiveAnswer`` as JSON; written by hand, for a face mesh has thousands of numbers that need no second check.

    Examples
    --------
    >>> found = Look((640, 480), {"faces": []}, 12.5)
    >>> from sightline.api.live import LiveAnswer
    >>> text = answer_text(3, found, sent_ms=1.0, time_s=0.1, latency_ms=20.0, dropped=0, frames_per_s=30.0)
    >>> LiveAnswer.model_validate_json(text).findings.faces
    []
    """
    return compact(
        {
            "type": "frame",
            "index": index,
            "sent_ms": sent_ms,
            "size_wh": found.size_wh,
            "findings": {**found.findings, "index": index, "time_s": round(time_s, 4)},
            "latency_ms": round(latency_ms, 1),
            "look_ms": round(found.took_ms, 1),
            "dropped": dropped,
            "frames_per_s": round(frames_per_s, 1),
        }
    )


async def close_socket(socket: WebSocket, ending: SocketClosedError) -> None:
    """Close a socket that may be closed already."""
    if socket.client_state is WebSocketState.DISCONNECTED or socket.application_state is WebSocketState.DISCONNECTED:
        return
    code = ending.code if ending.code not in (1005, 1006) else 1000
    try:
        await asyncio.wait_for(socket.close(code, ending.reason[:120]), 5.0)
    except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError) as error:
        logger.debug("socket was closed already: %s", error)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Do several things side by side until one of them ends, with its error if it has one; the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
