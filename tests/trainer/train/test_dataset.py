from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainer.data.cohort import Cohort
from trainer.data.store import Origin, Start, Store
from trainer.errors import CohortError
from trainer.settings import LabelWeights, Recipe
from trainer.train.dataset import Crops, Sample, Whole, load
from trainer.train.labels import Labels

RECIPE = Recipe(name="x", size=128, crop=64, batch_size=2)


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    return Cohort.open(cohort_folder)


@pytest.fixture
def store(cohort: Cohort):
    store = Store.for_cohort(cohort.folder)
    yield store
    store.close()


def loaded(cohort: Cohort, store: Store | None, scratch: Path, **more) -> dict[str, Sample]:
    items = load(Labels.gather(cohort, store), RECIPE, scratch, **more)
    return {item.case.id: item for item in items if isinstance(item, Sample)}


def test_labelled_cases_are_read_at_the_recipes_size(cohort: Cohort, tmp_path: Path):
    samples = loaded(cohort, None, tmp_path)

    assert list(samples) == [case.id for case in cohort.cases.values() if case.has_truth]
    for case_id, sample in samples.items():
        truth = cohort.truth(case_id)
        assert truth is not None
        assert max(sample.image.shape[:2]) == 128
        assert sample.image.shape[:2] == sample.coverage.shape
        assert sample.coverage.mean() / 255 == pytest.approx(truth.mean(), abs=0.01)
        assert sample.digest == cohort.digest(case_id)


def test_accepted_masks_take_truths_place_and_others_do_not(
    cohort: Cohort, store: Store, tmp_path: Path
):
    before = loaded(cohort, store, tmp_path)
    accepted, pending, *_ = before
    for case_id, status in ((accepted, "accepted"), (pending, "in work")):
        empty = np.zeros(cohort.shape(case_id), np.uint8)
        store.add(case_id, empty, tool="test", status=status)
    after = loaded(cohort, store, tmp_path)

    assert before[accepted].coverage.any()
    assert not after[accepted].coverage.any()
    assert np.array_equal(after[pending].coverage, before[pending].coverage)


def test_a_newer_revision_that_is_not_accepted_takes_the_place_back(
    cohort: Cohort, store: Store, tmp_path: Path
):
    case_id = next(iter(cohort.cases))
    empty = np.zeros(cohort.shape(case_id), np.uint8)
    store.add(case_id, empty, tool="test", status="accepted")
    store.add(case_id, empty, tool="test", status="in work")

    assert loaded(cohort, store, tmp_path)[case_id].coverage.any()


def test_a_case_without_truth_is_trained_on_once_its_mask_is_accepted(
    cohort: Cohort, store: Store, tmp_path: Path
):
    unlabelled = next(case.id for case in cohort.cases.values() if not case.has_truth)
    assert unlabelled not in loaded(cohort, store, tmp_path)
    full = np.ones(cohort.shape(unlabelled), np.uint8)
    store.add(unlabelled, full, tool="test", status="accepted")

    assert loaded(cohort, store, tmp_path)[unlabelled].coverage.min() == 255


def test_a_case_that_cannot_be_read_costs_the_others_nothing(cohort: Cohort, tmp_path: Path):
    first, *others = [case for case in cohort.cases.values() if case.has_truth]
    first.image_path.write_bytes(b"II*\0 torn")
    items = list(load(Labels.gather(cohort, None), RECIPE, tmp_path))

    assert isinstance(items[0], CohortError)
    assert first.id in str(items[0])
    assert [item.case.id for item in items[1:] if isinstance(item, Sample)] == [
        case.id for case in others
    ]


def test_a_mask_of_another_size_is_told(cohort: Cohort, store: Store, tmp_path: Path):
    case_id = next(iter(cohort.cases))
    store.add(case_id, np.ones((10, 20), np.uint8), tool="test", status="accepted")
    told = [
        str(item)
        for item in load(Labels.gather(cohort, store), RECIPE, tmp_path)
        if isinstance(item, CohortError)
    ]

    assert len(told) == 1
    assert case_id in told[0]
    assert "10×20" in told[0]


def test_without_room_in_memory_arrays_are_mapped_from_disk(cohort: Cohort, tmp_path: Path):
    here, mapped = loaded(cohort, None, tmp_path), loaded(cohort, None, tmp_path, room=0)

    for case_id, sample in mapped.items():
        assert isinstance(sample.image, np.memmap)
        assert np.array_equal(sample.image, here[case_id].image)
        assert np.array_equal(sample.coverage, here[case_id].coverage)


def test_an_epoch_shows_large_images_more_often_and_is_never_tiny(cohort: Cohort, tmp_path: Path):
    samples = list(loaded(cohort, None, tmp_path).values())
    recipe = Recipe(name="x", size=128, crop=64, batch_size=2)

    assert len(Crops(samples[:1], recipe)) >= 10 * recipe.batch_size
    pixels, coverage, weight = Crops(samples, recipe)[0]
    assert pixels.shape == (3, 64, 64)
    assert coverage.shape == (1, 64, 64)
    assert float(weight) == 1


def test_whole_images_are_padded_and_their_masks_are_not(cohort: Cohort, tmp_path: Path):
    samples = list(loaded(cohort, None, tmp_path).values())
    for sample, (pixels, coverage) in zip(samples, Whole(samples, RECIPE), strict=False):
        assert pixels.shape[1] % 32 == pixels.shape[2] % 32 == 0
        assert coverage.shape[1:] == sample.coverage.shape


def test_a_rejected_case_is_left_out_with_its_truth(cohort: Cohort, store: Store):
    full = np.ones(cohort.shape("11"), np.uint8)
    store.add("11", full, tool="test", status="rejected", reason="mislabelled")

    assert "11" in {case.id for case in Labels.gather(cohort, None).cases()}
    labels = Labels.gather(cohort, store)
    assert "11" not in {case.id for case in labels.cases() + labels.left_out()}
    assert labels.rejected == {"11"}

    store.add("11", full, tool="test", status="accepted")
    assert "11" in {case.id for case in Labels.gather(cohort, store).cases()}


class TestWeights:
    """What labels are worth, by their origin and the confidence that went with them."""

    ORIGINS: tuple[tuple[Origin, float | None], ...] = (
        ("redrawn", None), ("edited prediction", 0.95), ("raw prediction", 0.95),
        ("raw prediction", 0.7),
    )  # fmt: skip

    @pytest.fixture
    def weighed(self, cohort: Cohort, store: Store) -> Callable[..., Labels]:
        """One accepted mask of each kind; the fifth case has none, and no truth."""
        ids = [case.id for case in cohort.cases.values() if case.has_truth]
        for case_id, (origin, confidence) in zip(ids, self.ORIGINS, strict=True):
            start = None if confidence is None else Start("ours", "a1", 0.5, confidence)
            full = np.ones(cohort.shape(case_id), np.uint8)
            store.add(
                case_id, full, tool="test", status="accepted", origin=origin, started_from=start
            )
        return lambda **told: Labels.gather(cohort, store, LabelWeights.model_validate(told))

    def weights(self, labels: Labels) -> list[float]:
        return [labels.weight(case.id) for case in labels.cohort.cases.values() if case.has_truth]

    def test_all_alike_where_the_recipe_says_nothing(self, weighed: Callable[..., Labels]):
        assert self.weights(weighed()) == [1, 1, 1, 1]
        assert weighed().left_out() == []

    def test_raw_predictions_at_a_half_only_above_a_confidence(
        self, weighed: Callable[..., Labels]
    ):
        labels = weighed(raw_prediction={"weight": 0.5, "min_confidence": 0.9}, redrawn=2)
        assert self.weights(labels) == [2, 1, 0.5, 0]
        assert len(labels.cases()) == 3
        assert [case.id for case in labels.left_out()] == ["22"]

    def test_a_confidence_that_nobody_kept_is_none(
        self, cohort: Cohort, store: Store, weighed: Callable[..., Labels]
    ):
        full = np.ones(cohort.shape("31"), np.uint8)
        store.add("31", full, tool="test", status="accepted", origin="raw prediction")
        assert weighed(raw_prediction=0.5).weight("31") == 0.5
        assert weighed(raw_prediction={"min_confidence": 0.1}).weight("31") == 0

    def test_a_label_worth_nothing_leaves_its_case_out(
        self, weighed: Callable[..., Labels], tmp_path: Path
    ):
        labels = weighed(raw_prediction=0, edited_prediction=0.25)
        read = [item for item in load(labels, RECIPE, tmp_path) if isinstance(item, Sample)]
        assert [sample.weight for sample in read] == [1, 0.25]
        mapped = [
            item for item in load(labels, RECIPE, tmp_path, room=0) if isinstance(item, Sample)
        ]
        assert [sample.weight for sample in mapped] == [1, 0.25]
        assert [float(Crops([one], RECIPE)[0][2]) for one in read] == [1, 0.25]

    def test_truth_can_be_left_out_too(self, cohort: Cohort, store: Store):
        store.add("11", np.ones(cohort.shape("11"), np.uint8), tool="test", status="accepted")
        labels = Labels.gather(cohort, store, LabelWeights.model_validate({"truth": 0}))
        assert [case.id for case in labels.cases()] == ["11"]
