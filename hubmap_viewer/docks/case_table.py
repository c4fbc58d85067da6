"""The queue as a table: what is known of each case, what was said, how its masks agree."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QFont, QIcon, QImage, QPixmap

from hubmap_viewer import colours
from hubmap_viewer.case_queue import CaseQueue
from hubmap_viewer.columns import CASE, COLUMNS, PREDICTION, SECOND, sign
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from hubmap_viewer.thumbnails import Thumbnails
from trainer.data.case import Case

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_COLOURED = ("case", "status")

ICONS = 200
"""That are kept: several screens of rows, however many cases there are."""


class CaseTable(QAbstractTableModel):
    """One row a case of the queue, in its order."""

    def __init__(self, session: Session, queue: CaseQueue, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._session = session
        self._queue = queue
        self._thumbnails = thumbnails
        self._icons: OrderedDict[str, QIcon] = OrderedDict()
        self._ids: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        session.case_updated.connect(self._update)
        session.case_wanted.connect(lambda _: self._repaint())
        session.scores_changed.connect(self._repaint)
        session.queue_changed.connect(self._follow)
        session.cohort_opened.connect(self._forget)
        thumbnails.ready.connect(self._put_icon)
        self._follow()

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
            return COLUMNS[section].title
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[section].tip
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.digits is not None else None
        case = self._case(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            text = column.text(self._session, case)
            if column is CASE:
                return f"{sign(self._session, case)} {text}"
            return f"({text})" if self._was_seen(case, column.name) else text
        if role == Qt.ItemDataRole.DecorationRole and column is CASE:
            return self._icon(case)
        if role == Qt.ItemDataRole.ForegroundRole and column.name in _COLOURED:
            return QColor(colours.STATUS[self._session.status(case.id)])
        if role == Qt.ItemDataRole.FontRole and case.id == self._session.wanted:
            font = QFont()
            font.setBold(True)
            return font
        return case.problem if role == Qt.ItemDataRole.ToolTipRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        descending = order == Qt.SortOrder.DescendingOrder
        self._queue.sort(COLUMNS[column] if column >= 0 else None, descending=descending)

    def _case(self, row: int) -> Case:
        assert self._session.cohort is not None
        return self._session.cohort.cases[self._ids[row]]

    def _was_seen(self, case: Case, column: str) -> bool:
        """Whether a Dice is of an ensemble that was trained on the case."""
        scores = self._session.scores.get(case.id, Scores())
        seen = {PREDICTION.name: scores.in_sample, SECOND.name: scores.second_in_sample}
        return seen.get(column, False) and getattr(scores, column) is not None

    def _icon(self, case: Case) -> QIcon | None:
        if case.problem:
            return None
        if case.id not in self._icons:
            self._put_icon(case.id)
        return self._icons.get(case.id)

    def _put_icon(self, case_id: str) -> None:
        picture = self._thumbnails.get(case_id)
        row = self._rows.get(case_id)
        if picture is None:
            return
        height, width = picture.shape[:2]
        image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._icons[case_id] = QIcon(QPixmap.fromImage(image))
        if len(self._icons) > ICONS:
            self._icons.popitem(last=False)
        if row is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, 0))

    def _forget(self) -> None:
        self._icons.clear()

    def _follow(self) -> None:
        """Show the queue as it is now, the selection kept on its cases."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        ids = [self._ids[index.row()] if index.isValid() else "" for index in before]
        self._ids = self._session.queue
        self._rows = {case_id: row for row, case_id in enumerate(self._ids)}
        rows = [self._rows.get(case_id) for case_id in ids]
        after = [
            QModelIndex() if row is None else self.index(row, index.column())
            for row, index in zip(rows, before, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _update(self, case_id: str) -> None:
        row = self._rows.get(case_id)
        if row is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def _repaint(self) -> None:
        if self._ids:
            last = self.index(len(self._ids) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
