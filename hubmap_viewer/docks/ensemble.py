"""The ensemble dock: which networks, where, on which cases; progress, and a way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from psygnal import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
)

from hubmap_viewer import library
from hubmap_viewer.docks.base import Dock, clock, combo, enable, form, heading, primary, quiet
from hubmap_viewer.docks.soon import Soon
from hubmap_viewer.engine import Engine
from hubmap_viewer.jobs import Job, Jobs
from hubmap_viewer.session import Session
from trainer.errors import Cancelled, TrainerError
from trainer.predict.messages import Reply, Request
from trainer.settings import Ensemble, read_ensemble

HINT = "Predict: let an ensemble of networks draw every case's mask, in the background."


class EnsembleDock(Dock):
    """Runs an ensemble over cases and picks which predictions are shown."""

    predicted = Signal(str)
    """The id of a case whose prediction has just been kept in the shown folder."""

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        engine: Engine,
        open_cohort: Callable[[Path], None],
        show_predictions: Callable[[Path], None],
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
        self._engine = engine
        # a tab that is shown only to be covered by the next one is not seen
        self._find_devices = Soon(self, self._look_for_devices)
        self._show_predictions = show_predictions
        self._picked: list[library.Entry] = []
        self.job: Job[Reply] | None = None
        self.ensembles, self.device = combo(), combo()
        self.summary, self.device_note, self.state = quiet(), quiet(), quiet()
        self.run = primary("Predict")
        self.run.setObjectName("predict")
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.shown = combo()
        self._build()
        self._listen()
        self.refresh()

    # -- building -------------------------------------------------------------------------

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.ensembles, 1)
        browse = QPushButton("Browse…")
        browse.clicked.connect(self._browse)
        row.addWidget(browse)
        fields = form()
        fields.addRow("Ensemble", row)
        fields.addRow("", self.summary)
        fields.addRow("Device", self.device)
        fields.addRow("", self.device_note)
        fields.addRow("Cases", self._build_scope())
        self.body.addLayout(fields)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.cancel)
        self.body.addLayout(buttons)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        self.bar.setRange(0, 1000)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.state)
        self.body.addSpacing(12)
        self.body.addWidget(heading("Predictions on the canvas"))
        self.body.addWidget(self.shown)
        self.body.addStretch(1)
        enable(self.cancel, "Nothing is running.")

    def _build_scope(self) -> QVBoxLayout:
        self.scope = QButtonGroup(self)
        column = QVBoxLayout()
        for number, text in enumerate(("this case", "selected cases", "all cases")):
            button = QRadioButton(text)
            self.scope.addButton(button, number)
            column.addWidget(button)
            button.setChecked(True)
        return column

    def _listen(self) -> None:
        self.session.cohort_opened.connect(self.refresh)
        # it reads a file: not while the next case waits to be drawn
        soon = Soon(self, self._update)
        self.session.case_opened.connect(lambda: soon())
        self.session.selection_changed.connect(lambda: soon())
        self.session.predictions_changed.connect(self._list_predictions)
        self.ensembles.currentIndexChanged.connect(self._update)
        self.scope.idToggled.connect(lambda *_: self._update())
        self.shown.activated.connect(self._on_shown)
        self.run.clicked.connect(self._start)
        self.cancel.clicked.connect(self._cancel)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Look for devices when they are first to be seen: it costs seconds of a process."""
        super().showEvent(a0)
        self._update()
        self._find_devices()

    def _look_for_devices(self) -> None:
        if self.device.count() == 0:
            self.device.addItem("looking for devices …", None)
            self._jobs.call(self._engine.devices, self._list_devices, self._on_no_devices)

    # -- choices --------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read anew what there is on disk; keep the choice where it is still there."""
        cohort = self.session.cohort
        if cohort is None:
            return
        before = self.ensembles.currentData()
        entries = [*self._picked, *library.ensembles(cohort.folder)]
        self.ensembles.blockSignals(True)
        self.ensembles.clear()
        for entry in entries:
            self.ensembles.addItem(entry.name, entry.path)
            self.ensembles.setItemData(self.ensembles.count() - 1, str(entry.path), 3)
        position = self.ensembles.findData(before)
        self.ensembles.setCurrentIndex(max(position, 0) if entries else -1)
        self.ensembles.blockSignals(False)
        self._list_predictions()
        self._update()

    def _list_devices(self, devices: dict[str, str]) -> None:
        self.device.clear()
        for name, description in devices.items():
            self.device.addItem(description, name)
        missing = [kind for kind in ("CUDA", "MPS") if not any(kind.lower() in d for d in devices)]
        self.device_note.setText(
            f"No {' or '.join(missing)} device was found." if len(devices) == 1 else ""
        )

    def _on_no_devices(self, error: BaseException) -> None:
        self.device.clear()
        self.notice.tell(str(error), wrong=True)

    def _list_predictions(self) -> None:
        cohort = self.session.cohort
        if cohort is None:
            return
        shown = None if self.session.predictions is None else self.session.predictions.folder
        self.shown.clear()
        for entry in library.predictions(cohort.folder):
            self.shown.addItem(entry.name, entry.path)
            if entry.path == shown:
                self.shown.setCurrentIndex(self.shown.count() - 1)
        if self.shown.count() == 0:
            self.shown.addItem("none kept yet", None)
        self.shown.setEnabled(self.shown.itemData(0) is not None)

    def _on_shown(self, index: int) -> None:
        folder = self.shown.itemData(index)
        if folder is not None:
            self._show_predictions(folder)

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose an ensemble", "", "Ensemble (*.yaml *.yml)"
        )
        if name:
            self._picked.insert(0, library.Entry(Path(name).stem, Path(name)))
            self.refresh()
            self.ensembles.setCurrentIndex(0)

    def cases(self) -> tuple[str, ...]:
        """Ids of the cases that the user has chosen to predict."""
        session = self.session
        if session.cohort is None:
            return ()
        chosen = {
            0: () if session.wanted is None else (session.wanted,),
            1: session.selected,
            2: tuple(session.cohort.cases),
        }[self.scope.checkedId()]
        return tuple(case_id for case_id in chosen if not session.cohort.cases[case_id].problem)

    def _update(self) -> None:
        ensemble = self._read()
        count = len(self.cases())
        self.summary.setText("" if ensemble is None else summarise(ensemble))
        self.run.setText(f"Predict {count} case{'' if count == 1 else 's'}")
        why = ""
        if self.job is not None:
            why = "A prediction is running."
        elif ensemble is None:
            why = "Choose an ensemble first."
        elif count == 0:
            why = "No case is chosen."
        enable(self.run, why)

    def _read(self) -> Ensemble | None:
        path = self.ensembles.currentData()
        if path is None:
            return None
        try:
            ensemble = read_ensemble(path)
        except TrainerError as error:
            self.notice.tell(str(error), wrong=True)
            return None
        return ensemble

    # -- running --------------------------------------------------------------------------

    def _start(self) -> None:
        ensemble, cohort = self._read(), self.session.cohort
        if ensemble is None or cohort is None:
            return
        path: Path = self.ensembles.currentData()
        ids, device = self.cases(), self.device.currentData()
        self.notice.hide()
        self._problems = 0
        self._folder: Path | None = None

        request = Request(
            want="predict", cohort=cohort.csv, ensemble=path, cases=ids, device=device
        )

        def steps(cancelled: Callable[[], bool]) -> Iterator[Reply]:
            return self._engine.predict(request, cancelled)

        self.job = self._jobs.start(f"Predicting {len(ids)} cases", steps)
        self.job.stepped.connect(self._on_step)
        self.job.ended.connect(self._on_end)
        self.bar.setRange(0, 0)
        self.state.setText("Loading the networks …")
        enable(self.cancel)
        self._update()

    def _cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()
            self.state.setText("Stopping …")
            enable(self.cancel, "It is stopping.")

    def _on_step(self, step: Reply) -> None:
        if step.folder is not None:
            self._folder = step.folder
            return
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * step.done / step.total))
        if self.job is not None and not self.job.cancelling:
            self.state.setText(
                f"Case {step.case_id} · {int(step.done)} of {step.total} done · "
                f"{clock(step.seconds_left)} left"
            )
        if step.problem:
            self._problems += 1
            self.session.told.emit(TrainerError(step.problem.rstrip(".")))
        if step.notice:
            self.notice.tell(step.notice)
        if step.kept:
            self._on_case_done(step.case_id)

    def _on_case_done(self, case_id: str) -> None:
        if self._folder is not None and not self._is_shown(self._folder):
            self._show_predictions(self._folder)
        else:
            self.predicted.emit(case_id)

    def _is_shown(self, folder: Path) -> bool:
        return self.session.predictions is not None and self.session.predictions.folder == folder

    def _on_end(self, error: BaseException | None) -> None:
        done = 0 if self.job is None else int(self.job.done)
        total = 0 if self.job is None else self.job.total
        self.job = None
        enable(self.cancel, "Nothing is running.")
        self.bar.setRange(0, 1000)
        self.bar.setValue(1000 if error is None else 0)
        if error is None:
            failed = f", {self._problems} could not be read" if self._problems else ""
            self.state.setText(f"Done: {total} case{'' if total == 1 else 's'}{failed}.")
        elif isinstance(error, Cancelled):
            self.state.setText(f"Cancelled: {done} of {total} cases are kept.")
        else:
            self.state.setText("Stopped by a problem.")
            self.notice.tell(str(error), wrong=True)
            self.session.told.emit(error)
        self.refresh()


def summarise(ensemble: Ensemble) -> str:
    """An ensemble in one line: members, views, thresholds."""
    members = len(ensemble.members)
    thresholds = ", ".join(f"{organ} {value:.2f}" for organ, value in ensemble.thresholds.items())
    return (
        f"{members} member{'' if members == 1 else 's'} · views: {', '.join(ensemble.tta)} · "
        f"threshold {ensemble.threshold:.2f}" + (f" ({thresholds})" if thresholds else "")
    )
