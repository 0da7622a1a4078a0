"""The session behind one live socket; messages as in `sightline.api.live`."""

from __future__ import annotations

import asyncio
import math
import struct
import time
from dataclasses import dataclass
from uuid import uuid4

from fastapi import WebSocket
from pydantic import ValidationError

from sightline.api.live import LiveHello, LiveProblem, LiveReady
from sightline.core.errors import QueueFullError, SightlineError, WorkerError
from sightline.server.live import LiveHub, Look, Newest, Rate, SocketClosedError, answer_text, first_of, send_within

_HEAD = struct.Struct("<d")


@dataclass(frozen=True)
class _Received:
    """One message up: a frame, or what is wrong with it."""

    index: int
    at_s: float
    sent_ms: float = 0.0
    jpeg: bytes = b""
    problem: str | None = None


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
        try:
            await first_of(self._receive(), self._answer())
        finally:
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
