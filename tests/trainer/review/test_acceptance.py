from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cohorts import Drawn, write_cohort
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import BatchCase, Store
from trainer.errors import PredictionError, SettingsError, StoreError
from trainer.review import bulk
from trainer.review.acceptance import (
    LeftOut,
    Outcome,
    Rule,
    bound,
    candidates,
    draw,
    enough,
    outcomes,
    sift,
)
from trainer.train.labels import Labels

SIZE = (40, 48)
DISC = ((20, 20, 9),)
LABELLED = Drawn("11", "lung", SIZE, discs=DISC)
LUNGS = tuple(Drawn(str(100 + n), "lung", SIZE, discs=DISC) for n in range(12))
SPLEENS = tuple(Drawn(str(200 + n), "spleen", SIZE, discs=DISC) for n in range(4))
RULE = Rule()


def predict(
    case: Drawn,
    *,
    doubt: int = 0,
    spread: int = 5,
    shape: tuple[int, int] = SIZE,
    seen: bool = False,
) -> Prediction:
    """A sure prediction of a case's units, but for a margin that is doubted."""
    probability = np.where(case.mask > 0, 245 - doubt, 0).astype(np.uint8)
    return Prediction(case.id, probability, np.full(SIZE, spread, np.uint8), shape, seen)


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    """Of every case, all alike and sure."""
    told = {"ensemble": "e", "fingerprint": "f", "threshold": 0.5}
    folder = Predictions.create(tmp_path / "predictions", told)
    for case in (LABELLED, *LUNGS, *SPLEENS):
        folder.write(predict(case))
    return folder


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """One labelled case of lung; twelve of lung and four of spleen without a label."""
    write_cohort(tmp_path / "cohort", (LABELLED,), (*LUNGS, *SPLEENS))
    return Cohort.open(tmp_path / "cohort")


@pytest.fixture
def store(cohort: Cohort) -> Iterator[Store]:
    store = Store.for_cohort(cohort.folder)
    yield store
    store.close()


def accept_all(store: Store, cohort: Cohort, predictions: Predictions, tolerance: float = 0.05):
    """Accept whatever the rule lets pass; returns the batch."""
    found = list(candidates(cohort.cases.values(), predictions, RULE, store.latest_all()))
    batch = bulk.begin(store, RULE, predictions, tolerance, author="ada")
    list(bulk.accept(store, cohort, predictions, batch, found))
    return batch


class TestRule:
    def test_it_comes_back_from_its_text(self):
        rule = Rule(("lung", "kidney"), 0.85, 0.2)
        assert Rule.from_json(rule.to_json()).to_json() == rule.to_json()
        assert Rule.from_json(rule.to_json()).min_confidence == 0.85

    @pytest.mark.parametrize("numbers", [(1.1, 0.1), (-0.1, 0.1), (0.9, 0.6), (float("nan"), 0.1)])
    def test_numbers_out_of_range(self, numbers: tuple[float, float]):
        with pytest.raises(SettingsError, match="not in 0 to"):
            Rule((), *numbers)


class TestCandidates:
    def reasons(
        self, cohort: Cohort, predictions: Predictions, store: Store, rule: Rule = RULE
    ) -> dict[str, str]:
        """Why each case is left out."""
        sifted = sift(cohort.cases.values(), predictions, rule, store.latest_all())
        return {case.case_id: case.reason for case in sifted if isinstance(case, LeftOut)}

    def test_cases_without_a_truth(self, cohort: Cohort, predictions: Predictions, store: Store):
        found = list(candidates(cohort.cases.values(), predictions, RULE, {}))
        assert [one.case_id for one in found] == [case.id for case in (*LUNGS, *SPLEENS)]
        assert self.reasons(cohort, predictions, store) == {"11": "has a truth"}
        assert (found[0].organ, found[0].disagreement) == ("lung", 5 / 255)
        assert found[0].confidence == pytest.approx(2 * 245 / (245 + 255))

    def test_each_has_its_reason(self, cohort: Cohort, predictions: Predictions, store: Store):
        predictions.write(predict(LUNGS[0], doubt=110))
        predictions.write(predict(LUNGS[1], spread=60))
        predictions.write(predict(LUNGS[2], seen=True))
        predictions.write(predict(LUNGS[3], doubt=200))
        (predictions.folder / "104.npz").unlink()
        (predictions.folder / "105.npz").write_bytes(b"no arrays")
        store.add("106", LUNGS[6].mask, tool="paint")
        assert self.reasons(cohort, predictions, store, Rule(("lung",))) == {
            "11": "has a truth",
            "100": "not confident enough",
            "101": "members disagree",
            "102": "seen in training",
            "103": "no unit found",
            "104": "no prediction",
            "105": "damaged prediction",
            "106": "has a review",
            **{case.id: "another organ" for case in SPLEENS},
        }

    def test_a_damaged_prediction_is_told(self, cohort: Cohort, predictions: Predictions):
        (predictions.folder / "105.npz").write_bytes(b"no arrays")
        sifted = sift(cohort.cases.values(), predictions, RULE, {})
        (damaged,) = (one for one in sifted if isinstance(one, LeftOut) and one.error)
        assert isinstance(damaged.error, PredictionError)
        assert damaged.case_id == "105"

    def test_a_case_whose_pixel_size_is_wanted_and_missing_is_told(
        self, cohort: Cohort, predictions: Predictions
    ):
        steps = {"postprocess": {"lung": {"min_area": {"um2": 5}}}}
        told = Predictions.create(predictions.folder, predictions.description | steps)
        cases = [
            replace(case, pixel_size=None if case.id == "105" else case.pixel_size)
            for case in cohort.cases.values()
        ]
        sifted = sift(cases, told, RULE, {})
        (left,) = (one for one in sifted if isinstance(one, LeftOut) and one.error)
        assert (left.case_id, left.reason) == ("105", "no pixel size")
        assert "pixel size is not known" in str(left.error)

    def test_the_organ_s_own_threshold_decides(self, cohort: Cohort, tmp_path: Path):
        told = {"threshold": 0.5, "thresholds": {"lung": 0.98}}
        strict = Predictions.create(tmp_path / "strict", told)
        strict.write(predict(LUNGS[0]))
        strict.write(predict(SPLEENS[0]))
        found = candidates(cohort.cases.values(), strict, RULE, {})
        assert [one.case_id for one in found] == ["200"]


class TestAccepting:
    def test_the_store_has_each_mask_as_it_was_predicted(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions)
        reviews = store.latest_all()
        assert set(reviews) == {case.id for case in (*LUNGS, *SPLEENS)}
        for case in (*LUNGS, *SPLEENS):
            revision = reviews[case.id]
            assert (revision.status, revision.author) == ("accepted", "ada")
            assert revision.note.startswith(f"batch {batch.id}: confidence 0.9")
            assert np.array_equal(store.mask(revision), case.mask)

    def test_training_learns_from_accepted_masks_until_they_are_reopened(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions)
        assert len(Labels.gather(cohort, store).cases()) == 17
        bulk.reopen_all(store, batch)
        assert [case.id for case in Labels.gather(cohort, store).cases()] == ["11"]

    def test_cancelled_it_goes_on_later_in_the_same_batch(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        found = list(candidates(cohort.cases.values(), predictions, RULE, {}))
        first = bulk.begin(store, RULE, predictions, 0.05)
        steps = []
        for step in bulk.accept(store, cohort, predictions, first, found, lambda: len(steps) == 5):
            steps.append(step)
        assert [(step.done, step.total) for step in steps] == [(n, 16) for n in range(1, 6)]

        rest = list(candidates(cohort.cases.values(), predictions, RULE, store.latest_all()))
        assert len(rest) == 11
        again = bulk.begin(store, RULE, predictions, 0.05)
        list(bulk.accept(store, cohort, predictions, again, rest))
        assert again == first
        assert len(store.batches.cases(first.id)) == 16

    def test_another_rule_or_ensemble_or_a_drawn_sample_begins_another_batch(
        self, cohort: Cohort, predictions: Predictions, store: Store, tmp_path: Path
    ):
        batch = accept_all(store, cohort, predictions)
        other = Predictions.create(tmp_path / "other", {"ensemble": "e", "fingerprint": "g"})
        assert bulk.interrupted(store, RULE, predictions, 0.05) == batch
        assert bulk.interrupted(store, Rule(("lung",)), predictions, 0.05) is None
        assert bulk.interrupted(store, RULE, other, 0.05) is None
        bulk.draw_sample(store, batch)
        assert bulk.interrupted(store, RULE, predictions, 0.05) is None

    def test_a_case_that_fails_costs_the_others_nothing(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        predictions.write(predict(LUNGS[0], shape=(80, 96)))
        found = list(candidates(cohort.cases.values(), predictions, RULE, {}))
        cohort.cases["101"].image_path.unlink()
        (predictions.folder / "102.npz").unlink()
        batch = bulk.begin(store, RULE, predictions, 0.05)
        steps = list(bulk.accept(store, cohort, predictions, batch, found))
        failed = {step.case_id: str(step.error) for step in steps if step.error is not None}
        assert set(failed) == {"100", "101", "102"}
        assert "made from an image of 80×96 px" in failed["100"]
        assert len(store.latest_all()) == 13

    def test_a_person_who_is_quicker_is_left_alone(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        found = list(candidates(cohort.cases.values(), predictions, RULE, {}))
        mine = store.add("100", 1 - LUNGS[0].mask, tool="paint")
        batch = bulk.begin(store, RULE, predictions, 0.05)
        steps = list(bulk.accept(store, cohort, predictions, batch, found))
        assert (steps[0].revision, steps[0].error) == (None, None)
        assert store.latest("100") == mine


class TestOutcome:
    def test_counts_and_bound_by_organ(self):
        cases = [
            BatchCase("1", "spleen", 1, 1, True),
            BatchCase("2", "lung", 2, 0, False),
            BatchCase("3", "lung", 3, 2, None),
            BatchCase("4", "lung", 4, None, None),
        ]
        lung, spleen = outcomes(cases, 0.1)
        assert (lung.accepted, lung.sampled, lung.checked, lung.wrong) == (3, 2, 1, 1)
        assert (lung.rate, lung.bound) == (1.0, bound(1, 1, 3))
        assert (spleen.organ, spleen.rate, spleen.bound) == ("spleen", 0.0, 0.0)

    def test_nothing_checked_has_no_rate(self):
        fresh = Outcome("lung", 100, 39, 0, 0, 0.05)
        assert fresh.rate is None
        assert (fresh.passed, fresh.failed) == (False, False)

    def test_it_passes_with_the_last_check_only(self):
        assert not Outcome("lung", 100, 60, 59, 0, 0.05).passed
        assert Outcome("lung", 100, 60, 60, 0, 0.05).passed

    def test_it_fails_as_soon_as_the_rest_cannot_help(self):
        assert not Outcome("lung", 100, 60, 1, 1, 0.05).failed
        assert Outcome("lung", 100, 60, 5, 5, 0.05).failed
        assert not Outcome("lung", 100, 60, 60, 5, 0.05).passed


class TestChecking:
    def sample(self, store: Store, batch_id: int, organ: str) -> list[str]:
        cases = store.batches.cases(batch_id)
        return [c.case_id for c in cases if c.organ == organ and c.drawn is not None]

    def test_the_sample_is_just_large_enough_or_as_large_as_asked(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions, tolerance=0.25)
        assert bulk.sizes({"lung": 12, "spleen": 4}, 0.25) == {"lung": 6, "spleen": 3}
        assert bulk.sizes({"lung": 12, "spleen": 4}, 0.25, 8) == {"lung": 8, "spleen": 4}
        with pytest.raises(SettingsError, match=r"5 of 12 cases of lung can never .* check 6, or"):
            bulk.draw_sample(store, batch, 5)
        assert len(bulk.draw_sample(store, batch)) == 9
        assert len(self.sample(store, batch.id, "lung")) == 6

    def test_a_sample_without_fault_passes(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions, tolerance=0.25)
        bulk.draw_sample(store, batch)
        *first, last = self.sample(store, batch.id, "lung")
        bulk.check(store, batch.id, dict.fromkeys(first, True))
        assert store.batches.endings(batch.id) == {}
        lung, spleen = bulk.check(store, batch.id, {last: True})
        assert (lung.passed, spleen.passed) == (True, False)
        assert store.batches.endings(batch.id) == {"lung": "passed"}
        assert all(r.status == "accepted" for r in store.latest_all().values())

    def test_a_sample_that_fails_reopens_its_organ_at_once(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions, tolerance=0.25)
        bulk.draw_sample(store, batch)
        bad, good, *_ = self.sample(store, batch.id, "lung")
        redrawn = store.add("111", 1 - LUNGS[11].mask, tool="paint", status="accepted")
        bulk.check(store, batch.id, {bad: False, good: True}, author="bo")

        assert store.batches.endings(batch.id) == {"lung": "reopened"}
        reviews = store.latest_all()
        assert reviews["111"] == redrawn
        assert (reviews[bad].status, reviews[good].status) == ("in work", "accepted")
        rest = {case.id for case in LUNGS} - {"111", bad, good}
        for case_id in rest:
            note = "batch 1 reopened: lung, 1 wrong of 2 checked, up to 92% of 12"
            assert (reviews[case_id].status, reviews[case_id].note) == ("unreviewed", note)
        assert all(reviews[case.id].status == "accepted" for case in SPLEENS)

    def test_what_failed_cannot_be_drawn_again_until_it_passes(
        self, cohort: Cohort, predictions: Predictions, store: Store, tmp_path: Path
    ):
        batch = accept_all(store, cohort, predictions, tolerance=0.25)
        bulk.draw_sample(store, batch)
        bulk.check(store, batch.id, {self.sample(store, batch.id, "lung")[0]: False})
        other = Predictions.create(tmp_path / "other", {"ensemble": "e", "fingerprint": "g"})

        assert bulk.failed(store, predictions, RULE) == {"lung"}
        assert bulk.failed(store, predictions, Rule(("lung",), 0.8, 0.2)) == {"lung"}
        assert bulk.failed(store, predictions, Rule((), 0.95, 0.1)) == set()
        assert bulk.failed(store, other, RULE) == set()
        again = sift(cohort.cases.values(), predictions, RULE, store.latest_all(), {"lung"})
        reasons = [one.reason for one in again if isinstance(one, LeftOut)]
        assert reasons.count("failed a sample before") == 11  # but for the one in work

        anyway = list(candidates(cohort.cases.values(), predictions, RULE, store.latest_all()))
        second = bulk.begin(store, RULE, predictions, 0.25)
        steps = list(bulk.accept(store, cohort, predictions, second, anyway))
        assert len(steps) == 11
        assert all("predictions of lung failed a sample" in str(step.error) for step in steps)

    def test_a_batch_that_was_only_taken_back_did_not_fail(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions)
        assert len(bulk.reopen_all(store, batch)) == 16
        assert bulk.reopen_all(store, batch) == []
        assert bulk.failed(store, predictions, RULE) == set()
        assert accept_all(store, cohort, predictions).id != batch.id
        assert all(r.status == "accepted" for r in store.latest_all().values())

    def test_a_verdict_on_another_case_changes_nothing(
        self, cohort: Cohort, predictions: Predictions, store: Store
    ):
        batch = accept_all(store, cohort, predictions, tolerance=0.25)
        sample = bulk.draw_sample(store, batch)
        other = next(case.id for case in LUNGS if case.id not in sample)
        with pytest.raises(StoreError, match=f"case {other}: is not in the sample"):
            bulk.check(store, batch.id, {sample[0]: False, other: True})
        assert all(one.checked == 0 for one in outcomes(store.batches.cases(batch.id), 0.25))


def test_of_sets_with_just_too_many_wrong_ones_5_in_100_pass_at_most():
    accepted, tolerance, wrong = 60, 0.1, 7
    sets, passed = 2000, 0
    ids = [str(number) for number in range(accepted)]
    for seed in range(sets):
        sample = draw({"lung": ids}, enough(accepted, tolerance), seed)["lung"]
        places = {case_id: place for place, case_id in enumerate(sample)}
        cases = [
            BatchCase(case_id, "lung", 1, places.get(case_id), int(case_id) >= wrong)
            for case_id in ids
        ]
        (outcome,) = outcomes(cases, tolerance)
        passed += outcome.passed
        assert outcome.passed != outcome.failed
    assert 0 < passed / sets < 0.05 + 4 * (0.05 * 0.95 / sets) ** 0.5
