"""Runs side by side, from what their folders say."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from trainer.data.cohort import Cohort
from trainer.errors import SettingsError
from trainer.review.leader_board import Board, board, enter_score, score_of
from trainer.settings import Network, Recipe, to_yaml

IDS = ("11", "12", "21", "22")


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


def write_run(
    folder: Path, day: int, dice: float, recipe: Recipe | None = None, **facts: Any
) -> Path:
    """A finished run, each case's Dice near `dice`."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(to_yaml(recipe or Recipe(name="x")), "utf-8")
    started = f"2026-03-{day:02}T10:00:00+00:00"
    told = {
        "started": started, "finished": started, "start": "scratch", "revisions": {},
        "cases": dict.fromkeys(IDS, "d"),
        "scored_on": {"digest": "aa", "cases": 4, "curated": 0, "newest": None},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(told | facts), "utf-8")
    each = {case_id: dice + 0.01 * number for number, case_id in enumerate(IDS)}
    with (folder / "cases.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "dice"), *each.items()])
    with (folder / "report.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("organ", "cases", "dice_mean", "dice_median", "dice_sd"))
        rows.writerow(("lung", 2, dice - 0.1, dice, 0.05))
        rows.writerow(("all", 4, dice, dice, 0.04))
    return folder


def names(found: Board) -> list[str]:
    return [row.name for row in found.rows]


def test_runs_are_ranked_by_cross_validation_and_show_organs_with_spread(cohort: Cohort):
    for day, (name, dice) in enumerate([("low", 0.7), ("high", 0.8), ("middle", 0.75)], 1):
        write_run(cohort.folder / "runs" / name, day, dice)
    found = board(cohort)

    assert names(found) == ["high", "middle", "low"]
    lung = found.rows[0].organs["lung"]
    assert (lung.cases, lung.mean, lung.sd) == (2, pytest.approx(0.7), 0.05)
    assert found.trusted == "high"
    assert "The lead over middle is +0.0500" in found.advice
    assert "beyond chance" in found.advice


def test_a_better_public_score_is_not_trusted_over_cross_validation(cohort: Cohort):
    steady = write_run(cohort.folder / "runs" / "steady", 1, 0.80)
    lucky = write_run(cohort.folder / "runs" / "lucky", 2, 0.78)
    enter_score(steady, 0.77)
    enter_score(lucky, 0.81)
    found = board(cohort)

    assert [(row.name, row.public) for row in found.rows] == [("steady", 0.77), ("lucky", 0.81)]
    assert found.trusted == "steady"
    assert "lucky has the better public score (0.81 against 0.77)" in found.advice
    assert "Cross-validation is trusted over the public score" in found.advice
    assert json.loads((lucky / "run.json").read_text())["cases"] == dict.fromkeys(IDS, "d")


def test_runs_scored_on_other_masks_come_after_those_of_the_newest_and_are_not_compared(
    cohort: Cohort,
):
    write_run(cohort.folder / "runs" / "old", 1, 0.95)
    new = {"digest": "bb", "cases": 4, "curated": 3, "newest": "2026-03-01T09:00:00+00:00"}
    write_run(cohort.folder / "runs" / "new", 2, 0.80, scored_on=new)
    enter_score(cohort.folder / "runs" / "old", 0.9)
    found = board(cohort)

    assert names(found) == ["new", "old"]
    assert (found.rows[0].version, found.rows[0].curated) == ("bb", 3)
    assert found.trusted == "new"
    assert "It was scored on other cases or masks" in found.advice
    assert "old's Dice of 0.9500 is of other masks" in found.advice


@pytest.mark.parametrize(
    ("text", "score"), [("0.78", 0.78), ("0,78", 0.78), ("", None), ("none", None)]
)
def test_a_score_is_read_as_it_is_typed(text: str, score: float | None):
    assert score_of(text) == score


@pytest.mark.parametrize("text", ["good", "nan", "inf"])
def test_what_is_no_score_is_refused(text: str):
    with pytest.raises(SettingsError, match=r"is no score; give a number such as 0\.78, or none"):
        score_of(text)


def test_what_changed_since_the_parent_is_told(cohort: Cohort):
    runs = cohort.folder / "runs"
    write_run(runs / "first", 1, 0.7, revisions={"11": 1, "12": 2})
    write_run(runs / "second", 2, 0.7)
    larger = Recipe(name="x", size=768, network=Network(encoder="mobilenetv3_small_050"))
    write_run(
        runs / "third", 3, 0.7, larger,
        start={"run": "first", "started": "2026-03-01T10:00:00+00:00"},
        revisions={"11": 3, "21": 4},
    )  # fmt: skip
    rows = {row.name: row for row in board(cohort).rows}

    assert (rows["first"].parent, rows["first"].changes) == ("", ())
    assert (rows["second"].parent, rows["second"].changes) == (
        "first", ("2 revisions less (11, 12)",),
    )  # fmt: skip
    assert (rows["third"].start, rows["third"].parent) == ("first", "first")
    assert rows["third"].changes == (
        "network.encoder: tf_efficientnet_lite0 → mobilenetv3_small_050",
        "size: 512 → 768",
        "2 revisions added (11, 21)",
        "1 revisions less (12)",
    )


def test_runs_elsewhere_are_found_once_and_strangers_are_told(cohort: Cohort, tmp_path: Path):
    write_run(tmp_path / "else" / "one", 1, 0.7)
    write_run(tmp_path / "else" / "stranger", 2, 0.7, cases={"900": "d"})
    found = board(cohort, [tmp_path / "else", tmp_path / "else" / "one", tmp_path / "nothing"])

    assert names(found) == ["one"]
    told = " ".join(str(one) for one in found.problems)
    assert "stranger: was trained on another cohort" in told
    assert "nothing: holds no run" in told


def test_older_runs_that_say_less_are_listed(cohort: Cohort):
    folder = write_run(cohort.folder / "runs" / "old", 1, 0.7)
    (folder / "run.json").write_text(json.dumps({"cases": {"11": "d"}, "started": "2025-01-01"}))
    (folder / "cases.csv").unlink()
    (folder / "recipe.yaml").write_text("name: x\nof_another_version: 3\n")
    write_run(cohort.folder / "runs" / "new", 2, 0.6)
    found = board(cohort)

    assert names(found) == ["new", "old"]
    assert (found.rows[1].version, found.rows[1].finished) == ("", "")
    with pytest.raises(SettingsError, match="holds no run; name a folder"):
        enter_score(cohort.folder, 0.5)
