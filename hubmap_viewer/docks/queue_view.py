"""The upper part of the review dock: filters, the case table, and how far the review has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from qtpy.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer import colours
from hubmap_viewer.case_queue import CaseQueue, Filter
from hubmap_viewer.columns import COLUMNS, SCORED, SECOND
from hubmap_viewer.docks.base import combo, quiet
from hubmap_viewer.docks.case_table import CaseTable
from hubmap_viewer.remembered import Remembered, load, note, save
from hubmap_viewer.session import Session
from hubmap_viewer.thumbnails import Thumbnails

_WIDTHS = {"case": 110, "organ": 84, "curated": 62, "status": 84, "reviewer": 76, "source": 64}
_NUMBER = 52
_SETTLED = 200
"""Milliseconds of quiet after which new scores may change the order."""

_ONLY_THIS_ROW = (
    QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
)


class QueueView(QWidget):
    """Shows the queue and lets the user say which cases are in it, and in what order."""

    def __init__(self, session: Session, queue: CaseQueue, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._session = session
        self._queue = queue
        self.model = CaseTable(session, queue, thumbnails)
        self.table = QTableView()
        self.organ, self.status, self.source = combo(), combo(), combo()
        self.search = QLineEdit()
        self.score, self.low, self.high = combo(), QDoubleSpinBox(), QDoubleSpinBox()
        self.by_score, self.columns = QToolButton(), QToolButton()
        self.only = QWidget()
        self.progress = quiet()
        self._reason = QLabel()
        self._later = _timer(self, _SETTLED, self._refresh)
        self._keep = _timer(self, 1000, self.remember)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self._build_filters(layout)
        self._build_table()
        layout.addWidget(self.table, 1)
        layout.addWidget(self.progress)
        self._listen()
        self._on_cohort()

    # -- building -------------------------------------------------------------------------

    def _build_filters(self, layout: QVBoxLayout) -> None:
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for box in (self.organ, self.status, self.source):
            first.addWidget(box)
            box.currentIndexChanged.connect(self._narrow)
        self.search.setPlaceholderText("Search id, source, note …")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._narrow)
        self.by_score.setText("score ▾")
        self.by_score.setCheckable(True)
        self.by_score.setToolTip("Only cases whose score lies in a range")
        self.columns.setText("columns ▾")
        # Qt's own arrow lies over the text
        self.columns.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.columns.setToolTip("Sort by a column; show and hide columns")
        self.columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.columns.setMenu(self._column_menu())
        second.addWidget(self.search, 1)
        second.addWidget(self.by_score)
        second.addWidget(self.columns)
        for column in SCORED:
            self.score.addItem(column.title, column.name)
        for box, value in ((self.low, 0.0), (self.high, 1.0)):
            box.setRange(0, 100000)
            box.setSingleStep(0.05)
            box.setValue(value)
            box.valueChanged.connect(self._narrow)
        self._scores = QWidget()
        third.setContentsMargins(0, 0, 0, 0)
        for widget in (self.score, QLabel("from"), self.low, QLabel("to"), self.high):
            third.addWidget(widget)
        self._scores.setLayout(third)
        self._scores.hide()
        self.score.currentIndexChanged.connect(self._narrow)
        self.by_score.toggled.connect(self._scores.setVisible)
        self.by_score.toggled.connect(self._narrow)
        every = QPushButton("Show all cases")
        every.clicked.connect(lambda: self._queue.show_only((), ""))
        row = QHBoxLayout(self.only)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._reason, 1)
        row.addWidget(every)
        self.only.hide()
        layout.addWidget(self.only)
        layout.addLayout(first)
        self._second = second
        layout.addLayout(second)
        layout.addWidget(self._scores)

    def _build_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setIconSize(QSize(24, 24))
        table.setMinimumHeight(100)
        vertical, header = table.verticalHeader(), table.horizontalHeader()
        assert vertical is not None
        assert header is not None
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(28)
        header.setMinimumSectionSize(36)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._choose_columns)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        table.setSortingEnabled(True)
        for number, column in enumerate(COLUMNS):
            table.setColumnWidth(number, _WIDTHS.get(column.name, _NUMBER))
        selection = table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda *_: self._session.select(self._selected()))

    def _column_menu(self) -> QMenu:
        """All that the header does with a mouse, for the keyboard."""
        menu = QMenu(self)
        menu.aboutToShow.connect(lambda: self._fill_menu(menu))
        return menu

    def _fill_menu(self, menu: QMenu) -> None:
        menu.clear()
        sorting = menu.addMenu("Sort by")
        assert sorting is not None
        for number, column in enumerate(COLUMNS):
            action = menu.addAction(f"{column.title}: {column.tip}")
            assert action is not None
            action.setCheckable(True)
            action.setChecked(not self.table.isColumnHidden(number))
            action.setEnabled(number > 0)
            action.toggled.connect(lambda shown, number=number: self._show_column(number, shown))
            self._offer_sorting(sorting, number)
        unsorted = sorting.addAction("the csv's order")
        assert unsorted is not None
        ascending = Qt.SortOrder.AscendingOrder
        unsorted.triggered.connect(lambda: self.table.sortByColumn(-1, ascending))

    def _offer_sorting(self, menu: QMenu, number: int) -> None:
        """Sort by a column; by the same again the other way round."""
        column, queue = COLUMNS[number], self._queue
        up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
        here = queue.column is column
        arrow = (" ▼" if queue.descending else " ▲") if here else ""
        action = menu.addAction(f"{column.title}{arrow}")
        assert action is not None
        order = down if here and not queue.descending else up
        action.triggered.connect(lambda: self.table.sortByColumn(number, order))

    def _choose_columns(self, place: QPoint) -> None:
        header, menu = self.table.horizontalHeader(), self.columns.menu()
        assert header is not None
        assert menu is not None
        menu.popup(header.mapToGlobal(place))

    def _show_column(self, number: int, shown: bool) -> None:
        self.table.setColumnHidden(number, not shown)
        self._keep.start()

    # -- hearing --------------------------------------------------------------------------

    def _listen(self) -> None:
        session = self._session
        session.cohort_opened.connect(self._on_cohort)
        session.case_wanted.connect(self._on_wanted)
        session.case_updated.connect(lambda _: self._later.start())
        session.scores_changed.connect(lambda: self._later.start())
        session.predictions_changed.connect(self._on_predictions)
        self._queue.changed.connect(self._on_queue)

    def _on_cohort(self) -> None:
        cohort = self._session.cohort
        if cohort is None:
            return
        cases = cohort.cases.values()
        _refill(self.organ, "organ", dict.fromkeys(case.organ for case in cases))
        _refill(self.status, "status", colours.STATUS)
        sources = dict.fromkeys(case.data_source for case in cases if case.data_source)
        _refill(self.source, "source", sources)
        self._restore(load(cohort.folder))

    def _restore(self, before: Remembered) -> None:
        """Have the queue as it was left the last time."""
        for number, column in enumerate(COLUMNS):
            self.table.setColumnHidden(number, column.name not in before.columns)
        self._on_predictions()
        names = [column.name for column in COLUMNS]
        self._queue.filter = before.filter
        self._show_filter()
        order = Qt.SortOrder.DescendingOrder if before.descending else Qt.SortOrder.AscendingOrder
        self.table.sortByColumn(names.index(before.column) if before.column else -1, order)
        self._queue.refresh()

    def _on_predictions(self) -> None:
        if self._session.second is None:
            self.table.setColumnHidden(COLUMNS.index(SECOND), True)

    def _show_filter(self) -> None:
        asked = self._queue.filter
        with _silent(
            self.organ, self.status, self.source, self.score, self.low, self.high, self.search
        ):
            self.organ.setCurrentIndex(max(0, self.organ.findData(asked.organ)))
            self.status.setCurrentIndex(max(0, self.status.findData(asked.status)))
            self.source.setCurrentIndex(max(0, self.source.findData(asked.source)))
            self.search.setText(asked.words)
            if asked.score:
                self.score.setCurrentIndex(self.score.findData(asked.score))
                self.low.setValue(asked.low)
                self.high.setValue(asked.high)
        with _silent(self.by_score):
            self.by_score.setChecked(bool(asked.score))
        self._scores.setVisible(bool(asked.score))

    def _narrow(self) -> None:
        if self._session.cohort is None:
            return
        asked = self._queue.filter
        score = self.score.currentData() if self.by_score.isChecked() else ""
        self._queue.narrow(
            Filter(
                organ=self.organ.currentData() or "",
                status=self.status.currentData() or "",
                source=self.source.currentData() or "",
                words=self.search.text(),
                score=score,
                low=self.low.value(),
                high=self.high.value(),
                only=asked.only,
                reason=asked.reason,
            )
        )

    def _refresh(self) -> None:
        """New scores or verdicts: the order follows, but the open case stays in sight."""
        asked = self._queue.filter
        if asked.status or asked.score or self._queue.column is not None:
            self._queue.refresh()
        self._count()

    def _on_queue(self) -> None:
        asked = self._queue.filter
        self.only.setVisible(bool(asked.only))
        self._reason.setText(f"{asked.reason} · {len(asked.only)} cases")
        if asked.only:
            self._show_filter()
        self._count()
        self._keep.start()

    def _on_wanted(self, case_id: str) -> None:
        row, selection = self.model.row_of(case_id), self.table.selectionModel()
        if row is not None and selection is not None:
            there = self.model.index(row, 0)
            # the table itself would add to the selection while Ctrl is held, as for Ctrl+Right
            selection.setCurrentIndex(there, _ONLY_THIS_ROW)
            self.table.scrollTo(there)
        self._keep.start()

    def _count(self) -> None:
        shown = len(self._queue.ids)
        parts = [f"{one.organ} {one.reviewed} of {one.total}" for one in self._queue.progress()]
        missing = "No case matches. " if not shown else f"{shown} shown · "
        self.progress.setText(f"{missing}reviewed: {', '.join(parts)}" if parts else "")

    def remember(self) -> None:
        """Keep columns, filter and place for the next start."""
        cohort = self._session.cohort
        if cohort is None:
            return
        shown = enumerate(COLUMNS)
        columns = tuple(one.name for number, one in shown if not self.table.isColumnHidden(number))
        if self._session.second is None:
            columns = (*columns, SECOND.name)
        save(cohort.folder, note(self._queue, columns, self._session.wanted or ""))

    def add_button(self, button: QWidget) -> None:
        """Put a button at the end of the search row."""
        self._second.addWidget(button)

    def id_at(self, index: QModelIndex) -> str:
        """The id of the case whose row this is."""
        return self.model.id_at(index.row())

    def _selected(self) -> tuple[str, ...]:
        """Ids of the selected cases, in the order shown."""
        selection = self.table.selectionModel()
        rows = [] if selection is None else selection.selectedRows()
        return tuple(self.model.id_at(row) for row in sorted(index.row() for index in rows))


@contextmanager
def _silent(*widgets: QWidget) -> Iterator[None]:
    """Set fields without their telling it as the user's wish."""
    for widget in widgets:
        widget.blockSignals(True)
    yield
    for widget in widgets:
        widget.blockSignals(False)


def _timer(parent: QWidget, milliseconds: int, act: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(act)
    return timer


def _refill(box: QComboBox, everything: str, values: Iterable[str]) -> None:
    box.blockSignals(True)
    box.clear()
    box.addItem(everything, "")
    for value in values:
        box.addItem(value, value)
    box.blockSignals(False)
