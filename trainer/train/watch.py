"""A fold's training as it is seen from outside: its curves and its progress."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from trainer.data.atomic import replacing
from trainer.errors import SettingsError
from trainer.train.dataset import Sample
from trainer.train.learner import Learner
from trainer.train.pace import Pace
from trainer.train.progress import Progress, Tell

CURVES = ("epoch", "seconds", "train_loss", "val_loss", "val_dice")


@dataclass(frozen=True, slots=True)
class Fold:
    """A part of the cases that one member never sees.

    Attributes
    ----------
    folder
        For ``curves.csv``, which grows with each epoch.
    seconds
        For the training; None for as long as the recipe's epochs take.
    folds
        How many there are in all.
    start
        An earlier member's weights to go on from; None for a fresh network.
    """

    index: int
    training: Sequence[Sample]
    held_out: Sequence[Sample]
    folder: Path
    seconds: float | None
    folds: int = 1
    start: Path | None = None


class Watch(pl.Callback):
    """Tells progress at each batch and writes the curves at each epoch's end.

    Attributes
    ----------
    epochs
        Finished so far.
    is_up_to_date
        False while batches were learned from that no row tells of.
    """

    def __init__(self, fold: Fold, pace: Pace, tell: Tell) -> None:
        self._fold, self._folds, self._pace, self._tell = fold, fold.folds, pace, tell
        self.epochs = 0
        self.val_dice = float("nan")
        self.is_up_to_date = False

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin the curves, or cut them off where the training is taken up."""
        if not trainer.is_global_zero:
            return
        rows = [CURVES]
        if self.epochs:
            with self._file.open(encoding="utf-8", newline="") as file:
                rows = [tuple(row) for row in csv.reader(file)][: 1 + self.epochs]
        with replacing(self._file, SettingsError) as draft, draft.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` wants, to go on after a restart."""
        return {"epochs": self.epochs, "val_dice": self.val_dice}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.epochs, self.val_dice = state_dict["epochs"], state_dict["val_dice"]

    def say(self, remark: str) -> None:
        """Tell a sentence that the user should read."""
        self._report(remark)

    def judge(self, trainer: pl.Trainer, learner: Learner, whole: DataLoader[Any]) -> None:
        """Measure the weights that are kept, where no epoch has."""
        trainer.validate(learner, whole, verbose=False)

    def on_train_batch_start(self, *_: Any, **__: Any) -> None:
        """Tell, as often as Lightning lets us."""
        self._report()

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """What the last row says is out of date now."""
        self.is_up_to_date = False

    def on_validation_batch_start(self, *_: Any, **__: Any) -> None:
        """Tell; the user may wish to stop here too."""
        self._report()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End the epoch where no case is held out: there no validation does."""
        assert isinstance(pl_module, Learner)
        if not self._fold.held_out and pl_module.lesson.train_loss.count:
            pl_module.tell()
            self.on_validation_end(trainer, pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's row."""
        assert isinstance(pl_module, Learner)
        lesson = pl_module.end_lesson()
        self.val_dice = lesson.val_dice.mean()
        if self.is_up_to_date:
            return
        means = (lesson.train_loss.mean(), lesson.val_loss.mean(), self.val_dice)
        seconds = f"{self._pace.elapsed():.1f}"
        row = (str(self.epochs), seconds, *(f"{mean:.5f}" for mean in means))
        if trainer.is_global_zero:
            with self._file.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file).writerow(row)
        self.epochs += 1
        self.is_up_to_date = True

    def _report(self, remark: str | None = None) -> None:
        share, left = self._pace.share(), self._pace.seconds_left()
        fold_seconds = None if not share or left is None else self._pace.elapsed() / share
        later = self._folds - self._fold.index - 1
        self._tell(
            Progress(
                "training",
                (self._fold.index + share) / self._folds,
                None if left is None or fold_seconds is None else left + later * fold_seconds,
                self._fold.index,
                self._folds,
                self.epochs,
                None if math.isnan(self.val_dice) else self.val_dice,
                remark=remark,
            )
        )

    @property
    def _file(self) -> Path:
        return self._fold.folder / "curves.csv"
