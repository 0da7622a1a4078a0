"""Running a net: one protocol, two engines.

``open_session`` picks LiteRT (XNNPACK) for ``.tflite`` and ONNX Runtime for ``.onnx``. A session is safe to call from
several threads at once, gives arrays that belong to the caller, and says which provider runs it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Hashable, Iterator, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sightline.core.errors import DeviceError, InvalidInputError, ModelConversionError, ModelCorruptError
from sightline.runtime.times import TimedSession

Device = Literal["auto", "cpu", "cuda"]
Array = NDArray[Any]

_log = logging.getLogger(__name__)
_MAX_DEFAULT_THREADS = 4
_shared: ContextVar[MutableMapping[Hashable, Session] | None] = ContextVar("sightline_shared_sessions", default=None)


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape and dtype of one input or output; an open dimension is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]


class Session(Protocol):
    """A net that is ready to run."""

    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` takes, in order."""

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` gives, in order."""

    def provider(self) -> str:
        """Return which engine and device runs the net, such as ``"LiteRT (CPU, XNNPACK)"``."""

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Run the net on a batch.

        Raises
        ------
        InvalidInputError
            When the number, shape or dtype of the arrays is not what ``inputs()`` says.
        """


def default_threads() -> int:
    """Return how many threads a net uses by default: the processors this process may use, at most 4."""
    affinity = getattr(os, "sched_getaffinity", None)
    available = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    return max(1, min(available, _MAX_DEFAULT_THREADS))


def open_session(
    path: Path,
    *,
    device: Device = "auto",
    threads: int | None = None,
    outputs: Sequence[str] | None = None,
    memory_arena: bool = True,
    int8: bool = False,
) -> Session:
    """Open a net.

    Parameters
    ----------
    path : Path
        A ``.tflite`` or ``.onnx`` file.
    device : {"auto", "cpu", "cuda"}
        ``"cuda"`` is an error where it cannot be had; ``"auto"`` takes it where it can. LiteRT nets run on the CPU.
    threads : int, optional
        Threads of one call; by default ``default_threads()``.
    outputs : sequence of str, optional
        Names of the outputs wanted, in that order; by default all. A LiteRT net then runs without the operators that
        only feed the others.
    memory_arena : bool
        Keep memory between calls. False: give it back, for nets whose input has another shape at every call
        (ONNX Runtime only).
    int8 : bool
        Run the 1x1 convolutions of a LiteRT net on 8-bit integers (``importers.tflite_int8``): faster, a little less exact.

    Raises
    ------
    DeviceError
        When the device asked for is not there.
    InvalidInputError
        When an option is out of range or an output is not in the net.
    ModelCorruptError
        When the file is not a net that the engine can read.
    """
    shared, key = _shared.get(), (path, device, threads, outputs and tuple(outputs), memory_arena, int8)
    session = None if shared is None else shared.get(key)
    if session is None:
        session = TimedSession(_open(path, device, threads, outputs, memory_arena, int8), path.stem)
        if shared is not None:
            shared[key] = session
    return session


@contextlib.contextmanager
def sharing(sessions: MutableMapping[Hashable, Session]) -> Iterator[None]:
    """Open no net twice inside the block: what is among ``sessions`` is taken from there, what is opened is put there.

    Examples
    --------
    >>> from weakref import WeakValueDictionary
    >>> with sharing(WeakValueDictionary()):
    ...     pass
    """
    token = _shared.set(sessions)
    try:
        yield
    finally:
        _shared.reset(token)


def _open(path: Path, device: Device, threads: int | None, outputs: Sequence[str] | None, memory_arena: bool, int8: bool) -> Session:
    count = default_threads() if threads is None else threads
    if count < 1:
        raise InvalidInputError(f"threads must be at least 1, got {threads}")
    if device not in ("auto", "cpu", "cuda"):
        raise InvalidInputError(f"device must be 'auto', 'cpu' or 'cuda', got {device!r}")
    if path.suffix == ".tflite":
        if device == "cuda":
            raise DeviceError(f"{path.name} is a LiteRT net, which runs on the CPU only; use device='auto' or 'cpu'")
        return LiteRtSession(path, threads=count, outputs=outputs, int8=int8)
    if int8:
        raise InvalidInputError(f"{path.name}: int8=True is for .tflite nets")
    if path.suffix == ".onnx":
        return OnnxSession(path, device=device, threads=count, outputs=outputs, memory_arena=memory_arena)
    raise InvalidInputError(f"{path.name}: expected a .tflite or .onnx file")


class LiteRtSession:
    """A ``.tflite`` net in LiteRT.

    An interpreter serves one call at a time, so calls borrow one from a pool. The rows of a batch run side by side: small
    nets gain little from a second thread, and much from a second interpreter.
    """

    def __init__(self, path: Path, *, threads: int, outputs: Sequence[str] | None = None, int8: bool = False) -> None:
        self._path, self._threads = path, threads
        self._content = _rewritten(path, outputs, int8=int8) if outputs is not None or int8 else None
        self._free: dict[int, list[Any]] = {}
        self._workers: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        first = self._make(threads)
        self._inputs = tuple(_litert_spec(d) for d in first.get_input_details())
        self._outputs = tuple(_litert_spec(d) for d in first.get_output_details())
        self._free[threads] = [first]

    def _make(self, threads: int) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with _quiet_stderr():
                source = {"model_content": self._content} if self._content else {"model_path": str(self._path)}
                interpreter = Interpreter(**source, num_threads=threads)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelCorruptError(self._path.stem, f"LiteRT cannot read {self._path}: {error}") from error
        return interpreter

    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` takes, in order."""
        return self._inputs

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` gives, in order."""
        return self._outputs

    def provider(self) -> str:
        """Return which engine and device runs the net."""
        return "LiteRT (CPU, XNNPACK)"

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Run the net; of a batch larger than the net's own (which is 1), as many rows as there are threads at a time."""
        arrays = check_inputs(self._inputs, inputs, free_batch=True)
        batch = len(arrays[0])
        if batch == 0:
            return tuple(np.zeros((0, *(d or 0 for d in o.shape[1:])), o.dtype) for o in self._outputs)
        if batch == 1:
            return self._run_row(arrays, self._threads)
        rows = [[a[i : i + 1] for a in arrays] for i in range(batch)]
        abreast = min(batch, self._threads)
        if abreast == 1:
            done = [self._run_row(row, 1) for row in rows]
        else:
            done = list(self._pool().map(lambda row: self._run_row(row, self._threads // abreast), rows))
        return tuple(np.concatenate(column) for column in zip(*done, strict=True))

    def _run_row(self, arrays: list[Array], threads: int) -> tuple[Array, ...]:
        with self._borrowed(threads) as interpreter:
            return self._run_one(interpreter, arrays)

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._workers is None:
                self._workers = ThreadPoolExecutor(self._threads, thread_name_prefix="litert")
            return self._workers

    @staticmethod
    def _run_one(interpreter: Any, arrays: list[Array]) -> tuple[Array, ...]:
        for detail, array in zip(interpreter.get_input_details(), arrays, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        return tuple(interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details())

    @contextlib.contextmanager
    def _borrowed(self, threads: int) -> Iterator[Any]:
        with self._lock:
            free = self._free.setdefault(threads, [])
            interpreter = free.pop() if free else None
        interpreter = interpreter or self._make(threads)
        try:
            yield interpreter
        finally:
            with self._lock:
                free.append(interpreter)


class OnnxSession:
    """An ``.onnx`` net in ONNX Runtime."""

    def __init__(
        self, path: Path, *, device: Device, threads: int, outputs: Sequence[str] | None = None, memory_arena: bool = True
    ) -> None:
        import onnxruntime as ort

        cuda_there = "CUDAExecutionProvider" in ort.get_available_providers()
        if device == "cuda" and not cuda_there:
            raise DeviceError("CUDA was asked for and this ONNX Runtime has no CUDA: pip install onnxruntime-gpu, or use device='auto'")
        wanted = ["CUDAExecutionProvider"] if cuda_there and device != "cpu" else []
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = options.enable_mem_pattern = memory_arena
        # Idle worker threads would otherwise spin and take the processor from decoding and the other nets.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(path), options, providers=[*wanted, "CPUExecutionProvider"])
        except Exception as error:
            raise ModelCorruptError(path.stem, f"ONNX Runtime cannot read {path}: {error}") from error
        self._provider = self._session.get_providers()[0]
        if device == "cuda" and self._provider != "CUDAExecutionProvider":
            raise DeviceError("CUDA was asked for, and ONNX Runtime could not start it (driver or libraries missing); use device='auto'")
        self._inputs = tuple(_onnx_spec(i) for i in self._session.get_inputs())
        there = {o.name: _onnx_spec(o) for o in self._session.get_outputs()}
        wanted_outputs = tuple(there) if outputs is None else tuple(outputs)
        if not wanted_outputs or not set(wanted_outputs) <= set(there):
            raise InvalidInputError(f"outputs must be some of {sorted(there)}, got {list(wanted_outputs)}")
        self._outputs = tuple(there[name] for name in wanted_outputs)

    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` takes, in order."""
        return self._inputs

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what ``run`` gives, in order."""
        return self._outputs

    def provider(self) -> str:
        """Return which engine and device runs the net."""
        device = self._provider.removesuffix("ExecutionProvider")
        return f"ONNX Runtime ({device})"

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Run the net on a batch."""
        arrays = check_inputs(self._inputs, inputs)
        feeds = {spec.name: array for spec, array in zip(self._inputs, arrays, strict=True)}
        return tuple(self._session.run([o.name for o in self._outputs], feeds))


def _rewritten(path: Path, outputs: Sequence[str] | None, *, int8: bool) -> bytes:
    from sightline.runtime.importers.tflite_int8 import quantize_convolutions
    from sightline.runtime.importers.tflite_prune import keep_outputs

    try:
        content = path.read_bytes()
        content = content if outputs is None else keep_outputs(content, outputs)
        return quantize_convolutions(content) if int8 else content
    except ModelConversionError as error:
        raise ModelCorruptError(path.stem, f"LiteRT cannot read {path}: {error}") from error


def check_inputs(specs: tuple[TensorSpec, ...], inputs: tuple[Array, ...], *, free_batch: bool = False) -> list[Array]:
    """Return the arrays, C-contiguous, when they fit the specs.

    Raises
    ------
    InvalidInputError
        When the number, a shape or a dtype does not fit.
    """
    if len(inputs) != len(specs):
        raise InvalidInputError(f"the net takes {len(specs)} inputs, got {len(inputs)}")
    for spec, array in zip(specs, inputs, strict=True):
        want = (None, *spec.shape[1:]) if free_batch else spec.shape
        fits = array.ndim == len(want) and all(w is None or w == a for w, a in zip(want, array.shape, strict=True))
        if not fits or array.dtype != spec.dtype:
            raise InvalidInputError(f"input {spec.name!r} must be {spec.dtype} of shape {want}, got {array.dtype} of shape {array.shape}")
    return [np.ascontiguousarray(a) for a in inputs]


def _litert_spec(detail: dict[str, Any]) -> TensorSpec:
    shape = tuple(None if d < 0 else int(d) for d in detail["shape_signature"])
    return TensorSpec(str(detail["name"]), shape or tuple(int(d) for d in detail["shape"]), np.dtype(detail["dtype"]))


_ONNX_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


def _onnx_spec(arg: Any) -> TensorSpec:
    shape = tuple(d if isinstance(d, int) and d >= 0 else None for d in arg.shape)
    return TensorSpec(str(arg.name), shape, np.dtype(_ONNX_DTYPES[arg.type]))


_STDERR_LOCK = threading.Lock()
_STDERR_FD = 2


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back the line that LiteRT's C++ side writes to stderr when it makes its delegate."""
    with _STDERR_LOCK:
        if sys.stderr is not None:
            sys.stderr.flush()
        saved, null = os.dup(_STDERR_FD), os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _STDERR_FD)
        try:
            yield
        finally:
            os.dup2(saved, _STDERR_FD)
            os.close(saved)
            os.close(null)
