"""Jobs, Models, Audit and Settings."""

from __future__ import annotations

import json
import re
from urllib.request import Request, urlopen

import pytest
from tests.console.walks import PATIENCE_MS, Visit, ask

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=PATIENCE_MS)


def test_jobs_say_what_was_done(desk: Visit):
    page = desk.go("/jobs")
    rows = page.get_by_role("list", name="Jobs").get_by_role("listitem")
    video = rows.filter(has_text="clip.mp4")
    expect(video).to_contain_text("Done")
    video.get_by_role("button", name="Show details of clip.mp4").click()
    expect(video).to_contain_text("Ended")
    page.get_by_text("Failed", exact=True).first.click()
    expect(page).to_have_url(re.compile("state=failed"))
    desk.go("/jobs?kind=fetch")
    expect(page.get_by_role("heading", name="No such jobs")).to_be_visible()
    page.get_by_role("button", name="Show all jobs").click()
    video.get_by_role("link", name="clip.mp4").click()
    expect(page.get_by_role("heading", name="clip.mp4")).to_be_visible()


def test_models_show_their_cards(desk: Visit):
    page = desk.go("/models")
    expect(page.get_by_text("Ready").first).to_be_visible()
    page.get_by_role("searchbox", name="Search models").fill("hand")
    first = page.get_by_role("listitem").filter(has=page.get_by_role("heading", level=2)).first
    name = first.get_by_role("heading", level=2).inner_text()
    first.get_by_role("link", name=name).click()
    card = page.get_by_role("dialog")
    expect(card).to_contain_text("Terms")
    expect(card).to_contain_text("Trained on")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_audit_trail_is_whole(desk: Visit):
    page = desk.go("/audit")
    page.get_by_role("button", name="Verify the trail").click()
    expect(page.get_by_role("alert")).to_contain_text("The trail is whole")
    page.get_by_role("combobox", name="What was done").fill("media.add")
    expect(page).to_have_url(re.compile(r"action=media\.add"))
    actions = page.get_by_role("table", name="Audit").locator("tbody tr")
    expect(actions.first).to_contain_text("media.add")
    expect(actions.filter(has_not_text="media.add")).to_have_count(0)


def test_key_is_shown_once_and_works(desk: Visit, running):
    page = desk.go("/settings/keys")
    page.get_by_role("button", name="Make a key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("door counter")
    dialog.get_by_role("checkbox", name="See pictures and videos").check()
    dialog.get_by_role("button", name="Make a key").click()
    secret = dialog.get_by_label("Secret of the key").inner_text()
    request = Request(f"{running.address}/api/v1/media", headers={"Authorization": f"Bearer {secret}"})
    with urlopen(request, timeout=20) as answer:
        assert json.loads(answer.read())["items"]
    dialog.get_by_role("button", name="I have copied it").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("door counter")).to_be_visible()
    assert secret not in page.content()
    page.reload()
    expect(page.get_by_text("door counter")).to_be_visible()
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke door counter").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("list", name="API keys")).to_have_count(0)


def test_limits_are_saved(desk: Visit):
    page = desk.go("/settings/limits")
    field = page.get_by_label("Live views at once")
    before = int(field.input_value())
    save = page.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    field.fill("0")
    expect(page.get_by_text(re.compile("^At least|^More than"))).to_be_visible()
    expect(save).to_be_disabled()
    field.fill(str(before + 3))
    save.click()
    expect(page.get_by_text("Settings saved")).to_be_visible()
    assert ask(desk, "/settings")["limits"]["max_live"] == before + 3
    page.reload()
    expect(field).to_have_value(str(before + 3))
