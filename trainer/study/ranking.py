"""How well a ranking puts what is wrong before what is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking against the answer.

    Attributes
    ----------
    wrong, total
        Items that are wrong, and all.
    auroc
        Chance that a wrong one is ranked before a right one, ties counted half (the area under
        the ROC curve); NaN where there are none of either.
    low, high
        95 % bootstrap interval of `auroc`, resampled within wrong and right ones.
    first
        Share of wrong ones among the first `wrong` of the ranking.
    """

    wrong: int
    total: int
    auroc: float
    low: float
    high: float
    first: float


def judge(scores: Sequence[float], is_wrong: Sequence[bool], seed: int = 0) -> Ranking:
    """Judge a ranking by scores, the highest first.

    Parameters
    ----------
    scores, is_wrong
        Of each item.
    seed
        Of the bootstrap.
    """
    score, wrong = np.asarray(scores, float), np.asarray(is_wrong, bool)
    bad, good = score[wrong], score[~wrong]
    if not bad.size or not good.size:
        return Ranking(bad.size, score.size, np.nan, np.nan, np.nan, np.nan)
    chance = np.random.default_rng(seed)
    areas = [
        _auroc(chance.choice(bad, bad.size), chance.choice(good, good.size))
        for _ in range(_RESAMPLES)
    ]
    low, high = (float(edge) for edge in np.quantile(areas, (0.025, 0.975)))
    # of equal scores the right ones come first, so that a flat ranking earns nothing
    order = np.lexsort((wrong, -score))
    first = float(wrong[order[: bad.size]].mean())
    return Ranking(bad.size, score.size, _auroc(bad, good), low, high, first)


def _auroc(bad: NDArray[np.float64], good: NDArray[np.float64]) -> float:
    """Mann and Whitney's statistic as a share of all pairs."""
    ranks = rankdata(np.concatenate((bad, good)))
    above = ranks[: bad.size].sum() - bad.size * (bad.size + 1) / 2
    return float(above / (bad.size * good.size))
