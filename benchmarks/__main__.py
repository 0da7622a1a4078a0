"""Runs every benchmark and writes docs/benchmarks.md.

    make bench            (or: python -m benchmarks [NAME ...] [--data ../shared/data])

One after the other, nothing beside them. A benchmark that fails is named, and the rest still run.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from sightline.core.errors import MissingExtraError

HERE = Path(__file__).parent
ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TITLES = {
    "face_mesh": "Face mesh: speed and agreement",
    "body_pose": "Body pose: speed, agreement, joints",
    "hands": "Hands: speed and agreement",
    "analyze": "analyze: 720p video of one person",
    "archive": "Archives: pictures and frames a second on one processor",
    "faces_recall": "Faces: recall and false positives",
    "gestures": "Gestures",
    "objects": "Objects: COCO AP",
    "importers": "Importers: golden outputs and speed of the converted nets",
    "person_matte": "People: mattes",
    "text": "Text: speed, memory, characters",
    "tracking": "Tracking: ids and smoothing",
    "records": "Records: questions among 10 million",
    "load": "Server: cost of the HTTP path, everybody at once",
}
WITHOUT_DATA = ("importers", "load", "records")
RUNS = {"text": [[], ["--pages", "1000"]]}
INTRO = """# Benchmarks

Made by `make bench`; this page is written by it. Each speed stands beside its peer, measured in the same run on the same frames and
processors; each accuracy names its data, protocol and count. Absolute times are those of one machine: look at the ratios.
The data sets are public and are not part of the repository (see each benchmark's own text for which they are).
"""


def machine() -> str:
    """Return what the figures were measured on."""
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
        name = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), name)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def run(name: str, data: Path) -> str:
    """Return what a benchmark printed, as a section of the page."""
    print(f"== {name}", flush=True)
    data_option = [] if name in WITHOUT_DATA else ["--data", str(data)]
    results = []
    for more in RUNS.get(name, [[]]):
        command = [sys.executable, "-m", f"benchmarks.{name}", *data_option, *more]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        print(done.stdout, flush=True)
        results.append(done.stdout.strip())
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            said = done.stderr.strip().splitlines()
            results.append(f"failed: {said[-1] if said else done.returncode}")
    source = next(path for path in (HERE / f"{name}.py", HERE / name / "__main__.py") if path.exists())
    told = (ast.get_docstring(ast.parse(source.read_text("utf-8"))) or "").strip()
    result = "\n\n".join(results)
    return f"(bench-{name})=\n## {TITLES[name]}\n\n```text\n{told}\n```\n\n```text\n{result}\n```\n"


def sections() -> dict[str, str]:
    """Return the sections that the page has already, by name."""
    if not PAGE.exists():
        return {}
    parts = re.split(r"^\(bench-(\w+)\)=\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(
        zip(parts[1::2], [f"(bench-{n})=\n{text.strip()}\n" for n, text in zip(parts[1::2], parts[2::2], strict=True)], strict=True)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*TITLES, []], help="which ones; all by default")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the measuring data")
    given = parser.parse_args()
    for module in ("pycocotools", "psutil"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("bench", "The benchmark")
    page = sections()
    for name in given.names or TITLES:
        page[name] = run(name, given.data)
        body = "\n".join(page[n] for n in TITLES if n in page)
        PAGE.write_text(f"{INTRO}\nMachine: {machine()}.\n\n{body}", "utf-8")
    return int(any("\nfailed: " in page[n] for n in page))


if __name__ == "__main__":
    sys.exit(main())
