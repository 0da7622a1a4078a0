"""Makes the console's pictures of the guide: a server on scikit-image's samples, and chromium that visits each page.

cd console && npm ci && npm run build && cd ..
python docs/make_console_pictures.py [--only NAME ...]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, sync_playwright
from skimage.data import astronaut, chelsea, coffee, page, rocket

from sightline.media import encode_image, resize, write_image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.console.conftest import ARGUMENTS, start  # noqa: E402
from tests.console.walks import PATIENCE_MS, Visit, sign, until_done  # noqa: E402

PICTURES = ROOT / "docs" / "pictures" / "console"
LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def pan(count: int = 72) -> Iterator[NDArray[np.uint8]]:
    """Move slowly over the portrait."""
    portrait = astronaut()
    for i in range(count):
        swing = 0.5 - 0.5 * np.cos(2 * np.pi * i / count)
        x, y, width = round(70 * swing), round(20 * swing), round(440 - 60 * swing)
        height = width * 3 // 4
        yield resize(np.ascontiguousarray(portrait[y : y + height, x : x + width]), (640, 480))


def make_samples(folder: Path, camera: Path) -> None:
    """Write pictures and a video for the library, and what the feigned webcam sees."""
    named = {"astronaut": astronaut(), "coffee": coffee(), "cat": chelsea(), "rocket": rocket()}
    named |= {"platform": sign("PLATFORM NINE"), "page": np.stack([page()] * 3, axis=-1)}
    for name, image in named.items():
        write_image(folder / f"{name}.jpg", np.ascontiguousarray(image))
    camera.write_bytes(b"".join(encode_image(frame, "JPEG") for frame in pan()))
    with av.open(str(folder / "portrait.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=24, width=640, height=480, pix_fmt="yuv420p")
        for frame in pan():
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))


def card(name: str) -> Callable[[Page], None]:
    """Open a file of the library and choose what was found first."""

    def visit(page: Page) -> None:
        page.get_by_role("link", name=name).click()
        page.get_by_role("row", name=re.compile("^Face")).first.click()
        page.get_by_text("Box, x0 y0 x1 y1").wait_for()

    return visit


def video(page: Page) -> None:
    """Open the video a little after its beginning."""
    page.get_by_role("link", name="portrait.mp4").click()
    page.get_by_role("row", name=re.compile("^Face")).first.wait_for()
    stage = page.get_by_role("application")
    stage.focus()
    for _ in range(8):
        page.keyboard.press(".")


def live(page: Page) -> None:
    """Switch the camera on and wait for findings."""
    page.get_by_text("Objects", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("region", name="Seen now").get_by_text("Faces").wait_for()
    page.wait_for_timeout(6_000)


def verify(page: Page) -> None:
    """Have the trail verified."""
    page.get_by_role("button", name="Verify the trail").click()
    page.get_by_text("The trail is whole").wait_for()


def add_user(page: Page) -> None:
    """Open the form of a new user."""
    page.get_by_role("button", name="Add user").click()
    page.get_by_role("dialog").get_by_label("Name").fill("mira")


def key_form(page: Page) -> None:
    """Open the form of a new key."""
    page.get_by_role("button", name="Make a key").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("door counter")
    page.get_by_role("checkbox", name="See pictures and videos").check()


def model(page: Page) -> None:
    """Open a card."""
    page.get_by_role("link", name=re.compile("hand", re.IGNORECASE)).first.click()
    page.get_by_role("dialog").get_by_text("Terms").first.wait_for()


def nothing(page: Page) -> None:
    """Show the page as it opens."""


SHOTS: dict[str, tuple[str, Callable[[Page], None], dict[str, object]]] = {
    "analyse": ("/analyse", nothing, {}),
    "result": ("/library", card("astronaut.jpg"), {}),
    "result-dark": ("/library", card("astronaut.jpg"), {"color_scheme": "dark"}),
    "video": ("/library", video, {}),
    "library": ("/library", nothing, {}),
    "findings": ("/library?view=findings", nothing, {}),
    "live": ("/live", live, {}),
    "jobs": ("/jobs", nothing, {}),
    "models": ("/models", nothing, {}),
    "model": ("/models", model, {}),
    "audit": ("/audit", verify, {}),
    "settings-users": ("/settings/users", add_user, {}),
    "settings-keys": ("/settings/keys", key_form, {}),
    "settings-limits": ("/settings/limits", nothing, {}),
    "phone": ("/library", nothing, {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}),
    "chinese": ("/analyse", nothing, {"locale": "zh-CN"}),
}


def shoot(browser, address: str, state: dict[str, object], name: str) -> None:
    """Visit one page and keep its picture."""
    path, act, options = SHOTS[name]
    one = Visit(browser, address, **{"viewport": LAPTOP, "color_scheme": "light", "storage_state": state} | options)
    one.go(path)
    act(one.page)
    one.page.wait_for_timeout(1_200)
    one.page.screenshot(path=PICTURES / f"{name}.jpg", type="jpeg", quality=84, timeout=PATIENCE_MS)
    one.close()


def main() -> None:
    """Make all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*SHOTS, "sign-in"], default=[*SHOTS, "sign-in"])
    wanted = parser.parse_args().only
    PICTURES.mkdir(parents=True, exist_ok=True)
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory(prefix="sl-shots-") as folder:
        camera, samples = Path(folder) / "camera.mjpeg", Path(folder) / "samples"
        samples.mkdir()
        os.chdir(folder)  # the page shows the path of the camera's file as its name
        make_samples(samples, camera)
        started = sync_playwright().start()
        process, address, token = start(Path(folder) / "data", *sorted(samples.iterdir()))
        feigned = f"--use-file-for-fake-video-capture={camera.name}"
        browser = started.chromium.launch(executable_path=program, args=[*ARGUMENTS, feigned])
        try:
            door = Visit(browser, address, viewport=LAPTOP, color_scheme="light")
            door.go("/")
            if "sign-in" in wanted:
                door.page.screenshot(path=PICTURES / "sign-in.jpg", type="jpeg", quality=84)
            door.page.goto(f"/?again#token={token}")
            door.page.get_by_role("heading", name="Analyse", exact=True).wait_for()
            until_done(door, files=len(list(samples.iterdir())))
            state = dict(door.context.storage_state())
            door.close()
            for name in [one for one in wanted if one != "sign-in"]:
                shoot(browser, address, state, name)
        finally:
            browser.close()
            started.stop()
            process.terminate()
            process.communicate(timeout=60)
            os.chdir(ROOT)


if __name__ == "__main__":
    main()
