"""The what-if dock: thresholds tried on the whole cohort, without touching an image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer import ensemble_file
from hubmap_viewer.counts import CountStep, first_of
from hubmap_viewer.docks.base import Dock, enable, primary, quiet
from hubmap_viewer.docks.counting import Counting
from hubmap_viewer.docks.organ_slider import COLUMNS, OrganSlider, verdict
from hubmap_viewer.docks.threshold_curve import ThresholdCurve
from hubmap_viewer.ensemble_file import EnsembleFile
from hubmap_viewer.jobs import Jobs
from hubmap_viewer.session import Session
from hubmap_viewer.what_if import WhatIf
from trainer.data.predictions import Predictions
from trainer.errors import TrainerError

HINT = "What if: try thresholds for each organ and see all cases follow."

SETTLED = 400
"""Milliseconds without a move after which what was tried is kept."""


class WhatIfDock(Dock):
    """Thresholds tried on the whole cohort, without touching an image."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
        self.model = WhatIf(session)
        self.counting = Counting(jobs)
        self.sliders: dict[str, OrganSlider] = {}
        self.curve = ThresholdCurve()
        self.state = quiet()
        self.all_best, self.reset = QPushButton("Best for every organ"), QPushButton("Reset")
        self.count = QPushButton("Count the cases")
        self.apply = primary("Write thresholds")
        self._at: str | None = None
        self._moves: dict[str, float] = {}
        self._file: EnsembleFile | None = None
        self._searched: Path | None = None
        self._stopped: Path | None = None
        self._lacks = False
        self._drawing, self._settling = QTimer(self), QTimer(self)
        self._build()
        self._listen()
        self._show()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(7)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        for column, title in enumerate(COLUMNS):
            label = quiet(title)
            label.setWordWrap(False)
            label.setSizePolicy(label.sizePolicy().Policy.Minimum, label.sizePolicy().Policy.Fixed)
            if column > 3:
                label.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(label, 0, column)
        left = QVBoxLayout()
        left.addLayout(self._grid)
        left.addStretch(1)
        columns = QHBoxLayout()
        columns.setSpacing(14)
        columns.addLayout(left, 3)
        columns.addWidget(self.curve, 1)
        self._table = QWidget()
        self._table.setLayout(columns)
        columns.setContentsMargins(0, 0, 0, 0)
        self.body.addLayout(self._build_head())
        self.body.addWidget(self._table, 1)

    def _build_head(self) -> QHBoxLayout:
        self._drawing.setSingleShot(True)
        self._settling.setSingleShot(True)
        head = QHBoxLayout()
        for widget in (self.all_best, self.reset, self.counting, self.count):
            head.addWidget(widget)
        head.addWidget(self.state, 1)
        head.addWidget(self.apply)
        return head

    def _listen(self) -> None:
        self.model.changed.connect(self._show)
        self.session.cohort_opened.connect(self._renew)
        self.session.predictions_changed.connect(self._renew)
        # a prediction may have come: looked for once things have settled
        self.session.case_updated.connect(lambda _: self._settling.start(SETTLED))
        self._drawing.timeout.connect(self._draw)
        self._settling.timeout.connect(self._settled)
        self.session.leaving.connect(self.model.keep)
        self.all_best.clicked.connect(lambda: self.model.move_to_best(self.model.organs))
        self.reset.clicked.connect(self.model.reset)
        self.counting.counted.connect(self._on_counted)
        self.counting.stopped.connect(self._on_stopped)
        self.count.clicked.connect(self._count)
        self.apply.clicked.connect(self._apply)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Count when it is first to be seen: that reads every case once."""
        super().showEvent(a0)
        self._renew()

    # -- counting -------------------------------------------------------------------------

    def _renew(self) -> None:
        """Count what is new, if anybody looks or something is being tried."""
        self._look_for_file()
        self._lacks = self.model.needs_counting
        wanted = self.isVisible() or bool(self.session.thresholds)
        if wanted and self._lacks and self._stopped != self._folder:
            self._count()
        self._show()

    def _settled(self) -> None:
        self.model.keep()
        self._renew()

    def _count(self) -> None:
        cohort, predictions = self.session.cohort, self.session.predictions
        self._stopped = None
        if cohort is not None and predictions is not None:
            self.counting.start(cohort, predictions)
        self._show()

    def _on_counted(self, steps: list[CountStep]) -> None:
        for folder in {step.folder for step in steps}:
            self.model.put(folder, (step.found for step in steps))
        if problem := first_of(self.model.problems):
            self.notice.tell(problem, wrong=True)
        self._renew()

    def _on_stopped(self, error: BaseException | None) -> None:
        self._stopped = self._folder
        if error is not None:
            self._fail(error)
        self._renew()

    @property
    def _folder(self) -> Path | None:
        shown = self.session.predictions
        return None if shown is None else shown.folder

    # -- trying ---------------------------------------------------------------------------

    def _move(self, organ: str, threshold: float) -> None:
        """Only the newest value is drawn, once the events that wait have been heard."""
        self._moves[organ] = threshold
        self._at = organ
        self._drawing.start(0)

    def _draw(self) -> None:
        moves, self._moves = self._moves, {}
        self.model.move(moves)
        self._settling.start(SETTLED)

    def _best(self, organ: str) -> None:
        self._at = organ
        self.model.move_to_best([organ])
        self._settling.start(SETTLED)

    def _look_at(self, organ: str) -> None:
        self._at = organ
        self._show_curve()

    # -- showing --------------------------------------------------------------------------

    def _show(self) -> None:
        rows = self.model.rows()
        organs = [row.organ for row in rows]
        if organs != list(self.sliders):
            self._make_sliders(organs)
        for row in rows:
            if row.organ not in self._moves:
                self.sliders[row.organ].show_row(row, self.model.best.get(row.organ))
        for widget in (self._table, self.all_best, self.reset):
            widget.setVisible(bool(rows))
        self.count.setVisible(self._lacks and self.counting.job is None)
        self.state.setText(self._words_of_state())
        enable(self.reset, "" if self.session.thresholds else "Nothing is being tried.")
        self._show_curve()
        self._show_apply()
        self._mark()

    def _make_sliders(self, organs: list[str]) -> None:
        for slider in self.sliders.values():
            slider.close()
        self.sliders = {
            organ: OrganSlider(organ, self._grid, row) for row, organ in enumerate(organs, start=1)
        }
        for slider in self.sliders.values():
            slider.moved.connect(self._move)
            slider.best_wanted.connect(self._best)
            slider.looked_at.connect(self._look_at)
        self._at = organs[0] if organs else None

    def _words_of_state(self) -> str:
        if self.session.predictions is None:
            return "No predictions are shown: predict cases first, in the Ensemble dock."
        if self.counting.job is not None:
            return ""
        if not self.sliders:
            if self._lacks:
                return "Not counted yet."
            return "No case has both a truth and a prediction: there is nothing to measure."
        seen = self.model.seen_in_training
        told = f"{seen} case{'s' if seen > 1 else ''} seen in training left out. " if seen else ""
        best = self.model.best.get(self._at or "")
        words = told if best is None else f"{told}{best.organ}: {verdict(best)}"
        return f"{words} {self.model.caveat}".strip()

    def _show_curve(self) -> None:
        organ = self._at
        if organ is None or organ not in self.sliders:
            return
        now = self.session.threshold_for(organ)
        self.curve.show_curve(organ, self.model.curve(organ), self.model.own(organ), now)
        self.state.setText(self._words_of_state())

    def _mark(self) -> None:
        """Say in the tab what is tried and not applied."""
        holder: QWidget | None = self
        while holder is not None and not isinstance(holder, QDockWidget):
            holder = holder.parentWidget()
        if holder is not None:
            name = holder.windowTitle().removesuffix(" ●")
            holder.setWindowTitle(f"{name} ●" if self.model.unapplied else name)

    # -- applying -------------------------------------------------------------------------

    def _look_for_file(self) -> None:
        cohort, predictions = self.session.cohort, self.session.predictions
        if self._folder == self._searched:
            return
        self._searched, self._file = self._folder, None
        if cohort is not None and predictions is not None:
            self._jobs.call(
                partial(ensemble_file.find, cohort.folder, predictions),
                partial(self._found_file, predictions.folder),
                self._fail,
            )

    def _found_file(self, folder: Path, file: EnsembleFile | None) -> None:
        if folder == self._searched:
            self._file = file
            self._show_apply()

    def _show_apply(self) -> None:
        tried = len(self.model.unapplied)
        what = f"{tried} threshold{'' if tried == 1 else 's'}" if tried else "thresholds"
        self.apply.setText(f"Write {what} to {'a file …' if not self._file else self._file.name}")
        enable(self.apply, "" if tried else "No threshold differs from the ensemble's own.")
        if tried and self._file is not None:
            self.apply.setToolTip(str(self._file.path))

    def _apply(self) -> None:
        predictions, tried = self.session.predictions, self.model.unapplied
        try:
            file = self._file or self._choose(predictions)
            if file is None or predictions is None:
                return
            after = ensemble_file.write(file, predictions, tried)
        except TrainerError as error:
            self._fail(error)
            return
        self._file = EnsembleFile(file.path, file.path)
        self.model.applied(after)
        told = ", ".join(f"{organ} {value:.2f}" for organ, value in tried.items())
        self.notice.tell(f"{file.path} now says {told}; these predictions follow it.")

    def _fail(self, error: BaseException) -> None:
        self.notice.tell(str(error), wrong=True)

    def _choose(self, predictions: Predictions | None) -> EnsembleFile | None:
        """The user shows the file, as it is none of the cohort's."""
        cohort = self.session.cohort
        if cohort is None or predictions is None:
            return None
        name, _ = QFileDialog.getOpenFileName(
            self, "The ensemble that made these predictions", str(cohort.folder), "*.yaml"
        )
        return ensemble_file.chosen(cohort.folder, predictions, Path(name)) if name else None
