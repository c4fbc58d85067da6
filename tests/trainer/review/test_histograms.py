"""What a slider shows is what thresholding the image anew would show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from trainer.data.case import Case, Prediction
from trainer.metrics import dice, iou
from trainer.predict.postprocess import to_mask
from trainer.review.histograms import Histogram, Histograms, of

MAPS = st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 13), st.integers(1, 13)))
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def case(case_id: str = "1", organ: str = "kidney") -> Case:
    return Case(case_id, organ, Path(f"{case_id}.tiff"), "train", 2)


def prediction(
    probability: np.ndarray, shape: tuple[int, int] | None = None, seen: bool = False
) -> Prediction:
    spread = np.zeros_like(probability)
    return Prediction("1", probability, spread, shape or probability.shape, seen)


def drawn(
    case_id: str, organ: str, level: int, seen: bool = False, fold: int | None = None
) -> Histogram:
    """Of a truth that is found at `level` and above, and nothing else is."""
    ramp = np.arange(256, dtype=np.uint8)[None]
    truth = (ramp >= level).astype(np.uint8)
    return of(case(case_id, organ), prediction(ramp, seen=seen), truth, fold)


@settings(max_examples=60, deadline=None)
@given(MAPS, SHAPES, st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_every_level_scores_as_the_mask_itself(
    probability: np.ndarray, shape: tuple[int, int], seed: int, share: float
) -> None:
    truth = (np.random.default_rng(seed).random(shape) < share).astype(np.uint8)
    made_from = prediction(probability, shape)
    histograms = Histograms([of(case(), made_from, truth)])
    for level in range(256):
        mask = to_mask(made_from, level / 255)
        assert histograms.dice({}, level / 255).tolist() == [dice(mask, truth)]
        assert histograms.iou({}, level / 255).tolist() == [iou(mask, truth)]
        assert histograms.curve()[level] == dice(mask, truth)


@settings(deadline=None)
@given(MAPS, SHAPES, st.floats(0.001, 0.999))
def test_any_threshold_between_levels_too(
    probability: np.ndarray, shape: tuple[int, int], threshold: float
) -> None:
    truth = np.tri(*shape, dtype=np.uint8)
    made_from = prediction(probability, shape)
    found = Histograms([of(case(), made_from, truth)]).dice({"kidney": threshold}, 0.5)
    assert found.tolist() == [dice(to_mask(made_from, threshold), truth)]


def test_pixels_are_counted_one_by_one_beyond_what_a_float_can() -> None:
    shape = (4099, 4097)
    truth = np.zeros(shape, np.uint8)
    truth[:, :3] = 1
    found = of(case(), prediction(np.full((1, 1), 7, np.uint8), shape), truth)
    assert found.inside[7] == truth.sum()
    assert found.outside[7] == 4099 * 4094
    assert found.inside.sum() + found.outside.sum() == 4099 * 4097


def test_each_organ_follows_its_own_threshold_and_the_rest_the_common_one() -> None:
    histograms = Histograms([drawn("1", "lung", 102), drawn("2", "kidney", 51)])
    assert histograms.dice({"lung": 0.4, "kidney": 0.2}, 0.9).tolist() == [1, 1]
    only_lung = histograms.dice({"lung": 0.4, "skin": 0.1}, 0.9)
    assert only_lung[0] == 1
    assert only_lung[1] < 0.5
    assert histograms.iou({"lung": 0.4}, 0.2).tolist() == [1, 1]


def test_averages_and_curves_leave_out_what_was_seen_in_training() -> None:
    histograms = Histograms(
        [
            drawn("1", "lung", 100),
            drawn("2", "lung", 110),
            drawn("3", "lung", 180),
            drawn("4", "lung", 250, seen=True),
            drawn("5", "skin", 100, seen=True),
        ]
    )
    scores = np.array([0.5, 0.6, 1.0, 0.0, 0.0])
    averages = histograms.by_organ(scores)
    assert list(averages) == ["lung"]
    assert averages["lung"].cases == 3
    assert averages["lung"].mean == pytest.approx(0.7)
    assert averages["lung"].median == 0.6
    each = [histograms.dice({}, 0.5)[place] for place in range(3)]
    assert histograms.curve("lung")[128] == pytest.approx(np.mean(each))
    assert histograms.curve()[128] == pytest.approx(np.mean(each))
    assert np.isnan(histograms.curve("skin")).all()
    assert np.isnan(histograms.curve("unheard of")).all()
    assert len(histograms.dice({}, 0.5)) == 5


def test_nothing_to_find_and_nothing_found_is_perfect() -> None:
    nothing = np.zeros((5, 5), np.uint8)
    histograms = Histograms([of(case(), prediction(nothing), nothing)])
    assert histograms.dice({}, 0.5).tolist() == histograms.iou({}, 0.5).tolist() == [1]


def test_no_case_at_all() -> None:
    histograms = Histograms()
    assert len(histograms) == len(histograms.dice({}, 0.5)) == 0
    assert histograms.by_organ(histograms.dice({}, 0.5)) == {}
    assert np.isnan(histograms.curve()).all()


def test_it_is_a_sequence_of_its_cases() -> None:
    both = [drawn("1", "lung", 100, fold=1), drawn("2", "kidney", 90)]
    histograms = Histograms(both)
    assert list(histograms) == both
    assert (histograms[0].fold, histograms[1].fold) == (1, None)
    assert histograms.ids == ("1", "2")
    assert histograms.organs == ("lung", "kidney")
