"""What the walks through the console share: a visit that keeps whatever the browser complains of."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Download, Page

PATIENCE_MS = 20_000
PAGES = ("/analyse", "/library", "/live", "/jobs", "/models", "/audit", "/settings/account")
DRAWN = """canvas => {
    const copy = document.createElement('canvas')
    copy.width = canvas.width
    copy.height = canvas.height
    const pen = copy.getContext('2d', { willReadFrequently: true })
    pen.drawImage(canvas, 0, 0)
    const { data } = pen.getImageData(0, 0, copy.width, copy.height)
    let count = 0
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count += 1
    return count
}"""
DROP = """([name, type, text]) => {
    const bytes = Uint8Array.from(atob(text), one => one.charCodeAt(0))
    const carried = new DataTransfer()
    carried.items.add(new File([bytes], name, { type }))
    const say = kind => document.body.dispatchEvent(
        new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }))
    say('dragenter')
    say('dragover')
    say('drop')
}"""


class Visit:
    """One browser context with one page, and everything that its console said was wrong."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.address = address
        self.faults: list[str] = []
        # Answers that a walk provokes on purpose, as patterns of "status path", or of the whole message.
        self.expected: set[str] = {"401 /api/v1/auth/me"}
        self.context: BrowserContext = browser.new_context(**{"base_url": address, "locale": "en-GB"} | options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        found = re.search(r"status of (\d+)", message.text)
        address = message.location.get("url", "")
        said = f"{found[1]} {address.removeprefix(self.address)}" if found else message.text
        if any(re.fullmatch(wish, said) for wish in self.expected):
            return
        self.faults.append(f"{message.type}: {message.text} ({address})")

    def go(self, path: str) -> Page:
        """Open a page and wait for its heading."""
        self.page.goto(path)
        self.page.locator("h1").first.wait_for(timeout=PATIENCE_MS)
        return self.page

    def close(self) -> None:
        """Close the context; what was wrong fails the walk."""
        self.context.close()
        if self.faults:
            raise AssertionError("the browser complained:\n" + "\n".join(self.faults))


def drop(page: Page, name: str, content: bytes, content_type: str = "image/png") -> None:
    """Drop a file on the window, as a file manager does."""
    page.evaluate(DROP, [name, content_type, base64.b64encode(content).decode()])


def drawn(page: Page) -> int:
    """Count pixels of the overlay that are not clear."""
    return int(page.locator("canvas[aria-hidden]").first.evaluate(DRAWN))


def read_json(download: Download, folder: Path) -> dict[str, Any]:
    """Keep a download and read it."""
    path = folder / download.suggested_filename
    download.save_as(path)
    return dict(json.loads(path.read_text()))


def ask(visit: Visit, path: str) -> Any:
    """Ask the API with the cookies of a visit, outside the browser."""
    cookies: list[Mapping[str, Any]] = list(visit.context.cookies())
    header = "; ".join(f"{one['name']}={one['value']}" for one in cookies)
    with urlopen(Request(f"{visit.address}/api/v1{path}", headers={"Cookie": header}), timeout=20) as answer:
        return json.loads(answer.read())


def until_done(visit: Visit, files: int, patience_s: float = 60) -> None:
    """Wait until at least so many files are here and no job is under way."""
    end = time.monotonic() + patience_s
    while True:
        states = [job["state"] for job in ask(visit, "/jobs")["items"]]
        if len(states) >= files and set(states) == {"done"}:
            return
        if time.monotonic() > end or "failed" in states:
            raise AssertionError(f"jobs: {states}")
        time.sleep(0.2)


def overflow(page: Page) -> int:
    """How many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def sign(text: str) -> NDArray[np.uint8]:
    """Draw a sign: dark letters on a light board."""
    board = Image.new("RGB", (640, 240), (236, 232, 220))
    ImageDraw.Draw(board).text((320, 120), text, (20, 30, 60), ImageFont.load_default(64), anchor="mm")
    return np.asarray(board)
