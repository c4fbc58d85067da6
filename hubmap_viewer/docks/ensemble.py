"""The ensemble dock: which networks, where, on which cases; progress, and a way out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QRadioButton,
)

from hubmap_viewer import library
from hubmap_viewer.docks.base import Dock, combo, enable, fill, form, heading, primary, quiet
from hubmap_viewer.docks.ensemble_dialog import EnsembleDialog
from hubmap_viewer.docks.settings_tree import SettingsTree
from hubmap_viewer.docks.soon import Soon
from hubmap_viewer.engine import Engine
from hubmap_viewer.ensemble_file import said, to_write, write_all
from hubmap_viewer.ensemble_lines import lines
from hubmap_viewer.jobs import Job, Jobs
from hubmap_viewer.predicting import Predicting
from hubmap_viewer.session import Session
from trainer.errors import TrainerError
from trainer.predict.messages import Reply
from trainer.settings import Ensemble, read_ensemble

HINT = "Predict: let an ensemble of networks draw every case's mask, in the background."

KEEP = (
    "The open case is then mixed anew as each member arrives, and in the Members dock\n"
    "weights are tried without a network. Some 0.1 MB a member and case."
)


class EnsembleDock(Dock):
    """Runs an ensemble over cases and picks which predictions are shown."""

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        engine: Engine,
        predicting: Predicting,
        open_cohort: Callable[[Path], None],
        show_predictions: Callable[[Path], None],
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
        self._engine = engine
        self._predicting = predicting
        self._was_running = False
        # a tab that is shown only to be covered by the next one is not seen
        self._find_devices = Soon(self, self._look_for_devices)
        self._show_predictions = show_predictions
        self._picked: list[library.Entry] = []
        self.ensembles, self.device = combo(), combo()
        self.summary, self.device_note, self.state = quiet(), quiet(), quiet()
        self.run = primary("Predict")
        self.run.setObjectName("predict")
        self.cancel = QPushButton("Cancel")
        self.bar = QProgressBar()
        self.keep = QCheckBox("Keep each member's probabilities")
        self.keep.setChecked(True)
        self.keep.setToolTip(KEEP)
        self.said = SettingsTree()
        self.edit = QPushButton("Edit…")
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
        fields.addRow("", self.keep)
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
        self.body.addSpacing(12)
        above = QHBoxLayout()
        above.addWidget(heading("What the ensemble says"), 1)
        above.addWidget(self.edit)
        self.body.addLayout(above)
        self.body.addWidget(self.said, 1)
        enable(self.cancel, "Nothing is running.")

    def _build_scope(self) -> QHBoxLayout:
        self.scope = QButtonGroup(self)
        column = QHBoxLayout()
        for number, text in enumerate(("this case", "selected", "all")):
            button = QRadioButton(text)
            self.scope.addButton(button, number)
            column.addWidget(button)
            button.setChecked(True)
        column.addStretch(1)
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
        self.cancel.clicked.connect(self._predicting.cancel)
        self.edit.clicked.connect(self._edit)
        self._predicting.changed.connect(self._show_progress)
        self._predicting.ended.connect(self.refresh)

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
            self.choose(Path(name))

    def choose(self, path: Path) -> None:
        """Have this file be the ensemble; it is in the list from now on."""
        self.refresh()
        if self._place(path) < 0:
            self._picked.insert(0, library.Entry(path.stem, path))
            self.refresh()
        self.ensembles.setCurrentIndex(self._place(path))
        self._update()

    def _place(self, path: Path) -> int:
        """Of a file in the list, -1 of another: Qt's own search knows the very object alone."""
        there = [self.ensembles.itemData(place) for place in range(self.ensembles.count())]
        return there.index(path) if path in there else -1

    def _edit(self) -> None:
        cohort, path = self.session.cohort, self.ensembles.currentData()
        if cohort is None or path is None:
            return
        try:
            file = to_write(cohort.folder, path)
            dialog = EnsembleDialog(self, file, said(file), partial(write_all, file))
        except TrainerError as error:
            self.notice.tell(str(error), wrong=True)
            return
        dialog.accepted.connect(lambda: self.choose(file.path))
        dialog.open()

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
        self.said.put(() if ensemble is None else lines(ensemble))
        self.run.setText(f"Predict {count} case{'' if count == 1 else 's'}")
        why = ""
        if self.job is not None:
            why = "A prediction is running."
        elif ensemble is None:
            why = "Choose an ensemble first."
        elif count == 0:
            why = "No case is chosen."
        enable(self.run, why)
        enable(self.edit, "" if self.ensembles.currentData() else "Choose an ensemble first.")

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

    @property
    def job(self) -> Job[Reply] | None:
        """The prediction that is running, whoever asked for it."""
        return self._predicting.job

    def _start(self) -> None:
        if self._read() is None:
            return
        self.notice.hide()
        shown = self.session.predictions
        self._predicting.start(
            self.ensembles.currentData(),
            self.cases(),
            device=self.device.currentData(),
            keep_members=self.keep.isChecked(),
            members_from=None if shown is None else shown.folder,
        )

    def _show_progress(self) -> None:
        work = self._predicting
        fill(self.bar, work.share)
        self.state.setText(work.words)
        if work.problem:
            self.notice.tell(work.problem, wrong=work.is_wrong)
        running = self.job is not None
        why = "It is stopping." if work.cancelling else ""
        enable(self.cancel, why if running else "Nothing is running.")
        if running != self._was_running:
            self._was_running = running
            self._update()


def summarise(ensemble: Ensemble) -> str:
    """An ensemble in one line: members and views."""
    members = len(ensemble.members)
    return f"{members} member{'' if members == 1 else 's'} · views: {', '.join(ensemble.tta)}"
