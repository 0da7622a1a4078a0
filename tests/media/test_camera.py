"""Camera against a real RTSP server (gst-rtsp-server) and a small MJPEG server over HTTP."""

import contextlib
import http.server
import io
import itertools
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage
from tests.media.clips import make_clip, number_of, numbered

from sightline.core.errors import CameraError, InvalidInputError
from sightline.media.camera import Camera, CameraStats, Reconnect, redact
from sightline.media.video_source import VideoLimits

SYSTEM_PYTHON = Path("/usr/bin/python3")
NEEDS = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer, Gst; "
    "Gst.init(None); assert Gst.ElementFactory.find('x264enc')"
)
INSTALL = (
    "apt-get install -y --no-install-recommends gir1.2-gst-rtsp-server-1.0 python3-gi "
    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)
QUICK = Reconnect(attempts=40, first_wait_s=0.05, max_wait_s=0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def camera_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "sightline-camera"]


# ---------------------------------------------------------------------- RTSP


@pytest.fixture(scope="module")
def rtsp() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a function that starts the server on a port and waits until it listens."""
    if not SYSTEM_PYTHON.exists() or subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True).returncode:
        pytest.skip(f"no gst-rtsp-server here: {INSTALL}")
    running: list[subprocess.Popen[bytes]] = []

    def start(port: int, *login: str) -> subprocess.Popen[bytes]:
        command = [str(SYSTEM_PYTHON), str(Path(__file__).with_name("rtsp_server.py")), str(port), *login]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in running:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def test_rtsp_frames_are_colour_bars_with_rising_times(rtsp: Callable[..., subprocess.Popen[bytes]]) -> None:
    port = free_port()
    rtsp(port)
    with Camera(f"rtsp://127.0.0.1:{port}/live", latest=False, timeout_s=10) as camera:
        frames = [camera.read(10.0) for _ in range(30)]
        stats = camera.stats
    assert [f.index for f in frames] == list(range(30))
    times = np.array([f.time_s for f in frames])
    assert times[0] == 0.0
    assert np.all(np.diff(times) > 0)
    assert np.median(np.diff(times)) == pytest.approx(0.04, abs=0.005)  # the stream's own clock: 25 frames a second
    bars = frames[-1].image[30, 11::23].astype(int)  # white, yellow, cyan, green, magenta, red, blue
    expected = [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255)]
    assert np.abs(bars - expected).max() <= 6
    assert stats.received >= 30
    assert stats.dropped == 0
    assert stats.reconnects == 0
    assert camera_threads() == []


def test_rtsp_latest_frame_is_the_newest(rtsp: Callable[..., subprocess.Popen[bytes]]) -> None:
    port = free_port()
    rtsp(port)
    with Camera(f"rtsp://127.0.0.1:{port}/live") as camera:
        first = camera.read(10.0)
        deadline = time.monotonic() + 10.0
        while camera.stats.received < first.index + 20 and time.monotonic() < deadline:
            time.sleep(0.02)
        second = camera.read(10.0)
        stats = camera.stats
    assert second.index >= first.index + 19  # what lay between was passed over
    assert second.time_s - first.time_s > 0.5
    assert stats.dropped >= second.index - first.index - 1
    with pytest.raises(CameraError, match="closed"):
        camera.read()


def test_rtsp_comes_back_after_the_server_was_killed(
    rtsp: Callable[..., subprocess.Popen[bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    server = rtsp(port, "guard", "s3cret")
    with Camera(f"rtsp://guard:s3cret@127.0.0.1:{port}/live", reconnect=QUICK, timeout_s=5) as camera:
        before = [camera.read(10.0) for _ in range(5)][-1]
        stop(server)
        time.sleep(0.5)
        rtsp(port, "guard", "s3cret")
        deadline = time.monotonic() + 20.0
        while camera.stats.reconnects == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert camera.stats.reconnects >= 1
        after = [camera.read(10.0) for _ in range(5)]
    assert after[-1].index > before.index
    times = [before.time_s, *(f.time_s for f in after)]
    assert all(np.diff(times) >= 0)
    assert after[-1].time_s - before.time_s > 0.4  # the time without pictures counts
    assert "connection lost" in caplog.text
    assert "s3cret" not in caplog.text


def test_rtsp_lost_for_good(rtsp: Callable[..., subprocess.Popen[bytes]]) -> None:
    port = free_port()
    server = rtsp(port)
    with Camera(f"rtsp://u:hidden@127.0.0.1:{port}/live", reconnect=Reconnect(3, 0.01, 0.02), timeout_s=5) as camera:
        camera.read(10.0)
        stop(server)
        with pytest.raises(CameraError, match="lost for good after 3 tries") as caught:
            for _ in camera:
                pass
    assert "hidden" not in str(caught.value)
    assert camera_threads() == []


def test_rtsp_wrong_password_and_no_server(rtsp: Callable[..., subprocess.Popen[bytes]]) -> None:
    port = free_port()
    rtsp(port, "guard", "right")
    with pytest.raises(CameraError, match=r"rtsp://\*\*\*@127.0.0.1") as caught:
        Camera(f"rtsp://guard:wr0ng@127.0.0.1:{port}/live", timeout_s=5)
    shown = f"{caught.value!r} {caught.value.__cause__} {caught.value.__suppress_context__}"
    assert "wr0ng" not in shown
    assert caught.value.__suppress_context__
    with pytest.raises(CameraError, match="cannot be opened"):
        Camera(f"rtsp://127.0.0.1:{free_port()}/live", timeout_s=5)


# ---------------------------------------------------------------------- HTTP


class MjpegServer:
    """Sends numbered JPEG pictures as multipart/x-mixed-replace; ``per_client`` pictures, then it hangs up."""

    def __init__(self, per_client: int | None = None, period_s: float = 0.02) -> None:
        numbers = itertools.count()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(per_client or 10**6):
                        self._send(next(numbers) % 1000)
                        time.sleep(period_s)

            def _send(self, number: int) -> None:
                data = io.BytesIO()
                PilImage.fromarray(numbered(number)).save(data, "JPEG", quality=95)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {data.tell()}\r\n\r\n"
                self.wfile.write(head.encode() + data.getvalue() + b"\r\n")

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/video?user=admin&token=t0ken"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self) -> "MjpegServer":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def test_mjpeg_over_http() -> None:
    with MjpegServer() as server, Camera(server.address, latest=False, timeout_s=5) as camera:
        frames = [camera.read(10.0) for _ in range(20)]
    found = [number_of(f.image) for f in frames]
    assert found == list(range(found[0], found[0] + 20))
    assert frames[0].time_s == 0.0
    assert all(np.diff([f.time_s for f in frames]) > 0)
    assert camera_threads() == []


def test_mjpeg_connection_is_made_again(caplog: pytest.LogCaptureFixture) -> None:
    with MjpegServer(per_client=15) as server, Camera(server.address, latest=False, reconnect=QUICK, timeout_s=5) as camera:
        frames = [camera.read(10.0) for _ in range(40)]
        stats = camera.stats
    assert stats.reconnects >= 2
    assert [f.index for f in frames] == list(range(40))
    assert all(np.diff([f.time_s for f in frames]) > 0)
    assert "t0ken" not in caplog.text
    assert "token=***" in caplog.text


def test_slow_reader_of_the_latest_frame() -> None:
    with MjpegServer(period_s=0.005) as server, Camera(server.address, timeout_s=5) as camera:
        first = camera.read(10.0)
        while camera.stats.received < first.index + 15:
            time.sleep(0.01)
        second = camera.read(10.0)
        stats = camera.stats
    assert number_of(second.image) - number_of(first.image) >= 14
    assert stats.dropped >= 13


def test_ts_and_mp4_over_http(tmp_path: Path) -> None:
    for suffix in (".ts", ".mp4"):
        make_clip(tmp_path / f"clip{suffix}", 30)
    handler = lambda *args: QuietFiles(*args, directory=str(tmp_path))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            for suffix in (".ts", ".mp4"):
                camera = Camera(f"http://127.0.0.1:{server.server_port}/clip{suffix}", latest=False, reconnect=Reconnect(0), timeout_s=5)
                with camera:
                    assert [number_of(camera.read(10.0).image) for _ in range(30)] == list(range(30))
                    with pytest.raises(CameraError, match="the stream ended"):
                        camera.read(10.0)
            with pytest.raises(CameraError, match="cannot be opened"):
                Camera(f"http://127.0.0.1:{server.server_port}/nothing.ts", timeout_s=5)
        finally:
            server.shutdown()
            thread.join()


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def test_playlist_may_not_open_local_files(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "secret.ts", 10)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "live.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:0.4,\nfile://{clip}\n#EXT-X-ENDLIST\n"
    )
    handler = lambda *args: QuietFiles(*args, directory=str(tmp_path / "www"))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with pytest.raises(CameraError):
                Camera(f"http://127.0.0.1:{server.server_port}/live.m3u8", timeout_s=5).read(5.0)
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_says_nothing_times_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        start = time.monotonic()
        with pytest.raises(CameraError, match=r"no answer in time|timed out"):
            Camera(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.5)
        assert time.monotonic() - start < 5.0


def test_read_times_out_and_goes_on() -> None:
    with MjpegServer(period_s=0.5) as server, Camera(server.address, timeout_s=5) as camera:
        last = camera.read(10.0)
        with pytest.raises(CameraError, match=r"no frame within 0\.02 s"):  # noqa: PT012 - the first pictures may come in a burst
            for _ in range(50):
                last = camera.read(0.02)
        assert camera.read(10.0).index > last.index


def test_pixel_limit() -> None:
    with MjpegServer() as server, pytest.raises(CameraError, match="more than 100 pixels"):
        Camera(server.address, timeout_s=5, limits=VideoLimits(max_pixels=100))


# ---------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "source", ["file:///etc/passwd", "ftp://host/x", "concat:a|b", "/dev/video0", "video.mp4", "", -1, True, None, "pipe:0", "tcp://host:1"]
)
def test_only_devices_and_four_schemes(source: object) -> None:
    with pytest.raises(InvalidInputError, match="expected a device number or an address") as caught:
        Camera(source)  # type: ignore[arg-type]
    assert "passwd" not in str(caught.value)


def test_no_such_device() -> None:
    with pytest.raises(CameraError, match="camera 93"):
        Camera(93, timeout_s=2)
    with pytest.raises(InvalidInputError, match="timeout_s"):
        Camera(0, timeout_s=0)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cam/live", "rtsp://cam/live"),
        ("rtsp://u:p@cam:8554/live", "rtsp://***@cam:8554/live"),
        ("rtsp://u:p@ss@cam/live", "rtsp://***@cam/live"),
        ("http://cam/v?user=a&pwd=b", "http://cam/v?user=***&pwd=***"),
        ("http://cam/v?secret", "http://cam/v?***"),
        ("https://u@cam/v#key", "https://***@cam/v#***"),
    ],
)
def test_redact(address: str, shown: str) -> None:
    assert redact(address) == shown


def test_back_off_doubles_up_to_its_maximum() -> None:
    plan = Reconnect(first_wait_s=0.5, max_wait_s=3.0)
    assert [plan.wait_s(i) for i in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_stats_start_at_nothing() -> None:
    assert CameraStats() == CameraStats(0, 0, 0, 0)
    assert logging.getLogger("sightline.media.camera").name
