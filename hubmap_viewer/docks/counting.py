"""Counting under way: how far it is, and a way out."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from hubmap_viewer.counts import CountStep, count
from hubmap_viewer.docks.base import enable, quiet
from hubmap_viewer.jobs import Job, Jobs
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled


class Counting(QWidget):
    """Counts folders of predictions, one work at a time."""

    counted = Signal(list)
    """The CountSteps of all cases."""
    stopped = Signal(object)
    """None after the user's cancel, else the error that ended it."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._found: list[CountStep] = []
        self.job: Job[CountStep] | None = None
        self.bar, self.cancel, self.words = QProgressBar(), QPushButton("Cancel"), quiet()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        self.bar.setMaximumWidth(160)
        self.cancel.clicked.connect(self._cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        layout.addWidget(self.cancel)
        layout.addWidget(self.words, 1)
        self.hide()

    def start(self, cohort: Cohort, *folders: Predictions) -> None:
        """Count, in the background; nothing where a count is under way."""
        if self.job is not None:
            return
        self._found = []
        title = "Counting pixels by probability"
        self.job = self._jobs.start(title, lambda _: count(cohort, *folders))
        self.job.stepped.connect(self._on_step)
        self.job.ended.connect(self._on_end)
        self.bar.setRange(0, 0)
        self.words.setText("Counting the cases, once.")
        enable(self.cancel)
        self.show()

    def _on_step(self, step: CountStep) -> None:
        self._found.append(step)
        self.bar.setRange(0, step.total)
        self.bar.setValue(step.done)
        self.words.setText(f"Counting {step.done} of {step.total} cases, once.")

    def _on_end(self, error: BaseException | None) -> None:
        self.job = None
        self.hide()
        if error is None:
            self.counted.emit(self._found)
        else:
            self.stopped.emit(None if isinstance(error, Cancelled) else error)

    def _cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()
            enable(self.cancel, "It is stopping.")
