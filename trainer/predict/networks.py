"""The members' networks: loaded when needed, asked for probabilities, freed together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.data.case import Image
from trainer.errors import Cancelled, DeviceError
from trainer.model.checkpoint import load
from trainer.model.network import STRIDE
from trainer.predict import frame, tiles, tta
from trainer.predict.device import autocast_for
from trainer.predict.lean import lean
from trainer.predict.limits import Limit, planned
from trainer.predict.memory import Memory, bytes_per_pixel, is_out_of_memory, weight_of
from trainer.settings import Average, Network, View, Window

_WEIGHTS = 0.25
"""Share of the memory that weights may fill before members take turns."""

_OVERLAP = 0.25
"""Of the windows that only memory asks for."""

_COMPILER = ("torch._dynamo", "torch._inductor")
"""Whence the compiler's errors come."""

_KINDS = (RuntimeError, MemoryError, cv2.error)
"""Of errors, among which are those that say that memory ran out."""

_UNSEEN = -12.0
"""Logit of what no window has shown."""

Item = tuple[tuple[int, int], View]
"""A window's upper left corner, and how it is turned."""


def never() -> bool:
    """The answer of someone who does not cancel."""
    return False


@dataclass(frozen=True, slots=True)
class Question:
    """How a network is asked about an image, and of what organ it is, if that is known."""

    views: tuple[View, ...]
    average: Average = "probability"
    window: Window | None = None
    organ: str = ""


class Networks:
    """Trained networks on one device, by their place in the ensemble.

    Where memory is limited and their weights would fill a quarter of it, they take turns.

    Parameters
    ----------
    files
        Weights (.safetensors), each with its JSON twin.
    memory
        Of the device.
    compiled
        Whether torch compiles them.
    tell
        Told what had to be done for want of memory.
    """

    def __init__(
        self,
        files: Sequence[Path],
        memory: Memory,
        compiled: bool,
        tell: Callable[[str], None],
    ) -> None:
        self.device = memory.device
        self._files = files
        self._memory = memory
        self._compiled = compiled
        self._tell = tell
        self._loaded: dict[int, nn.Module] = {}
        self._settings: dict[int, Network] = {}
        self._costs: dict[int, float] = {}
        self._limits: dict[tuple[int, tuple[int, int]], Limit] = {}
        self._cancelled: Callable[[], bool] = never

    def close(self) -> None:
        """Free the memory; networks are loaded again if needed."""
        self._loaded.clear()
        _free(self.device)

    @property
    def batches(self) -> list[dict[str, int]]:
        """The most views at a time, and their size in pixels, of every look so far."""
        found = []
        for (_, (height, width)), limit in self._limits.items():
            side = limit.side
            told = {
                "batch": limit.batch,
                "height": height if side is None else min(side, height),
                "width": width if side is None else min(side, width),
            }
            if told not in found:
                found.append(told)
        return found

    def look(
        self, index: int, image: Image, question: Question, cancelled: Callable[[], bool]
    ) -> Generator[float, None, NDArray[np.float32]]:
        """A member's opinion (h, w) of an image of its size: mean over views and windows.

        Yields the share done, 0..1, after each batch; returns probabilities, or logits where
        the question is to average those. Where memory runs out the batch is halved, then the
        image is cut into windows.

        Raises
        ------
        Cancelled
            Before the next layer once `cancelled` says so.
        DeviceError
            If memory does not suffice for the smallest window, or torch cannot compile.
        WeightsError
            If the weights do not fit their description.
        """
        while True:
            limit = self._limit(index, image, question)
            try:
                return (yield from self._slide(index, image, question, limit, cancelled))
            except _KINDS as error:
                if self._compiled and type(error).__module__.startswith(_COMPILER):
                    raise self._not_compiled(index, error) from error
                if not is_out_of_memory(error):
                    raise
            _free(self.device)
            self._shrink(index, image, question, limit)

    def _slide(
        self,
        index: int,
        image: Image,
        question: Question,
        limit: Limit,
        cancelled: Callable[[], bool],
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Show all windows in all views, as many at a time as the limit says."""
        window = _window(question, limit)
        padded = frame.pad(image, STRIDE, least=window.size if window else 0)
        source = torch.from_numpy(padded).to(self.device).permute(2, 0, 1)[None]
        shape = (padded.shape[0], padded.shape[1])
        total = torch.zeros(shape, device=self.device)
        if window is None:
            corners, (height, width), blend = [(0, 0)], shape, None
        else:
            corners = _corners(padded, window)
            height = width = window.size
            blend = torch.from_numpy(tiles.gaussian(window.size)).to(self.device)
        seen = torch.zeros(shape if window else (), device=self.device)
        done, count = 0, len(corners) * len(question.views)
        for batch in _batches(corners, question.views, height != width, limit.batch):
            shown = [
                tta.turned(source[:, :, top : top + height, left : left + width], view)
                for (top, left), view in batch
            ]
            given = self._ask_network(index, _together(shown), question, cancelled)
            for ((top, left), view), one in zip(batch, given.split(1), strict=True):
                opinion = tta.restored(one, view)[0, 0]
                place = (slice(top, top + height), slice(left, left + width))
                total[place] += opinion if blend is None else blend * opinion
                seen[place if window else ...] += 1 if blend is None else blend
            done += len(batch)
            yield done / count
        total /= seen
        if window is not None:
            nothing = 0.0 if question.average == "probability" else _UNSEEN
            total.masked_fill_(seen == 0, nothing)
        return total[: image.shape[0], : image.shape[1]].cpu().numpy()

    def _ask_network(
        self, index: int, pixels: Tensor, question: Question, cancelled: Callable[[], bool]
    ) -> Tensor:
        """What a network says of a batch, (B, 1, H, W), of float32 pixels."""
        network = self._network(index)
        organ = self._organ(index, question.organ, len(pixels))
        with self._interruptible(cancelled), torch.inference_mode(), autocast_for(self.device):
            logits = (network(pixels) if organ is None else network(pixels, organ)).float()
            return logits if question.average == "logit" else logits.sigmoid()

    def _organ(self, index: int, organ: str, count: int) -> Tensor | None:
        """The organ of a batch of `count` views, (B,), for a network that wants to know it."""
        if not self._settings[index].organ_input:
            return None
        place = self._settings[index].organ_index(organ)
        return torch.full((count,), -1 if place is None else place, device=self.device)

    def _limit(self, index: int, image: Image, question: Question) -> Limit:
        """What fits: as planned at the first look of that size, or as mended since."""
        key = (index, _view(image, question))
        if key not in self._limits:
            self._limits[key] = self._plan(index, image, question)
        return self._limits[key]

    def _plan(self, index: int, image: Image, question: Question) -> Limit:
        room = cost = None
        if self._memory.room() is not None:
            self._network(index)
            room, cost = self._memory.room(), self._costs[index]
        view = _view(image, question)
        limit = planned(view, cost, room, self.device.type == "cpu")
        if limit is None:
            raise self._too_little(index, max(view))
        if limit.side is not None:
            self._tell(
                f"Memory does not hold {self._files[index].name} at {max(view)} pixels:"
                f" it is shown windows of {limit.side}."
            )
        return limit

    def _shrink(self, index: int, image: Image, question: Question, limit: Limit) -> None:
        """Halve what did not fit, and say so."""
        others = [other for other in self._loaded if other != index]
        if others:
            for other in others:
                del self._loaded[other]
            _free(self.device)
        view = _view(image, question)
        half = limit.halved(max(view))
        if half is None:
            raise self._too_little(index, max(view))
        self._limits[index, view] = half
        now = f"{half.batch} at a time" if half.side is None else f"windows of {half.side}"
        self._tell(f"Memory ran out for {self._files[index].name}: it is shown {now}.")

    @contextlib.contextmanager
    def telling(self, index: int, longer: int) -> Iterator[None]:
        """Have memory that runs out beside a member's looks told as `look` tells it.

        Parameters
        ----------
        index
            Of the member.
        longer
            Longer side of what it looks at, in pixels.

        Raises
        ------
        DeviceError
            Instead of numpy's, OpenCV's or torch's own error.
        """
        try:
            yield
        except _KINDS as error:
            if not is_out_of_memory(error):
                raise
            raise self._too_little(index, longer) from error

    def _too_little(self, index: int, longer: int) -> DeviceError:
        elsewhere = "" if self.device.type == "cpu" else "choose the device cpu, "
        limit, room = self._memory.limit, self._memory.room()
        if limit is None or room is None:
            more = "close other programs"
        else:
            taken = (limit - room) / 2**30
            more = f"allow more than {limit / 2**30:g} GiB, of which {taken:.2f} are taken already"
        return DeviceError(
            f"{self.device} has too little memory for {self._files[index].name} at {longer} pixels",
            remedy=f"{elsewhere}{more} or use members of a smaller size",
        )

    def _not_compiled(self, index: int, error: Exception) -> DeviceError:
        first = str(error).partition("\n")[0]
        return DeviceError(
            f"torch cannot compile {self._files[index].name} here ({first})",
            remedy="run without --compile",
        )

    def _network(self, index: int) -> nn.Module:
        """On the device, loaded at its first use."""
        if index not in self._loaded:
            network, checkpoint = load(self._files[index])
            self._settings[index] = checkpoint.network
            self._make_room(weight_of(network))
            made = lean(network, self.device, self._compiled)
            if self._memory.room() is not None and index not in self._costs:
                self._costs[index] = bytes_per_pixel(made, self.device)
            self._loaded[index] = self._ready(made)
        return self._loaded[index]

    def _ready(self, network: nn.Module) -> nn.Module:
        if self._compiled:
            # hooks would break the graph at each layer: it is cancelled between batches
            compiled = torch.compile(network)
            assert isinstance(compiled, nn.Module)
            return compiled
        for layer in network.modules():
            layer.register_forward_pre_hook(self._ask)
        return network

    def _make_room(self, coming: int) -> None:
        """Let the longest loaded go while weights would fill more than their share."""
        room = self._memory.room()
        if room is None:
            return
        there = {index: weight_of(network) for index, network in self._loaded.items()}
        while there and sum(there.values()) + coming > _WEIGHTS * (room + sum(there.values())):
            oldest = next(iter(there))
            del there[oldest], self._loaded[oldest]
        _free(self.device)

    @contextlib.contextmanager
    def _interruptible(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        """Layers ask `cancelled` while this holds: one view of a large network takes seconds."""
        if cancelled():
            raise Cancelled
        self._cancelled = cancelled
        try:
            yield
        finally:
            self._cancelled = never

    def _ask(self, *_: object) -> None:
        if self._cancelled():
            raise Cancelled


def _window(question: Question, limit: Limit) -> Window | None:
    """The window asked for, no larger than memory allows."""
    asked = question.window
    if limit.side is None or (asked is not None and asked.size <= limit.side):
        return asked
    if asked is not None:
        return asked.model_copy(update={"size": limit.side})
    return Window(size=limit.side, overlap=_OVERLAP, skip_background=False)


def _view(image: Image, question: Question) -> tuple[int, int]:
    """(h, w) of what is shown at a time where memory sets no limit."""
    if question.window is not None:
        return question.window.size, question.window.size
    height, width = image.shape[:2]
    return height + -height % STRIDE, width + -width % STRIDE


def _corners(image: Image, window: Window) -> list[tuple[int, int]]:
    every = tiles.grid((image.shape[0], image.shape[1]), window.size, window.overlap)
    return tiles.with_tissue(image, every, window.size) if window.skip_background else every


def _batches(
    corners: Sequence[tuple[int, int]], views: Sequence[View], oblong: bool, size: int
) -> Iterator[list[Item]]:
    """Windows and views in batches of one shape: an oblong one turned has another."""
    items: list[Item] = [(corner, view) for corner in corners for view in views]
    if oblong:
        items.sort(key=lambda item: tta.turns(item[1]))
    for _, group in groupby(items, key=lambda item: oblong and tta.turns(item[1])):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


def _together(views: Sequence[Tensor]) -> Tensor:
    """Views (1, 3, h, w) of uint8 as the float32 batch that networks take, in one copy."""
    batch = torch.empty(
        (len(views), *views[0].shape[1:]),
        device=views[0].device,
        memory_format=torch.channels_last,
    )
    for place, view in zip(batch, views, strict=True):
        place.copy_(view[0])
    return batch


def _free(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
