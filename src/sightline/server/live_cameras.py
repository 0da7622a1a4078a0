"""Cameras that are watched live: each is opened once, however many look at it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from sightline.analysis.document import Kind
from sightline.api.live import LiveProblem, LiveReady, LiveStatus
from sightline.core.errors import CameraError, QueueFullError, SightlineError
from sightline.core.frame import Frame
from sightline.media.camera import Camera, Reconnect
from sightline.media.images import encode_image, thumbnail
from sightline.server.live import LiveHub, Newest, Rate, answer_text

logger = logging.getLogger(__name__)

MAX_SIDE_PX = 1280
_QUALITY = 80
_FIRST_WAIT_S, _MAX_WAIT_S = 1.0, 15.0
_STOP_S = 12.0


@dataclass(frozen=True)
class Shot:
    """One picture of a camera, encoded, and when it came."""

    jpeg: bytes
    size_wh: tuple[int, int]
    time_s: float
    at_s: float
    dropped: int


@dataclass(frozen=True)
class Parcel:
    """What a viewer is sent in one go: texts, or a picture and a text."""

    text: str
    jpeg: bytes | None = None


class Viewer:
    """One who watches a camera: is told how the camera is, and gets the newest picture; ``shown`` counts those."""

    def __init__(self) -> None:
        self.shown = 0
        self._status: str | None = None
        self._ready: str | None = None
        self._pair: Parcel | None = None
        self._filled = asyncio.Event()

    def status(self, text: str) -> None:
        """Tell the camera's state; an untold older one is forgotten, and so is a picture from before."""
        self._status, self._pair = text, None
        self._filled.set()

    def ready(self, text: str) -> None:
        """Tell the size of the pictures that follow."""
        self._ready = text
        self._filled.set()

    def pair(self, parcel: Parcel) -> None:
        """Show a picture; one that waits is forgotten."""
        self._pair = parcel
        self._filled.set()

    async def next(self) -> list[Parcel]:
        """Wait for news."""
        await self._filled.wait()
        self._filled.clear()
        texts = [Parcel(text) for text in (self._status, self._ready) if text is not None]
        found = [*texts, self._pair] if self._pair is not None else texts
        self._status = self._ready = self._pair = None
        return found


class CameraReader:
    """Reads a camera in a thread, connects again for as long as it is wanted, and gives pictures when asked for the next.

    Parameters
    ----------
    address : str
        With user and password; never logged.
    told : callable
        Given state and reason, in the thread.
    shot : callable
        Given each picture, in the thread.
    """

    def __init__(
        self,
        address: str,
        told: Callable[[Literal["connecting", "live", "lost"], str | None], None],
        shot: Callable[[Shot], None],
    ) -> None:
        self._address, self._told, self._shot = address, told, shot
        self._stop, self._wanted = threading.Event(), threading.Event()
        self._camera: Camera | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sightline-live-camera", daemon=True)
        self._thread.start()

    def want(self) -> None:
        """Ask for the next picture."""
        self._wanted.set()

    def close(self) -> None:
        """Stop reading; returns when the camera is let go of."""
        self._stop.set()
        self._wanted.set()
        with self._lock:
            camera = self._camera
        if camera is not None:
            camera.close()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            self._told("connecting", None)
            seen = False
            try:
                with Camera(self._address, reconnect=Reconnect(attempts=0)) as camera:
                    with self._lock:
                        self._camera = camera
                    seen = self._read(camera)
            except SightlineError as error:
                self._told("lost", str(error))
                logger.info("live camera: %s", error)
            finally:
                with self._lock:
                    self._camera = None
            wait_s = _FIRST_WAIT_S if seen else min(2 * wait_s, _MAX_WAIT_S)
            self._stop.wait(wait_s)

    def _read(self, camera: Camera) -> bool:
        """Give pictures until the camera is closed or lost; return whether there was one."""
        seen = False
        while not self._stop.is_set():
            try:
                frame = camera.read()
            except CameraError as error:
                if not self._stop.is_set():
                    self._told("lost", str(error))
                return seen
            if not seen:
                self._told("live", None)
            seen = True
            self._shot(_encoded(frame, camera.stats.dropped))
            self._wanted.wait()
            self._wanted.clear()
        return seen


def _encoded(frame: Frame, dropped: int) -> Shot:
    at_s = time.monotonic()
    small = thumbnail(frame.image, MAX_SIDE_PX)
    return Shot(encode_image(small, "JPEG", quality=_QUALITY), (small.shape[1], small.shape[0]), frame.time_s, at_s, dropped)


class CameraFeed:
    """One camera and all its viewers.

    Parameters
    ----------
    name : str
        Of the live session.
    address : str
        With user and password.
    only : sequence of str
        What to look for.
    hub : LiveHub
    """

    def __init__(self, name: str, address: str, only: Sequence[Kind], hub: LiveHub) -> None:
        self.viewers: set[Viewer] = set()
        self._name, self._only, self._hub = name, only, hub
        self._loop = asyncio.get_running_loop()
        self._slot: Newest[Shot] = Newest()
        self._rate = Rate(2.0)
        self._index = 0
        self._status = LiveStatus(state="connecting").model_dump_json()
        self._size: str | None = None
        self._reader = CameraReader(address, self._from_thread_status, self._from_thread_shot)
        self._task = asyncio.create_task(self._look())

    def join(self) -> Viewer:
        """Return a new viewer, who is told the state as it is."""
        viewer = Viewer()
        viewer.status(self._status)
        if self._size is not None:
            viewer.ready(self._size)
        self.viewers.add(viewer)
        return viewer

    async def close(self) -> None:
        """Let go of the camera."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._hub.forget(self._name)
        await asyncio.to_thread(self._reader.close)

    # ------------------------------------------------------------------ from the reading thread

    def _from_thread_status(self, state: Literal["connecting", "live", "lost"], detail: str | None) -> None:
        self._in_loop(self._new_status, LiveStatus(state=state, detail=detail).model_dump_json())

    def _from_thread_shot(self, shot: Shot) -> None:
        self._in_loop(self._new_shot, shot)

    def _in_loop(self, call: Callable[..., None], *given: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *given)
        except RuntimeError:  # the loop has ended with the server
            logger.debug("live camera %s: the server has stopped", self._name)

    def _new_status(self, text: str) -> None:
        self._status = text
        for viewer in self.viewers:
            viewer.status(text)

    def _new_shot(self, shot: Shot) -> None:
        width, height = shot.size_wh
        size = LiveReady(width=width, height=height).model_dump_json()
        if size != self._size:
            self._size = size
            for viewer in self.viewers:
                viewer.ready(size)
        self._slot.put(shot)

    # ------------------------------------------------------------------ looking

    async def _look(self) -> None:
        try:
            while True:
                await self._slot.wait()
                await self._look_once()
        except Exception:
            logger.exception("live camera %s", self._name)
            self._new_status(LiveStatus(state="lost", detail="an error of the server; its log holds more").model_dump_json())

    async def _look_once(self) -> None:
        async with self._hub.turn():
            shot = self._slot.take()
            self._reader.want()  # the next one is read and encoded while this one is looked at
            text = await self._answer_to(shot)
        parcel = Parcel(text, shot.jpeg)
        for viewer in self.viewers:
            viewer.pair(parcel)
        self._index += 1

    async def _answer_to(self, shot: Shot) -> str:
        try:
            found = await self._hub.look(self._name, shot.jpeg, self._only, shot.time_s)
        except SightlineError as error:
            self._hub.counts.refused += 1
            if isinstance(error, QueueFullError):
                await asyncio.sleep(min(error.retry_after_s, 1.0))
            return LiveProblem(index=self._index, detail=str(error)).model_dump_json()
        now_s = time.monotonic()
        return answer_text(
            self._index,
            found,
            sent_ms=round(shot.time_s * 1000.0, 3),
            time_s=shot.time_s,
            latency_ms=(now_s - shot.at_s) * 1000.0,
            dropped=shot.dropped,
            frames_per_s=self._rate.tick(now_s),
        )


class CameraFeeds:
    """The cameras that somebody watches now."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._feeds: dict[int, CameraFeed] = {}
        self._lock = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._feeds)

    @asynccontextmanager
    async def watch(self, source_id: int, address: str, only: Sequence[Kind]) -> AsyncIterator[Viewer]:
        """Watch a camera: it is opened for the first viewer and let go of after the last."""
        async with self._lock:
            feed = self._feeds.get(source_id)
            if feed is None:
                feed = self._feeds[source_id] = CameraFeed(f"camera-{source_id}", address, only, self._hub)
            viewer = feed.join()
        try:
            yield viewer
        finally:
            feed.viewers.discard(viewer)
            if not feed.viewers and self._feeds.get(source_id) is feed:
                del self._feeds[source_id]
                await asyncio.shield(feed.close())
