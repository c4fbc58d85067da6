"""From a first training to the next one, as a user does it: runs, promote, warm start."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from trainer.cli import app


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def twice(trained: Path, cohort_folder: Path, recipe: Path, curated: np.ndarray) -> list[Path]:
    """A run on truth, and one that goes on from it with a curated mask."""
    then = trained.parent / "then"
    words = ("train", cohort_folder, "--recipe", recipe, "--out", then, "--device", "cpu")
    result = call(*words, "--curated", "--warm-start", trained)
    assert result.exit_code == 0, result.output
    assert f"Members go on from those of {trained}" in result.stderr
    return [trained, then]


def test_a_board_tells_runs_apart_and_one_of_them_takes_over_and_goes(
    cohort_folder: Path, twice: list[Path]
):
    first, then = twice
    assert "There is no run in" in call("runs", cohort_folder).stdout
    result = call("runs", cohort_folder, *twice, "--score", first, "0.78", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    rows = {row["name"]: row for row in document["runs"]}
    assert (rows["run"]["public"], rows["then"]["public"]) == (0.78, None)
    assert (rows["then"]["start"], rows["then"]["parent"]) == ("run", "run")
    assert rows["then"]["changes"] == ["1 revisions added (11)"]
    assert document["trusted"] == "then"  # the newest labels
    table = call("runs", cohort_folder, *twice).stdout
    assert "Cross-validation is trusted over the public score" in " ".join(table.split())

    compared = call("promote", cohort_folder, first)
    assert compared.exit_code == 0, compared.output
    assert "Nothing was changed" in compared.stdout
    assert not (cohort_folder / "ensembles" / "promoted.yaml").exists()
    assert call("promote", cohort_folder, first, "--apply").exit_code == 0
    told = json.loads(call("promote", cohort_folder, then, "--apply", "--json").stdout)
    assert told["applied"] is True
    assert {one["organ"] for one in told["organs"]} == {"kidney", "lung", "all"}
    assert all(one["low"] <= one["mean_change"] <= one["high"] for one in told["organs"])

    ensemble = cohort_folder / "ensembles" / "promoted.yaml"
    out = cohort_folder.parent / "predicted"
    words = ("predict", cohort_folder, "--ensemble", ensemble, "--out", out, "--case", "31")
    assert call(*words, "--device", "cpu").exit_code == 0
    assert (out / "31.npz").is_file()
    assert "run is in force again" in call("promote", cohort_folder, "--back").stdout


def test_neither_a_run_nor_back_is_a_wrong_call(cohort_folder: Path):
    assert call("promote", cohort_folder).exit_code == 2
    assert call("promote", cohort_folder, "run", "--back").exit_code == 2
    nothing = call("promote", cohort_folder, "--back")
    assert nothing.exit_code == 1
    assert "no run is in force" in nothing.stderr
