"""Two ensembles on the same cases: what got worse, what got better, and is it more than luck."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.atomic import replacing
from trainer.errors import ExportError

ALL = "all"
"""The organ of the last row: every case."""

SAME = 0.001
"""Dice; a smaller change is told as none."""

_RESAMPLES = 2000
_DRAWN_AT_ONCE = 2**20
"""Numbers in memory, however many cases there are."""
_SEED = 0
_FEWEST_FOR_A_TEST = 6
"""Cases that differ: of fewer, no Wilcoxon test can reach p < 0.05."""


@dataclass(frozen=True, slots=True)
class Change:
    """A case's Dice before and after."""

    case_id: str
    organ: str
    before: float
    after: float
    change: float


@dataclass(frozen=True, slots=True)
class OrganChange:
    """What a change of ensembles does to an organ.

    Attributes
    ----------
    better, worse, same
        Cases; a change below `SAME` is none.
    p
        Of Wilcoxon's signed-rank test of the changes, two-sided; zeros are ranked and then
        left out (Pratt 1959). 1 where nothing changed.
    low, high
        95 % interval of the mean change, by the percentiles of means of 2000 bootstrap
        samples of cases (seeded).
    """

    organ: str
    cases: int
    mean_change: float
    better: int
    worse: int
    same: int
    p: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ensembles side by side.

    Attributes
    ----------
    rows
        Cases that both have, largest loss first.
    organs
        In alphabetical order; of more than one, all cases last.
    left_out
        Ids that only one of the two has.
    caveat
        What the test and the interval do not say, for this number of cases and organs.
    """

    rows: tuple[Change, ...]
    organs: tuple[OrganChange, ...]
    left_out: tuple[str, ...]
    caveat: str


def compare(
    first: Mapping[str, float], second: Mapping[str, float], organs: Mapping[str, str]
) -> Comparison:
    """Compare the Dice of cases before and after.

    Parameters
    ----------
    first, second
        Case id to Dice, before and after.
    organs
        Case id to organ, of every case that both have.
    """
    common = sorted(first.keys() & second.keys())
    rows = [
        Change(each, organs[each], first[each], second[each], second[each] - first[each])
        for each in common
    ]
    rows.sort(key=lambda row: row.change)
    changes = _by_organ(rows)
    return Comparison(
        rows=tuple(rows),
        organs=changes,
        left_out=tuple(sorted(first.keys() ^ second.keys())),
        caveat=_caveat(changes),
    )


def write(path: Path, comparison: Comparison) -> None:
    """Write a row a case as csv, largest loss first, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with (
        replacing(path, ExportError) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("id", "organ", "before", "after", "change"))
        for row in comparison.rows:
            case_id, organ, *figures = astuple(row)
            writer.writerow((case_id, organ, *(f"{figure:.4f}" for figure in figures)))


def _by_organ(rows: Iterable[Change]) -> tuple[OrganChange, ...]:
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        groups[row.organ].append(row.change)
    found = [_organ(organ, np.array(groups[organ])) for organ in sorted(groups)]
    if len(found) > 1:
        found.append(_organ(ALL, np.concatenate([groups[organ] for organ in sorted(groups)])))
    return tuple(found)


def _organ(organ: str, changes: NDArray[np.float64]) -> OrganChange:
    low, high = _interval(changes)
    better, worse = (int((sign * changes >= SAME).sum()) for sign in (1, -1))
    return OrganChange(
        organ=organ,
        cases=len(changes),
        mean_change=float(changes.mean()),
        better=better,
        worse=worse,
        same=len(changes) - better - worse,
        p=_p(changes),
        low=low,
        high=high,
    )


def _p(changes: NDArray[np.float64]) -> float:
    if not changes.any():
        return 1.0
    from scipy import stats  # here: it takes a second to load, and a window need not wait

    result = stats.wilcoxon(changes, zero_method="pratt")
    return float(result.pvalue)  # pyright: ignore[reportAttributeAccessIssue]


def _interval(changes: NDArray[np.float64]) -> tuple[float, float]:
    chance = np.random.default_rng(_SEED)
    means = np.empty(_RESAMPLES)
    step = max(1, _DRAWN_AT_ONCE // len(changes))
    for first in range(0, _RESAMPLES, step):
        count = min(step, _RESAMPLES - first)
        means[first : first + count] = chance.choice(changes, (count, len(changes))).mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _caveat(organs: tuple[OrganChange, ...]) -> str:
    """Plain sentences; those that depend on numbers name them."""
    told = [
        "Wilcoxon's test takes cases as independent and their changes as spread evenly about"
        " the median; cases of one fold share a network, and cases of one donor share tissue,"
        " so p is too small and the interval too narrow.",
    ]
    single = [one for one in organs if one.organ != ALL]
    if len(single) > 1:
        told.append(
            f"{len(single)} organs are {len(single)} tests:"
            f" one alone counts below p = {0.05 / len(single):.3f}."
        )
    if few := [one.organ for one in single if one.cases < _FEWEST_FOR_A_TEST]:
        told.append(
            f"With fewer than {_FEWEST_FOR_A_TEST} cases ({', '.join(few)}) no p can be below"
            " 0.05 and the interval says little."
        )
    return " ".join(told)
