"""Every page: languages, light and dark, narrow and wide, by keyboard, and what axe finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.console.walks import PAGES, PATIENCE_MS, Visit, ask, overflow

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=PATIENCE_MS)

AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = f"""async () => {{
    const found = await axe.run(document, {{ runOnly: {LEVELS} }})
    return found.violations.map(one => one.id + ': ' + one.nodes.map(
        node => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | '))
}}"""
SETTINGS = ("sources", "users", "keys", "limits", "about")
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def every_page(one: Visit) -> list[str]:
    """Addresses of all pages, a result of each kind among them."""
    media = ask(one, "/media")["items"]
    results = [f"/analyse/{item['analysis_id']}" for item in media if item["name"] in {"astronaut.png", "clip.mp4"}]
    return [*PAGES, *[f"/settings/{tab}" for tab in SETTINGS], "/library?view=findings", "/no-such-page", *results]


def settled(one: Visit, path: str) -> None:
    """Open a page and wait until it has loaded what it asks for."""
    one.go(path)
    expect(one.page.locator(".mantine-Skeleton-root, .mantine-Loader-root")).to_have_count(0)


def test_chinese_and_back(desk: Visit):
    page = desk.go("/analyse")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitemradio", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    words = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in word) for word in words), words
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.locator("header button[aria-haspopup=menu]").first.click()
    page.get_by_role("menuitemradio", name="English").click()
    expect(page.get_by_role("heading", name="Analyse", exact=True)).to_be_visible()


def test_dark_is_kept(desk: Visit):
    page = desk.go("/analyse")
    light = page.evaluate(BACKGROUND)
    page.get_by_role("button", name="Appearance").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    assert page.evaluate(BACKGROUND) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")


def test_no_page_scrolls_sideways(visit, owner):
    one: Visit = visit(storage_state=owner, viewport={"width": 390, "height": 844})
    one.go("/analyse")
    wide = {}
    for path in every_page(one):
        settled(one, path)
        for width, height in [(390, 844), (3840, 2160)]:
            one.page.set_viewport_size({"width": width, "height": height})
            if (pixels := overflow(one.page)) > 0:
                wide[f"{path} at {width}"] = pixels
        one.page.set_viewport_size({"width": 390, "height": 844})
    assert wide == {}


def test_by_keyboard(desk: Visit):
    page = desk.go("/analyse")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    seen = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        name, outline, shadow = page.evaluate(
            """() => {
                const focused = document.activeElement, card = focused.closest('article') ?? focused
                const [own, whole] = [getComputedStyle(focused), getComputedStyle(card)]
                const outline = own.outlineStyle === 'none' ? whole.outlineStyle : own.outlineStyle
                return [focused.outerHTML.slice(0, 120), outline, own.boxShadow]
            }"""
        )
        if name.startswith("<body"):  # after the last one
            break
        assert outline != "none" or shadow != "none", name
        seen.add(name)
    assert len(seen) > 4


def test_menu_of_a_phone_by_keyboard(visit, owner):
    one: Visit = visit(storage_state=owner, viewport={"width": 390, "height": 844})
    page = one.go("/analyse")
    expect(page.get_by_role("link", name="Jobs")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Open navigation")).to_be_focused()
    page.keyboard.press("Enter")
    link = page.get_by_role("navigation").get_by_role("link", name="Jobs")
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    expect(link).to_be_hidden()


@pytest.fixture(scope="session")
def axe() -> str:
    """The checker's program."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: cd console && npm ci")
    return AXE.read_text()


def found_by_axe(one: Visit, axe: str, path: str) -> dict[str, list[str]]:
    """What axe says against a page, in light and in dark."""
    said = {}
    for scheme in ("light", "dark"):
        one.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour on its way to another one
        expect(one.page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        one.page.evaluate("() => new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(painted)))")
        one.page.evaluate(axe)
        if found := one.page.evaluate(RUN):
            said[f"{path} {scheme}"] = found
    return said


def test_axe_finds_nothing(desk: Visit, axe):
    desk.go("/analyse")
    said = {}
    for path in every_page(desk):
        settled(desk, path)
        said |= found_by_axe(desk, axe, path)
    assert not said, json.dumps(said, indent=1)


def test_axe_finds_nothing_at_the_door_and_on_a_phone(visit, owner, axe):
    stranger: Visit = visit()
    stranger.go("/analyse")
    said = found_by_axe(stranger, axe, "sign-in")
    phone: Visit = visit(storage_state=owner, viewport={"width": 390, "height": 844})
    phone.go("/library")
    said |= found_by_axe(phone, axe, "phone")
    phone.page.get_by_role("button", name="Open navigation").click()
    said |= found_by_axe(phone, axe, "phone's menu")
    assert not said, json.dumps(said, indent=1)
