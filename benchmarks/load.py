"""The server under load, over loopback, on this machine alone.

1. What the HTTP path costs: POST /look of one picture, one after the other, beside the library in this process on the same picture
   (decode and look, the same kinds). The cost is the median of: answer time minus what the worker says decoding and looking took.
2. At the same time: 200 uploads at once, 20 live sockets, a video of 2,000 frames. Every upload must be accounted for (kept, with a
   finished analysis), no answer may be a 5xx, and the memory of the server and its workers must stay bounded. A full queue may answer
   429: the client then waits as told and comes again, as a client should.

Run: python -m benchmarks.load
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from statistics import median as middle

import httpx2
import numpy as np
import psutil
import websockets
from PIL import Image
from skimage.data import astronaut

from sightline.core.frame import Frame
from sightline.media.video_writer import VideoWriter

MIB = 1 << 20
KINDS = ("faces",)
LIMIT_S = 480.0


@contextmanager
def server(folder: Path):
    """Run a server of its own and give its address, the owner's token and its process."""
    command = [sys.executable, "-m", "sightline", "serve", "--port", "0", "--data", str(folder / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    found = re.match(r"(http://\S+?)/#token=(\S+)", process.stdout.readline())
    assert found, "the server did not start"
    try:
        yield found[1], found[2], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def jpeg(number: int, side: int = 512) -> bytes:
    """Return a picture that differs from every other by one pixel."""
    picture = astronaut()[:side, :side].copy()
    picture[0, :3] = [[number % 256] * 3, [number // 256] * 3, [7] * 3]
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=90)
    return out.getvalue()


def video(path: Path, frames: int) -> None:
    """Write a video of a person who moves slowly."""
    picture = astronaut()[:360, :480]
    with VideoWriter(path, (480, 360), Fraction(25)) as writer:
        for index in range(frames):
            writer.write(Frame(np.ascontiguousarray(np.roll(picture, (index // 4) % 40, axis=1)), index, index / 25))


def path_cost(address: str, token: str, rounds: int) -> None:
    """Print what HTTP costs over the library."""
    from sightline.analysis import Looker, Options
    from sightline.media.images import read_image

    body = jpeg(0)
    answers, inside = [], []
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        for _ in range(rounds + 10):
            began = time.perf_counter()
            answer = client.post(f"{address}/api/v1/look", params={"only": list(KINDS)}, content=body)
            answers.append((time.perf_counter() - began) * 1000)
            inside.append(answer.raise_for_status().json()["took_ms"])
    looker = Looker(Options(only=KINDS))
    library = []
    for _ in range(rounds + 10):
        began = time.perf_counter()
        looker.look(read_image(io.BytesIO(body)))
        library.append((time.perf_counter() - began) * 1000)
    cost = [a - b for a, b in zip(answers[10:], inside[10:], strict=True)]
    print(f"a 512 px picture, faces, {rounds} rounds: library {middle(library[10:]):.1f} ms, answer {middle(answers[10:]):.1f} ms")
    print(f"HTTP path over decode and look: median {middle(cost):.2f} ms, 95th percentile {np.percentile(cost, 95):.2f} ms (target < 5)")


async def upload(client: httpx2.AsyncClient, number: int, body: bytes, seen: Counter, name: str, waits: list[float]) -> str | None:
    """Bring one picture in, waiting as told when the queue is full."""
    began = time.perf_counter()
    while time.perf_counter() - began < LIMIT_S:
        answer = await client.post("/api/v1/media", params={"name": name}, content=body)
        seen[answer.status_code] += 1
        if answer.status_code == 201:
            waits.append(time.perf_counter() - began)
            return answer.json()["job_id"]
        if answer.status_code != 429:
            return None
        await asyncio.sleep(float(answer.headers["retry-after"]))
    return None


async def live(address: str, token: str, number: int, stop: asyncio.Event, answered: list[float], seen: Counter) -> None:
    """Send a frame every 200 ms, as a webcam does, and count the answers."""
    frame = jpeg(number, 320)
    uri = address.replace("http", "ws") + "/api/v1/live"
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(uri, additional_headers=headers, max_size=8 * MIB) as socket:
        await socket.send(json.dumps({"only": list(KINDS)}))

        async def send() -> None:
            while not stop.is_set():
                await socket.send(struct.pack("<d", time.time() * 1000) + frame)
                await asyncio.sleep(0.2)

        sender = asyncio.create_task(send())
        async for message in socket:
            told = json.loads(message)
            seen[told["type"]] += 1
            if told["type"] == "frame":
                answered.append(told["latency_ms"])
                seen["dropped"] = max(seen["dropped"], told["dropped"])
            if stop.is_set():
                break
        await sender


async def job_states(client: httpx2.AsyncClient) -> dict[str, str]:
    """Return the state of every job."""
    states, cursor = {}, None
    while True:
        page = (await client.get("/api/v1/jobs", params={"limit": 200, **({"cursor": cursor} if cursor else {})})).json()
        states.update({job["id"]: job["state"] for job in page["items"]})
        cursor = page["next_cursor"]
        if cursor is None:
            return states


def memory(process: psutil.Process) -> int:
    """Return the memory of a process and its children, bytes; what PostgreSQL shares is counted once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            info = one.memory_full_info()
            total += info.pss
        except psutil.Error:
            continue
    return total


async def storm(address: str, token: str, process: psutil.Process, clip: Path, uploads: int, sockets: int) -> None:
    """Print what happens when everybody comes at once."""
    began = time.perf_counter()
    seen: Counter = Counter()
    said: Counter = Counter()
    waits: list[float] = []
    answered: list[float] = []
    before = memory(process)
    peak = [before]
    stop = asyncio.Event()
    limits = httpx2.Limits(max_connections=uploads + 50)
    async with httpx2.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=LIMIT_S, limits=limits) as client:
        sockets_open = [asyncio.create_task(live(address, token, n, stop, answered, said)) for n in range(sockets)]
        film = asyncio.create_task(upload(client, 0, clip.read_bytes(), seen, "film.mp4", []))
        bodies = [jpeg(n + 1) for n in range(uploads)]
        sent = [asyncio.create_task(upload(client, n, body, seen, f"{n}.jpg", waits)) for n, body in enumerate(bodies)]

        async def watch() -> None:
            while not stop.is_set():
                peak.append(await asyncio.to_thread(memory, process))
                await asyncio.sleep(1)

        watching = asyncio.create_task(watch())
        jobs = [*(await asyncio.gather(*sent)), await film]
        uploaded_s = time.perf_counter() - began
        states: dict[str, str] = {}
        while time.perf_counter() - began < LIMIT_S:
            states = await job_states(client)
            if all(states.get(job or "") in ("done", "failed") for job in jobs):
                break
            await asyncio.sleep(1)
        took_s = time.perf_counter() - began
        stop.set()
        await asyncio.gather(*sockets_open, watching, return_exceptions=True)
        kept = {m["name"] for m in await every(client, "media")}
    done = Counter(states.get(job or "", "lost") for job in jobs)
    failed_live = [task.exception() for task in sockets_open if task.exception()]
    print(f"{uploads} uploads at once, {sockets} live sockets, one long video")
    print(f"uploads in after {uploaded_s:.0f} s, all work over after {took_s:.0f} s")
    print(f"answers by status: {dict(sorted(seen.items()))}; 5xx: {sum(n for s, n in seen.items() if s >= 500)}")
    there = len(kept & {f"{n}.jpg" for n in range(uploads)})
    print(f"accounted for: {there} of {uploads} pictures kept, the video {'kept' if 'film.mp4' in kept else 'lost'}; jobs {dict(done)}")
    print(f"upload until kept: median {middle(waits):.2f} s, slowest {max(waits):.2f} s")
    print(f"live: {len(answered)} answers ({len(answered) / took_s:.1f}/s), latency median {middle(answered):.0f} ms, ", end="")
    print(f"95th percentile {np.percentile(answered, 95):.0f} ms; problems {said['problem']}, sockets lost {len(failed_live)}")
    least, most, last = before / MIB, max(peak) / MIB, peak[-1] / MIB
    print(f"memory (PSS of server, workers, database): {least:.0f} MiB before, {most:.0f} MiB at most, {last:.0f} MiB at the end")


async def every(client: httpx2.AsyncClient, what: str) -> list[dict]:
    """Return all items of a list."""
    items, cursor = [], None
    while True:
        page = (await client.get(f"/api/v1/{what}", params={"limit": 100, **({"cursor": cursor} if cursor else {})})).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--sockets", type=int, default=20)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sl-load-") as name, server(Path(name)) as (address, token, process):
        path_cost(address, token, given.rounds)
        clip = Path(name) / "film.mp4"
        video(clip, given.frames)
        asyncio.run(storm(address, token, process, clip, given.uploads, given.sockets))


if __name__ == "__main__":
    main()
