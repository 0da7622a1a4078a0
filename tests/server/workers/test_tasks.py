"""The tasks of the workers give what the library gives when it is called directly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.analysis import Follower, Looker, Options
from sightline.analysis.picture import annotate
from sightline.api.analyses import AnalysisOptions, Look
from sightline.api.settings import Limits
from sightline.core.errors import ImageDecodeError, InvalidInputError, MediaLimitError, MediaNotFoundError
from sightline.core.frame import Frame, Image
from sightline.media import exif
from sightline.media.images import encode_image, read_image, thumbnail, write_image
from sightline.media.metadata import ImageMetadata
from sightline.media.video_reader import VideoReader
from sightline.media.video_writer import VideoWriter
from sightline.server.workers import Workers

MIB = 1 << 20
KINDS = {"only": ["faces", "objects"]}
Weights = Callable[..., None]
NETS = ("face_detector_full", "face_detector_thorough", "face_mesh", "iris", "nanodet")


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("pictures") / "astronaut.jpg"
    write_image(path, np.ascontiguousarray(astronaut()))
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, picture: Path) -> Path:
    path, image = tmp_path_factory.mktemp("films") / "pan.mp4", read_image(picture)
    with VideoWriter(path, (384, 384), Fraction(10)) as writer:
        for i in range(20):
            writer.write(Frame(np.ascontiguousarray(image[:384, 4 * i : 4 * i + 384]), i, i / 10))
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "tif", "bmp", "avif", "heic"])
def test_inspect_names_every_kind_of_picture(workers: Workers, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write_image(path, np.full((20, 30, 3), 128, np.uint8))
    hidden = path.rename(tmp_path / "0f3a9c")  # by its content, not its name
    found = workers.run_sync("inspect", path=hidden, limits=Limits())
    expected = {"jpg": "JPEG", "tif": "TIFF", "heic": "HEIF"}.get(suffix, suffix.upper())
    assert (found["kind"], found["format"], found["size_wh"], found["bytes"]) == ("picture", expected, [30, 20], hidden.stat().st_size)
    assert found["content_type"] == {"jpg": "image/jpeg", "tif": "image/tiff"}.get(suffix, f"image/{suffix}")
    assert (found["taken_at"], found["duration_s"], found["frame_rate"]) == (None, None, None)


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("mkv", "video/x-matroska"), ("webm", "video/webm"), ("avi", "video/x-msvideo")],
)
def test_inspect_names_every_kind_of_video(workers: Workers, tmp_path: Path, suffix: str, content_type: str) -> None:
    import av

    path = tmp_path / f"a.{suffix}"
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(suffix, "libx264")
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2020-02-03T04:05:06.000000Z"
        stream = container.add_stream(codec, rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * i, np.uint8))))
        container.mux(stream.encode())
    found = workers.run_sync("inspect", path=path)
    assert (found["kind"], found["content_type"], found["size_wh"], found["frame_rate"]) == ("video", content_type, [64, 48], "25")
    assert abs(found["duration_s"] - 1.0) < 0.1
    if suffix != "avi":  # it has no such note
        assert datetime.fromisoformat(found["taken_at"]) == datetime.fromisoformat("2020-02-03T04:05:06+00:00")


def exif_block(taken: str, offset: str | None) -> bytes:
    def text(value: str) -> exif.Entry:
        return exif.Entry(2, len(value) + 1, value.encode() + b"\0")

    notes = {0x9003: text(taken), **({0x9011: text(offset)} if offset else {})}
    return exif.build(exif.ExifTree("<", {0x010F: text("Acme"), exif.ORIENTATION: exif.Entry(3, 1, bytes([6, 0]))}, notes))


@pytest.mark.parametrize(
    ("taken", "offset", "expected"),
    [
        ("2021:07:04 12:30:15", "+02:00", datetime.fromisoformat("2021-07-04T12:30:15+02:00")),
        ("2021:07:04 12:30:15", None, datetime(2021, 7, 4, 12, 30, 15).astimezone()),
        ("0000:00:00 00:00:00", None, None),
        ("2921:07:04 12:30:15", None, None),
        ("yesterday", "+02:00", None),
    ],
)
def test_inspect_says_when_it_was_taken(
    workers: Workers, tmp_path: Path, taken: str, offset: str | None, expected: datetime | None
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encode_image(np.zeros((20, 30, 3), np.uint8), "JPEG", metadata=ImageMetadata(exif_block(taken, offset))))
    found = workers.run_sync("inspect", path=path)["taken_at"]
    assert (found and datetime.fromisoformat(found)) == expected


def test_inspect_keeps_to_the_limits(workers: Workers, picture: Path, film: Path) -> None:
    for path, limits in (
        (picture, Limits(max_pixels=512 * 512 - 1)),
        (picture, Limits(max_bytes=1024)),
        (film, Limits(max_pixels=384 * 384 - 1)),
        (film, Limits(max_duration_s=1.5)),
        (film, Limits(max_bytes=1024)),
    ):
        with pytest.raises(MediaLimitError, match=r"more than the limit"):
            workers.run_sync("inspect", path=path, limits=limits)
    with pytest.raises(MediaNotFoundError) as caught:
        workers.run_sync("inspect", path="/nowhere/at/all.jpg")
    assert "/nowhere" not in str(caught.value)


def test_look_is_what_the_library_finds(workers: Workers, weights: Weights, picture: Path) -> None:
    weights(*NETS)
    image = read_image(picture)
    looker = Looker(Options(only=("faces", "objects")))
    expected = as_json({"index": 0, "time_s": 0.0, **looker.look(image).to_json()})
    by_path = workers.run_sync("look", path=picture, options=KINDS)
    by_data = workers.run_sync("look", data=picture.read_bytes(), options=AnalysisOptions(only=["faces", "objects"]))
    assert by_path["findings"] == by_data["findings"] == expected
    assert len(by_path["findings"]["faces"]) == 1
    assert by_path["counts"] == looker.look(image).counts()
    assert by_path["models"] == looker.models()
    assert set(by_path["steps_ms"]) == {"decode", "faces", "objects"}
    assert max(by_path["steps_ms"].values()) <= by_path["took_ms"]
    Look.model_validate({k: by_path[k] for k in Look.model_fields})
    slim = workers.run_sync("look", path=picture, options={**KINDS, "landmarks": False})
    assert "mesh_xyz" not in slim["findings"]["faces"][0]


def test_annotate_and_thumbnail_are_what_the_library_draws(workers: Workers, weights: Weights, picture: Path, film: Path) -> None:
    weights(*NETS)
    image = read_image(picture)
    drawn = annotate(image, Looker(Options(only=("faces", "objects"))).look(image))
    assert workers.run_sync("annotate", path=picture, options=KINDS, format="PNG") == encode_image(drawn, "PNG")
    assert workers.run_sync("thumbnail", path=picture, size_px=96) == encode_image(thumbnail(image, 96), "JPEG", quality=82)
    with VideoReader(film) as reader:
        frames = [frame.image for frame in reader]
    for at_s, expected in ((None, frames[0]), (1.0, frames[10]), (99.0, frames[0])):
        small = workers.run_sync("thumbnail", path=film, size_px=96, at_s=at_s)
        assert small == encode_image(thumbnail(expected, 96), "JPEG", quality=82)


def test_a_video_in_pieces(workers: Workers, weights: Weights, film: Path) -> None:
    weights(*NETS)
    from sightline.analysis.segments import look_at_segment

    assert workers.run_sync("plan", path=film, length_s=1.0) == [
        {"number": 0, "start_s": 0.0, "end_s": 1.0},
        {"number": 1, "start_s": 1.0, "end_s": 2.0},
    ]
    looker = Looker(Options(only=("faces",), landmarks=False))
    expected = as_json(look_at_segment(film, 1.0, 2.0, 0.5, looker.options, looker))
    found = workers.run_sync("segment", lane="batch", path=film, start_s=1.0, end_s=2.0, run_in_s=0.5, options={"only": ["faces"]})
    assert found["frames"] == expected["frames"]
    assert len(found["frames"]) == 10
    assert (found["tail"], found["run_in"], found["counts"]) == (expected["tail"], expected["run_in"], expected["counts"])
    assert "faces" in found["steps_ms"]


def moving(image: Image, start: int) -> list[Image]:
    return [np.ascontiguousarray(image[:384, start + 4 * i : start + 4 * i + 384]) for i in range(6)]


def test_live_sessions_have_memories_of_their_own(workers: Workers, weights: Weights, picture: Path) -> None:
    weights(*NETS)
    image = read_image(picture)
    looker = Looker(Options(only=("faces",), landmarks=False))
    streams = {"a": moving(image, 0), "b": moving(image, 60)}
    followers = {name: Follower(looker) for name in streams}

    async def play() -> None:
        for i in range(6):
            jpegs = {name: encode_image(frames[i], "JPEG") for name, frames in streams.items()}
            found = await asyncio.gather(
                *(workers.run("live_frame", session=name, jpeg=jpegs[name], only=["faces"], time_s=i / 10) for name in streams)
            )
            for name, answer in zip(streams, found, strict=True):
                direct = followers[name].update(Frame(read_image(jpegs[name]), i, i / 10)).findings.to_json(landmarks=False)
                assert answer["findings"] == as_json({"index": i, "time_s": i / 10, **direct}), (name, i)
                assert answer["size_wh"] == [384, 384]
                assert 0 < answer["steps_ms"]["decode"] < answer["look_ms"]

    asyncio.run(play())
    last = encode_image(streams["a"][5], "JPEG")
    with pytest.raises(ImageDecodeError):
        workers.run_sync("live_frame", session="a", jpeg=last[:200], only=["faces"], time_s=0.6)
    goes_on = workers.run_sync("live_frame", session="a", jpeg=last, only=["faces"], time_s=0.2)["findings"]
    assert goes_on["index"] == 6
    assert 0.5 < goes_on["time_s"] < 0.502  # time does not run backward
    workers.run_sync("live_close", session="a")
    assert workers.run_sync("live_frame", session="a", jpeg=last, only=["faces"], time_s=0.2)["findings"]["index"] == 0
    smaller = encode_image(streams["b"][5][:200, :200], "JPEG")
    anew = workers.run_sync("live_frame", session="b", jpeg=smaller, only=["faces"], time_s=0.7, index=41)
    assert (anew["findings"]["index"], anew["size_wh"]) == (41, [200, 200])


def test_lookers_share_their_nets(weights: Weights) -> None:
    weights(*NETS)
    from sightline.server.workers.tasks import Tasks

    tasks = Tasks(threads=2)
    first = tasks.looker(KINDS, landmarks=True)
    second = tasks.looker({**KINDS, "tiled": True}, landmarks=True)
    assert second is not first
    assert second._objects._session is first._objects._session
    assert tasks.looker(KINDS, landmarks=True) is first
    for kind in ("faces", "objects"):
        tasks.looker({"only": [kind]}, landmarks=True)
    assert first in tasks._lookers.values()
    assert second not in tasks._lookers.values()  # the one not used for longest is gone


@pytest.mark.parametrize("options", [{"only": ["race"]}, {"only": []}, {"colour": 1}, {"threads": 0}])
def test_bad_options_are_refused(workers: Workers, picture: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        workers.run_sync("look", path=picture, options=options)
    with pytest.raises(InvalidInputError, match="either by its path or by its data"):
        workers.run_sync("look", path=picture, data=b"")


def test_the_oldest_live_session_is_forgotten(weights: Weights) -> None:
    weights(*NETS)
    from sightline.server.workers.sessions import Sessions

    sessions, looker, image = Sessions(most=2), Looker(Options(only=("faces",))), np.zeros((64, 64, 3), np.uint8)
    numbers = [sessions.update(name, image, 0.0, looker)[0] for name in ("a", "b", "a", "c", "a", "b")]
    assert numbers == [0, 0, 1, 0, 2, 0]
    assert len(sessions) == 2


def test_pictures_of_many_callers_are_never_mixed_up(weights: Weights, picture: Path, tmp_path: Path) -> None:
    weights(*NETS)
    image, looker = read_image(picture), Looker(Options(only=("faces",), landmarks=False))
    options = {"only": ["faces"], "landmarks": False}
    views = [np.ascontiguousarray(image[: 300 + 12 * i, 6 * i :]) for i in range(8)]
    for i, view in enumerate(views):
        write_image(tmp_path / f"{i}.png", view)
    expected = [as_json(looker.look(view).to_json(landmarks=False)) for view in views]
    assert len({json.dumps(e) for e in expected}) == len(views)

    async def ask(pool: Workers, n: int) -> bool:
        i = n % len(views)
        lane: Any = ("interactive", "batch")[n // len(views) % 2]
        found = await pool.run("look", lane=lane, path=tmp_path / f"{i}.png", options=options)
        return bool({"index": 0, "time_s": 0.0, **expected[i]} == found["findings"])

    async def all_at_once(pool: Workers) -> list[bool]:
        return await asyncio.gather(*(ask(pool, n) for n in range(24)))

    with Workers(2, 1) as pool:
        assert all(asyncio.run(all_at_once(pool)))


def test_two_hundred_uploads_at_once_are_all_looked_into(workers: Workers, picture: Path) -> None:
    async def burst() -> list[Any]:
        return await asyncio.gather(*(workers.run("inspect", path=picture, name=f"{i}.jpg") for i in range(200)))

    assert all(found["size_wh"] == [512, 512] for found in asyncio.run(burst()))


def test_memory_stays_flat(weights: Weights, picture: Path, film: Path) -> None:
    weights(*NETS)
    jpeg = picture.read_bytes()

    def work(pool: Workers, rounds: range) -> int:
        for i in rounds:
            pool.run_sync("inspect", path=picture)
            pool.run_sync("look", path=picture, options={"only": ["faces"]})
            pool.run_sync("thumbnail", path=film, size_px=64 + i)
            pool.run_sync("live_frame", session=f"s{i}", jpeg=jpeg, only=["faces"], time_s=0.0)
            pool.run_sync("live_close", session=f"s{i}")
        return pool.statistics().processes[0].rss_bytes

    with Workers() as pool:
        before = work(pool, range(8))
        assert work(pool, range(8, 20)) - before < 40 * MIB
        assert pool.statistics().lanes["interactive"].sessions == 0


def test_interactive_work_goes_first(workers: Workers, weights: Weights, film: Path, picture: Path) -> None:
    """Looking at a video in the other lane must not hold up pictures for as long as it takes."""
    weights(*NETS)
    workers.run_sync("warm", options=KINDS)
    slow = {**KINDS, "objects_every_s": 0.0, "thorough_every_s": 0.05}
    workers.run_sync("warm", lane="batch", options=slow)

    async def both() -> tuple[bool, float]:
        long = asyncio.ensure_future(workers.run("segment", lane="batch", path=film, start_s=0.0, end_s=2.0, options=slow))
        await asyncio.sleep(0.05)
        found = [await workers.run("inspect", path=picture) for _ in range(3)]
        first = not long.done()
        await long
        return first, len(found)

    assert asyncio.run(both()) == (True, 3)
