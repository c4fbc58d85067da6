"""Which of several processes of one training this is; known without torch."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.settings import Recipe


@dataclass(frozen=True, slots=True)
class Processes:
    """A training's processes, of which each takes its part of a step.

    Attributes
    ----------
    here
        Of this machine.
    machines
        How many there are, each with as many processes.
    rank
        Of this process, from 0; the first one alone writes.
    """

    here: int = 1
    machines: int = 1
    rank: int = 0

    @classmethod
    def of(cls, devices: int) -> Processes:
        """As torchrun says in the environment, else so many on this machine."""
        rank = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))
        if "LOCAL_WORLD_SIZE" not in os.environ:
            return cls(devices, 1, rank)
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return cls(here, int(os.environ["WORLD_SIZE"]) // here, rank)

    @property
    def count(self) -> int:
        """Of all processes."""
        return self.here * self.machines

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and tells."""
        return self.rank == 0

    def share_of(self, recipe: Recipe) -> int:
        """Samples of a step that each process learns from.

        Raises
        ------
        SettingsError
            If a step cannot be shared out evenly.
        """
        step = recipe.batch_size * recipe.training.accumulate
        if step % self.count:
            raise SettingsError(
                f"{step} samples a step cannot be shared by {self.count} processes",
                remedy=f"make `batch_size` × `training.accumulate` a multiple of {self.count}",
            )
        return step // self.count
