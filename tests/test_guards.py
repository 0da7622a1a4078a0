"""What must stay true of the whole tree."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sightline

ROOT = Path(__file__).parents[1]
SURFACE = Path(__file__).with_name("api_surface.json")
PACKAGES = (
    "sightline",
    "sightline.analysis",
    "sightline.analysis.archive",
    "sightline.media",
    "sightline.perception.bodies",
    "sightline.perception.faces",
    "sightline.perception.hands",
    "sightline.perception.objects",
    "sightline.perception.people",
    "sightline.perception.text",
    "sightline.server.workers",
    "sightline.tracking",
)


def public_names() -> dict[str, list[str]]:
    return {name: sorted(getattr(importlib.import_module(name), "__all__", [])) for name in PACKAGES}


def test_public_names_are_those_on_record() -> None:
    """A name that goes or comes is a decision: change tests/api_surface.json with it."""
    assert public_names() == json.loads(SURFACE.read_text("utf-8"))


def test_every_public_name_is_there_and_documented() -> None:
    for package, names in public_names().items():
        module = importlib.import_module(package)
        for name in names:
            value = getattr(module, name)
            assert name.startswith("__") or not callable(value) or value.__doc__, f"{package}.{name} has no docstring"


def test_a_fresh_import_is_light_and_silent() -> None:
    heavy = ("onnxruntime", "onnx", "ai_edge_litert", "torch", "cv2", "av", "PIL", "rapidocr", "pydantic", "rich", "numpy")
    code = f"import sys, sightline; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_import_takes_less_than_a_third_of_a_second() -> None:
    def seconds() -> float:
        code = "import time; t = time.perf_counter(); import sightline; print(time.perf_counter() - t)"
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert min(seconds() for _ in range(3)) < 0.3


def test_every_module_imports_without_a_word() -> None:
    names = [m.name for m in pkgutil.walk_packages(sightline.__path__, "sightline.")]
    code = "import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in names)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(names) > 40


def test_layers() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_no_large_files_and_no_hosts_of_registries() -> None:
    host = re.compile(rb"registry\.npm" + rb"js|py" + rb"pi\.org/simple|files\.pythonhosted")
    for path in tracked_files():
        assert path.stat().st_size < 1_500_000, f"{path} is too large for the repository"
        assert not host.search(path.read_bytes()), f"{path} names the host of a registry"


def test_functions_and_files_stay_small() -> None:
    import ast

    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        assert text.count("\n") <= 500, f"{path} has more than 500 lines"
        if path.parent.parts[-2:] == ("migrations", "versions"):
            continue  # a list of tables and columns, written by alembic
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = ast.get_docstring(node, clean=False)
                lines = (node.end_lineno or 0) - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)
                assert lines <= 60, f"{path}:{node.lineno} {node.name} has {lines} lines"


def test_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert version("sightline") == sightline.__version__


def test_the_changelog_names_the_version() -> None:
    assert f"## {sightline.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
