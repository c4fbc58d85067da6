"""The button that writes the cohort's report."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QPushButton

from hubmap_viewer.jobs import Job, Jobs
from hubmap_viewer.report_job import ReportStep, report_steps
from hubmap_viewer.session import Session
from trainer.errors import Cancelled


class ReportButton(QPushButton):
    """Asks where to, writes the page beside the window, and stops when it is clicked again."""

    told = Signal(str, bool)
    """A sentence for the user, and whether something went wrong."""

    def __init__(self, session: Session, jobs: Jobs) -> None:
        super().__init__("Report…")
        self.setToolTip("Write one HTML page with these tables, plots and the worst cases")
        self._session = session
        self._jobs = jobs
        self.job: Job[ReportStep] | None = None
        self.clicked.connect(self._on_click)

    def _on_click(self) -> None:
        if self.job is not None:
            self.job.cancel()
            return
        cohort = self._session.cohort
        if cohort is None:
            return
        suggested = str(cohort.folder / "report.html")
        place, _ = QFileDialog.getSaveFileName(self, "Write the report", suggested, "HTML (*.html)")
        if place:
            self.write(Path(place))

    def write(self, out: Path) -> None:
        """Write the page here, in the background."""
        self.setText("Stop the report")
        self.job = self._jobs.start("Writing the report", report_steps(self._session.sources, out))
        self.job.ended.connect(partial(self._on_ended, out))

    def _on_ended(self, out: Path, error: BaseException | None) -> None:
        self.job = None
        self.setText("Report…")
        if error is None:
            self.told.emit(f"Wrote {out}", False)
        elif not isinstance(error, Cancelled):
            self.told.emit(str(error), True)
