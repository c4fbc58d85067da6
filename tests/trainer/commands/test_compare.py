from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cohorts import TRAIN
from trainer.cli import app
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def predicted(folder: Path, masks: dict[str, Mask], threshold: float = 0.5) -> Predictions:
    """Certain of the masks given, at the image's own size."""
    made = Predictions.create(folder, {"ensemble": folder.name, "threshold": threshold})
    for case_id, mask in masks.items():
        probability = (mask * 153).astype(np.uint8)
        made.write(Prediction(case_id, probability, 0 * probability, mask.shape[:2]))
    return made


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The upper half of every unit's image."""
    masks = {one.id: one.mask for one in TRAIN}
    for mask in masks.values():
        mask[mask.shape[0] // 2 :] = 0
    return predicted(tmp_path / "before", masks).folder


@pytest.fixture
def after(tmp_path: Path) -> Path:
    """All of it, but nothing of 21."""
    masks = {one.id: one.mask * (one.id != "21") for one in TRAIN}
    return predicted(tmp_path / "after", masks).folder


def test_regressions_lead_and_each_figure_is_the_mask_s(
    cohort_folder: Path, before: Path, after: Path, tmp_path: Path
) -> None:
    table = tmp_path / "changes.csv"
    done = call(
        *("compare", cohort_folder, "--before", before, "--after", after),
        *("--csv", table, "--json"),
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["rows"][0]["case_id"] == "21"
    cohort = Cohort.open(cohort_folder)
    for row in document["rows"]:
        truth = cohort.truth(row["case_id"])
        assert truth is not None
        for name, folder in (("before", before), ("after", after)):
            made = Predictions.open(folder).read(row["case_id"])
            assert made is not None
            assert row[name] == dice(to_mask(made, 0.5), truth)
    organs = {one["organ"]: one for one in document["organs"]}
    assert list(organs) == ["kidney", "lung", "all"]
    assert (organs["lung"]["better"], organs["lung"]["worse"]) == (1, 1)
    assert "share a network" in document["caveat"]
    with table.open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [
            row["case_id"] for row in document["rows"]
        ]


def test_the_caveat_stands_beside_the_table(cohort_folder: Path, before: Path, after: Path) -> None:
    words = ["compare", str(cohort_folder), "--before", str(before), "--after", str(after)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    assert "Worse: 1 of 4 cases" in done.stdout
    assert "no p can be below" in done.stderr
    same = CliRunner().invoke(app, [*words[:-1], str(before)], env={"COLUMNS": "80"})
    assert "No case got worse." in same.stdout


def test_each_side_has_the_thresholds_of_its_own_ensemble(
    cohort_folder: Path, before: Path, tmp_path: Path
) -> None:
    high = predicted(tmp_path / "high", {one.id: one.mask for one in TRAIN}, threshold=0.7)
    done = call("compare", cohort_folder, "--before", before, "--after", high.folder, "--json")
    assert [row["after"] for row in json.loads(done.stdout)["rows"]] == [0, 0, 0, 0]


def test_what_one_side_lacks_or_saw_in_training_is_left_out_and_told(
    cohort_folder: Path, before: Path, after: Path
) -> None:
    (after / "11.npz").unlink()
    mask = np.zeros((300, 400), np.uint8)
    Predictions.open(before).write(Prediction("12", mask, mask, mask.shape, in_sample=True))
    done = call("compare", cohort_folder, "--before", before, "--after", after, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {row["case_id"] for row in document["rows"]} == {"21", "22"}
    assert document["left_out"] == ["11", "12"]
    assert "1 cases were seen in training" in done.stderr
    assert "2 cases are in one of the folders only" in done.stderr


def test_nothing_in_common_is_one_sentence(cohort_folder: Path, before: Path, after: Path) -> None:
    for case_id in ("11", "12"):
        (before / f"{case_id}.npz").unlink()
    for case_id in ("21", "22"):
        (after / f"{case_id}.npz").unlink()
    done = call("compare", cohort_folder, "--before", before, "--after", after)
    assert done.exit_code == 1
    assert "none of its cases was predicted in" in done.stderr


def test_the_cohort_s_own_csv_is_spared(cohort_folder: Path, before: Path, after: Path) -> None:
    own = cohort_folder / "train.csv"
    was = own.read_bytes()
    done = call("compare", cohort_folder, "--before", before, "--after", after, "--csv", own)
    assert done.exit_code == 1
    assert own.read_bytes() == was


def describe(folder: Path, **told: object) -> None:
    path = folder / "prediction.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | told))


def test_a_data_source_s_own_threshold_holds_here_too(
    cohort_folder: Path, before: Path, after: Path
) -> None:
    describe(after, source_thresholds={"kidney": {"HPA": 0.7}})
    done = call("compare", cohort_folder, "--before", before, "--after", after, "--json")
    rows = {row["case_id"]: row["after"] for row in json.loads(done.stdout)["rows"]}
    assert (rows["11"], rows["12"], rows["22"]) == (0, 0, 1)


def test_what_is_compared_before_post_processing_is_said_to_be(
    cohort_folder: Path, before: Path, after: Path
) -> None:
    words = ("compare", cohort_folder, "--before", before, "--after", after)
    assert "before post-processing" not in call(*words).stderr.replace("\n", " ")
    describe(after, postprocess={"lung": {"fill_holes": True}})
    assert "before post-processing" in call(*words).stderr.replace("\n", " ")
