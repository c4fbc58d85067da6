"""One member of a run, from its fold's cases to its weights on disk."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from trainer.model import checkpoint
from trainer.settings import Recipe
from trainer.train.loop import ALONE, fit
from trainer.train.precision import Precision
from trainer.train.processes import Processes
from trainer.train.progress import Tell
from trainer.train.resuming import forget
from trainer.train.warm import seen_before
from trainer.train.watch import Fold


@dataclass(frozen=True, slots=True)
class Task:
    """What a member's training is handed; it can be sent to another process.

    Attributes
    ----------
    file
        For the weights.
    """

    fold: Fold
    recipe: Recipe
    precision: Precision
    file: Path


def train_member(task: Task, device: torch.device, tell: Tell, processes: Processes = ALONE) -> str:
    """Train a member and write its weights; errors are those of `fit`.

    Returns
    -------
    str
        What its encoder started from.
    """
    fold, recipe = task.fold, task.recipe
    fitted = fit(fold, recipe, device, tell, task.precision, processes)
    if processes.leads:
        description = checkpoint.Checkpoint(
            network=recipe.network,
            size=recipe.size,
            trained_on=seen_before(fold.start)
            | {sample.case.id: sample.digest for sample in fold.training},
            recipe=recipe.name,
            fold=fold.index,
            start=fitted.start,
            epoch=fitted.epochs,
            val_dice=fitted.val_dice,
            version=version("hubmap-viewer"),
        )
        checkpoint.save(task.file, fitted.module, description)
        forget(fold.folder)
    return fitted.start
