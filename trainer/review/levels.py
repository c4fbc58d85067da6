"""What a network's probabilities are worth, by organ: confident learning's thresholds."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Level:
    """An organ's self-confidence by class.

    Attributes
    ----------
    inside
        Mean probability of a unit over pixels that are labelled as one.
    outside
        Mean probability of none over the other pixels.
    width
        Of the median unit, as a disc, in pixels of the network's resolution.
    """

    inside: float
    outside: float
    width: float


class Levels:
    """Gathers levels case by case.

    The threshold of a class is the mean probability of that class over the pixels labelled so
    (Northcutt, Jiang, Chuang, JAIR 70, 2021, equation 2), here of one organ's.
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros((2, 2)))
        self._areas: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, organ: str, probability: NDArray[np.uint8], numbers: NDArray[np.int32]) -> None:
        """Take a case into account.

        Parameters
        ----------
        organ
            The case's.
        probability
            Out-of-fold, uint8 (h, w), in steps of 1/255.
        numbers
            Units numbered from 1, int32 (h, w).
        """
        outside = numbers == 0
        counts = np.bincount(probability.ravel(), minlength=256)
        counts_outside = np.bincount(probability[outside], minlength=256)
        by_class = np.stack((counts - counts_outside, counts_outside))
        own = np.arange(256) / 255
        self._sums[organ][:, 0] += by_class[0] @ own, by_class[1] @ (1 - own)
        self._sums[organ][:, 1] += by_class.sum(1)
        areas = np.bincount(numbers.ravel())[1:]
        self._areas[organ] += areas[areas > 0].tolist()

    def of(self, organ: str) -> Level:
        """The organ's levels; 1 of a class that none of its pixels is labelled as."""
        means = [float(total / count) if count else 1.0 for total, count in self._sums[organ]]
        areas = self._areas[organ]
        width = 2 * math.sqrt(float(np.median(areas)) / math.pi) if areas else 0.0
        return Level(means[0], means[1], width)
