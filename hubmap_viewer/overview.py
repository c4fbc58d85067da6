"""The cohort's Dice per organ, kept up with the session; the rules behind the picture."""

from __future__ import annotations

import numpy as np
from psygnal import Signal

from hubmap_viewer.organ_figures import ALL, SIDES, Figures, Side, Strip, Summary
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session


class Overview:
    """The session's cohort per organ; told of one case, it reads that case alone again.

    Attributes
    ----------
    strips
        One an organ, in the csv's order.
    summaries
        One an organ, and one of all organs.
    """

    stale = Signal()
    """Something is new: call `refresh`, at once or together with what comes next."""
    changed = Signal()
    """Strips and summaries are new."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chosen: Side = "prediction"
        self._figures = Figures(())
        self._news: set[str] = set()
        self._is_stale = False
        self.strips: tuple[Strip, ...] = ()
        self.summaries: tuple[Summary, ...] = ()
        session.cohort_opened.connect(self._on_cohort)
        session.case_updated.connect(self._on_case)
        # a case that is to be drawn blind has lost its scores
        session.case_wanted.connect(self._on_case)
        session.scores_changed.connect(self._on_many)
        session.predictions_changed.connect(self._on_many)
        session.queue_changed.connect(self._touch)
        if session.cohort is not None:
            self._on_cohort()

    # -- what is shown ------------------------------------------------------------------

    @property
    def sides(self) -> tuple[Side, ...]:
        """The masks that there are to choose from."""
        here = {"second": self._session.second is not None, "curated": bool(self._session.reviews)}
        return tuple(side for side in SIDES if here.get(side, True))

    @property
    def side(self) -> Side:
        """The mask whose Dice is shown."""
        return self._chosen if self._chosen in self.sides else "prediction"

    def choose(self, side: Side) -> None:
        """Show another mask's Dice."""
        self._chosen = side
        self._touch()
        self.refresh()

    @property
    def seen(self) -> int:
        """Cases that are shown but left out of the statistics."""
        return self.summaries[-1].seen if self.summaries else 0

    def name(self, case_id: str) -> str:
        """A case in one line: id, organ, Dice, status."""
        cohort = self._session.cohort
        assert cohort is not None
        row, column = self._figures.rows[case_id], SIDES.index(self.side)
        dice = self._figures.dice[row, column]
        parts = [case_id, cohort.cases[case_id].organ]
        parts += ["no Dice" if np.isnan(dice) else f"Dice {dice:.3f}"]
        parts += [self._session.status(case_id)]
        if self._figures.seen[row, column]:
            parts.append("seen in training, left out")
        return " · ".join(parts)

    # -- hearing ------------------------------------------------------------------------

    def _on_cohort(self) -> None:
        cohort = self._session.cohort
        self._figures = Figures(() if cohort is None else cohort.cases.values())
        self._chosen = "prediction"
        self._on_many()
        self.refresh()

    def _on_case(self, case_id: str) -> None:
        self._news.add(case_id)
        self._touch()

    def _on_many(self) -> None:
        self._news.update(self._figures.rows)
        self._touch()

    def _touch(self) -> None:
        if not self._is_stale:
            self._is_stale = True
            self.stale.emit()

    def refresh(self) -> None:
        """Take in what is new since the last time."""
        if not self._is_stale:
            return
        self._is_stale = False
        nothing, session = Scores(), self._session
        for case_id in self._news & self._figures.rows.keys():
            scores = session.scores.get(case_id, nothing)
            self._figures.put(case_id, scores, kept=session.is_kept(case_id))
        self._news.clear()
        queued = self._figures.mask(session.queue)
        side = self.side
        self.strips = tuple(
            self._figures.strip(organ, side, queued) for organ in self._figures.organs
        )
        organs = [self._figures.summary(organ, side) for organ in self._figures.organs]
        self.summaries = (*organs, self._figures.summary(ALL, side)) if organs else ()
        self.changed.emit()
