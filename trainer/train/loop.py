"""The training of one fold with Lightning, which stays silent and leaves no folders."""

from __future__ import annotations

import contextlib
import csv
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from trainer.errors import Cancelled, DeviceError
from trainer.model.network import Segmenter, build
from trainer.predict.device import autocast_for
from trainer.settings import Recipe
from trainer.train.dataset import Crops, Sample, Whole
from trainer.train.learner import Learner, Lesson
from trainer.train.pace import Pace
from trainer.train.progress import Progress, Tell

CURVES = ("epoch", "seconds", "train_loss", "val_loss", "val_dice")

_LOOKED_AT = 16
"""Held-out cases that an epoch is validated on; the report is of all of them."""

Precision = Literal["bf16-mixed", "16-mixed", "32-true"]


@dataclass(frozen=True, slots=True)
class Fold:
    """A part of the cases that one member never sees.

    Attributes
    ----------
    folder
        For ``curves.csv``, which grows with each epoch.
    seconds
        For the training; None for as long as the recipe's epochs take.
    """

    index: int
    training: Sequence[Sample]
    held_out: Sequence[Sample]
    folder: Path
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained member.

    Attributes
    ----------
    module
        On the CPU, in evaluation mode.
    start
        What its encoder started from.
    """

    module: Segmenter
    start: str
    epochs: int
    val_dice: float


def fit(fold: Fold, recipe: Recipe, device: torch.device, tell: Tell) -> Fitted:
    """Train one member on all cases but the fold's.

    The weights kept are the last ones, where the learning rate has come to rest. The held-out
    cases choose nothing, so that what is measured on them is honest.

    Raises
    ------
    Cancelled
        If `tell` raises it, or the process is told to end.
    DeviceError
        If memory does not suffice.
    """
    torch.manual_seed(recipe.seed + fold.index)
    network, start = build(recipe.network)
    crops = _batches(fold, recipe)
    pace = Pace(len(crops) * recipe.epochs, fold.seconds)
    learner = Learner(network.to(memory_format=torch.channels_last), recipe, pace)
    watch = _Watch(fold, recipe.folds, pace, tell)
    whole = DataLoader(Whole(_spread(fold.held_out)))
    with _quiet(), _told(device, recipe):
        trainer = pl.Trainer(
            **_place(device),
            precision=precision(device),
            max_epochs=recipe.epochs,
            callbacks=[watch],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            gradient_clip_val=1.0,
            default_root_dir=fold.folder,
        )
        trainer.fit(learner, crops, whole)
        if not watch.is_up_to_date:
            trainer.validate(learner, whole, verbose=False)
    return Fitted(network.to("cpu").eval(), start, watch.epochs, watch.val_dice)


def precision(device: torch.device) -> Precision:
    """Mixed precision where the device has it, as predictions are made in it too."""
    with autocast_for(device) as context:
        if not isinstance(context, torch.autocast):
            return "32-true"
        return "bf16-mixed" if context.fast_dtype == torch.bfloat16 else "16-mixed"


class _Watch(pl.Callback):
    """Tells progress at each batch and writes the curves at each epoch's end."""

    def __init__(self, fold: Fold, folds: int, pace: Pace, tell: Tell) -> None:
        self._fold, self._folds, self._pace, self._tell = fold, folds, pace, tell
        self.epochs = 0
        self.val_dice = float("nan")
        self.is_up_to_date = False
        self._write(CURVES, "w")

    def on_train_batch_start(self, *_: object) -> None:
        self.is_up_to_date = False
        self._report()

    def on_validation_batch_start(self, *_: object) -> None:
        self._report()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Learner)
        lesson, pl_module.lesson = pl_module.lesson, Lesson()
        self.val_dice = lesson.val_dice.mean()
        means = (lesson.train_loss.mean(), lesson.val_loss.mean(), self.val_dice)
        seconds = f"{self._pace.elapsed():.1f}"
        self._write((str(self.epochs), seconds, *(f"{mean:.5f}" for mean in means)), "a")
        self.epochs += 1
        self.is_up_to_date = True

    def _report(self) -> None:
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
                None if self.epochs == 0 else self.val_dice,
            )
        )

    def _write(self, row: Sequence[str], mode: str) -> None:
        path = self._fold.folder / "curves.csv"
        with path.open(mode, encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(row)


def _batches(fold: Fold, recipe: Recipe) -> DataLoader:
    """Crops in random order; workers draw them on one thread while the others compute."""
    forks = sys.platform == "linux"  # elsewhere each worker would copy all images
    workers = min(4, max(1, (os.cpu_count() or 1) // 2)) if forks else 0
    return DataLoader(
        Crops(fold.training, recipe),
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if workers else None,
    )


def _spread(samples: Sequence[Sample]) -> list[Sample]:
    """At most `_LOOKED_AT` samples, of all organs alike."""
    by_organ = sorted(samples, key=lambda sample: sample.case.organ)
    count = min(len(by_organ), _LOOKED_AT)
    return [by_organ[index * len(by_organ) // count] for index in range(count)]


def _place(device: torch.device) -> dict[str, object]:
    accelerator = {"cuda": "gpu"}.get(device.type, device.type)
    return {
        "accelerator": accelerator,
        "devices": [device.index or 0] if device.type == "cuda" else 1,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice is for those who write loops, not for those who run them."""
    chatter = logging.getLogger("pytorch_lightning")
    level = chatter.level
    chatter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning")
            warnings.filterwarnings("ignore", module="torch.utils.data")
            yield
    finally:
        chatter.setLevel(level)


@contextlib.contextmanager
def _told(device: torch.device, recipe: Recipe) -> Iterator[None]:
    try:
        yield
    except SIGTERMException:
        raise Cancelled from None
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"{device} has too little memory for batches of {recipe.batch_size} crops"
            f" of {recipe.crop} pixels",
            remedy="lower `batch_size` or `crop` in the recipe, or choose the device cpu",
        ) from error
