"""How far a training is, told while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

UNFINISHED = "unfinished.ckpt"
"""In the folder of a fold that is not finished: its state at its last epoch's end."""

Stage: TypeAlias = Literal["reading", "training", "predicting"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands.

    Attributes
    ----------
    done
        Share of the stage, 0..1; of the training stage over all folds.
    seconds_left
        Of the stage; None until it can be told.
    fold, folds, epoch
        While training; counted from 0. Of several folds side by side the first, and the epoch
        of the one that is least far.
    val_dice
        On held-out cases after the last epoch that is finished; None before. Of several folds
        their mean.
    notice
        A sentence the user should read, such as why a case was left out.
    remark
        The same of what is no problem, such as that memory was short and the training goes on.
    side_by_side
        Folds that are trained at once.
    """

    stage: Stage
    done: float
    seconds_left: float | None = None
    fold: int = 0
    folds: int = 0
    epoch: int = 0
    val_dice: float | None = None
    notice: str | None = None
    remark: str | None = None
    side_by_side: int = 1


Tell: TypeAlias = Callable[[Progress], None]
"""Hears a training's progress several times a second; raising `Cancelled` in it stops it."""


def tell_nobody(_: Progress) -> None:
    """For those who do not listen."""
