"""Two ensembles side by side, with no window at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from viewer.test_what_if import soft

from cohorts import TRAIN
from hubmap_viewer.comparison import Pair
from hubmap_viewer.counts import count
from hubmap_viewer.loading import load
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask

BLUR = {"older": 9.0, "newer": 3.0}


@pytest.fixture
def session(cohort_folder: Path) -> Iterator[Session]:
    """A cohort with two kept predictions: the newer is sharper but for case 12."""
    for name, blur in BLUR.items():
        made = Predictions.create(cohort_folder / "predictions" / name, {"ensemble": name})
        for case in TRAIN:
            made.write(replace(soft(case, 14 if (name, case.id) == ("newer", "12") else blur)))
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(Cohort.open(cohort_folder))
    yield session
    session.close()


@pytest.fixture
def pair(session: Session, cohort_folder: Path) -> Pair:
    """Both chosen, counted and compared."""
    pair = Pair(session)
    folder = cohort_folder / "predictions"
    pair.choose(folder / "older", folder / "newer")
    compare(pair)
    return pair


def compare(pair: Pair) -> None:
    if folders := pair.to_count():
        pair.put(count(pair.session.sources.cohort, *folders))
    calculation = pair.calculation()
    assert calculation is not None
    pair.show(calculation())


def truly(case_id: str, blur: float, threshold: float = 0.5) -> float:
    case = next(case for case in TRAIN if case.id == case_id)
    return dice(to_mask(soft(case, blur), threshold), case.mask)


def test_regressions_come_first(pair: Pair) -> None:
    first = pair.rows[0]
    assert (first.case_id, first.before, first.after) == ("12", truly("12", 9), truly("12", 14))
    assert [row.change for row in pair.rows] == sorted(row.change for row in pair.rows)
    assert pair.rows[-1].change > 0


def test_cases_seen_in_training_are_left_out_and_told(pair: Pair) -> None:
    assert {row.case_id for row in pair.rows} == {"11", "12", "21"}
    assert pair.left_out == "1 case seen in training left out."


def test_a_case_that_only_one_has_is_left_out_and_told(pair: Pair, cohort_folder: Path) -> None:
    (cohort_folder / "predictions" / "newer" / "11.npz").unlink()
    fresh = Pair(pair.session)
    compare(fresh)
    assert {row.case_id for row in fresh.rows} == {"12", "21"}
    assert fresh.left_out.endswith("1 case that only one of the two predicted left out.")


def test_a_tried_threshold_is_the_one_compared(pair: Pair) -> None:
    stale: list[bool] = []
    pair.stale.connect(lambda: stale.append(True))
    pair.session.try_thresholds({"lung": 0.8})
    assert stale
    compare(pair)
    lung = next(row for row in pair.rows if row.organ == "lung")
    assert (lung.before, lung.after) == (truly("21", 9), truly("21", 3, 0.8))


def test_only_one_organs_cases_are_listed(pair: Pair) -> None:
    pair.narrow("lung")
    assert [row.case_id for row in pair.rows] == ["21"]
    pair.narrow("")
    assert len(pair.rows) == 3


def test_choosing_puts_both_on_the_canvas(pair: Pair) -> None:
    pair.session.want("11")
    here = pair.session.open
    assert here is not None
    assert here.predicted is not None
    assert here.second is not None
    assert here.predicted.mask.sum() != here.second.mask.sum()


def test_swapped_they_change_the_other_way(pair: Pair) -> None:
    before = {row.case_id: row.change for row in pair.rows}
    older, newer = pair.folders
    assert older is not None
    assert newer is not None
    pair.choose(newer, older)
    assert pair.compared is None
    compare(pair)
    assert {row.case_id: -row.change for row in pair.rows} == before


def test_damaged_predictions_are_told(session: Session, cohort_folder: Path) -> None:
    told: list[str] = []
    session.told.connect(lambda words: told.append(str(words)))
    folder = cohort_folder / "predictions"
    (folder / "older" / "prediction.json").write_text("no")
    Pair(session).choose(folder / "older", folder / "newer")
    assert "holds no description of predictions" in told[0]
    assert session.predictions is None


def test_why_there_is_nothing_to_compare(session: Session, cohort_folder: Path) -> None:
    pair = Pair(session)
    assert pair.why_not().startswith("Choose what to compare")
    (cohort_folder / "predictions" / "older" / "prediction.json").unlink()
    assert pair.why_not().startswith("There is nothing to compare yet")
    assert pair.calculation() is None
