"""What the whole case's mask is made of: threshold, holes, small and touching units."""

from __future__ import annotations

from dataclasses import replace

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QWidget,
)

from hubmap_viewer.docks.base import enable, primary
from hubmap_viewer.session import Session
from hubmap_viewer.whole_case import WholeCase

_STEPS = 100


class WholePanel(QWidget):
    """One row: what is changed here is outlined on the canvas at once, and kept by a button."""

    closed = Signal()

    def __init__(self, session: Session, whole: WholeCase) -> None:
        super().__init__()
        self._session = session
        self._whole = whole
        self.threshold, self.number = QSlider(Qt.Orientation.Horizontal), QLabel()
        self.least = QDoubleSpinBox()
        self.fill, self.split = QCheckBox("Fill holes"), QCheckBox("Split touching")
        self.keep, self.cancel = primary("Keep"), QPushButton("Cancel")
        self._build()
        whole.changed.connect(self._show)
        session.prediction_changed.connect(self._show)

    def _build(self) -> None:
        self.threshold.setRange(1, _STEPS - 1)
        self.threshold.setMinimumWidth(120)
        self.threshold.setAccessibleName("threshold")
        self.least.setRange(0, 1e6)
        self.least.setDecimals(0)
        self.least.setSingleStep(100)
        self.least.setKeyboardTracking(False)
        self.least.setToolTip("Smaller units go")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (QLabel("Threshold"), self.threshold, self.number):
            row.addWidget(widget, 1 if widget is self.threshold else 0)
        row.addWidget(QLabel("at least"))
        for widget in (self.least, self.fill, self.split, self.keep, self.cancel):
            row.addWidget(widget)
        self.threshold.valueChanged.connect(self._look)
        self.least.valueChanged.connect(self._look)
        self.fill.toggled.connect(self._look)
        self.split.toggled.connect(self._look)
        self.keep.clicked.connect(self._keep)
        self.cancel.clicked.connect(self.closed.emit)

    def showEvent(self, a0: object) -> None:  # noqa: N802
        """What is set is looked at from the start."""
        super().showEvent(a0)  # type: ignore[arg-type]
        self._show()
        self._look()

    def hideEvent(self, a0: object) -> None:  # noqa: N802
        """Nothing is looked at unless its settings are in sight."""
        super().hideEvent(a0)  # type: ignore[arg-type]
        self._whole.stop()

    def _keep(self) -> None:
        self._whole.keep()
        self.closed.emit()

    def _look(self) -> None:
        if not self.isVisible():
            return
        self._whole.look(
            replace(
                self._whole.settings,
                threshold=self.threshold.value() / _STEPS,
                min_area=self.least.value(),
                fill_holes=self.fill.isChecked(),
                split=self.split.isChecked(),
            )
        )

    def _show(self) -> None:
        here, settings = self._session.open, self._whole.settings
        if here is None:
            return
        fields = (self.threshold, self.least, self.fill, self.split)
        for field in fields:
            field.blockSignals(True)
        self.threshold.setValue(round(settings.threshold * _STEPS))
        self.least.setValue(settings.min_area)
        self.fill.setChecked(settings.fill_holes)
        self.split.setChecked(settings.split)
        for field in fields:
            field.blockSignals(False)
        self.number.setText(f"{settings.threshold:.2f}")
        self.least.setSuffix(" µm²" if here.loaded.case.pixel_size else " px")
        enable(self.keep, "Predict this case first." if here.predicted is None else "")
