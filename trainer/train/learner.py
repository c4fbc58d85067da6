"""One member's lessons: batches to gradients, for Lightning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from trainer.settings import Recipe
from trainer.train.losses import bce, soft_dice, weighed
from trainer.train.pace import Pace

_SKIP_EPOCH = -1
"""What Lightning wants to hear from a hook to end an epoch at once."""


@dataclass(slots=True)
class Tally:
    """Sums of a quantity, and their mean."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Count a value."""
        self.total += value
        self.count += 1

    def mean(self) -> float:
        """Of all values; NaN of none."""
        return self.total / self.count if self.count else float("nan")


@dataclass(slots=True)
class Lesson:
    """What is known of the epoch at work."""

    train_loss: Tally = field(default_factory=Tally)
    val_loss: Tally = field(default_factory=Tally)
    val_dice: Tally = field(default_factory=Tally)


class Learner(pl.LightningModule):
    """A network, its losses and its optimizer.

    Attributes
    ----------
    lesson
        The epoch at work; whoever reads it at an epoch's end begins a new one.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, pace: Pace) -> None:
        super().__init__()
        self.network = network
        self.lesson = Lesson()
        self._recipe = recipe
        self._pace = pace

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; vectors (biases, batch norms) do not decay."""
        kernels, vectors = [], []
        for parameter in self.network.parameters():
            (kernels if parameter.ndim > 1 else vectors).append(parameter)
        return torch.optim.AdamW(
            [
                {"params": kernels, "weight_decay": self._recipe.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=self._recipe.learning_rate,
        )

    def on_train_batch_start(self, batch: object, batch_idx: int) -> int | None:
        """Set the learning rate, or end where the time is up."""
        if self._pace.share() >= 1:
            self.trainer.should_stop = True
            return _SKIP_EPOCH
        for group in self._groups():
            group["lr"] = self._recipe.learning_rate * self._pace.rate()
        return None

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch of crops: uint8 (B, 3, c, c) and (B, 1, c, c), and weights, (B,)."""
        loss = self._loss(weighed(self._look(batch[0]), batch[2]), batch[1])
        self.lesson.train_loss.add(float(loss.detach()))
        self._pace.tick()
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Loss and Dice of one whole image, at the network's resolution."""
        height, width = batch[1].shape[-2:]
        logits = self._look(batch[0])[..., :height, :width]
        found, truth = logits > 0, batch[1] >= 128
        total = int(found.sum() + truth.sum())
        self.lesson.val_loss.add(float(self._loss(logits, batch[1])))
        self.lesson.val_dice.add(2 * int((found & truth).sum()) / total if total else 1.0)

    def _look(self, pixels: Tensor) -> Tensor:
        seen = pixels.float().contiguous(memory_format=torch.channels_last)
        return self.network(seen).float()

    def _loss(self, logits: Tensor, coverage: Tensor) -> Tensor:
        target = coverage.float() / 255
        return self._recipe.bce_weight * bce(logits, target) + self._recipe.dice_weight * soft_dice(
            logits, target
        )

    def _groups(self) -> Iterator[dict[str, object]]:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        yield from optimizer.param_groups
