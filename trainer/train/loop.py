"""The training of one fold with Lightning, which stays silent and leaves no folders."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from trainer.errors import Cancelled, DeviceError
from trainer.model.bodies import ONE_VALUE
from trainer.model.network import Segmenter, build
from trainer.predict.memory import is_out_of_memory
from trainer.settings import Recipe
from trainer.train import lone, warm
from trainer.train.checkpointing import checkpointed
from trainer.train.dataset import Crops, Sample, Whole
from trainer.train.draws import Chance, Drawn, Draws
from trainer.train.learner import Learner
from trainer.train.logbooks import opened
from trainer.train.pace import Pace
from trainer.train.precision import Precision
from trainer.train.processes import Processes
from trainer.train.progress import Tell
from trainer.train.resuming import Keep, kept
from trainer.train.watch import Fold, Watch

_LOOKED_AT = 16
"""Held-out cases that an epoch is validated on; the report is of all of them."""

ALONE = Processes()


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


def fit(
    fold: Fold,
    recipe: Recipe,
    device: torch.device,
    tell: Tell,
    precision: Precision = "32-true",
    processes: Processes = ALONE,
) -> Fitted:
    """Train one member on all cases but the fold's.

    The weights kept are the last ones, where the learning rate has come to rest, or the
    recipe's mean of the last. The held-out cases choose nothing but, with `patience`, the end,
    so that what is measured on them is honest. A fold that was killed is taken up at the end of
    its last finished epoch, whatever it had started from, and comes to the same weights.

    Parameters
    ----------
    fold, recipe
        What to learn from, and how.
    device, precision
        Where, and in which numbers, in Lightning's words.
    tell
        Hears how far it is.
    processes
        That train together: all of them call this, with the same arguments.

    Raises
    ------
    Cancelled
        If `tell` raises it, or the process is told to end.
    DeviceError
        If memory does not suffice.
    SettingsError
        If the processes cannot share a step's samples evenly, or the fold starts from a member
        that is another network.
    """
    seed = recipe.seed + fold.index
    torch.manual_seed(seed)
    network, start = _begun(fold, recipe)
    crops = _batches(fold, recipe, seed, processes)
    pace = Pace(len(crops) * recipe.epochs, fold.seconds)
    watch = Watch(fold, pace, tell)
    network.to(memory_format=torch.channels_last)
    learner = Learner(network, recipe, pace, watch.say)
    whole = DataLoader(Whole(_spread(fold.held_out), recipe))
    with (
        _quiet(),
        _told(device, recipe, processes),
        checkpointed(network, recipe.training.checkpointing),
    ):
        assert isinstance(crops.sampler, Draws)
        callbacks = [Chance(seed, crops.sampler), watch, Keep(fold.folder)]
        trainer = _trainer(fold, recipe, device, precision, processes, callbacks)
        with _together(trainer):
            trainer.fit(learner, crops, whole, ckpt_path=kept(fold.folder), weights_only=True)
            if (learner.settle() or not watch.is_up_to_date) and fold.held_out:
                watch.judge(trainer, learner, whole)
    return Fitted(network.to("cpu").eval(), start, watch.epochs, watch.val_dice)


def _begun(fold: Fold, recipe: Recipe) -> tuple[Segmenter, str]:
    """A network, and what it starts from; a fold that is taken up soon gets its own weights."""
    if fold.start is None:
        return build(recipe.network)
    return warm.begin(fold.start, recipe.network)


def _trainer(
    fold: Fold,
    recipe: Recipe,
    device: torch.device,
    precision: Precision,
    processes: Processes,
    callbacks: Sequence[pl.Callback],
) -> pl.Trainer:
    ends: list[pl.Callback] = []
    if (patience := recipe.training.patience) is not None and fold.held_out:
        ends.append(EarlyStopping("val_dice", mode="max", patience=patience))
    accelerator, devices = _place(device)
    spread = processes.count > 1
    backend = "nccl" if device.type == "cuda" else "gloo"
    return pl.Trainer(
        accelerator=accelerator,
        devices=processes.here if spread else devices,
        num_nodes=processes.machines,
        strategy=DDPStrategy(process_group_backend=backend) if spread else "auto",
        use_distributed_sampler=False,
        precision=precision,
        max_epochs=recipe.epochs,
        callbacks=[*callbacks, *ends],
        logger=list(opened(recipe, fold.folder)),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=fold.folder,
    )


def _batches(
    fold: Fold, recipe: Recipe, seed: int, processes: Processes
) -> DataLoader[tuple[torch.Tensor, ...]]:
    """A step's crops at a time; workers draw them on one thread while the others compute."""
    forks = sys.platform == "linux"  # elsewhere each worker would copy all images
    workers = min(4, max(1, (os.cpu_count() or 1) // 2)) if forks else 0
    crops = Crops(fold.training, recipe)
    share = processes.share_of(recipe)
    step = share * processes.count
    loader = DataLoader(
        Drawn(crops),
        batch_size=share,
        sampler=Draws(len(crops), step, seed, processes.rank, processes.count),
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if workers else None,
    )
    if workers:
        # now, not once processes talk: a thread that does may hold a lock that a fork keeps shut
        iter(loader)
    return loader


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
def _told(device: torch.device, recipe: Recipe, processes: Processes) -> Iterator[None]:
    try:
        yield
    except SIGTERMException:
        raise Cancelled from None
    except ValueError as error:  # where memory ran out, parts of a step come down to one image
        if ONE_VALUE not in str(error):
            raise
        raise lone.refusal(recipe) from error
    except (RuntimeError, MemoryError) as error:
        if not processes.leads:  # its leader has gone, and says why
            raise Cancelled from error
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            f"{device} has too little memory for a crop of {recipe.largest_crop} pixels",
            remedy="lower `crop` in the recipe, set `training.checkpointing`,"
            " or choose the device cpu",
        ) from error


@contextlib.contextmanager
def _together(trainer: pl.Trainer) -> Iterator[None]:
    """The processes that Lightning has started end with this one's failure."""
    try:
        yield
    except BaseException:
        if (launcher := trainer.strategy.launcher) is not None:
            launcher.kill(signal.SIGTERM)
        raise
