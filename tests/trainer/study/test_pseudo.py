"""A whole study with a network that learns next to nothing: what is hidden stays hidden."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trainer.cli import app
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import CohortError
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask
from trainer.review.groups import write as write_groups
from trainer.study.pseudo import split


@pytest.mark.slow
@pytest.mark.usefixtures("short_epochs")
def test_each_round_is_measured_on_what_was_hidden(cohort: Cohort, recipe: Path, tmp_path: Path):
    out = tmp_path / "study"
    words = ["study", "pseudo", cohort.folder, "--out", out, "--recipe", recipe, "--rounds", 1]
    result = CliRunner().invoke(app, [str(word) for word in (*words, "--labelled", 0.5, "--json")])
    assert result.exit_code == 0, result.stderr
    assert "Round 0: Dice" in result.stderr
    assert "of 0" not in result.stderr
    rounds = json.loads(result.stdout)["rounds"]

    copy = Cohort.open(out / "cohort")
    hidden = [case.id for case in copy.cases.values() if not case.has_truth]
    assert len(hidden) == 3
    assert not any(copy.truth(one) is not None for one in hidden)
    first, last = (
        json.loads((out / "run" / name / "run.json").read_text("utf-8"))
        for name in ("rounds/0", ".")
    )
    assert "pseudo_labels" not in first
    assert set(last["pseudo_labels"].values()) == {len(hidden)}
    for told in rounds:
        predictions = Predictions.open(out / "predicted" / str(told["number"]))
        found = []
        for case_id in hidden:
            prediction, truth = predictions.read(case_id), cohort.truth(case_id)
            assert prediction is not None and truth is not None
            found.append(dice(to_mask(prediction, 0.5), truth))
        assert told["hidden"] == pytest.approx(np.mean(found))
    with (out / "rounds.csv").open(newline="") as file:
        assert [float(row["hidden"]) for row in csv.DictReader(file)] == [
            told["hidden"] for told in rounds
        ]

    same = CliRunner().invoke(app, [str(word) for word in (*words, "--labelled", 0.5, "--json")])
    assert json.loads(same.stdout)["rounds"] == rounds
    assert "Fold" not in same.stderr, "what is finished is not trained again"

    again = CliRunner().invoke(app, [str(word) for word in (*words, "--labelled", 0.4)])
    assert again.exit_code == 1
    assert "holds another study" in again.stderr


def test_cases_that_belong_together_are_hidden_together(cohort: Cohort):
    write_groups(cohort.folder, [["10", "13", "15"]])
    for seed in range(8):
        shown, hidden = split(cohort, 0.5, seed)
        assert sorted(shown + hidden) == sorted(cohort.cases)
        assert {"10", "13", "15"} <= set(shown) or {"10", "13", "15"} <= set(hidden)


def test_nothing_to_hide_is_said(cohort: Cohort):
    with pytest.raises(CohortError, match="too few labelled cases"):
        split(cohort, 0.99, 0)
