from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.object_metrics import Tally, as_one, object_scores
from trainer.review.masks import Predicted


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_loop_on_the_command_line(cohort_folder: Path, trained: Path, tmp_path: Path):
    masks, scores = tmp_path / "masks.csv", tmp_path / "dice.csv"
    out = tmp_path / "predictions"
    predicted = call(
        "predict", cohort_folder, "--ensemble", trained, "--out", out, "--device", "cpu", "--json"
    )
    ids = list(Cohort.open(cohort_folder).cases)
    assert predicted.exit_code == 0, predicted.output
    assert json.loads(predicted.stdout)["cases"] == ids
    assert {path.stem for path in out.glob("*.npz")} == set(ids)

    evaluated = call("evaluate", cohort_folder, "--predictions", out, "--csv", scores, "--json")
    assert evaluated.exit_code == 0, evaluated.output
    document = json.loads(evaluated.stdout)
    with scores.open(encoding="utf-8", newline="") as file:
        table = {row["id"]: row for row in csv.DictReader(file)}
    assert set(table) == {"11", "12", "21", "22"}
    for case in document["cases"]:
        assert float(table[case["case_id"]]["dice"]) == pytest.approx(case["dice"], abs=1e-4)
        assert case["iou"] == pytest.approx(case["dice"] / (2 - case["dice"]))
        assert_units(out, cohort_folder, case, table[case["case_id"]])
    assert_one_set(out, cohort_folder, document)
    mean = np.mean([case["dice"] for case in document["cases"]])
    assert document["organs"][-1]["organ"] == "all"
    assert document["organs"][-1]["dice_mean"] == pytest.approx(mean)

    exported = call(
        *("export", cohort_folder, "--what", "prediction", "--predictions", out),
        *("--format", "rle", "--out", masks),
    )
    assert exported.exit_code == 0, exported.output
    assert masks.read_text().startswith("id,rle")


def assert_units(out: Path, cohort_folder: Path, told: dict, row: dict[str, str]) -> None:
    """The object measures are those of the mask that is exported."""
    cohort = Cohort.open(cohort_folder)
    found = Predicted(cohort, Predictions.open(out)).mask(told["case_id"])
    truth = cohort.truth(told["case_id"])
    assert truth is not None
    wanted = object_scores(found, truth)
    assert (told["object_f1"], told["object_dice"]) == (wanted.f1, wanted.dice)
    assert float(row["object_dice"]) == pytest.approx(wanted.dice, abs=1e-4)
    farthest = wanted.hausdorff if math.isfinite(wanted.hausdorff) else None
    # OpenCV's distances are float32
    assert told["object_hausdorff"] == (farthest and pytest.approx(farthest))
    assert (row["object_hausdorff"] == "") == (farthest is None)


def assert_one_set(out: Path, cohort_folder: Path, document: dict) -> None:
    cohort, masks = Cohort.open(cohort_folder), []
    for case in document["cases"]:
        found = Predicted(cohort, Predictions.open(out)).mask(case["case_id"])
        masks.append((found, cohort.truth(case["case_id"])))
    wanted = as_one(Tally.of(found, truth) for found, truth in masks)
    told = document["units"]
    assert (told["f1"], told["dice"], told["true"]) == (wanted.f1, wanted.dice, wanted.true)
    assert "units" not in document["cases"][0]


def test_all_units_as_one_set_are_told(cohort_folder: Path, trained: Path):
    done = call("evaluate", cohort_folder, "--predictions", trained / "oof")
    assert done.exit_code == 0, done.output
    assert re.search(
        r"All units as one set \(\d+ found, \d+ true\): F1 [01]\.\d{3}, ob", done.stdout
    )


def test_scores_are_not_written_over_the_cohort(cohort_folder: Path, trained: Path, tmp_path: Path):
    table = cohort_folder / "train.csv"
    before = table.read_bytes()
    done = call("evaluate", cohort_folder, "--predictions", trained / "oof", "--csv", table)

    assert done.exit_code == 1
    assert "train.csv: belongs to the cohort" in done.stderr
    assert table.read_bytes() == before
