"""The Live page, with the webcam that chromium feigns."""

from __future__ import annotations

import re

import pytest
from tests.console.walks import PATIENCE_MS, Visit

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=PATIENCE_MS)

KEEP_STREAMS = """
window.streams = []
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
navigator.mediaDevices.getUserMedia = async wish => {
    const stream = await ask(wish)
    window.streams.push(stream)
    return stream
}
"""
STATES = "window.streams.flatMap(stream => stream.getTracks().map(track => track.readyState))"


def test_webcam_is_looked_at_and_let_go(desk: Visit):
    desk.context.add_init_script(KEEP_STREAMS)
    page = desk.go("/live")
    expect(page.get_by_text("The camera is off")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()

    def meter(name: str):
        return page.locator("dl > div", has=page.get_by_text(name, exact=True)).locator("dd")

    expect(meter("Frames/s")).to_have_text(re.compile(r"^\d"))
    expect(meter("Latency")).to_have_text(re.compile(r"^\d+ ms"))
    expect(page.get_by_role("region", name="Seen now")).to_be_visible()
    assert page.evaluate(STATES) == ["live"]
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("The camera is off")).to_be_visible()
    assert set(page.evaluate(STATES)) == {"ended"}


def test_leaving_the_page_lets_the_camera_go(desk: Visit):
    desk.context.add_init_script(KEEP_STREAMS)
    page = desk.go("/live")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function(f"() => {STATES}.length > 0")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.wait_for_function(f"() => {STATES}.every(state => state === 'ended')")
