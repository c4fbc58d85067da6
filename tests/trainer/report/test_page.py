"""The report: one page that says what the tables say, and needs nothing beside it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from cohorts import TRAIN
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.errors import Cancelled
from trainer.metrics import dice
from trainer.report.page import Report, build, write


@pytest.fixture
def predictions(cohort_folder: Path) -> Predictions:
    """Each labelled case without its first unit; case 22 was seen in training."""
    kept = Predictions.create(cohort_folder / "predictions" / "drawn", {"ensemble": "<drawn>"})
    for case in TRAIN:
        row, column, radius = case.discs[0]
        rows, columns = np.ogrid[: case.shape[0], : case.shape[1]]
        lost = (rows - row) ** 2 + (columns - column) ** 2 < (radius * 0.7) ** 2
        probability = np.where((case.mask > 0) & ~lost, 240, 5).astype(np.uint8)
        nothing = np.zeros_like(probability)
        kept.write(Prediction(case.id, probability, nothing, case.shape, case.id == "22"))
    return kept


@pytest.fixture
def store(cohort_folder: Path) -> Store:
    store = Store.for_cohort(cohort_folder)
    store.add("12", np.zeros((300, 400), np.uint8), tool="clear", status="accepted")
    store.tags.add("12", "stain", note="<b>pale</b>")
    return store


def quiet(_what: str, _done: float) -> None:
    pass


def rows(report: Report, title: str) -> dict[str, tuple[str, ...]]:
    (section,) = (one for one in report.sections if one.title == title)
    return {row[0]: row for row in section.rows}


def test_tables_say_what_the_masks_are(
    cohort_folder: Path, predictions: Predictions, store: Store
) -> None:
    report = build(Cohort.open(cohort_folder), predictions, store, quiet)
    lung = rows(report, "Dice")["lung"]
    found = (predictions.read("21").probability >= 128).astype(np.uint8)  # type: ignore[union-attr]
    assert lung[1:3] == ("1", f"{dice(found, TRAIN[2].mask):.3f}")
    assert rows(report, "Cohort")["kidney"][5] == "1"
    assert rows(report, "Curated")["kidney"][2] == "0.000"
    assert rows(report, "Failure causes")["kidney"][1:] == ("stain", "1", "1")
    assert {one.case_id for one in report.worst} == {"11", "12", "21"}
    (section,) = (one for one in report.sections if one.title == "Dice")
    assert "1 cases were seen in training" in section.says


def test_an_earlier_ensemble_is_compared(cohort_folder: Path, predictions: Predictions) -> None:
    earlier = Predictions.create(cohort_folder / "predictions" / "right", {"ensemble": "right"})
    for case in TRAIN:
        probability = case.mask * np.uint8(240)
        earlier.write(Prediction(case.id, probability, probability // 4, case.shape, False))
    cohort = Cohort.open(cohort_folder)
    report = build(cohort, predictions, None, quiet, earlier)
    lost = float(rows(report, "Dice")["lung"][2]) - 1
    assert rows(report, "Compared")["lung"][1:3] == ("1", f"{lost:+.3f}")
    (section,) = (one for one in report.sections if one.title == "Compared")
    assert "from right to this ensemble" in section.says
    assert "Wilcoxon's test takes cases as independent" in section.says
    assert set(rows(report, "Regressions")) == {"11", "12", "21"}  # 22 was seen in training
    assert rows(report, "Regressions")["21"][2] == "1.000"


def test_the_page_needs_nothing_and_shows_words_as_words(
    cohort_folder: Path, predictions: Predictions, store: Store, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    write(build(Cohort.open(cohort_folder), predictions, store, quiet), out)
    page = out.read_text(encoding="utf-8")
    assert "&lt;drawn&gt;" in page
    assert "<drawn>" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert page.count("data:image/jpeg") == 3
    assert page.count("data:image/svg") == 2


def test_a_broken_image_costs_its_picture_only(
    cohort_folder: Path, predictions: Predictions, tmp_path: Path
) -> None:
    image = cohort_folder / "train_images" / "11.tiff"
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    cohort = Cohort.open(cohort_folder)
    report = build(cohort, predictions, None, quiet)
    assert any(problem.case == "11" for problem in report.problems)
    assert "21" in {one.case_id for one in report.worst}


def test_without_predictions_the_review_is_told(cohort_folder: Path, store: Store) -> None:
    report = build(Cohort.open(cohort_folder), None, store, quiet)
    titles = [section.title for section in report.sections]
    assert titles == ["Cohort", "Curated", "Failure causes"]


def test_it_stops_when_told_to(cohort_folder: Path, predictions: Predictions) -> None:
    def stop(what: str, _done: float) -> None:
        if what == "Ranking truths":
            raise Cancelled

    with pytest.raises(Cancelled):
        build(Cohort.open(cohort_folder), predictions, None, stop)


def test_figures_by_threshold_say_that_post_processing_comes_after(
    cohort_folder: Path, predictions: Predictions
) -> None:
    def says(kept: Predictions) -> str:
        report = build(Cohort.open(cohort_folder), kept, None, quiet)
        (section,) = (one for one in report.sections if one.title == "Thresholds")
        return section.says

    assert "before post-processing" not in says(predictions)
    steps = {"postprocess": {"default": {"fill_holes": True}}}
    told = Predictions.create(predictions.folder, predictions.description | steps)
    assert "before post-processing" in says(told)
