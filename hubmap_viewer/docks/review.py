"""The review dock: the queue of cases, the findings of the open one, and the verdict on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QSplitter, QToolButton

from hubmap_viewer import keys
from hubmap_viewer.docks.base import Dock
from hubmap_viewer.docks.case_panel import CasePanel
from hubmap_viewer.docks.findings_panel import FindingsPanel
from hubmap_viewer.docks.key_list import KeyList
from hubmap_viewer.docks.queue_view import QueueView
from hubmap_viewer.docks.recovery_bar import RecoveryBar
from hubmap_viewer.finding_list import FindingList
from hubmap_viewer.recovery import Recovery
from hubmap_viewer.reviewing import Reviewing
from hubmap_viewer.session import Session

HINT = "Review cases: see where prediction and truth disagree, mend the mask, give a verdict."


class ReviewDock(Dock):
    """The queue above, the open case's findings under it, the verdict at the bottom."""

    def __init__(
        self,
        session: Session,
        open_cohort: Callable[[Path], None],
        chosen: keys.Chosen,
        review: Reviewing,
        recovery: Recovery,
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self.recovery_bar = RecoveryBar(session, recovery)
        self.queue_view = QueueView(session, review.queue, review.thumbnails)
        self.findings_panel = FindingsPanel(
            session, chosen, review.findings, review.deciding, review.tags
        )
        self.case_panel = CasePanel(session, chosen, review.deciding, self)
        self.key_list = KeyList(self, chosen)
        self.help = QToolButton()
        self._build_help()
        self._bind_findings(chosen, review.findings)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.queue_view)
        halves.addWidget(self.findings_panel)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        self.body.addWidget(self.recovery_bar)
        self.body.addWidget(halves, 1)
        self.body.addWidget(self.case_panel)
        self.queue_view.table.doubleClicked.connect(self._open_row)
        self.queue_view.table.activated.connect(self._open_row)
        session.case_wanted.connect(lambda _: self.notice.hide())
        session.case_failed.connect(self._on_failed)
        session.leaving.connect(self.queue_view.remember)

    def _build_help(self) -> None:
        self.help.setText("?")
        self.help.setToolTip("Show the keys (?)")
        self.help.clicked.connect(self._show_keys)
        self.queue_view.add_button(self.help)
        asked = QShortcut(QKeySequence("?"), self)
        asked.setContext(Qt.ShortcutContext.WindowShortcut)
        asked.activated.connect(self._show_keys)

    def _bind_findings(self, chosen: keys.Chosen, findings: FindingList) -> None:
        for key, by in ((keys.NEXT_FINDING, 1), (keys.PREVIOUS_FINDING, -1)):
            shortcut = QShortcut(QKeySequence(chosen[key]), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda by=by: findings.step(by))

    def _show_keys(self) -> None:
        self.key_list.show()
        self.key_list.raise_()

    def _on_failed(self, case_id: str) -> None:
        self.case_panel.show_case()
        here = self.session.open
        still = "" if here is None else f" Case {here.id} is still open."
        self.notice.tell(f"Case {case_id} could not be opened.{still}", wrong=True)

    def _open_row(self, index: QModelIndex) -> None:
        case_id = self.queue_view.id_at(index)
        assert self.session.cohort is not None
        problem = self.session.cohort.cases[case_id].problem
        if problem:
            self.notice.tell(problem, wrong=True)
        else:
            self.session.want(case_id)
