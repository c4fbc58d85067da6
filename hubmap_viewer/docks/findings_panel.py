"""The findings of the open case as a list, with their causes."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer import colours, keys
from hubmap_viewer.deciding import Deciding
from hubmap_viewer.docks.base import combo, enable, quiet
from hubmap_viewer.docks.key_list import written
from hubmap_viewer.finding_list import FindingList, Pair
from hubmap_viewer.session import Session
from hubmap_viewer.tagging import Tagging
from trainer.data.findings import Finding
from trainer.data.store import CAUSES, Tag

_HEADERS = (
    ("finding", "What is wrong, as seen from the first mask"),
    ("area", "Differing pixels: µm² where the size of a pixel is known"),
    ("Dice", "What it costs of the case's Dice"),
    ("share", "Of all the Dice that the case loses"),
    (
        "sure",
        "Mean probability that the network gives to the second mask's version,"
        " and the key of the side that is suggested",
    ),
    ("cause", "The cause it was given"),
)
_TAKE = keys.TAKE_TRUTH, keys.TAKE_PREDICTION
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_SHAPES = {"missed": "○", "spurious": "◆", "merged": "∪", "split": "÷", "boundary": "≈"}
_SETTLED = "#7a7f87"
"""Of the words of a finding that is settled; a tick says the same."""
_PULSE = (1.0, 0.55, 0.15, 0.55, 1.0)
"""Strength of the outline's drawing, one after the other, so that the eye finds it."""


class FindingTable(QAbstractTableModel):
    """One row a finding, largest loss first."""

    def __init__(
        self,
        session: Session,
        chosen: keys.Chosen,
        findings: FindingList,
        deciding: Deciding,
        tags: Tagging,
    ) -> None:
        super().__init__()
        self._session = session
        self._chosen = chosen
        self._findings = findings
        self._deciding = deciding
        self._tags = tags
        self._shown: list[Finding] = []
        findings.changed.connect(self._reset)
        tags.changed.connect(lambda _: self._reset())

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section][0]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _HEADERS[section][1]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        finding, column = self._shown[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(finding, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and 0 < column < len(_HEADERS) - 1:
            return _RIGHT
        if role == Qt.ItemDataRole.ForegroundRole:
            if self._deciding.is_decided(finding):
                return QColor(_SETTLED)
            return QColor(colours.KIND[finding.kind]) if column == 0 else None
        return None

    def _text(self, finding: Finding, column: int) -> str:
        if column == 0:
            shape = "✓" if self._deciding.is_decided(finding) else _SHAPES[finding.kind]
            return f"{shape} {name(finding)}"
        if column == 1:
            here = self._session.open
            square = finding.area_um2(None if here is None else here.loaded.case.pixel_size)
            return f"{finding.area:,} px" if square is None else f"{square:,.0f} µm²"
        if column == 2:
            return f"−{finding.loss:.3f}"
        if column == 3:
            return f"{100 * finding.share:.0f} %"
        if column == 4:
            sure = "–" if finding.confidence is None else f"{finding.confidence:.2f}"
            return f"{sure} {self._advice(finding)}".rstrip()
        here = self._session.open
        if here is None:
            return ""
        tags = self._tags.on(here.id, self._findings.spot(finding))
        return ", ".join(tag.cause for tag in tags)

    def _advice(self, finding: Finding) -> str:
        """The key that takes the suggested side; both where its pieces differ in that."""
        side = self._deciding.suggesting.side(finding)
        truth, prediction = (written(self._chosen[key]) for key in _TAKE)
        words = {"truth": truth, "prediction": prediction, "both": f"{truth}{prediction}"}
        return "" if side is None else words[side]

    def _reset(self) -> None:
        self.beginResetModel()
        self._shown = list(self._findings.all)
        self.endResetModel()


class FindingsPanel(QWidget):
    """Chooses the two masks, shows what they differ in, goes there, and names causes."""

    def __init__(
        self,
        session: Session,
        chosen: keys.Chosen,
        findings: FindingList,
        deciding: Deciding,
        tags: Tagging,
    ) -> None:
        super().__init__()
        self._session = session
        self._findings = findings
        self._deciding = deciding
        self._tags = tags
        self._key = written(chosen[keys.ALL_SUGGESTED])
        self.model = FindingTable(session, chosen, findings, deciding, tags)
        self.pair, self.count = combo(), quiet()
        self.table = QTableView()
        self.settle = QPushButton("Settle as suggested")
        self.cause, self.note = combo(), QLineEdit()
        self.tag_finding, self.tag_case = QPushButton("Tag finding"), QPushButton("case")
        self.tags = QVBoxLayout()
        self._strengths: list[float] = []
        self._timer = QTimer(self)
        self._timer.setInterval(90)
        self._timer.timeout.connect(self._fade)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.pair.setMinimumContentsLength(16)
        top = QHBoxLayout()
        top.addWidget(self.pair, 1)
        top.addWidget(self.count, 1)
        layout.addLayout(top)
        self._build_table()
        layout.addWidget(self.table, 1)
        layout.addWidget(self.settle)
        self._build_tags(layout)
        self._listen()
        self._refresh()

    # -- building -------------------------------------------------------------------------

    def _build_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setMinimumHeight(80)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        vertical, header = table.verticalHeader(), table.horizontalHeader()
        assert vertical is not None
        assert header is not None
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(22)
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(36)
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        for column, width in enumerate((88, 86, 57, 47, 60)):
            table.setColumnWidth(column, width)
        table.clicked.connect(lambda index: self._findings.choose(index.row()))
        table.activated.connect(lambda index: self._findings.choose(index.row()))

    def _build_tags(self, layout: QVBoxLayout) -> None:
        for cause in CAUSES:
            self.cause.addItem(cause, cause)
        self.cause.setToolTip("The cause of the failure")
        self.tag_case.setAccessibleName("Tag case")
        self.note.setPlaceholderText("note …")
        self.note.setMinimumWidth(50)
        self.tag_finding.clicked.connect(lambda: self._tag(whole=False))
        self.tag_case.clicked.connect(lambda: self._tag(whole=True))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.cause)
        row.addWidget(self.note, 1)
        row.addWidget(self.tag_finding)
        row.addWidget(self.tag_case)
        layout.addLayout(row)
        layout.addLayout(self.tags)

    # -- hearing --------------------------------------------------------------------------

    def _listen(self) -> None:
        self.pair.currentIndexChanged.connect(self._on_pair)
        self._findings.changed.connect(self._refresh)
        self._findings.chosen.connect(self._on_chosen)
        self._deciding.changed.connect(self._on_decided)
        self._deciding.suggesting.changed.connect(self._on_decided)
        self.settle.clicked.connect(lambda: self._deciding.take_suggested())
        self._tags.changed.connect(lambda _: self._refresh())

    def _on_pair(self) -> None:
        pair = self.pair.currentData()
        if pair is not None and tuple(pair) != self._findings.pair:
            self._findings.compare(tuple(pair))

    def _refresh(self) -> None:
        found = self._findings
        self.pair.blockSignals(True)
        self.pair.clear()
        for pair in found.there():
            self.pair.addItem(words(pair), list(pair))
            if pair == found.pair:
                self.pair.setCurrentIndex(self.pair.count() - 1)
        self.pair.blockSignals(False)
        self.pair.setEnabled(self.pair.count() > 0)
        if found.all:
            self._count()
        else:
            self.count.setText(found.nothing())
        self._show_suggested()
        self._select()
        self._show_tags()

    def _count(self) -> None:
        found, left = self._findings.all, self._deciding.left()
        lost = sum(one.loss for one in found)
        of = f"{left} of {len(found)} left" if left < len(found) else str(len(found))
        self.count.setText(f"{of} · cost {lost:.3f} Dice")

    def _on_chosen(self, finding: Finding | None) -> None:
        self._select()
        self._show_tags()
        if finding is not None:
            self._strengths = list(_PULSE)
            self._timer.start()

    def _on_decided(self) -> None:
        last = self.model.index(self.model.rowCount() - 1, self.model.columnCount() - 1)
        self.model.dataChanged.emit(self.model.index(0, 0), last)
        if self._findings.all:
            self._count()
        self._show_suggested()

    def _show_suggested(self) -> None:
        deciding, found = self._deciding, self._deciding.open()
        why = deciding.suggesting.why_not()
        if not why and not found:
            why = "No finding is left to settle."
        said = "Settle as suggested" if why else f"Settle {len(found)} as suggested"
        self.settle.setText(f"{said}  {self._key}")
        enable(self.settle, why)
        if not why:
            self.settle.setToolTip(f"{deciding.suggested(found)}; one undo takes all of it back")

    def _fade(self) -> None:
        if not self._strengths:
            self._timer.stop()
            return
        self._findings.pulsed.emit(self._strengths.pop(0))

    def _select(self) -> None:
        at = self._findings.at
        if at is None:
            self.table.clearSelection()
        elif at < self.model.rowCount():
            self.table.selectRow(at)

    # -- causes ---------------------------------------------------------------------------

    def _tag(self, *, whole: bool) -> None:
        here, finding = self._session.open, self._findings.here
        if here is None or (not whole and finding is None):
            return
        spot = None if whole or finding is None else self._findings.spot(finding)
        self._tags.add(here.id, self.cause.currentData(), self.note.text(), spot)
        self.note.clear()

    def _show_tags(self) -> None:
        here, finding = self._session.open, self._findings.here
        why = "Open a case first." if here is None else ""
        enable(self.tag_case, why)
        enable(self.tag_finding, why or ("Go to a finding first (J)." if finding is None else ""))
        while self.tags.count():
            item = self.tags.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        shown = [] if here is None else self._tags.on(here.id, None)
        if here is not None and finding is not None:
            shown += self._tags.on(here.id, self._findings.spot(finding))
        for tag in shown:
            self.tags.addWidget(self._line(tag))

    def _line(self, tag: Tag) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        what = "case" if tag.finding is None else tag.finding.kind
        note = f" · {tag.note}" if tag.note else ""
        said = QLabel(f"{what}: {tag.cause}{note}")
        said.setToolTip(f"{tag.author}, {tag.created.astimezone():%Y-%m-%d %H:%M}")
        away = QToolButton()
        away.setText("✕")
        away.setToolTip("Take this tag back")
        away.clicked.connect(lambda: self._tags.withdraw(tag))
        row.addWidget(said, 1)
        row.addWidget(away)
        return line


def name(finding: Finding) -> str:
    """What a person calls a finding."""
    if finding.units == 0:
        return "specks"
    number = f" ×{finding.units}" if finding.units > 1 else ""
    return f"{finding.kind}{number}"


def words(pair: Pair) -> str:
    """Two masks' names as one choice."""
    return " → ".join("2nd ensemble" if side == "second" else side for side in pair)
