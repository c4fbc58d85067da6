"""A table of rows that are known all at once: sorted by any column, opened by a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psygnal import Signal
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSize, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

SORT_ROLE = Qt.ItemDataRole.UserRole
_ROW_HEIGHT = 22
_WISHED = 70
"""Height in pixels: a head and two rows. More is taken where there is room, never asked for:
a page that asks for more than its dock has would be scrolled as a whole."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of the table.

    Attributes
    ----------
    text
        Of a row, as it is shown.
    key
        Of a row, what it is sorted by; a number stands at the right. None sorts by the text.
    """

    title: str
    text: Callable[[Any], str]
    key: Callable[[Any], float] | None = None
    tip: str = ""


class _Rows(QAbstractTableModel):
    def __init__(self, cells: Sequence[Cell]) -> None:
        super().__init__()
        self._cells = cells
        self.rows: list[Any] = []

    def put(self, rows: Sequence[Any], cells: Sequence[Cell] | None) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        if cells is not None:
            self._cells = cells
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._cells)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        cell = self._cells[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.tip or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(cell)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, cell = self.rows[index.row()], self._cells[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text(row)
        if role == SORT_ROLE:
            return cell.text(row) if cell.key is None else cell.key(row)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(cell)
        return None


class RowTable(QTableView):
    """Rows as they are given, until the user sorts them.

    Parameters
    ----------
    cells
        The columns.
    name
        For screen readers: what the table tells.
    """

    picked = Signal(object)
    """The row that was clicked, or entered by key."""

    def __init__(self, cells: Sequence[Cell], name: str) -> None:
        super().__init__()
        self._rows = _Rows(cells)
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSourceModel(self._rows)
        self._sorted.setSortRole(SORT_ROLE)
        self.setModel(self._sorted)
        self.setAccessibleName(name)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self._shape_headers(stretch=cells[-1].key is None)
        self.clicked.connect(self._pick)
        self.activated.connect(self._pick)

    def put(self, rows: Sequence[Any], cells: Sequence[Cell] | None = None) -> None:
        """Show these rows; one at the same place stays selected, and nothing scrolls.

        With `cells` in other columns, as where these are the organs of a cohort.
        """
        at = self.currentIndex().row()
        self._rows.put(rows, cells)
        if 0 <= at < len(rows):
            self.selectRow(at)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(super().sizeHint().width(), _WISHED)

    @property
    def rows(self) -> list[Any]:
        """The rows in the order shown."""
        shown = range(self._sorted.rowCount())
        return [self._row(self._sorted.index(number, 0)) for number in shown]

    def texts(self, number: int) -> list[str]:
        """What a shown row says, cell by cell."""
        columns = range(self._sorted.columnCount())
        return [self._sorted.index(number, column).data() for column in columns]

    def _shape_headers(self, *, stretch: bool) -> None:
        vertical, horizontal = self.verticalHeader(), self.horizontalHeader()
        assert vertical is not None
        assert horizontal is not None
        vertical.hide()
        vertical.setDefaultSectionSize(_ROW_HEIGHT)
        horizontal.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        horizontal.setMinimumSectionSize(28)
        horizontal.setStretchLastSection(stretch)
        horizontal.setHighlightSections(False)
        # The arrow takes room in every column: it comes with the first click.
        horizontal.setSortIndicatorShown(False)
        horizontal.sectionClicked.connect(lambda _: horizontal.setSortIndicatorShown(True))
        horizontal.setStyleSheet("QHeaderView::section { padding: 2px 4px; }")

    def _row(self, index: QModelIndex) -> Any:
        return self._rows.rows[self._sorted.mapToSource(index).row()]

    def _pick(self, index: QModelIndex) -> None:
        self.picked.emit(self._row(index))


def _side(cell: Cell) -> Qt.AlignmentFlag:
    across = Qt.AlignmentFlag.AlignLeft if cell.key is None else Qt.AlignmentFlag.AlignRight
    return across | Qt.AlignmentFlag.AlignVCenter
