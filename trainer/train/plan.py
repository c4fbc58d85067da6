"""What of a training fits into memory, planned before its first step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor, nn

from trainer.model.network import build
from trainer.predict.memory import weight_of
from trainer.settings import Recipe
from trainer.train.batch import Batch
from trainer.train.checkpointing import checkpointed
from trainer.train.objective import Aim
from trainer.train.optimizers import bytes_a_weight
from trainer.train.precision import Precision, autocast

_SIDES = (64, 128, 192)
"""Of the crops that are measured, in pixels."""

_SAMPLES = 2

_HEADROOM = 1.2
"""On what is kept for the way back: gradients on their way, work space, fragments."""

_OWN = 0.5 * 2**30
"""Bytes that a CUDA process has of its own: its context and its libraries."""


@dataclass(frozen=True, slots=True)
class Activations:
    """Bytes that a step keeps for its way back, by the size of what it is shown.

    Attributes
    ----------
    fixed
        Of a step.
    linear, square
        Of a sample, times its pixels, and times their square (attention).
    """

    fixed: float
    linear: float
    square: float

    def of_sample(self, pixels: float) -> float:
        """Bytes for each sample of so many pixels."""
        return self.linear * pixels + self.square * pixels**2

    def of_step(self, samples: int, pixels: float) -> float:
        """Bytes for so many samples at once."""
        return self.fixed + samples * self.of_sample(pixels)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to train a recipe.

    Attributes
    ----------
    precision, checkpointing
        As the recipe's `training` would say them.
    weights
        Bytes of weights, gradients, the optimiser's moments and averages.
    sample
        Bytes of each sample that is shown at once, with headroom.
    fixed
        Bytes of a step whatever its samples, with headroom.
    at_once
        Samples that fit; 0 for none.
    batch_size, accumulate
        That make a step of as many samples as the recipe's; 0 where nothing fits.
    """

    precision: str
    checkpointing: bool
    weights: int
    sample: int
    fixed: int
    at_once: int
    batch_size: int
    accumulate: int

    def total(self, samples: int) -> int:
        """Bytes with so many samples at once."""
        return self.weights + self.fixed + samples * self.sample


def plan(recipe: Recipe, memory: float) -> list[Way]:
    """Ways to train a recipe, the quickest that fits first.

    Mixed precision goes before float32. Checkpointing costs a second way through the network
    and adding up batches next to nothing, so it goes first only where less than two samples fit
    without it, of which batch statistics would be poor.

    Parameters
    ----------
    recipe
        Its `precision`, `checkpointing` and `batch_size` are what is tried; all else stays.
    memory
        Of the device, in bytes.

    Raises
    ------
    SettingsError
        If there is no such network.
    """
    network = build(recipe.network.model_copy(update={"pretrained": False})).module
    weights = _weights(network, recipe)
    ways = []
    for checkpointing in (False, True):
        for name, word in _PRECISIONS:
            kept = activations(network, recipe, word, checkpointing)
            ways.append(_way(recipe, memory, name, checkpointing, weights, kept))
    enough = min(2, recipe.batch_size * recipe.training.accumulate)
    return sorted(ways, key=lambda way: way.batch_size < enough)


def bytes_as_it_is(recipe: Recipe, precision: Precision) -> int:
    """What a process that trains a recipe without any change takes, in bytes."""
    network = build(recipe.network.model_copy(update={"pretrained": False})).module
    checkpointing = recipe.training.checkpointing
    kept = activations(network, recipe, precision, checkpointing)
    way = _way(recipe, 0, precision, checkpointing, _weights(network, recipe), kept)
    return way.total(recipe.batch_size)


_PRECISIONS: tuple[tuple[str, Precision], ...] = (("bf16", "bf16-mixed"), ("fp32", "32-true"))
"""fp16 takes as many bytes as bf16."""


def activations(
    network: nn.Module, recipe: Recipe, precision: Precision, checkpointing: bool = False
) -> Activations:
    """What real small steps keep, as a function of the samples' size."""
    pixels = np.array([side**2 for side in _SIDES], np.float64)
    found = [
        saved_bytes(network, recipe, _SAMPLES, side, precision, checkpointing) for side in _SIDES
    ]
    shape = np.stack([np.ones_like(pixels), _SAMPLES * pixels, _SAMPLES * pixels**2], axis=1)
    scale = shape.max(axis=0)  # the columns are of very different sizes
    solved, _ = nnls(shape / scale, np.array(found, np.float64))
    fixed, linear, square = solved / scale
    return Activations(float(fixed), float(linear), float(square))


def saved_bytes(
    network: nn.Module,
    recipe: Recipe,
    samples: int,
    side: int,
    precision: Precision = "32-true",
    checkpointing: bool = False,
) -> int:
    """Bytes that autograd keeps after a way through network and losses, each storage once.

    Weights are not counted: they are there anyway.
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in _tensors(network)}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        # a step that keeps its own result would hold itself for ever
        apart = tensor.detach()
        storage = apart.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = apart  # held, so that no other gets its place
        return apart

    batch = _example(samples, side)
    network.train()
    aim = Aim(recipe.objective)
    with (
        checkpointed(network, checkpointing),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        with autocast(precision, "cpu"):
            logits, auxiliary = _outputs(network, batch.pixels.float())
        aim.of_batch(logits.float(), auxiliary, batch)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def as_document(ways: Iterable[Way], recipe: Recipe, memory: float) -> dict[str, Any]:
    """The plan for machines, in bytes."""
    every = list(ways)
    dearest = max(way.sample for way in every)
    return {
        "recipe": recipe.name,
        "memory": round(memory),
        "step": recipe.batch_size * recipe.training.accumulate,
        "crop": recipe.largest_crop,
        "ways": [
            {
                "precision": way.precision,
                "checkpointing": way.checkpointing,
                "fits": way.at_once > 0,
                "at_once": way.at_once,
                "batch_size": way.batch_size,
                "accumulate": way.accumulate,
                "bytes_weights": way.weights,
                "bytes_step": way.fixed,
                "bytes_sample": way.sample,
                "bytes_total": way.total(max(1, way.batch_size)),
                "saves_a_sample": 1 - way.sample / dearest,
            }
            for way in every
        ],
    }


def _way(
    recipe: Recipe,
    memory: float,
    precision: str,
    checkpointing: bool,
    weights: int,
    kept: Activations,
) -> Way:
    sample = _HEADROOM * kept.of_sample(recipe.largest_crop**2)
    fixed = _HEADROOM * kept.fixed + _OWN
    at_once = max(0, int((memory - weights - fixed) // sample))
    step = recipe.batch_size * recipe.training.accumulate
    size = max((one for one in _divisors(step) if one <= at_once), default=0)
    return Way(
        precision,
        checkpointing,
        weights,
        round(sample),
        round(fixed),
        at_once,
        size,
        step // size if size else 0,
    )


def _weights(network: nn.Module, recipe: Recipe) -> int:
    """Bytes of all that is as long as the network is."""
    whole = weight_of(network)
    trained = sum(one.numel() for one in network.parameters() if one.requires_grad)
    averaged = whole if recipe.training.ema is not None else 0
    return whole + averaged + trained * (torch.float32.itemsize + bytes_a_weight(recipe))


def _example(samples: int, side: int) -> Batch:
    chance = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (samples, 3, side, side), generator=chance, dtype=torch.uint8)
    coverage = torch.zeros(samples, 1, side, side, dtype=torch.uint8)
    coverage[..., side // 4 : side // 2, side // 4 : side // 2] = 255
    return Batch(
        pixels.contiguous(memory_format=torch.channels_last),
        coverage,
        torch.ones(samples),
        torch.zeros(samples, dtype=torch.int64),
        torch.ones(samples),
    )


def _outputs(network: nn.Module, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    ask = getattr(network, "all_outputs", None)
    return (network(pixels), {}) if ask is None else ask(pixels)


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from network.buffers()


def _divisors(number: int) -> Iterator[int]:
    yield from (one for one in range(1, number + 1) if number % one == 0)
