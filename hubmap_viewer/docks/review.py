"""The review dock: the queue of cases, the open one, and the verdict on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QShortcut,
    QTableView,
    QToolButton,
)

from hubmap_viewer import colours, keys
from hubmap_viewer.docks.base import Dock, combo, enable, quiet
from hubmap_viewer.docks.case_table import CASE, SECOND, CaseFilter, CaseTable
from hubmap_viewer.docks.key_list import KeyList, written
from hubmap_viewer.session import Session

HINT = "Review cases: see where prediction and truth disagree, mend the mask, give a verdict."


class ReviewDock(Dock):
    """The case table as a queue, and buttons for all that its keys do."""

    def __init__(
        self, session: Session, open_cohort: Callable[[Path], None], chosen: keys.Chosen
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self._chosen = chosen
        self.model = CaseTable(session)
        self.filter = CaseFilter(self.model, session)
        self.organ, self.status, self.search = combo(), combo(), QLineEdit()
        self.table = QTableView()
        self.progress = quiet()
        self.title, self.dice, self.kept = QLabel(), QLabel(), quiet()
        self.buttons: dict[keys.Key, QPushButton] = {}
        self.key_list = KeyList(self, chosen)
        self._build_filter()
        self._build_table()
        self._build_case()
        self._listen()
        self._on_cohort()

    # -- building -------------------------------------------------------------------------

    def _build_filter(self) -> None:
        self.search.setPlaceholderText("Search id, source …")
        self.search.setClearButtonEnabled(True)
        row = QHBoxLayout()
        row.addWidget(self.organ)
        row.addWidget(self.status)
        self.help = QToolButton()
        self.help.setText("?")
        self.help.setToolTip("Show the keys (?)")
        self.help.clicked.connect(self._show_keys)
        row.addWidget(self.help)
        asked = QShortcut(QKeySequence("?"), self)
        asked.setContext(Qt.ShortcutContext.WindowShortcut)
        asked.activated.connect(self._show_keys)
        self.body.addLayout(row)
        self.body.addWidget(self.search)
        self.organ.currentIndexChanged.connect(self._narrow)
        self.status.currentIndexChanged.connect(self._narrow)
        self.search.textChanged.connect(self._narrow)

    def _build_table(self) -> None:
        table = self.table
        table.setModel(self.filter)
        table.setSortingEnabled(True)
        table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setMinimumHeight(160)
        vertical = table.verticalHeader()
        horizontal = table.horizontalHeader()
        assert vertical is not None
        assert horizontal is not None
        vertical.hide()
        vertical.setDefaultSectionSize(24)
        horizontal.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        horizontal.setStretchLastSection(True)
        horizontal.setMinimumSectionSize(36)
        horizontal.setHighlightSections(False)
        horizontal.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        table.doubleClicked.connect(self._open_row)
        table.activated.connect(self._open_row)
        selection = table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda *_: self.session.select(self._selected()))
        self.body.addWidget(table, 1)
        self.body.addWidget(self.progress)

    def _build_case(self) -> None:
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.title.setWordWrap(True)
        self.dice.setWordWrap(True)
        for label in (self.title, self.dice, self.kept):
            self.body.addWidget(label)
        grid = QGridLayout()
        grid.setSpacing(4)
        rows = (
            ((keys.PREVIOUS, "◀ Previous"), (keys.NEXT, "Next ▶"), None),
            (
                (keys.TAKE_TRUTH, "Truth"),
                (keys.TAKE_PREDICTION, "Prediction"),
                (keys.CLEAR, "Clear"),
            ),
            (
                (keys.ACCEPT, "● Accept"),
                (keys.NEEDS_WORK, "◐ Needs work"),
                (keys.REJECT, "✕ Reject"),
            ),
        )
        actions = keys.session_keys(self.session)
        for row, line in enumerate(rows):
            for column, entry in enumerate(line):
                if entry is not None:
                    grid.addWidget(self._button(*entry, actions), row, column)
        self.body.addLayout(grid)

    def _button(
        self, key: keys.Key, text: str, actions: dict[keys.Key, Callable[[], None]]
    ) -> QPushButton:
        short = written(self._chosen[key])
        button = QPushButton(f"{text}  {short}" if len(short) == 1 else text)
        button.setMinimumHeight(28)
        button.setToolTip(f"{key.does[0].upper()}{key.does[1:]} ({short})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: actions[key]())
        shortcut = QShortcut(QKeySequence(short), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(actions[key])
        self.buttons[key] = button
        return button

    def _show_keys(self) -> None:
        self.key_list.show()
        self.key_list.raise_()

    # -- hearing --------------------------------------------------------------------------

    def _listen(self) -> None:
        session = self.session
        session.cohort_opened.connect(self._on_cohort)
        session.case_wanted.connect(self._on_wanted)
        session.case_opened.connect(self._on_case)
        session.case_failed.connect(self._on_failed)
        session.case_updated.connect(self._on_updated)
        session.curated_changed.connect(self._on_curated)
        session.prediction_changed.connect(self._on_curated)
        session.saved.connect(self._on_saved)
        session.predictions_changed.connect(self._show_columns)
        self.filter.layoutChanged.connect(self._requeue)
        self.filter.modelReset.connect(self._requeue)

    def _on_cohort(self) -> None:
        cohort = self.session.cohort
        cases = [] if cohort is None else list(cohort.cases.values())
        organs = list(dict.fromkeys(case.organ for case in cases))
        _refill(self.organ, "every organ", organs)
        _refill(self.status, "every status", list(colours.STATUS))
        self.search.clear()
        self._show_columns()
        self._narrow()
        self._on_case()

    def _show_columns(self) -> None:
        self.table.setColumnHidden(SECOND, self.session.second is None)

    def _narrow(self) -> None:
        if self.session.cohort is None:
            return
        self.filter.narrow(
            self.organ.currentData() or "", self.status.currentData() or "", self.search.text()
        )
        self._requeue()

    def _requeue(self) -> None:
        if self.session.cohort is not None:
            self.session.queue = self.filter.ids()
            self._count()

    def _on_wanted(self, case_id: str) -> None:
        self.notice.hide()
        self.title.setText(f"{case_id} · opening …")
        self.dice.clear()
        self.kept.clear()
        row = self.model.row_of(case_id)
        if row is None:
            return
        index = self.filter.mapFromSource(self.model.index(row, CASE))
        if index.isValid():
            self.table.setCurrentIndex(index)
            self.table.scrollTo(index)

    def _on_failed(self, case_id: str) -> None:
        self._on_case()
        here = self.session.open
        still = "" if here is None else f" Case {here.id} is still open."
        self.notice.tell(f"Case {case_id} could not be opened.{still}", wrong=True)

    def _on_case(self) -> None:
        here = self.session.open
        why = "Open a case first." if here is None else ""
        for key, button in self.buttons.items():
            if key not in (keys.NEXT, keys.PREVIOUS):
                enable_keeping_tip(button, why)
        if here is None:
            self.title.setText("No case is open.")
            self.dice.clear()
            self.kept.clear()
            return
        case = here.loaded.case
        height, width = here.loaded.shape
        known = (
            case.id,
            case.organ,
            case.data_source,
            f"{width} × {height} px",
            f"{case.pixel_size:g} µm per pixel" if case.pixel_size else "pixel size unknown",
        )
        self.title.setText(" · ".join(word for word in known if word))
        self._on_curated()

    def _on_curated(self) -> None:
        here = self.session.open
        if here is None:
            return
        if here.loaded.truth is None:
            self.dice.setText("No truth to compare with.")
        else:
            scores = here.scores
            before = "none" if scores.prediction is None else f"{scores.prediction:.3f}"
            self.dice.setText(f"Dice: prediction {before} → curated {scores.curated:.3f}")
        self._show_kept()

    def _on_updated(self, case_id: str) -> None:
        if self.status.currentData():
            self.filter.invalidateFilter()
            self._requeue()
        self._count()
        if self.session.open is not None and self.session.open.id == case_id:
            self._show_kept()

    def _on_saved(self, case_id: str) -> None:
        if self.session.open is not None and self.session.open.id == case_id:
            self._show_kept()

    def _show_kept(self) -> None:
        here = self.session.open
        if here is None:
            return
        review = self.session.reviews.get(here.id)
        if self.session.store is None:
            kept = "cannot be kept: the cohort's folder cannot be written"
        elif here.id in self.session.unsaved():
            kept = "saving …"
        elif review is None:
            kept = f"nothing kept yet; shown is a copy of {here.loaded.origin}"
        else:
            kept = f"saved {review.created.astimezone():%H:%M:%S} by {review.author}"
        self.kept.setText(f"{colours.STATUS_SHAPE[here.status]} {here.status} · {kept}")

    def _count(self) -> None:
        cohort = self.session.cohort
        if cohort is None:
            return
        shown = [cohort.cases[case_id] for case_id in self.session.queue]
        total = Counter(case.organ for case in shown)
        done = Counter(case.organ for case in shown if self.session.status(case.id) != "unreviewed")
        parts = [f"{organ} {done[organ]} of {total[organ]}" for organ in total]
        self.progress.setText("Reviewed: " + ", ".join(parts) if parts else "No case matches.")

    def _open_row(self, index: QModelIndex) -> None:
        case_id = self.model.id_at(self.filter.mapToSource(index).row())
        assert self.session.cohort is not None
        problem = self.session.cohort.cases[case_id].problem
        if problem:
            self.notice.tell(problem, wrong=True)
        else:
            self.session.want(case_id)

    def _selected(self) -> tuple[str, ...]:
        """Ids of the selected cases, in the order shown."""
        selection = self.table.selectionModel()
        rows = [] if selection is None else selection.selectedRows()
        order = sorted(rows, key=lambda index: index.row())
        return tuple(self.model.id_at(self.filter.mapToSource(index).row()) for index in order)


def enable_keeping_tip(button: QPushButton, why_not: str) -> None:
    """Enable with its own tool tip, or disable with the reason."""
    tip = button.property("tip") or button.toolTip()
    button.setProperty("tip", tip)
    enable(button, why_not)
    if not why_not:
        button.setToolTip(tip)


def _refill(box: QComboBox, everything: str, values: list[str]) -> None:
    box.blockSignals(True)
    box.clear()
    box.addItem(everything, "")
    for value in values:
        box.addItem(value, value)
    box.blockSignals(False)
