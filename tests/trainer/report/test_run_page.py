"""A page on a run: how it went, what it was made of, and how to do it again."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cohorts import TRAIN
from trainer.cli import app
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.report.page import Report, build
from trainer.review.run_files import RunFiles
from trainer.settings import Recipe, to_yaml


@pytest.fixture
def run(cohort_folder: Path) -> Path:
    """A finished run on a curated mask of case 12, as a training leaves it."""
    store = Store.for_cohort(cohort_folder)
    revision = store.add(
        "12", np.ones((300, 400), np.uint8), tool="fill", status="accepted", author="ann"
    )
    store.close()
    folder = cohort_folder / "runs" / "first"
    kept = Predictions.create(folder / "oof", {"ensemble": "first"})
    for case in TRAIN:
        sure = np.where(case.mask, 240, 10).astype(np.uint8)
        kept.write(Prediction(case.id, sure, 0 * sure, case.shape))
    facts = {
        "command": "hubmap-trainer train data --recipe mine.yaml --out runs/first",
        "started": "2026-03-01T10:00:00+00:00", "finished": "2026-03-01T10:09:00+00:00",
        "seconds": 540, "versions": {"torch": "2.9"}, "cases": {case.id: "d" for case in TRAIN},
        "revisions": {"12": revision.id}, "start": {"run": "zeroth", "started": ""},
        "rounds": [{"round": 0, "dice": 0.7, "pseudo_labels": {}}],
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "recipe.yaml").write_text(to_yaml(Recipe(name="mine", size=640)))
    write(folder / "report.csv", ("organ", "cases", "dice_mean", "dice_median", "dice_sd"),
          ("lung", 2, 0.8, 0.8, 0.1))  # fmt: skip
    write(folder / "cases.csv", ("id", "organ", "dice"), ("21", "lung", 0.9), ("22", "lung", 0.7))
    for fold in (0, 1):
        (folder / f"fold{fold}").mkdir()
        write(folder / f"fold{fold}" / "curves.csv",
              ("epoch", "seconds", "train_loss", "val_loss", "val_dice"),
              (0, 1.0, 0.9, 0.8, 0.5), (1, 2.0, 0.7, 0.6, 0.55 + fold / 10))  # fmt: skip
    return folder


def write(path: Path, *rows: tuple[object, ...]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def rows(report: Report, title: str) -> dict[str, tuple[str, ...]]:
    (section,) = (one for one in report.sections if one.title == title)
    return {row[0]: row[1:] for row in section.rows}


def quiet(_what: str, _done: float) -> None:
    pass


def test_the_page_says_how_the_run_went_and_what_it_was_made_of(
    cohort_folder: Path, run: Path
) -> None:
    store = Store.for_cohort(cohort_folder)
    predictions = Predictions.open(run / "oof")
    cohort = Cohort.open(cohort_folder)
    report = build(cohort, predictions, store, quiet, None, RunFiles.read(run))
    used = store.latest("12")
    store.close()

    assert report.title == "Run first on cohort"
    told = rows(report, "Run")
    assert told["command"] == ("hubmap-trainer train data --recipe mine.yaml --out runs/first",)
    assert told["started from"] == ("run zeroth",)
    assert rows(report, "Rounds")["0"][0] == "0.7000"
    assert rows(report, "Dice out of fold")["lung"] == ("2", "0.8", "0.8", "0.1")
    assert list(rows(report, "Worst cases out of fold")) == ["22", "21"]
    assert rows(report, "Curves")["1"] == ("2", "0.7", "0.6", "0.65")
    assert rows(report, "Recipe")["size"] == ("640",)
    assert used is not None
    assert rows(report, "Revisions")["12"][:2] == (str(used.id), "ann")
    assert rows(report, "Versions")["torch"] == ("2.9",)
    # 240 and 10 of 255 lie 15 and 10 levels from what every pixel is
    assert float(rows(report, "Calibration")["lung"][0]) == pytest.approx(0.042, abs=0.004)
    assert [one.case_id for one in report.typical] == ["12", "22"]
    pictures = {one.title for one in report.sections if one.picture.startswith("data:image/svg")}
    assert {"Curves", "Calibration"} <= pictures


def test_the_command_writes_it_also_of_a_run_that_held_nothing_out(
    cohort_folder: Path, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run.html"
    words = ["report", str(cohort_folder), "--run", str(run), "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    page = out.read_text("utf-8")
    assert "--recipe mine.yaml --out runs/first" in page
    assert "An example of each organ" in page

    shutil.rmtree(run / "oof")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "Recipe" in out.read_text("utf-8")
    assert CliRunner().invoke(app, [*words, "--predictions", str(run)]).exit_code == 2
