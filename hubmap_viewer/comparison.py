"""Two ensembles' predictions of the same cases: what got worse, what got better."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from hubmap_viewer import library
from hubmap_viewer.counts import CountStep, countable
from hubmap_viewer.session import Session
from trainer.data.predictions import Predictions
from trainer.errors import TrainerError
from trainer.review.compare import Change, Comparison, compare
from trainer.review.histograms import BEFORE_STEPS, Histogram, Histograms


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, and what it leaves out.

    Attributes
    ----------
    seen_in_training
        Ids of cases that one of the two saw in training.
    """

    comparison: Comparison
    seen_in_training: tuple[str, ...]


class Pair:
    """The second ensemble's predictions as "before", the shown ones as "after".

    Attributes
    ----------
    compared
        None until both are counted.
    organ
        The only organ whose cases are listed; empty for all.
    problems
        Why cases could not be counted.
    """

    changed = Signal()
    """The comparison, or what is listed of it, is another."""
    stale = Signal()
    """The comparison should be made anew."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.compared: Compared | None = None
        self.organ = ""
        self.problems: tuple[TrainerError, ...] = ()
        self._counted: dict[Path, Histograms] = {}
        session.cohort_opened.connect(self._forget)
        session.predictions_changed.connect(self._renew)
        session.thresholds_changed.connect(self.stale.emit)

    # -- choosing -----------------------------------------------------------------------

    @property
    def folders(self) -> tuple[Path | None, Path | None]:
        """Of the predictions before and after."""
        pair = (self.session.second, self.session.predictions)
        before, after = (None if one is None else one.folder for one in pair)
        return before, after

    def choices(self) -> list[library.Entry]:
        """Kept predictions to choose from, newest first."""
        cohort = self.session.cohort
        return [] if cohort is None else library.predictions(cohort.folder)

    def choose(self, before: Path, after: Path) -> None:
        """Show two folders of predictions on the canvas and compare them; errors are told."""
        if before == after or (before, after) == self.folders:
            return
        try:
            self.session.use_pair(Predictions.open(before), Predictions.open(after))
        except TrainerError as error:
            self.session.told.emit(error)

    def why_not(self) -> str:
        """Why there is nothing to compare; empty if there is."""
        if len(self.choices()) < 2:
            return (
                "There is nothing to compare yet: predict the cohort with a second ensemble,"
                " or train one."
            )
        if None in self.folders:
            return "Choose what to compare: an ensemble before, and one after."
        if self.compared is not None and not self.compared.comparison.rows:
            return "No case has a truth and a prediction of both that was not seen in training."
        return ""

    # -- counting -----------------------------------------------------------------------

    def to_count(self) -> tuple[Predictions, ...]:
        """Folders of the pair whose cases are not all counted."""
        return tuple(one for one in self._pair() if self._lacks(one))

    def put(self, steps: Iterable[CountStep]) -> None:
        """Take what was counted."""
        found = list(steps)
        self.problems = tuple(one.found for one in found if isinstance(one.found, TrainerError))
        for folder in {step.folder for step in found}:
            here = (step.found for step in found if step.folder == folder)
            self._counted[folder] = Histograms(one for one in here if isinstance(one, Histogram))
        self.stale.emit()

    def _pair(self) -> tuple[Predictions, ...]:
        before, after = self.session.second, self.session.predictions
        return () if before is None or after is None else (before, after)

    def _lacks(self, predictions: Predictions) -> bool:
        cohort = self.session.cohort
        counted = self._counted.get(predictions.folder, Histograms())
        known = {*counted.ids, *(problem.case for problem in self.problems)}
        return cohort is not None and not known.issuperset(countable(cohort, predictions))

    # -- comparing ----------------------------------------------------------------------

    def calculation(self) -> Callable[[], Compared] | None:
        """What compares the two as they are now, in any thread; None where one is missing."""
        pair = self._pair()
        if not pair or any(one.folder not in self._counted for one in pair):
            return None
        before, after = (self._counted[one.folder] for one in pair)
        at_before = pair[0].masking.threshold_of(set(before.organs))
        at_after = self.session.threshold_of(set(after.organs))

        def calculate() -> Compared:
            seen = {*_seen(before), *_seen(after)}
            first, second = (
                {
                    case_id: float(dice)
                    for case_id, dice in zip(each.ids, each.dice(at, 0.5), strict=True)
                    if case_id not in seen
                }
                for each, at in ((before, at_before), (after, at_after))
            )
            organs = dict(zip(after.ids, after.organs, strict=True))
            return Compared(compare(first, second, organs), tuple(sorted(seen)))

        return calculate

    def show(self, compared: Compared) -> None:
        """Take a comparison that was calculated."""
        self.compared = compared
        self.changed.emit()

    def narrow(self, organ: str) -> None:
        """List only one organ's cases; with nothing, all."""
        self.organ = organ
        self.changed.emit()

    @property
    def rows(self) -> list[Change]:
        """Cases of the chosen organ, regressions first."""
        if self.compared is None:
            return []
        rows = self.compared.comparison.rows
        return [row for row in rows if self.organ in ("", row.organ)]

    @property
    def left_out(self) -> str:
        """What takes no part, cases and post-processing, in words."""
        if self.compared is None:
            return ""
        told = []
        if seen := len(self.compared.seen_in_training):
            told.append(f"{_cases(seen)} seen in training left out")
        if alone := len(self.compared.comparison.left_out):
            told.append(f"{_cases(alone)} that only one of the two predicted left out")
        words = "; ".join(told) + "." if told else ""
        if any(one.masking.changes_masks for one in self._pair()):
            words = f"{words} {BEFORE_STEPS}".strip()
        return words

    def _forget(self) -> None:
        self._counted.clear()
        self.problems = ()
        self._renew()

    def _renew(self) -> None:
        self.compared = None
        self.changed.emit()
        self.stale.emit()


def _seen(histograms: Histograms) -> list[str]:
    pairs = zip(histograms.ids, histograms.in_sample, strict=True)
    return [case_id for case_id, seen in pairs if seen]


def _cases(number: int) -> str:
    return f"{number} case{'' if number == 1 else 's'}"
