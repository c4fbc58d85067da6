"""One member's lessons: batches to gradients, for Lightning."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from torch import Tensor, nn

from trainer.predict.memory import is_out_of_memory
from trainer.settings import Recipe
from trainer.train import averaging
from trainer.train.batch import Batch
from trainer.train.objective import Aim
from trainer.train.optimizers import optimizer, set_rate
from trainer.train.pace import Pace
from trainer.train.schedule import Schedule

_SKIP_EPOCH = -1
"""What Lightning wants to hear from a hook to end an epoch at once."""

Say = Callable[[str], None]


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

    A step's samples are shown in as many parts as memory asks for; their gradients add up to
    those of the whole. Where memory runs out the parts are halved, and the step begins anew.

    Parameters
    ----------
    network
        Takes (B, 3, H, W) in 0..255. With a method ``all_outputs`` it also says what it was
        taught besides the mask.
    recipe, pace
        How, and how far.
    say
        Hears what the user should read.

    Attributes
    ----------
    lesson
        The epoch at work, until `end_lesson`.
    """

    def __init__(
        self, network: nn.Module, recipe: Recipe, pace: Pace, say: Say = lambda _: None
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.lesson = Lesson()
        training = recipe.training
        self.moving = None if training.ema is None else averaging.Moving(network, training.ema)
        self._recipe, self._pace, self._say = recipe, pace, say
        self._aim = Aim(recipe.objective)
        self._schedule = Schedule(training)
        self._at_once = recipe.batch_size
        self._last: deque[dict[str, Tensor]] = deque(maxlen=training.average_last)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The recipe's."""
        return optimizer(self.network, self._recipe)

    def on_train_batch_start(self, batch: object, batch_idx: int) -> int | None:
        """Set the learning rate, or end where the time is up."""
        share = self._agreed(self._pace.share())
        if share >= 1:
            self.trainer.should_stop = True
            return _SKIP_EPOCH
        rate = self._recipe.learning_rate * self._schedule.rate(share)
        set_rate(self._optimizer().optimizer, rate)
        return None

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Learn from all samples of a step, the fields of a `Batch`."""
        loss = self._gather(Batch(*batch))
        self._optimizer().step()
        if self.moving is not None:
            self.moving.follow(self.network)
        self.lesson.train_loss.add(loss)
        self._pace.tick()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Shorten gradients that are too long, once a loss's scale is taken off them."""
        if (longest := self._recipe.training.clip) is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), longest)

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Loss and Dice of one whole image and, where a network is told it, its organ's place."""
        height, width = batch[1].shape[-2:]
        logits = self._judged(_seen(batch[0]), *batch[2:]).float()[..., :height, :width]
        found, truth = logits > 0, batch[1] >= 128
        total = int(found.sum() + truth.sum())
        self.lesson.val_loss.add(float(self._aim.of_mask(logits, batch[1].float() / 255)))
        self.lesson.val_dice.add(2 * int((found & truth).sum()) / total if total else 1.0)

    def on_validation_start(self) -> None:
        """Let all processes have the same batch statistics."""
        if self._processes > 1:
            for one in [*self.network.buffers(), *self._judged.buffers()]:
                if one.is_floating_point():
                    one.copy_(self.trainer.strategy.reduce(one, reduce_op="mean"))

    def on_validation_epoch_end(self) -> None:
        """Tell of the epoch, now that it is measured."""
        self.tell()

    def tell(self) -> None:
        """Tell the epoch's figures to Lightning's listeners, as far as there are any."""
        figures = {
            "train_loss": self.lesson.train_loss.mean(),
            "val_loss": self.lesson.val_loss.mean(),
            "val_dice": self.lesson.val_dice.mean(),
        }
        self.log_dict({name: mean for name, mean in figures.items() if not math.isnan(mean)})

    def end_lesson(self) -> Lesson:
        """What is known of the epoch that has ended; begins the next one's."""
        lesson, self.lesson = self.lesson, Lesson()
        if self.trainer.state.fn == "fit":
            self._schedule.heard(lesson.train_loss.mean())
            self._keep_last()
        return lesson

    def loss_of(self, batch: Batch) -> Tensor:
        """The recipe's objective for a batch."""
        pixels = _seen(batch.pixels)
        ask = getattr(self.network, "all_outputs", None)
        if ask is not None:
            outputs = ask(pixels) if batch.organ is None else ask(pixels, batch.organ)
            return self._aim.of_batch(outputs.logits.float(), outputs.auxiliary, batch)
        return self._aim.of_batch(self.network(pixels).float(), {}, batch)

    def settle(self) -> bool:
        """Give the network the weights that are kept; False where it has had them all along."""
        if self.moving is not None:
            self.network.load_state_dict(self.moving.network.state_dict())
            return False
        if self._recipe.training.average_last == 1:
            return False
        if self.lesson.train_loss.count:  # learned since the last epoch's end
            self._keep_last()
        self.network.load_state_dict(averaging.mean_of(self._last))
        return True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what only this class knows."""
        checkpoint["learner"] = {
            "pace": self._pace.state(),
            "schedule": self._schedule.state(),
            "at_once": self._at_once,
            "last": list(self._last),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from there."""
        known = checkpoint["learner"]
        self._pace.restore(known["pace"])
        self._schedule.restore(known["schedule"])
        self._at_once = known["at_once"]
        self._last.extend(known["last"])

    def _keep_last(self) -> None:
        if self._recipe.training.average_last > 1:
            self._last.append(averaging.kept(self.network))

    def _gather(self, batch: Batch) -> float:
        """Gradients of all of a step's samples; the mean of their loss."""
        while True:
            self._optimizer().zero_grad()
            loss = self._in_parts(batch)
            if not self._anywhere(loss is None):
                assert loss is not None
                return self._shared(loss)
            self._halve(len(batch.worth))

    def _in_parts(self, batch: Batch) -> Tensor | None:
        """The same of this process alone; None where memory ran out."""
        count = len(batch.worth)
        total = torch.zeros((), device=batch.worth.device)
        try:
            with self._alone():
                for start in range(0, count, self._at_once):
                    part = batch.part(start, self._at_once)
                    loss = self.loss_of(part) * (len(part.worth) / count)
                    self.manual_backward(loss)
                    total += loss.detach()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self._at_once == 1:
                raise
            return None
        return total

    def _halve(self, count: int) -> None:
        self._at_once = max(1, min(self._at_once, count) // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self._say(
            f"Memory ran out: {self._at_once} samples at a time from here on;"
            f" a step still learns from {count * self._processes}."
        )

    def _shared(self, loss: Tensor) -> float:
        """Have each process's gradients become the mean of all."""
        if self._processes > 1:
            gradients = [one.grad for one in self.network.parameters() if one.grad is not None]
            flat = torch.cat([one.flatten() for one in gradients] + [loss.reshape(1)])
            flat = self.trainer.strategy.reduce(flat, reduce_op="mean")
            assert isinstance(flat, Tensor)
            sizes = [one.numel() for one in gradients]
            *parts, loss = flat.split([*sizes, 1])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))
        return float(loss)

    def _anywhere(self, here: bool) -> bool:
        """Whether something is so in any of the processes."""
        if self._processes == 1:
            return here
        return not self.trainer.strategy.reduce_boolean_decision(not here, all=True)

    def _agreed(self, share: float) -> float:
        """What the first process says of the time."""
        return share if self._processes == 1 else self.trainer.strategy.broadcast(share)

    def _alone(self) -> contextlib.AbstractContextManager[object]:
        """Without Lightning's own sharing of gradients: a part of a step has nothing to share."""
        if self._processes == 1:
            return contextlib.nullcontext()
        return self.trainer.strategy.block_backward_sync()  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def _judged(self) -> nn.Module:
        return self.network if self.moving is None else self.moving.network

    @property
    def _processes(self) -> int:
        return self.trainer.world_size

    def _optimizer(self) -> LightningOptimizer:
        found = self.optimizers()
        assert isinstance(found, LightningOptimizer)
        return found


def _seen(pixels: Tensor) -> Tensor:
    return pixels.float().contiguous(memory_format=torch.channels_last)
