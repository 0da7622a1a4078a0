"""analyze end to end, on real input with the real nets."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from skimage.data import astronaut
from tests.media.clips import make_clip

import sightline
from sightline import Options
from sightline.analysis.document import json_schema
from sightline.core.errors import (
    ImageDecodeError,
    MediaFormatError,
    MediaLimitError,
    MediaNotFoundError,
    ModelNotFetchedError,
    VideoDecodeError,
)
from sightline.media.images import encode_image, read_image
from sightline.media.video_reader import VideoReader

FACES = Options(only=("faces",))
CLI = [sys.executable, "-m", "sightline"]
NEEDED = ("face_detector_full", "face_detector_thorough", "face_mesh", "iris")


@pytest.fixture(autouse=True)
def _nets(weights) -> None:
    weights(*NEEDED)


def cli(*args: object, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *map(str, args)], capture_output=True, text=True, timeout=180, check=False, **how)  # type: ignore[call-overload]


def valid(document: dict) -> dict:
    jsonschema.validate(document, json_schema())
    return document


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_picture_with_everything(portrait: Path, tmp_path: Path, weights) -> None:
    weights("body_pose", "person_detector", "palm_detector", "hand_pose_full", "selfie_square", "selfie_landscape", "nanodet")
    run = sightline.analyze(portrait, out=tmp_path)
    document = valid(run.results[0].document())
    (frame,) = document["frames"]
    (face,) = frame["faces"]
    eyes = np.array(face["points_xy"][:2])
    np.testing.assert_allclose(eyes, [[204, 104], [250, 104]], atol=8)
    assert eyes[0, 0] < eyes[1, 0], "her right eye is on the picture's left"
    assert len(face["mesh_xyz"]) == 478
    assert abs(face["head_pose_deg"]["yaw"]) < 25
    assert [b["skeleton"] for b in frame["bodies"]] == ["blazepose33"]
    assert "person" in [o["label"] for o in frame["objects"]]
    assert 0.2 < frame["people"]["coverage"] < 0.8
    assert document["complete"] is True
    assert {m["name"] for m in document["models"]} >= {"face_detector_thorough", "face_mesh", "nanodet"}
    assert files(tmp_path) == ["portrait.png.annotated.jpg", "portrait.png.json", "portrait.png.matte.png", "report.html"]
    drawn = read_image(tmp_path / "portrait.png.annotated.jpg")
    assert drawn.shape == (512, 512, 3)
    assert np.abs(drawn.astype(int) - astronaut()).mean() > 2, "something was drawn"


def test_a_video_keeps_every_frame_its_time_and_one_id(clip: Path, tmp_path: Path) -> None:
    run = sightline.analyze(clip, out=tmp_path, options=FACES)
    document = valid(run.results[0].document())
    assert [f["index"] for f in document["frames"]] == list(range(15))
    np.testing.assert_allclose([f["time_s"] for f in document["frames"]], np.arange(15) / 30, atol=1e-3)
    assert {face["id"] for f in document["frames"] for face in f["faces"]} == {1}
    assert all(len(f["faces"]) == 1 for f in document["frames"])
    with VideoReader(tmp_path / "clip.mp4.annotated.mp4") as reader:
        assert (reader.codec, reader.size_wh, sum(1 for _ in reader)) == ("h264", (640, 360), 15)
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "clip.mp4" in html
    assert html.count("data:image/jpeg;base64,") >= 1
    assert "<rect" in html, "a timeline"
    assert "http" not in html.replace("http-equiv", ""), "one file that needs nothing else"


def test_sound_is_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "talk.mp4", sound_s=2.0)
    sightline.analyze(source, out=tmp_path / "out", options=FACES)
    with VideoReader(tmp_path / "out/talk.mp4.annotated.mp4") as reader:
        assert reader.has_audio


def test_without_out_nothing_is_written(portrait: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = sightline.analyze(portrait, clip, options=FACES)
    assert [len(valid(r.document())["frames"]) for r in run.results] == [1, 15]
    assert files(tmp_path) == []
    assert run.report_path is None


def test_json_lines_are_all_that_stdout_gets(portrait: Path, clip: Path, tmp_path: Path) -> None:
    done = cli("analyze", portrait, clip, tmp_path / "missing.jpg", "--only", "faces", "--json", cwd=tmp_path)
    picture, video, missing = [valid(json.loads(line)) for line in done.stdout.splitlines()]
    assert (len(picture["frames"]), len(video["frames"]), len(missing["frames"])) == (1, 15, 0)
    assert missing["problems"][0]["kind"] == "MediaNotFoundError"
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize("kind", ["picture", "video"])
def test_stdin(kind: str, portrait: Path, clip: Path, tmp_path: Path) -> None:
    source = portrait if kind == "picture" else clip
    done = subprocess.run(
        [*CLI, "analyze", "-", "--only", "faces", "--out", str(tmp_path)],
        input=source.read_bytes(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = valid(json.loads((tmp_path / "stdin.json").read_text()))
    assert document["source"]["path"] == "-"
    assert document["source"]["kind"] == kind
    assert document["source"]["bytes"] == source.stat().st_size
    assert len(document["frames"][0]["faces"]) == 1


def header_only(width: int, height: int) -> bytes:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def silent_film(path: Path) -> bytes:
    """Sound alone: an MP4 without a picture stream."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        for _ in range(20):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def test_bad_inputs_give_one_clear_line_each_and_lose_nothing(portrait: Path, clip: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    jpeg = encode_image(astronaut(), "JPEG")
    bad = {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], ImageDecodeError),
        "empty.jpg": (b"", MediaFormatError),
        "text.jpg": (b"this is not a picture at all", MediaFormatError),
        "huge.png": (header_only(40_000, 40_000), MediaLimitError),
        "sound.mp4": (silent_film(tmp_path / "sound.mp4"), (VideoDecodeError, MediaFormatError)),
        "empty.mp4": (b"", MediaFormatError),
        "half header.mp4": (clip.read_bytes()[:200], (VideoDecodeError, MediaFormatError)),
    }
    for name, (data, _) in bad.items():
        (album / name).write_bytes(data)
    (album / "tiny 中文 🙂.png").write_bytes(encode_image(np.full((1, 1, 3), 9, np.uint8), "PNG"))
    (album / os.fsdecode(b"\xff\xfe odd.png")).write_bytes(portrait.read_bytes())
    shutil.copy(clip, album / "good.mp4")
    run = sightline.analyze(album, tmp_path / "missing.png", out=tmp_path / "out", options=FACES)
    results = {Path(r.source).name: r for r in run.results}
    for name, (_, error) in bad.items():
        assert isinstance(results[name].error, error), f"{name}: {results[name].error!r}"
        assert len(results[name].problems) == 1
        assert "\n" not in results[name].problems[0]["message"]
        assert name in results[name].problems[0]["message"]
    assert isinstance(results["missing.png"].error, MediaNotFoundError)
    good = [r for r in run.results if not r.failed]
    assert [r.summary.frames for r in sorted(good, key=lambda r: r.source)] == [1, 15, 1]
    assert all(r.complete for r in good)
    assert run.failed
    for written in (tmp_path / "out").glob("*.json"):
        valid(json.loads(written.read_text("utf-8")))
    assert len(list((tmp_path / "out").glob("*.json"))) == 3
    html = (tmp_path / "out/report.html").read_text("utf-8")
    assert f"{len(bad) + 1} with problems" in html


def test_a_video_cut_in_the_middle_keeps_what_was_read(clip: Path, tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", count=60, texture=40)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    run = sightline.analyze(cut, out=tmp_path / "out", options=FACES)
    (result,) = run.results
    document = valid(result.document())
    assert 10 < len(document["frames"]) < 60
    assert document["complete"] is False
    assert document["problems"]
    assert document["problems"][0]["time_s"] == pytest.approx(document["frames"][-1]["time_s"], abs=0.5)
    with VideoReader(result.annotated_path) as reader:  # type: ignore[arg-type]
        assert sum(1 for _ in reader) == len(document["frames"])


def test_a_folder_that_may_not_be_read_and_one_that_may_not_be_written(portrait: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = cli("analyze", portrait, "--only", "faces", "--out", tmp_path / "file")
    assert done.returncode == 2
    assert "file" in done.stderr
    assert cli("analyze", portrait, "--only", "moods").returncode == 2
    assert cli("analyze").returncode == 2


def test_missing_nets_say_how_to_get_them(portrait: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SIGHTLINE_HOME": str(tmp_path)}
    environment.pop("SIGHTLINE_MODELS", None)
    done = cli("analyze", portrait, "--only", "faces", "--json", env=environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "sightline models fetch face_detector" in done.stderr
    assert "Traceback" not in done.stderr
    assert issubclass(ModelNotFetchedError, FileNotFoundError)


def test_ctrl_c_leaves_finished_outputs_whole(portrait: Path, tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", count=1500)
    out = tmp_path / "out"
    command = [*CLI, "analyze", str(portrait), str(film), "--only", "faces", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob(".*part*")) or not (out / "portrait.png.json").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    valid(json.loads((out / "portrait.png.json").read_text()))
    assert files(out) == ["portrait.png.annotated.jpg", "portrait.png.json", "report.html"]


def test_offline_means_no_socket_at_all(portrait: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something opened a socket")

    monkeypatch.setenv("SIGHTLINE_OFFLINE", "1")
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    run = sightline.analyze(portrait, clip, options=FACES)
    assert not run.failed
    assert [r.summary.most for r in run.results] == [{"faces": 1}, {"faces": 1}]


def test_the_readers_end_of_the_pipe_may_close(portrait: Path) -> None:
    command = f"{sys.executable} -m sightline analyze {portrait} {portrait} --only faces --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr


def test_memory_stays_flat(clip: Path) -> None:
    """The Follower over and over the same half second: 300 frames after 60 of warming up."""
    import psutil

    looker = sightline.Looker(FACES)
    with VideoReader(clip) as reader:
        frames = list(reader)
    process = psutil.Process()

    def follow(rounds: int) -> int:
        for _ in range(rounds):
            follower = sightline.Follower(looker)
            for frame in frames:
                follower.update(frame).findings.to_json()
        return int(process.memory_info().rss)

    before = follow(4)
    after = follow(20)
    looker.close()
    assert after - before < 12_000_000


def test_progress_is_told(clip: Path) -> None:
    class Told:
        def __init__(self) -> None:
            self.events: list[tuple[object, ...]] = []

        def __getattr__(self, name: str):
            return lambda *values: self.events.append((name, *values))

    told = Told()
    sightline.analyze(clip, options=FACES, progress=told)  # type: ignore[arg-type]
    assert told.events[:2] == [("begin", 1), ("start", str(clip))]
    assert told.events[2:-2] == [("frames", i + 1, 15) for i in range(15)]
    assert told.events[-2:] == [("finish",), ("end",)]


def test_json_stream_from_python(portrait: Path) -> None:
    line = io.StringIO()
    sightline.analyze(portrait, options=FACES, json_lines=line)
    assert len(valid(json.loads(line.getvalue()))["frames"]) == 1


def test_on_a_terminal_a_bar_runs_on_stderr(clip: Path, tmp_path: Path) -> None:
    import pty

    master, slave = pty.openpty()
    command = [*CLI, "analyze", str(clip), "--only", "faces", "--out", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}) as process:
        os.close(slave)
        said = b""
        try:
            while block := os.read(master, 65536):
                said += block
        except OSError:
            pass  # Linux says so when the other end is closed
        assert process.stdout is not None
        table = process.stdout.read()
    os.close(master)
    assert process.returncode == 0
    assert b"frames/s" in said
    assert b"15 frames" in said
    assert b"clip.mp4" in table
    assert b"\x1b" not in table, "what is piped has no colours"
