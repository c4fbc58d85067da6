"""How sure an ensemble is of a case, from its own probabilities; truth has no part in it."""

from __future__ import annotations

import math

import numpy as np

from trainer.data.case import Prediction

_DOUBTFUL = 13
"""Probability, in steps of 1/255, from which a pixel is worth an opinion: 5 %."""


def confidence(prediction: Prediction, threshold: float) -> float:
    """The Dice that the ensemble itself expects of its mask, 0 to 1.

    Where probabilities p are taken at their word and m is the mask at the threshold, the
    expected overlap is Σ p·m and the expected size of the unknown mask Σ p; so this is
    2 Σ p·m / (Σ p + Σ m). A network that is too sure of itself is too sure here as well.

    Parameters
    ----------
    prediction
        At network resolution, which is where the sums are taken.
    threshold
        In 0..1.

    Returns
    -------
    1 for a case with no trace of a unit.
    """
    counts = np.bincount(prediction.probability.ravel(), minlength=256)
    levels = np.arange(256) / 255
    inside = slice(math.ceil(threshold * 255 - 1e-6), None)
    expected = float(counts @ levels)
    size = int(counts[inside].sum())
    if expected + size == 0:
        return 1.0
    return 2 * float(counts[inside] @ levels[inside]) / (expected + size)


def disagreement(prediction: Prediction) -> float:
    """The members' spread about a case: mean standard deviation, 0 to 0.5.

    Over the pixels that some unit may cover (5 % probability or more), so that empty ground
    does not water it down; 0 where there are none.
    """
    doubtful = prediction.probability >= _DOUBTFUL
    if not doubtful.any():
        return 0.0
    return float(prediction.disagreement[doubtful].mean()) / 255
