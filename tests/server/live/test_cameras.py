"""Cameras watched live: a real MJPEG server, a real worker process."""

from __future__ import annotations

import asyncio
import http.server
import io
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.server.live.conftest import encoded

from sightline.api.live import LiveAnswer, LiveReady, LiveStatus
from sightline.server.live import LiveHub
from sightline.server.live_cameras import CameraFeeds, Parcel, Viewer


class MjpegCamera:
    """Sends one picture over and over; can be pulled out and plugged in again at the same address."""

    def __init__(self, jpeg: bytes) -> None:
        self.jpeg, self.connections = jpeg, 0
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://admin:s3cret@127.0.0.1:{self.port}/video"
        self._server: http.server.ThreadingHTTPServer | None = None

    def plug_in(self) -> None:
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                part = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(camera.jpeg)}\r\n\r\n".encode() + camera.jpeg + b"\r\n"
                with suppress(OSError):
                    while camera._server is not None:
                        self.wfile.write(part)
                        time.sleep(0.02)

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def pull_out(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            self._thread.join()


@pytest.fixture(scope="module")
def wide() -> bytes:
    """A face in a picture wider than is sent on."""
    data = pytest.importorskip("skimage.data")
    image = Image.fromarray(data.astronaut()).resize((1600, 1600))
    return encoded(np.asarray(image))


@pytest.fixture
def camera(wide: bytes, weights: Callable[..., None]) -> Iterator[MjpegCamera]:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")
    made = MjpegCamera(wide)
    made.plug_in()
    yield made
    made.pull_out()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    left = [t.name for t in threading.enumerate() if "camera" in t.name]
    assert left == []


@asynccontextmanager
async def watching(feeds: CameraFeeds, camera: MjpegCamera, only: Any = ("faces",)) -> AsyncIterator[Viewer]:
    async with feeds.watch(7, camera.address, only) as viewer:
        yield viewer


async def pairs(viewer: Viewer, count: int) -> list[tuple[bytes, LiveAnswer]]:
    """Return the next pictures with their answers, passing over the other news."""
    found: list[tuple[bytes, LiveAnswer]] = []
    while len(found) < count:
        news = await asyncio.wait_for(viewer.next(), 30)
        found += [(parcel.jpeg, LiveAnswer.model_validate_json(parcel.text)) for parcel in news if parcel.jpeg is not None]
    return found


async def status(viewer: Viewer, state: str) -> LiveStatus:
    while True:
        for parcel in await asyncio.wait_for(viewer.next(), 40):
            if '"status"' in parcel.text and (told := LiveStatus.model_validate_json(parcel.text)).state == state:
                return told


def test_one_connection_serves_all_viewers(workers: Any, camera: MjpegCamera) -> None:
    async def watch() -> None:
        hub = LiveHub(workers, 1)
        feeds = CameraFeeds(hub)
        async with watching(feeds, camera) as first, watching(feeds, camera) as second:
            of_first, of_second = await asyncio.gather(pairs(first, 5), pairs(second, 5))
            assert len(feeds) == 1
        assert len(feeds) == 0
        assert camera.connections == 1
        for found in (of_first, of_second):
            indices = [answer.index for _, answer in found]
            assert indices == sorted(set(indices))
            for jpeg, answer in found:
                assert answer.size_wh == (1280, 1280)
                assert Image.open(io.BytesIO(jpeg)).size == (1280, 1280)
                faces = answer.findings.faces
                assert faces is not None
                assert len(faces) == 1
                assert 375 < faces[0].box_xyxy[0] < 500
                assert answer.latency_ms >= answer.look_ms > 0
        times = [answer.findings.time_s for _, answer in of_first]
        assert times == sorted(set(times))

    asyncio.run(watch())


def test_whoever_comes_later_is_told_how_things_stand(workers: Any, camera: MjpegCamera) -> None:
    async def watch() -> None:
        feeds = CameraFeeds(LiveHub(workers, 1))
        async with watching(feeds, camera) as first:
            await pairs(first, 1)
            async with watching(feeds, camera) as late:
                news = [parcel.text for parcel in await late.next()]
        assert LiveStatus.model_validate_json(news[0]).state == "live"
        assert LiveReady.model_validate_json(news[1]).width == 1280

    asyncio.run(watch())


def test_a_camera_that_is_lost_comes_back(workers: Any, camera: MjpegCamera) -> None:
    async def watch() -> None:
        feeds = CameraFeeds(LiveHub(workers, 1))
        async with watching(feeds, camera) as viewer:
            await pairs(viewer, 2)
            await asyncio.to_thread(camera.pull_out)
            lost = await status(viewer, "lost")
            assert "s3cret" not in (lost.detail or "")
            assert "127.0.0.1" in (lost.detail or "")
            await asyncio.to_thread(camera.plug_in)
            await status(viewer, "live")
            assert len(await pairs(viewer, 2)) == 2

    asyncio.run(watch())


def test_a_camera_that_is_not_there_yet(workers: Any, camera: MjpegCamera) -> None:
    camera.pull_out()

    async def watch() -> None:
        feeds = CameraFeeds(LiveHub(workers, 1))
        async with watching(feeds, camera) as viewer:
            await status(viewer, "lost")
            await asyncio.to_thread(camera.plug_in)
            assert len(await pairs(viewer, 1)) == 1

    asyncio.run(watch())


def test_a_slow_viewer_sees_the_newest_and_slows_nobody(workers: Any, camera: MjpegCamera) -> None:
    async def watch() -> None:
        feeds = CameraFeeds(LiveHub(workers, 1))
        async with watching(feeds, camera) as slow, watching(feeds, camera) as quick:
            await pairs(slow, 1)
            latest = (await pairs(quick, 12))[-1][1].index
            seen = (await pairs(slow, 1))[0][1].index
            assert latest - 1 <= seen
            assert latest >= 11

    asyncio.run(watch())


def test_news_of_a_loss_take_the_place_of_a_picture() -> None:
    async def watch() -> list[Parcel]:
        viewer = Viewer()
        viewer.pair(Parcel("old", b"old"))
        viewer.status("lost")
        viewer.status("connecting")
        return await viewer.next()

    assert asyncio.run(watch()) == [Parcel("connecting")]
