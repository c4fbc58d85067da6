"""A run on its way into force: compared first, and then by an explicit act."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psygnal import Signal

from hubmap_viewer.session import Session
from trainer.errors import TrainerError
from trainer.review.compare import Change, OrganChange
from trainer.review.development import DEVELOPMENT
from trainer.review.leader_board import RunRow
from trainer.review.promotion import Candidate, Judged, by_organ, judging, promote


@dataclass(frozen=True, slots=True)
class OrganMean:
    """The candidate alone, where nothing is in force to compare it with."""

    organ: str
    cases: int
    dice: float


class Promoting:
    """One candidate at a time.

    Attributes
    ----------
    row
        The run that is to take over; None while nobody asked for one.
    candidate
        What was found of it; None until then.
    """

    changed = Signal()
    failed = Signal(object)
    promoted = Signal(str)
    """Name of the run whose ensemble is in force now."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.row: RunRow | None = None
        self.candidate: Candidate | None = None
        session.cohort_opened.connect(self.leave)

    def consider(self, row: RunRow) -> None:
        """Have a run be the one that may take over."""
        self.row, self.candidate = row, None
        self.changed.emit()

    def leave(self) -> None:
        """Let it be."""
        self.row = self.candidate = None
        self.changed.emit()

    def comparing(self) -> Callable[[Callable[[], bool]], Iterator[Judged]]:
        """The work that compares it with the run in force, a mask at a time."""
        sources, row = self._session.sources, self.row
        assert row is not None
        folder = row.folder

        def steps(_cancelled: object) -> Iterator[Judged]:
            return judging(sources.cohort, sources.store, folder)

        return steps

    def put(self, step: Judged) -> None:
        """Take what a step of it has found."""
        if step.candidate is None or self.row is None:
            return
        self.candidate = step.candidate
        problems = list(step.candidate.problems)
        if problems:
            more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
            self.failed.emit(TrainerError(f"{problems[0]}".removesuffix(".") + more))
        self.changed.emit()

    def promote(self) -> None:
        """Put its ensemble in force, as `hubmap-trainer promote --apply` does."""
        cohort, row = self._session.cohort, self.row
        if cohort is None or row is None:
            return
        try:
            promote(cohort, row.folder)
        except TrainerError as error:
            self.failed.emit(error)
            return
        self.leave()
        self.promoted.emit(row.name)

    # -- what was found -----------------------------------------------------------------

    @property
    def gains(self) -> list[OrganChange]:
        """What each organ gains; none where nothing is in force."""
        found = None if self.candidate is None else self.candidate.comparison
        return [] if found is None else list(found.organs)

    @property
    def alone(self) -> list[OrganMean]:
        """The candidate's own Dice by organ."""
        if self.candidate is None:
            return []
        organs = sorted(by_organ(self.candidate).items())
        return [OrganMean(organ, len(dice), statistics.mean(dice)) for organ, dice in organs]

    @property
    def worse(self) -> list[Change]:
        """The cases that got worse, the worst first."""
        found = None if self.candidate is None else self.candidate.comparison
        return [] if found is None else [row for row in found.rows if row.change < 0]

    @property
    def words(self) -> str:
        """What is compared with what, and on what."""
        candidate, row = self.candidate, self.row
        if row is None:
            return ""
        if candidate is None:
            return f"Comparing {row.name} with the run in force …"
        cases = f"{len(candidate.dice)} cases of {DEVELOPMENT}"
        if candidate.comparison is None:
            told = "nothing is in force to compare it with"
            if candidate.in_force:
                told = f"{candidate.in_force}, which is in force, cannot be compared with it"
            return f"{row.name} on {cases}: {told}."
        left_out = len(candidate.comparison.left_out)
        told = f"; {left_out} that only one of the two has are left out" if left_out else ""
        return f"{row.name} against {candidate.in_force}, on {cases}{told}."

    @property
    def count(self) -> str:
        """How many cases got worse, in words."""
        number = len(self.worse)
        if not number:
            return "No case got worse."
        return f"{number} case{'' if number == 1 else 's'} got worse; a click opens one."
