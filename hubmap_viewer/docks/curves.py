"""A training's curves as they grow, read from the run's files."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtCore import QTimer

from hubmap_viewer import colours

_BACKGROUND = "#262930"
_INK = "#d0d4da"


class Curves(FigureCanvasQTAgg):
    """Loss and validation Dice of each fold against minutes of training."""

    def __init__(self) -> None:
        figure = Figure(figsize=(3.2, 2.4), facecolor=_BACKGROUND, layout="constrained")
        super().__init__(figure)
        self._loss, self._dice = figure.subplots(2, 1, sharex=True)
        self._run: Path | None = None
        self._seen: dict[Path, int] = {}
        self.points = 0
        self.setFixedHeight(300)
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.refresh)
        self._draw({})

    def follow(self, run: Path) -> None:
        """Draw the curves of this run, anew each second while they grow."""
        self._run, self._seen = run, {}
        self._timer.start()
        self.refresh()

    def stop(self) -> None:
        """Read once more, then no further."""
        self._timer.stop()
        self.refresh()

    def refresh(self) -> None:
        """Draw again if a fold has a new point."""
        if self._run is None:
            return
        files = sorted(self._run.glob("fold*/curves.csv"))
        sizes = {path: path.stat().st_size for path in files}
        if sizes != self._seen:
            self._seen = sizes
            self._draw({path.parent.name: _read(path) for path in files})

    def _draw(self, folds: dict[str, list[dict[str, float]]]) -> None:
        for axes, label in ((self._loss, "loss"), (self._dice, "Dice")):
            axes.clear()
            axes.set_facecolor(_BACKGROUND)
            axes.set_ylabel(label, color=_INK, fontsize=8)
            axes.tick_params(colors=_INK, labelsize=7)
            for spine in axes.spines.values():
                spine.set_color("#5a5f68")
        self._dice.set_xlabel("minutes", color=_INK, fontsize=8)
        self._dice.set_ylim(0, 1)
        palette = (colours.CURATED, colours.PREDICTION, colours.TRUTH, colours.SECOND, "#F0E442")
        for number, (name, rows) in enumerate(folds.items()):
            colour = palette[number % len(palette)]
            minutes = [row["seconds"] / 60 for row in rows]
            style = {"color": colour, "linewidth": 1.2, "marker": ".", "markersize": 3}
            self._loss.plot(minutes, [row["train_loss"] for row in rows], label=name, **style)
            self._dice.plot(minutes, [row["val_dice"] for row in rows], **style)
        if folds:
            self._loss.legend(
                fontsize=7, labelcolor=_INK, frameon=False, ncols=3, loc="upper right"
            )
        self.points = sum(len(rows) for rows in folds.values())
        self.draw_idle()


def _read(path: Path) -> list[dict[str, float]]:
    """Rows of a curves file; a last line still being written is left for the next time."""
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    complete = [row for row in rows if all(value not in (None, "") for value in row.values())]
    return [{key: float(value) for key, value in row.items()} for row in complete]
