"""What share each of several runs has in an organ's probability."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Case, Mask, Prediction
from trainer.predict.fusion import Opinion, fuse
from trainer.review.counting import of
from trainer.review.held_out import Choice, Gain, splits
from trainer.review.histograms import Histograms
from trainer.review.thresholds import choose
from trainer.settings import Ensemble

Weights = tuple[float, ...]
"""Of each run, none negative; they sum to 1."""

_MOST = 70
"""Candidates: what 351 cases take minutes for."""


@dataclass(frozen=True, slots=True)
class Mixer:
    """Mixes several runs' predictions of a case as an ensemble of all their members would.

    Attributes
    ----------
    ensemble
        Whose fusion; it must have no temperatures.
    """

    ensemble: Ensemble

    def __call__(self, predictions: Sequence[Prediction], weights: Weights) -> Prediction:
        """The runs' mean, at the largest resolution among them."""
        first = predictions[0]
        opinions = [
            Opinion(str(number), str(number), weight, one.probability)
            for number, (one, weight) in enumerate(zip(predictions, weights, strict=True))
            if weight > 0
        ]
        seen = any(one.in_sample for one in predictions)
        return Prediction(first.case_id, *fuse(opinions, self.ensemble, ""), first.shape, seen)


def candidates(runs: int) -> list[Weights]:
    """Equal weights first, then all of a grid on the simplex, as fine as 70 of them allow."""
    parts = 1
    while parts < 10 and math.comb(parts + runs, runs - 1) <= _MOST:
        parts += 1
    equal = (1 / runs,) * runs
    bars = itertools.combinations(range(parts + runs - 1), runs - 1)
    grid = [_between(each, parts, runs) for each in bars]
    return [equal, *(one for one in grid if not np.allclose(one, equal))]


def dice_by_candidate(
    case: Case,
    predictions: Sequence[Prediction],
    truth: Mask,
    mixer: Mixer,
    grid: Sequence[Weights],
) -> NDArray[np.float32]:
    """Dice at each weight and level, float32 (weights, 256), at the network's resolution.

    Parameters
    ----------
    case
        Whose predictions.
    predictions
        One of each run.
    truth
        uint8 (H, W), 0 or 1; taken at the nearest pixel.
    mixer
        How they are mixed.
    grid
        Weights to try.
    """
    shapes = [one.probability.shape for one in predictions]
    height, width = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)
    nearest = cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST)
    small = np.asarray(nearest, np.uint8)
    found = []
    for weights in grid:
        mixed = mixer(predictions, weights)
        at_own = replace(mixed, shape=(height, width))
        found.append(Histograms([of(case, at_own, small)]).table[0])
    return np.array(found, np.float32)


def best_weights(
    tables: NDArray[np.float32], folds: NDArray[np.intp], grid: Sequence[Weights]
) -> Choice[Weights]:
    """Weights of the highest mean Dice, each at its best threshold; the gain over equal ones.

    Both what is chosen and the equal weights are held out at the threshold that the other
    folds choose for them.

    Parameters
    ----------
    tables
        Of one organ's cases, (n, weights, 256), as `dice_by_candidate` has them.
    folds
        Of each case, (n,).
    grid
        The weights, equal ones first.
    """
    gains = np.zeros(len(tables))
    for held in splits(folds):
        mean = tables[~held].mean(axis=0, dtype=np.float64)
        number, level = _best(mean)
        plain = choose(mean[0])
        gains[held] = tables[held, number, level].astype(np.float64) - tables[held, 0, plain]
    number, _ = _best(tables.mean(axis=0, dtype=np.float64))
    return Choice(grid[0], grid[number], Gain.of(gains, folds))


def _best(mean: NDArray[np.float64]) -> tuple[int, int]:
    levels = [choose(curve) for curve in mean]
    number = int(np.argmax([curve[level] for curve, level in zip(mean, levels, strict=True)]))
    return number, levels[number]


def _between(bars: tuple[int, ...], parts: int, runs: int) -> Weights:
    """Stars and bars: what lies between one bar and the next, of so many parts."""
    edges = (-1, *bars, parts + runs - 1)
    return tuple((after - before - 1) / parts for before, after in itertools.pairwise(edges))
