"""Recipes and samples that train in seconds."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from cohorts import TRAIN
from small_nets import CPU, TINY_RECIPE, single
from trainer.data.case import Case
from trainer.model.network import Built
from trainer.settings import Recipe, Training
from trainer.train import loop
from trainer.train.dataset import Sample
from trainer.train.loop import fit
from trainer.train.progress import Progress
from trainer.train.watch import Fold


@pytest.fixture
def tiny_recipe() -> Recipe:
    return TINY_RECIPE.model_copy(update={"seed": 3})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with single():
        yield


@pytest.fixture
def samples() -> list[Sample]:
    """Four small pictures, as a training has them in memory."""
    found = []
    for drawn in TRAIN:
        case = Case(drawn.id, drawn.organ, Path(), "train", 2)
        image = np.ascontiguousarray(drawn.image[:96, :96])
        found.append(Sample(case, drawn.id, image, 255 * drawn.mask[:96, :96]))
    return found


@pytest.fixture
def recipe(tiny_recipe: Recipe) -> Recipe:
    return tiny_recipe.model_copy(update={"epochs": 2, "batch_size": 4})


@pytest.fixture
def trained(
    samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Train a network in a folder of its own; what it said, its curves and its weights."""
    count = iter(range(100))

    def train(
        recipe: Recipe, network: Callable[[], nn.Module] | None = None, **changes: Any
    ) -> Any:
        folder = tmp_path / f"fold{next(count)}"
        folder.mkdir()
        if network is not None:
            monkeypatch.setattr(loop, "build", lambda _: Built(network(), "scratch"))  # pyright: ignore
        recipe = recipe.model_copy(update={"training": Training(**changes)})
        told: list[Progress] = []
        fitted = fit(Fold(0, samples[:3], samples[3:], folder, None, 2), recipe, CPU, told.append)
        with (folder / "curves.csv").open() as file:
            curves = list(csv.DictReader(file))
        return fitted, curves, [one.remark for one in told if one.remark]

    return train
