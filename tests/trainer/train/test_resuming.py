"""A training that was stopped or killed goes on as if it had not been."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from small_nets import ALONE, CPU, Dropping, curves_of, weights
from trainer.data.cohort import Cohort
from trainer.errors import Cancelled
from trainer.model import checkpoint
from trainer.model.network import build
from trainer.settings import Recipe, Training, to_yaml
from trainer.train.dataset import Sample
from trainer.train.loop import fit
from trainer.train.progress import Progress
from trainer.train.run import run
from trainer.train.watch import Fold


@pytest.mark.parametrize(
    "changes",
    [
        {"ema": 0.99, "optimizer": "sgd"},
        {"average_last": 3, "schedule": "plateau", "plateau_epochs": 1},
        {"patience": 3, "schedule": "poly"},
    ],
)
def test_a_fold_taken_up_comes_to_the_same_curves_and_weights(
    changes: dict[str, Any],
    trained: Callable[..., Any],
    samples: list[Sample],
    recipe: Recipe,
    tmp_path: Path,
):
    recipe = recipe.model_copy(update={"epochs": 5})
    whole, curves, _ = trained(recipe, Dropping, **changes)
    recipe = recipe.model_copy(update={"training": Training(**changes)})
    fold = Fold(0, samples[:3], samples[3:], tmp_path / "halves", None, 2)
    fold.folder.mkdir()
    began: list[int] = []

    def stop(progress: Progress) -> None:
        if progress.epoch == 3 and progress.done > 0.35:  # amid the fourth
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(fold, recipe, CPU, stop)
    halves = fit(fold, recipe, CPU, lambda progress: began.append(progress.epoch))

    assert began[0] == 3
    assert torch.equal(weights(whole), weights(halves))
    assert [[*row.values()][2:] for row in curves] == [
        row[1:] for row in curves_of(fold.folder)[1:]
    ]
    assert whole.val_dice == halves.val_dice


@pytest.mark.usefixtures("short_epochs")
def test_a_fold_taken_up_keeps_its_own_weights_whatever_it_started_from(
    samples: list[Sample], recipe: Recipe, tmp_path: Path
):
    start = tmp_path / "runs" / "first" / "fold0" / "weights.safetensors"
    start.parent.mkdir(parents=True)
    told = checkpoint.Checkpoint(network=recipe.network, size=recipe.size, fold=0)
    checkpoint.save(start, build(recipe.network).module, told)
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole, halves = (
        Fold(0, samples[:3], samples[3:], tmp_path / name, None, 2, start)
        for name in ("whole", "halves")
    )

    def stop(progress: Progress) -> None:
        if progress.epoch == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        fit(halves, recipe, CPU, stop)
    began: list[int] = []
    expected = fit(whole, recipe, CPU, lambda _: None)
    found = fit(halves, recipe, CPU, lambda progress: began.append(progress.epoch))
    assert began[0] == 1
    assert torch.equal(weights(expected), weights(found))
    assert found.start == "run first fold 0"


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from trainer.data.cohort import Cohort
from trainer.settings import read_recipe
from trainer.train.run import run

torch.set_num_threads(1)

def hear(progress):
    if progress.stage == "training" and progress.epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)

run(Cohort.open(Path(sys.argv[1])), read_recipe(Path(sys.argv[2])), Path(sys.argv[3]),
    device="cpu", progress=hear)
"""


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_as_if_it_had_not_been(
    cohort_folder: Path, recipe: Recipe, tmp_path: Path
):
    training = Training(precision="fp32")
    recipe = recipe.model_copy(update={"epochs": 2, "batch_size": 2, "training": training})
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(recipe), "utf-8")
    cohort = Cohort.open(cohort_folder)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    run(cohort, recipe, whole, device="cpu")
    words = [sys.executable, "-c", KILLED, cohort_folder, file, halves]
    killed = subprocess.run([str(word) for word in words], env=ALONE, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert len(curves_of(halves / "fold0")) == 2
    told: list[Progress] = []
    run(cohort, recipe, halves, device="cpu", progress=told.append)

    assert next(one.epoch for one in told if one.stage == "training") == 1
    for fold in ("fold0", "fold1"):
        assert curves_of(whole / fold) == curves_of(halves / fold)
        first, second = (
            (folder / fold / "weights.safetensors").read_bytes() for folder in (whole, halves)
        )
        assert first == second
    assert sorted(path.name for path in (halves / "fold0").iterdir()) == [
        *("curves.csv", "weights.json", "weights.safetensors")
    ]
    assert not list(halves.glob(".*"))
