"""Which case each of an epoch's crops shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.case import Case
from trainer.settings import Sampling


class Turns:
    """An epoch's crops, shared out among cases.

    Without balance each case has its own crops, every epoch as many. Else each organ, data
    source, or both, has its share of the epoch, and of its cases each is shown by area, as often
    as that comes to, give or take one: one draw from each of equal strata (Cochran 1977, chapter
    5), where draws from all would show one case three times and another not at all. Chance is
    torch's, so that workers' seeds are torch's too.

    Parameters
    ----------
    cases
        To be shown.
    is_pseudo
        Of each case, whether its label is a prediction in place of none.
    crops
        Of each case, how many an epoch draws if nothing is balanced, int (n,).
    sampling
        How they are shared out.
    pseudo_share
        Of the epoch, which grows by them, that shows cases of `is_pseudo`.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        is_pseudo: Sequence[bool],
        crops: NDArray[np.intp],
        sampling: Sampling,
        pseudo_share: float,
    ) -> None:
        self._fixed = np.repeat(np.arange(len(cases)), crops)
        self._strata: list[_Stratum] | None = None
        if not (sampling.balance or sampling.organs or any(is_pseudo)):
            return
        pseudo = np.array(is_pseudo)
        count = int(crops[~pseudo].sum())
        both = list(zip(pseudo.tolist(), cases, strict=True))
        weights = np.array([sampling.organs.get(case.organ, 1.0) for case in cases])
        shares = _even(crops, [(one, *_balanced(case, sampling)) for one, case in both]) * weights
        keys = [(one, *_balanced(case, sampling), case.organ) for one, case in both]
        self._strata = []
        for side, total in (
            (False, count),
            (True, round(count * pseudo_share / (1 - pseudo_share))),
        ):
            cells = _cells(keys, np.where(pseudo == side, shares, 0.0))
            parts = _rounded(np.array([shares[cell].sum() for cell in cells]), total)
            for cell, part in zip(cells, parts, strict=True):
                ends = shares[cell].cumsum() / shares[cell].sum()
                self._strata += [
                    _Stratum(cell, ends, turn / part, 1 / part) for turn in range(part)
                ]

    def __len__(self) -> int:
        return len(self._fixed if self._strata is None else self._strata)

    def __getitem__(self, index: int) -> int:
        """The case that the epoch's crop `index` shows, as its place among the cases."""
        if self._strata is None:
            return int(self._fixed[index])
        return self._strata[index].draw()


@dataclass(frozen=True, slots=True)
class _Stratum:
    """A part of a line on which each case of a cell has as much as its share."""

    cases: NDArray[np.intp]
    ends: NDArray[np.float64]
    start: float
    width: float

    def draw(self) -> int:
        place = self.ends.searchsorted(self.start + float(torch.rand(())) * self.width, "right")
        return int(self.cases[min(int(place), len(self.cases) - 1)])


def _balanced(case: Case, sampling: Sampling) -> tuple[str | None, ...]:
    """What a case is of that has as many crops as others of its kind; empty for nothing."""
    told = {"organ": case.organ, "source": case.data_source}
    return tuple(told[name] for name in sampling.balance)


def _even(crops: NDArray[np.intp], groups: Sequence[tuple[Hashable, ...]]) -> NDArray[np.float64]:
    """Each case's share of all, once every group has as many as the next."""
    if len(groups[0]) == 1:  # nothing is balanced
        return crops.astype(float)
    sums: defaultdict[tuple[Hashable, ...], int] = defaultdict(int)
    for group, count in zip(groups, crops, strict=True):
        sums[group] += int(count)
    return np.array([count / sums[group] for group, count in zip(groups, crops, strict=True)])


def _cells(
    keys: Sequence[tuple[Hashable, ...]], shares: NDArray[np.float64]
) -> list[NDArray[np.intp]]:
    """Places of the cases that have a share, by their keys."""
    found: defaultdict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for place, (key, share) in enumerate(zip(keys, shares, strict=True)):
        if share > 0:
            found[key].append(place)
    return [np.array(places, np.intp) for places in found.values()]


def _rounded(shares: NDArray[np.float64], total: int) -> NDArray[np.intp]:
    """Whole numbers in proportion to shares that sum up to `total`: largest remainders."""
    if not shares.size:
        return np.empty(0, np.intp)
    exact = shares / shares.sum() * total
    whole = np.floor(exact).astype(np.intp)
    whole[np.argsort(whole - exact, kind="stable")[: total - whole.sum()]] += 1
    return whole
