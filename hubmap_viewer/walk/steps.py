"""The loop, step by step; each method says in a few words what came of it."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
from napari.viewer import Viewer
from qtpy.QtCore import Qt, QTimer

from hubmap_viewer.columns import COLUMNS, PREDICTION
from hubmap_viewer.docks.compare import CompareDock
from hubmap_viewer.docks.ensemble import EnsembleDock
from hubmap_viewer.docks.export import ExportDock
from hubmap_viewer.docks.failures import FailuresDock
from hubmap_viewer.docks.review import ReviewDock
from hubmap_viewer.docks.train import TrainDock
from hubmap_viewer.docks.what_if import WhatIfDock
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.plugin import desk_for, open_cohort
from hubmap_viewer.walk.hand import Hand, Position, StepError
from trainer.data import rle, tiff
from trainer.data.case import Mask
from trainer.data.exchange import rle_csv

RECIPE = "demo-walk"
RUN = "walk"
_CONTROL = Qt.KeyboardModifier.ControlModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_SLOW = 420
"""Seconds that prediction and training may take."""
_STROKES = 5


class Loop:
    """What a reviewer does, from opening a cohort to comparing two ensembles.

    Parameters
    ----------
    cohort
        A folder that may be written to.
    out
        Where exports go.
    """

    def __init__(self, viewer: Viewer, hand: Hand, cohort: Path, out: Path) -> None:
        self.viewer = viewer
        self.hand = hand
        self.cohort = cohort
        self.out = out
        self.desk = desk_for(viewer)
        self.session = self.desk.session
        self._before_stroke = np.zeros((0, 0), np.uint8)

    @property
    def here(self) -> OpenCase:
        assert self.session.open is not None
        return self.session.open

    def open(self) -> str:
        """Open the cohort and see its first case."""
        open_cohort(self.viewer, self.cohort)
        self.hand.until(lambda: self.session.open, "the first case")
        self.hand.dismiss_notifications()
        self.hand.picture("opened")
        return f"{len(self.session.queue)} cases, the first is {self.here.id}"

    def predict(self) -> str:
        """Predict every case in the background, and feel how live the window stays."""
        dock = self.hand.dock(EnsembleDock)
        self.hand.until(lambda: dock.device.currentData(), "the list of devices", 120)
        self.hand.click(dock.scope.button(2))
        self.hand.click(dock.run)
        gaps = _Gaps()
        half = len(dock.cases()) / 2
        self.hand.until(
            lambda: dock.job is None or dock.job.done >= half, "half of the predictions", _SLOW
        )
        gap = gaps.percentile(99)
        self.hand.picture("predicting")
        gaps.forget_the_last()
        self.hand.until(lambda: dock.job is None, "all predictions", _SLOW)
        said = dock.state.text()
        if not said.startswith("Done"):
            raise StepError(dock.notice.text or said)
        self._until_scored()
        self.hand.picture("predicted")
        return f"{said} Event loop: 99 of 100 gaps under {gap:.0f} ms"

    def look(self) -> str:
        """Open the case where prediction and truth agree least."""
        dock = self.hand.dock(ReviewDock)
        table = dock.queue_view.table
        self.hand.sort_by(table, COLUMNS.index(PREDICTION))
        worst = self.session.queue[0]
        self.hand.open_row(table, 0)
        self._until_open(worst)
        self.hand.picture("worst-case")
        return (
            f"case {worst}, {self.here.loaded.case.organ}: Dice {self.here.scores.prediction:.3f}"
        )

    def take(self) -> str:
        """Start the curated mask from the prediction."""
        self.hand.press(Qt.Key.Key_Y)
        predicted = self.here.predicted
        assert predicted is not None
        self._until_curated(predicted.mask, "the prediction to become the curated mask")
        self.hand.picture("started-from-prediction")
        return self._dice()

    def paint(self) -> str:
        """Paint over what the prediction missed most; each stroke is saved by itself."""
        self.hand.press(Qt.Key.Key_P)
        saved: list[float] = []
        self.session.saved.connect(lambda _: saved.append(time.monotonic()))
        released = 0.0
        for _ in range(_STROKES):
            self._before_stroke = self.here.curated.copy()
            released = self.hand.stroke(_over_missed(self.here))
            if np.array_equal(self._before_stroke, self.here.curated):
                raise StepError("a stroke changed nothing")
        self.hand.until(lambda: saved and saved[-1] > released, "the last stroke to be saved")
        self.hand.picture("painted")
        wait = saved[-1] - released
        return f"{_STROKES} strokes, {self._dice()}; saved {wait:.1f} s after the last"

    def undo(self) -> str:
        """Take the last stroke back, and make it again."""
        painted = self.here.curated.copy()
        self.hand.press(Qt.Key.Key_Z, _CONTROL)
        self._until_curated(self._before_stroke, "the stroke to be undone")
        self.hand.picture("undone")
        self.hand.press(Qt.Key.Key_Z, _CONTROL, _SHIFT)
        self._until_curated(painted, "the stroke to be made again")
        return "and made again"

    def accept(self) -> str:
        """Accept the case; accept the next one as it was predicted."""
        first = self.here.id
        self.hand.press(Qt.Key.Key_A)
        self._until_accepted(first)
        self.hand.press(Qt.Key.Key_Right, _CONTROL)
        second = self.session.queue[self.session.queue.index(first) + 1]
        self._until_open(second)
        self.hand.press(Qt.Key.Key_Y)
        self.hand.press(Qt.Key.Key_A)
        self._until_accepted(second)
        self.hand.picture("accepted")
        return f"cases {first} and {second}"

    def find(self) -> str:
        """Go to what the case loses most by, one finding after the other."""
        findings = self.desk.review.findings
        self.hand.until(lambda: findings.all, "the findings of the case")
        self.hand.press(Qt.Key.Key_J)
        self.hand.press(Qt.Key.Key_J)
        found = findings.here
        if found is None or findings.at != 1:
            raise StepError("the key did not go to the second finding")
        self.hand.dock(FailuresDock)
        self.hand.picture("review")
        return f"{len(findings.all)} findings; the second is {found.kind}, −{found.loss:.3f} Dice"

    def attempt(self) -> str:
        """Try the best threshold of every organ on all cases, and take it back."""
        dock = self.hand.dock(WhatIfDock)
        self.hand.until(lambda: dock.sliders, "the sliders", 60)
        self._until_scored()
        self.hand.click(dock.all_best)
        self.hand.until(lambda: self.session.thresholds, "the thresholds to be tried")
        tried = ", ".join(f"{organ} {value:g}" for organ, value in self.session.thresholds.items())
        self.hand.picture("what-if")
        self.hand.click(dock.reset)
        self.hand.until(lambda: not self.session.thresholds, "the thresholds to be the own again")
        return f"tried {tried}"

    def export(self) -> str:
        """Write the curated masks as tiffs and as RLE CSV, and read both back."""
        masks, csv = self.out / "masks", self.out / "curated.csv"
        self._export("TIFF", masks)
        self._export("RLE", csv)
        self.hand.picture("exported")
        store = self.session.store
        assert store is not None
        texts = rle_csv.read(csv)
        kept = store.latest_all()
        for case_id, revision in kept.items():
            mask = store.mask(revision)
            height, width = mask.shape
            if not np.array_equal(mask, tiff.read_mask(masks / f"{case_id}.tiff")):
                raise StepError(f"the tiff of case {case_id} is not its mask")
            if not np.array_equal(mask, rle.decode(texts[case_id], (height, width))):
                raise StepError(f"the RLE of case {case_id} does not read back to its mask")
        return f"{len(kept)} masks as tiff and as RLE, both read back to the same pixels"

    def train(self) -> str:
        """Train on truth and accepted masks, in a process of its own."""
        dock = self.hand.dock(TrainDock)
        self.hand.choose(dock.recipes, RECIPE)
        self.hand.write(dock.name, RUN)
        self.hand.click(dock.run)
        self.hand.until(
            lambda: dock.process is None or dock.curves.points >= 6, "the curves to grow", _SLOW
        )
        self.hand.picture("training")
        self.hand.until(lambda: dock.process is None, "the training to end", _SLOW)
        run = self.cohort / "runs" / RUN
        if not (run / "report.csv").is_file():
            raise StepError(dock.notice.text or dock.state.text())
        self.hand.picture("trained")
        return f"{dock.labels.text()} → {run.relative_to(self.out)}"

    def compare(self) -> str:
        """See both ensembles' Dice side by side in the case table, regressions first."""
        self.hand.dock(ReviewDock)
        self._until_scored()
        both = [s for s in self.session.scores.values() if s.second is not None]
        if not any(scores.prediction is not None for scores in both):
            raise StepError("the table does not show old and new side by side")
        dock = self.hand.dock(CompareDock)
        self.hand.until(lambda: dock.model.compared is not None, "both to be compared", 120)
        self.hand.picture("old-and-new")
        return f"{len(both)} cases have both"

    # -- parts of steps -------------------------------------------------------------------

    def _export(self, fmt: str, path: Path) -> None:
        dock = self.hand.dock(ExportDock)
        self.hand.choose(dock.format, fmt)
        self.hand.write(dock.place, str(path))
        self.hand.click(dock.run)
        self.hand.until(lambda: dock.job is None, f"the export to {path.name}")
        if not dock.notice.text.startswith("Wrote"):
            raise StepError(dock.notice.text)

    def _dice(self) -> str:
        curated = self.here.scores.curated
        return "no truth" if curated is None else f"Dice of curated {curated:.3f}"

    def _until_open(self, case_id: str) -> None:
        here = self.session
        self.hand.until(lambda: here.open and here.open.id == case_id, f"case {case_id}")

    def _until_curated(self, mask: Mask, what: str) -> None:
        self.hand.until(lambda: np.array_equal(self.here.curated, mask), what)

    def _until_accepted(self, case_id: str) -> None:
        reviews = self.session.reviews
        self.hand.until(
            lambda: case_id in reviews and reviews[case_id].status == "accepted",
            f"case {case_id} to be kept as accepted",
        )

    def _until_scored(self) -> None:
        self.hand.until(lambda: not self.desk.jobs.running, "the comparison with truth", 120)


class _Gaps:
    """How long the window's event loop leaves a timer of 10 ms waiting."""

    def __init__(self) -> None:
        self._ticks: list[float] = []
        self._gaps: list[float] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(lambda: self._ticks.append(time.perf_counter()))
        self._timer.start(10)

    def forget_the_last(self) -> None:
        """Do not count the gap that taking a picture has just made."""
        self._gaps += list(np.diff(self._ticks))
        self._ticks.clear()

    def percentile(self, share: float) -> float:
        """Of the gaps until now, in ms; the timer stops."""
        self._timer.stop()
        self.forget_the_last()
        return float(np.percentile(self._gaps, share) * 1000)


def _over_missed(here: OpenCase) -> list[Position]:
    """A way from left to right through the largest part of truth that is not curated."""
    truth = here.loaded.truth
    missed = np.zeros_like(here.curated) if truth is None else truth & (1 - here.curated)
    if not missed.any():
        missed = 1 - here.curated
    _, labels, stats, _ = cv2.connectedComponentsWithStats(missed)
    rows, columns = np.nonzero(labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    every = np.unique(columns)
    picked = every[:: max(1, len(every) // 12)]
    return [(float(np.median(rows[columns == column])), float(column)) for column in picked]
