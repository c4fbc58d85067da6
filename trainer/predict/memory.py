"""How much memory a network takes for an image, and how much there is."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainer.predict.device import autocast_for

_SIDE = 256
"""Of the image that a network is measured with, in pixels."""

_HEADROOM = 1.2
"""For what a library takes besides tensors: work space of convolutions, fragments."""

_SHARE = 0.9
"""Of a GPU's free memory that is planned with where the user names no limit."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A device's memory, and the user's limit.

    Attributes
    ----------
    limit
        What this process may use on the device, in bytes; None for what is free.
    """

    device: torch.device
    limit: float | None = None

    def room(self) -> float | None:
        """Bytes that are left for a network's work; None where nobody counts: no limit, no CUDA."""
        if self.limit is not None:
            return self.limit - _used(self.device)
        if self.device.type != "cuda":
            return None
        free, _ = torch.cuda.mem_get_info(self.device)
        spare = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return _SHARE * (free + spare)


def weight_of(network: nn.Module) -> int:
    """Bytes of a network's weights."""
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.nbytes for tensor in tensors)


def bytes_per_pixel(network: nn.Module, device: torch.device) -> float:
    """Peak of a network's work on one view, in bytes for each pixel of its input.

    Measured on a view of 256×256: on CUDA as its allocator counts it, elsewhere as the largest
    sum of the tensors that are alive at one time. A fifth is added for what a library takes
    besides tensors. The work is taken to grow with the pixels, so attention over a whole image
    takes more than is said here: then an allocation fails, and the batch is halved.
    """
    view = torch.zeros(1, 3, _SIDE, _SIDE, device=device)
    view = view.contiguous(memory_format=torch.channels_last)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        _run(network, view, device)
        peak = torch.cuda.max_memory_allocated(device) - before
    else:
        with _Tally(device) as tally:
            _run(network, view, device)
        peak = tally.peak
    return _HEADROOM * (peak + view.nbytes) / _SIDE**2


def _run(network: nn.Module, view: Tensor, device: torch.device) -> None:
    with torch.inference_mode(), autocast_for(device):
        network(view)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says so, in whichever library's words."""
    told = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "out of memory" in told
        or "can't allocate memory" in told
        or "insufficient memory" in told  # OpenCV's words
        or "could not create a primitive" in told  # oneDNN's
    )


class _Tally(TorchDispatchMode):
    """Adds up the storages that operations make, for as long as they live."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device.type
        self._seen: set[int] = set()
        self._now = 0
        self.peak = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = {
            tensor.untyped_storage()._cdata
            for tensor in tree_leaves((args, kwargs))
            if isinstance(tensor, Tensor)
        }
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.device.type == self._device:
                self._count(tensor, given)
        return made

    def _count(self, tensor: Tensor, given: set[int]) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in given or key in self._seen:
            return
        self._seen.add(key)
        size = storage.nbytes()
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self._now -= size


def _used(device: torch.device) -> int:
    """Bytes that this process has taken of the device."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    return _resident()


def _resident() -> int:
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return most_resident()


def most_resident() -> int:
    """The most bytes of main memory that this process has had; 0 where nobody tells (Windows)."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
