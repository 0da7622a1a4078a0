"""What NVIDIA's cards are doing, asked of the driver's own library; nothing has to be installed for it."""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_LIBRARIES = ("libnvidia-ml.so.1", "nvml.dll")
_NAME_BYTES = 96


@dataclass(frozen=True)
class GpuState:
    """One card now.

    Parameters
    ----------
    index : int
    name : str
    busy : float or None
        Share of the last moments in which it worked, 0..1; None when the card does not say.
    memory_used_bytes, memory_total_bytes : int
    """

    index: int
    name: str
    busy: float | None
    memory_used_bytes: int
    memory_total_bytes: int


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Gpus:
    """The cards of this machine; none where there is no driver.

    Parameters
    ----------
    libraries : tuple of str
        Names of the driver's library, the first that is there counts.

    Examples
    --------
    >>> all(0 <= gpu.memory_used_bytes <= gpu.memory_total_bytes for gpu in Gpus().states())
    True
    """

    def __init__(self, libraries: tuple[str, ...] = _LIBRARIES) -> None:
        self._nvml: ctypes.CDLL | None = None
        for name in libraries:
            try:
                library = ctypes.CDLL(name)
            except OSError:
                continue
            if library.nvmlInit_v2() == 0:
                self._nvml = library
                return
            logger.info("%s is there, but its driver does not answer", name)

    def states(self) -> list[GpuState]:
        """Return what each card does now."""
        count = ctypes.c_uint()
        if self._nvml is None or self._nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return []
        found = (self._state(self._nvml, index) for index in range(count.value))
        return [state for state in found if state is not None]

    def _state(self, nvml: ctypes.CDLL, index: int) -> GpuState | None:
        device, busy, memory = ctypes.c_void_p(), _Utilization(), _Memory()
        name = ctypes.create_string_buffer(_NAME_BYTES)
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)) != 0:
            return None
        if nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) != 0:
            return None
        known = nvml.nvmlDeviceGetUtilizationRates(device, ctypes.byref(busy)) == 0
        nvml.nvmlDeviceGetName(device, name, ctypes.c_uint(_NAME_BYTES))
        return GpuState(index, name.value.decode("utf-8", "replace"), busy.gpu / 100 if known else None, memory.used, memory.total)
