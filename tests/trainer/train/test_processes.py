"""Several processes learn as one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from small_nets import ALONE, curves_of
from trainer.data.cohort import Cohort
from trainer.errors import SettingsError
from trainer.settings import HoldOut, Recipe, Training, to_yaml
from trainer.train.run import run


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_learn_as_one_does(cohort_folder: Path, recipe: Recipe, tmp_path: Path):
    """Of the same step: four samples, in two parts of one process or one part of each of two.

    Lightning starts the second one, or torchrun both.
    """
    training = Training(accumulate=2, precision="fp32")
    recipe = recipe.model_copy(
        update={
            "batch_size": 2, "training": training, "epochs": 2, "learning_rate": 1e-3,
            "hold_out": HoldOut(only=(0,)),
        }
    )  # fmt: skip
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(recipe), "utf-8")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    run(Cohort.open(cohort_folder), recipe, tmp_path / "one", device="cpu")
    for name, launcher, options in (
        ("lightning", (), ("--devices", "2")), ("torchrun", torchrun, ())
    ):  # fmt: skip
        out = tmp_path / name
        words = [*launcher, "-m", "trainer.cli", "train", cohort_folder, "--recipe", file,
                 "--out", out, "--device", "cpu", "--json", *options]  # fmt: skip
        done = subprocess.run(
            [sys.executable, *map(str, words)], env=ALONE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["problems"] == []

    one, *others = (
        [float(row[1]) for row in curves_of(tmp_path / name / "fold0")[1:]]
        for name in ("one", "lightning", "torchrun")
    )
    assert len(one) == 2
    for two in others:
        assert two == pytest.approx(one, abs=2e-4)


def test_a_step_that_cannot_be_shared_is_told(
    cohort_folder: Path, tiny_recipe: Recipe, tmp_path: Path
):
    with pytest.raises(SettingsError, match="2 samples a step cannot be shared by 3 processes"):
        run(Cohort.open(cohort_folder), tiny_recipe, tmp_path / "run", device="cpu", devices=3)
