"""Two people with different roles work at the same time; the server is restarted under them."""

from __future__ import annotations

import re

import pytest
from skimage.data import astronaut
from tests.console.walks import DRAWN, PATIENCE_MS, Visit

from sightline.media.images import write_image

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=PATIENCE_MS)
PASSWORD = "nine lamps over water"


def add_viewer(desk: Visit) -> None:
    page = desk.go("/settings/users")
    page.get_by_role("button", name="Add user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("mira")
    expect(dialog.get_by_role("radio", name=re.compile("^Viewer"))).to_be_checked()
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Add user").click()
    expect(page.get_by_text("mira can sign in now")).to_be_visible()
    expect(page.get_by_role("list", name="Users")).to_contain_text("mira")


def sign_in(one: Visit) -> None:
    page = one.go("/library")
    page.get_by_label("Name").fill("mira")
    page.get_by_label("Password", exact=True).fill("not this one at all")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()


def test_owner_and_viewer_at_once(desk: Visit, visit, tmp_path):
    add_viewer(desk)
    mira: Visit = visit(viewport={"width": 1280, "height": 800})
    mira.expected.add("401 /api/v1/auth/login")
    sign_in(mira)
    page = mira.page
    navigation = page.get_by_role("navigation", name="Main navigation")
    expect(navigation.get_by_role("link", name="Jobs")).to_be_visible()
    expect(navigation.get_by_role("link", name="Audit")).to_have_count(0)
    expect(navigation.get_by_role("link", name="Live")).to_have_count(0)
    expect(page.get_by_role("button", name="Select")).to_have_count(0)

    # The owner brings a picture in; the viewer, who does nothing, sees it with what was found.
    path = tmp_path / "together.png"
    write_image(path, astronaut()[:300, 80:380])
    desk.go("/analyse").get_by_label("Choose files").first.set_input_files(path)
    expect(page.locator("article", has_text="together.png")).to_contain_text("1 face")
    page.get_by_role("link", name="together.png").click()
    expect(page.get_by_role("row", name=re.compile("^Face"))).to_be_visible()
    expect(page.get_by_role("button", name="Analyse again")).to_have_count(0)

    mira.go("/analyse")
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    for path_of_others in ("/audit", "/live"):
        mira.go(path_of_others)
        expect(page.get_by_role("heading", name="This page is not for your role")).to_be_visible()
    mira.go("/settings/users")
    expect(page.get_by_role("tab", name="My account")).to_be_visible()
    expect(page.get_by_role("tab", name="Users")).to_have_count(0)
    page.get_by_role("button", name="Account: mira").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_everything_is_there_after_a_restart(desk: Visit, running):
    desk.expected |= {".*ERR_CONNECTION_REFUSED.*", ".*ERR_INCOMPLETE_CHUNKED_ENCODING.*", ".*ERR_CONNECTION_RESET.*", "503 .*"}
    page = desk.go("/library")
    expect(page.get_by_role("link", name="astronaut.png")).to_be_visible()
    running.restart()
    # The page that was open goes on without being loaded again, and so does the session.
    page.get_by_role("link", name="astronaut.png").click()
    expect(page.get_by_role("row", name=re.compile("^Face"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("row", name=re.compile("^Face"))).to_be_visible()
    page.wait_for_function(f"() => ({DRAWN})(document.querySelector('canvas[aria-hidden]')) > 500")
    assert page.locator("img[alt='astronaut.png']").evaluate("image => image.naturalWidth") == 512
