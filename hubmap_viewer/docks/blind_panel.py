"""Blind second looks: a round of cases drawn anew, and how well reviewers agree."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer.active_time import clock
from hubmap_viewer.blind import SecondLook, compare
from hubmap_viewer.docks.base import combo, enable, primary, quiet
from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.docks.soon import Soon
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session
from trainer.errors import TrainerError
from trainer.review.second_look import Agreement, Summary

KEEP = 5
"""Seconds after which what is drawn is written down."""

_HEARTBEAT = 1000
"""Milliseconds between two looks at the clock."""


def _told(of: Callable[[Agreement], Summary | None]) -> list[Cell]:
    def number(row: Agreement, name: str) -> float:
        found = of(row)
        return -1.0 if found is None else getattr(found, name)

    def text(row: Agreement, name: str) -> str:
        found = of(row)
        if found is None:
            return "–"
        return str(found.n) if name == "n" else f"{getattr(found, name):.3f}"

    return [
        Cell(name, partial(text, name=name), partial(number, name=name))
        for name in ("n", "mean", "median")
    ]


INTRA, INTER = _told(lambda row: row.intra), _told(lambda row: row.inter)
CELLS = (
    Cell("organ", lambda row: row.organ),
    *(
        Cell(f"self\n{cell.title}", cell.text, cell.key, "Dice of reviewers with themselves")
        for cell in INTRA
    ),
    *(
        Cell(f"others\n{cell.title}", cell.text, cell.key, "Dice of reviewers with others")
        for cell in INTER
    ),
)


class BlindPanel(QWidget):
    """A round of second looks, and what all of them say."""

    failed = Signal(object)

    def __init__(self, session: Session, model: SecondLook, jobs: Jobs) -> None:
        super().__init__()
        self._session, self.model, self._jobs = session, model, jobs
        self.k, self.organ = QSpinBox(), combo()
        self.begin = primary("Begin")
        self.done, self.skip = QPushButton("Done"), QPushButton("Skip")
        self.stop = QPushButton("Stop")
        self.progress, self.time = QLabel(), QLabel()
        self.about = quiet("Truth, predictions and earlier masks are hidden while you draw.")
        self.table = RowTable(CELLS, "How well reviewers agree, by organ")
        self._beats = 0
        self._soon = Soon(self, self._update)
        self._timer = QTimer(self)
        self._timer.setInterval(_HEARTBEAT)
        self._timer.timeout.connect(self._on_beat)
        self._timer.start()
        self._build()
        self._listen()
        self._on_cohort()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        self.k.setRange(1, 99)
        self.k.setValue(5)
        self.k.setToolTip("How many random cases of each organ, of those a person has reviewed")
        top, buttons = QHBoxLayout(), QHBoxLayout()
        self.k.setAccessibleName("cases of each organ")
        top.addWidget(self.k)
        top.addWidget(QLabel("of"))
        top.addWidget(self.organ, 1)
        top.addWidget(self.begin)
        for button in (self.done, self.skip, self.stop):
            buttons.addWidget(button)
        buttons.addWidget(self.time)
        self.progress.setWordWrap(True)
        self.table.setMinimumHeight(90)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.progress)
        column.addLayout(buttons)
        column.addWidget(self.about)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addLayout(column, 3)
        row.addWidget(self.table, 4)

    def _listen(self) -> None:
        self._session.cohort_opened.connect(self._on_cohort)
        self._session.case_updated.connect(lambda _: self._soon())
        self.model.changed.connect(self._update)
        self.model.finished.connect(self._compare)
        self.organ.currentIndexChanged.connect(self._update)
        self.begin.clicked.connect(self._begin)
        self.done.clicked.connect(self.model.done)
        self.skip.clicked.connect(self.model.skip)
        self.stop.clicked.connect(self._stop)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Compare once somebody looks."""
        super().showEvent(a0)
        self._update()
        self._compare()

    # -- hearing --------------------------------------------------------------------------

    def _on_cohort(self) -> None:
        cohort = self._session.cohort
        cases = [] if cohort is None else cohort.cases.values()
        self.organ.blockSignals(True)
        self.organ.clear()
        self.organ.addItem("every organ", "")
        for organ in dict.fromkeys(case.organ for case in cases):
            self.organ.addItem(organ, organ)
        self.organ.blockSignals(False)
        self.table.put([])
        self._update()
        if self.isVisible():
            self._compare()

    def _organs(self) -> tuple[str, ...]:
        organ = self.organ.currentData()
        return (organ,) if organ else ()

    def _update(self) -> None:
        if not self.isVisible():
            return
        model, active = self.model, self.model.active
        self.begin.setText("Go on" if model.waits else "Begin")
        self.stop.setText("End the round" if model.waits else "Stop")
        why_not = "A look is under way." if active else ""
        if not active and not model.waits:
            why_not = model.why_not(self._organs())
        enable(self.begin, why_not)
        idle = "" if active else "No case is being drawn blind."
        for button in (self.done, self.skip, self.stop):
            enable(button, idle)
        if active:
            self.done.setToolTip("Keep the drawing as a second look, and open the next case")
            self.skip.setToolTip("Leave this case out, and open the next")
            self.stop.setToolTip("Interrupt the round: the drawing waits to be gone on with")
        elif model.waits:
            enable(self.stop)
            self.stop.setToolTip("Go no further with this round; the looks that are done stay")
        self.progress.setText(why_not if why_not and not active else model.progress())
        self._tell_time()

    def _tell_time(self) -> None:
        self.time.setText(clock(self.model.seconds) if self.model.active else "")

    def _on_beat(self) -> None:
        self._beats += 1
        self._tell_time()
        if self._beats % KEEP == 0:
            self.model.keep()

    def _begin(self) -> None:
        if self.model.waits:
            self.model.resume()
        else:
            self.model.begin(self.k.value(), self._organs())

    def _stop(self) -> None:
        if not self.model.waits:
            self.model.stop()
        elif not self.model.in_hand or self._gives_up():
            self.model.end()

    def _gives_up(self) -> bool:
        """Whether the user gives the drawing in hand up: nothing brings it back."""
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText("A drawing of this round is not done: ending the round loses it.")
        keep = box.addButton("Keep it", QMessageBox.ButtonRole.RejectRole)
        lose = box.addButton("End and lose it", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(keep)
        box.exec()
        return box.clickedButton() is lose

    def _compare(self) -> None:
        if self._session.cohort is not None and self._session.store is not None:
            self._jobs.call(compare(self._session), self._show_agreement, self.failed.emit)

    def _show_agreement(self, found: tuple[list[Agreement], list[TrainerError]]) -> None:
        rows, problems = found
        self.table.put(rows)
        for problem in problems[:1]:
            self.failed.emit(problem)
