"""What a run would gain over the one in force, which cases it loses, and the act itself."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from hubmap_viewer.docks.base import enable, fill, primary, quiet
from hubmap_viewer.docks.row_table import Cell, RowTable
from hubmap_viewer.jobs import Job, Jobs
from hubmap_viewer.promoting import Promoting
from hubmap_viewer.session import Session
from trainer.errors import Cancelled
from trainer.review.compare import ALL, SAME
from trainer.review.promotion import Judged

_BY = f"By {SAME:g} Dice or more"
GAINS = (
    Cell("organ", lambda row: _organ(row.organ)),
    Cell("cases", lambda row: str(row.cases), lambda row: row.cases),
    Cell("gain", lambda row: _signed(row.mean_change), lambda row: row.mean_change, "Mean Dice"),
    Cell(
        "95 % interval",
        lambda row: f"{_signed(row.low)} … {_signed(row.high)}",
        lambda row: row.low,
        "Bootstrap interval of the mean gain",
    ),
    Cell("p", lambda row: f"{row.p:.3f}", lambda row: row.p, "Wilcoxon's signed-rank test"),
    Cell("better", lambda row: str(row.better), lambda row: row.better, _BY),
    Cell("worse", lambda row: str(row.worse), lambda row: row.worse, _BY),
)

ALONE = (
    Cell("organ", lambda row: row.organ),
    Cell("cases", lambda row: str(row.cases), lambda row: row.cases),
    Cell("Dice", lambda row: f"{row.dice:.3f}", lambda row: row.dice, "Mean, out of fold"),
)

WORSE = (
    Cell("case", lambda row: row.case_id),
    Cell("change", lambda row: _signed(row.change), lambda row: row.change),
    Cell("before", lambda row: f"{row.before:.3f}", lambda row: row.before),
    Cell("after", lambda row: f"{row.after:.3f}", lambda row: row.after),
    Cell("organ", lambda row: row.organ),
)


class PromotionPage(QWidget):
    """Compares once a run is considered; nothing takes over by that alone."""

    left = Signal()
    """The user goes back to the board."""
    failed = Signal(object)

    def __init__(self, session: Session, model: Promoting, jobs: Jobs) -> None:
        super().__init__()
        self._session, self.model, self._jobs = session, model, jobs
        self.job: Job[Judged] | None = None
        self.leave, self.promote = QPushButton("← Runs"), primary("Promote")
        self.words, self.count, self.caveat = quiet(), quiet(), quiet()
        self.bar, self.cancel = QProgressBar(), QPushButton("Cancel")
        self.gains = RowTable(GAINS, "Gain of Dice by organ")
        self.worse = RowTable(WORSE, "Cases that got worse, the worst first")
        self._build()
        self.leave.clicked.connect(self._leave)
        self.cancel.clicked.connect(self._leave)
        self.promote.clicked.connect(model.promote)
        self.worse.picked.connect(lambda row: session.want(row.case_id))
        model.changed.connect(self._show)
        self._show()

    def _build(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.leave)
        top.addWidget(self.words, 1)
        top.addWidget(self.promote)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        self._waiting = QWidget()
        waiting = QHBoxLayout(self._waiting)
        waiting.setContentsMargins(0, 0, 0, 0)
        waiting.addWidget(self.bar, 1)
        waiting.addWidget(self.cancel)
        self._tables = QWidget()
        tables = QHBoxLayout(self._tables)
        tables.setContentsMargins(0, 0, 0, 0)
        tables.setSpacing(10)
        tables.addWidget(self.gains, 4)
        self._losses = QWidget()
        losses = QVBoxLayout(self._losses)
        losses.setContentsMargins(0, 0, 0, 0)
        losses.setSpacing(2)
        losses.addWidget(self.count)
        losses.addWidget(self.worse, 1)
        tables.addWidget(self._losses, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self._waiting)
        column.addWidget(self._tables, 1)
        column.addWidget(self.caveat)
        column.addStretch(0)

    def start(self) -> None:
        """Compare the run that is considered."""
        job = self.job = self._jobs.start("Comparing runs", self.model.comparing())
        job.stepped.connect(lambda step: self._on_step(job, step))
        job.ended.connect(lambda error: self._on_end(job, error))
        fill(self.bar, None)

    def stop(self) -> None:
        """Nobody waits for the comparison any more."""
        job, self.job = self.job, None
        if job is not None:
            job.cancel()

    def _leave(self) -> None:
        self.stop()
        self.model.leave()
        self.left.emit()

    def _on_step(self, job: Job[Judged], step: Judged) -> None:
        if job is self.job:
            fill(self.bar, step.done / step.total)
            self.model.put(step)

    def _on_end(self, job: Job[Judged], error: BaseException | None) -> None:
        if job is not self.job:
            return
        self.job = None
        if error is not None:
            if not isinstance(error, Cancelled):
                self.failed.emit(error)
            self._leave()

    def _show(self) -> None:
        model = self.model
        found = model.candidate
        ready = found is not None
        compared = ready and found.comparison is not None
        self.words.setText(model.words)
        self._waiting.setVisible(not ready)
        self._tables.setVisible(ready)
        self.caveat.setVisible(compared)
        name = "" if model.row is None else model.row.name
        self.promote.setText(f"Put {name} in force")
        enable(self.promote, "" if ready else "It is still being compared.")
        if not ready:
            return
        if compared:
            self.gains.put(model.gains, GAINS)
        else:
            self.gains.put(model.alone, ALONE)
        self._losses.setVisible(compared)
        self.count.setText(model.count)
        self.worse.put(model.worse)
        self.worse.setVisible(bool(model.worse))
        self.caveat.setText("" if found.comparison is None else found.comparison.caveat)


def _organ(organ: str) -> str:
    return "all organs" if organ == ALL else organ


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")
