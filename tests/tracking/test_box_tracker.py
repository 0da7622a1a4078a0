from __future__ import annotations

import numpy as np
import pytest
from benchmarks.tracking import SEQUENCES, Sequence, evaluate, read_mot, track
from tests.data import shared_data

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Bodies, Detections, Faces, Hands
from sightline.tracking import BoxTracker, BoxTrackerOptions

NAMES = ("person", "car", "truck")


def objects(*rows):
    """Rows of (x, y, width, height, score, label)."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    boxes = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    return Detections(boxes, table[:, 4], labels=table[:, 5].astype(int), label_names=NAMES)


@pytest.mark.parametrize("kind", [Faces, Bodies, Hands])
def test_every_kind_keeps_its_rows_and_gets_ids(kind):
    tracker = BoxTracker()
    seen = kind(np.array([[10, 10, 50, 50], [100, 10, 150, 60]]), np.array([0.9, 0.7]))
    for k in range(3):
        found = tracker.update(seen[[1, 0]] if k == 1 else seen, k / 30)
        assert type(found) is kind
        assert found.ids.tolist() == ([2, 1] if k == 1 else [1, 2])
    assert seen.ids is None
    assert len(tracker.update(kind.empty(), 0.2)) == 0


@pytest.mark.parametrize("rate", [4, 30])
def test_ids_survive_a_crossing(rate):
    tracker = BoxTracker()
    for k in range(2 * rate + 1):
        t = k / rate
        rows = [(100 + 200 * t, 100, 60, 120, 0.9, 0), (500 - 200 * t, 110, 60, 120, 0.9, 0)]
        found = tracker.update(objects(*(rows if k % 2 else rows[::-1])), t)
        ids = found.ids if k % 2 else found.ids[::-1]
        if k == 0:
            first = ids.tolist()
    assert ids.tolist() == first


def test_a_gap_is_bridged_in_seconds_not_in_frames():
    for rate in (5, 60):
        tracker = BoxTracker(BoxTrackerOptions(max_unseen_s=1.0))
        for k in range(rate):
            before = tracker.update(objects((100 + 50 * k / rate, 100, 60, 60, 0.9, 0)), k / rate).ids[0]
        for k in range(rate, int(1.7 * rate)):
            assert len(tracker.update(objects(), k / rate)) == 0
        after = tracker.update(objects((185, 100, 60, 60, 0.9, 0)), 1.7).ids[0]
        assert after == before
        assert tracker.update(objects((185, 100, 60, 60, 0.9, 0)), 3.5).ids[0] != before


def test_weak_boxes_continue_tracks_and_begin_none():
    tracker = BoxTracker()
    tracker.update(objects((100, 100, 60, 60, 0.9, 0)), 0.0)
    found = tracker.update(objects((102, 100, 60, 60, 0.2, 0), (400, 100, 60, 60, 0.3, 0)), 0.04)
    assert found.ids.tolist() == [1, -1]
    assert len(tracker.tracks()) == 1


def test_a_newcomer_is_named_when_seen_again_and_a_flash_never():
    tracker = BoxTracker()
    tracker.update(objects((100, 100, 60, 60, 0.9, 0)), 0.0)
    assert tracker.update(objects((100, 100, 60, 60, 0.9, 0), (300, 100, 60, 60, 0.9, 0)), 0.04).ids.tolist() == [1, -1]
    assert tracker.update(objects((300, 100, 60, 60, 0.9, 0), (500, 0, 20, 20, 0.9, 0)), 0.08).ids.tolist() == [2, -1]
    assert tracker.update(objects((300, 100, 60, 60, 0.9, 0)), 0.12).ids.tolist() == [2]
    assert tracker.tracks().ids.tolist() == [1, 2]


def test_labels_are_kept_apart_and_flicker_is_forgiven():
    tracker = BoxTracker()
    tracker.update(objects((100, 100, 200, 100, 0.9, 1), (130, 100, 60, 100, 0.8, 0)), 0.0)
    # The person's box fits the car's place badly but the car is not seen: no swap.
    assert tracker.update(objects((130, 100, 60, 100, 0.8, 0)), 0.04).ids.tolist() == [2]
    found = tracker.update(objects((100, 100, 200, 100, 0.6, 2), (130, 100, 60, 100, 0.8, 0)), 0.08)
    assert found.ids[1] == 2
    tracker = BoxTracker()
    for k in range(6):
        label = 2 if k == 3 else 1
        found = tracker.update(objects((100 + k, 100, 200, 100, 0.6 if k == 3 else 0.9, label)), k / 25)
        assert found.ids.tolist() == [1]
        assert found.labels.tolist() == [label]
        assert tracker.tracks().labels.tolist() == [1]


def test_small_things_that_leap_keep_their_id():
    tracker = BoxTracker()
    tracker.update(objects((100, 100, 20, 20, 0.9, 0)), 0.0)
    assert tracker.update(objects((124, 100, 20, 20, 0.9, 0)), 0.1).ids.tolist() == [-1]  # 1.2 sizes: too far
    tracker = BoxTracker()
    for k in range(5):
        found = tracker.update(objects((100, 100 + 13 * k, 20, 20, 0.9, 0)), k / 10)
    assert found.ids.tolist() == [1]


def test_time_that_goes_back_ends_tracks_and_ids_are_never_used_again():
    tracker = BoxTracker()
    one = objects((100, 100, 60, 60, 0.9, 0))
    assert tracker.update(one, 5.0).ids.tolist() == [1]
    tracker.update(one, 1.0)
    assert tracker.update(one, 1.1).ids.tolist() == [2]
    tracker.reset()
    assert tracker.update(one, 0.0).ids.tolist() == [1]


def test_tracks_tell_speed_age_and_absence():
    tracker = BoxTracker()
    for k in range(31):
        tracker.update(objects((100 + 90 * k / 30, 100, 60, 60, 0.9, 1)), 10 + k / 30)
    tracker.update(objects(), 11.2)
    tracks = tracker.tracks()
    assert tracks.velocity_xy[0, 0] == pytest.approx(90, rel=0.05)
    assert tracks.age_s[0] == pytest.approx(1.2, abs=1e-3)
    assert tracks.unseen_s[0] == pytest.approx(0.2, abs=1e-3)
    assert tracks.boxes_xyxy[0, 0] == pytest.approx(208, abs=3)  # 100 + 90 * 1.2: where it is expected
    assert tracks.labels.tolist() == [1]
    assert len(tracker.tracks(max_unseen_s=0.1)) == 0


@pytest.mark.parametrize("bad", [{"high_score": 1.2}, {"min_iou": -0.1}, {"max_unseen_s": -1.0}, {"confirm_hits": 0}])
def test_refuses_bad_options(bad):
    with pytest.raises(InvalidInputError, match=r"0\.\.1"):
        BoxTrackerOptions(**bad)


# py-motmetrics prints these for its own example (README): MOTA and IDF1 of each sequence.
GOLDEN = {"TUD-Campus": (0.526, 0.558, 7), "TUD-Stadtmitte": (0.564, 0.645, 7)}


@pytest.mark.parametrize("name", SEQUENCES)
def test_follows_people_in_the_street_better_than_the_peer(name):
    folder = shared_data("tracking") / name
    truth = read_mot(folder / "gt.txt")
    peer = evaluate(truth, read_mot(folder / "tracker_output.txt"))
    mota, idf1, switches = GOLDEN[name]
    assert (round(peer.mota, 3), round(peer.idf1, 3), peer.switches) == (mota, idf1, switches)
    ours = evaluate(truth, track(read_mot(folder / "det.txt")))
    assert ours.mota > peer.mota + 0.05
    assert ours.idf1 > peer.idf1 + 0.05


def test_metrics_of_the_truth_itself_are_perfect_and_switches_count():
    frames, ids = np.repeat(np.arange(10), 2), np.tile([1, 2], 10)
    boxes = np.array([[0, 0, 10, 10], [50, 0, 60, 10]] * 10, np.float32)
    truth = Sequence(frames, ids, boxes, np.ones(20, np.float32))
    perfect = evaluate(truth, truth)
    assert (perfect.mota, perfect.idf1, perfect.switches) == (1.0, 1.0, 0)
    swapped = np.where(frames >= 5, 3 - ids, ids)
    broken = evaluate(truth, Sequence(frames, swapped, boxes, truth.scores))
    assert (broken.mota, broken.idf1, broken.switches) == (0.9, 0.5, 2)
