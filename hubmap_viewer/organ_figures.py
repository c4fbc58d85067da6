"""An organ's cases in figures: each one's Dice, what is usual, and what is lost to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hubmap_viewer.scores import Scores
from trainer.data.case import Case
from trainer.data.findings import KINDS, Loss

Side = Literal["prediction", "second", "curated"]
SIDES: tuple[Side, ...] = get_args(Side)
"""The masks that are held against truth."""

WORST = 3
"""Cases of an organ that are named."""

ALL = "all organs"

_NOT_YET = {
    "prediction": "not predicted yet",
    "second": "not in the second ensemble",
    "curated": "not curated yet",
}


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Another mask's Dice of an organ's cases, those that were seen in training left out."""

    side: Side
    dice: NDArray[np.float64]

    @property
    def median(self) -> float:
        return float(np.median(self.dice))


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One organ's cases that have a Dice, worst first.

    Attributes
    ----------
    dice
        Against truth, float64 (n,).
    seen
        Bool (n,): the ensemble was trained on the case; it enters no statistics.
    queued
        Bool (n,): the queue has the case.
    median
        Of the cases that were not seen; None where there is none.
    words
        Why there is no case to show; empty where there is one.
    beside
        The other masks that have a Dice.
    """

    organ: str
    ids: tuple[str, ...]
    dice: NDArray[np.float64]
    seen: NDArray[np.bool_]
    queued: NDArray[np.bool_]
    median: float | None
    words: str
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """What findings of a kind cost: how many there are, and the Dice lost per case."""

    count: int
    per_case: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One organ in numbers; cases that were seen in training are left out of all but `seen`.

    Attributes
    ----------
    cases
        That the numbers are of.
    seen
        Cases left out.
    counted
        Cases whose findings are known: `losses` is of these.
    losses
        By kind of finding; empty while none is known.
    """

    organ: str
    cases: int
    seen: int
    mean: float | None
    median: float | None
    worst: tuple[str, ...]
    counted: int
    losses: Mapping[str, Lost]


class Figures:
    """What is known of a cohort's cases, as arrays of one row a case in the csv's order."""

    def __init__(self, cases: Iterable[Case]) -> None:
        cases = tuple(cases)
        self.ids = np.array([case.id for case in cases], dtype=object)
        self.rows = {case.id: row for row, case in enumerate(cases)}
        self.has_truth = np.array([case.has_truth for case in cases], bool)
        organ = np.array([case.organ for case in cases], dtype=object)
        self.organs = tuple(dict.fromkeys(organ.tolist()))
        self.of = {name: np.flatnonzero(organ == name) for name in self.organs}
        self.of[ALL] = np.arange(len(cases))
        self.dice = np.full((len(cases), len(SIDES)), np.nan)
        self.seen = np.zeros((len(cases), len(SIDES)), bool)
        self.counts = np.zeros((len(cases), len(KINDS)), np.int64)
        self.lost = np.full((len(cases), len(KINDS)), np.nan)

    def put(self, case_id: str, scores: Scores, *, kept: bool) -> None:
        """Take in one case's scores; of one not kept the curated mask is nobody's work."""
        row = self.rows[case_id]
        dice = (scores.prediction, scores.second, scores.curated if kept else None)
        self.dice[row] = [np.nan if value is None else value for value in dice]
        self.seen[row] = (scores.in_sample, scores.second_in_sample, False)
        if not scores.losses:
            self.counts[row], self.lost[row] = 0, np.nan
            return
        found = [scores.losses.get(kind, Loss()) for kind in KINDS]
        self.counts[row] = [one.count for one in found]
        self.lost[row] = [one.loss for one in found]

    def mask(self, case_ids: Iterable[str]) -> NDArray[np.bool_]:
        """Which rows are these cases'."""
        mask = np.zeros(len(self.ids), bool)
        mask[[self.rows[case_id] for case_id in case_ids if case_id in self.rows]] = True
        return mask

    def strip(self, organ: str, side: Side, queued: NDArray[np.bool_]) -> Strip:
        """The organ's cases with a Dice, worst first."""
        shown = self._worst_first(organ, side)
        dice, seen = self.dice[shown, SIDES.index(side)], self.seen[shown, SIDES.index(side)]
        median = float(np.median(dice[~seen])) if (~seen).any() else None
        words = "" if len(shown) else self._why_none(organ, side)
        ids = tuple(self.ids[shown].tolist())
        beside = tuple(
            Beside(other, dice) for other, dice in self._others(organ, side) if len(dice)
        )
        return Strip(organ, ids, dice, seen, queued[shown], median, words, beside)

    def _others(self, organ: str, side: Side) -> Iterator[tuple[Side, NDArray[np.float64]]]:
        rows = self.of[organ]
        for column, other in enumerate(SIDES):
            if other != side:
                dice = self.dice[rows, column]
                yield other, dice[~np.isnan(dice) & ~self.seen[rows, column]]

    def summary(self, organ: str, side: Side) -> Summary:
        """The organ in numbers."""
        shown = self._worst_first(organ, side)
        seen = self.seen[shown, SIDES.index(side)]
        rows = shown[~seen]
        dice = self.dice[rows, SIDES.index(side)]
        # findings are told apart for the shown prediction alone
        found = rows[~np.isnan(self.lost[rows, 0])] if side == "prediction" else rows[:0]
        counts, lost = self.counts[found].sum(axis=0), self.lost[found].sum(axis=0)
        losses = {
            kind: Lost(int(count), float(loss) / len(found))
            for kind, count, loss in zip(KINDS, counts, lost, strict=True)
            if len(found)
        }
        return Summary(
            organ,
            cases=len(rows),
            seen=int(seen.sum()),
            mean=float(dice.mean()) if len(rows) else None,
            median=float(np.median(dice)) if len(rows) else None,
            worst=tuple(self.ids[rows[:WORST]].tolist()),
            counted=len(found),
            losses=losses,
        )

    def _worst_first(self, organ: str, side: Side) -> NDArray[np.intp]:
        rows = self.of[organ]
        dice = self.dice[rows, SIDES.index(side)]
        order = np.argsort(dice, kind="stable")
        return rows[order][: len(rows) - int(np.isnan(dice).sum())]

    def _why_none(self, organ: str, side: Side) -> str:
        rows = self.of[organ]
        cases = "its one case" if len(rows) == 1 else f"its {len(rows)} cases"
        if not self.has_truth[rows].any():
            return f"no truth for {cases}"
        return f"{cases}: {_NOT_YET[side]}"
