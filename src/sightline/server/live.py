"""Live pictures: newest-only slots, turns at the workers, and the session behind one socket (messages: `sightline.api.live`)."""

from __future__ import annotations

import asyncio
import logging
import math
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

from fastapi import WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from sightline.analysis.document import Kind
from sightline.analysis.writer import compact
from sightline.api.live import LiveHello, LiveProblem, LiveReady
from sightline.core.errors import ImageDecodeError, MediaFormatError, QueueFullError, SightlineError, WorkerError
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

_HEAD = struct.Struct("<d")
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


@dataclass(frozen=True)
class _Received:
    """One message up: a frame, or what is wrong with it."""

    index: int
    at_s: float
    sent_ms: float = 0.0
    jpeg: bytes = b""
    problem: str | None = None


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


class LiveSession:
    """The conversation on one live socket, from the first message to the last.

    Parameters
    ----------
    socket : WebSocket
        Accepted.
    hub : LiveHub
    """

    def __init__(self, socket: WebSocket, hub: LiveHub) -> None:
        self.id, self.looked, self.dropped = f"socket-{uuid4().hex}", 0, 0
        self.hello = LiveHello()
        self._socket, self._hub, self._limits = socket, hub, hub.limits
        self._slot: Newest[_Received] = Newest()
        self._rate = Rate(2.0)
        self._begun_s = time.monotonic()
        self._failures = 0

    async def greet(self) -> None:
        """Take the first message and say that frames may come.

        Raises
        ------
        SocketClosedError
            When it is none, or none that can be understood.
        """
        try:
            message = await asyncio.wait_for(self._socket.receive(), self._limits.hello_s)
        except TimeoutError:
            raise SocketClosedError(1008, f"no hello within {self._limits.hello_s:g} s") from None
        if message["type"] == "websocket.disconnect":
            raise SocketClosedError(int(message.get("code") or 1005), "")
        text = message.get("text")
        if text is None:
            await self._say(LiveProblem(index=0, detail="the first message must be text: a LiveHello as JSON").model_dump_json())
            raise SocketClosedError(1003, "expected a hello as text")
        try:
            self.hello = LiveHello.model_validate_json(text)
        except ValidationError as error:
            detail = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'hello'}: {e['msg']}" for e in error.errors()[:5])
            await self._say(LiveProblem(index=0, detail=detail).model_dump_json())
            raise SocketClosedError(1007, "the hello cannot be understood") from None
        await self._say(LiveReady().model_dump_json())

    async def talk(self) -> None:
        """Receive frames and answer them until the socket closes; always ends with `SocketClosedError`."""
        tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._answer())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hub.forget(self.id)

    # ------------------------------------------------------------------ up

    async def _receive(self) -> None:
        index = 0
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._limits.idle_s)
            except TimeoutError:
                raise SocketClosedError(1000, f"no frame for {self._limits.idle_s:g} s") from None
            if message["type"] == "websocket.disconnect":
                raise SocketClosedError(int(message.get("code") or 1005), "")
            if self._slot.put(self._parse(index, message.get("bytes"))):
                self.dropped += 1
                self._hub.counts.dropped += 1
            index += 1

    def _parse(self, index: int, data: bytes | None) -> _Received:
        now_s = time.monotonic()
        if data is None:
            return _Received(index, now_s, problem="expected a binary message: 8 bytes of time and one JPEG")
        if len(data) > self._limits.frame_bytes + _HEAD.size:
            most = f"{self._limits.frame_bytes:,}"
            return _Received(index, now_s, problem=f"the frame has {len(data) - _HEAD.size:,} bytes, more than the limit of {most}")
        if len(data) <= _HEAD.size:
            return _Received(index, now_s, problem=f"expected 8 bytes of time and one JPEG, got {len(data)} bytes")
        (sent_ms,) = _HEAD.unpack_from(data)
        if not math.isfinite(sent_ms):
            return _Received(index, now_s, problem="the first 8 bytes must be a time in milliseconds, as little-endian float64")
        return _Received(index, now_s, sent_ms, data[_HEAD.size :])

    # ------------------------------------------------------------------ down

    async def _answer(self) -> None:
        while True:
            await self._slot.wait()
            async with self._hub.turn():
                text = await self._answer_to(self._slot.take())
            await self._say(text)

    async def _answer_to(self, frame: _Received) -> str:
        problem = frame.problem
        if problem is None:
            try:
                time_s = frame.at_s - self._begun_s
                found = await self._hub.look(self.id, frame.jpeg, self.hello.only, time_s, landmarks=self.hello.landmarks)
                self._failures = 0
                return self._told(frame, found)
            except QueueFullError as error:
                await asyncio.sleep(min(error.retry_after_s, 1.0))
                problem = f"{error}; the frame was passed over"
            except WorkerError as error:
                problem = str(error)
                self._failures += 1
            except SightlineError as error:
                problem = str(error)
        self._hub.counts.refused += 1
        if self._failures >= self._limits.failures:
            raise SocketClosedError(1008, f"{self._failures} frames in a row could not be worked on")
        return LiveProblem(index=frame.index, detail=problem).model_dump_json()

    def _told(self, frame: _Received, found: Look) -> str:
        self.looked += 1
        now_s = time.monotonic()
        return answer_text(
            frame.index,
            found,
            sent_ms=frame.sent_ms,
            time_s=frame.at_s - self._begun_s,
            latency_ms=(now_s - frame.at_s) * 1000.0,
            dropped=self.dropped,
            frames_per_s=self._rate.tick(now_s),
        )

    async def _say(self, text: str) -> None:
        await send_within(self._socket.send_text(text), self._limits.send_s)


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
        raise SocketClosedError(1008, f"answers were not taken for {most_s:g} s") from None
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
