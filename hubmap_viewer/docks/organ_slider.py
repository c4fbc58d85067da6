"""One organ's threshold: a slider, its number, its best, and what it does to Dice."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from hubmap_viewer.docks.base import enable
from hubmap_viewer.what_if import HIGHEST, LOWEST, OrganRow, advised
from trainer.review.histograms import Average
from trainer.review.thresholds import Best

COLUMNS = ("organ", "threshold", "", "", "cases", "mean Dice", "median Dice", "gain")
STEPS = 100
"""Of a slider, from 0 to 1."""


class OrganSlider(QObject):
    """A row of a grid.

    Parameters
    ----------
    grid, row
        Where to put its widgets.
    """

    moved = Signal(str, float)
    """The organ and the threshold that the user gave it."""
    best_wanted = Signal(str)
    looked_at = Signal(str)
    """The organ whose controls have the focus or are under the mouse."""

    def __init__(self, organ: str, grid: QGridLayout, row: int) -> None:
        super().__init__()
        self.organ = organ
        self.name = QLabel(organ)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(LOWEST * STEPS), round(HIGHEST * STEPS))
        self.slider.setPageStep(5)
        self.slider.setMinimumWidth(44)
        self.number = QDoubleSpinBox()
        self.number.setRange(LOWEST, HIGHEST)
        self.number.setSingleStep(1 / STEPS)
        self.number.setDecimals(2)
        self.number.setKeyboardTracking(False)
        self.best = QPushButton()
        self.cases, self.mean, self.median, self.gain = (_number() for _ in range(4))
        for column, widget in enumerate(self._widgets()):
            grid.addWidget(widget, row, column)
            widget.installEventFilter(self)
        for widget in (self.slider, self.number, self.best):
            widget.setAccessibleName(f"threshold of {organ}")
        self.slider.valueChanged.connect(self._on_slider)
        self.number.valueChanged.connect(lambda value: self.moved.emit(organ, round(value, 2)))
        self.best.clicked.connect(lambda: self.best_wanted.emit(organ))

    def show_row(self, row: OrganRow, best: Best | None) -> None:
        """Show an organ's numbers; its slider does not fight the hand that moves it."""
        for widget, value in (
            (self.slider, round(row.threshold * STEPS)),
            (self.number, row.threshold),
        ):
            widget.blockSignals(True)
            widget.setValue(value)  # type: ignore[arg-type]
            widget.blockSignals(False)
        tried = row.threshold != row.own
        self.name.setText(f"{row.organ} ●" if tried else row.organ)
        self.name.setToolTip(
            f"Not applied: the ensemble's own threshold is {row.own:.2f}." if tried else ""
        )
        self.cases.setText(str(row.cases))
        self.mean.setText(_arrow(row.before, row.now, "mean"))
        self.median.setText(_arrow(row.before, row.now, "median"))
        self.gain.setText("–" if row.gain is None else _signed(row.gain))
        self._show_best(best)

    def close(self) -> None:
        """Take the row's widgets away."""
        for widget in self._widgets():
            widget.deleteLater()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Tell which organ the user is at."""
        if a1 is not None and a1.type() in (QEvent.Type.FocusIn, QEvent.Type.Enter):
            self.looked_at.emit(self.organ)
        return False

    def _widgets(self) -> tuple[QWidget, ...]:
        controls = (self.name, self.slider, self.number, self.best)
        return (*controls, self.cases, self.mean, self.median, self.gain)

    def _on_slider(self, value: int) -> None:
        self.number.blockSignals(True)
        self.number.setValue(value / STEPS)
        self.number.blockSignals(False)
        self.moved.emit(self.organ, value / STEPS)

    def _show_best(self, best: Best | None) -> None:
        if best is None:
            self.best.setText("Best")
            enable(self.best, f"No case of {self.organ} counts.")
            return
        enable(self.best)
        word = "Keep" if best.within_noise else "Best"
        self.best.setText(f"{word} {advised(best):.2f}")
        self.best.setToolTip(advice(best))


def advice(best: Best) -> str:
    """What an organ's best threshold is worth, in words."""
    gain, stays = _signed(best.cross_validated_gain), f"{best.reference:.2f} stays"
    folds = "the run's own folds" if best.of_run else "folds drawn at random"
    held = (
        f"{gain} Dice over {best.reference:.2f} on cases held out"
        f" (± {best.spread:.3f} between {best.folds} folds, {folds}; {best.cases} cases)"
    )
    if best.folds < 2:
        return f"Too few cases to hold any out ({best.cases}): {stays}."
    if best.within_noise:
        return f"The best, {best.threshold:.2f}, gains {held}: within noise, so {stays}."
    return f"Best {best.threshold:.2f}: {held}."


def verdict(best: Best) -> str:
    """The same in a line."""
    stays = f"{best.reference:.2f} stays"
    if best.folds < 2:
        return f"{best.cases} case{'' if best.cases == 1 else 's'}: too few, {stays}."
    gain = _signed(best.cross_validated_gain)
    held = f"{gain} ± {best.spread:.3f} held out, {best.folds} folds"
    if best.within_noise:
        return f"best {best.threshold:.2f} is within noise ({held}): {stays}."
    return f"best {best.threshold:.2f} ({held})."


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _number() -> QLabel:
    label = QLabel()
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
    return label


def _arrow(before: Average | None, now: Average | None, which: str) -> str:
    if before is None or now is None:
        return "–"
    return " → ".join(f"{getattr(each, which):.3f}".removeprefix("0") for each in (before, now))
