"""Truth by level of probability: Dice and IoU at any threshold without an image.

Of the pixels from a threshold on: post-processing, where an ensemble has it, comes after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from trainer.predict.postprocess import lowest_level
from trainer.review.counting import BEFORE_STEPS, LEVELS, Histogram, of
from trainer.review.gathering import gather
from trainer.settings import Masking

__all__ = ["BEFORE_STEPS", "Average", "Histogram", "Histograms", "gather", "of"]

ThresholdOf: TypeAlias = Mapping[str, float] | Mapping[str | tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Average:
    """Of a score over an organ's cases that were not seen in training."""

    cases: int
    mean: float
    median: float


class Histograms(Sequence[Histogram]):
    """A cohort's histograms, cumulated from above: a threshold costs a look-up a case.

    Thresholds are asked for by organ; those of an (organ, data source) go first.

    Attributes
    ----------
    ids, organs
        Of each case, (n,).
    in_sample
        bool (n,): seen in training by every member; such cases are in no curve and no mean.
    both
        int64 (n, 256): pixels of truth at a level or above, |A∩B| of a mask from that level.
    found
        int64 (n, 256): all pixels at a level or above, |B|.
    size
        int64 (n,): pixels of truth, |A|.
    """

    def __init__(self, histograms: Iterable[Histogram] = ()) -> None:
        self._each = tuple(histograms)
        self.ids = tuple(one.case_id for one in self._each)
        self.organs = tuple(one.organ for one in self._each)
        self.in_sample = np.array([one.in_sample for one in self._each], bool)
        self.both = _from_above([one.inside for one in self._each])
        self.found = self.both + _from_above([one.outside for one in self._each])
        self.size = self.both[:, 0]
        self._cases = np.arange(len(self._each))
        groups = dict.fromkeys((one.organ, one.source) for one in self._each)
        group_number = {group: number for number, group in enumerate(groups)}
        self._groups = tuple(groups)
        self._of_group = np.array(
            [group_number[one.organ, one.source] for one in self._each], np.intp
        )
        names, places = np.unique(np.array(self.organs, str), return_inverse=True)
        self._names = tuple(str(name) for name in names)
        self._of_organ = places

    def __len__(self) -> int:
        return len(self._each)

    @overload
    def __getitem__(self, index: int) -> Histogram: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Histogram]: ...
    def __getitem__(self, index: int | slice) -> Histogram | Sequence[Histogram]:
        return self._each[index]

    def dice(self, threshold_of: ThresholdOf, default: float) -> NDArray[np.float64]:
        """Dice of every case, float64 (n,), at its organ's threshold or at the common one."""
        both, total = self._at(threshold_of, default)
        return _ratio(2 * both, total)

    def iou(self, threshold_of: ThresholdOf, default: float) -> NDArray[np.float64]:
        """IoU of every case, float64 (n,), at its organ's threshold or at the common one."""
        both, total = self._at(threshold_of, default)
        return _ratio(both, total - both)

    def dice_of_unseen(self, masking: Masking) -> dict[str, float]:
        """Dice by id of the cases that were not seen in training, at an ensemble's thresholds.

        Before its post-processing.
        """
        scores = self.dice(masking.threshold_of(set(self.organs)), masking.threshold)
        return {self.ids[place]: float(scores[place]) for place in self.measured()}

    def by_organ(self, scores: NDArray[np.float64]) -> dict[str, Average]:
        """Averages of the cases' scores (n,), an organ each in alphabetical order."""
        averages = {}
        for organ in self._names:
            if (there := scores[self.measured(organ)]).size:
                middle = float(np.median(there))
                averages[organ] = Average(there.size, float(there.mean()), middle)
        return averages

    def curve(self, organ: str | None = None) -> NDArray[np.float64]:
        """Mean Dice of an organ's cases, or of all, at each level / 255; float64 (256,).

        NaN where there is no case that was not seen in training.
        """
        there = self.table[self.measured(organ)]
        return there.mean(axis=0) if len(there) else np.full(LEVELS, np.nan)

    def measured(self, organ: str | None = None) -> NDArray[np.intp]:
        """Places of an organ's cases, or of all, that were not seen in training."""
        there = ~self.in_sample
        if organ is not None:
            number = self._names.index(organ) if organ in self._names else -1
            there &= self._of_organ == number
        return np.flatnonzero(there)

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """Dice of every case at each level / 255, float64 (n, 256)."""
        return _ratio(2 * self.both, self.found + self.size[:, None])

    def _at(
        self, threshold_of: ThresholdOf, default: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """|A∩B| and |A| + |B| of every case."""
        thresholds: dict[Any, float] = dict(threshold_of)
        own = [
            lowest_level(thresholds.get(group, thresholds.get(group[0], default)))
            for group in self._groups
        ]
        levels = np.array(own, np.intp)[self._of_group]
        both = self.both[self._cases, levels]
        return both, self.found[self._cases, levels] + self.size


def _from_above(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    stacked = np.array(counts, np.int64).reshape(-1, LEVELS)
    return np.ascontiguousarray(np.cumsum(stacked[:, ::-1], axis=1)[:, ::-1])


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 of two empty masks, as `trainer.metrics` has it."""
    return np.divide(part, whole, out=np.ones(part.shape), where=whole != 0)
