from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sightline.core.errors import InvalidInputError
from sightline.core.frame import Frame
from sightline.core.observations import Bodies, Faces, Hands
from sightline.tracking import LandmarkTracker, OneEuroOptions

SIZE = 40


class Scene:
    """Squares that move; a detector that sees all of them and a landmark net that sees what is in its region."""

    def __init__(self, kind=Hands, noise=0.0):
        self.kind, self.noise = kind, noise
        self.places: list[tuple[float, float]] = []
        self.looks = 0
        self.crops = 0
        self.rng = np.random.default_rng(0)

    def detect(self, images):
        self.looks += 1
        return [self.rows(self.places, np.full(len(self.places), 0.9)) for _ in images]

    def rows(self, places, scores):
        if not len(places):
            return self.kind.empty()
        corners = np.array(places, np.float32)
        return self.kind(np.concatenate([corners, corners + SIZE], axis=1), np.asarray(scores))

    def landmarks(self, images, regions):
        (region,) = regions
        self.crops += len(region)
        boxes, sure, points = region.boxes_xyxy.copy(), [], []
        for row, box in enumerate(region.boxes_xyxy):
            near = [p for p in self.places if np.hypot(*(np.array(p) - box[:2])) < 0.8 * SIZE]
            sure.append(0.95 if near else 0.05)
            if near:
                best = min(near, key=lambda p: np.hypot(*(np.array(p) - box[:2])))
                boxes[row] = [*best, best[0] + SIZE, best[1] + SIZE]
            grid = boxes[row, :2] + np.linspace(0, SIZE, self.count)[:, None]
            points.append(np.concatenate([grid, np.zeros((self.count, 1))], axis=1))
        shape = (len(region), self.count, 3)
        values = np.array(points, np.float32).reshape(shape) + self.rng.normal(0, self.noise, shape).astype(np.float32)
        scores = np.array(sure, np.float32)
        if self.kind is Faces:
            return [replace(region, boxes_xyxy=boxes, mesh_xyz=values, mesh_scores=scores)]
        return [replace(region, boxes_xyxy=boxes, points_xyz=values, scores=scores)]

    @property
    def count(self):
        return {Faces: 478, Bodies: 33, Hands: 21}[self.kind]


def frame(k, rate=30, size_wh=(640, 480)):
    return Frame(np.zeros((size_wh[1], size_wh[0], 3), np.uint8), k, k / rate)


@pytest.mark.parametrize("kind", [Faces, Bodies, Hands])
def test_follows_without_looking_again(kind):
    scene = Scene(kind)
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=2)
    for k in range(30):
        scene.places = [(50 + 4 * k, 100), (400, 300 - 3 * k)]
        found = tracker.update(frame(k))
        assert type(found) is kind
        assert found.ids.tolist() == [1, 2]
        np.testing.assert_allclose(found.boxes_xyxy[:, :2], scene.places, atol=5)
    assert scene.looks == tracker.looks == 1
    assert scene.crops == 60


def test_looks_for_newcomers_at_the_stated_times():
    scene = Scene()
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=3, redetect_s=0.5)
    seen = []
    for k in range(61):
        scene.places = [(50, 100)] + ([(300, 100)] if k >= 20 else [])
        seen.append(len(tracker.update(frame(k))))
    assert seen == [1] * 30 + [2] * 31  # found at the look at 1.0 s
    assert scene.looks == 5
    every = Scene()
    tracker = LandmarkTracker(every.detect, every.landmarks, max_count=2, redetect_s=0.0)
    every.places = [(50, 100)]
    for k in range(10):
        tracker.update(frame(k))
    assert every.looks == 10


def test_looks_at_once_when_something_is_lost_and_not_in_vain_again():
    scene = Scene()
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=1, redetect_s=0.5)
    scene.places = [(50, 100)]
    tracker.update(frame(0))
    scene.places = [(110, 100)]  # a leap out of its region
    assert tracker.update(frame(1)).ids.tolist() == [2]  # a size and a half away: somebody else for all we know
    assert scene.looks == 2
    scene.places = []
    for k in range(2, 20):
        assert len(tracker.update(frame(k))) == 0
    assert scene.looks == 4  # at once at frame 2, then after half a second at frame 17


def test_what_is_lost_and_found_nearby_keeps_its_id():
    scene = Scene()
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=2, redetect_s=0.1)
    for k in range(40):
        scene.places = [(50, 100)] if 10 <= k < 20 else [(50, 100), (200 + k // 4, 100)]
        found = tracker.update(frame(k))
        if not 20 <= k < 23:  # within redetect_s of coming back
            assert found.ids.tolist() == ([1] if 10 <= k < 20 else [1, 2]), k
    for k in range(40, 100):
        scene.places = [(50, 100)] if k < 80 else [(50, 100), (210, 100)]
        found = tracker.update(frame(k))
    assert found.ids.tolist() == [1, 3]  # away for longer than a second


def test_nothing_is_found_twice():
    scene = Scene()
    shifted = scene.rows

    def seen_with_other_boxes(places, scores):
        rows = shifted(places, scores)
        return replace(rows, boxes_xyxy=rows.boxes_xyxy + np.float32([15, 15, -5, -5]))

    scene.rows = seen_with_other_boxes
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=4, redetect_s=0.0)
    scene.places = [(50, 100), (300, 100)]
    for k in range(5):
        assert tracker.update(frame(k)).ids.tolist() == [1, 2]
    # Two that run into each other become one (the one followed longer), not two rows on the same thing.
    scene.places = [(150, 100)]
    for k, gap in enumerate(range(120, -1, -20), start=5):
        scene.places = [(150, 100), (150 + gap, 100)] if gap else [(150, 100)]
        ids = tracker.update(frame(k)).ids
    assert len(ids) == 1


def test_overlapping_boxes_with_other_points_are_two_things():
    def detect(images):
        return [Hands(np.array([[50, 50, 90, 90], [52, 52, 92, 92]]), np.array([0.9, 0.8]))]

    def landmarks(images, regions):
        (region,) = regions
        x = region.boxes_xyxy[:, None, 0] + np.linspace(0, 40, 21)[None]
        flip = region.boxes_xyxy[:, None, 0] > 51
        x = np.where(flip, region.boxes_xyxy[:, None, 2] - np.linspace(0, 40, 21), x)
        return [replace(region, points_xyz=np.stack([x, np.full_like(x, 70), np.zeros_like(x)], axis=2))]

    tracker = LandmarkTracker(detect, landmarks, max_count=2)
    assert len(tracker.update(frame(0))) == 2


def test_no_more_than_max_count_best_first():
    scene = Scene()
    scene.places = [(50 + 100 * i, 100) for i in range(5)]
    rows = scene.rows(scene.places, [0.5, 0.9, 0.6, 0.8, 0.7])
    tracker = LandmarkTracker(lambda images: [rows], scene.landmarks, max_count=2)
    assert tracker.update(frame(0)).boxes_xyxy[:, 0].tolist() == [150, 350]


def test_unsure_rows_and_rows_outside_the_picture_are_dropped():
    scene = Scene(Faces)
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=1, min_score=0.96)
    scene.places = [(50, 100)]
    assert len(tracker.update(frame(0))) == 0
    tracker = LandmarkTracker(scene.detect, scene.landmarks, max_count=1)
    for k in range(20):
        scene.places = [(560 + 8 * k, 100)]
        found = tracker.update(frame(k))
    assert len(found) == 0


def test_points_are_steadied_and_regions_follow_the_raw_points():
    still, raw = Scene(noise=0.4), Scene(noise=0.4)
    steady = LandmarkTracker(still.detect, still.landmarks, smooth=OneEuroOptions(min_cutoff_hz=1.0, beta=5.0))
    rough = LandmarkTracker(raw.detect, raw.landmarks, smooth=None)
    still.places = raw.places = [(50, 100)]
    a, b = ([t.update(frame(k)).points_xyz for k in range(60)] for t in (steady, rough))
    assert np.std(a[20:], axis=0).mean() < 0.6 * np.std(b[20:], axis=0).mean()
    fed = []
    inner = still.landmarks

    def spying(images, regions):
        out = inner(images, regions)
        fed.append((regions[0].points_xyz, out[0].points_xyz))
        return out

    tracker = LandmarkTracker(still.detect, spying)
    for k in range(5):
        tracker.update(frame(k))
    for (_, made), (given, _) in pairwise(fed):
        np.testing.assert_array_equal(made, given)


@pytest.mark.parametrize("jump", ["size", "back", "gap"])
def test_looks_afresh_after_a_jump_and_ids_go_on(jump):
    scene = Scene()
    scene.places = [(50, 100)]
    tracker = LandmarkTracker(scene.detect, scene.landmarks)
    assert tracker.update(frame(100)).ids.tolist() == [1]
    after = {"size": frame(101, size_wh=(320, 240)), "back": frame(3), "gap": frame(200)}[jump]
    assert tracker.update(after).ids.tolist() == [2]
    assert scene.looks == 2
    tracker.reset()
    assert tracker.update(frame(0)).ids.tolist() == [1]


def test_time_that_stands_still_is_survived():
    scene = Scene()
    scene.places = [(50, 100)]
    tracker = LandmarkTracker(scene.detect, scene.landmarks)
    assert [tracker.update(frame(0)).ids.tolist() for _ in range(5)] == [[1]] * 5


@pytest.mark.parametrize("bad", [{"max_count": 0}, {"redetect_s": -1.0}, {"min_score": 2.0}])
def test_refuses_bad_options(bad):
    scene = Scene()
    with pytest.raises(InvalidInputError, match="max_count"):
        LandmarkTracker(scene.detect, scene.landmarks, **bad)
