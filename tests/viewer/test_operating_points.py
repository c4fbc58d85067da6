"""Everyone who cuts masks cuts the same: export, measures, acceptance, window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.morphology import disk, erosion

from cohorts import TRAIN, Drawn
from hubmap_viewer.counts import count
from hubmap_viewer.loading import load
from hubmap_viewer.scores import score
from hubmap_viewer.session import Session
from hubmap_viewer.what_if import WhatIf
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.errors import TrainerError
from trainer.export import Selection
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask
from trainer.review.acceptance import Rule, candidates
from trainer.review.bulk import accept, begin, fingerprint
from trainer.review.histograms import BEFORE_STEPS
from trainer.review.masks import Predicted
from trainer.review.suspicion import suspects
from trainer.train import report

DESCRIPTION = {
    "ensemble": "mine",
    "fingerprint": "a1",
    "threshold": 0.5,
    "thresholds": {"kidney": 0.4},
    "postprocess": {"default": {"erode": 4}, "kidney": {"erode": 2}},
}


def soft(case: Drawn) -> Prediction:
    small = cv2.resize(255 * case.mask, (96, 96), interpolation=cv2.INTER_AREA)
    levels = np.asarray(cv2.GaussianBlur(small, (0, 0), 3), np.uint8)
    return Prediction(case.id, levels, levels // 4, case.shape)


def wanted(case: Drawn, threshold: float | None = None) -> Mask:
    """The mask by other means than the project's own."""
    height, width = case.shape
    levels = cv2.resize(soft(case).probability, (width, height), interpolation=cv2.INTER_LINEAR)
    own = {"kidney": 0.4}.get(case.organ, 0.5) if threshold is None else threshold
    radius = {"kidney": 2}.get(case.organ, 4)
    mask = np.pad((levels >= own * 255).astype(np.uint8), radius, constant_values=1)
    return erosion(mask, disk(radius))[radius:-radius, radius:-radius]


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


@pytest.fixture
def predictions(cohort_folder: Path) -> Predictions:
    made = Predictions.create(cohort_folder / "predictions" / "mine", DESCRIPTION)
    for case in TRAIN:
        made.write(soft(case))
    return Predictions.open(made.folder)


@pytest.fixture
def session(cohort: Cohort) -> Iterator[Session]:
    session = Session()
    session.case_wanted.connect(lambda case_id: session.put(load(session.sources, case_id)))
    session.open_cohort(cohort)
    yield session
    session.close()


def test_the_steps_change_what_is_measured() -> None:
    for case in TRAIN:
        plain = to_mask(soft(case), {"kidney": 0.4}.get(case.organ, 0.5))
        assert 0 < wanted(case).sum() < 0.97 * plain.sum()


def test_export_and_review_cut_alike(cohort: Cohort, predictions: Predictions) -> None:
    exported = {
        case.id: mask for case, mask in Selection(cohort, "prediction", None, predictions).masks()
    }
    for case in TRAIN:
        assert np.array_equal(exported[case.id], wanted(case))
        assert np.array_equal(Predicted(cohort, predictions).mask(case.id), wanted(case))


def test_evaluation_and_suspicion_measure_that_mask(
    cohort: Cohort, predictions: Predictions
) -> None:
    right = {case.id: dice(wanted(case), case.mask) for case in TRAIN}
    scores = report.scores(cohort.cases.values(), cohort.truth, predictions)
    assert {one.case_id: one.dice for one in scores if isinstance(one, report.Score)} == right
    steps = list(suspects(cohort, cohort.truth, predictions, [case.id for case in TRAIN]))
    assert {one.case.case_id: one.case.dice for one in steps if one.case is not None} == right


def test_what_is_accepted_is_that_mask(
    cohort: Cohort, cohort_folder: Path, predictions: Predictions
) -> None:
    free = next(case for case in cohort.cases.values() if not case.has_truth)
    made = soft(TRAIN[0])
    predictions.write(
        Prediction(free.id, made.probability, made.disagreement, cohort.size(free.id))
    )
    store = Store.for_cohort(cohort_folder)
    rule = Rule(min_confidence=0, max_disagreement=0.5)
    found = list(candidates(cohort.cases.values(), predictions, rule, {}))
    list(accept(store, cohort, predictions, begin(store, rule, predictions, 0.1), found))
    kept = store.latest(free.id)
    assert kept is not None
    mask = store.mask(kept)
    store.close()
    assert np.array_equal(mask, Predicted(cohort, predictions).mask(free.id))
    plain = to_mask(Predicted(cohort, predictions).prediction(free.id), 0.5)
    assert 0 < mask.sum() < plain.sum()


def test_a_mask_that_the_steps_empty_is_no_candidate(
    cohort: Cohort, predictions: Predictions
) -> None:
    free = next(case for case in cohort.cases.values() if not case.has_truth)
    made = soft(TRAIN[0])
    predictions.write(
        Prediction(free.id, made.probability, made.disagreement, cohort.size(free.id))
    )
    rule = Rule(min_confidence=0, max_disagreement=0.5)
    nothing = {"default": {"min_area": 10**8}}
    strict = Predictions(predictions.folder, DESCRIPTION | {"postprocess": nothing})
    found = [
        list(candidates(cohort.cases.values(), one, rule, {})) for one in (predictions, strict)
    ]
    assert [len(one) for one in found] == [1, 0]


def test_other_steps_are_another_batch_and_none_leave_it_as_it_was(
    predictions: Predictions,
) -> None:
    told = {**DESCRIPTION}
    del told["postprocess"]
    without = Predictions(predictions.folder, told)
    assert fingerprint(without) != fingerprint(predictions)
    assert fingerprint(without) == fingerprint(
        Predictions(predictions.folder, told | {"postprocess": {}})
    )


def test_the_window_shows_and_scores_that_mask(session: Session, predictions: Predictions) -> None:
    session.use_predictions(predictions)
    for case in TRAIN:
        session.want(case.id)
        assert session.open is not None and session.open.predicted is not None
        assert np.array_equal(session.open.predicted.mask, wanted(case))
        assert score(session.sources, case.id).prediction == dice(wanted(case), case.mask)


def test_a_tried_threshold_keeps_the_steps(session: Session, predictions: Predictions) -> None:
    session.use_predictions(predictions)
    session.want(TRAIN[0].id)
    session.try_thresholds({TRAIN[0].organ: 0.8})
    assert session.open is not None and session.open.predicted is not None
    assert np.array_equal(session.open.predicted.mask, wanted(TRAIN[0], 0.8))


def test_counts_do_not_take_the_place_of_measured_scores(
    session: Session, predictions: Predictions
) -> None:
    """Histograms know nothing of steps: at its own threshold a case keeps what was measured."""
    model = WhatIf(session)
    session.use_predictions(predictions)
    for case in TRAIN:
        session.put_scores(case.id, score(session.sources, case.id))
    steps = count(session.sources.cohort, predictions)
    model.put(predictions.folder, (step.found for step in steps))
    right = {case.id: dice(wanted(case), case.mask) for case in TRAIN}
    assert {case.id: session.scores[case.id].prediction for case in TRAIN} == right
    model.move({"lung": 0.9, "kidney": 0.9})
    assert session.scores[TRAIN[0].id].prediction != right[TRAIN[0].id]
    model.reset()
    assert {case.id: session.scores[case.id].prediction for case in TRAIN} == right
    assert model.caveat == BEFORE_STEPS


def test_a_missing_pixel_size_is_told_and_costs_only_that_prediction(
    session: Session, cohort_folder: Path, predictions: Predictions
) -> None:
    table = cohort_folder / "train.csv"
    rows = [row.split(",") for row in table.read_text().splitlines()]
    place = rows[0].index("pixel_size")
    for row in rows[1:]:
        row[place] = ""
    table.write_text("\n".join(",".join(row) for row in rows) + "\n")
    told: list[object] = []
    session.told.connect(told.append)
    session.open_cohort(Cohort.open(cohort_folder))
    steps = {"default": {"min_area": {"um2": 50}}}
    session.use_predictions(Predictions(predictions.folder, DESCRIPTION | {"postprocess": steps}))
    session.want(TRAIN[0].id)
    assert session.open is not None and session.open.predicted is None
    (problem,) = [one for one in told if isinstance(one, TrainerError)]
    assert str(problem).startswith(f"case {TRAIN[0].id}: its pixel size is not known")
    session.try_thresholds({TRAIN[0].organ: 0.8})
    assert session.open.id == TRAIN[0].id
