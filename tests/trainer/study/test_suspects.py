from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled, ExportError, SettingsError
from trainer.review import groups
from trainer.settings import Network, Recipe
from trainer.study.spoiled import ANSWERS, spoil
from trainer.study.suspects import COHORT, RUN, Plan, run
from trainer.train.progress import Progress

DISCS = tuple((row, column, 20) for row in (40, 120) for column in (40, 120, 200))
PLAN = Plan(Recipe(name="none", network=Network(encoder="mobilenetv3_small_050")), 0.2, 3)


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    lung = [Drawn(str(number), "lung", (160, 240), discs=DISCS) for number in range(10, 20)]
    kidney = [Drawn(str(number), "kidney", (160, 240), discs=DISCS[:3]) for number in range(20, 24)]
    write_cohort(tmp_path / "data", [*lung, *kidney])
    return Cohort.open(tmp_path / "data")


def answers(folder: Path) -> list[dict[str, str]]:
    with (folder / ANSWERS).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_copy_says_which_of_its_truths_are_wrong(cohort: Cohort, tmp_path: Path):
    groups.write(cohort.folder, [("10", "11")])
    before = (cohort.folder / "train.csv").read_bytes()
    done = spoil(cohort, tmp_path / "copy", 0.2, 0)
    copy = Cohort.open(tmp_path / "copy")

    assert not copy.problems
    assert list(copy.cases) == list(cohort.cases)
    assert Counter(copy.cases[case_id].organ for case_id in done) == {"lung": 2, "kidney": 1}
    for case_id in cohort.cases:
        assert (copy.image(case_id) == cohort.image(case_id)).all()
        same = np.array_equal(copy.truth(case_id), cohort.truth(case_id))
        assert same == (case_id not in done)
    assert {(row["id"], row["kind"]) for row in answers(copy.folder)} == {
        (case_id, one.kind) for case_id, ones in done.items() for one in ones
    }
    assert groups.read(copy.folder) == {"10": "1", "11": "1"}
    assert (cohort.folder / "train.csv").read_bytes() == before


def test_a_copy_is_the_same_again_and_another_by_another_seed(cohort: Cohort, tmp_path: Path):
    first = spoil(cohort, tmp_path / "a", 0.2, 0)

    assert spoil(cohort, tmp_path / "a", 0.2, 0) == first == spoil(cohort, tmp_path / "b", 0.2, 0)
    assert spoil(cohort, tmp_path / "c", 0.2, 1) != first


def test_another_cohort_is_never_written_over(cohort: Cohort):
    with pytest.raises(ExportError, match="holds another cohort"):
        spoil(cohort, cohort.folder, 0.2, 0)


def stop(progress: Progress) -> None:
    raise Cancelled


def stopped(cohort: Cohort, out: Path) -> Cohort:
    """The copy of a study that was stopped before anything was trained."""
    with pytest.raises(Cancelled):
        run(cohort, PLAN, out, stop)
    return Cohort.open(out / COHORT)


def finish(cohort: Cohort, out: Path) -> None:
    """What a perfect training would have left: the sound truths, unsure along the rim."""
    predictions = Predictions.create(out / RUN / "oof", {"threshold": 0.5})
    for case_id in cohort.cases:
        truth = cohort.truth(case_id)
        assert truth is not None
        soft = cv2.GaussianBlur(truth * np.float32(0.9) + 0.04, (0, 0), 3)
        probability = np.rint(soft * 255).astype(np.uint8)
        shape = (truth.shape[0], truth.shape[1])
        predictions.write(Prediction(case_id, probability, 0 * probability, shape))
    (out / RUN / "run.json").write_text(json.dumps({"finished": "now"}))


def test_a_finished_training_is_not_repeated_and_its_ranking_is_judged(
    cohort: Cohort, tmp_path: Path
):
    out = tmp_path / "study"
    stopped(cohort, out)
    finish(cohort, out)

    study = run(cohort, PLAN, out, stop)

    assert (study.cases.wrong, study.cases.total) == (3, 14)
    assert study.cases.auroc == 1
    assert study.units.auroc > 0.95
    assert study.units.wrong >= len(answers(out / COHORT))
    with (out / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["is_wrong"] for row in rows] == ["True"] * 3 + ["False"] * 11
    with (out / "units.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == study.units.total


def test_a_folder_of_something_else_is_refused(cohort: Cohort, tmp_path: Path):
    stopped(cohort, tmp_path / "study")
    with pytest.raises(SettingsError, match="holds another study; choose a new folder"):
        run(cohort, Plan(PLAN.recipe, PLAN.share, seed=4), tmp_path / "study")
    with pytest.raises(SettingsError, match="is not empty"):
        run(cohort, PLAN, cohort.folder)
