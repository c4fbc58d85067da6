"""The sample of a bulk acceptance: right or wrong, and what that says of each organ."""

from __future__ import annotations

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from hubmap_viewer.checking import Row, SampleCheck, describe
from hubmap_viewer.docks.base import combo, enable, primary
from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.docks.soon import Soon

BOUND = (
    "Upper 95 % bound of the share that is wrong of all accepted (hypergeometric, exact); "
    "it holds once the whole sample is checked"
)

CELLS = (
    Cell("organ", lambda row: row.outcome.organ),
    Cell("result", lambda row: row.words),
    Cell(
        "checked",
        lambda row: f"{row.outcome.checked} of {row.outcome.sampled}",
        lambda row: row.outcome.checked,
        "Of the random sample that was drawn",
    ),
    Cell(
        "wrong\n(may)",
        lambda row: f"{row.outcome.wrong} ({_allowed(row)})",
        lambda row: row.outcome.wrong,
        "Wrong ones in the sample, and how many may be for the organ to pass",
    ),
    Cell("rate", lambda row: _rate(row), lambda row: row.outcome.rate or 0.0, "Wrong of checked"),
    Cell(
        "at most\n(95 %)",
        lambda row: f"{row.outcome.bound:.1%}" if row.outcome.checked else "–",
        lambda row: row.outcome.bound,
        BOUND,
    ),
    Cell("accepted", lambda row: str(row.outcome.accepted), lambda row: row.outcome.accepted),
)


class CheckPanel(QWidget):
    """One batch at a time; earlier ones can be looked at again."""

    def __init__(self, model: SampleCheck) -> None:
        super().__init__()
        self.model = model
        self.batches = combo()
        self.progress = QLabel()
        self.next = primary("Check the sample")
        self.right, self.wrong = QPushButton("✓ Right"), QPushButton("✕ Wrong")
        self.table = RowTable(CELLS, "What the sample says of each organ")
        self._build()
        self._soon = Soon(self, self._update)
        model.changed.connect(lambda: self._soon())
        self.show_last()

    def show_last(self) -> None:
        """Show the newest batch, listed with the others."""
        self.batches.blockSignals(True)
        self.batches.clear()
        for batch in self.model.batches():
            self.batches.addItem(describe(batch), batch.id)
        self.batches.blockSignals(False)
        self.model.show_last()

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Follow once somebody looks."""
        super().showEvent(a0)
        self._update()

    def _build(self) -> None:
        self.batches.setToolTip("Bulk acceptances, newest first")
        self.progress.setWordWrap(True)
        self.table.setMinimumHeight(88)
        verdict = QHBoxLayout()
        verdict.addWidget(self.right, 1)
        verdict.addWidget(self.wrong, 1)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.batches)
        column.addWidget(self.next)
        column.addLayout(verdict)
        column.addWidget(self.progress)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addLayout(column, 2)
        row.addWidget(self.table, 5)
        self.batches.activated.connect(lambda at: self.model.show(self.batches.itemData(at)))
        self.next.clicked.connect(self.model.open_next)
        self.right.clicked.connect(lambda: self.model.judge(True))
        self.wrong.clicked.connect(lambda: self.model.judge(False))

    def _update(self) -> None:
        model = self.model
        waiting = len(model.waiting())
        self.batches.setEnabled(self.batches.count() > 0)
        self.progress.setText(model.progress())
        self.next.setText(f"Check {waiting} case{'' if waiting == 1 else 's'}")
        enable(self.next, "" if waiting else "No case of a sample waits to be checked.")
        why_not = model.why_not()
        enable(self.right, why_not)
        enable(self.wrong, why_not)
        if not why_not:
            self.right.setToolTip("The accepted mask is good as it is")
            self.wrong.setToolTip("The accepted mask has to be mended, or has been")
        self.table.put(model.rows())


def _allowed(row: Row) -> str:
    most = row.outcome.allowed
    return "–" if most is None else str(most)


def _rate(row: Row) -> str:
    rate = row.outcome.rate
    return "–" if rate is None else f"{rate:.1%}"
