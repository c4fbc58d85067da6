from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled
from trainer.settings import Network, Recipe, to_yaml
from trainer.study.suspects import RUN, Plan, run
from trainer.train.progress import Progress


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["study", "suspects", *(str(word) for word in words)])


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    network = Network(encoder="mobilenetv3_small_050", pretrained=False)
    path = tmp_path / "tiny.yaml"
    path.write_text(to_yaml(Recipe(name="tiny", network=network, folds=2)), "utf-8")
    return path


@pytest.fixture
def trained(cohort_folder: Path, recipe: Path, tmp_path: Path) -> Path:
    """A study whose training is done; its networks know the sound truths."""
    from trainer.settings import read_recipe

    def stop(progress: Progress) -> None:
        raise Cancelled

    cohort, out = Cohort.open(cohort_folder), tmp_path / "study"
    with pytest.raises(Cancelled):
        run(cohort, Plan(read_recipe(recipe), share=0.5), out, stop)
    predictions = Predictions.create(out / RUN / "oof", {"threshold": 0.5})
    for case_id in ("11", "12", "21", "22"):
        truth = cohort.truth(case_id)
        assert truth is not None
        probability = np.where(truth, 240, 10).astype(np.uint8)
        shape = (truth.shape[0], truth.shape[1])
        predictions.write(Prediction(case_id, probability, 0 * probability, shape))
    (out / RUN / "run.json").write_text(json.dumps({"finished": "now"}))
    return out


def test_a_study_tells_what_suspicion_is_worth(
    cohort_folder: Path, recipe: Path, trained: Path
) -> None:
    words = (cohort_folder, "--out", trained, "--recipe", recipe, "--share", 0.5)
    result = call(*words, "--json")

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["cases"]["wrong"], document["cases"]["total"]) == (2, 4)
    assert document["cases"]["auroc"] == document["units"]["auroc"] == 1
    assert set(document) >= {"cases_by_dice", "units_by_dice"}

    table = call(*words)
    assert "AUROC" in table.stdout and "1 - Dice" in table.stdout


def test_another_share_in_the_same_folder_is_refused(
    cohort_folder: Path, recipe: Path, trained: Path
) -> None:
    result = call(cohort_folder, "--out", trained, "--recipe", recipe, "--share", 0.4)

    assert result.exit_code == 1
    assert "holds another study" in result.stderr


def test_help_shows_an_example() -> None:
    result = call("--help")

    assert result.exit_code == 0
    assert "hubmap-trainer study suspects data" in result.stdout
