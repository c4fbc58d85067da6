"""The members' networks: loaded when needed, asked for probabilities, freed together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.data.case import Image
from trainer.errors import Cancelled, DeviceError, WeightsError
from trainer.model.checkpoint import Checkpoint, describe, load
from trainer.model.network import STRIDE
from trainer.predict import frame
from trainer.predict.device import autocast_for
from trainer.settings import Flip

_AXES: dict[Flip, tuple[int, ...]] = {
    "identity": (),
    "hflip": (3,),
    "vflip": (2,),
    "rot180": (2, 3),
}


def never() -> bool:
    """The answer of someone who does not cancel."""
    return False


class Networks:
    """Trained networks on one device, by their place in the ensemble.

    Parameters
    ----------
    files
        Weights (.safetensors), each with its JSON twin.

    Attributes
    ----------
    checkpoints
        The twins.

    Raises
    ------
    WeightsError
        If a file or its twin is missing.
    """

    def __init__(self, files: Sequence[Path], device: torch.device) -> None:
        self.checkpoints = [_described(file) for file in files]
        self.device = device
        self._files = files
        self._loaded: dict[int, nn.Module] = {}
        self._cancelled: Callable[[], bool] = never

    def close(self) -> None:
        """Free the memory; networks are loaded again if needed."""
        self._loaded.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def look(
        self, index: int, image: Image, views: Sequence[Flip], cancelled: Callable[[], bool]
    ) -> NDArray[np.float32]:
        """Sum of a member's probabilities (h, w) over the views of an image of its size.

        Raises
        ------
        Cancelled
            Before the next layer once `cancelled` says so.
        DeviceError
            If memory does not suffice for a single view.
        WeightsError
            If the weights do not fit their description.
        """
        try:
            with self._interruptible(cancelled):
                return self._forward(self._network(index), image, views)
        except (RuntimeError, MemoryError, cv2.error) as error:
            if not _is_out_of_memory(error):
                raise
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(views) > 1:
            total = np.zeros(image.shape[:2], np.float32)
            for view in views:
                total += self.look(index, image, (view,), cancelled)
            return total
        elsewhere = "" if self.device.type == "cpu" else "choose the device cpu, "
        raise DeviceError(
            f"{self.device} has too little memory for {self._files[index].name}"
            f" at {max(image.shape[:2])} pixels",
            remedy=f"{elsewhere}close other programs or use members of a smaller size",
        )

    def _forward(
        self, network: nn.Module, image: Image, views: Sequence[Flip]
    ) -> NDArray[np.float32]:
        height, width = image.shape[:2]
        source = torch.from_numpy(frame.pad(image, STRIDE)).to(self.device)
        pixels = source.permute(2, 0, 1)[None].float()
        batch = torch.cat([torch.flip(pixels, _AXES[view]) for view in views])
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), autocast_for(self.device):
            probabilities = network(batch).float().sigmoid()
            total = torch.zeros_like(probabilities[:1])
            for view, probability in zip(views, probabilities, strict=True):
                total += torch.flip(probability[None], _AXES[view])
        return total[0, 0, :height, :width].cpu().numpy()

    def _network(self, index: int) -> nn.Module:
        """On the device, loaded at its first use."""
        if index not in self._loaded:
            network, _ = load(self._files[index])
            for layer in network.modules():
                layer.register_forward_pre_hook(self._ask)
            network.requires_grad_(False)
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self._loaded[index] = network.to(self.device)
        return self._loaded[index]

    @contextlib.contextmanager
    def _interruptible(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Layers ask `cancelled` while this holds: one view of a large network takes seconds."""
        self._cancelled = cancelled
        try:
            yield
        finally:
            self._cancelled = never

    def _ask(self, *_: object) -> None:
        if self._cancelled():
            raise Cancelled


def _described(file: Path) -> Checkpoint:
    if not file.is_file():
        raise WeightsError(
            "there is no such file", file=file, remedy="correct the path in the ensemble"
        )
    return describe(file)


def _is_out_of_memory(error: Exception) -> bool:
    told = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "out of memory" in told
        or "can't allocate memory" in told
        or "insufficient memory" in told  # OpenCV's words
    )
