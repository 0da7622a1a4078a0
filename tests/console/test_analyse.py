"""The Analyse page: bring something in, look at what was found, take it away."""

from __future__ import annotations

import re

import pytest
from skimage.data import astronaut
from tests.console.walks import DRAWN, PATIENCE_MS, Visit, drawn, drop, read_json

from sightline.media.images import write_image

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=PATIENCE_MS)


def test_token_link_signs_in(visit, running):
    one: Visit = visit()
    one.page.goto(f"/#token={running.token}")
    expect(one.page.get_by_role("heading", name="Analyse", exact=True)).to_be_visible()
    assert "token" not in one.page.url
    expect(one.page.get_by_role("link", name="astronaut.png")).to_be_visible()


def test_wrong_token_says_so(visit):
    one: Visit = visit()
    one.expected.add("401 /api/v1/auth/token")
    one.page.goto("/#token=sl_owner_wrong")
    expect(one.page.get_by_role("alert")).to_be_visible()
    expect(one.page.get_by_label("Owner token", exact=True)).to_be_visible()


def test_chosen_file_is_analysed_and_inspected(desk: Visit, tmp_path):
    page = desk.go("/analyse")
    path = tmp_path / "portrait.png"
    write_image(path, astronaut()[:320, 60:380])
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(path)
    dropped = page.get_by_role("region", name="Just dropped")
    link = dropped.get_by_role("link", name="portrait.png")
    expect(link).to_be_visible()
    # The card below it follows by itself.
    newest = page.get_by_role("region", name="Newest").locator("article", has_text="portrait.png")
    expect(newest).to_contain_text("1 face")
    link.click()
    expect(page.get_by_role("heading", name="portrait.png")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Face"))).to_be_visible()

    page.get_by_role("tab", name="JSON").click()
    expect(page.get_by_label("Raw JSON").last).to_contain_text("frames")
    page.get_by_text("Text", exact=True).last.click()
    expect(page.get_by_label("Raw JSON").last).to_contain_text('"faces"')
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Findings (JSON)").click()
    document = read_json(download.value, tmp_path)
    assert len(document["frames"][0]["faces"]) == 1
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Annotated picture").click()
    assert download.value.suggested_filename == "portrait.annotated.jpg"


def open_astronaut(desk: Visit):
    page = desk.go("/analyse")
    page.get_by_role("link", name="astronaut.png").click()
    expect(page.get_by_role("row", name=re.compile("^Face"))).to_be_visible()
    page.wait_for_function(f"() => ({DRAWN})(document.querySelector('canvas[aria-hidden]')) > 500")
    return page


def test_layers_hide_what_they_draw(desk: Visit):
    page = open_astronaut(desk)
    everything = drawn(page)
    layers = page.get_by_role("group", name="Layers over the picture")
    layers.get_by_role("button", name=re.compile("^Bodies")).click()
    expect(layers.get_by_role("button", name=re.compile("^Bodies"))).to_have_attribute("aria-pressed", "false")
    fewer = drawn(page)
    assert fewer < everything
    for button in layers.get_by_role("button", pressed=True).all()[::-1]:
        button.click()
    expect(layers.get_by_role("button", pressed=True)).to_have_count(0)
    assert drawn(page) == 0
    layers.get_by_role("button", name=re.compile("^Faces")).click()
    assert 0 < drawn(page) < everything


def test_zoom_and_inspect_by_keyboard(desk: Visit):
    page = open_astronaut(desk)
    stage = page.get_by_role("application")
    stage.focus()
    before = stage.locator("img").bounding_box()
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Fit (0)")).to_be_enabled()
    after = stage.locator("img").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(before["width"] * 1.25**2, rel=0.01)
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Fit (0)")).to_be_disabled()
    page.keyboard.press("]")
    rows = page.get_by_role("table", name="What was found").get_by_role("button", pressed=True)
    expect(rows).to_have_count(1)
    expect(page.get_by_text("Box, x0 y0 x1 y1")).to_be_visible()
    page.keyboard.press("Escape")
    expect(rows).to_have_count(0)


def test_dropped_file_is_analysed(desk: Visit, tmp_path):
    page = desk.go("/library")
    path = tmp_path / "dropped.png"
    write_image(path, astronaut()[:256, 100:356])
    drop(page, path.name, path.read_bytes())
    tray = page.get_by_role("region", name="Uploads")
    expect(tray.get_by_role("status")).to_have_text("1 upload finished")
    card = page.locator("article", has_text="dropped.png")
    expect(card).to_contain_text("1 face")
    card.get_by_role("link").click()
    expect(page.get_by_role("heading", name="dropped.png")).to_be_visible()


def test_what_is_no_picture_is_refused_with_the_reason(desk: Visit):
    page = desk.go("/analyse")
    desk.expected.add("415 /api/v1/uploads/.*")
    drop(page, "letter.png", b"this is no picture")
    refused = page.get_by_role("region", name="Just dropped").locator("article", has_text="letter.png")
    expect(refused).to_contain_text("Not accepted")
