"""The Library: find what is kept, by name, by what was found, by time; and delete it."""

from __future__ import annotations

import re
from urllib.error import HTTPError

import pytest
from skimage.data import astronaut
from tests.console.walks import PATIENCE_MS, Visit, ask, drop

from sightline.media.images import write_image

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=PATIENCE_MS)


def test_files_are_filtered_by_kind_finding_and_name(desk: Visit):
    page = desk.go("/library")
    cards = page.locator("article")
    expect(cards.filter(has_text="astronaut.png")).to_contain_text("1 face")
    page.get_by_role("combobox", name="Kind of file").click()
    page.get_by_role("option", name="Videos").click()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("clip.mp4")
    desk.go("/library?found=text")
    expect(cards.filter(has_text="sign.png")).to_be_visible()
    expect(cards.filter(has_text="clip.mp4")).to_have_count(0)
    desk.go("/library")
    page.get_by_role("textbox", name="Search names").fill("astro")
    expect(cards).to_have_count(1)
    page.get_by_role("textbox", name="Search names").fill("no such name")
    expect(page.get_by_role("heading", name="No file matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(cards.filter(has_text="clip.mp4")).to_be_visible()


def test_recognised_text_leads_to_its_place(desk: Visit):
    page = desk.go("/library")
    page.get_by_text("Findings", exact=True).click()
    page.get_by_role("textbox", name="Search recognised text").fill("form ni")
    hit = page.get_by_role("link", name=re.compile("PLATFORM", re.IGNORECASE))
    expect(hit).to_have_count(1)
    hit.click()
    expect(page.get_by_role("heading", name="sign.png")).to_be_visible()
    chosen = page.get_by_role("table", name="What was found").get_by_role("button", pressed=True)
    expect(chosen).to_contain_text(re.compile("PLATFORM", re.IGNORECASE))


def test_timeline_narrows_the_time(desk: Visit):
    page = desk.go("/library?view=findings")
    expect(page.get_by_text("Findings over time")).to_be_visible()
    page.get_by_role("button", name="Any time").click()
    page.get_by_role("button", name="Last hour").click()
    expect(page).to_have_url(re.compile("from="))
    expect(page.locator("article").first).to_be_visible()
    desk.go("/library?view=findings&before=2001-01-01T00:00:00Z")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_delete_asks_first(desk: Visit, tmp_path):
    page = desk.go("/library")
    path = tmp_path / "unwanted.png"
    write_image(path, astronaut()[:200, 150:350])
    drop(page, path.name, path.read_bytes())
    card = page.locator("article", has_text="unwanted.png")
    expect(card).to_contain_text("1 face")
    media_id = ask(desk, "/media?name=unwanted")["items"][0]["id"]
    page.get_by_role("button", name="Select").click()
    page.get_by_role("checkbox", name="Select unwanted.png").check()
    selection = page.get_by_role("region", name="Select")
    selection.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(card).to_be_visible()
    selection.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete 1 file").click()
    expect(card).to_have_count(0)
    with pytest.raises(HTTPError, match="404"):
        ask(desk, f"/media/{media_id}")
    assert ask(desk, f"/records?media_id={media_id}")["items"] == []
