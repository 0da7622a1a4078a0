"""Converted nets against what TensorFlow and dlib themselves gave (golden/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from skimage.data import astronaut

from sightline.runtime.session import open_session

GOLDEN = Path(__file__).parent / "golden"
SIZES = {
    "nanodet": (416, 416),
    "movenet_multipose": (256, 320),
    "face_mesh_attention": (192, 192),
    "centernet": (512, 512),
    "face_embedder": (150, 150),
}
TOLERANCES = {  # absolute: probabilities and logits; parts of the side; pixels of 192; pixels of 512; parts of an embedding of length 1.4
    "nanodet": 1e-4,
    "movenet_multipose": 1e-4,
    "face_mesh_attention": 2e-3,
    "centernet": 2e-2,
    "face_embedder": 2e-6,
}


def picture(label: str, size: tuple[int, int], face: bool) -> np.ndarray:
    height, width = size
    if label == "noise":
        return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    whole = astronaut()[30:200, 140:310] if face else astronaut()
    rows, columns = np.arange(height) * whole.shape[0] // height, np.arange(width) * whole.shape[1] // width
    return np.ascontiguousarray(whole[rows][:, columns])


@pytest.mark.parametrize("label", ["noise", "astronaut"])
@pytest.mark.parametrize("name", SIZES)
def test_outputs_are_those_of_the_source(converted, name, label):
    session = open_session(converted(name), device="cpu", threads=1)
    image = picture(label, SIZES[name], "face" in name)[None]
    found = dict(zip([spec.name for spec in session.outputs()], session.run(image), strict=True))
    with np.load(GOLDEN / f"{name}.npz") as golden:
        wanted = {key.split("/")[1] for key in golden.files if key.startswith(label)}
        assert set(found) == wanted
        for output, values in found.items():
            expected, step = golden[f"{label}/{output}"], int(golden[f"{label}/{output}/step"])
            assert np.abs(expected).max() > 0
            np.testing.assert_allclose(values.reshape(-1)[::step], expected, rtol=0, atol=TOLERANCES[name], err_msg=output)


def test_a_face_is_a_face_and_noise_is_none(converted):
    """That the golden files themselves mean something."""
    with np.load(GOLDEN / "face_mesh_attention.npz") as golden:
        assert golden["astronaut/face_score"][0] > 0.99
        assert golden["noise/face_score"][0] < 0.01
    with np.load(GOLDEN / "nanodet.npz") as golden:
        assert max(golden[f"astronaut/scores_{stride}"].max() for stride in (8, 16, 32)) > 0.2


@pytest.mark.parametrize("name", ["face_mesh_attention", "face_embedder"])
def test_a_batch_gives_what_its_pictures_give_alone(converted, name):
    session = open_session(converted(name), device="cpu", threads=1)
    images = np.stack([picture(label, SIZES[name], True) for label in ("astronaut", "noise", "astronaut")])
    together = session.run(images)
    for index, image in enumerate(images):
        for whole, alone in zip(together, session.run(image[None]), strict=True):
            np.testing.assert_allclose(whole[index], alone[0], rtol=1e-4, atol=1e-3)


def test_nanodet_has_no_padding_and_few_transpositions_left(converted):
    nodes = [node.op_type for node in onnx.load(converted("nanodet")).graph.node]
    assert "Pad" not in nodes
    assert "Split" not in nodes
    assert nodes.count("Transpose") == 7  # one for the picture, one each for six outputs


@pytest.mark.parametrize("size", [(256, 256), (128, 192), (320, 256)])
def test_movenet_takes_any_multiple_of_32(converted, size):
    session = open_session(converted("movenet_multipose"), device="cpu", threads=1)
    (people,) = session.run(picture("astronaut", size, False)[None])
    assert people.shape == (1, 6, 56)
    nose_y, nose_x, score = people[0, people[0, :, 55].argmax(), :3]
    assert score > 0.3
    assert abs(nose_y - 0.235) < 0.05  # the astronaut's nose, in parts of the picture
    assert abs(nose_x - 0.435) < 0.05
