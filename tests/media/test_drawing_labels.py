"""Labels can be read, stay inside the picture and off each other; Chinese, Japanese and Korean included."""

import logging
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.core.observations import Detections, TextLines
from sightline.media.drawing import DrawStyle, draw_detections, draw_text_lines, fonts
from sightline.media.drawing.labels import Label, ink_on, paint, place
from sightline.media.drawing.tables import colour_of

needs_cjk = pytest.mark.skipif(fonts.cjk_font_path() is None, reason="no font for Chinese, Japanese and Korean here (fonts-noto-cjk)")


def label(text="person 97%", box=(50, 50, 150, 120), size_px=16):
    return Label(text, box, (86, 180, 233), size_px)


def rectangles(placed):
    return [(left, top, left + patch.shape[1], top + patch.shape[0]) for left, top, patch in placed]


def overlaps(a, b):
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def test_label_stands_on_its_box():
    ((left, top, right, bottom),) = rectangles(place([label()], (640, 360)))
    assert (left, bottom) == (50, 50)
    assert right - left > 60
    assert 16 < bottom - top < 28


EDGES = [(0, 0, 100, 80), (600, 0, 640, 50), (0, 300, 30, 360), (620, 340, 640, 360), (-50, -50, 700, 400), (900, 900, 999, 999)]


@pytest.mark.parametrize("box", EDGES)
def test_label_stays_inside_the_picture(box):
    ((left, top, right, bottom),) = rectangles(place([label(box=box)], (640, 360)))
    assert left >= 0
    assert top >= 0
    assert right <= 640
    assert bottom <= 360


@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 700), st.integers(5, 300), st.integers(5, 300)), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_labels_of_a_crowd_stay_inside(boxes):
    placed = place([label(box=(x, y, x + w, y + h)) for x, y, w, h in boxes], (1280, 720))
    assert len(placed) == len(boxes)
    for left, top, right, bottom in rectangles(placed):
        assert 0 <= left < right <= 1280
        assert 0 <= top < bottom <= 720


def test_labels_of_the_same_box_do_not_hide_each_other():
    found = rectangles(place([label(f"thing {i}", (300, 200, 500, 350)) for i in range(12)], (1280, 720)))
    assert not any(overlaps(a, b) for i, a in enumerate(found) for b in found[:i])


def test_first_label_lies_on_top_where_there_is_no_room():
    image = np.zeros((60, 120, 3), np.uint8)
    labels = [Label("aa", (0, 0, 120, 60), colour_of(i % 7), 12) for i in range(40)]
    placed = place(labels, (120, 60))
    paint(image, placed)
    left, top, patch = placed[0]
    np.testing.assert_array_equal(image[top : top + patch.shape[0], left : left + patch.shape[1]], patch)


def test_long_text_is_cut_with_an_ellipsis():
    long = place([label("word " * 200)], (1280, 720))[0][2]
    assert long.shape[1] <= 20 * 16
    assert fonts.shortened("short", 16, 500) == "short"
    cut = fonts.shortened("a rather long label", 16, 60)
    assert cut.endswith("…")
    assert fonts.text_mask(cut, 16).shape[1] <= 60
    assert fonts.shortened("long", 16, 1) == ""


def test_label_larger_than_the_picture_bears_is_left_out():
    assert place([label()], (40, 20)) == []
    assert place([label()], (1, 1)) == []
    image = np.zeros((20, 40, 3), np.uint8)
    found = Detections(np.array([[2, 2, 30, 18]]), np.array([0.9]), labels=np.array([0]), label_names=("dog",))
    plain = draw_detections(image, found, style=DrawStyle(labels=False))
    np.testing.assert_array_equal(draw_detections(image, found), plain)


@pytest.mark.parametrize("number", range(21))
def test_letters_contrast_with_their_ground(number):
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""

    def luminance(rgb):
        c = np.asarray(rgb) / 255
        return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))

    light, dark = sorted((luminance(colour_of(number)), luminance(ink_on(colour_of(number)))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_text_is_really_written():
    """The words are told apart, upright and left to right: an L has its foot at the bottom, a T its bar at the top."""
    assert not np.array_equal(fonts.text_mask("dog", 20), fonts.text_mask("cat", 20))
    foot, bar = fonts.text_mask("L", 40) > 128, fonts.text_mask("T", 40) > 128
    rows = np.flatnonzero(foot.any(axis=1))
    assert foot[rows[-1]].sum() > 2 * foot[rows[0]].sum()
    assert bar[np.flatnonzero(bar.any(axis=1))[0]].sum() > 2 * bar[np.flatnonzero(bar.any(axis=1))[-1]].sum()
    assert not fonts.text_mask("  ", 20).any()


@pytest.mark.parametrize("size_px", [8, 10, 16, 40, 120])
def test_letters_are_not_cut_off(size_px):
    mask = fonts.text_mask("Ägjpqy|Å(", size_px)
    assert not (mask[-1] > 200).any()
    assert mask.any(axis=0).mean() > 0.6


@needs_cjk
@pytest.mark.parametrize("text", ["欢迎光临", "東京タワー", "서울 시청", "混合 mixed テキスト"])
def test_cjk_letters_have_shapes_of_their_own(text):
    tofu = fonts.text_mask("\U0010ffff", 24)
    for character in text.replace(" ", ""):
        mask = fonts.text_mask(character, 24)
        assert mask.any()
        assert mask.shape != tofu.shape or not np.array_equal(mask, tofu)
    assert len({fonts.text_mask(c, 24).tobytes() for c in set(text)}) == len(set(text))


@needs_cjk
def test_cjk_lines_are_drawn_without_a_complaint(caplog):
    image = np.full((200, 500, 3), 255, np.uint8)
    quads = np.array([[[30, 80], [230, 80], [230, 110], [30, 110]]])
    drawn = [
        draw_text_lines(image, TextLines(np.array([[30, 80, 230, 110]]), np.array([0.9]), quads_xy=quads, texts=np.array([text], object)))
        for text in ("欢迎光临", "再见再见")
    ]
    assert not np.array_equal(*drawn)
    assert caplog.text == ""


@pytest.fixture
def bare_system(monkeypatch):
    """A system without any font but Pillow's own."""
    caches = (fonts.cjk_font_path, fonts._chain, fonts._file_for, fonts._warn_once, fonts.text_mask)
    monkeypatch.setattr(fonts, "_CJK_FILES", ())
    monkeypatch.setattr(fonts, "_GENERAL_FILES", ())
    monkeypatch.setattr(fonts.shutil, "which", lambda name: None)
    monkeypatch.delenv("SIGHTLINE_FONT", raising=False)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("bare_system")
def test_without_a_cjk_font_boxes_are_drawn_and_said_once(caplog):
    assert fonts.cjk_font_path() is None
    with caplog.at_level(logging.WARNING):
        first, second = fonts.text_mask("欢迎", 20), fonts.text_mask("光临", 20)
    assert first.any()
    np.testing.assert_array_equal(first, second)
    assert caplog.text.count("fonts-noto-cjk") == 1
    assert fonts.text_mask("dog", 20).any()


@pytest.mark.usefixtures("bare_system")
def test_named_font_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGHTLINE_FONT", str(tmp_path / "no such font.ttf"))
    assert fonts.cjk_font_path() is None
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    monkeypatch.setenv("SIGHTLINE_FONT", str(tmp_path / "broken.ttf"))
    fonts.cjk_font_path.cache_clear()
    assert fonts.cjk_font_path() is None


@needs_cjk
def test_named_font_makes_chinese_readable_on_a_bare_system(monkeypatch, request):
    path = str(fonts.cjk_font_path())
    request.getfixturevalue("bare_system")
    monkeypatch.setenv("SIGHTLINE_FONT", path)
    assert str(fonts.cjk_font_path()) == path
    assert not np.array_equal(fonts.text_mask("欢迎", 20), fonts.text_mask("光临", 20))


@needs_cjk
def test_a_font_without_chinese_does_not_pass_for_one(monkeypatch):
    path = str(fonts.cjk_font_path())
    assert fonts._has_character(path, "字")
    latin = next((f for f in fonts._GENERAL_FILES if fonts.Path(f).is_file()), None)
    if latin is None:
        pytest.skip("no general font here")
    assert not fonts._has_character(latin, "字")


@given(st.text(max_size=20), st.integers(8, 40))
@settings(max_examples=80, deadline=None)
def test_any_text_can_be_written(text, size_px):
    mask = fonts.text_mask(text, size_px)
    assert mask.shape[0] == round(size_px * 1.3)
    assert mask.shape[1] >= 1


def test_surrogates_and_line_breaks_in_text():
    assert fonts.printable("a\nb\tc\udcff") == "a b c?"


def test_threads_write_the_same_letters():
    wanted = {i: np.array(fonts.text_mask(f"item {i}", 17)) for i in range(30)}
    fonts.text_mask.cache_clear()
    wrong = []

    def work():
        wrong.extend(i for i in wanted if not np.array_equal(fonts.text_mask(f"item {i}", 17), wanted[i]))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_text_labels_leave_dense_text_readable() -> None:
    close = [Label("a line of words", (10.0, 10.0 + 20 * row, 300.0, 28.0 + 20 * row), (0, 158, 115), 14, shy=True) for row in range(8)]
    bold = [Label(label.text, label.box, label.colour, label.size_px) for label in close]
    assert 0 < len(place(close, (310, 220))) < 8
    assert len(place(bold, (310, 220))) == 8
    for left, top, patch in place(close, (310, 220)):
        for label in close:
            x0, y0, x1, y1 = label.box
            across = min(left + patch.shape[1], x1) - max(left, x0)
            down = min(top + patch.shape[0], y1) - max(top, y0)
            assert across <= 0 or down <= 0 or across * down < 0.16 * patch.shape[0] * patch.shape[1]
