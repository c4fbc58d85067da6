"""The compare dock: what got better and worse from one ensemble to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from hubmap_viewer.comparison import Compared, Pair
from hubmap_viewer.counts import CountStep, first_of
from hubmap_viewer.docks.base import Dock, combo, enable, form, quiet
from hubmap_viewer.docks.counting import Counting
from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session
from trainer.review.compare import ALL, SAME, Change, OrganChange

HINT = "Compare two ensembles: regressions first."

SETTLED = 150
"""Milliseconds without a change after which the two are compared anew."""

CASES = (
    Cell("case", lambda row: row.case_id),
    Cell("change", lambda row: _signed(row.change), lambda row: row.change, "After minus before"),
    Cell("before", lambda row: f"{row.before:.3f}", lambda row: row.before, "Dice before"),
    Cell("after", lambda row: f"{row.after:.3f}", lambda row: row.after, "Dice after"),
    Cell("organ", lambda row: row.organ),
)

_BY = f"By {SAME:g} Dice or more"
ORGANS = (
    Cell("organ", lambda row: "all organs" if row.organ == ALL else row.organ),
    Cell("cases", lambda row: str(row.cases), lambda row: row.cases),
    Cell("change", lambda row: _signed(row.mean_change), lambda row: row.mean_change, "Mean Dice"),
    Cell("p", lambda row: _p(row), lambda row: row.p, "Wilcoxon's signed-rank test, two-sided"),
    Cell("better", lambda row: str(row.better), lambda row: row.better, _BY),
    Cell("worse", lambda row: str(row.worse), lambda row: row.worse, _BY),
    Cell(
        "95 % interval",
        lambda row: f"{_signed(row.low)} … {_signed(row.high)}",
        lambda row: row.low,
        "Bootstrap interval of the mean change",
    ),
)


class CompareDock(Dock):
    """What got better and worse from one ensemble to another."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
        self.model = Pair(session)
        self.counting = Counting(jobs)
        self.before, self.after, self.organ = combo(), combo(), combo()
        self.swap, self.count = QPushButton("⇅"), QPushButton("Count the cases")
        self.cases = RowTable(CASES, "Cases' Dice before and after, regressions first")
        self.organs = RowTable(ORGANS, "Change of Dice by organ")
        self.state, self.left_out, self.caveat = QLabel(), quiet(), quiet()
        self._stopped: tuple[Path | None, ...] | None = None
        self._settling = QTimer(self)
        self.swap.setAccessibleName("swap before and after")
        self._build()
        self._listen()
        self._show()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        fields = form()
        # names of predictions are long: what is short shares its row with the swap
        narrow = QHBoxLayout()
        narrow.addWidget(self.organ, 1)
        narrow.addWidget(self.swap)
        fields.addRow("Before", self.before)
        fields.addRow("After", self.after)
        fields.addRow("Organ", narrow)
        choices = QVBoxLayout()
        choices.addLayout(fields)
        choices.addWidget(self.left_out)
        choices.addStretch(1)
        self._tables = QWidget()
        tables = QHBoxLayout(self._tables)
        tables.setContentsMargins(0, 0, 0, 0)
        tables.addWidget(self.organs, 3)
        tables.addWidget(self.cases, 2)
        self.state.setWordWrap(True)
        self.state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        columns = QHBoxLayout()
        columns.addLayout(choices, 2)
        rest = QVBoxLayout()
        for widget in (self.counting, self.state, self._tables):
            rest.addWidget(widget)
        rest.addWidget(self.count, 0, Qt.AlignmentFlag.AlignHCenter)
        columns.addLayout(rest, 7)
        self.body.addLayout(columns, 1)
        self.body.addWidget(self.caveat)

    def _listen(self) -> None:
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLED)
        self._settling.timeout.connect(self._renew)
        self.model.changed.connect(self._show)
        self.model.stale.connect(lambda: self._settling.start())
        self.session.cohort_opened.connect(self._list)
        self.session.predictions_changed.connect(self._list)
        self.counting.counted.connect(self._on_counted)
        self.counting.stopped.connect(self._on_stopped)
        self.before.activated.connect(lambda _: self._on_chosen(self.before))
        self.after.activated.connect(lambda _: self._on_chosen(self.after))
        self.organ.activated.connect(lambda _: self.model.narrow(self.organ.currentData()))
        self.swap.clicked.connect(self._swap)
        self.count.clicked.connect(self._count)
        self.cases.picked.connect(self._open)
        self.organs.picked.connect(self._narrow)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Compare when it is first to be seen: counting reads every case once."""
        super().showEvent(a0)
        self._list()
        self._renew()

    # -- choosing -------------------------------------------------------------------------

    def _list(self) -> None:
        entries = self.model.choices()
        for box, folder in zip((self.before, self.after), self.model.folders, strict=True):
            box.clear()
            for entry in entries:
                box.addItem(entry.name, entry.path)
            box.setCurrentIndex(next((i for i, e in enumerate(entries) if e.path == folder), -1))
            enable(box, "" if len(entries) > 1 else "There are no two predictions to choose from.")
        enable(self.swap, "" if None not in self.model.folders else "Choose two predictions first.")
        self.swap.setToolTip(self.swap.toolTip() or "Swap before and after")

    def _on_chosen(self, box: QWidget) -> None:
        """Show both; who chooses the other's takes its place."""
        before, after = self.model.folders
        one, two = self.before.currentData(), self.after.currentData()
        if one == two:
            one, two = (one, before) if box is self.before else (after, two)
        if one is not None and two is not None:
            self.model.choose(one, two)
        self._list()

    def _swap(self) -> None:
        before, after = self.model.folders
        if before is not None and after is not None:
            self.model.choose(after, before)

    def _open(self, row: Change) -> None:
        self.session.want(row.case_id)

    def _narrow(self, row: OrganChange) -> None:
        self.model.narrow("" if row.organ in (ALL, self.model.organ) else row.organ)

    # -- comparing ------------------------------------------------------------------------

    def _renew(self) -> None:
        """Count what is not counted, then compare; only while somebody looks."""
        if not self.isVisible() or self.counting.job is not None:
            return
        if self.model.to_count():
            if self._stopped != self.model.folders:
                self._count()
            return
        calculation = self.model.calculation()
        if calculation is not None:
            self._jobs.call(calculation, self._show_compared, self._fail)

    def _count(self) -> None:
        cohort, folders = self.session.cohort, self.model.to_count()
        if cohort is not None and folders:
            self._stopped = None
            self.counting.start(cohort, *folders)
        self._show()

    def _on_counted(self, steps: list[CountStep]) -> None:
        self.model.put(steps)
        if problem := first_of(self.model.problems):
            self.notice.tell(problem, wrong=True)
        self._renew()

    def _on_stopped(self, error: BaseException | None) -> None:
        self._stopped = self.model.folders
        if error is not None:
            self._fail(error)
        self._show()

    def _show_compared(self, compared: Compared) -> None:
        self.model.show(compared)

    def _fail(self, error: BaseException) -> None:
        self.notice.tell(str(error), wrong=True)

    # -- showing --------------------------------------------------------------------------

    def _show(self) -> None:
        why_not = self.model.why_not()
        compared = self.model.compared
        ready = compared is not None and not why_not
        for part in (self._tables, self.caveat):
            part.setVisible(ready)
        stopped = self._stopped is not None and self._stopped == self.model.folders
        self.count.setVisible(not why_not and not ready and stopped)
        waiting = "Not counted yet." if stopped else "Comparing …"
        self.state.setText(why_not or waiting)
        self.state.setVisible(not ready)
        self.left_out.setText(self.model.left_out)
        if compared is None:
            return
        organs = compared.comparison.organs
        self._list_organs([row.organ for row in organs if row.organ != ALL])
        self.organs.put(organs)
        self.cases.put(self.model.rows)
        self.caveat.setText(compared.comparison.caveat)
        self.organs.setToolTip(compared.comparison.caveat)

    def _list_organs(self, organs: list[str]) -> None:
        self.organ.clear()
        for name, data in (("every organ", ""), *((organ, organ) for organ in organs)):
            self.organ.addItem(name, data)
        self.organ.setCurrentIndex(max(0, self.organ.findData(self.model.organ)))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _p(row: OrganChange) -> str:
    return "< 0.001" if row.p < 0.001 else f"{row.p:.3f}"
