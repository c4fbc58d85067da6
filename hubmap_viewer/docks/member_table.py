"""Members as a table: on or off, its weight, how well it does alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from psygnal import Signal
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from hubmap_viewer.ensemble_lines import short
from hubmap_viewer.member_rows import Row

COLUMNS = ("member", "weight", "Dice alone")
TIPS = (
    "Ticked: it has a part in the mix. Space switches the chosen one on and off.",
    "Its share in the mix, for the open case's organ; only relative to the others'.",
    "Of its own mask of the open case, against truth; or why it has no part in the mix.",
)
NAME, WEIGHT, DICE = range(3)

_ROW_HEIGHT = 28
_MOST_ROWS = 12
"""Shown without scrolling."""

_WIDTHS = {WEIGHT: 92, DICE: 112}


class MemberTable(QTableWidget):
    """Up and Down go from member to member; the chosen one is looked at."""

    weighed = Signal(int, float)
    switched = Signal(int, bool)
    looked_at = Signal(object)
    """The chosen member's place, or None."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self._filling = False
        self.weights: list[QDoubleSpinBox] = []
        self.setHorizontalHeaderLabels(COLUMNS)
        self.setAccessibleName("Members of the ensemble")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._shape_headers()
        self.itemChanged.connect(self._on_item)
        self.currentCellChanged.connect(self._on_current)
        self.cellPressed.connect(self._on_pressed)
        self._chosen: int | None = None

    def _shape_headers(self) -> None:
        vertical, horizontal = self.verticalHeader(), self.horizontalHeader()
        assert vertical is not None
        assert horizontal is not None
        vertical.hide()
        vertical.setDefaultSectionSize(_ROW_HEIGHT)
        horizontal.setHighlightSections(False)
        horizontal.setStyleSheet("QHeaderView::section { padding: 2px 4px; }")
        horizontal.setMinimumSectionSize(28)
        for column, tip in enumerate(TIPS):
            mode = QHeaderView.ResizeMode
            stretch = column not in _WIDTHS
            horizontal.setSectionResizeMode(column, mode.Stretch if stretch else mode.Fixed)
            self.setColumnWidth(column, _WIDTHS.get(column, 0))
            head = self.horizontalHeaderItem(column)
            assert head is not None
            head.setToolTip(tip)

    # -- showing --------------------------------------------------------------------------

    def put(self, rows: Sequence[Row], looked_at: int | None) -> None:
        """Show these members; the widgets stay, so that one can go on typing."""
        self._filling = True
        if len(rows) != self.rowCount():
            self._make(len(rows))
        for row, spin in zip(rows, self.weights, strict=True):
            self._show_row(row, spin)
        if looked_at is None:
            self.clearSelection()
            self._chosen = None
        elif looked_at != self._chosen:
            self.selectRow(looked_at)
            self._chosen = looked_at
        self._filling = False

    def _make(self, count: int) -> None:
        self.setRowCount(0)
        self.setRowCount(count)
        self.weights = []
        for place in range(count):
            for column in range(len(COLUMNS)):
                item = QTableWidgetItem()
                flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                if column == NAME:
                    flags |= Qt.ItemFlag.ItemIsUserCheckable
                item.setFlags(flags)
                if column == DICE:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.setItem(place, column, item)
            self.weights.append(self._spin(place))
            self.setCellWidget(place, WEIGHT, self.weights[-1])
        shown = min(count, _MOST_ROWS)
        head = self.horizontalHeader()
        assert head is not None
        height = shown * _ROW_HEIGHT + head.sizeHint().height() + 2 * self.frameWidth() + 2
        self.setFixedHeight(height)

    def _spin(self, place: int) -> QDoubleSpinBox:
        spin = QDoubleSpinBox()
        spin.setRange(0.05, 99)
        spin.setDecimals(2)
        spin.setSingleStep(0.25)
        spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        spin.setAccessibleName("Weight")
        spin.valueChanged.connect(partial(self._on_weight, place))
        spin.installEventFilter(self)
        return spin

    def _show_row(self, row: Row, spin: QDoubleSpinBox) -> None:
        name, dice = (self.item(row.place, column) for column in (NAME, DICE))
        assert name is not None
        assert dice is not None
        name.setText(short(row.name))
        name.setToolTip(row.name)
        name.setCheckState(Qt.CheckState.Checked if row.on else Qt.CheckState.Unchecked)
        font = name.font()
        font.setBold(row.changed)
        name.setFont(font)
        if spin.value() != round(row.weight, 2):
            spin.setValue(row.weight)
        spin.setEnabled(row.on)
        spin.setToolTip(f"The ensemble's own: {row.own:g}")
        score = "–" if row.dice is None else f"{row.dice:.3f}"
        dice.setText(row.remark or score)
        flags = name.flags() | Qt.ItemFlag.ItemIsUserCheckable
        name.setFlags(flags if row.serves else flags ^ Qt.ItemFlag.ItemIsUserCheckable)

    # -- the user -------------------------------------------------------------------------

    def keyPressEvent(self, e: QKeyEvent | None) -> None:  # noqa: N802
        """Escape takes the outline away."""
        if e is not None and e.key() == Qt.Key.Key_Escape and self._chosen is not None:
            self._choose(None)
            return
        if e is not None and e.key() == Qt.Key.Key_Space and self.currentRow() >= 0:
            item = self.item(self.currentRow(), NAME)
            assert item is not None
            if not item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
                return
            on = item.checkState() == Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)
            return
        super().keyPressEvent(e)

    def eventFilter(self, object: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The wheel scrolls the list: it changes no weight on its way."""
        if event is not None and event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(object, event)

    def _on_item(self, item: QTableWidgetItem) -> None:
        if not self._filling and item.column() == NAME:
            self.switched.emit(item.row(), item.checkState() == Qt.CheckState.Checked)

    def _on_weight(self, place: int, weight: float) -> None:
        if not self._filling:
            self.weighed.emit(place, weight)

    def _on_pressed(self, row: int, _column: int) -> None:
        """The current member is looked at again after Escape."""
        if row != self._chosen:
            self._choose(row)

    def _on_current(self, row: int, _column: int, before: int, _: int) -> None:
        if not self._filling and row >= 0 and row != before:
            self._choose(row)

    def _choose(self, place: int | None) -> None:
        self._chosen = place
        if place is None:
            self._filling = True
            self.clearSelection()
            self._filling = False
        self.looked_at.emit(place)
