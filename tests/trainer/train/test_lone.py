"""One image at a time under batch norm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cohorts import TRAIN
from trainer.data.case import Case
from trainer.data.cohort import Cohort
from trainer.errors import SettingsError
from trainer.settings import Network, Recipe
from trainer.train import lone
from trainer.train.dataset import Sample
from trainer.train.loop import fit
from trainer.train.progress import Progress
from trainer.train.run import run
from trainer.train.watch import Fold

REFUSED = r"`decoder: deeplabv3\+` cannot learn from one image at a time; set `norm: group`"


def recipe_of(decoder: str, batch_size: int = 1, norm: str = "batch") -> Recipe:
    told = {"encoder": "mobilenetv3_small_050", "pretrained": False, "decoder": decoder}
    network = Network.model_validate(told | {"norm": norm})
    return Recipe(
        name="one", network=network, size=64, crop=64, folds=2, epochs=1, batch_size=batch_size
    )


def test_what_can_be_learned_so_is_said_to_be_and_what_cannot_is_refused():
    told = lone.check(recipe_of("unet"), 1)
    assert told is not None
    assert "`norm: group`" in told
    with pytest.raises(SettingsError, match=REFUSED):
        lone.check(recipe_of("deeplabv3+"), 1)
    with pytest.raises(SettingsError, match=REFUSED):  # two processes share a step of two
        lone.check(recipe_of("deeplabv3+", batch_size=2), 1)
    assert lone.check(recipe_of("deeplabv3+", batch_size=2), 2) is None
    assert lone.check(recipe_of("deeplabv3+", norm="group"), 1) is None


def test_a_run_says_so_before_it_reads_an_image(cohort_folder: Path, tmp_path: Path):
    heard: list[Progress] = []
    with pytest.raises(SettingsError, match=REFUSED):
        run(
            Cohort.open(cohort_folder), recipe_of("deeplabv3+"), tmp_path / "run",
            device="cpu", progress=heard.append,
        )  # fmt: skip
    assert not heard
    assert not (tmp_path / "run").exists()


def test_a_training_that_comes_down_to_one_image_ends_in_the_same_sentence(tmp_path: Path):
    samples = [
        Sample(
            Case(drawn.id, drawn.organ, Path(), "train", 2), drawn.id,
            np.ascontiguousarray(drawn.image[:64, :64]), 255 * drawn.mask[:64, :64],
        )
        for drawn in TRAIN
    ]  # fmt: skip
    fold = Fold(0, samples[:3], samples[3:], tmp_path, None, 2)
    with pytest.raises(SettingsError, match=REFUSED):
        fit(fold, recipe_of("deeplabv3+"), torch.device("cpu"), lambda _: None)
