"""``sightline serve`` as its user meets it: a process, an address, a restart."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from skimage.data import astronaut
from tests.console.conftest import start

from sightline.api.records import RecordFilter
from sightline.client import Client
from sightline.core.errors import ApiError
from sightline.media.images import write_image
from sightline.runtime.cards import card_names, load_card


@pytest.fixture
def desk(tmp_path: Path, weights) -> Path:
    weights(*[n for n in card_names() if load_card(n).default])
    write_image(tmp_path / "astronaut.png", astronaut())
    return tmp_path


def test_what_was_analysed_is_still_there_after_a_restart(desk: Path, data_folder: Path) -> None:
    process, address, token = start(data_folder, desk / "astronaut.png")
    assert token is not None
    try:
        with Client(address, token) as client:
            upload = client.add(desk / "astronaut.png")
            assert client.wait(upload.job_id, 120).state == "done"
            found = [r.kind for r in client.records(RecordFilter(media_id=upload.media_id))]
            assert "face" in found
            names = [m.name for m in client.media()]
            document = client.document(upload.analysis_id)
            assert document.frames[0].faces
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    again, address, second_token = start(data_folder, desk / "astronaut.png")
    try:
        assert second_token is None, "the token is printed once"
        with Client(address, token) as client:
            assert [m.name for m in client.media()] == names, "a file named at each start comes in once"
            assert client.document(upload.analysis_id) == document
            assert [r.kind for r in client.records(RecordFilter(media_id=upload.media_id))] == found
            client.download(upload.media_id, desk / "back.png")
            assert (desk / "back.png").read_bytes() == (desk / "astronaut.png").read_bytes()
            assert client.verify_audit().intact
    finally:
        again.terminate()
        again.communicate(timeout=30)


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "sightline", "serve", "--port", str(taken.getsockname()[1]), "--data", str(tmp_path / "data")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr
    assert done.stderr.count("\n") == 1


def test_two_servers_cannot_share_a_data_folder(data_folder: Path) -> None:
    process, _, _ = start(data_folder)
    try:
        command = [sys.executable, "-m", "sightline", "serve", "--port", "0", "--data", str(data_folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "another server" in done.stderr
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_wrong_key_is_told_as_such(data_folder: Path) -> None:
    process, address, _ = start(data_folder)
    try:
        with Client(address, "slk_wrong") as client, pytest.raises(ApiError) as caught:
            client.me()
        assert caught.value.status == 401
        with Client(address, "") as client, pytest.raises(ApiError, match="Sign in"):
            list(client.media())
    finally:
        process.terminate()
        process.communicate(timeout=30)
