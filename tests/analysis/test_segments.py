"""A video in pieces gives what it gives in one go."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data import shared_data
from tests.media.clips import make_clip

from sightline import Options
from sightline.analysis.looker import Looker
from sightline.analysis.segments import RUN_IN_S, Segment, carry, look_at_segment, plan, plan_file, stitch
from sightline.core.boxes import iou
from sightline.core.errors import InvalidInputError, MediaFormatError, MediaLimitError, MediaNotFoundError
from sightline.media.video_reader import VideoLimits, VideoReader
from sightline.media.video_survey import survey_video

FACES = Options(only=("faces",), thorough_every_s=0.0, landmarks=False, threads=1)


@pytest.fixture(scope="module")
def looker(weights) -> Iterator[Looker]:
    weights("face_detector_full", "face_detector_thorough", "face_mesh", "iris")
    opened = Looker(FACES)
    yield opened
    opened.close()


def in_pieces(path: Path, looker: Looker, length_s: float, run_in_s: float = RUN_IN_S) -> list[dict[str, Any]]:
    """Look at a video as a job does: planned pieces, then on until the end; what is kept in between is JSON."""
    pieces = plan_file(path, length_s)
    stitched: list[dict[str, Any]] = []
    piece, kept = pieces[0], None
    while True:
        after = look_at_segment(path, piece.start_s, piece.end_s, run_in_s, looker.options, looker)
        stitched.append(stitch(kept, json.loads(json.dumps(after))))
        if stitched[-1]["ended"]:
            return stitched
        kept = json.loads(json.dumps(carry(stitched[-1])))
        piece = pieces[piece.number + 1] if piece.number + 1 < len(pieces) else piece.following(length_s)


def one_pass(path: Path) -> list[tuple[int, float]]:
    with VideoReader(path) as reader:
        return [(frame.index, round(frame.time_s, 6)) for frame in reader]


def of_pieces(pieces: list[dict[str, Any]]) -> list[tuple[int, float]]:
    return [(frame["index"], frame["time_s"]) for piece in pieces for frame in piece["frames"]]


# ---------------------------------------------------------------------- plan


@given(st.floats(0, 5000), st.floats(10, 600))
def test_a_plan_leaves_nothing_out(duration_s: float, length_s: float) -> None:
    pieces = plan(duration_s, length_s)
    assert pieces[0].start_s == 0
    assert pieces[-1].end_s >= duration_s
    assert [p.number for p in pieces] == list(range(len(pieces)))
    assert all(a.end_s == b.start_s for a, b in pairwise(pieces))
    assert all(p.end_s - p.start_s == pytest.approx(length_s) for p in pieces[:-1])
    assert pieces[-1].end_s - pieces[-1].start_s <= 2 * length_s * (1 + 1e-9)


@pytest.mark.parametrize(
    ("duration_s", "ends"),
    [(None, [10]), (0, [10]), (0.2, [10]), (10, [10]), (10.01, [20]), (12.4, [20]), (12.5, [10, 20]), (30, [10, 20, 30])],
)
def test_a_short_rest_belongs_to_the_piece_before(duration_s: float | None, ends: list[float]) -> None:
    assert [p.end_s for p in plan(duration_s)] == ends


def test_a_plan_of_nonsense_is_refused() -> None:
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError):
            plan(10, bad)
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError):
            plan(bad)


def test_a_video_of_a_hundred_hours_is_refused_before_it_is_planned(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "long.mp4", 4, times_s=[0.0, 3000.0, 6000.0, 9000.0], rate=25)
    assert (len(plan_file(path)), plan_file(path)[-1].end_s) == (900, 9010.0)  # the last frame, at 9,000 s, included
    with pytest.raises(MediaLimitError, match="9000 s"):
        plan_file(path, limits=VideoLimits(max_duration_s=8000))


def test_bad_borders_and_files_are_refused(looker: Looker, tmp_path: Path) -> None:
    for start_s, end_s, run_in_s in [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (-1.0, 1.0, 1.0), (0.0, 1.0, -1.0), (float("nan"), 1.0, 0.0)]:
        with pytest.raises(InvalidInputError):
            look_at_segment("x.mp4", start_s, end_s, run_in_s, FACES, looker)
    with pytest.raises(MediaNotFoundError):
        look_at_segment(tmp_path / "none.mp4", 0, 1, 1, FACES, looker)
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(MediaFormatError):
        plan_file(tmp_path / "text.mp4")


# ---------------------------------------------------------------------- every frame once, with its true time and index


def glued(path: Path) -> Path:
    """Two transport streams in one file: the clock starts anew in the middle."""
    first, second = make_clip(path.with_name("a.ts"), 70), make_clip(path.with_name("b.ts"), 50)
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


def bare(path: Path) -> Path:
    """An elementary stream: no packet has a time."""
    clip = make_clip(path.with_name("source.mp4"), 100)
    with av.open(str(clip)) as source, av.open(str(path), "w", format="h264") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return path


def cut(path: Path) -> Path:
    whole = make_clip(path.with_name("whole.mp4"), 120, texture=60).read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    return path


def uneven(path: Path) -> Path:
    steps = np.random.default_rng(3).choice([1 / 90, 1 / 30, 0.2, 1.3], 80, p=[0.3, 0.5, 0.15, 0.05])
    return make_clip(path, 80, times_s=np.cumsum(steps).tolist(), rate=25)


CLIPS = {
    "plain.mp4": lambda p: make_clip(p, 100),
    "plain.mkv": lambda p: make_clip(p, 100, rate=25),
    "bframes.avi": lambda p: make_clip(p, 100, codec="mpeg4"),
    "plain.ts": lambda p: make_clip(p, 100),
    "uneven.mp4": uneven,
    "three.mp4": lambda p: make_clip(p, 3),
    "one.mp4": lambda p: make_clip(p, 1),
    "cut.mp4": cut,
    "glued.ts": glued,
    "bare.h264": bare,
}


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_once_with_its_true_time_and_index(name: str, looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.analysis.segments._IRREGULAR_S", 1.0)
    path = CLIPS[name](tmp_path / name)
    pieces = in_pieces(path, looker, 1.0)
    assert of_pieces(pieces) == one_pass(path)
    assert sum(p["frame_count"] for p in pieces) == len(one_pass(path))
    assert all(p["start_s"] - 1e-6 <= f["time_s"] < p["end_s"] for p in pieces for f in p["frames"])
    assert [p["ended"] for p in pieces] == [False] * (len(pieces) - 1) + [True]
    if name not in ("three.mp4", "one.mp4"):
        assert len(pieces) >= 2


@pytest.mark.parametrize("name", ["glued.ts", "bare.h264"])
def test_broken_times_are_seen_without_decoding(name: str, tmp_path: Path) -> None:
    path = CLIPS[name](tmp_path / name)
    survey = survey_video(path)
    assert not survey.regular
    assert survey.frame_count == len(one_pass(path))
    assert len(plan_file(path, 1.0)) == 1  # pieces of two minutes: each has to be decoded from the start


def test_a_piece_knows_its_indices_before_it_is_stitched(looker: Looker, tmp_path: Path) -> None:
    """With an uneven rate, time times rate would be wrong."""
    path = uneven(tmp_path / "uneven.mp4")
    middle = one_pass(path)[40]
    after = look_at_segment(path, middle[1], middle[1] + 1.0, 0.5, FACES, looker)
    assert (after["frames"][0]["index"], after["frames"][0]["time_s"]) == middle


def test_a_piece_beyond_the_end_is_empty(looker: Looker, tmp_path: Path) -> None:
    after = look_at_segment(make_clip(tmp_path / "clip.mp4", 30), 50.0, 60.0, 1.0, FACES, looker)
    assert (after["frames"], after["ended"], after["problems"]) == ([], True, [])


def test_a_gap_does_not_end_the_video(looker: Looker, tmp_path: Path) -> None:
    path = make_clip(tmp_path / "gap.mp4", 4, times_s=[0.0, 0.1, 5.0, 5.1], rate=25)
    pieces = in_pieces(path, looker, 1.0)
    assert [p["frame_count"] for p in pieces] == [2, 0, 0, 0, 2]
    assert of_pieces(pieces) == one_pass(path)


def test_damage_is_told_by_the_piece_that_it_lies_in(looker: Looker, tmp_path: Path) -> None:
    path = cut(tmp_path / "cut.mp4")
    pieces = in_pieces(path, looker, 1.0)
    assert [len(p["problems"]) for p in pieces[:-1]] == [0] * (len(pieces) - 1)
    kinds = [problem["kind"] for problem in pieces[-1]["problems"]]
    assert "VideoDecodeError" in kinds
    assert any("missing" in problem["message"] and str(path) in problem["message"] for problem in pieces[-1]["problems"])
    named = look_at_segment(path, pieces[-1]["start_s"], pieces[-1]["end_s"], 0.0, FACES, looker, name="holiday.mp4")
    assert all(problem["message"].startswith("holiday.mp4") for problem in named["problems"])


# ---------------------------------------------------------------------- who is who


def frame(time_s: float, *things: tuple[int, list[float]], kind: str = "objects", label: str = "person") -> dict[str, Any]:
    return {"index": 0, "time_s": time_s, kind: [{"id": i, "box_xyxy": box, "score": 0.9, "label": label} for i, box in things]}


def piece(frames: list[dict[str, Any]], run_in: list[dict[str, Any]] | None = None, start_s: float = 10.0) -> dict[str, Any]:
    return {"start_s": start_s, "end_s": start_s + 10, "frames": frames, "run_in": run_in or [], "tail": frames, "ended": False}


A, B, FAR = [0, 0, 10, 20], [30, 0, 40, 20], [80, 50, 90, 70]


def ids(result: dict[str, Any], kind: str = "objects") -> list[list[int]]:
    return [[f["id"] for f in found[kind]] for found in result["frames"]]


def test_those_who_stay_keep_their_ids_and_newcomers_get_new_ones() -> None:
    first = stitch(None, piece([frame(9.9, (4, A), (9, B))], start_s=0.0))
    assert ids(first) == [[1, 2]]
    after = piece([frame(10.0, (1, B), (2, A), (3, FAR))], [frame(9.9, (1, B), (2, A))])
    before_call = json.dumps(after)
    second = stitch(carry(first), after)
    assert ids(second) == [[2, 1, 3]]
    assert second["kept"] == {"objects": 2}
    assert second["next_ids"] == {"objects": 4}
    assert json.dumps(after) == before_call


def test_an_id_of_the_run_in_alone_costs_no_number() -> None:
    second = stitch(None, piece([frame(10.0, (7, A))], [frame(9.9, (3, FAR))]))
    assert ids(second) == [[1]]


def test_boxes_between_looks_are_reckoned() -> None:
    """The pieces looked for objects in different frames, of something that moves by its own width in between."""
    moving = [frame(9.2 + 0.2 * n, (1, [20 * n, 0, 20 * n + 20, 40])) for n in range(4)]
    first = stitch(None, piece(moving, start_s=0.0))
    run_in = [frame(9.3 + 0.2 * n, (5, [20 * n + 10, 0, 20 * n + 30, 40])) for n in range(3)]
    assert ids(stitch(first, piece([frame(10.0, (5, [80, 0, 100, 40]))], run_in))) == [[1]]


def test_another_label_is_another_thing_unless_it_is_in_the_same_place() -> None:
    first = stitch(None, piece([frame(9.9, (1, A))], start_s=0.0))
    nearly = [0, 4, 10, 24]
    assert ids(stitch(first, piece([frame(10.0, (1, nearly))], [frame(9.9, (1, nearly), label="dog")]))) == [[2]]
    assert ids(stitch(first, piece([frame(10.0, (1, A))], [frame(9.9, (1, A), label="dog")]))) == [[1]]


def test_kinds_count_for_themselves() -> None:
    both = {**frame(9.9, (1, A)), **frame(9.9, (1, B), kind="faces")}
    first = stitch(None, piece([both], start_s=0.0))
    second = stitch(first, piece([{**both, "time_s": 10.0}]))
    assert (ids(first), ids(first, "faces")) == ([[1]], [[1]])
    assert (ids(second), ids(second, "faces")) == ([[2]], [[2]])


def test_after_a_piece_that_is_missing_indices_stay_true() -> None:
    first = stitch(None, piece([frame(0.5, (1, A))], start_s=0.0))
    later = piece([{**frame(25.0, (1, A)), "index": 620}], start_s=20.0)
    assert stitch(first, later)["frames"][0]["index"] == 620
    assert stitch(first, {**later, "start_s": 10.0})["frames"][0]["index"] == 1


def test_in_a_real_video_who_stays_keeps_the_id(weights) -> None:
    """1,280 x 720, a crowd that walks: pieces of 2 s against one pass. Measured: 22 of 23 objects."""
    weights("nanodet")
    path = shared_data("video/people-walking.mp4")
    looker = Looker(Options(only=("objects",)))
    pieces = [
        look_at_segment(path, start_s, end_s, RUN_IN_S, looker.options, looker) for start_s, end_s in [(0.0, 2.0), (2.0, 4.0), (4.0, 5.0)]
    ]
    whole = look_at_segment(path, 0.0, 5.0, 0.0, looker.options, looker)
    looker.close()
    stitched = [stitch(None, pieces[0])]
    for after in pieces[1:]:
        stitched.append(stitch(carry(stitched[-1]), after))
    frames = [f for p in stitched for f in p["frames"]]
    assert [(f["index"], f["time_s"]) for f in frames] == [(f["index"], f["time_s"]) for f in whole["frames"]]
    assert sum(len(f.get("objects", ())) for f in frames) == pytest.approx(
        sum(len(f.get("objects", ())) for f in whole["frames"]), rel=0.05
    )
    assert {"objects": max(p["counts"]["objects"] for p in pieces)} == whole["counts"]
    kept, spans = kept_over_borders(whole["frames"], frames, [2.0, 4.0])
    assert spans >= 15
    assert kept >= 0.9 * spans


def kept_over_borders(whole: list[dict[str, Any]], frames: list[dict[str, Any]], borders: list[float]) -> tuple[int, int]:
    """Of the tracks of one pass that are there on both sides of a border: how many have one id on both sides in the pieces."""
    kept = spans = 0
    for border in borders:
        votes: dict[int, tuple[Counter[int], Counter[int]]] = {}
        for true, ours in zip(whole, frames, strict=True):
            if abs(true["time_s"] - border) > 0.6 or not true.get("objects") or not ours.get("objects"):
                continue
            overlaps = iou([o["box_xyxy"] for o in true["objects"]], [o["box_xyxy"] for o in ours["objects"]])
            for row, thing in enumerate(true["objects"]):
                other = ours["objects"][int(overlaps[row].argmax())]
                if "id" in thing and "id" in other and overlaps[row].max() > 0.5:
                    votes.setdefault(thing["id"], (Counter(), Counter()))[true["time_s"] >= border][other["id"]] += 1
        for before, after in votes.values():
            if before and after:
                spans += 1
                kept += before.most_common(1)[0][0] == after.most_common(1)[0][0]
    return kept, spans


def test_what_a_piece_tells(looker: Looker, clip: Path) -> None:
    after = look_at_segment(clip, 0.2, 0.4, 0.1, looker.options, looker)
    assert after["frame_count"] == len(after["frames"]) == 6
    assert [round(f["time_s"], 3) for f in after["run_in"]] == [0.1, 0.133, 0.167]
    assert after["counts"] == {"faces": 1}
    assert after["size_wh"] == [640, 360]
    assert {m["name"] for m in after["models"]} >= {"face_detector_full", "face_mesh"}
    assert after["steps_ms"]["faces"] > 0
    assert after["took_s"] > 0
    assert after["next_index"] == 12
    assert [set(f["faces"][0]) for f in after["tail"]] == [{"id", "box_xyxy"}] * 3
    alone = look_at_segment(clip, 0.2, 0.4, 0.1, Options(only=("faces",), thorough_every_s=0.0, landmarks=False, threads=1))
    assert alone["frames"] == after["frames"]


def test_a_segment_is_a_plain_tuple() -> None:
    assert Segment(*json.loads(json.dumps(Segment(2, 20.0, 30.0)))).following(5.0) == Segment(3, 30.0, 35.0)
