"""The export dock: masks for other tools, and the hand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton

from hubmap_viewer.docks.base import Dock, combo, enable, form, primary, quiet
from hubmap_viewer.jobs import Job, Jobs
from hubmap_viewer.session import Session
from trainer.data.case import Case, Mask
from trainer.errors import Cancelled
from trainer.export import FILES, FORMATS, WHATS, Format, Selection, write

HINT = "Export: corrected masks as images, as RLE CSV for the hand-in, or for other tools."

_WORDS: dict[Format, str] = {
    "rle": "RLE CSV (hand-in: id,rle)",
    "tiff": "TIFF masks (0 and 1)",
    "png": "PNG masks (black and white)",
    "ome-tiff": "OME-TIFF masks with pixel size",
    "geojson": "GeoJSON (QuPath)",
    "coco": "COCO JSON",
}


@dataclass(frozen=True, slots=True)
class ExportStep:
    """One mask was handed over."""

    done: int
    total: int


class ExportDock(Dock):
    """Writes the masks of a cohort to a file or a folder."""

    def __init__(self, session: Session, jobs: Jobs, open_cohort: Callable[[Path], None]) -> None:
        super().__init__(session, open_cohort, HINT)
        self._jobs = jobs
        self.what, self.format, self.place = combo(), combo(), QLineEdit()
        self.note, self.state = quiet(), quiet()
        self.run = primary("Export")
        self.run.setObjectName("export")
        self.job: Job[ExportStep] | None = None
        self._build()
        self._listen()
        self._on_cohort()

    def _build(self) -> None:
        for what in ("curated", *(what for what in WHATS if what != "curated")):
            self.what.addItem(f"{what} masks", what)
        for fmt in FORMATS:
            self.format.addItem(_WORDS[fmt], fmt)
        choose = QPushButton("Choose…")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.addWidget(self.place, 1)
        row.addWidget(choose)
        fields = form()
        fields.addRow("What", self.what)
        fields.addRow("", self.note)
        fields.addRow("Format", self.format)
        fields.addRow("To", row)
        self.body.addLayout(fields)
        self.body.addWidget(self.run)
        self.body.addWidget(self.state)
        self.body.addStretch(1)

    def _listen(self) -> None:
        self.session.cohort_opened.connect(self._on_cohort)
        self.session.saved.connect(lambda _: self._update())
        self.session.predictions_changed.connect(self._update)
        self.session.prediction_changed.connect(self._update)
        self.what.currentIndexChanged.connect(self._suggest)
        self.format.currentIndexChanged.connect(self._suggest)
        self.place.textChanged.connect(self._update)
        self.run.clicked.connect(self._start)

    def _on_cohort(self) -> None:
        if self.session.cohort is not None:
            self._suggest()

    def _suggest(self) -> None:
        cohort = self.session.cohort
        if cohort is None:
            return
        what, fmt = self.what.currentData(), self.format.currentData()
        name = {"rle": f"{what}.csv", "coco": f"{what}.json"}.get(fmt, f"{what}-{fmt}")
        self.place.setText(str(cohort.folder / "exports" / name))
        self._update()

    def _selection(self) -> Selection | None:
        session = self.session
        if session.cohort is None:
            return None
        return Selection(
            session.cohort, self.what.currentData(), session.store, session.predictions
        )

    def _count(self) -> int:
        """How many cases have such a mask, as the session knows: the store is not asked."""
        session, what = self.session, self.what.currentData()
        assert session.cohort is not None
        if what == "truth":
            return sum(case.has_truth for case in session.cohort.cases.values())
        if what == "curated":
            return len(session.reviews)
        return 0 if session.predictions is None else len(session.predictions.ids())

    def _update(self) -> None:
        if self.session.cohort is None:
            return
        count, total = self._count(), len(self.session.cohort.cases)
        self.note.setText(f"{count} of {total} cases have one.")
        self.run.setText(f"Export {count} mask{'' if count == 1 else 's'}")
        why = ""
        if self.job is not None:
            why = "An export is running."
        elif count == 0:
            why = f"There is no {self.what.currentData()} mask yet."
        elif not self.place.text().strip():
            why = "Say where to."
        enable(self.run, why)

    def _choose(self) -> None:
        if self.format.currentData() in FILES:
            name, _ = QFileDialog.getSaveFileName(self, "Export to", self.place.text())
        else:
            name = QFileDialog.getExistingDirectory(self, "Export to", self.place.text())
        if name:
            self.place.setText(name)

    def _start(self) -> None:
        selection = self._selection()
        if selection is None:
            return
        if not self.session.flush():
            self.notice.tell("The last edits could not be saved yet; try again.", wrong=True)
            return
        fmt, path = self.format.currentData(), Path(self.place.text().strip())
        total = self._count()

        def steps(cancelled: Callable[[], bool]) -> Iterator[ExportStep]:
            def checked() -> Iterator[tuple[Case, Mask]]:
                for item in selection.masks():
                    if cancelled():
                        raise Cancelled
                    yield item

            yield ExportStep(0, total)
            path.parent.mkdir(parents=True, exist_ok=True)
            yield ExportStep(write(checked(), fmt, path), total)

        def on_end(error: BaseException | None) -> None:
            self._on_end(error, selection, path)

        self.notice.hide()
        self.state.setText("Writing …")
        self.job = self._jobs.start(f"Exporting {total} masks", steps)
        self.job.ended.connect(on_end)
        self._update()

    def _on_end(self, error: BaseException | None, selection: Selection, path: Path) -> None:
        done = 0 if self.job is None else self.job.done
        self.job = None
        if error is None:
            self.state.clear()
            self.notice.tell(f"Wrote {done} masks to {path}")
        else:
            self.state.setText("Nothing was written.")
            self.notice.tell(str(error), wrong=True)
            self.session.told.emit(error)
        for problem in selection.problems:
            self.session.told.emit(problem)
        self._update()
