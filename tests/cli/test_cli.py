"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sightline
from sightline.cli.console import size
from sightline.runtime.cards import card_names, load_card


def cli(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    where = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run([sys.executable, "-m", "sightline", *args], capture_output=True, text=True, env=where, timeout=120, check=False)


def test_version_and_help() -> None:
    assert cli("--version").stdout == f"sightline {sightline.__version__}\n"
    said = cli("--help").stdout
    assert all(command in said for command in ("analyze", "models", "doctor"))
    assert "--only" in cli("analyze", "-h").stdout


@pytest.mark.parametrize(
    "args", [("nothing",), ("analyze", "--nothing", "x"), ("models", "fetch", "no_such_net"), ("analyze", "a", "--threads", "0")]
)
def test_nonsense_is_exit_code_2_and_no_traceback(args: tuple[str, ...], tmp_path: Path) -> None:
    done = cli(*args, SIGHTLINE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_models_list_as_json_and_for_people(tmp_path: Path) -> None:
    rows = json.loads(cli("models", "list", "--json", SIGHTLINE_HOME=str(tmp_path), SIGHTLINE_MODELS="").stdout)
    assert [row["name"] for row in rows] == list(card_names())
    assert {row["state"] for row in rows if row["task"] != "text"} == {"missing"}
    assert {row["state"] for row in rows if row["task"] == "text"} == {"ready"}, "an installed package carries them"
    assert all(row["licences"]["weights"] for row in rows)
    table = cli("models", "list", SIGHTLINE_HOME=str(tmp_path), SIGHTLINE_MODELS="").stdout
    assert all(name in table for name in card_names())


def test_models_licenses() -> None:
    everything = json.loads(cli("models", "licenses", "--json").stdout)
    commercial = json.loads(cli("models", "licenses", "--commercial", "--json").stdout)
    assert list(everything) == list(card_names())
    assert list(commercial) == [n for n in card_names() if load_card(n).licences.commercial]


def test_verify_finds_the_damaged_one(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / load_card("face_mesh").weights.file).write_bytes(b"half")
    done = cli("models", "verify", SIGHTLINE_HOME=str(tmp_path), SIGHTLINE_MODELS="")
    assert done.returncode == 2
    assert "sightline models fetch face_mesh" in done.stderr
    empty = cli("models", "verify", "--json", SIGHTLINE_HOME=str(tmp_path / "other"), SIGHTLINE_MODELS="")
    assert (empty.returncode, json.loads(empty.stdout)) == (0, {})


def test_fetch_offline_says_what_to_do(tmp_path: Path) -> None:
    done = cli("models", "fetch", "face_mesh", SIGHTLINE_HOME=str(tmp_path), SIGHTLINE_MODELS="", SIGHTLINE_OFFLINE="1")
    assert done.returncode == 2
    assert "SIGHTLINE_OFFLINE" in done.stderr


def test_doctor_names_the_command_for_each_thing_missing(tmp_path: Path) -> None:
    done = cli("doctor", "--json", SIGHTLINE_HOME=str(tmp_path), SIGHTLINE_MODELS="")
    checks = {c["what"]: c for c in json.loads(done.stdout)}
    assert done.returncode == 1, "models that analyze needs are missing"
    assert {"sightline", "processor", "LiteRT", "ONNX Runtime", "GPU", "models", "licences", "disk", "CJK font"} <= set(checks)
    missing = [c for c in checks.values() if c["level"] == "missing"]
    assert missing
    assert all(c["mend"].startswith("sightline models fetch ") for c in missing)
    assert "usable cores" in checks["processor"]["found"]


def test_doctor_for_people(weights) -> None:
    weights(*[n for n in card_names() if load_card(n).default])
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert "sightline" in done.stdout
    assert "✗" not in done.stdout


@pytest.mark.parametrize(("count", "shown"), [(0, "0.0 MB"), (1_242_398, "1.2 MB"), (3_000_000_000, "3.0 GB")])
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown
