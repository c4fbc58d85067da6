"""The train dock: a training of its own process, watched and stopped from here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QProcess, QProcessEnvironment, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
)

from hubmap_viewer import library
from hubmap_viewer.docks.base import Dock, combo, enable, form, primary, quiet
from hubmap_viewer.docks.curves import Curves
from hubmap_viewer.docks.preview_panel import PreviewPanel
from hubmap_viewer.recipe_preview import RecipePreview
from hubmap_viewer.session import Session

HINT = "Train: learn from truth and from the masks you accepted, and compare old with new."


class TrainDock(Dock):
    """Starts `hubmap-trainer train`, shows its curves live, and can stop it."""

    trained = Signal(object)
    """The Path of a run that has finished."""

    def __init__(
        self, session: Session, preview: RecipePreview, open_cohort: Callable[[Path], None]
    ) -> None:
        super().__init__(session, open_cohort, HINT)
        self.recipes, self.name = combo(), QLineEdit()
        self.curated = QCheckBox("use accepted curated masks")
        self.labels, self.state = quiet(), quiet()
        self.run = primary("Train")
        self.run.setObjectName("train")
        self.stop = QPushButton("Stop")
        self.curves = Curves()
        self.preview = PreviewPanel(preview, self._choice)
        self.process: QProcess | None = None
        self._out: Path | None = None
        self._stopping = False
        self._build()
        self._listen()
        self.refresh()

    def _build(self) -> None:
        self.curated.setChecked(True)
        row = QHBoxLayout()
        row.addWidget(self.recipes, 1)
        row.addWidget(self.preview.begin)
        fields = form()
        fields.addRow("Recipe", row)
        fields.addRow("Run's name", self.name)
        fields.addRow("Labels", self.curated)
        fields.addRow("", self.labels)
        self.body.addLayout(fields)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.stop)
        self.body.addLayout(buttons)
        self.body.addWidget(self.state)
        self.body.addWidget(self.curves)
        self.body.addWidget(self.preview)
        self.body.addStretch(1)
        self.curves.hide()
        enable(self.stop, "Nothing is running.")
        # pictures as high as they are wide: a bar that comes and goes would resize them for ever
        page = self.pages.widget(1)
        assert isinstance(page, QScrollArea)
        page.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)

    def _listen(self) -> None:
        self.session.cohort_opened.connect(self.refresh)
        self.session.case_updated.connect(lambda _: self._update())
        self.name.textChanged.connect(self._update)
        self.curated.toggled.connect(self._update)
        self.run.clicked.connect(self._start)
        self.stop.clicked.connect(self._stop)
        self.preview.begin.clicked.connect(lambda: self.notice.hide())
        self.preview.failed.connect(lambda problem: self.notice.tell(problem, wrong=True))

    def refresh(self) -> None:
        """Read anew what recipes there are."""
        cohort = self.session.cohort
        if cohort is None:
            return
        before = self.recipes.currentText() or "quick"
        self.recipes.clear()
        for entry in library.recipes(cohort.folder):
            self.recipes.addItem(entry.name, entry.path)
        self.recipes.setCurrentText(before)
        self.name.setText(f"{datetime.now():%Y-%m-%d-%H%M}")
        self._update()

    def _update(self) -> None:
        cohort = self.session.cohort
        if cohort is None:
            return
        sound = [case for case in cohort.cases.values() if not case.problem]
        accepted = {case.id for case in sound if self.session.status(case.id) == "accepted"}
        use = accepted if self.curated.isChecked() else set[str]()
        labelled = {case.id for case in sound if case.has_truth} | use
        self.labels.setText(f"{len(labelled)} cases with a label, {len(use)} of them curated")
        self.run.setText(f"Train on {len(labelled)} cases")
        why = ""
        if self.process is not None:
            why = "A training is running."
        elif not labelled:
            why = "No case has a truth or an accepted mask."
        elif not self.name.text().strip():
            why = "Give the run a name."
        elif _is_finished(self._run_folder()):
            why = f"There is a finished run named {self.name.text()} already."
        elif self._run_folder().exists():
            self.run.setText(f"Go on with run {self.name.text()}")
        enable(self.run, why)

    def _choice(self) -> tuple[Path, bool]:
        """The recipe, and whether accepted masks are learned."""
        return self.recipes.currentData(), self.curated.isChecked()

    def _run_folder(self) -> Path:
        assert self.session.cohort is not None
        return self.session.cohort.folder / "runs" / self.name.text().strip()

    def _start(self) -> None:
        cohort = self.session.cohort
        if cohort is None:
            return
        self.notice.hide()
        if not self.session.flush():
            self.notice.tell("The last edits could not be saved yet; try again.", wrong=True)
            return
        self._out, self._stopping = self._run_folder(), False
        recipe: Path = self.recipes.currentData()
        arguments = ["-m", "trainer.cli", "train", str(cohort.folder)]
        arguments += ["--recipe", str(recipe), "--out", str(self._out)]
        arguments += ["--curated"] if self.curated.isChecked() else []
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        process.setProcessEnvironment(environment)
        process.readyReadStandardError.connect(self._on_words)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_not_started)
        self.process, self._said = process, ""
        process.start(sys.executable, arguments)
        self.curves.show()
        self.curves.follow(self._out)
        self.state.setText("Starting …")
        enable(self.stop)
        self._update()

    def _stop(self) -> None:
        if self.process is not None:
            self._stopping = True
            self.state.setText("Stopping; the folds that are finished stay usable …")
            self.process.terminate()
            enable(self.stop, "It is stopping.")

    def _on_words(self) -> None:
        if self.process is None:
            return
        text = bytes(self.process.readAllStandardError().data()).decode("utf-8", "replace")
        self._said = (self._said + text)[-20_000:]
        lines = [line.strip() for line in self._said.replace("\r", "\n").split("\n")]
        last = next((line for line in reversed(lines) if line), "")
        if last and not self._stopping:
            self.state.setText(last)

    def _on_not_started(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._on_finished(-1)

    def _on_finished(self, code: int, _status: object = None) -> None:
        out, stopped = self._out, self._stopping
        self._on_words()
        self.process = None
        self.curves.stop()
        enable(self.stop, "Nothing is running.")
        assert out is not None
        if _is_finished(out):
            self.state.setText(f"Run {out.name} is finished.")
            self.notice.tell(f"Run {out.name} is finished: its predictions are now shown.")
            self.trained.emit(out)
        elif stopped:
            self.state.setText("Stopped.")
        else:
            lines = [line for line in self._said.splitlines() if line.strip()]
            self.notice.tell(lines[-1] if lines else f"it ended with status {code}", wrong=True)
            self.state.setText("The training failed.")
        self._update()

    def close_process(self) -> None:
        """Stop the training, as when the window closes."""
        if self.process is not None:
            self.process.terminate()
            self.process.waitForFinished(5000)


def _is_finished(run: Path) -> bool:
    """Whether a run is whole; a training may still have had something to tell of a case."""
    return (run / "report.csv").is_file()
