"""Every value type is drawn, visibly, inside the picture, and on nothing but the picture asked for."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data as samples

from sightline.core.errors import InvalidInputError
from sightline.core.observations import Bodies, Detections, Faces, Hands, TextLines, Tracks
from sightline.media.drawing import (
    DrawStyle,
    colour_of,
    draw,
    draw_bodies,
    draw_detections,
    draw_faces,
    draw_hands,
    draw_matte,
    draw_text_lines,
    draw_tracks,
    tables,
)

GREY = np.full((360, 640, 3), 120, np.uint8)
RNG = np.random.default_rng(5)


def inside(box, *shape):
    """Points spread evenly over a box, with a depth of 0."""
    x0, y0, x1, y1 = box
    xy = RNG.uniform((x0, y0), (x1, y1), (*shape, 2))
    return np.concatenate([xy, np.zeros((*shape, 1))], axis=-1)


def faces(box=(200, 100, 300, 220), **columns):
    mesh = inside(box, 1, 478)
    for iris in tables.irises():
        mesh[0, list(iris), :2] = np.add((box[0] + 30, box[1] + 30), [(0, 0), (3, 0), (0, 3), (-3, 0), (0, -3)])
    return Faces(np.array([box]), np.array([0.97]), mesh_xyz=mesh, **columns)


def bodies(box=(150, 40, 450, 350), skeleton="blazepose33", **columns):
    count = {"blazepose33": 33, "coco17": 17}[skeleton]
    visibility = columns.pop("visibility", np.ones((1, count)))
    return Bodies(np.array([box]), np.array([0.9]), points_xyz=inside(box, 1, count), visibility=visibility, skeleton=skeleton, **columns)


def hands(box=(400, 150, 500, 250), left=1.0, **columns):
    return Hands(np.array([box]), np.array([0.8]), points_xyz=inside(box, 1, 21), left_scores=np.array([left]), **columns)


def detections(boxes=((50, 50, 150, 200),), labels=None):
    n = len(boxes)
    return Detections(np.array(boxes).reshape(n, 4), np.full(n, 0.7), labels=labels or np.zeros(n, int), label_names=("dog", "cup"))


def text_lines(*texts, height=24):
    quads = np.array(
        [[[40, 60 + 60 * i], [340, 60 + 60 * i], [340, 60 + 60 * i + height], [40, 60 + 60 * i + height]] for i in range(len(texts))]
    )
    boxes = np.concatenate([quads[:, 0], quads[:, 2]], axis=1)
    return TextLines(boxes, np.full(len(texts), 0.9), quads_xy=quads, texts=np.array(texts, object))


def tracks(box=(100, 100, 200, 300), number=4, **columns):
    return Tracks(np.array([box]), np.array([0.9]), ids=np.array([number]), **columns)


KINDS = {
    "faces": (draw_faces, faces(), Faces.empty()),
    "bodies": (draw_bodies, bodies(), Bodies.empty()),
    "bodies17": (draw_bodies, bodies(skeleton="coco17"), Bodies.empty()),
    "hands": (draw_hands, hands(), Hands.empty()),
    "detections": (draw_detections, detections(), Detections.empty()),
    "text": (draw_text_lines, text_lines("hello"), TextLines.empty(quads_xy=np.zeros((0, 4, 2)), texts=np.zeros(0, object))),
    "tracks": (draw_tracks, tracks(), Tracks.empty()),
}


def changed(before, after):
    return (before != after).any(axis=2)


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_on_a_copy_and_only_near_what_was_found(kind):
    function, value, _ = KINDS[kind]
    before = GREY.copy()
    after = function(before, value)
    np.testing.assert_array_equal(before, GREY)
    assert after.dtype == np.uint8
    assert after.flags.c_contiguous
    marks = changed(GREY, after)
    assert marks.sum() > 200
    x0, y0, x1, y1 = value.boxes_xyxy[0].astype(int)
    marks[max(y0 - 40, 0) : y1 + 10, max(x0 - 10, 0) : x1 + 120] = False
    assert not marks.any()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_found_draws_nothing(kind):
    function, _, empty = KINDS[kind]
    np.testing.assert_array_equal(function(GREY, empty), GREY)


@pytest.mark.parametrize("kind", KINDS)
def test_only_boxes_and_scores_are_needed(kind):
    """Columns that were not computed are simply not drawn."""
    function, value, _ = KINDS[kind]
    optional = [f.name for f in dataclasses.fields(value) if f.metadata.get("optional")]
    bare = dataclasses.replace(value, **dict.fromkeys(optional))
    assert changed(GREY, function(GREY, bare)).sum() > 200


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_kind_is_refused(kind):
    function = KINDS[kind][0]
    wrong = faces() if kind != "faces" else hands()
    with pytest.raises(InvalidInputError, match="expected"):
        function(GREY, wrong)


def test_not_an_observation_or_image():
    with pytest.raises(InvalidInputError, match="observations"):
        draw(GREY, [1, 2])
    with pytest.raises(InvalidInputError):
        draw(GREY[:, :, 0], faces())


def test_out_is_drawn_on_and_returned():
    out = np.zeros_like(GREY)
    assert draw(GREY, faces(), out=out) is out
    assert changed(GREY, out).any()
    same = GREY.copy()
    assert draw(same, detections(), out=same) is same
    np.testing.assert_array_equal(same, draw(GREY, detections()))


@pytest.mark.parametrize("out", [np.zeros((4, 4, 3), np.uint8), np.zeros((360, 1280, 3), np.uint8)[:, ::2]])
def test_unfit_out(out):
    with pytest.raises(InvalidInputError, match="out must"):
        draw(GREY, faces(), out=out)
    locked = GREY.copy()
    locked.setflags(write=False)
    with pytest.raises(InvalidInputError, match="out must"):
        draw(GREY, faces(), out=locked)


@pytest.mark.parametrize("size_wh", [(1, 1), (12, 12), (64, 48), (640, 360), (4000, 3000), (3, 2000), (2000, 3)])
def test_any_picture_size(size_wh):
    width, height = size_wh
    box = (width * 0.25, height * 0.25, width * 0.75, height * 0.9)
    image = np.full((height, width, 3), 90, np.uint8)
    drawn = draw(image, faces(box), bodies(box), hands(box), detections([box]), tracks(box))
    assert drawn.shape == image.shape
    assert changed(image, drawn).any()


def test_lines_and_labels_grow_with_the_picture():
    def marked(size_wh):
        width, height = size_wh
        image = np.full((height, width, 3), 120, np.uint8)
        return changed(image, draw_detections(image, detections([(width * 0.3, height * 0.3, width * 0.7, height * 0.7)]))).mean()

    shares = [marked(s) for s in ((960, 540), (1280, 720), (3840, 2160), (7680, 4320))]
    assert max(shares) < 1.6 * min(shares), "the same share of the picture at every size"


@given(
    box=st.tuples(*[st.floats(-3000, 3000) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e30]) for _ in range(4)]),
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
)
@settings(max_examples=120, deadline=None)
def test_wild_boxes_and_points_never_fail(box, size):
    image = np.full((*size, 3), 50, np.uint8)
    points = np.resize(np.asarray(box, np.float32), (1, 33, 3))
    mesh = np.resize(np.asarray(box, np.float32), (1, 478, 3))
    hand = np.resize(np.asarray(box, np.float32), (1, 21, 3))
    quad = np.resize(np.asarray(box, np.float32), (1, 4, 2))
    one = np.array([box], np.float64), np.array([0.5])
    drawn = draw(
        image,
        Faces(*one, mesh_xyz=mesh),
        Bodies(*one, points_xyz=points),
        Hands(*one, points_xyz=hand),
        Detections(*one, labels=np.array([0]), label_names=("x",)),
        TextLines(*one, quads_xy=quad, texts=np.array(["abc"], object)),
        Tracks(*one, velocity_xy=np.array([box[:2]])),
    )
    assert drawn.shape == image.shape
    assert (image == 50).all()


def test_box_lies_on_its_pixels():
    """Half-open: a box of 10..20 covers the columns 10 to 19; the line is inside, its dark rim one pixel around."""
    drawn = draw_detections(GREY, detections([(10, 10, 20, 30)]), style=DrawStyle(labels=False, line_px=1))
    colour = list(colour_of(0))
    for y, x in ((10, 10), (10, 19), (29, 10), (29, 19), (15, 10), (15, 19)):
        assert drawn[y, x].tolist() == colour
    assert drawn[10, 20].tolist() == list(tables.named_colour("dark"))
    assert drawn[20, 15].tolist() == [120] * 3
    assert drawn[32, 15].tolist() == [120] * 3


def test_points_lie_where_they_are():
    """Coordinates are continuous: a point at (50.5, 60.5) is the centre of column 50, row 60."""
    points = np.full((1, 21, 3), np.nan)
    points[0, 8] = (50.5, 60.5, 0)
    style = DrawStyle(labels=False, boxes=False, line_px=3)
    marks = changed(GREY, draw_hands(GREY, Hands(np.array([[0, 0, 99, 99]]), np.array([1.0]), points_xyz=points), style=style))
    rows, columns = np.nonzero(marks)
    assert (rows.mean(), columns.mean()) == pytest.approx((60, 50), abs=0.05)


def test_sides_have_their_colours():
    right = draw_hands(GREY, hands(left=0.0), style=DrawStyle(labels=False))
    left = draw_hands(GREY, hands(left=1.0), style=DrawStyle(labels=False))
    for drawn, name in ((right, "orange"), (left, "sky")):
        assert (drawn == tables.named_colour(name)).all(axis=2).sum() > 100


def test_hidden_landmarks_are_left_out():
    plain = DrawStyle(labels=False, boxes=False)
    assert not changed(GREY, draw_bodies(GREY, bodies(visibility=np.full((1, 33), 0.4)), style=plain)).any()
    assert changed(
        GREY, draw_bodies(GREY, bodies(visibility=np.full((1, 33), 0.4)), style=DrawStyle(labels=False, boxes=False, min_visibility=0.3))
    ).any()


def test_head_is_left_to_the_face():
    only_head = np.zeros((1, 33))
    only_head[0, :11] = 1
    body, plain = bodies(visibility=only_head), DrawStyle(labels=False, boxes=False, face="none")
    assert changed(GREY, draw(GREY, body, style=plain)).any()
    assert not changed(GREY, draw(GREY, body, faces(), style=plain)).any()
    assert changed(GREY, draw(GREY, body, Faces.empty(), style=plain)).any()


def test_style_switches():
    def count(value, **choices):
        return changed(GREY, draw(GREY, value, style=DrawStyle(**choices))).sum()

    face = faces()
    assert count(face, labels=False) < count(face, scores=False) < count(face)
    assert count(face, boxes=False, labels=False, face="none") == 0
    assert count(face, face="points") != count(face, face="contours")
    assert count(detections(), line_px=9) > count(detections(), line_px=2)
    assert count(detections(), font_px=40) > count(detections(), font_px=12)
    mask = np.zeros((1, *GREY.shape[:2]), np.uint8)
    mask[:, 100:200] = 255
    body = bodies(masks=mask)
    assert count(body, masks=True) > count(body) + 40_000


@pytest.mark.parametrize("choice", [{"line_px": 0}, {"font_px": 0.5}, {"opacity": 1.1}, {"min_visibility": -0.1}, {"face": "mask"}])
def test_senseless_style(choice):
    with pytest.raises(InvalidInputError):
        DrawStyle(**choice)


def test_track_that_is_unseen_is_fainter_and_one_that_moves_has_an_arrow():
    plain = DrawStyle(labels=False)
    still = changed(GREY, draw_tracks(GREY, tracks(), style=plain)).sum()
    assert changed(GREY, draw_tracks(GREY, tracks(unseen_s=np.array([0.5])), style=plain)).sum() < still
    moving = changed(GREY, draw_tracks(GREY, tracks(velocity_xy=np.array([[200.0, 0]])), style=plain))
    assert moving[200, 150:200].all(), "from the middle of the box, a quarter of a second of 200 px/s to the right"


def test_ids_have_stable_and_different_colours():
    assert len({colour_of(i) for i in range(21)}) == 21
    assert colour_of(3) == colour_of(24)
    for number in range(7):
        drawn = draw_tracks(GREY, tracks(number=number), style=DrawStyle(labels=False))
        assert (drawn == colour_of(number)).all(axis=2).any()


def test_matte():
    matte = np.zeros(GREY.shape[:2], np.uint8)
    matte[100:200, 100:200] = 255
    full = draw_matte(GREY, matte, colour=(255, 0, 0), style=DrawStyle(opacity=1.0))
    assert full[150, 150].tolist() == [255, 0, 0]
    assert not changed(GREY, full)[matte == 0].any()
    np.testing.assert_array_equal(draw_matte(GREY, matte / 255), draw_matte(GREY, matte))
    np.testing.assert_array_equal(draw_matte(GREY, matte > 0), draw_matte(GREY, matte))
    np.testing.assert_array_equal(draw_matte(GREY, np.zeros_like(matte)), GREY)
    with pytest.raises(InvalidInputError, match="matte"):
        draw_matte(GREY, matte[:50])


def test_tables_name_real_points_once():
    for skeleton, count in (("blazepose33", 33), ("coco17", 17)):
        used = np.concatenate([c for chains in tables.body_chains(skeleton).values() for c in chains])
        assert set(used) == set(range(count)), "every landmark is joined to another"
        for side, chains in tables.body_chains(skeleton).items():
            for chain in chains if side != "centre" else ():
                assert {int(i) in tables.right_points(skeleton) for i in chain} == {side == "right"}
    assert set(np.concatenate(tables.hand_chains())) == set(range(21))
    faces_used = np.concatenate([c for chains in tables.face_chains().values() for c in chains])
    assert faces_used.max() < 468
    assert {i for iris in tables.irises() for i in iris} == set(range(468, 478))
    right, left = tables.face_chains()["right_eye"][0], tables.face_chains()["left_eye"][0]
    assert len(right) == len(left)
    assert not set(right) & set(left)


def test_face_parts_lie_where_the_canonical_face_has_them():
    """On MediaPipe's canonical face, seen from the front, y up, the subject's left at positive x."""
    from tests.data import shared_data

    file = shared_data("people/face3d") / "canonical_face_model.obj"
    points = np.array([[float(v) for v in line.split()[1:4]] for line in file.read_text().splitlines() if line.startswith("v ")])
    centre = {part: points[np.unique(np.concatenate(chains))].mean(axis=0) for part, chains in tables.face_chains().items()}
    assert centre["right_eye"][0] < -1
    assert centre["left_eye"][0] > 1
    assert centre["right_brow"][1] > centre["right_eye"][1] > centre["nose"][1] > centre["lips"][1]
    np.testing.assert_allclose(centre["left_brow"] * (-1, 1, 1), centre["right_brow"], atol=0.05)
    for chains in tables.face_chains().values():
        for chain in chains:
            steps = np.linalg.norm(np.diff(points[chain], axis=0), axis=1)
            assert steps.max() < 3.5, "neighbours in a chain are neighbours on the face"
    hull = points[tables.face_chains()["oval"][0]]
    assert np.ptp(hull[:, 0]) == pytest.approx(np.ptp(points[:, 0]), rel=0.02)


def test_real_picture_keeps_most_of_its_pixels():
    image = samples.astronaut()
    drawn = draw(image, faces((175, 60, 270, 180)), bodies((20, 30, 400, 511)), hands((60, 330, 170, 440)))
    assert 0.01 < changed(image, drawn).mean() < 0.35
