"""Curves in other programs' books, beside the csv."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger

from trainer.errors import SettingsError
from trainer.settings import Recipe

_PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "mlflow": ("mlflow",)}


def check(recipe: Recipe) -> None:
    """Raise `SettingsError` if the recipe names a logbook whose package is not installed."""
    for name in recipe.training.logbooks:
        if not any(find_spec(package) for package in _PACKAGES[name]):
            raise SettingsError(
                f"`training.logbooks`: {name} is not installed",
                remedy=f"pip install 'hubmap-viewer[{name}]', or leave it out",
            )


def opened(recipe: Recipe, folder: Path) -> Iterable[Logger]:
    """The recipe's logbooks, for one fold.

    TensorBoard's is in the fold's folder. MLflow's is where its ``MLFLOW_TRACKING_URI`` says, else
    in ``mlflow.db`` in the run's folder: MLflow no longer takes the plain files of its own default.
    """
    for name in recipe.training.logbooks:
        if name == "tensorboard":
            yield TensorBoardLogger(folder, name="", version="tensorboard")
        else:
            run = f"{folder.parent.name} {folder.name}"
            own = f"sqlite:///{folder.parent / 'mlflow.db'}"
            place = os.environ.get("MLFLOW_TRACKING_URI", own)
            yield MLFlowLogger(recipe.name, run, tracking_uri=place)
