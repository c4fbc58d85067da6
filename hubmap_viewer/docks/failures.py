"""The failures dock: every case of every organ as a dot, and what each organ loses to what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QSize, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy

from hubmap_viewer import colours
from hubmap_viewer.docks.base import Dock, quiet
from hubmap_viewer.docks.organ_table import OrganTable
from hubmap_viewer.docks.strips import ROW, Strips
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.overview import Overview
from hubmap_viewer.session import Session

HINT = "Failures: one strip an organ, one dot a case; what each organ loses, and to what."

SIDES = {
    "prediction": ("the prediction", colours.PREDICTION),
    "second": ("the second ensemble", colours.SECOND),
    "curated": ("the curated mask", colours.CURATED),
}

TOGETHER = 100
"""Milliseconds within which new scores are taken in together."""

HEIGHT = 8 * ROW + 20
"""Of the dock in pixels, as long as nobody chooses another: five organs without scrolling."""

TALLEST = 44
"""Height of a strip in pixels beyond which room is left empty."""


class FailuresDock(Dock):
    """Every case of every organ as a dot, and what each organ loses to what."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
        self.overview = Overview(session)
        self.sides = QComboBox()
        self.words = quiet()
        self.strips = Strips(self.overview.name)
        self.table = OrganTable(self.overview)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOGETHER)
        self._timer.timeout.connect(self.overview.refresh)
        self._build()
        self.overview.stale.connect(self._timer.start)
        self.overview.changed.connect(self._show)
        session.case_wanted.connect(self.strips.mark)
        session.case_opened.connect(self._mark_open)
        session.case_failed.connect(lambda _case_id: self._mark_open())
        session.thresholds_changed.connect(self._tell)
        self._show()

    def _build(self) -> None:
        self.sides.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.sides.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.sides.setAccessibleName("The mask whose Dice is shown")
        self.sides.currentIndexChanged.connect(self._choose)
        head = QHBoxLayout()
        head.addWidget(QLabel("Dice of"))
        head.addWidget(self.sides)
        head.addWidget(QLabel("against truth"))
        head.addWidget(self.words, 1)
        self.body.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.strips, 1)
        row.addWidget(self.table)
        self.body.addLayout(row)
        self.body.addStretch(1)
        self.strips.picked.connect(self.session.want)
        self.table.picked.connect(self.session.want)

    # -- showing --------------------------------------------------------------------------

    def _show(self) -> None:
        side = self.overview.side
        self._show_sides()
        self.strips.show_strips(self.overview.strips, SIDES[side][1])
        self.table.updateGeometry()
        self._fit()
        self._mark_open()
        self._tell()

    def _show_sides(self) -> None:
        there = self.overview.sides
        if [self.sides.itemData(row) for row in range(self.sides.count())] != list(there):
            self.sides.blockSignals(True)
            self.sides.clear()
            for side in there:
                self.sides.addItem(SIDES[side][0], side)
            self.sides.blockSignals(False)
        self.sides.blockSignals(True)
        self.sides.setCurrentIndex(there.index(self.overview.side))
        self.sides.blockSignals(False)
        only = "" if len(there) > 1 else "There is no second ensemble and no curated mask yet."
        self.sides.setToolTip(only)

    def _choose(self) -> None:
        self.overview.choose(self.sides.currentData())

    def _tell(self) -> None:
        parts = []
        if self.overview.seen:
            parts.append(f"○ {self.overview.seen} seen in training, left out")
        if self.overview.side == "prediction":
            parts.append("losses: findings at the ensemble's own threshold")
        self.words.setText(" · ".join(parts))

    def _mark_open(self) -> None:
        here = self.session.open
        self.strips.mark(None if here is None else here.id)

    def _fit(self) -> None:
        """Have strips and table stand row by row, and use the height that there is."""
        rows = len(self.overview.summaries) or 1
        page = self.pages.currentWidget()
        room = 0 if page is None else page.height() - self.strips.y() - 8
        height = max(ROW, min(TALLEST, (room - self.table.top) // rows))
        self.table.set_row(height)
        self.strips.set_rows(self.table.top, height)

    def sizeHint(self) -> QSize:  # noqa: N802
        """All strips of five organs, before a cohort says how many it has."""
        return QSize(super().sizeHint().width(), HEIGHT)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802
        super().resizeEvent(a0)
        self._fit()
