"""Every example in the guide runs: doctests of the library, Python and console blocks of the pages."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from skimage.data import astronaut, page
from tests.console.conftest import Running, start
from tests.databases import folder_of_its_own

import sightline
from sightline.analysis.findings import KINDS
from sightline.media.images import write_image
from sightline.runtime.cards import card_names, load_card

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
MODULES = sorted(
    ["sightline", *(m.name for m in pkgutil.walk_packages(sightline.__path__, "sightline.") if not m.name.endswith("__main__"))]
)
SERVER = "http://127.0.0.1:8765"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights) -> Path:
    """A folder with the files that the examples use: photo.jpg, page.png, clip.mp4."""
    weights(*[n for n in card_names() if load_card(n).default])
    from tests.analysis.conftest import sample_module
    from tests.media.clips import make_clip

    write_image(tmp_path / "photo.jpg", astronaut())
    write_image(tmp_path / "page.png", page()[..., None].repeat(3, axis=2))
    make_clip(tmp_path / "clip.mp4", count=8)
    assert sample_module()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    """A server, for pages whose examples speak to one."""
    with folder_of_its_own() as folder:
        process, address, token = start(folder / "data")
        assert token is not None
        yield Running(address, token, folder / "data", process)
        process.terminate()
        process.communicate(timeout=30)


def blocks(path: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(path.read_text("utf-8"))


@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_examples_of_a_page_run(path: Path, desk: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {"__name__": path.stem}
    for language, text in blocks(path):
        if language == "python":
            if SERVER in text:
                running: Running = request.getfixturevalue("served")
                monkeypatch.setenv("SIGHTLINE_KEY", running.token)
                text = text.replace(SERVER, running.address)
            exec(compile(text, f"{path.name}: {text[:60]}", "exec"), names)
            continue
        for line in text.splitlines():
            if line.startswith("$ sightline "):
                command = [sys.executable, "-m", "sightline", *shlex.split(line)[2:]]
                done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
                assert done.returncode == 0, f"{line}: {done.stderr}"
            else:
                assert not line.startswith("$"), f"only sightline itself in console blocks: {line}"


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name: str, request: pytest.FixtureRequest) -> None:
    module = importlib.import_module(name)
    found = [t for t in doctest.DocTestFinder(exclude_empty=True).find(module) if t.examples]
    if not found:
        return
    source = Path(module.__file__ or "").read_text("utf-8")
    if re.search(r"sightline\.(perception|analysis)|open_model|model_path", source):
        request.getfixturevalue("desk")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in found:
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_links_and_pictures_of_the_pages_are_there() -> None:
    for path in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
            if not target.startswith(("http", "mailto")):
                assert (path.parent / target).exists(), f"{path.name} points at {target}, which is not there"


def test_there_is_a_page_with_a_picture_for_each_kind() -> None:
    for kind in KINDS:
        text = (ROOT / "docs" / f"{kind}.md").read_text("utf-8")
        assert re.search(r"!\[.+\]\(pictures/.+\)", text), f"docs/{kind}.md has no picture"


def test_every_public_function_has_an_example() -> None:
    from tests.test_guards import PACKAGES

    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            if callable(value) and not isinstance(value, type):
                assert "Examples\n" in (value.__doc__ or ""), f"{package}.{name} has no example"


def test_the_guide_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the docs extra is not installed: pip install 'sightline[docs]'")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        str(tmp_path / "trees"),
        "docs",
        str(tmp_path / "html"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "head_pose_deg" in (tmp_path / "html/api/generated/sightline.perception.faces.html").read_text("utf-8")
