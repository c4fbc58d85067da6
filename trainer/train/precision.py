"""In which numbers a network is trained: mixed where the device has it and is faster so."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from trainer.errors import DeviceError
from trainer.model.network import build
from trainer.predict.device import autocast_for
from trainer.settings import Recipe

Precision = Literal["bf16-mixed", "16-mixed", "32-true"]
"""Lightning's words."""

_WORDS: dict[str, Precision] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}

_SAMPLES = 2
_TRIES = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen.

    Attributes
    ----------
    seconds
        That a small step took in each of what was tried; empty where nothing had to be.
    """

    precision: Precision
    seconds: dict[Precision, float] = field(default_factory=dict)


def choose(recipe: Recipe, device: torch.device, may_try: bool = True) -> Choice:
    """As the recipe says; if that is `auto`, what suits the device.

    A CPU that multiplies bfloat16 itself is timed with both: a network of many thin layers
    may lose more by the casts than it gains. Without `may_try` it is taken at its word, as
    several processes could not agree otherwise.

    Raises
    ------
    DeviceError
        If the recipe wants fp16 elsewhere than on CUDA.
    """
    wanted = recipe.training.precision
    if wanted == "fp16" and device.type != "cuda":
        raise DeviceError(
            f"{device} does not train in fp16", remedy="set `training.precision` to auto"
        )
    if wanted != "auto":
        return Choice(_WORDS[wanted])
    native = _native(device)
    if device.type != "cpu" or native == "32-true" or not may_try:
        return Choice(native)
    seconds = _timed(recipe, ("32-true", native))
    return Choice(min(seconds, key=lambda word: seconds[word]), seconds)


def autocast(precision: Precision, device: str) -> contextlib.AbstractContextManager[object]:
    """The same as Lightning makes of its word."""
    if precision == "32-true":
        return contextlib.nullcontext()
    dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float16
    return torch.autocast(device, dtype=dtype, cache_enabled=False)


def _native(device: torch.device) -> Precision:
    with autocast_for(device):
        if not torch.is_autocast_enabled(device.type):
            return "32-true"
        dtype = torch.get_autocast_dtype(device.type)
    return "bf16-mixed" if dtype == torch.bfloat16 else "16-mixed"


def _timed(recipe: Recipe, words: tuple[Precision, ...]) -> dict[Precision, float]:
    """Seconds of the best of a few small steps, one kind after the other in turns."""
    network = build(recipe.network.model_copy(update={"pretrained": False})).module
    network.to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    best = dict.fromkeys(words, float("inf"))
    for attempt in range(1 + _TRIES):
        for word in words:
            seconds = _step(network, recipe, word)
            if attempt > 0:  # the first one also prepares the layers
                best[word] = min(best[word], seconds)
    return best


def _step(network: nn.Module, recipe: Recipe, precision: Precision) -> float:
    side = recipe.largest_crop
    side += -side % 32
    pixels = torch.rand(min(_SAMPLES, recipe.batch_size), 3, side, side) * 255
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    network.zero_grad()
    began = time.perf_counter()
    with autocast(precision, "cpu"):
        logits = network(pixels)
    logits.float().mean().backward()
    return time.perf_counter() - began
