"""What a choice gains on cases that had no part in it, and whether that may be chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from trainer.review.histograms import Histograms

_DRAWN_FOLDS = 5
_SEED = 0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Gain:
    """Of a choice over the plain setting, on cases held out.

    Attributes
    ----------
    mean
        Over cases: scored at what the other folds' cases choose, minus at the plain setting.
    error
        Standard error of that mean: standard deviation over cases / sqrt(cases).
    spread
        Standard deviation over folds of a fold's mean gain.
    folds
        How many held out cases in turn; 1 where there were too few to hold any out.
    """

    mean: float
    error: float
    spread: float
    folds: int

    @classmethod
    def of(cls, gains: NDArray[np.float64], folds: NDArray[np.intp]) -> Gain:
        """Of each case's gain (n,), given its fold (n,)."""
        means = np.array([gains[folds == fold].mean() for fold in np.unique(folds)])
        error = sd(gains) / math.sqrt(len(gains))
        return cls(float(gains.mean()), error, sd(means), len(means))

    @property
    def within_noise(self) -> bool:
        """Whether it is no more than its standard error, or could not be measured.

        The one-standard-error rule: the plainest setting within one standard error of the best
        stays (Breiman, Friedman, Olshen, Stone, "Classification and regression trees", 1984,
        section 3.4.3).
        """
        return self.mean <= self.error


@dataclass(frozen=True, slots=True)
class Choice(Generic[_T]):
    """The best of all cases, and what choosing so gains over the plain setting.

    Attributes
    ----------
    gain
        In mean Dice; of a temperature in mean negative log-likelihood of a pixel, in nats.
    """

    plain: _T
    best: _T
    gain: Gain

    @property
    def used(self) -> _T:
        """The best, or the plain setting where the gain is within noise."""
        return self.plain if self.gain.within_noise else self.best


def folds_of(histograms: Histograms, places: NDArray[np.intp]) -> tuple[NDArray[np.intp], bool]:
    """Fold of each case, and whether a run says so; else cases are dealt, always the same way."""
    told = [histograms[int(place)].fold for place in places]
    if None not in told and len(set(told)) > 1:
        return np.array(told, np.intp), True
    dealt = np.arange(len(places)) % _DRAWN_FOLDS
    return np.random.default_rng(_SEED).permutation(dealt), False


def splits(folds: NDArray[np.intp]) -> Iterator[NDArray[np.bool_]]:
    """Of each fold, which cases (n,) it holds out; nothing where it would leave none."""
    for fold in np.unique(folds):
        held = folds == fold
        if not held.all():
            yield held


def sd(values: NDArray[np.float64]) -> float:
    """Standard deviation of a sample; 0 of a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
