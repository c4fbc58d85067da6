"""The training of one fold with Lightning, which stays silent and leaves no folders."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from trainer.errors import Cancelled, DeviceError
from trainer.model.network import Segmenter, build
from trainer.predict.device import autocast_for
from trainer.settings import Recipe
from trainer.train import warm
from trainer.train.dataset import Crops, Sample, Whole
from trainer.train.learner import Learner
from trainer.train.pace import Pace
from trainer.train.progress import Tell
from trainer.train.watch import Fold, Watch

_LOOKED_AT = 16
"""Held-out cases that an epoch is validated on; the report is of all of them."""

Precision = Literal["bf16-mixed", "16-mixed", "32-true"]


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
    if fold.start is None:
        network, start = build(recipe.network)
    else:
        network, start = warm.begin(fold.start, recipe.network)
    crops = _batches(fold, recipe)
    pace = Pace(len(crops) * recipe.epochs, fold.seconds)
    learner = Learner(network.to(memory_format=torch.channels_last), recipe, pace)
    watch = Watch(fold, pace, tell)
    whole = DataLoader(Whole(_spread(fold.held_out)))
    accelerator, devices = _place(device)
    with _quiet(), _told(device, recipe):
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=devices,
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
        if fold.held_out and not watch.is_up_to_date:
            trainer.validate(learner, whole, verbose=False)
    return Fitted(network.to("cpu").eval(), start, watch.epochs, watch.val_dice)


def precision(device: torch.device) -> Precision:
    """Mixed precision where the device has it, as predictions are made in it too."""
    with autocast_for(device):
        if not torch.is_autocast_enabled(device.type):
            return "32-true"
        dtype = torch.get_autocast_dtype(device.type)
    return "bf16-mixed" if dtype == torch.bfloat16 else "16-mixed"


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


def _place(device: torch.device) -> tuple[str, list[int] | int]:
    """The device in Lightning's words."""
    if device.type == "cuda":
        return "gpu", [device.index or 0]
    return device.type, 1


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
