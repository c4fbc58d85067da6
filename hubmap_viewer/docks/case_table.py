"""The cohort's cases as a table: what is known, what was said, how the masks agree."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QColor, QFont

from hubmap_viewer import colours
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session

COLUMNS = ("case", "organ", "pred.", "before", "curated", "status", "source")
CASE, ORGAN, PREDICTION, SECOND, CURATED, STATUS, SOURCE = range(len(COLUMNS))
_NUMBERS = (PREDICTION, SECOND, CURATED)
_TIPS = {
    PREDICTION: "Dice of the shown prediction against truth",
    SECOND: "Dice of the prediction shown before (the older ensemble) against truth",
    CURATED: "Dice of the curated mask against truth",
}
SORT_ROLE = Qt.ItemDataRole.UserRole


class CaseTable(QAbstractTableModel):
    """One row a case, in csv order."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        session.cohort_opened.connect(self._reset)
        session.case_updated.connect(self._update)
        session.case_wanted.connect(self._update_all_fonts)
        self._reset()

    def id_at(self, row: int) -> str:
        return self._ids[row]

    def row_of(self, case_id: str) -> int | None:
        return self._rows.get(case_id)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS.get(section)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        case_id, column = self._ids[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(case_id, column)
        if role == SORT_ROLE:
            return self._sort_key(case_id, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and column in (CASE, STATUS):
            return QColor(colours.STATUS[self._session.status(case_id)])
        if role == Qt.ItemDataRole.FontRole and case_id == self._session.wanted:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._problem(case_id)
        return None

    def _text(self, case_id: str, column: int) -> str:
        assert self._session.cohort is not None
        case = self._session.cohort.cases[case_id]
        status = self._session.status(case_id)
        if column == STATUS:
            return "problem" if case.problem else status
        if column == CASE:
            return f"{'⚠' if case.problem else colours.STATUS_SHAPE[status]} {case_id}"
        if column == ORGAN:
            return case.organ
        if column == SOURCE:
            return case.data_source or ""
        value = self._score(case_id, column)
        return "–" if value is None else f"{value:.3f}"

    def _sort_key(self, case_id: str, column: int) -> Any:
        if column == CASE:
            return f"{int(case_id):020d}" if case_id.isdigit() else case_id
        if column not in _NUMBERS:
            return self._text(case_id, column)
        value = self._score(case_id, column)
        return 2.0 if value is None else value

    def _score(self, case_id: str, column: int) -> float | None:
        scores = self._session.scores.get(case_id, Scores())
        if column == CURATED:
            return scores.curated if self._session.is_kept(case_id) else None
        return scores.prediction if column == PREDICTION else scores.second

    def _problem(self, case_id: str) -> str | None:
        assert self._session.cohort is not None
        return self._session.cohort.cases[case_id].problem

    def _reset(self) -> None:
        self.beginResetModel()
        cohort = self._session.cohort
        self._ids = [] if cohort is None else list(cohort.cases)
        self._rows = {case_id: row for row, case_id in enumerate(self._ids)}
        self.endResetModel()

    def _update(self, case_id: str) -> None:
        row = self._rows.get(case_id)
        if row is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _update_all_fonts(self, _case_id: str) -> None:
        if self._ids:
            last = self.index(len(self._ids) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.FontRole])


class CaseFilter(QSortFilterProxyModel):
    """The cases that the user wants to go through, in the order that they want."""

    def __init__(self, table: CaseTable, session: Session) -> None:
        super().__init__()
        self._session = session
        self.organ = ""
        self.status = ""
        self.words = ""
        self.setSourceModel(table)
        self.setSortRole(SORT_ROLE)

    def narrow(self, organ: str, status: str, words: str) -> None:
        """Show only cases of this organ and status whose row has all these words."""
        self.organ, self.status, self.words = organ, status, words.lower()
        self.invalidateFilter()

    def filterAcceptsRow(self, source_row: int, source_parent: QModelIndex) -> bool:  # noqa: N802
        table = self.sourceModel()
        assert isinstance(table, CaseTable)
        assert self._session.cohort is not None
        case = self._session.cohort.cases[table.id_at(source_row)]
        if self.organ and case.organ != self.organ:
            return False
        if self.status and self._session.status(case.id) != self.status:
            return False
        row = " ".join((case.id, case.organ, case.data_source or "", case.sex or "")).lower()
        return all(word in row for word in self.words.split())

    def ids(self) -> tuple[str, ...]:
        """The cases in the order shown: the queue."""
        table = self.sourceModel()
        assert isinstance(table, CaseTable)
        rows = range(self.rowCount())
        return tuple(table.id_at(self.mapToSource(self.index(row, 0)).row()) for row in rows)
