from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cohorts import TRAIN
from trainer.cli import app
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["suspects", *(str(word) for word in words)])


@pytest.fixture
def oof(tmp_path: Path) -> Predictions:
    """Sure of every disc, but not of the second of case 11, and of one more in case 21."""
    made = Predictions.create(tmp_path / "oof", {"threshold": 0.5})
    seen = {"11": TRAIN[0].discs[:1], "21": (*TRAIN[2].discs, (30, 30, 25))}
    for case in TRAIN:
        mask = replace(case, discs=seen.get(case.id, case.discs)).mask
        probability = np.where(mask, 240, 10).astype(np.uint8)
        made.write(Prediction(case.id, probability, 0 * probability, case.shape))
    return made


def test_the_contradicted_truths_come_first(
    cohort_folder: Path, oof: Predictions, tmp_path: Path
) -> None:
    table = tmp_path / "suspects.csv"
    result = call(cohort_folder, "--predictions", oof.folder, "--csv", table, "--json")

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert {one["id"] for one in document["cases"][:2]} == {"11", "21"}
    places = {(one["id"], one["kind"]): one["box"] for one in document["units"][:2]}
    assert places == {("11", "extra"): [141, 241, 260, 360], ("21", "lacking"): [6, 6, 55, 55]}
    assert document["units"][2]["suspicion"] < 0.1
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["kind"], int(row["row0"])) for row in rows] == [
        (one["id"], one["kind"], one["box"][0]) for one in document["units"]
    ]


def test_a_person_gets_a_table(cohort_folder: Path, oof: Predictions) -> None:
    result = call(cohort_folder, "--predictions", oof.folder)

    assert result.exit_code == 0
    for word in ("Suspect truths", "extra", "lacking", "the case"):
        assert word in result.stdout


def test_what_was_seen_in_training_is_told_and_left_out(
    cohort_folder: Path, oof: Predictions
) -> None:
    for case in TRAIN[:2]:
        one = oof.read(case.id)
        assert one is not None
        oof.write(replace(one, in_sample=True))
    result = call(cohort_folder, "--predictions", oof.folder, "--json")

    assert result.exit_code == 0
    assert "2 cases were seen in training: refused and left out" in result.stderr
    document = json.loads(result.stdout)
    assert document["seen_in_training"] == 2
    assert {one["id"] for one in document["cases"]} == {"21", "22"}


def test_nothing_but_predictions_on_training_cases_is_refused_with_a_remedy(
    cohort_folder: Path, oof: Predictions
) -> None:
    for case in TRAIN:
        one = oof.read(case.id)
        assert one is not None
        oof.write(replace(one, in_sample=True))
    result = call(cohort_folder, "--predictions", oof.folder)

    assert result.exit_code == 1
    assert "no case has both a truth and an out-of-fold prediction" in result.stderr
    assert "oof" in result.stderr and not result.stdout


def test_the_cohorts_own_csv_is_not_written_over(cohort_folder: Path, oof: Predictions) -> None:
    before = (cohort_folder / "train.csv").read_bytes()
    result = call(cohort_folder, "--predictions", oof.folder, "--csv", cohort_folder / "train.csv")

    assert result.exit_code == 1
    assert (cohort_folder / "train.csv").read_bytes() == before
