"""The audit dock: many predictions accepted at once and checked, and blind second looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
)

from hubmap_viewer.audit import BulkAccept
from hubmap_viewer.blind import SecondLook
from hubmap_viewer.checking import SampleCheck
from hubmap_viewer.docks.accept_form import AcceptForm
from hubmap_viewer.docks.base import Dock
from hubmap_viewer.docks.blind_panel import BlindPanel
from hubmap_viewer.docks.check_panel import CheckPanel
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session

HINT = "Audit: accept many predictions by a rule and check a sample, or redraw some cases blind."


class AuditDock(Dock):
    """Accept many and check a sample of them; or look a second time."""

    put_up = Signal(object, str)
    """Ids that the queue is to go through, and why these; none for the whole queue."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self.check = CheckPanel(SampleCheck(session))
        self.accept = AcceptForm(session, BulkAccept(session), jobs)
        self.blind = BlindPanel(session, SecondLook(session), jobs)
        self.accept.accepted.connect(self._on_accepted)
        self.accept.failed.connect(self._on_failed)
        self.blind.failed.connect(self._on_failed)
        self.check.model.put_up.connect(self.put_up.emit)
        self._pages = QStackedWidget()
        for page in (self.accept, self.check, self.blind):
            self._pages.addWidget(page)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addLayout(self._choices())
        row.addWidget(_line())
        row.addWidget(self._pages, 1)
        self.body.addLayout(row, 1)
        session.cohort_opened.connect(lambda: self.notice.hide())
        session.cohort_opened.connect(self.check.show_last)

    def _choices(self) -> QVBoxLayout:
        """A button a page: there is too little height for all at once."""
        column = QVBoxLayout()
        column.setSpacing(2)
        group = QButtonGroup(self)
        group.setExclusive(True)
        for number, name in enumerate(("Accept many", "Check sample", "Second look")):
            button = QPushButton(name)
            button.setCheckable(True)
            button.setChecked(number == 0)
            group.addButton(button, number)
            column.addWidget(button)
        column.addStretch(1)
        group.idClicked.connect(self._pages.setCurrentIndex)
        self.choice = group
        return column

    def _on_accepted(self, drawn: bool) -> None:
        self.check.show_last()
        button = self.choice.button(1)
        if drawn and button is not None:
            button.click()

    def _on_failed(self, error: BaseException) -> None:
        self.notice.tell(str(error), wrong=True)


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.VLine)
    line.setStyleSheet("QFrame { color: #5a6068; }")
    return line
