"""The runs dock: the cohort's leader board, and the way of a run into force and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QStackedWidget

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.docks.promotion_page import PromotionPage
from hubmap_viewer.docks.run_page import RunPage
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.promoting import Promoting
from hubmap_viewer.run_board import RunBoard
from hubmap_viewer.session import Session
from trainer.review.leader_board import RunRow

HINT = "Runs: what each training is worth, which to trust, and which one is in force."


class RunsDock(Dock):
    """The leader board; or a run that is compared before it takes over."""

    ensembles_changed = Signal()
    """Another ensemble is in force, or none."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self.board = RunPage(RunBoard(session, jobs.call))
        self.promotion = PromotionPage(session, Promoting(session), jobs)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.board)
        self._pages.addWidget(self.promotion)
        self.body.addWidget(self._pages, 1)
        self._listen()

    def _listen(self) -> None:
        self.session.cohort_opened.connect(self._on_cohort)
        self.board.considered.connect(self._consider)
        self.board.model.failed.connect(self._fail)
        self.board.model.put_back.connect(self._on_put_back)
        self.promotion.left.connect(lambda: self._pages.setCurrentWidget(self.board))
        self.promotion.failed.connect(self._fail)
        self.promotion.model.failed.connect(self._fail)
        self.promotion.model.promoted.connect(self._on_promoted)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Read what there is when it is to be seen: a training may have ended meanwhile."""
        super().showEvent(a0)
        self.refresh()

    def refresh(self) -> None:
        """Read the runs anew, while somebody looks."""
        if self.isVisible():
            self.board.model.renew()

    def _on_cohort(self) -> None:
        self.notice.hide()
        self.promotion.stop()
        self._pages.setCurrentWidget(self.board)
        self.refresh()

    def _consider(self, row: RunRow) -> None:
        self.notice.hide()
        if not self.session.flush():
            self.notice.tell("The last edits could not be saved yet; try again.", wrong=True)
            return
        self.promotion.model.consider(row)
        self._pages.setCurrentWidget(self.promotion)
        self.promotion.start()

    def _on_promoted(self, name: str) -> None:
        self._pages.setCurrentWidget(self.board)
        self.notice.tell(f"{name} is in force: in Ensemble it is named “promoted”.")
        self._on_changed()

    def _on_put_back(self, name: str) -> None:
        self.notice.tell(f"{name} is in force again." if name else "No run is in force any more.")
        self._on_changed()

    def _on_changed(self) -> None:
        self.ensembles_changed.emit()
        self.refresh()

    def _fail(self, error: BaseException) -> None:
        self.notice.tell(str(error), wrong=True)
