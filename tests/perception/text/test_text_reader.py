from __future__ import annotations

import logging
import subprocess
import sys
import threading

import numpy as np
import pytest
from benchmarks.text import found_characters, receipts, single_lines, web_pictures
from skimage.data import astronaut, page
from tests.data import shared_data

from sightline.core.errors import InvalidInputError
from sightline.media.images import read_image
from sightline.perception.text import TextReader
from sightline.perception.text.boxes import Rects, corners, lines_of_map, scaled
from sightline.perception.text.recognition import batch_width, line_tensor, read_classes

PAGE = np.repeat(page()[..., None], 3, axis=2)
WORDS = "Let us first determine markers of the coins and the"


@pytest.fixture(scope="module")
def reader(weights):
    weights("text_detector", "text_rotation", "text_recognizer")
    return TextReader(threads=2)


def draw_rect(centre, size, angle, shape=(200, 300)):
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    u = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    v = -(x - centre[0]) * np.sin(angle) + (y - centre[1]) * np.cos(angle)
    return np.where((np.abs(u) < size[0] / 2) & (np.abs(v) < size[1] / 2), 0.95, 0.02).astype(np.float32)


@pytest.mark.parametrize("angle_deg", [0, 10, -30, 44])
def test_lines_of_any_angle_grow_back(angle_deg):
    rects = lines_of_map(draw_rect((150, 100), (120, 20), np.radians(angle_deg)))
    assert len(rects.scores) == 1
    grow = 1.6 * 120 * 20 / 280
    np.testing.assert_allclose(rects.centres_xy[0], [150, 100], atol=1.5)
    np.testing.assert_allclose(rects.sizes_wh[0], [120 + 2 * grow, 20 + 2 * grow], atol=3.5)
    assert np.degrees(rects.angles_rad[0]) == pytest.approx(angle_deg, abs=1.5)
    quad = corners(rects)[0]
    np.testing.assert_allclose(quad.mean(axis=0), rects.centres_xy[0], atol=1e-3)
    along = quad[1] - quad[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(angle_deg, abs=1.5)


def test_faint_tiny_and_no_lines_are_left_out():
    assert len(lines_of_map(np.zeros((64, 64), np.float32)).scores) == 0
    assert len(lines_of_map(draw_rect((150, 100), (120, 20), 0) * 0.4).scores) == 0
    assert len(lines_of_map(draw_rect((150, 100), (2, 2), 0)).scores) == 0


def test_scaled_changes_lengths_alone():
    rects = Rects(*(np.array(v, np.float32) for v in ([[10, 20]], [[8, 4]], [0.3], [0.9])))
    twice = scaled(rects, 2)
    assert (twice.centres_xy.tolist(), twice.sizes_wh.tolist()) == ([[20, 40]], [[16, 8]])
    np.testing.assert_array_equal(twice.angles_rad, rects.angles_rad)


def test_classes_are_collapsed():
    alphabet = np.array(["", "a", "b", " "], object)
    steps = np.full((2, 6, 4), 0.1, np.float32)
    for step, label in enumerate([1, 1, 0, 1, 3, 2]):
        steps[0, step, label] = 0.7
    steps[1, :, 0] = 0.7
    [(text, score), nothing] = read_classes(steps, alphabet)
    assert text == "aa b"
    assert score == pytest.approx(0.7)
    assert nothing == ("", 0.0)


def test_line_tensor_is_bgr_on_grey():
    crop = np.zeros((24, 48, 3), np.uint8)
    crop[..., 0] = 255
    tensor = line_tensor([crop], 160)
    assert tensor.shape == (1, 3, 48, 160)
    np.testing.assert_allclose(tensor[0, :, 10, 10], [-1, -1, 1])  # red comes last
    assert (tensor[0, :, :, 96:] == 0).all()
    assert batch_width([crop]) == 160
    assert batch_width([np.zeros((10, 200, 3), np.uint8)]) == 960


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_page_is_read_however_it_lies(reader, turns):
    image = np.ascontiguousarray(np.rot90(PAGE, -turns))  # quarter turns clockwise
    [lines] = reader([image])
    assert lines.texts[0] == "Region-based segmentation"
    assert lines.texts[1] == WORDS
    assert len(lines) == 7
    np.testing.assert_allclose(np.abs(np.angle(np.exp(1j * np.radians(lines.rotation_deg - 90 * turns)))), 0, atol=0.05)
    # The corners begin at the text's own top left: turned back, they all begin top left.
    first = lines.quads_xy[:, 0] - lines.quads_xy.mean(axis=1)
    want = {0: (-1, -1), 1: (1, -1), 2: (1, 1), 3: (-1, 1)}[turns]
    assert (np.sign(first) == want).all()
    assert (lines.scores > 0.9).all()


def test_slanted_text_and_its_corners(reader):
    from sightline.media.sampling import warp

    cos, sin = np.cos(np.radians(15)), np.sin(np.radians(15))
    matrix = np.array([[cos, -sin, 60], [sin, cos, 10]])
    [lines] = reader([warp(PAGE, matrix, (440, 310), border=None)])
    assert WORDS in lines.texts.tolist()
    row = lines.texts.tolist().index(WORDS)
    assert lines.rotation_deg[row] == pytest.approx(15, abs=2)


def test_batches_empty_pictures_and_thin_strips(reader):
    strip = np.ascontiguousarray(PAGE[38:62])
    blank, one, lines = reader([np.full((40, 60, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8), strip])
    assert len(blank) == len(one) == 0
    assert blank.quads_xy.shape == (0, 4, 2)
    assert lines.texts.tolist() == [WORDS]
    assert (lines.quads_xy[..., 1] > -5).all()
    assert (lines.quads_xy[..., 1] < 29).all()
    assert reader([]) == []


def test_scores_and_refusals(reader):
    assert len(reader([PAGE], min_score=1.0)[0]) < 7
    assert len(reader([PAGE])[0]) == 7
    with pytest.raises(InvalidInputError, match="min_score"):
        reader([PAGE], min_score=2.0)
    with pytest.raises(InvalidInputError, match="RGB"):
        reader([page()])


def test_threads_do_not_mix_results(reader):
    got = {}
    pictures = {"page": PAGE, "none": np.ascontiguousarray(astronaut()[:200, :200])}

    def work(name):
        got[name] = [tuple(reader([pictures[name]])[0].texts) for _ in range(3)]

    workers = [threading.Thread(target=work, args=(name,)) for name in pictures]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {len(set(texts)) for texts in got.values()} == {1}
    assert got["page"][0][1] == WORDS


def test_reads_offline_and_silently(weights):
    weights("text_detector", "text_rotation", "text_recognizer")
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import logging, numpy as np\n"
        "from skimage.data import page\n"
        "from sightline.perception.text import TextReader\n"
        "[lines] = TextReader(threads=1)([np.repeat(page()[..., None], 3, axis=2)])\n"
        "assert len(lines) == 7 and not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_leaves_the_callers_logging_alone(reader):
    before = (logging.getLogger().level, list(logging.getLogger().handlers))
    reader([PAGE])
    assert (logging.getLogger().level, list(logging.getLogger().handlers)) == before


@pytest.mark.parametrize(
    ("folder", "load", "least"),
    [
        ("receipts_sroie", receipts, 0.95),
        ("web_text_zh", web_pictures, 0.8),
        ("multilingual_lines", lambda f: single_lines(f, ("la", "en")), 0.97),
    ],
)
def test_reads_real_pages(reader, folder, load, least):
    pages = load(shared_data(f"documents/{folder}"))[:3]
    found = total = 0
    for path, truth in pages:
        [lines] = reader([read_image(path)])
        here, of = found_characters(truth, list(zip(lines.quads_xy, lines.texts, strict=True)))
        found, total = found + here, total + of
    assert total > 20
    assert found / total > least


def test_a_face_is_not_read_as_a_letter(reader):
    faces = [read_image(path) for path in sorted(shared_data("people/azure_face_samples").glob("Family*.jpg"))]
    by_default, anything = reader(faces), reader(faces, min_score=0.5)
    assert sum(len(lines) for lines in by_default) == 0
    assert sum(len(lines) for lines in anything) > 2, "the rule has something to do"
