"""dlib's serialised network: streams written by the test, and damaged ones."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from sightline.core.errors import ModelConversionError
from sightline.runtime.importers import IMPORTERS
from sightline.runtime.importers.dlib import convert_face_embedder

SIDE = 150


def integer(number: int) -> bytes:
    size = (abs(number).bit_length() + 7) // 8 or 1
    return bytes([size | (0x80 if number < 0 else 0)]) + abs(number).to_bytes(size, "little")


def integers(*numbers: int) -> bytes:
    return b"".join(map(integer, numbers))


def text(word: str) -> bytes:
    return integer(len(word)) + word.encode()


def tensor(array: np.ndarray) -> bytes:
    return integers(2, array.size, 1, 1, 1) + array.astype("<f4").tobytes()


def between() -> bytes:
    """What dlib writes between two layers: flags and empty tensors."""
    return b"110" + integers(2, 0, 0, 0, 0)


class Net:
    """A small net of the same structure: writes the stream and computes the result in float64."""

    def __init__(self, seed: int = 5) -> None:
        self.rng = np.random.default_rng(seed)
        self.x = self.rng.integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
        self.mean = np.array([122.75, 117.0, 104.25])
        self.out = (self.x - self.mean).transpose(0, 3, 1, 2) / 256
        floats = b"".join(integers(int(value * 4), -2) for value in self.mean)
        self.stream = integers(1, 1) + text("loss_metric_2") + integers(10, -4) + between()
        self.stream += text("input_rgb_image_sized") + floats + integers(SIDE, SIDE)

    def conv(self, filters: int, kernel: int, stride: int, pad: int) -> Net:
        channels = self.out.shape[1]
        weight = self.rng.normal(0, 1 / (kernel * np.sqrt(channels)), (filters, channels, kernel, kernel)).astype(np.float32)
        bias, gamma, beta = self.rng.normal(size=(3, filters)).astype(np.float32)
        gamma = np.abs(gamma) + 0.5
        self.stream += text("con_4") + tensor(np.concatenate([weight.reshape(-1), bias]))
        self.stream += integers(filters, kernel, kernel, stride, stride, pad, pad, 1, *weight.shape, 1, 1, filters, 1, 1, 16, -4)
        self.stream += between() + text("affine_") + tensor(np.concatenate([gamma, beta])) + integers(1, 1, filters, 1, 1) + between()
        self.out = np.pad(self.out, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        self.out = np.einsum("nchwij,ocij->nohw", self.windows(kernel, stride), weight.astype(float)) + bias[:, None, None]
        self.out = self.out * gamma[:, None, None] + beta[:, None, None]
        return self

    def windows(self, kernel: int, stride: int) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(self.out, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]

    def relu(self) -> Net:
        self.stream += text("relu_") + between()
        self.out = np.maximum(self.out, 0)
        return self

    def block(self, filters: int, down: bool) -> None:
        start = self.out
        self.conv(filters, 3, 2 if down else 1, 0 if down else 1).relu().conv(filters, 3, 1, 1)
        if down:
            self.stream += text("avg_pool_2") + integers(2, 2, 2, 2, 0, 0) + between()
            height, width = (size // 2 * 2 for size in start.shape[2:])
            halves = start[:, :, :height, :width].reshape(*start.shape[:2], height // 2, 2, width // 2, 2)
            start = halves.mean((3, 5))
        self.stream += text("add_prev_") + between()
        full = [max(a, b) for a, b in zip(self.out.shape, start.shape, strict=True)]
        ways = [np.pad(way, [(0, size - has) for size, has in zip(full, way.shape, strict=True)]) for way in (self.out, start)]
        self.out = ways[0] + ways[1]
        self.relu()

    def finish(self, outputs: int = 128) -> Net:
        self.conv(4, 7, 2, 0).relu()
        self.stream += text("max_pool_2") + integers(3, 3, 2, 2, 0, 0) + between()
        self.out = self.windows(3, 2).max((4, 5))
        for filters, plain, down in ((4, 3, False), (6, 3, True), (8, 2, True), (8, 2, True), (8, 0, True)):
            if down:
                self.block(filters, True)
            for _ in range(plain):
                self.block(filters, False)
        self.stream += text("avg_pool_2") + integers(0, 0, 1, 1, 0, 0) + between()
        weight = self.rng.normal(size=(8, outputs)).astype(np.float32)
        self.stream += text("fc_2") + integers(outputs, 8) + tensor(weight)
        self.out = self.out.mean((2, 3)) @ weight
        return self


def test_a_net_of_the_same_structure(tmp_path):
    net = Net().finish()
    path = tmp_path / "net.dat"
    path.write_bytes(net.stream)
    model = convert_face_embedder(path)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for count in (2, 1):
        (found,) = session.run(["embedding"], {"image": net.x[:count]})
        np.testing.assert_allclose(found, net.out[:count], rtol=1e-3, atol=2e-4)
    nodes = [node.op_type for node in onnx.load_from_string(model).graph.node]
    assert nodes.count("Conv") == 29
    assert nodes.count("Mul") == 0
    path.rename(tmp_path / "other.dat")
    assert IMPORTERS["dlib"]([tmp_path / "other.dat"], {}) == model


def cut(stream: bytes) -> bytes:
    return stream[: len(stream) // 2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda stream: b"", "no layer of a dlib network"),
        (lambda stream: b"\x00" * 5000, "no layer of a dlib network"),
        (lambda stream: stream[:-10], "it is cut or damaged"),
        (lambda stream: stream[: stream.index(b"con_4") + 30], "it is cut or damaged"),
        (lambda stream: stream[: stream.index(b"\x05relu_")], "not dlib's face recognition net"),
        (lambda stream: stream.replace(b"max_pool_2", b"max_pool_9"), "not dlib's face recognition net"),
        (lambda stream: stream.replace(b"con_4", b"con_5"), "not dlib's face recognition net"),
        (lambda stream: stream.replace(text("con_4") + integer(2), text("con_4") + integer(3), 1), "a tensor of version 3"),
        (lambda stream: stream.replace(text("con_4") + integer(2), text("con_4") + b"\x7f\x02", 1), "is no length of an integer"),
        (
            lambda stream: stream.replace(text("con_4") + integer(2), text("con_4") + integer(2) + integer(-7), 1),
            "a tensor of version 2 and shape",
        ),
    ],
)
def test_damaged_and_other_files(tmp_path, spoil, message):
    path = tmp_path / "net.dat"
    path.write_bytes(spoil(Net().finish().stream))
    with pytest.raises(ModelConversionError, match=message) as caught:
        convert_face_embedder(path)
    assert caught.value.model == "net"


def test_another_length_of_embedding(tmp_path):
    path = tmp_path / "net.dat"
    path.write_bytes(Net().finish(outputs=64).stream)
    with pytest.raises(ModelConversionError, match="gives 64 numbers"):
        convert_face_embedder(path)
