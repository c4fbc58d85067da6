"""Which truths are suspect: a search in the background, and the way to each place found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from psygnal import Signal

from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from trainer.data.edits import Box
from trainer.errors import TrainerError
from trainer.review.suspicion import Step, SuspectCase, SuspectUnit, suspects

UNITS = 500
"""The most suspect units that are listed: nobody looks at more in a day."""

SHORT = {
    "extra": "only in truth",
    "lacking": "not in truth",
    "too wide": "too wide",
    "too narrow": "too narrow",
}
"""Of a suspect unit's kind, as a person says it."""

WORDS = {
    "extra": "a unit of truth that networks do not see",
    "lacking": "a unit that networks see and truth has not",
    "too wide": "a unit of truth reaches farther than networks see it",
    "too narrow": "networks see more beside a unit of truth",
}
"""The same at length."""

IN_SAMPLE = (
    "These networks were trained on these very cases and repeat their errors: show a run's "
    "out-of-fold predictions in Ensemble, or train folds in Train."
)


class Suspicions:
    """Cases and single units, the most suspect first.

    Suspicion stands by itself: neither Dice nor disagreement has a part in it.

    Attributes
    ----------
    refused
        Cases left out because their prediction comes from networks that were trained on them.
    problems
        Why others could not be read.
    searched
        How many cases the last search that came to its end was about; 0 before.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._coming: SuspectUnit | None = None
        self.forget()
        session.cohort_opened.connect(self.forget)
        session.predictions_changed.connect(self.forget)
        session.case_opened.connect(self._on_case)

    def forget(self) -> None:
        """Other predictions are shown: what was found is void."""
        self._cases: list[SuspectCase] = []
        self._units: list[SuspectUnit] = []
        self.refused = 0
        self.problems: list[TrainerError] = []
        self.searched = 0
        self.changed.emit()

    # -- what is found ------------------------------------------------------------------

    def cases(self) -> list[SuspectCase]:
        """Most suspect first; of equal suspicion the one with more contradicted pixels."""
        return sorted(self._cases, key=lambda case: (-case.suspicion, -case.noisy_pixels))

    def units(self) -> list[SuspectUnit]:
        """The `UNITS` most suspect; of equal suspicion the larger first."""
        return sorted(self._units, key=lambda unit: (-unit.suspicion, -unit.area))[:UNITS]

    def area(self, unit: SuspectUnit) -> tuple[float, str]:
        """A unit's area: µm² where the pixel size is known, else pixels."""
        cohort = self._session.cohort
        pixel = None if cohort is None else cohort.cases[unit.case_id].pixel_size
        return (float(unit.area), "px") if pixel is None else (unit.area * pixel**2, "µm²")

    # -- searching ----------------------------------------------------------------------

    def ids(self) -> tuple[str, ...]:
        """Cases that have both a truth and a prediction."""
        session = self._session
        if session.cohort is None or session.predictions is None:
            return ()
        there = session.predictions.ids()
        cases = session.cohort.cases.values()
        return tuple(c.id for c in cases if c.has_truth and not c.problem and c.id in there)

    def why_not(self, ids: tuple[str, ...]) -> str:
        """Why no search can begin; empty if one can."""
        if self._session.predictions is None:
            return "No predictions are shown: train folds in Train, or predict in Ensemble."
        if not ids:
            return "No case has both a truth and a shown prediction."
        scores = self._session.scores
        if all(scores.get(case_id, Scores()).in_sample for case_id in ids):
            return IN_SAMPLE
        return ""

    def search(self) -> Callable[[Callable[[], bool]], Iterator[Step]]:
        """The work of ranking every truth; run it in the background."""
        ids = self.ids()
        sources = self._session.sources
        cohort, predictions = sources.cohort, sources.predictions
        assert predictions is not None
        self.forget()

        def steps(cancelled: Callable[[], bool]) -> Iterator[Step]:
            return suspects(cohort, cohort.truth, predictions, ids, cancelled)

        return steps

    def put(self, step: Step) -> None:
        """Take what a step of the search has found."""
        self.refused += step.in_sample
        if step.error is not None:
            self.problems.append(step.error)
        if step.case is not None:
            self._cases.append(step.case)
            self._units.extend(step.units)

    def finish(self) -> None:
        """The search came to its end."""
        self.searched = len(self._cases) + self.refused + len(self.problems)
        self.changed.emit()

    # -- going there --------------------------------------------------------------------

    def open(self, case: SuspectCase) -> None:
        """Open a suspect case."""
        self._coming = None
        self._session.want(case.case_id)

    def show(self, unit: SuspectUnit) -> None:
        """Open a unit's case, if it is not open, and have the canvas go to the unit."""
        here = self._session.open
        if here is not None and here.id == unit.case_id == self._session.wanted:
            self._session.framed.emit(Box(*unit.box))
            return
        self._coming = unit
        self._session.want(unit.case_id)

    def _on_case(self) -> None:
        unit, here = self._coming, self._session.open
        self._coming = None
        if unit is not None and here is not None and here.id == unit.case_id:
            self._session.framed.emit(Box(*unit.box))
