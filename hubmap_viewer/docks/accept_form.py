"""The rule of a bulk acceptance, what it would take, and the button that takes it."""

from __future__ import annotations

from functools import partial

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer.audit import BulkAccept, Preview, Weighed, meaning
from hubmap_viewer.docks.base import combo, enable, primary, quiet
from hubmap_viewer.docks.soon import Soon
from hubmap_viewer.jobs import Job, Jobs
from hubmap_viewer.session import Session
from trainer.errors import Cancelled
from trainer.review.acceptance import Rule
from trainer.review.bulk import Step

TRIED = " Masks are made at the ensemble's own thresholds, not at those tried in What if."


class AcceptForm(QWidget):
    """Which predictions are good enough, what that takes, and the taking."""

    accepted = Signal(bool)
    """A batch has been accepted: True if wholly, so that its sample is drawn."""
    failed = Signal(object)

    def __init__(self, session: Session, model: BulkAccept, jobs: Jobs) -> None:
        super().__init__()
        self._session, self.model, self._jobs = session, model, jobs
        self.job: Job[Step] | None = None
        self._weighing: Job[Weighed] | None = None
        self._stale = True
        self.organ = combo()
        self.confidence, self.disagreement = _share(0.01, 1.0), _share(0.005, 0.5)
        self.tolerance, self.sample = _percent(), _count()
        self.counts, self.meaning, self.state = QLabel(), quiet(), quiet()
        self.run, self.cancel = primary("Accept predictions"), QPushButton("Cancel")
        self.bar = QProgressBar()
        self._soon = Soon(self, self._update)
        self._build()
        self._listen()
        self._on_cohort()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.setRange(0, 1000)
        self.bar.hide()
        self.cancel.hide()
        self.state.hide()
        self.counts.setWordWrap(True)
        self.run.setMinimumWidth(220)
        act = QHBoxLayout()
        act.setSpacing(10)
        act.addWidget(self.run)
        act.addWidget(self.cancel)
        act.addWidget(self.counts, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._build_fields())
        column.addLayout(act)
        column.addWidget(self.bar)
        for words in (self.state, self.meaning):
            column.addWidget(words)
        column.addStretch(1)

    def _build_fields(self) -> QGridLayout:
        """One line: what is good enough, and what is to be checked of it."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        sure, spread = "The Dice that the ensemble expects of itself", "The members' spread"
        tolerated = "Share of an organ's accepted masks that may be wrong"
        sample = "How many of each organ a person then checks; more allow for a wrong one"
        fields = (
            ("organ", self.organ, "Cases of which organ"),
            ("confidence ≥", self.confidence, sure),
            ("disagreement ≤", self.disagreement, spread),
            ("may be wrong", self.tolerance, tolerated),
            ("check of each", self.sample, sample),
        )
        for column, (name, field, tip) in enumerate(fields):
            label = quiet(name)
            label.setWordWrap(False)
            label.setBuddy(field)
            label.setToolTip(tip)
            field.setToolTip(tip)
            field.setAccessibleName(name)
            grid.addWidget(label, 0, column)
            grid.addWidget(field, 1, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _listen(self) -> None:
        session = self._session
        session.cohort_opened.connect(self._on_cohort)
        session.predictions_changed.connect(self._reweigh)
        self.model.changed.connect(lambda: self._soon())
        session.thresholds_changed.connect(lambda: self._soon())
        self.organ.currentIndexChanged.connect(self._on_rule)
        self.confidence.valueChanged.connect(self._on_rule)
        self.disagreement.valueChanged.connect(self._on_rule)
        self.tolerance.valueChanged.connect(self._on_sample)
        self.sample.valueChanged.connect(self._on_sample)
        self.run.clicked.connect(self._start)
        self.cancel.clicked.connect(self._cancel)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Read the predictions once somebody looks."""
        super().showEvent(a0)
        self._soon()
        if self._stale:
            self._weigh()

    # -- the rule -------------------------------------------------------------------------

    def _on_cohort(self) -> None:
        rule = self.model.rule
        self.organ.blockSignals(True)
        self.organ.clear()
        self.organ.addItem("every organ", "")
        for organ in self.model.organs():
            self.organ.addItem(organ, organ)
        self.organ.blockSignals(False)
        self.model.set_rule(Rule((), rule.min_confidence, rule.max_disagreement))
        for field, value in (
            (self.confidence, rule.min_confidence),
            (self.disagreement, rule.max_disagreement),
            (self.tolerance, 100 * self.model.tolerance),
        ):
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)
        self._reweigh()

    def _on_rule(self) -> None:
        organ = self.organ.currentData()
        organs = (organ,) if organ else ()
        self.model.set_rule(Rule(organs, self.confidence.value(), self.disagreement.value()))

    def _on_sample(self) -> None:
        self.model.set_sample(self.tolerance.value() / 100, self.sample.value() or None)

    def _reweigh(self) -> None:
        if self._weighing is not None:
            self._weighing.cancel()
            self._weighing = None
        self.model.forget()
        self._stale = True
        if self.isVisible():
            self._weigh()

    def _weigh(self) -> None:
        if self._session.predictions is None or self._session.cohort is None:
            return
        self._stale = False
        job = self._jobs.start("Reading predictions", self.model.weigh())
        self._weighing = job
        job.stepped.connect(lambda step: self._weighing is job and self.model.put_weighed(step))
        job.ended.connect(partial(self._on_weighed, job))
        self._soon()

    def _on_weighed(self, job: Job[Weighed], error: BaseException | None) -> None:
        if self._weighing is not job:
            return
        self._weighing = None
        if error is not None and not isinstance(error, Cancelled):
            self.failed.emit(error)

    # -- what it means --------------------------------------------------------------------

    def _update(self) -> None:
        preview = self.model.preview()
        why_not = "It is accepting." if self.job is not None else self.model.why_not(preview)
        enable(self.run, why_not)
        self.run.setText(_result(preview))
        self.counts.setText(self._told(preview, why_not))
        tried = TRIED if self._session.thresholds else ""
        self.meaning.setText(f"{meaning(preview, self.model.tolerance)}{tried}")

    def _told(self, preview: Preview, why_not: str) -> str:
        organs = [candidate.organ for candidate in preview.found]
        taken = ", ".join(f"{organ} {organs.count(organ)}" for organ in sorted(set(organs)))
        out = ", ".join(f"{why} {count}" for why, count in sorted(preview.left_out.items()))
        if not taken:
            taken = why_not.rstrip(".") or "Nothing more to accept"
        return f"{taken}; left out: {out}" if out else taken

    # -- accepting ------------------------------------------------------------------------

    def _start(self) -> None:
        self._problems = self._done = 0
        self.job = self._jobs.start("Accepting predictions", self.model.accept())
        self.job.stepped.connect(self._on_step)
        self.job.ended.connect(self._on_end)
        self.bar.setValue(0)
        self.bar.show()
        self.cancel.show()
        enable(self.cancel)
        self._say("Accepting …")
        self._update()

    def _say(self, words: str) -> None:
        self.state.setText(words)
        self.state.show()

    def _cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()
            self._say("Stopping …")
            enable(self.cancel, "It is stopping.")

    def _on_step(self, step: Step) -> None:
        self.bar.setValue(round(1000 * step.done / step.total))
        self._done += step.revision is not None
        if step.error is not None:
            self._problems += 1
            self._session.told.emit(step.error)

    def _on_end(self, error: BaseException | None) -> None:
        self.job = None
        self.bar.hide()
        self.cancel.hide()
        failed = f"; {self._problems} could not be read" if self._problems else ""
        done = f"{self._done} accepted{failed}"
        if error is None:
            self._say(f"{done}. The sample is drawn: check it next.")
        elif isinstance(error, Cancelled):
            self._say(f"Stopped: {done}. The same rule goes on with it.")
        else:
            self._say(f"Stopped by a problem: {done}.")
            self.failed.emit(error)
        self._session.reread_reviews()
        self.accepted.emit(error is None)
        self._update()


def _result(preview: Preview) -> str:
    count = len(preview.found)
    if count == 0 and preview.batch is not None and preview.accepted:
        return f"Draw the sample of batch {preview.batch.id}"
    more = " more" if preview.batch is not None and preview.accepted else ""
    return f"Accept {count}{more} prediction{'' if count == 1 else 's'}"


def _share(step: float, most: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(3)
    box.setRange(0.0, most)
    box.setSingleStep(step)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    return box


def _percent() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(1)
    box.setRange(0.5, 50)
    box.setSuffix(" %")
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    return box


def _count() -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, 9999)
    box.setSpecialValueText("the fewest")
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    return box
