"""The suspects dock: truths that the networks contradict, and images that look alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout

from hubmap_viewer.docks.base import Dock
from hubmap_viewer.docks.look_alike_panel import LookAlikePanel
from hubmap_viewer.docks.suspect_panel import SuspectPanel
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.look_alikes import LookAlikes
from hubmap_viewer.session import Session
from hubmap_viewer.suspicions import Suspicions

HINT = "Suspects: truths that out-of-fold predictions contradict, and images that look alike."


class SuspectsDock(Dock):
    """Truths that the networks contradict, and images that look alike."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self.truths = SuspectPanel(session, Suspicions(session), jobs)
        self.alike = LookAlikePanel(session, LookAlikes(session), jobs)
        self.choice = QButtonGroup(self)
        self._pages, searches = QStackedWidget(), QStackedWidget()
        column = QVBoxLayout()
        column.setSpacing(2)
        pages = (("Truths", self.truths), ("Look-alikes", self.alike))
        for number, (name, page) in enumerate(pages):
            button = QPushButton(name)
            button.setCheckable(True)
            button.setChecked(number == 0)
            self.choice.addButton(button, number)
            column.addWidget(button)
            self._pages.addWidget(page)
            searches.addWidget(page.search)
            page.failed.connect(self._on_failed)
        column.addWidget(searches, 1)
        self.choice.idClicked.connect(self._pages.setCurrentIndex)
        self.choice.idClicked.connect(searches.setCurrentIndex)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addLayout(column)
        row.addWidget(self._pages, 1)
        self.body.addLayout(row, 1)
        session.cohort_opened.connect(lambda: self.notice.hide())

    def _on_failed(self, error: BaseException) -> None:
        self.notice.tell(str(error), wrong=True)
