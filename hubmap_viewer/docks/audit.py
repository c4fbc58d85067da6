"""The audit dock: many predictions accepted at once and checked, and blind second looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout

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
    """Accept many, check a sample of them, look a second time: three columns."""

    put_up = Signal(object, str)
    """Ids that the queue is to go through, and why these; none for the whole queue."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self.check = CheckPanel(SampleCheck(session))
        self.accept = AcceptForm(session, BulkAccept(session), jobs)
        self.blind = BlindPanel(session, SecondLook(session), jobs)
        self.accept.accepted.connect(self.check.show_last)
        self.accept.failed.connect(self._on_failed)
        self.blind.failed.connect(self._on_failed)
        self.check.model.put_up.connect(self.put_up.emit)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.accept, 4)
        row.addWidget(_line())
        row.addWidget(self.check, 5)
        row.addWidget(_line())
        row.addWidget(self.blind, 4)
        self.body.addLayout(row, 1)
        session.cohort_opened.connect(self.notice.hide)

    def _on_failed(self, error: BaseException) -> None:
        self.notice.tell(str(error), wrong=True)


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.VLine)
    line.setStyleSheet("QFrame { color: #5a6068; }")
    return line
