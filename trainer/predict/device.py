"""Where a network runs, and how it leaves room for others."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import torch

from trainer.errors import DeviceError


def available() -> list[str]:
    """Names of this machine's devices, the fastest kind first; ``cpu`` is always the last."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def choose(name: str | None = None) -> torch.device:
    """The named device, or the fastest kind there is.

    Parameters
    ----------
    name
        Such as ``cuda:0``, ``cuda`` (its first), ``mps``, ``cpu``; None chooses.

    Raises
    ------
    DeviceError
        If this machine has no such device.
    """
    there = available()
    if name is None:
        return torch.device(there[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise DeviceError(f"there is no device `{name}`", remedy=f"choose {' or '.join(there)}")
    return torch.device(wanted)


def several(names: str | None = None) -> list[str]:
    """Devices that share the work: those named, with commas between, else all of CUDA's.

    Where there is no CUDA, and none is named, the fastest one.

    Raises
    ------
    DeviceError
        If this machine has no such device.
    """
    if names is not None:
        return [str(choose(name.strip())) for name in names.split(",")]
    there = available()
    return [name for name in there if name.startswith("cuda")] or there[:1]


def describe(device: torch.device | str) -> str:
    """The device as a person would name it, with its memory or cores."""
    place = torch.device(device)
    if place.type == "cuda":
        known = torch.cuda.get_device_properties(place)
        return f"{known.name} ({known.total_memory / 2**30:.0f} GiB)"
    if place.type == "mps":
        return "Apple GPU"
    return f"CPU ({_processor()}, {torch.get_num_threads()} threads)"


def autocast_for(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Mixed precision where the device has it, else nothing."""
    dtype = _autocast_dtype(device)
    if dtype is None:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def _autocast_dtype(device: torch.device) -> torch.dtype | None:
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.type == "cpu" and _has_bf16():
        return torch.bfloat16
    return None


def _has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 itself; emulated it is slower than float32."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


@contextlib.contextmanager
def courteous() -> Iterator[None]:
    """Let a window go first while the calling thread computes on the CPU.

    Torch gets all cores but one: a thread more than there are free cores makes it slower,
    not faster, as its threads wait for each other. On Linux the calling thread, and those
    that torch starts from it, also get a lower priority, and keep it afterwards: the system
    lets no thread raise its own again. The main thread's priority is left alone.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, min(threads, (os.cpu_count() or 1) - 1)))
    if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _niceness())
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _niceness() -> int:
    """Ten below the process's own; asking again asks for no more."""
    return min(19, os.getpriority(os.PRIO_PROCESS, os.getpid()) + 10)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
