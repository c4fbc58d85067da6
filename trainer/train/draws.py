"""Chance that depends on the seed and the epoch alone, not on workers, processes or restarts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import Dataset, Sampler


class Draw(NamedTuple):
    """One item that an epoch wants.

    Attributes
    ----------
    item
        Its place in the dataset.
    seed
        Of the item's chance.
    step
        Seed that all items of a step have in common, whichever process draws them.
    epoch
        Counted from 0.
    """

    item: int
    seed: int
    step: int
    epoch: int


class Draws(Sampler[Draw]):
    """The items of an epoch in random order, as many as whole steps take.

    Fewer than a step's are drawn more than once.

    Parameters
    ----------
    count
        Items of the dataset.
    step
        Items of a step, of all processes together: a multiple of `processes`.
    rank, processes
        Each process draws its own part of a step.
    """

    def __init__(self, count: int, step: int, seed: int, rank: int = 0, processes: int = 1) -> None:
        self._count, self._step, self._seed = count, step, seed
        self._rank, self._share = rank, step // processes
        self._epoch = 0

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return max(1, self._count // self._step)

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next pass is; Lightning calls it."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self.steps * self._share

    def __iter__(self) -> Iterator[Draw]:
        chance = torch.Generator().manual_seed(seed_of(self._seed, self._epoch))
        total = self.steps * self._step
        passes = [
            torch.randperm(self._count, generator=chance) for _ in range(total // self._count + 1)
        ]
        order = torch.cat(passes)[:total].tolist()
        seeds = torch.randint(2**62, (total,), generator=chance).tolist()
        steps = torch.randint(2**62, (self.steps,), generator=chance).tolist()
        for number, common in enumerate(steps):
            first = number * self._step + self._rank * self._share
            for place in range(first, first + self._share):
                yield Draw(order[place], seeds[place], common, self._epoch)


class Drawn(Dataset[Any]):
    """A dataset asked by `Draw`, whose chance is torch's.

    A dataset with a method ``draw`` is given the whole `Draw`: what is common to a step, such
    as its size, follows from it.
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        self._dataset = dataset
        self._ask = getattr(dataset, "draw", None)

    def __getitem__(self, draw: Draw) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(draw.seed)
            return self._dataset[draw.item] if self._ask is None else self._ask(draw)


class Chance(pl.Callback):
    """Begins each epoch with a seed of its own: one taken up again goes as it would have."""

    def __init__(self, seed: int, draws: Draws) -> None:
        self._seed, self._draws = seed, draws

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Draw the next epoch: Lightning begins to before it says which one it is."""
        self._draws.set_epoch(checkpoint["epoch"] + 1)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed what the network itself draws, such as dropout."""
        # at the first batch: a fold that is taken up draws a little before it
        if batch_idx == 0:
            torch.manual_seed(seed_of(self._seed, trainer.current_epoch, trainer.global_rank))


def seed_of(*numbers: int) -> int:
    """One seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
