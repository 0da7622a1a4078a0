from __future__ import annotations

import pytest

from sightline.core.errors import ModelNotFetchedError
from sightline.runtime.weights import model_path, state


def test_nets_of_an_installed_package_need_no_fetching(tmp_path, monkeypatch):
    pytest.importorskip("rapidocr", reason="rapidocr carries the nets for text")
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path))
    monkeypatch.delenv("SIGHTLINE_MODELS", raising=False)
    assert state("text_detector") == "ready"
    assert "rapidocr" in model_path("text_detector").parts
    with pytest.raises(ModelNotFetchedError):
        model_path("face_mesh")
