"""A real server and a real browser for the console's walks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from skimage.data import astronaut
from tests.console.walks import Visit, sign, until_done
from tests.databases import folder_of_its_own

from sightline.media.images import write_image
from sightline.runtime.cards import card_names, load_card
from sightline.server.console import folder as built

ARGUMENTS = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@dataclass
class Running:
    """A server that runs."""

    address: str
    token: str
    data: Path
    process: subprocess.Popen[str]

    def restart(self) -> None:
        """End the server's process and start another one on the same data and port."""
        self.process.terminate()
        self.process.communicate(timeout=60)
        self.process, address, _ = start(self.data, port=int(self.address.rpartition(":")[2]))
        assert address == self.address


def start(data: Path, *paths: Path, port: int = 0) -> tuple[subprocess.Popen[str], str, str | None]:
    """Start ``sightline serve`` and return its process, address and, at the first start, the owner's token."""
    command = [sys.executable, "-m", "sightline", "serve", *map(str, paths), "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"(http://[^/]+)/(?:#token=(\S+))?", line)
    if found is None:
        process.kill()
        raise AssertionError(f"the server did not start: {line!r} {process.communicate()[1][-2000:]}")
    return process, found[1], found[2]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Debian's chromium, or the reason why there is none. Its event loop ends with the module, since other tests have theirs."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, weights) -> Iterator[Running]:
    """A server with a portrait, a sign and a video brought in."""
    if not (built() / "index.html").is_file():
        pytest.skip("the console is not built: cd console && npm ci && npm run build")
    weights(*[n for n in card_names() if load_card(n).default])
    from tests.media.clips import make_clip

    desk = tmp_path_factory.mktemp("walk")
    write_image(desk / "astronaut.png", astronaut())
    write_image(desk / "sign.png", sign("PLATFORM NINE"))
    make_clip(desk / "clip.mp4", count=30)
    with folder_of_its_own() as folder:
        process, address, token = start(folder / "data", *sorted(desk.iterdir()))
        assert token is not None
        server = Running(address, token, folder / "data", process)
        try:
            yield server
        finally:
            server.process.terminate()
            server.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def owner(browser, running) -> dict[str, object]:
    """The owner's session, as cookies that a visit begins with."""
    visit = Visit(browser, running.address)
    visit.page.goto(f"/#token={running.token}")
    visit.page.get_by_role("heading", name="Analyse", exact=True).wait_for()
    until_done(visit, files=3)
    state = visit.context.storage_state()
    visit.close()
    return dict(state)


@pytest.fixture
def visit(browser, running) -> Iterator[Callable[..., Visit]]:
    """Begin visits; at the end of a test none of them may have heard a complaint of the browser."""
    begun: list[Visit] = []

    def begin(**options: object) -> Visit:
        begun.append(Visit(browser, running.address, **options))
        return begun[-1]

    yield begin
    for one in begun:
        one.close()


@pytest.fixture
def desk(visit, owner) -> Visit:
    """The owner at a desk: signed in, with a window of a laptop's size."""
    return visit(storage_state=owner, viewport={"width": 1280, "height": 800})
