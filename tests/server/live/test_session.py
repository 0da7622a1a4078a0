"""Live sockets: a real server, a real worker process, real pictures."""

from __future__ import annotations

import contextlib
import io
import json
import math
import socket as sockets
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.server.live.conftest import encoded, frame
from websockets.exceptions import ConnectionClosed

from sightline.api.live import LiveAnswer, LiveProblem, LiveReady
from sightline.core.errors import WorkerCrashedError
from sightline.server.live import LiveLimits

HELLO = '{"only": ["faces"]}'


@pytest.fixture(autouse=True)
def _nets(weights: Callable[..., None]) -> None:
    weights("face_detector_full", "face_detector_thorough", "face_mesh")


def greeted(socket: Any, hello: str = HELLO) -> Any:
    socket.send(hello)
    LiveReady.model_validate_json(socket.recv(timeout=10))
    return socket


def answer(socket: Any, timeout_s: float = 60.0) -> LiveAnswer:
    return LiveAnswer.model_validate_json(socket.recv(timeout=timeout_s))


def problem(socket: Any) -> LiveProblem:
    return LiveProblem.model_validate_json(socket.recv(timeout=60))


def closing(socket: Any) -> tuple[int, str]:
    try:
        while True:
            socket.recv(timeout=30)
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


def test_a_face_is_found_and_keeps_its_id(live_server: Any, portrait: bytes) -> None:
    server = live_server()
    socket = greeted(server.open())
    found = []
    for number in range(8):
        socket.send(frame(portrait, 1000.5 + number))
        found.append(answer(socket))
    assert [a.index for a in found] == list(range(8))
    assert [a.sent_ms for a in found] == [1000.5 + n for n in range(8)]
    assert {a.size_wh for a in found} == {(512, 512)}
    assert all(a.findings.faces is not None and len(a.findings.faces) == 1 for a in found)
    faces = [a.findings.faces[0] for a in found if a.findings.faces]
    x0, y0, x1, y1 = faces[-1].box_xyxy
    assert 150 < x0 < 200 < x1 < 300
    assert 50 < y0 < 110 < y1 < 220
    ids = {face.id for face in faces[4:]}  # an id needs a few frames
    assert len(ids) == 1
    assert None not in ids
    assert all(face.mesh_xyz is None for face in faces)
    assert found[-1].findings.bodies is None
    assert found[-1].findings.time_s > found[0].findings.time_s
    for a in found:
        assert 0 < a.look_ms <= a.latency_ms
    assert found[-1].frames_per_s > 0
    assert found[-1].dropped == 0


def test_landmarks_on_demand(live_server: Any, portrait: bytes) -> None:
    server = live_server()
    socket = greeted(server.open(), '{"only": ["faces"], "landmarks": true}')
    socket.send(frame(portrait))
    faces = answer(socket).findings.faces
    assert faces is not None
    assert faces[0].mesh_xyz is not None
    assert len(faces[0].mesh_xyz) == 478


def test_of_many_frames_the_newest_counts(live_server: Any, portrait: bytes) -> None:
    server = live_server()
    socket = greeted(server.open())
    socket.send(frame(portrait))
    answer(socket)
    for number in range(1, 101):
        socket.send(frame(portrait, float(number)))
    found = [answer(socket)]
    while found[-1].index < 100:
        found.append(answer(socket))
    assert found[-1].sent_ms == 100.0
    assert found[-1].dropped == 101 - 1 - len(found)
    assert found[-1].dropped > 10
    assert server.hub.counts.dropped == found[-1].dropped


def test_a_client_that_does_not_read_holds_up_nobody_and_is_shown_out(live_server: Any, portrait: bytes) -> None:
    server = live_server(LiveLimits(send_s=1.0))
    sleepy = greeted(server.open(max_queue=1, receive_bytes=1 << 12), '{"only": ["faces"], "landmarks": true}')  # 40 kB an answer
    awake = greeted(server.open())
    stop = threading.Event()

    def flood() -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while not stop.is_set():
                sleepy.send(frame(portrait))
                time.sleep(0.002)

    thread = threading.Thread(target=flood)
    thread.start()
    latencies = []
    try:
        end_s = time.monotonic() + 40
        while not server.endings and time.monotonic() < end_s:
            awake.send(frame(portrait))
            latencies.append(answer(awake).latency_ms)
    finally:
        stop.set()
        sleepy.socket.shutdown(sockets.SHUT_RDWR)  # else its last frame would wait for ever
        thread.join()
    assert [(e.code, e.reason) for e in server.endings] == [(1000, "answers were not taken for 1 s")]
    assert np.median(latencies) < 500
    assert server.hub.counts.dropped > 0
    awake.send(frame(portrait))
    assert answer(awake).index == len(latencies)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("text", "binary"),
        (b"short", "8 bytes"),
        (struct.pack("<d", math.nan) + b"\xff\xd8\xff", "time in milliseconds"),
        (frame(b"no picture at all, just words"), "JPEG"),
        (frame(b"\x89PNG\r\n\x1a\n" + b"0" * 100), "JPEG"),
        (frame(b"\xff\xd8\xff\xe0" + b"\x00" * 200), ""),
        (frame(bytes.fromhex("ffd8ffc0001108ffffffff03012200021101031101ffd9")), "pixels"),
        (frame(b"\xff\xd8\xff" + b"\xff" * (300 << 10)), "limit"),
    ],
    ids=["text", "short", "nan", "words", "png", "zeros", "huge-size", "huge-bytes"],
)
def test_wrong_messages_are_told_and_the_socket_stays(live_server: Any, portrait: bytes, message: Any, says: str) -> None:
    server = live_server(LiveLimits(frame_bytes=200 << 10))
    socket = greeted(server.open())
    socket.send(message)
    told = problem(socket)
    assert told.index == 0
    assert says in told.detail
    socket.send(frame(portrait))
    assert answer(socket).index == 1
    assert server.hub.counts.refused == 1


def test_a_damaged_jpeg_is_told_and_the_socket_stays(live_server: Any, portrait: bytes) -> None:
    server = live_server()
    socket = greeted(server.open())
    socket.send(frame(portrait[: len(portrait) // 3]))
    assert "truncated" in problem(socket).detail
    socket.send(frame(portrait))
    assert len(answer(socket).findings.faces or []) == 1


@pytest.mark.parametrize(
    ("hello", "code"),
    [(b"binary", 1003), ("{", 1007), ('{"only": []}', 1007), ('{"only": ["souls"]}', 1007), ('{"more": 1}', 1007), ("[]", 1007)],
)
def test_wrong_hellos_end_it(live_server: Any, hello: Any, code: int) -> None:
    server = live_server()
    socket = server.open()
    socket.send(hello)
    assert problem(socket).detail
    assert closing(socket)[0] == code


def test_no_hello_and_no_frames_end_it(live_server: Any, portrait: bytes) -> None:
    server = live_server(LiveLimits(hello_s=0.3, idle_s=0.6))
    assert closing(server.open()) == (1008, "no hello within 0.3 s")
    assert closing(greeted(server.open())) == (1000, "no frame for 0.6 s")


def test_a_message_beyond_all_bounds_ends_the_socket_and_not_the_server(live_server: Any, portrait: bytes) -> None:
    server = live_server()
    socket = greeted(server.open())
    with contextlib.suppress(ConnectionClosed):
        socket.send(bytes(20 << 20))
    assert closing(socket)[0] in (1009, 1006)  # 1006: the reset overtakes the close frame
    again = greeted(server.open())
    again.send(frame(portrait))
    assert answer(again).index == 0


def test_twenty_sockets_take_turns(live_server: Any, portrait: bytes) -> None:
    """All flood; nobody is served more than twice as often as anybody else."""
    server = live_server()
    sockets = [greeted(server.open()) for _ in range(20)]
    small = encoded(np.asarray(np.random.default_rng(1).integers(0, 255, (96, 96, 3)), np.uint8))
    sockets[0].send(frame(small))
    answer(sockets[0])
    counts = [0] * len(sockets)
    end_s = time.monotonic() + 40.0

    def speak(number: int) -> None:
        socket = sockets[number]
        while min(counts) < 6 and time.monotonic() < end_s:
            for _ in range(3 if number % 2 else 1):  # some send more than others
                socket.send(frame(small))
            answer(socket)
            counts[number] += 1

    threads = [threading.Thread(target=speak, args=(n,)) for n in range(len(sockets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(counts) >= 6, counts
    assert max(counts) <= 2 * min(counts), counts


def test_many_wishes_at_once_and_each_session_keeps_its_memory(live_server: Any, portrait: bytes, weights: Callable[..., None]) -> None:
    weights("nanodet", "palm_detector", "hand_pose_full")
    wishes = ('["faces"]', '["faces", "hands"]', '["faces", "objects"]', '["faces", "hands", "objects"]', '["objects"]')
    server = live_server()
    sockets = [greeted(server.open(), f'{{"only": {only}}}') for only in wishes]
    elsewhere = encoded(np.roll(np.asarray(Image.open(io.BytesIO(portrait))), 200, axis=1))
    ids: list[set[int | None]] = [set() for _ in wishes]
    for jpeg in (portrait, *[elsewhere] * 6):
        for number, socket in enumerate(sockets):
            socket.send(frame(jpeg))
            ids[number] |= {face.id for face in answer(socket).findings.faces or []}
    for of_session in ids[:4]:  # a face elsewhere is not sure yet, then another one; each time the first to a session that forgets
        assert 1 in of_session
        assert of_session != {1}


class Crashing:
    """Stands for workers whose process ends over every frame."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    async def run(self, task: str, **given: Any) -> Any:
        if task == "live_close":
            self.closed.append(given["session"])
            return None
        raise WorkerCrashedError(task, "the process that worked on it ended unexpectedly")


def test_who_ends_worker_processes_is_shown_out(live_server: Any, portrait: bytes) -> None:
    pool = Crashing()
    server = live_server(pool=pool)
    socket = greeted(server.open())
    for _ in range(2):
        socket.send(frame(portrait))
        assert "ended unexpectedly" in problem(socket).detail
    socket.send(frame(portrait))
    assert closing(socket) == (1008, "3 frames in a row could not be worked on")
    assert len(pool.closed) == 1


def test_the_worker_forgets_a_session_that_is_over(live_server: Any, portrait: bytes, workers: Any) -> None:
    before = workers.statistics().lanes["interactive"].sessions
    server = live_server()
    socket = greeted(server.open())
    socket.send(frame(portrait))
    answer(socket)
    assert workers.statistics().lanes["interactive"].sessions == before + 1
    socket.close()
    end_s = time.monotonic() + 10
    while workers.statistics().lanes["interactive"].sessions > before and time.monotonic() < end_s:
        time.sleep(0.02)
    assert workers.statistics().lanes["interactive"].sessions == before


def test_answers_are_plain_json(live_server: Any, portrait: bytes) -> None:
    server = live_server()
    socket = greeted(server.open())
    socket.send(frame(portrait))
    text = socket.recv(timeout=60)
    assert isinstance(text, str)
    assert json.loads(text)["type"] == "frame"
