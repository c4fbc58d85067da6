"""Whether probabilities mean what they say, and the temperature that makes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from trainer.predict.fusion import warmed
from trainer.review.counting import LEVELS, Histogram
from trainer.review.held_out import Choice, Gain, splits
from trainer.settings.ensemble import COLDEST, HOTTEST

BINS = 15
"""Of a reliability diagram, of equal width, as Guo et al. have them."""

_PLAIN = 1.0

Shares = NDArray[np.float64]
"""Of a case's pixels, (..., 2, 256): outside and inside the truth, by level; sums to 1."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often pixels of a probability are inside, by bins of probability.

    Attributes
    ----------
    told, true, share
        float64 (15,): mean probability of a bin's pixels, the share of them that is inside,
        and their share of all pixels; NaN in the first two where a bin is empty.
    """

    told: NDArray[np.float64]
    true: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean over pixels of |told - true| of their bin."""
        return float(np.nansum(np.abs(self.told - self.true) * self.share))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """An organ's temperature, and its reliability without and with it.

    Attributes
    ----------
    before
        Of the probabilities as they are.
    after
        Of each fold's cases at the temperature that the other folds choose.
    """

    temperature: Choice[float]
    before: Reliability
    after: Reliability


def calibrated(histograms: Sequence[Histogram], folds: NDArray[np.intp]) -> Calibrated:
    """The temperature of the least negative log-likelihood of pixels, by a search in one dimension.

    Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q., "On calibration of modern neural
    networks", ICML 2017. Each case counts as much as another, whatever its size.

    Parameters
    ----------
    histograms
        Of one organ's cases, none seen in training.
    folds
        Of each case, (n,).
    """
    shares = np.stack([_shares(one) for one in histograms])
    plain = _nll(shares, _PLAIN)
    gains, temperatures = np.zeros(len(shares)), np.ones(len(shares))
    for held in splits(folds):
        temperatures[held] = fitted(shares[~held])
        gains[held] = plain[held] - _nll(shares[held], temperatures[held][0])
    choice = Choice(_PLAIN, fitted(shares), Gain.of(gains, folds))
    pairs = zip(shares, temperatures, strict=True)
    cases = [(share, warmed(temperature)) for share, temperature in pairs]
    before = [(share, warmed(_PLAIN)) for share in shares]
    return Calibrated(choice, reliability(before), reliability(cases))


def fitted(shares: Shares) -> float:
    """The temperature of the least mean negative log-likelihood, to two decimals."""
    pooled = shares.mean(axis=0)[None]
    # convex in 1 / temperature
    found = minimize_scalar(
        lambda cold: float(_nll(pooled, 1 / cold)[0]),
        bounds=(1 / HOTTEST, 1 / COLDEST),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return round(min(max(1 / float(found.x), COLDEST), HOTTEST), 2)


def reliability(cases: Sequence[tuple[Shares, NDArray[np.float32]]]) -> Reliability:
    """Of cases' pixels, and the probability (256,) that each case's levels stand for."""
    sums = np.zeros((3, BINS))
    for shares, probability in cases:
        bins = np.minimum((probability * BINS).astype(int), BINS - 1)
        pixels = shares.sum(axis=0)
        for row, values in enumerate((pixels, pixels * probability, shares[1])):
            sums[row] += np.bincount(bins, values, BINS)
    pixels, told, true = sums
    there = pixels > 0
    told[~there] = true[~there] = np.nan
    told[there] /= pixels[there]
    true[there] /= pixels[there]
    return Reliability(told, true, pixels / max(len(cases), 1))


def _shares(one: Histogram) -> Shares:
    counts = np.stack((one.outside, one.inside)).astype(np.float64)
    return counts / max(counts.sum(), 1)


def _nll(shares: Shares, temperature: float) -> NDArray[np.float64]:
    """Mean negative log-likelihood of each case's pixels, in nats, (n,)."""
    unit = np.clip(np.arange(LEVELS), 0.5, LEVELS - 1.5) / (LEVELS - 1)
    logit = np.log(unit / (1 - unit)) / temperature
    costs = np.stack((np.logaddexp(0, logit), np.logaddexp(0, -logit)))
    return (shares * costs).sum(axis=(-2, -1))


def moved(threshold: float, temperature: float) -> float:
    """The threshold that means after a temperature what another meant before it."""
    return 1 / (1 + math.exp(-math.log(threshold / (1 - threshold)) / temperature))
