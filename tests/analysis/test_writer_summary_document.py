from __future__ import annotations

import io
import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.analysis.document import Document, FrameFindings, json_schema
from sightline.analysis.findings import KINDS, Findings
from sightline.analysis.follower import Every, join, unlike
from sightline.analysis.options import Options, parse_kinds
from sightline.analysis.summary import Stopwatch, Summary, Thumbnail, Timeline
from sightline.analysis.writer import DocumentWriter
from sightline.core.errors import InvalidInputError
from sightline.core.observations import Bodies, Detections, Faces, Hands, TextLines


def everything() -> Findings:
    """Two of everything, the second face too small for its mesh."""
    boxes, scores = np.array([[10, 20, 110, 140], [200, 20, 212, 34]], float), np.array([0.91234, 0.5])
    faces = Faces(
        boxes,
        scores,
        ids=np.array([3, -1]),
        points_xy=np.ones((2, 5, 2)),
        mesh_xyz=np.full((2, 478, 3), 0.123),
        mesh_scores=np.array([0.99, 0.9]),
        head_pose_deg=np.array([[10.0, -5, 2], [0, 0, 0]]),
        eye_openness=np.full((2, 2), 0.3),
        mouth_openness=np.zeros(2),
        gaze_deg=np.zeros((2, 2)),
        actions=np.full((2, 2), 1.2),
        action_names=("smile", "wink_left"),
    )
    bodies = Bodies(boxes, scores, points_xyz=np.zeros((2, 33, 3)), visibility=np.full((2, 33), 1.01), world_xyz_m=np.zeros((2, 33, 3)))
    hands = Hands(
        boxes,
        scores,
        points_xyz=np.zeros((2, 21, 3)),
        left_scores=np.array([0.9, 0.2]),
        gestures=np.array([0, 1]),
        gesture_scores=np.ones(2),
        gesture_names=("fist", "unknown"),
    )
    people = np.zeros((50, 100), np.uint8)
    people[10:20, 30:40] = 255
    text = TextLines(boxes, scores, quads_xy=np.zeros((2, 4, 2)), texts=np.array(["EXIT", "出口 \ud800"], object), rotation_deg=np.zeros(2))
    objects = Detections(boxes, scores, labels=np.array([0, 1]), label_names=("cat", "dog"))
    return Findings(faces, bodies, hands, people, text, objects)


def test_json_fits_the_schema_and_leaves_out_what_is_not_known() -> None:
    found = everything().to_json()
    FrameFindings.model_validate({"index": 0, "time_s": 0.0, **found})
    assert list(found) == ["faces", "bodies", "hands", "people", "text", "objects"]
    first, second = found["faces"]
    assert first["id"] == 3
    assert first["score"] == 0.912
    assert first["mesh_xyz"][0] == [0.1, 0.1, 0.1]
    assert first["actions"] == {"smile": 1.0, "wink_left": 1.0}
    assert "id" not in second
    assert "mesh_xyz" not in second, "a face of 14 px has no mesh worth keeping"
    assert [h["side"] for h in found["hands"]] == ["left", "right"]
    assert found["people"] == {"coverage": 0.02, "box_xyxy": [30.0, 10.0, 40.0, 20.0]}
    assert Findings().to_json() == {}
    assert Findings(faces=Faces.empty()).to_json() == {"faces": []}


def test_long_lists_can_be_left_out() -> None:
    short = everything().to_json(landmarks=False)
    assert "mesh_xyz" not in short["faces"][0]
    assert "world_xyz_m" not in short["bodies"][0]
    assert short["faces"][0]["head_pose_deg"] == {"yaw": 10.0, "pitch": -5.0, "roll": 2.0}


def test_no_people_no_box() -> None:
    assert Findings(people=np.zeros((4, 4), np.uint8)).to_json() == {"people": {"coverage": 0.0}}
    assert Findings(people=np.zeros((4, 4), np.uint8)).counts() == {"people": 0}


def test_counts_in_their_usual_order() -> None:
    assert everything().counts() == dict(zip(KINDS, (2, 2, 2, 1, 2, 2), strict=True))


def test_the_shipped_schema_is_the_models() -> None:
    shipped = (resources.files("sightline.analysis") / "schema" / "analysis-1.schema.json").read_text("utf-8")
    assert json.loads(shipped) == json_schema(), "make it again: python scripts/write_schema.py"


def test_the_schema_is_strict() -> None:
    import jsonschema

    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {
        "schema_version": "1.0", "sightline_version": "0", "source": {"path": "a", "kind": None}, "only": ["faces"], "models": [],
        "frames": [], "problems": [], "outputs": {}, "timings": None, "complete": True,
    }  # fmt: skip
    jsonschema.validate(good, schema)
    for bad in ({**good, "extra": 1}, {**good, "schema_version": "2.0"}, {k: v for k, v in good.items() if k != "frames"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=8), st.none()), max_size=3), max_size=4))
def test_the_writer_writes_json_whole_and_on_one_line(frames: list[dict[str, object]]) -> None:
    file, line = io.StringIO(), io.StringIO()
    writer = DocumentWriter([file], one_line=[line])
    writer.begin({"a": "x\ny"})
    for frame in frames:
        writer.frame(frame)
    writer.end({"z": [1]})
    assert json.loads(file.getvalue()) == json.loads(line.getvalue())
    assert [*json.loads(line.getvalue())] == ["a", "frames", "z"]
    assert line.getvalue().count("\n") == 1
    assert len(json.loads(file.getvalue())["frames"]) == len(frames)


def test_text_stays_readable_and_lone_surrogates_do_no_harm() -> None:
    line = io.StringIO()
    writer = DocumentWriter([], one_line=[line])
    writer.begin({})
    writer.frame({"text": "出口 \ud800"})
    writer.end({})
    line.getvalue().encode("utf-8")
    assert "出口" in line.getvalue()
    json.loads(line.getvalue())


def test_a_timeline_keeps_the_peaks_and_stays_small() -> None:
    timeline = Timeline()
    for second in range(4000):
        timeline.add(second + 0.1, {"faces": 7 if second == 1234 else 1})
    assert len(timeline.buckets) <= 512
    assert max(b.get("faces", 0) for b in timeline.buckets) == 7
    peak = next(i for i, b in enumerate(timeline.buckets) if b.get("faces") == 7)
    assert peak * timeline.width_s <= 1234.1 < (peak + 1) * timeline.width_s


def test_thumbnails_stay_few_and_spread_over_the_whole() -> None:
    summary = Summary()
    for second in range(500):
        if summary.wants_thumbnail(float(second)):
            summary.add_thumbnail(Thumbnail(float(second), np.zeros((2, 2, 3), np.uint8)))
    times = [t.time_s for t in summary.thumbnails]
    assert len(times) <= 8
    assert times[0] == 0
    assert times[-1] > 250


def test_a_summary_counts_frames_ids_and_words() -> None:
    summary = Summary()
    for time_s in (0.0, 0.04):
        summary.add(time_s, everything())
    assert summary.frames == 2
    assert summary.most["faces"] == 2
    assert summary.different() == {"faces": 1}, "an id of -1 is not known yet"
    assert dict(summary.top_words()) == {"cat": 2, "dog": 2, "fist": 2}
    assert summary.top_texts()[0] == "EXIT"


def test_a_stopwatch_gives_means_over_the_times_a_step_ran() -> None:
    watch = Stopwatch()
    for _ in range(3):
        with watch.step("a"):
            pass
    with pytest.raises(KeyError), watch.step("b"):
        raise KeyError
    assert set(watch.mean_ms()) == {"a", "b"}
    assert watch.elapsed_s() >= 0


def test_every_so_often() -> None:
    due = Every(0.2)
    assert [due(i / 25) for i in range(12)] == [i % 5 == 0 for i in range(12)]
    assert due(0.0), "a jump backward begins anew"
    assert all(Every(0.0)(t) for t in (0.0, 0.04))


def test_faces_with_and_without_mesh_are_joined() -> None:
    meshed = everything().faces
    assert meshed is not None
    far = Faces(np.array([[500, 500, 510, 512]]), np.array([0.7]), points_xy=np.zeros((1, 5, 2)))
    both = join(meshed, far)
    assert len(both) == 3
    assert both.mesh_scores is not None
    assert both.mesh_scores.tolist() == pytest.approx([0.99, 0.9, 0.0])
    assert "mesh_xyz" not in Findings(faces=both).to_json()["faces"][2]
    assert join(Faces.empty(), far).mesh_xyz is None
    assert join(meshed, Faces.empty()) is meshed
    assert len(unlike(both, meshed)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"only": ()},
        {"only": ("faces", "moods")},
        {"device": "tpu"},
        {"threads": 0},
        {"video_faces": "best"},
        {"text_every_s": -1.0},
        {"max_hands": 0},
    ],
)
def test_options_refuse_nonsense(bad: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        Options(**bad)  # type: ignore[arg-type]


def test_kinds_from_text() -> None:
    assert parse_kinds("objects,faces , faces") == ("faces", "objects")
    with pytest.raises(InvalidInputError, match="choose from faces"):
        parse_kinds("faces,")


def test_document_defaults() -> None:
    assert Document.model_fields["schema_version"].default == "1.0"
