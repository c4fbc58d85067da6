"""What each organ scores and what it loses to what, as a table beside the strips."""

from __future__ import annotations

from typing import Any

from psygnal import Signal
from qtpy.QtCore import QAbstractTableModel, QEvent, QModelIndex, QSize, Qt
from qtpy.QtGui import QFont
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableView

from hubmap_viewer.organ_figures import ALL, WORST, Lost, Summary
from hubmap_viewer.overview import Overview
from trainer.data.findings import KINDS

SMALLER = 0.9
"""Of the window's letters: all columns are to be in sight on a screen of 1280 pixels."""

_FIGURES = ("n", "mean", "median")
COLUMNS = (*_FIGURES, *KINDS, *("worst", "2nd", "3rd")[:WORST])
_FIRST_KIND = len(_FIGURES)
_FIRST_WORST = _FIRST_KIND + len(KINDS)

_TIPS = {
    "n": "Cases with a Dice that were not seen in training",
    "mean": "Mean Dice",
    "median": "Median Dice",
    "missed": "units of truth that the prediction has not",
    "spurious": "units of the prediction that truth has not",
    "merged": "units that the prediction has as one",
    "split": "units that the prediction has in pieces",
    "boundary": "edges of units that are found",
}


class OrganModel(QAbstractTableModel):
    """One row an organ, and one of all organs."""

    def __init__(self, overview: Overview) -> None:
        super().__init__()
        self._overview = overview
        self._rows: tuple[Summary, ...] = ()
        self._font = QFont()
        overview.changed.connect(self._reset)
        self._reset()

    def set_font(self, font: QFont) -> None:
        """Write in these letters."""
        self._font = font
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        self._reset()

    def case_at(self, index: QModelIndex) -> str | None:
        """The id in a cell of the worst cases."""
        place = index.column() - _FIRST_WORST
        worst = self._rows[index.row()].worst
        return worst[place] if 0 <= place < len(worst) else None

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.FontRole:
            return self._font
        name = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role == Qt.ItemDataRole.ToolTipRole:
            if name in KINDS:
                return f"Mean Dice lost per case, and number of findings: {_TIPS[name]}"
            return _TIPS.get(name, "The organ's worst cases: click to open")
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.FontRole:
            font = QFont(self._font)
            font.setBold(row.organ == ALL)
            font.setUnderline(self.case_at(index) is not None)
            return font
        return None

    def _text(self, row: Summary, column: int) -> str:
        if column >= _FIRST_WORST:
            place = column - _FIRST_WORST
            return row.worst[place] if place < len(row.worst) else ""
        if column >= _FIRST_KIND:
            lost = row.losses.get(COLUMNS[column])
            return "–" if lost is None else loss_text(lost)
        if column == 0:
            return str(row.cases)
        value = row.mean if column == 1 else row.median
        return "–" if value is None else f"{value:.3f}"

    def _tip(self, row: Summary, column: int) -> str | None:
        if column >= _FIRST_WORST:
            place = column - _FIRST_WORST
            return self._overview.name(row.worst[place]) if place < len(row.worst) else None
        if column >= _FIRST_KIND:
            return self._tip_of_kind(row, COLUMNS[column])
        if column == 0 and row.seen:
            return f"{row.seen} more seen in training, left out"
        return None

    def _tip_of_kind(self, row: Summary, kind: str) -> str:
        if self._overview.side != "prediction":
            return "Findings are told apart for the shown prediction only"
        lost = row.losses.get(kind)
        if lost is None:
            return "No findings are known yet"
        return (
            f"{row.organ}: {lost.count} {kind} in {row.counted} cases "
            f"cost {lost.per_case:.4f} Dice per case"
        )

    def _reset(self) -> None:
        rows = self._overview.summaries
        if len(rows) != len(self._rows):
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        elif rows:
            self._rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))


class OrganTable(QTableView):
    """The table at its full height, so that its rows stand beside the strips.

    Parameters
    ----------
    head
        Height of its header, in pixels.
    """

    picked = Signal(str)
    """The id of one of the worst cases that was clicked, or entered by key."""

    def __init__(self, overview: Overview, head: int) -> None:
        super().__init__()
        self._head = head
        self._model = OrganModel(overview)
        self.setModel(self._model)
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Each organ's Dice, its worst cases, and what it loses to what")
        vertical, horizontal = self.verticalHeader(), self.horizontalHeader()
        assert vertical is not None
        assert horizontal is not None
        vertical.hide()
        vertical.setMinimumSectionSize(1)
        horizontal.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        horizontal.setMinimumSectionSize(28)
        horizontal.setFixedHeight(head)
        horizontal.setHighlightSections(False)
        horizontal.setStyleSheet("QHeaderView::section { padding: 2px 4px; }")
        self._follow_font()
        self.clicked.connect(self._open)
        self.activated.connect(self._open)

    def set_row(self, height: int) -> None:
        """Have rows of this height, in pixels, all in sight."""
        vertical = self.verticalHeader()
        assert vertical is not None
        vertical.setDefaultSectionSize(height)
        rows = self._model.rowCount() * height
        self.setFixedHeight(self._head + rows + 2 * self.frameWidth() + self._bar())

    def _bar(self) -> int:
        """Height of the scroll bar that a narrow window needs: it hides no row."""
        header, bar, viewport = self.horizontalHeader(), self.horizontalScrollBar(), self.viewport()
        assert header is not None
        assert bar is not None
        assert viewport is not None
        return bar.sizeHint().height() if header.length() > viewport.width() else 0

    def changeEvent(self, a0: QEvent | None) -> None:  # noqa: N802
        """Follow the window's letters, a little smaller: all columns are to be in sight."""
        super().changeEvent(a0)
        if a0 is not None and a0.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._follow_font()

    def _follow_font(self) -> None:
        font = QFont(self.font())
        if font.pointSizeF() > 0:
            font.setPointSizeF(SMALLER * font.pointSizeF())
        self._model.set_font(font)

    def sizeHint(self) -> QSize:  # noqa: N802
        header = self.horizontalHeader()
        width = 0 if header is None else header.length()
        return QSize(width + 2 * self.frameWidth(), self.height())

    def _open(self, index: QModelIndex) -> None:
        case_id = self._model.case_at(index)
        if case_id is not None:
            self.picked.emit(case_id)


def loss_text(lost: Lost) -> str:
    """Dice lost per case and how many findings, such as ``.047 ×12``."""
    return f"{lost.per_case:.3f}".removeprefix("0") + f" ×{lost.count}" if lost.count else "0"
