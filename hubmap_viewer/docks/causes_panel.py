"""How often each organ fails, and why: counts to click, and a csv to take away."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QFont
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QWidget,
)

from hubmap_viewer.case_queue import CaseQueue
from hubmap_viewer.cause_counts import ANY, CauseCounts
from hubmap_viewer.docks.base import Notice, enable, quiet
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.organ_figures import ALL

_ROW = 20
"""Height of a row in pixels: five organs and their sum are in sight at once."""

NONE = "No failure has a cause yet: tag a case or a finding in the Review dock."


class CausesPanel(QWidget):
    """Counts of tags per organ and cause; a click puts their cases in the queue.

    Parameters
    ----------
    notice
        Where it is told what was written, or why not.
    """

    def __init__(self, counts: CauseCounts, queue: CaseQueue, jobs: Jobs, notice: Notice) -> None:
        super().__init__()
        self._counts, self._queue, self._jobs, self._notice = counts, queue, jobs, notice
        self.model = CausesModel(counts)
        self.table = QTableView()
        self.words = quiet()
        self.export = QPushButton("Export…")
        self.export.clicked.connect(self._ask_place)
        self._build()
        counts.changed.connect(self._update)
        self._update()

    def _build(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setAccessibleName("Tags per organ and cause")
        down, across = table.verticalHeader(), table.horizontalHeader()
        assert down is not None
        assert across is not None
        across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setMinimumSectionSize(1)
        down.setDefaultSectionSize(_ROW)
        for header in (down, across):
            header.setHighlightSections(False)
        table.clicked.connect(self._narrow)
        table.activated.connect(self._narrow)
        # above the table: a low dock would hide what is below it
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setVerticalSpacing(2)
        layout.setColumnStretch(0, 1)
        layout.addWidget(self.words, 0, 0)
        layout.addWidget(self.export, 0, 1)
        layout.addWidget(table, 1, 0, 1, 2)

    def _update(self) -> None:
        tagged = self._counts.count(ALL, ANY)
        self.words.setText("Click a count to have its cases as the queue." if tagged else NONE)
        enable(self.export, "" if tagged else NONE)
        head = self.table.horizontalHeader()
        assert head is not None
        rows = self.model.rowCount() * _ROW
        self.table.setFixedHeight(head.sizeHint().height() + rows + 2 * self.table.frameWidth())

    def _narrow(self, index: QModelIndex) -> None:
        organ, cause = self.model.place(index)
        ids = self._counts.cases(organ, cause)
        if ids:
            why = "with a cause" if cause == ANY else f"tagged {cause}"
            self._queue.show_only(ids, f"{organ}, {why}")

    def _ask_place(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Export the causes", "causes.csv", "*.csv")
        if chosen:
            self.write(Path(chosen))

    def write(self, path: Path) -> None:
        """Write the tags to a csv, away from the window."""
        self._jobs.call(
            partial(self._counts.write, path),
            lambda count: self._notice.tell(f"Wrote {count} tags to {path}."),
            lambda error: self._notice.tell(str(error), wrong=True),
        )


class CausesModel(QAbstractTableModel):
    """One row an organ, one column a cause."""

    def __init__(self, counts: CauseCounts) -> None:
        super().__init__()
        self._counts = counts
        counts.changed.connect(self._reset)

    def place(self, index: QModelIndex) -> tuple[str, str]:
        """Organ and cause of a cell."""
        return self._counts.organs[index.row()], self._counts.causes[index.column()]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._counts.organs)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._counts.causes)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        horizontal = orientation == Qt.Orientation.Horizontal
        return (self._counts.causes if horizontal else self._counts.organs)[section]

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        organ, cause = self.place(index)
        count = self._counts.count(organ, cause)
        if role == Qt.ItemDataRole.DisplayRole:
            return str(count)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and count:
            return f"{count} tags on {len(self._counts.cases(organ, cause))} cases: click for them"
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setBold(organ == ALL or cause == ANY)
            font.setUnderline(bool(count))
            return font
        return None

    def _reset(self) -> None:
        self.beginResetModel()
        self.endResetModel()
