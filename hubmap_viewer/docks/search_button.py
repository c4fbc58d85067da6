"""A button that begins a long search, how far it is, and the way out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import Signal
from qtpy.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from hubmap_viewer.docks.base import enable, primary, quiet
from hubmap_viewer.jobs import Job, Jobs, Steps
from trainer.errors import Cancelled


class SearchButton(QWidget):
    """One search at a time.

    Parameters
    ----------
    title
        Of the work, in napari's progress area.
    begin
        Gives the work.

    Attributes
    ----------
    state
        How things stand, in words; to be placed where there is room for them.
    """

    stepped = Signal(object)
    ended = Signal()
    """It came to its end by itself."""
    failed = Signal(object)

    def __init__(self, jobs: Jobs, title: str, begin: Callable[[], Steps[Any]]) -> None:
        super().__init__()
        self._jobs, self._title, self._begin = jobs, title, begin
        self.job: Job[Any] | None = None
        self.run, self.cancel, self.state = primary(title), QPushButton("Cancel"), quiet()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setMaximumHeight(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for part in (self.run, self.bar, self.cancel):
            column.addWidget(part)
        column.addStretch(1)
        self.bar.hide()
        self.cancel.hide()
        self.run.clicked.connect(self._start)
        self.cancel.clicked.connect(self.stop)

    def offer(self, name: str, why_not: str, state: str) -> None:
        """Say what the button would do, why it cannot, and how things stand."""
        self.run.setText(name)
        enable(self.run, "It is under way." if self.job is not None else why_not)
        if self.job is None:
            self.state.setText(state)

    def stop(self) -> None:
        """Ask the search to stop."""
        if self.job is not None:
            self.job.cancel()
            enable(self.cancel, "It is stopping.")
            self.state.setText("Stopping …")

    def _start(self) -> None:
        job = self.job = self._jobs.start(self._title, self._begin())
        job.stepped.connect(self._on_step)
        job.ended.connect(self._on_end)
        self.bar.setValue(0)
        self.bar.show()
        self.cancel.show()
        enable(self.cancel)
        enable(self.run, "It is under way.")
        self.state.setText("Reading …")

    def _on_step(self, step: Any) -> None:
        self.bar.setValue(round(1000 * step.done / max(1, step.total)))
        if self.job is not None and not self.job.cancelling:
            self.state.setText(f"{step.done} of {step.total}")
        self.stepped.emit(step)

    def _on_end(self, error: BaseException | None) -> None:
        self.job = None
        self.bar.hide()
        self.cancel.hide()
        if error is not None and not isinstance(error, Cancelled):
            self.failed.emit(error)
        self.ended.emit()
