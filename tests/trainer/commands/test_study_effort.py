from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.study.effort_case import MODES


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["study", "effort", *(str(word) for word in words)])


def predict(predictions: Predictions, cohort: Cohort, case_id: str, *, seen: bool = False) -> None:
    """Half of each truth is missing, and the rest is soft."""
    truth = cohort.truth(case_id)
    assert truth is not None
    part = truth.copy()
    columns = np.flatnonzero(truth.any(axis=0))
    part[:, int(np.median(columns)) :] = 0
    probability = np.asarray(cv2.GaussianBlur(part * np.uint8(230), (0, 0), 3), np.uint8)
    shape = (truth.shape[0], truth.shape[1])
    predictions.write(Prediction(case_id, probability, 0 * probability, shape, seen))


@pytest.fixture
def predicted(cohort_folder: Path, tmp_path: Path) -> Path:
    """Predictions of three cases, one of which was trained on."""
    cohort = Cohort.open(cohort_folder)
    predictions = Predictions.create(tmp_path / "oof", {"threshold": 0.5})
    for case_id in ("11", "21", "22"):
        predict(predictions, cohort, case_id, seen=case_id == "22")
    return predictions.folder


def test_actions_by_organ_mode_and_kind(
    cohort_folder: Path, predicted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    result = call(cohort_folder, "--predictions", predicted, "--out", out, "--json")

    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document.pop("problems") == []
    assert set(document) == {"kidney", "lung"}
    for modes in document.values():
        assert list(modes) == list(MODES)
        for figures in modes.values():
            assert figures["median"] <= figures["p90"]
            assert (figures["cases"], figures["undone"]) == (1, 0)
            assert sum(figures["actions"].values()) == figures["median"]
        assert set(modes["brush"]["actions"]) == {"brush"}
    assert "1 cases were seen in training" in result.stderr
    assert "any place and radius" in result.stderr and "corrupted copy" in result.stderr

    with (out / "cases.csv").open() as file:
        cases = list(csv.DictReader(file))
    assert [(row["id"], row["mode"]) for row in cases] == [
        (case_id, mode) for case_id in ("11", "21") for mode in MODES
    ]
    with (out / "actions.csv").open() as file:
        actions = list(csv.DictReader(file))
    for row in cases:
        mine = [one for one in actions if (one["id"], one["mode"]) == (row["id"], row["mode"])]
        assert sum(int(one["cost"]) for one in mine) == int(row["actions"])
        assert mine[-1]["dice"] == row["dice"]


def test_a_table_says_what_it_counts(cohort_folder: Path, predicted: Path) -> None:
    result = call(cohort_folder, "--predictions", predicted, "--target", 0.8)

    assert result.exit_code == 0, result.stderr
    assert "Dice 0.8" in result.stdout and "brush" in result.stdout


def test_one_bad_case_does_not_cost_the_others(cohort_folder: Path, predicted: Path) -> None:
    (cohort_folder / "train_images" / "11.tiff").write_bytes(b"no tiff")

    result = call(cohort_folder, "--predictions", predicted, "--json")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert "lung" in document and "kidney" not in document
    assert any("11" in problem for problem in document["problems"])


def test_without_a_case_to_review_there_is_one_sentence(
    cohort_folder: Path, tmp_path: Path
) -> None:
    Predictions.create(tmp_path / "oof", {"threshold": 0.5})

    result = call(cohort_folder, "--predictions", tmp_path / "oof")

    assert result.exit_code == 1
    assert "no case has both a truth and a prediction" in result.stderr
    assert "oof folder" in result.stderr


def test_ctrl_c_stops_every_process_and_writes_nothing(
    cohort_folder: Path, predicted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    words = ("study", "effort", cohort_folder, "--predictions", predicted, "--out", out)
    program = "import sys; from trainer.cli import app; app(sys.argv[1:])"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words), "--target", "1"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if "Reviewing" in line:
            break
    os.killpg(child.pid, signal.SIGINT)
    # comes back once no process holds standard error any longer
    _, told = child.communicate(timeout=60)

    assert child.returncode == 1 and told.strip().endswith("Stopped.")
    assert "Traceback" not in told
    assert not out.exists()


def test_help_shows_an_example() -> None:
    assert "hubmap-trainer study effort data --predictions" in call("--help").stdout
