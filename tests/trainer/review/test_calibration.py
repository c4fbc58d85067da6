"""Weights, temperatures and areas: what helps is found, and luck is not taken for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from trainer.data.case import Case, Prediction
from trainer.metrics import dice
from trainer.predict.fusion import tempered
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review.areas import best_area, units_of
from trainer.review.counting import Histogram, of
from trainer.review.held_out import Choice, Gain
from trainer.review.mixing import Mixer, best_weights, candidates, dice_by_candidate
from trainer.review.temperature import calibrated, fitted, moved, reliability
from trainer.settings import Ensemble, Masking, PostProcessing

FOLDS = np.arange(10) % 5
PLAIN = Ensemble.model_validate({"name": "x", "members": [{"weights": "a"}]})


def case(number: int, pixel_size: float | None = None) -> Case:
    return Case(str(number), "lung", Path("x"), "train", 2, pixel_size=pixel_size)


def predicted(levels: np.ndarray) -> Prediction:
    found = levels.astype(np.uint8)
    return Prediction("1", found, np.zeros_like(found), (levels.shape[0], levels.shape[1]))


def drawn(seed: int, temperature: float) -> tuple[Prediction, np.ndarray]:
    """Truth drawn at calibrated probabilities, that are told at a temperature of their own."""
    rng = np.random.default_rng(seed)
    honest = rng.integers(1, 255, (80, 80)).astype(np.uint8)
    truth = (rng.random(honest.shape) < honest / 255).astype(np.uint8)
    return predicted(tempered(honest, temperature)), truth


def histograms(temperature: float) -> list[Histogram]:
    pairs = [drawn(number, temperature) for number in range(10)]
    return [of(case(n), found, truth, n % 5) for n, (found, truth) in enumerate(pairs)]


def test_a_gain_is_advised_only_beyond_its_standard_error() -> None:
    gains = np.array([0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1, 0.0])
    wide = Gain.of(gains, FOLDS)
    assert wide.mean == pytest.approx(0.01)
    assert wide.error == pytest.approx(gains.std(ddof=1) / 10**0.5)
    assert Choice("plain", "best", wide).used == "plain"
    assert Choice("plain", "best", Gain.of(gains + 0.1, FOLDS)).used == "best"
    fold_means = [gains[fold::5].mean() for fold in range(5)]
    assert wide.spread == pytest.approx(np.std(fold_means, ddof=1))


@pytest.mark.parametrize("sureness", [0.5, 0.8])
def test_the_temperature_that_was_taken_away_is_found(sureness: float) -> None:
    found = calibrated(histograms(sureness), FOLDS)
    assert found.temperature.best == pytest.approx(1 / sureness, rel=0.06)
    assert found.temperature.used == found.temperature.best
    assert found.before.error > 0.03
    assert found.after.error < 0.4 * found.before.error


def test_where_probabilities_mean_what_they_say_nothing_is_changed() -> None:
    found = calibrated(histograms(1.0), FOLDS)
    assert abs(found.temperature.used - 1) < 0.05
    assert found.before.error < 0.02


def test_no_temperature_is_better_than_the_fitted_one() -> None:
    prediction, truth = drawn(3, 0.6)
    one = of(case(1), prediction, truth)
    shares = np.stack((one.outside, one.inside))[None] / truth.size

    def nll(temperature: float) -> float:
        unit = np.clip(prediction.probability, 0.5, 254.5) / 255
        warm = 1 / (1 + np.exp(-np.log(unit / (1 - unit)) / temperature))
        return float(-np.where(truth > 0, np.log(warm), np.log(1 - warm)).mean())

    best = fitted(shares)
    ladder = np.linspace(0.5, 3, 251)
    assert abs(best - ladder[np.argmin([nll(one) for one in ladder])]) <= 0.015


def test_the_calibration_error_is_what_the_definition_says() -> None:
    """Half of the pixels at 0.2 of which none is inside, half at 0.8 of which all are."""
    shares = np.zeros((2, 256))
    shares[0, 51] = shares[1, 204] = 0.5
    found = reliability([(shares, (np.arange(256) / 255).astype(np.float32))])
    assert found.error == pytest.approx(0.2, abs=1e-6)
    assert np.count_nonzero(found.share) == 2


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_threshold_that_has_moved_cuts_the_same_pixels(temperature: float) -> None:
    levels = np.arange(256, dtype=np.uint8)[None]
    before = to_mask(predicted(levels), 0.7)
    after = to_mask(predicted(tempered(levels, temperature)), moved(0.7, temperature))
    assert np.count_nonzero(before != after) <= 2
    assert moved(0.5, temperature) == 0.5


@pytest.mark.parametrize("runs", [2, 3, 4, 6])
def test_weights_to_try_are_a_simplex_with_equal_ones_first(runs: int) -> None:
    grid = candidates(runs)
    assert grid[0] == (1 / runs,) * runs
    assert len(set(grid)) == len(grid) <= 71
    assert all(min(one) >= 0 and sum(one) == pytest.approx(1) for one in grid)
    assert {(1.0, *(0.0,) * (runs - 1)), (*(0.0,) * (runs - 1), 1.0)} <= set(grid)


def tables(maps: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    mixer, grid = Mixer(PLAIN), candidates(2)
    return np.stack(
        [
            dice_by_candidate(case(n), [predicted(a), predicted(b)], truth, mixer, grid)
            for n, (a, b, truth) in enumerate(maps)
        ]
    )


def mixed(noise: tuple[float, float]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng, found = np.random.default_rng(0), []
    for _ in range(10):
        truth = (rng.random((40, 40)) < 0.4).astype(np.uint8)
        pair = [
            np.clip(80 + 90.0 * truth + rng.normal(0, own, truth.shape), 0, 255) for own in noise
        ]
        found.append((pair[0], pair[1], truth))
    return found


def test_a_run_that_knows_less_weighs_less() -> None:
    found = best_weights(tables(mixed((15, 90))), FOLDS, candidates(2))
    assert found.used[0] >= 0.8
    assert found.gain.mean > found.gain.error > 0


def test_runs_that_know_as_much_weigh_the_same_or_nearly() -> None:
    found = best_weights(tables(mixed((40, 40))), FOLDS, candidates(2))
    assert 0.3 <= found.used[0] <= 0.7


def test_a_mix_is_counted_as_it_is_made() -> None:
    (a, b, truth), *_ = mixed((30, 60))
    grid, mixer = candidates(2), Mixer(PLAIN)
    found = dice_by_candidate(case(1), [predicted(a), predicted(b)], truth, mixer, grid)
    number = grid.index((0.3, 0.7))
    levels = mixer([predicted(a), predicted(b)], (0.3, 0.7)).probability
    assert found[number, 120] == pytest.approx(dice(levels >= 120, truth))
    mean = 0.3 * a.astype(np.uint8) + 0.7 * b.astype(np.uint8)
    assert np.abs(levels - mean).max() <= 0.51


def specks(number: int, count: int) -> tuple[Prediction, np.ndarray]:
    """One unit that is there, and specks that are not."""
    rng = np.random.default_rng(number)
    truth = np.zeros((100, 100), np.uint8)
    truth[60:90, 60:90] = 1
    levels = truth * 200
    for row, column in rng.integers(0, 16, (count, 2)):
        levels[3 * row : 3 * row + 2, 3 * column : 3 * column + 2] = 220
    return predicted(levels), truth


@pytest.mark.parametrize("pixel_size", [None, 0.5])
def test_specks_go_and_units_stay(pixel_size: float | None) -> None:
    point = OperatingPoint.of(Masking(), case(0))
    cases = [case(n, pixel_size) for n in range(10)]
    pairs = [specks(n, 12) for n in range(10)]
    units = [units_of(one, *pair, point) for one, pair in zip(cases, pairs, strict=True)]
    area = best_area(units, FOLDS).used
    assert area is not None
    assert (area.um2 is None) == (pixel_size is None)
    said = {"postprocess": {"lung": {"min_area": area.model_dump()}}}
    for one, (prediction, truth) in zip(cases, pairs, strict=True):
        own = OperatingPoint.of(Masking.model_validate(said), one)
        assert np.array_equal(to_mask(prediction, own), truth)


def test_without_specks_no_area_is_advised() -> None:
    point = OperatingPoint.of(Masking(), case(0))
    units = [units_of(case(n), *specks(n, 0), point) for n in range(10)]
    assert best_area(units, FOLDS).used is None


@pytest.mark.parametrize("least", [2, 5, 60, 899, 900, 901])
@pytest.mark.parametrize("never_empty", [False, True])
def test_dice_at_an_area_is_that_of_the_mask(least: int, never_empty: bool) -> None:
    prediction, truth = specks(1, 9)
    steps = PostProcessing.model_validate({"never_empty": never_empty, "fill_holes": True})
    point = OperatingPoint(0.5, steps)
    found = units_of(case(1), prediction, truth, point).dice(least, "px")
    cut = to_mask(prediction, OperatingPoint(0.5, steps, float(least)))
    assert found == pytest.approx(dice(cut, truth))
