from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sightline.core.errors import DeviceError, InvalidInputError, ModelCorruptError
from sightline.runtime.session import check_inputs, default_threads, open_session
from sightline.runtime.weights import model_path


@pytest.fixture(scope="module")
def doubler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net with two outputs: 2 x and x + 1, batch open."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    two = helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])
    nodes = [helper.make_node("Mul", ["x", "two"], ["twice"]), helper.make_node("Add", ["x", "one"], ["next"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("twice", "next")]
    graph = helper.make_graph(nodes, "doubler", [x], outputs, [one, two])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path_factory.mktemp("nets") / "doubler.onnx"
    onnx.save(model, path)
    return path


def test_onnx_runs_and_says_what_it_takes(doubler: Path) -> None:
    session = open_session(doubler, device="cpu", threads=1)
    assert [(s.name, s.shape, s.dtype) for s in session.inputs()] == [("x", (None, 3), np.dtype(np.float32))]
    assert [s.name for s in session.outputs()] == ["twice", "next"]
    assert session.provider() == "ONNX Runtime (CPU)"
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    twice, following = session.run(x)
    np.testing.assert_array_equal(twice, 2 * x)
    np.testing.assert_array_equal(following, x + 1)


def test_only_the_outputs_asked_for_in_that_order(doubler: Path) -> None:
    session = open_session(doubler, outputs=["next"])
    (following,) = session.run(np.zeros((1, 3), np.float32))
    assert following.tolist() == [[1, 1, 1]]
    with pytest.raises(InvalidInputError, match="nothing"):
        open_session(doubler, outputs=["nothing"])


@pytest.mark.parametrize(
    "arrays",
    [
        (),
        (np.zeros((1, 3), np.float32), np.zeros((1, 3), np.float32)),
        (np.zeros((1, 4), np.float32),),
        (np.zeros(3, np.float32),),
        (np.zeros((1, 3), np.float64),),
    ],
)
def test_refuses_inputs_that_do_not_fit(doubler: Path, arrays: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(InvalidInputError):
        open_session(doubler).run(*arrays)


def test_inputs_become_contiguous(doubler: Path) -> None:
    session = open_session(doubler)
    strided = np.arange(12, dtype=np.float32).reshape(3, 4)[:, :3]
    assert not strided.flags.c_contiguous
    assert check_inputs(session.inputs(), (strided,))[0].flags.c_contiguous
    np.testing.assert_array_equal(session.run(strided)[0], strided * 2)


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
@pytest.mark.parametrize("content", [b"", b"not a net"])
def test_a_file_that_is_no_net_is_corrupt(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelCorruptError, match="cannot read"):
        open_session(path)


def test_refuses_bad_options(doubler: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="threads"):
        open_session(doubler, threads=0)
    with pytest.raises(InvalidInputError, match="device"):
        open_session(doubler, device="gpu")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"\.tflite or \.onnx"):
        open_session(tmp_path / "net.bin")


def test_cuda_is_an_error_where_it_is_not(doubler: Path, tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceError, match="CUDA"):
        open_session(doubler, device="cuda")
    assert open_session(doubler, device="auto").provider() == "ONNX Runtime (CPU)"
    with pytest.raises(DeviceError, match="CPU only"):
        open_session(tmp_path / "net.tflite", device="cuda")


def test_default_threads_is_within_the_machine() -> None:
    assert 1 <= default_threads() <= 4


def test_litert_batches_and_serves_threads_at_once(weights) -> None:
    weights("face_mesh")
    session = open_session(model_path("face_mesh"), threads=1)
    assert session.provider().startswith("LiteRT")
    crops = np.random.default_rng(0).random((4, 192, 192, 3), np.float32)
    alone = [session.run(crops[i : i + 1])[0] for i in range(4)]
    np.testing.assert_array_equal(session.run(crops)[0], np.concatenate(alone))
    together: list[np.ndarray | None] = [None] * 4

    def run(index: int) -> None:
        for _ in range(3):
            together[index] = session.run(crops[index : index + 1])[0]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(4):
        np.testing.assert_array_equal(together[index], alone[index])


def test_litert_outputs_belong_to_the_caller(weights) -> None:
    weights("face_mesh")
    session = open_session(model_path("face_mesh"))
    first = session.run(np.zeros((1, 192, 192, 3), np.float32))[0]
    kept = first.copy()
    session.run(np.ones((1, 192, 192, 3), np.float32))
    np.testing.assert_array_equal(first, kept)
    assert session.run(np.zeros((0, 192, 192, 3), np.float32))[0].shape[0] == 0


def test_litert_is_silent(weights, capfd: pytest.CaptureFixture[str]) -> None:
    weights("face_mesh")
    open_session(model_path("face_mesh")).run(np.zeros((1, 192, 192, 3), np.float32))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
