"""The bundled ensemble on the bundled cohort: small, honest about what it saw, and of use."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest

from trainer.data import rle
from trainer.data.case import ORGANS
from trainer.data.cohort import Cohort
from trainer.locate import resource
from trainer.metrics import dice
from trainer.model.checkpoint import describe
from trainer.predict.ensemble import Predictor
from trainer.predict.postprocess import to_mask
from trainer.settings import read_ensemble

FOLDER = resource("demo/ensemble")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return Cohort.open(resource("demo/cohort"))


@pytest.fixture(scope="module")
def predictor() -> Iterator[Predictor]:
    with Predictor(read_ensemble(FOLDER), FOLDER, "cpu") as made:
        yield made


def test_it_is_an_ensemble_with_views_and_thresholds():
    ensemble = read_ensemble(FOLDER)
    assert len(ensemble.members) >= 2
    assert "hflip" in ensemble.tta
    assert set(ensemble.thresholds) == set(ORGANS)


def test_no_member_has_seen_a_case_of_the_bundled_cohort(cohort):
    seen = set[str]()
    for member in read_ensemble(FOLDER).members:
        seen |= set(describe(FOLDER / member.weights).trained_on.values())
    assert seen.isdisjoint(cohort.digest(case_id) for case_id in cohort.cases)


@pytest.mark.parametrize("organ", ["prostate", "spleen"])
def test_it_finds_the_organs_units(cohort, predictor, organ):
    with (cohort.folder / "unspoilt.csv").open(newline="") as file:
        wrong = {row["id"]: row["rle"] for row in csv.DictReader(file)}
    case = next(c for c in cohort.cases.values() if c.organ == organ and c.split == "train")
    truth = cohort.truth(case.id)
    assert truth is not None
    exact = rle.decode(wrong[case.id], truth.shape) if case.id in wrong else truth
    prediction = predictor.predict(cohort.image(case.id), case.id, cohort.digest(case.id))
    assert not prediction.in_sample
    assert dice(to_mask(prediction, predictor.ensemble.threshold_for(organ)), exact) > 0.8
