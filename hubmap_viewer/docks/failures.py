"""The failures dock: every case of every organ as a dot, and what each organ loses to what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QResizeEvent, QShowEvent, QStandardItemModel
from qtpy.QtWidgets import QComboBox, QDockWidget, QGridLayout, QHBoxLayout

from hubmap_viewer import colours
from hubmap_viewer.cause_counts import CauseCounts
from hubmap_viewer.docks.base import Dock, combo, quiet
from hubmap_viewer.docks.causes_panel import CausesPanel
from hubmap_viewer.docks.closing import main_window_of
from hubmap_viewer.docks.organ_table import OrganTable
from hubmap_viewer.docks.report_button import ReportButton
from hubmap_viewer.docks.room import grow, share_left
from hubmap_viewer.docks.strips import ROW, Strips
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.organ_figures import SIDES, Side
from hubmap_viewer.overview import Overview
from hubmap_viewer.reviewing import Reviewing
from hubmap_viewer.session import Session

HINT = "Failures: one strip an organ, one dot a case; what each organ loses, and to what."

_WORDS: dict[Side, str] = {
    "prediction": "Dice: prediction",
    "second": "Dice: second",
    "curated": "Dice: curated",
}
_WHY_NOT: dict[Side, str] = {
    "prediction": "",
    "second": "No second ensemble is shown yet.",
    "curated": "No mask is curated yet.",
}
_TICKS: dict[Side, str] = {
    "prediction": "prediction",
    "second": "second ensemble",
    "curated": "curated",
}

TOGETHER = 150
"""Milliseconds within which new scores are taken in together."""

HEAD = 28
"""Height in pixels of the choice above the strips, and of the table's header beside it."""

HEIGHT = HEAD + 8 * ROW + 28
"""Of the dock and its tab in pixels until somebody chooses another: five organs in sight."""

TALLEST = 44
"""Height of a strip in pixels beyond which room is left empty."""


class FailuresDock(Dock):
    """Every case of every organ as a dot, and what each organ loses to what."""

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        open_cohort: Callable[[Path], None],
        review: Reviewing,
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        counts = CauseCounts(session, review.tags)
        self.causes = CausesPanel(counts, review.queue, jobs, self.notice)
        self.overview = Overview(session)
        self.choice, self.words = combo(), quiet()
        self.report = ReportButton(session, jobs)
        self.strips = Strips(self.overview.name)
        self.table = OrganTable(self.overview, HEAD)
        self._is_placed = self._had_case = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOGETHER)
        self._timer.timeout.connect(self.overview.refresh)
        self._build()
        self._listen()
        self._show()

    def _build(self) -> None:
        for side in SIDES:
            self.choice.addItem(_WORDS[side], side)
        self.choice.addItem("Causes of failures")
        self.choice.setFixedHeight(HEAD)
        self.choice.setAccessibleName("What is shown")
        grid = QGridLayout()
        grid.setSpacing(0)
        grid.setColumnStretch(0, 1)
        top = Qt.AlignmentFlag.AlignTop
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.choice, 1)
        head.addWidget(self.report)
        self.report.setFixedHeight(HEAD)
        self.report.told.connect(lambda said, wrong: self.notice.tell(said, wrong=wrong))
        grid.addLayout(head, 0, 0)
        grid.addWidget(self.strips, 1, 0, top)
        grid.addWidget(self.table, 0, 1, 2, 1, top)
        grid.addWidget(self.words, 2, 0, 1, 2)
        grid.addWidget(self.causes, 3, 0, 1, 2)
        self.causes.hide()
        self.body.setContentsMargins(4, 2, 4, 2)
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def _listen(self) -> None:
        session = self.session
        self.choice.currentIndexChanged.connect(self._choose)
        self.strips.picked.connect(session.want)
        self.table.picked.connect(session.want)
        self.overview.stale.connect(self._refresh_soon)
        self.overview.changed.connect(self._show)
        session.case_wanted.connect(self.strips.mark)
        session.case_opened.connect(self._mark_open)
        session.case_opened.connect(self._on_first_case)
        session.case_failed.connect(lambda _case_id: self._mark_open())

    def _refresh_soon(self) -> None:
        """Take in what is new, together with what comes next; later if nobody looks."""
        if self.isVisible():
            self._timer.start()

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        super().showEvent(a0)
        self.overview.refresh()
        if not self._is_placed:
            self._is_placed = True
            QTimer.singleShot(0, self._take_height)

    def _on_first_case(self) -> None:
        """The layers' controls are there now, and push from the left."""
        if not self._had_case:
            self._had_case = True
            QTimer.singleShot(0, self._take_height)

    def _take_height(self) -> None:
        """Have the room for five organs from the start, where the window has it."""
        window, holder = main_window_of(self), self.parentWidget()
        if window is not None and isinstance(holder, QDockWidget) and self.height() < HEIGHT:
            share_left(window, HEIGHT)
            QTimer.singleShot(0, partial(grow, window, holder, HEIGHT))

    # -- showing --------------------------------------------------------------------------

    def _show(self) -> None:
        self._show_choice()
        self.strips.show_strips(self.overview.strips, colours.SIDE[self.overview.side])
        self.table.updateGeometry()
        self._fit()
        self._mark_open()
        seen, words = self.overview.seen, []
        if seen:
            words.append(f"○ {seen} seen in training, left out")
        if self.overview.side == "prediction":
            words.append("lost to each kind per case: findings at the ensemble's own threshold")
        there = {beside.side for strip in self.overview.strips for beside in strip.beside}
        for side, name in _TICKS.items():
            if side in there:
                tick = f'<span style="color:{colours.SIDE[side]}">┃</span>'
                words.append(f"{tick} below the dots: {name}")
        self.words.setText(" · ".join(words))

    def _show_choice(self) -> None:
        there = self.overview.sides
        for row, side in enumerate(SIDES):
            _enable_item(self.choice, row, "" if side in there else _WHY_NOT[side])
        if self.choice.currentData() is not None:
            self.choice.blockSignals(True)
            self.choice.setCurrentIndex(self.choice.findData(self.overview.side))
            self.choice.blockSignals(False)

    def _choose(self) -> None:
        side = self.choice.currentData()
        for part in (self.strips, self.table, self.words):
            part.setVisible(side is not None)
        self.causes.setVisible(side is None)
        if side is not None:
            self.overview.choose(side)

    def _mark_open(self) -> None:
        here = self.session.open
        self.strips.mark(None if here is None else here.id)

    def _fit(self) -> None:
        """Have strips and table stand row by row, and use the height that there is."""
        rows = len(self.overview.summaries) or 1
        room = self.pages.height() - HEAD - self.words.sizeHint().height() - 8
        height = max(ROW, min(TALLEST, room // rows))
        self.table.set_row(height)
        self.strips.set_rows(self.table.frameWidth(), height)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802
        super().resizeEvent(a0)
        self._fit()


def _enable_item(box: QComboBox, row: int, why_not: str) -> None:
    model = box.model()
    assert isinstance(model, QStandardItemModel)
    item = model.item(row)
    assert item is not None
    item.setEnabled(not why_not)
    item.setToolTip(why_not)
