"""Predictions as labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cohorts import TEST, TRAIN, Drawn, write_cohort
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import SettingsError
from trainer.model.described import describe
from trainer.settings import HoldOut, Pseudo, Recipe, read_recipe
from trainer.train.dataset import Crops, Sample, load
from trainer.train.labels import Labels
from trainer.train.progress import Progress, tell_nobody
from trainer.train.pseudo import PseudoLabels, mask_of
from trainer.train.rounds import train

UNLABELLED = (*TEST, Drawn("32", "lung", (260, 260), discs=((120, 120, 50),)))


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    write_cohort(tmp_path / "cohort", TRAIN, UNLABELLED)
    return Cohort.open(tmp_path / "cohort")


def told(**settings: object) -> Pseudo:
    return Pseudo.model_validate({"rounds": 1} | settings)


def kept(cohort: Cohort, folder: Path, sure: dict[str, int]) -> Predictions:
    """Of each case a square of 4×4 of that level and a single pixel, at a tenth of its size."""
    predictions = Predictions.create(folder, {"ensemble": "x", "threshold": 0.5, "thresholds": {}})
    for case_id, level in sure.items():
        probability = np.zeros((26, 26), np.uint8)
        probability[4:8, 4:8] = probability[20, 20] = level
        shape = cohort.shape(case_id)
        spread = np.zeros_like(probability)
        predictions.write(Prediction(case_id, probability, spread, shape))
    return predictions


def cases(cohort: Cohort, predictions: Predictions, settings: Pseudo) -> list[str]:
    labels = Labels.gather(cohort, None)
    found = PseudoLabels.of(labels, predictions, settings, tell_nobody)
    return [case.id for case in found.cases()]


def test_unlabelled_cases_are_taken_from_their_organ_s_threshold_and_confidence_on(
    cohort: Cohort, tmp_path: Path
):
    predictions = kept(cohort, tmp_path / "p", {"31": 230, "32": 120, "11": 255})

    assert cases(cohort, predictions, told()) == ["31"]  # 32 is empty at 0.5, 11 has a truth
    assert cases(cohort, predictions, told(thresholds={"lung": 0.4})) == ["31", "32"]
    some = told(thresholds={"lung": 0.4}, min_confidence=0.8)
    assert cases(cohort, predictions, some) == ["31"]
    assert cases(cohort, predictions, told(min_confidence=0.99)) == []


@pytest.mark.parametrize("area", [{"share": 0.01}, {"px": 400}, 400])
def test_small_units_are_dropped_by_organ(cohort: Cohort, tmp_path: Path, area: object):
    prediction = kept(cohort, tmp_path / "p", {"31": 230}).read("31")
    assert prediction is not None
    case = cohort.cases["31"]

    every = mask_of(prediction, case, told(min_area={"lung": area}))
    large = mask_of(prediction, case, told(min_area={"default": area}))
    assert every[220, 220] == 1
    assert large[220, 220] == 0
    assert every[60, 60] == large[60, 60] == 1


def test_by_chance_a_crop_s_label_is_the_out_of_fold_prediction(cohort: Cohort, tmp_path: Path):
    labels = Labels.gather(cohort, None)
    recipe = Recipe(name="x", size=128, crop=64, batch_size=20, pseudo=told(swap=0.3))
    sample = next(one for one in load(labels, recipe, tmp_path) if isinstance(one, Sample))
    swapped = replace(
        sample,
        coverage=np.zeros_like(sample.coverage),
        predicted=np.full_like(sample.coverage, 255),
    )
    torch.manual_seed(0)
    crops = Crops([swapped], recipe)
    share = np.mean([float(crops[index][1].float().mean()) / 255 for index in range(len(crops))])

    assert len(crops) >= 200
    assert share == pytest.approx(0.3, abs=0.08)
    assert not any(
        bool(Crops([replace(swapped, predicted=None)], recipe)[0][1].any()) for _ in "ab"
    )


@pytest.mark.usefixtures("short_epochs")
def test_rounds_learn_what_the_round_before_predicts(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    however_unsure = {"lung": 0.01, "spleen": 0.01}
    pseudo = told(swap=0.3, share=0.4, thresholds=however_unsure)
    recipe = tiny_recipe.model_copy(update={"pseudo": pseudo})
    out = tmp_path / "run"
    heard: list[Progress] = []
    result = train(cohort, recipe, out, device="cpu", progress=heard.append)

    document = json.loads((out / "run.json").read_text("utf-8"))
    first = describe(out / "rounds" / "0" / "fold0" / "weights.safetensors")
    last = describe(out / "fold0" / "weights.safetensors")
    assert set(last.trained_on) - set(first.trained_on) == {"31", "32"}
    assert document["pseudo_labels"] == {"0": 2, "1": 2}
    assert [one["round"] for one in document["rounds"]] == [0, 1]
    assert document["rounds"][1]["dice"] == pytest.approx(result.report[-1].dice_mean, abs=1e-4)
    assert {score.case_id for score in result.scores} == {"11", "12", "21", "22"}
    assert read_recipe(out / "recipe.yaml") == recipe
    assert read_recipe(out / "rounds" / "0" / "recipe.yaml").pseudo.rounds == 0
    assert any(one.remark and one.remark.startswith("Round 0: Dice 0.") for one in heard)


@pytest.mark.usefixtures("short_epochs")
def test_a_round_goes_on_from_the_one_before_where_the_recipe_says_so(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    recipe = tiny_recipe.model_copy(update={"pseudo": told(warm_start=True)})
    out = tmp_path / "run"
    train(cohort, recipe, out, device="cpu")

    first = describe(out / "rounds" / "0" / "fold1" / "weights.safetensors")
    last = describe(out / "fold1" / "weights.safetensors")
    assert (first.start, last.start) == ("scratch", "run 0 fold 1")
    assert json.loads((out / "run.json").read_text("utf-8"))["start"]["run"] == "0"


@pytest.mark.usefixtures("short_epochs")
def test_a_round_that_is_finished_is_not_repeated(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    recipe = tiny_recipe.model_copy(
        update={
            "pseudo": told(min_confidence=1.0),
            "hold_out": HoldOut.model_validate({"only": [0]}),
        }
    )
    out = tmp_path / "run"

    finished: list[str] = []

    def stop(progress: Progress) -> None:
        if progress.remark and progress.remark.startswith("Round 0"):
            finished.append(progress.remark)
        if finished and progress.stage == "predicting":  # what the next round learns from
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cohort, recipe, out, device="cpu", progress=stop)
    before = (out / "rounds" / "0" / "fold0" / "weights.safetensors").stat().st_mtime_ns
    train(cohort, recipe, out, device="cpu")

    assert (out / "rounds" / "0" / "fold0" / "weights.safetensors").stat().st_mtime_ns == before
    assert json.loads((out / "run.json").read_text("utf-8"))["pseudo_labels"] == {"0": 0}


def test_rounds_are_refused_to_several_processes(
    cohort: Cohort, tiny_recipe: Recipe, tmp_path: Path
):
    recipe = tiny_recipe.model_copy(update={"pseudo": told()})
    with pytest.raises(SettingsError, match="trained by one process; take one device"):
        train(cohort, recipe, tmp_path / "run", device="cpu", devices=2)
    assert not (tmp_path / "run").exists()
