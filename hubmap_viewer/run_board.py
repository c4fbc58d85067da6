"""The open cohort's runs: what each is worth, which to trust, and which is in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from hubmap_viewer.finding_list import Call
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.errors import TrainerError
from trainer.review.compare import ALL
from trainer.review.leader_board import Board, RunRow, board, enter_score, score_of
from trainer.review.promotion import Promotion, back, history, standing

"""Folder in a run's of its out-of-fold predictions."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the cohort's folder says of its runs.

    Attributes
    ----------
    standing
        Promotions that were not taken back, the one in force last.
    """

    board: Board
    standing: tuple[Promotion, ...]


class RunBoard:
    """The leader board as it was last read.

    Parameters
    ----------
    call
        Calls a function away from the window.

    Attributes
    ----------
    known
        None until it is read.
    chosen
        Folder of the run that is looked at.
    """

    changed = Signal()
    failed = Signal(object)
    put_back = Signal(str)
    """The run that is in force again; empty for none."""

    def __init__(self, session: Session, call: Call) -> None:
        self.session, self._call = session, call
        self.known: Known | None = None
        self.chosen: Path | None = None
        session.cohort_opened.connect(self._forget)

    # -- reading ------------------------------------------------------------------------

    def renew(self) -> None:
        """Read the runs' folders anew, in the background."""
        cohort = self.session.cohort
        if cohort is None:
            return

        def put(known: Known) -> None:
            if self.session.cohort is cohort:
                self.put(known)

        self._call(lambda: read(cohort), put, self.failed.emit)

    def put(self, known: Known) -> None:
        """Take what was read; the run that was looked at stays so."""
        self.known = known
        if self.row is None:
            self.chosen = known.board.rows[0].folder if known.board.rows else None
        self.changed.emit()

    def _forget(self) -> None:
        self.known = self.chosen = None
        self.changed.emit()

    # -- what is known ------------------------------------------------------------------

    @property
    def rows(self) -> tuple[RunRow, ...]:
        """The best first, as the board ranks them."""
        return () if self.known is None else self.known.board.rows

    @property
    def row(self) -> RunRow | None:
        """The run that is looked at."""
        return next((row for row in self.rows if row.folder == self.chosen), None)

    @property
    def organs(self) -> list[str]:
        """Of any run, all of them together first; one alone is all there is."""
        found = {organ for row in self.rows for organ in row.organs}
        told = found - {ALL} if len(found) == 2 else found
        return sorted(told, key=lambda organ: (organ != ALL, organ))

    @property
    def in_force(self) -> Path | None:
        """Folder of the run whose ensemble is in force."""
        return self._run_of(-1)

    @property
    def before(self) -> Path | None:
        """Folder of the run that a step back puts in force again; None: then none is."""
        return self._run_of(-2)

    def _run_of(self, place: int) -> Path | None:
        cohort, known = self.session.cohort, self.known
        if cohort is None or known is None or len(known.standing) < -place:
            return None
        return (cohort.folder / known.standing[place].run).resolve()

    def is_in_force(self, row: RunRow) -> bool:
        """Whether the run's ensemble is in force."""
        return self.in_force is not None and row.folder.resolve() == self.in_force

    def against(self, row: RunRow) -> RunRow | None:
        """The run to compare one with: that in force, else its parent, else the best other."""
        others = [other for other in self.rows if other is not row and not why_not(other)]
        in_force = [other for other in others if self.is_in_force(other)]
        parents = [other for other in others if other.name == row.parent]
        return next(iter([*in_force, *parents, *others]), None)

    # -- acting -------------------------------------------------------------------------

    def choose(self, row: RunRow) -> None:
        """Look at a run."""
        self.chosen = row.folder
        self.changed.emit()

    def keep_score(self, row: RunRow, text: str) -> None:
        """Keep a run's public score beside it, or take it away where nothing is given."""
        try:
            enter_score(row.folder, score_of(text))
        except TrainerError as error:
            self.failed.emit(error)
            return
        self.renew()

    def show(self, row: RunRow, beside: RunRow | None = None) -> None:
        """Show a run's out-of-fold predictions, beside another's if one is given."""
        try:
            shown = Predictions.open(row.folder / OUT_OF_FOLD)
            if beside is None:
                self.session.use_predictions(shown)
            else:
                self.session.use_pair(Predictions.open(beside.folder / OUT_OF_FOLD), shown)
        except TrainerError as error:
            self.failed.emit(error)

    def step_back(self) -> None:
        """Put in force what was before the last promotion."""
        cohort = self.session.cohort
        if cohort is None:
            return
        try:
            done = back(cohort)
        except TrainerError as error:
            self.failed.emit(error)
            return
        self.put_back.emit(Path(done.run).name if done.run else "")
        self.renew()


def read(cohort: Cohort) -> Known:
    """What the cohort's folder says of its runs.

    Raises
    ------
    SettingsError
        If what it says of promotions is damaged.
    """
    return Known(board(cohort), tuple(standing(history(cohort.folder))))


def why_not(row: RunRow) -> str:
    """Why a run can neither be shown nor promoted; empty if it can."""
    if not row.finished:
        return "It is not finished."
    if not (row.folder / OUT_OF_FOLD / "prediction.json").is_file():
        return "It has no out-of-fold predictions to judge by."
    return ""
