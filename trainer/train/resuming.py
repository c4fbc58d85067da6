"""A fold taken up where it was killed: all of its state, at each epoch's end."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl

from trainer.train.progress import UNFINISHED


class Keep(pl.Callback):
    """Writes the state of a training at each epoch's end; a reader meets the last whole one."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / UNFINISHED

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it; of several processes the first one does, while the others wait."""
        draft = self._file.with_suffix(".part")
        trainer.save_checkpoint(draft)
        if trainer.is_global_zero:
            draft.replace(self._file)


def kept(folder: Path) -> Path | None:
    """What was kept of a fold; None where there is nothing."""
    file = folder / UNFINISHED
    return file if file.is_file() else None


def forget(folder: Path) -> None:
    """Once a fold is finished."""
    for name in (UNFINISHED, Path(UNFINISHED).with_suffix(".part").name):
        (folder / name).unlink(missing_ok=True)
